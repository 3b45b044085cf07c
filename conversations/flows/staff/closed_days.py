"""Days on which a centre is closed, and the visits that wait for another time: steps of "centre_details"."""

from datetime import date, timedelta

from conversations.care.appointments import Appointment
from conversations.care.centres import Centre
from conversations.care.closures import Closure, ClosureReason
from conversations.care.people import Role
from conversations.engine.flow import Again, Choice, Enter, Goto, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.closure_words import reason_label
from conversations.flows.displaced_visits import kept_for, restore_open
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.centre_access import CentreDraft, centre_in_hand, not_yours
from conversations.flows.staff.closing import CloseDraft, close, close_another, hours_words, would_touch
from conversations.flows.staff.propose import AgendaDraft
from conversations.flows.staff.visit_actions import note_look, own_visit

SHOWN_DAYS = 60


class ClosedDays(Step[CentreDraft]):
    """List the closures to come; a tap opens a day or hours, or closes a day again."""

    name = "closed_days"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        page = page_of(await _closures(turn, centre), turn.draft.page)
        lines = [_line(turn, closure) for closure in page.items]
        if not lines:
            lines = [turn.gettext("No closed day in the next two months.")]
        else:
            lines += ["", turn.gettext("Tap a day to open it, or to close it again.")]
        choices = [_day_choice(turn, closure) for closure in page.items]
        choices += page_choices(turn, page)
        # Translators: label, at most 24 characters.
        choices.append(Choice("add", turn.pgettext("button", "➕ Close a day")))
        if waiting := len(await turn.desk.appointments.displaced(centre.slug, now=turn.now)):
            lines += ["", _waiting_words(turn, waiting)]
        if turn.contact.role is Role.CASEWORKER and (waiting or await _resettled(turn, centre)):
            # Translators: label, at most 24 characters. Visits booked for a time at which it is now closed.
            choices.append(Choice("visits", turn.pgettext("button", "📋 Visits to move")))
        return Prompt("\n".join(lines), choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        if choice_id == "add":
            return close_another(centre.slug)
        if choice_id == "visits":
            turn.draft.page = 0
            return Goto(VisitsToMove)
        return await _toggle(turn, centre, date.fromisoformat(choice_id))


class VisitsToMove(Step[CentreDraft]):
    """List whose visits a closure touched, and how each stands; a tap opens one."""

    name = "visits_to_move"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None or turn.contact.role is not Role.CASEWORKER:
            return Prompt(not_yours(turn))
        waiting = await turn.desk.appointments.displaced(centre.slug, now=turn.now)
        page = page_of([*waiting, *await _resettled(turn, centre)], turn.draft.page)
        if not page.items:
            return Prompt(turn.gettext("Every visit has a time. 👍"))
        lines = [await _visit_line(turn, visit) for visit in page.items]
        choices = [
            Choice(str(visit.id), f"{turn.format_time(visit.at)} · {visit.code}") for visit in page.items
        ]
        return Prompt("\n".join(lines), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        visit = await own_visit(turn, int(choice_id))
        if visit is None or not visit.is_live:
            return Again(turn.gettext("That visit is gone meanwhile. This is how it stands now."))
        await note_look(turn, visit)
        card = AgendaDraft(visit.day, 1, 0, visit.id, visit.version)
        return Enter("agenda", card, step="visit")


async def _toggle(turn: Turn[CentreDraft], centre: Centre, day: date) -> Move:
    """Open a day or its hours that are closed, close an open one; who has a visit then is thought of."""
    # Before the word on the day changes: whoever closes it at the same moment waits here, not half-way.
    await turn.desk.appointments.lock_closings(centre.slug)
    found = await turn.desk.closures.between(centre.slug, day, day)
    closure = found[0] if found else Closure(day, closed=False, decided=False)
    if closure.closed:
        await turn.desk.closures.decide(centre.slug, day, closed=False, by=turn.contact.id)
    elif closure.hours:
        await turn.desk.closures.open_hours(centre.slug, day)
    elif await would_touch(turn, centre, day, None):
        draft = CloseDraft(centre.slug, day, reason=ClosureReason.HOLIDAY if closure.name_fr else None)
        return Enter("close", draft, "check" if draft.reason else "reason")
    else:
        reason = ClosureReason.HOLIDAY if closure.name_fr else ClosureReason.OTHER
        await close(turn, centre, day, None, reason)
        return Again()
    back = await restore_open(turn, centre.slug)
    if not back:
        return Again()
    said = turn.ngettext(
        "{n} visit stays as it was; the person is told.",
        "{n} visits stay as they were; the people are told.",
        back,
    )
    return Again(said.format(n=back))


async def _closures(turn: Turn[CentreDraft], centre: Centre) -> list[Closure]:
    """Return the closures to come and the holidays that staff opened."""
    last = turn.today + timedelta(days=SHOWN_DAYS)
    found = await turn.desk.closures.between(centre.slug, turn.today, last)
    return [closure for closure in found if closure.closed or closure.name_fr or closure.hours]


async def _resettled(turn: Turn[CentreDraft], centre: Centre) -> list[Appointment]:
    return await turn.desk.appointments.resettled(centre.slug, now=turn.now)


def _waiting_words(turn: Turn[CentreDraft], waiting: int) -> str:
    said = turn.ngettext(
        "⚠️ {n} visit waits for another time.", "⚠️ {n} visits wait for another time.", waiting
    )
    return said.format(n=waiting)


async def _visit_line(turn: Turn[CentreDraft], visit: Appointment) -> str:
    when = turn.gettext("{day}, {time}").format(
        day=turn.format_day(visit.day), time=turn.format_time(visit.at)
    )
    return " · ".join((when, visit.code, await _state(turn, visit)))


async def _state(turn: Turn[CentreDraft], visit: Appointment) -> str:
    """Return whether a person was asked, was reached, and has a time again."""
    if visit.displaced_at is None:
        return turn.pgettext("visit", "✅ has a time")
    reached = await turn.desk.contacts.is_reachable(visit.contact_id)
    if not reached or await turn.desk.outbox.obstacle(visit.contact_id):
        return turn.pgettext("visit", "📵 not reached")
    if await kept_for(turn, visit) is None:
        return turn.pgettext("visit", "⏳ asked, no time kept")
    return turn.pgettext("visit", "⏳ asked")


def _line(turn: Turn[CentreDraft], closure: Closure) -> str:
    name = closure.name_ar if turn.texts.direction == "rtl" else closure.name_fr
    parts = [f"{_mark(closure)} {turn.format_day(closure.day)}", name]
    if closure.reason and not name:
        parts.append(reason_label(turn, closure.reason))
    if not closure.closed:
        parts += [hours_words(turn, stretch) for stretch in closure.hours]
    if closure.estimated:
        parts.append(turn.gettext("may shift by a day"))
    return " · ".join(part for part in parts if part)


def _day_choice(turn: Turn[CentreDraft], closure: Closure) -> Choice:
    return Choice(closure.day.isoformat(), f"{_mark(closure)} {turn.format_day(closure.day)}")


def _mark(closure: Closure) -> str:
    if closure.closed:
        return "🔒"
    return "🕐" if closure.hours else "🔓"
