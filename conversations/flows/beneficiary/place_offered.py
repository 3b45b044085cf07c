"""A time has become free for somebody who waits for one; it is kept for them while they think."""

from datetime import datetime, time

from conversations.care import offers
from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.hours import VisitKind
from conversations.care.offers import PlaceOffer
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import end_waiting
from conversations.care.waiting import WaitingEntry
from conversations.care.wall_time import to_local
from conversations.engine.flow import Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.errors import AppointmentNotLive, SlotTaken, TooManyVisits
from conversations.flows.beneficiary.when import moved
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.visit_words import city, over, visit_card

TAKE, NOT_THIS_ONE, LEAVE = "take", "not_this_one", "leave"


class TellOffer(Step[PlaceOffer]):
    name = "offer"

    async def holds(self, turn: Turn[PlaceOffer]) -> bool:
        entry = await _entry(turn)
        return entry is not None and _is_on_offer(turn, entry)

    async def ask(self, turn: Turn[PlaceOffer]) -> Prompt:
        if turn.draft.day is None:
            return Prompt(_waits_no_longer(turn))
        choices = [
            # Translators: label, at most 20 characters. Takes the time that is offered.
            Choice(TAKE, turn.pgettext("button", "✅ I take it")),
            # Translators: label, at most 20 characters. Another time would be fine.
            Choice(NOT_THIS_ONE, turn.pgettext("button", "⏭️ Not this one")),
            # Translators: label, at most 20 characters. Leaves the waiting list.
            Choice(LEAVE, turn.pgettext("button", "✖️ Stop waiting")),
        ]
        parts = [await _offer(turn), await _until_now(turn), _kept(turn, await _entry(turn))]
        return Prompt("\n\n".join(part for part in parts if part), choices)

    async def chosen(self, turn: Turn[PlaceOffer], choice_id: str) -> Move:
        if choice_id == TAKE and turn.draft.day is not None:
            return Finish(await _take(turn))
        entry = await _entry(turn)
        if entry is None:
            return Finish(_waits_no_longer(turn))
        if choice_id == NOT_THIS_ONE:
            await offers.decline(turn, entry, _start(turn))
            return Finish(turn.gettext("All right. You keep your place in the list; we write again."))
        await end_waiting(turn, entry)
        return Finish(turn.gettext("You wait there no longer. Your visits stay as they are."))


async def _entry(turn: Turn[PlaceOffer]) -> WaitingEntry | None:
    """Return the person's own entry, None when they wait there no longer."""
    entry = await turn.desk.waiting.get(turn.draft.entry_id)
    return entry if entry is not None and entry.contact_id == turn.contact.id else None


def _start(turn: Turn[PlaceOffer]) -> datetime:
    return datetime.combine(turn.draft.day or turn.today, turn.draft.at or time())


def _is_on_offer(turn: Turn[PlaceOffer], entry: WaitingEntry) -> bool:
    return entry.offered == _start(turn) and entry.has_offer(turn.now)


async def _offer(turn: Turn[PlaceOffer]) -> str:
    start, draft = _start(turn), turn.draft
    where = city(turn, await turn.desk.centres.get(draft.centre_slug))
    if draft.kind is VisitKind.PHONE:
        place = turn.gettext("By telephone, with {city}").format(city=where)
    else:
        place = turn.gettext("Centre: {city}").format(city=where)
    # Translators: first line seen on a locked screen.
    said = turn.gettext("🕐 A time is free for you:")
    return "\n".join((said, turn.format_day(start.date()), turn.format_time(start.time()), place))


async def _until_now(turn: Turn[PlaceOffer]) -> str | None:
    """Return when the visit is that would move."""
    visit = await live_visit(turn, turn.draft.appointment_id) if turn.draft.appointment_id else None
    if visit is None:
        return None
    until_now = turn.gettext("Until now:")
    return "\n".join((until_now, turn.format_day(visit.day), turn.format_time(visit.at)))


def _kept(turn: Turn[PlaceOffer], entry: WaitingEntry | None) -> str:
    if entry is None or entry.offered_until is None or not _is_on_offer(turn, entry):
        return turn.gettext("It is no longer kept for you, but it may still be free.")
    until = to_local(entry.offered_until, turn.world.zone).time()
    return turn.gettext("It is kept for you until {time}.").format(time=turn.format_time(until))


async def _take(turn: Turn[PlaceOffer]) -> str:
    try:
        visit = await offers.take(turn, turn.draft, _start(turn))
    except SlotTaken:
        return await _too_late(turn)
    except TooManyVisits:
        return turn.gettext("You have other visits now. You can change them under “My visits”.")
    except AppointmentNotLive:
        return over(turn)
    if turn.draft.appointment_id:
        return await moved(turn, visit)
    return await _booked(turn, visit)


async def _too_late(turn: Turn[PlaceOffer]) -> str:
    if await _entry(turn) is None:
        return turn.gettext("That time has just been taken.")
    return turn.gettext("That time has just been taken. You stay on the list; we write again.")


async def _booked(turn: Turn[PlaceOffer], visit: Appointment) -> str:
    if visit.status is AppointmentStatus.CONFIRMED:
        said = turn.gettext("✅ Your visit is booked.")
    else:
        said = turn.gettext("✅ The centre has your request.")
    return f"{said}\n\n{await visit_card(turn, visit, await turn.desk.centres.get(visit.centre_slug))}"


def _waits_no_longer(turn: Turn[PlaceOffer]) -> str:
    return turn.gettext("You wait there no longer. Free times are shown when you book a visit.")


PLACE_OFFERED = Flow(name=offers.PLACE_OFFERED, draft=PlaceOffer, steps=[TellOffer], roles=BENEFICIARIES)
