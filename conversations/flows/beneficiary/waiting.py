"""Waiting for a place: joining a list, seeing where one waits, leaving at any time."""

from typing import Any

from conversations.care import offers
from conversations.care.appointments import Appointment, Need
from conversations.care.centres import Centre
from conversations.care.hours import VisitKind
from conversations.care.offers import WaitingNews
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import end_waiting
from conversations.care.waiting import WaitingEntry, may_want_earlier
from conversations.engine.flow import Again, Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.wish import Wish, live_visit
from conversations.flows.visit_words import city, over

# Ids of choices; behind LEAVE stands the entry's.
WAIT = "wait"
EARLIER = "earlier"
LEAVE = "leave"
AGAIN = "again"


class ShowWaiting(Step[WaitingNews]):
    """Show where the person waits; each list is left with one tap.

    Pushed to somebody who said nothing to several offers, it says that they wait no longer.
    """

    name = "waiting"

    async def ask(self, turn: Turn[WaitingNews]) -> Prompt:
        entries = await turn.desk.waiting.of(turn.contact.id)
        parts, choices = [], []
        if _is_off(turn.draft, entries):
            parts.append(await _taken_off(turn))
            # Translators: label, at most 20 characters. Joins the waiting list again.
            choices.append(Choice(AGAIN, turn.pgettext("button", "⏳ Wait again")))
        if entries:
            parts.append("\n".join([await _line(turn, entry) for entry in entries]))
            parts.append(turn.gettext("Tap one to wait there no longer."))
        choices += [Choice(f"{LEAVE}{entry.id}", await _label(turn, entry)) for entry in entries]
        return Prompt("\n\n".join(parts) or turn.gettext("You wait for no place at the moment."), choices)

    async def chosen(self, turn: Turn[WaitingNews], choice_id: str) -> Move:
        if choice_id != AGAIN:
            return Again(await leave(turn, choice_id))
        draft = turn.draft
        if draft.appointment_id and not await live_visit(turn, draft.appointment_id):
            return Finish(over(turn))
        await offers.join(turn, draft)
        return Finish(_joined(turn, for_earlier=bool(draft.appointment_id)))


async def wait_choices(turn: Turn[Wish], centre: Centre) -> list[Choice]:
    """Return the button that joins the list of a centre which has no free time; none where nobody may."""
    waits_there = any(
        (entry.centre_slug, entry.kind) == (centre.slug, turn.draft.kind)
        for entry in await turn.desk.waiting.of(turn.contact.id)
    )
    if waits_there or not centre.is_open:
        return []
    # Translators: label, at most 20 characters. Joins the waiting list.
    return [Choice(WAIT, turn.pgettext("button", "⏳ Tell me when free"))]


async def wait_for_place(turn: Turn[Wish]) -> Move:
    """Join the list of the centre of a visit in the making."""
    wish = turn.draft
    wanted = WaitingNews(
        wish.centre, wish.kind, wish.need or Need.OTHER, wish.wants_woman, wish.phone or None
    )
    await offers.join(turn, wanted)
    return Finish(_joined(turn))


async def earlier_choices(turn: Turn[Any], visit: Appointment) -> list[Choice]:
    """Return the button that asks for an earlier time, where there may be any and nobody waits for it yet."""
    if visit.kind is VisitKind.GROUP or not may_want_earlier(visit.starts_local, now_local=turn.local_now):
        return []
    for entry in await turn.desk.waiting.of(turn.contact.id):
        if (entry.centre_slug, entry.kind) == (visit.centre_slug, visit.kind):
            return []
    # Translators: label, at most 20 characters. Have the visit earlier when a time becomes free.
    return [Choice(EARLIER, turn.pgettext("button", "⏩ Earlier if free"))]


async def wait_for_earlier(turn: Turn[Any], visit: Appointment) -> str:
    """Join the list of a visit's centre for an earlier time, and return the answer."""
    wanted = WaitingNews(
        visit.centre_slug, visit.kind, visit.need, visit.wants_woman, appointment_id=visit.id
    )
    await offers.join(turn, wanted)
    return _joined(turn, for_earlier=True)


async def leave_choices(turn: Turn[Any]) -> list[Choice]:
    """Return the button that leaves the list; of several lists, the one that shows them."""
    entries = await turn.desk.waiting.of(turn.contact.id)
    if len(entries) > 1:
        # Translators: label, at most 20 characters. Shows the waiting lists that the person is in.
        return [Choice(offers.WAITING, turn.pgettext("button", "⏳ Where I wait"))]
    # Translators: label, at most 20 characters. Leaves the waiting list.
    return [Choice(f"{LEAVE}{entry.id}", turn.pgettext("button", "✖️ Stop waiting")) for entry in entries]


async def with_waiting(turn: Turn[Any], text: str) -> str:
    """Return a text, and below it where the person waits."""
    entries = await turn.desk.waiting.of(turn.contact.id)
    return "\n".join([text, *[await _line(turn, entry) for entry in entries]])


async def leave(turn: Turn[Any], choice_id: str) -> str:
    """Take the person off the list that the choice names, and return what is said then."""
    for entry in await turn.desk.waiting.of(turn.contact.id):
        if choice_id == f"{LEAVE}{entry.id}":
            await end_waiting(turn, entry)
    return turn.gettext("You wait there no longer. Your visits stay as they are.")


async def waiting_line(turn: Turn[Any], centre_slug: str) -> str | None:
    """Return how many people wait at a centre, for its staff; None when nobody does."""
    waiting = await turn.desk.waiting.count(centre_slug)
    if not waiting:
        return None
    return turn.ngettext(
        "⏳ {n} person waits for a free time.", "⏳ {n} people wait for a free time.", waiting
    ).format(n=waiting)


def _is_off(draft: WaitingNews, entries: list[WaitingEntry]) -> bool:
    waits = {(entry.centre_slug, entry.kind) for entry in entries}
    return bool(draft.centre_slug) and (draft.centre_slug, draft.kind) not in waits


async def _taken_off(turn: Turn[WaitingNews]) -> str:
    centre = await turn.desk.centres.get(turn.draft.centre_slug)
    # Translators: first line seen on a locked screen.
    said = turn.gettext("⏳ We offered you three times and heard nothing, so you wait no longer.")
    where = turn.gettext("Centre: {city}").format(city=city(turn, centre))
    return f"{said}\n{where}"


def _joined(turn: Turn[Any], *, for_earlier: bool = False) -> str:
    if for_earlier:
        return turn.gettext(
            "✅ We write to you when an earlier time is free, and keep it for you for 45 minutes. Until then "
            "your visit stays as it is."
        )
    return turn.gettext(
        "✅ You are on the waiting list. When a time is free we write to you, and keep it for you for "
        "45 minutes."
    )


async def _line(turn: Turn[Any], entry: WaitingEntry) -> str:
    where = city(turn, await turn.desk.centres.get(entry.centre_slug))
    if entry.appointment_id is not None:
        return turn.gettext("⏳ You wait for an earlier time: {city}").format(city=where)
    if entry.kind is VisitKind.PHONE:
        return turn.gettext("⏳ You wait for a call by appointment: {city}").format(city=where)
    return turn.gettext("⏳ You wait for a free time: {city}").format(city=where)


async def _label(turn: Turn[Any], entry: WaitingEntry) -> str:
    where = city(turn, await turn.desk.centres.get(entry.centre_slug))
    return f"✖️ 📞 {where}" if entry.kind is VisitKind.PHONE else f"✖️ {where}"


WAITING = Flow(name=offers.WAITING, draft=WaitingNews, steps=[ShowWaiting], roles=BENEFICIARIES)
