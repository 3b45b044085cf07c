"""Days on which a centre is closed: the steps of "centre_details" about holidays and closures."""

from datetime import date, timedelta

from conversations.care.centres import Centre
from conversations.care.closures import Closure
from conversations.care.people import Role
from conversations.engine.flow import Again, Choice, Enter, Goto, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.centre_access import CentreDraft, centre_in_hand, not_yours
from conversations.flows.staff.propose import AgendaDraft

SHOWN_DAYS = 60
CLOSABLE_DAYS = 30


class ClosedDays(Step[CentreDraft]):
    """List the closures to come; a tap opens a day or closes it again."""

    name = "closed_days"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        page = page_of(await _closures(turn, centre), turn.draft.page)
        lines = [await _line(turn, centre, closure) for closure in page.items]
        if not lines:
            lines = [turn.gettext("No closed day in the next two months.")]
        else:
            lines += ["", turn.gettext("Tap a day to open it, or to close it again.")]
        choices = [_day_choice(turn, closure) for closure in page.items]
        choices += page_choices(turn, page)
        # Translators: label, at most 24 characters.
        choices.append(Choice("add", turn.pgettext("button", "➕ Close a day")))
        if turn.contact.role is Role.CASEWORKER and await _first_to_move(turn, centre):
            # Translators: label, at most 24 characters. Visits booked on a day that is now closed.
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
            turn.draft.page = 0
            return Goto(CloseDay)
        if choice_id == "visits":
            return await _to_the_visits(turn, centre)
        day = date.fromisoformat(choice_id)
        await _decide(turn, centre, day, closed=not await _is_closed(turn, centre, day))
        return Again()


class CloseDay(Step[CentreDraft]):
    """Offer the open days of the next month."""

    name = "close_day"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        page = page_of(await _open_days(turn, centre), turn.draft.page)
        days = [Choice(day.isoformat(), turn.format_day(day)) for day in page.items]
        return Prompt(turn.gettext("Which day do you close?"), [*days, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.page = 0
        await _decide(turn, centre, date.fromisoformat(choice_id), closed=True)
        return Goto(ClosedDays)


async def _closures(turn: Turn[CentreDraft], centre: Centre) -> list[Closure]:
    """Return the closures to come and the holidays that staff opened."""
    last = turn.today + timedelta(days=SHOWN_DAYS)
    found = await turn.desk.closures.between(centre.slug, turn.today, last)
    return [closure for closure in found if closure.closed or closure.name_fr]


async def _is_closed(turn: Turn[CentreDraft], centre: Centre, day: date) -> bool:
    return any(closure.closed for closure in await turn.desk.closures.between(centre.slug, day, day))


async def _decide(turn: Turn[CentreDraft], centre: Centre, day: date, *, closed: bool) -> None:
    await turn.desk.closures.decide(centre.slug, day, closed=closed, by=turn.contact.id)


async def _open_days(turn: Turn[CentreDraft], centre: Centre) -> list[date]:
    last = turn.today + timedelta(days=CLOSABLE_DAYS)
    found = await turn.desk.closures.between(centre.slug, turn.today, last)
    closed = {closure.day for closure in found if closure.closed}
    days = [turn.today + timedelta(days=ahead) for ahead in range(CLOSABLE_DAYS + 1)]
    return [day for day in days if centre.rules.hours_on(day) and day not in closed]


async def _visits_on(turn: Turn[CentreDraft], centre: Centre, day: date) -> int:
    return len(await turn.desk.appointments.agenda(centre.slug, day, day))


async def _first_to_move(turn: Turn[CentreDraft], centre: Centre) -> date | None:
    """Return the first closed day on which somebody still has a visit."""
    for closure in await _closures(turn, centre):
        if closure.closed and await _visits_on(turn, centre, closure.day):
            return closure.day
    return None


async def _to_the_visits(turn: Turn[CentreDraft], centre: Centre) -> Move:
    day = await _first_to_move(turn, centre)
    if day is None:
        return Again()
    return Enter("agenda", AgendaDraft(first=day))


async def _line(turn: Turn[CentreDraft], centre: Centre, closure: Closure) -> str:
    name = closure.name_ar if turn.texts.direction == "rtl" else closure.name_fr
    parts = [f"{_mark(closure)} {turn.format_day(closure.day)}", name]
    if closure.estimated:
        parts.append(turn.gettext("may shift by a day"))
    line = " · ".join(part for part in parts if part)
    visits = await _visits_on(turn, centre, closure.day) if closure.closed else 0
    if not visits:
        return line
    to_move = turn.ngettext(
        "⚠️ {n} visit is booked on that day: propose another time.",
        "⚠️ {n} visits are booked on that day: propose other times.",
        visits,
    )
    return f"{line}\n{to_move.format(n=visits)}"


def _day_choice(turn: Turn[CentreDraft], closure: Closure) -> Choice:
    return Choice(closure.day.isoformat(), f"{_mark(closure)} {turn.format_day(closure.day)}")


def _mark(closure: Closure) -> str:
    return "🔒" if closure.closed else "🔓"
