"""A centre closes for a day or for hours of it: which, why, whom it touches, yes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.centres import Centre
from conversations.care.closing import is_closed_for
from conversations.care.closures import Closure, ClosureReason
from conversations.care.hours import Opening, VisitKind
from conversations.care.people import CASEWORKERS, MANAGERS, Role
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.errors import HoursFault, HoursUnreadable
from conversations.flows.closure_words import reason_label
from conversations.flows.displaced_visits import Touched, move_touched
from conversations.flows.group_words import called_off_words
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.centre_access import CentreDraft, not_yours, own_centre
from conversations.flows.staff.centre_choice import CentreChoice
from conversations.flows.staff.typed_days import parse_day
from conversations.flows.staff.typed_hours import parse_typed
from conversations.flows.visit_words import city

CLOSABLE_DAYS = 30
# Nobody can have booked as far ahead.
FARTHEST = timedelta(days=366)
WHOLE_DAY, OTHER_DAY = "day", "other_day"


@dataclass
class CloseDraft:
    """`opens` to `closes` is the stretch that is closed, both None for a whole day."""

    slug: str = ""
    day: date | None = None
    opens: time | None = None
    closes: time | None = None
    reason: ClosureReason | None = None
    page: int = 0


class ChooseCentre(CentreChoice[CloseDraft]):
    """Lead to the day; a caseworker starts there."""

    def after(self) -> type[Step[CloseDraft]]:
        return ChooseDay


class ChooseDay(Step[CloseDraft]):
    """Offer the open days of the next month, and read any other that is typed."""

    name = "day"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CloseDraft]) -> Prompt:
        centre = await own_centre(turn, turn.draft.slug)
        if centre is None:
            return Prompt(not_yours(turn))
        page = page_of(await _open_days(turn, centre), turn.draft.page)
        days = [Choice(day.isoformat(), turn.format_day(day)) for day in page.items]
        text = turn.gettext("Which day do you close? You can also type it, such as 26/11.")
        return Prompt(text, [*days, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[CloseDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        return await _take_day(turn, date.fromisoformat(choice_id))

    async def answer(self, turn: Turn[CloseDraft], reply: Reply) -> Move:
        if not isinstance(reply, Text):
            return Again(turn.not_understood(reply))
        day = parse_day(reply.text, today=turn.today)
        if day is None:
            return Again(turn.gettext("That is no day. Write it as day/month, such as 26/11."))
        return await _take_day(turn, day)


class ChooseHours(Step[CloseDraft]):
    """Ask whether it is the whole day, one of its openings, or hours that are typed."""

    name = "hours"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CloseDraft]) -> Prompt:
        centre = await own_centre(turn, turn.draft.slug)
        if centre is None or turn.draft.day is None:
            return Prompt(not_yours(turn))
        # Translators: label, at most 20 characters.
        choices = [Choice(WHOLE_DAY, turn.pgettext("button", "🔒 The whole day"))]
        openings = centre.rules.hours_on(turn.draft.day)
        if len(openings) > 1:
            choices += [Choice(_id_of(opening), hours_words(turn, opening)) for opening in openings]
        text = turn.gettext("The whole day, or some hours? Hours can be typed, such as 10-12.")
        return Prompt(f"{text}\n{turn.format_day(turn.draft.day)}", choices)

    async def chosen(self, turn: Turn[CloseDraft], choice_id: str) -> Move:
        if choice_id == WHOLE_DAY:
            turn.draft.opens = turn.draft.closes = None
            return Goto(ChooseReason)
        first, _, last = choice_id.partition("-")
        return await _take_hours(turn, Opening(_time_of(first), _time_of(last)))

    async def answer(self, turn: Turn[CloseDraft], reply: Reply) -> Move:
        if not isinstance(reply, Text):
            return Again(turn.not_understood(reply))
        try:
            # A week of one day is read as any week is.
            (stretch,) = parse_typed(f"mon {reply.text}").days[0]
        except HoursUnreadable as unreadable:
            if unreadable.reason is HoursFault.ENDS_BEFORE_START:
                return Again(turn.gettext("These hours end before they begin. Afternoons are 13-16."))
            return Again(turn.gettext("Please write from when until when, such as 10-12."))
        except ValueError:
            return Again(turn.gettext("Please write one stretch of hours, such as 10-12."))
        return await _take_hours(turn, stretch)


class ChooseReason(Step[CloseDraft]):
    """Ask why; it is what people are told."""

    name = "reason"

    async def ask(self, turn: Turn[CloseDraft]) -> Prompt:
        choices = [Choice(reason, reason_label(turn, reason)) for reason in ClosureReason]
        return Prompt(turn.gettext("Why? People with a visit then are told."), choices)

    async def chosen(self, turn: Turn[CloseDraft], choice_id: str) -> Move:
        turn.draft.reason = ClosureReason(choice_id)
        return Goto(CheckClosing)


class CheckClosing(Step[CloseDraft]):
    """Show what will be closed and how many visits that touches, before anybody hears of it."""

    name = "check"

    async def ask(self, turn: Turn[CloseDraft]) -> Prompt:
        centre, draft = await own_centre(turn, turn.draft.slug), turn.draft
        if centre is None or draft.day is None:
            return Prompt(not_yours(turn))
        stretch = _stretch(draft)
        touched = await would_touch(turn, centre, draft.day, stretch)
        lines = [
            turn.gettext("Close the centre of {city}?").format(city=city(turn, centre)),
            turn.format_day(draft.day),
            hours_words(turn, stretch) if stretch else turn.gettext("The whole day"),
            reason_label(turn, draft.reason or ClosureReason.OTHER),
            "",
            *_touched_lines(turn, touched),
        ]
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "🔒 Yes, close it")),
            # Translators: label, at most 20 characters.
            Choice(OTHER_DAY, turn.pgettext("button", "📆 Another day")),
        ]
        return Prompt("\n".join(lines), choices)

    async def chosen(self, turn: Turn[CloseDraft], choice_id: str) -> Move:
        centre, draft = await own_centre(turn, turn.draft.slug), turn.draft
        if centre is None:
            return Home(not_yours(turn))
        if choice_id == OTHER_DAY or draft.day is None:
            return Goto(ChooseDay)
        # Time has passed, and a colleague may have been faster.
        if fault := await _day_fault(turn, centre, draft.day):
            return Enter(CLOSE.name, CloseDraft(draft.slug), ChooseDay.name, fault)
        if (stretch := _stretch(draft)) and (fault := await _hours_fault(turn, centre, draft.day, stretch)):
            return Enter(CLOSE.name, CloseDraft(draft.slug, draft.day), ChooseHours.name, fault)
        said = await close(turn, centre, draft.day, stretch, draft.reason or ClosureReason.OTHER)
        return Enter("centre_details", CentreDraft(centre.slug), "closed_days", said)


async def start_closing(turn: Turn[Any], argument: str) -> Move:
    """Handle /close."""
    contact = turn.contact
    if contact.role is Role.MANAGER:
        return Enter(CLOSE.name, CloseDraft())
    if contact.role is Role.CASEWORKER and contact.centre_slug:
        return close_another(contact.centre_slug)
    return Home(not_yours(turn))


def close_another(slug: str) -> Enter:
    """Lead to the choice of a day to close."""
    return Enter(CLOSE.name, CloseDraft(slug), ChooseDay.name)


async def close(
    turn: Turn[Any], centre: Centre, day: date, stretch: Opening | None, reason: ClosureReason
) -> str:
    """Close a day, or hours of it, begin to move its visits, and return what to tell who closed it."""
    # So that nobody books then meanwhile.
    await turn.desk.appointments.lock_closings(centre.slug)
    await turn.desk.appointments.lock_day(centre.slug, day)
    if stretch:
        await turn.desk.closures.close_hours(centre.slug, day, stretch, reason=reason, by=turn.contact.id)
    else:
        await turn.desk.closures.decide(centre.slug, day, closed=True, by=turn.contact.id, reason=reason)
    return summary(turn, await move_touched(turn, centre.slug))


def summary(turn: Turn[Any], touched: Touched) -> str:
    """Return what became of the people whom a closure touches."""
    lines = [turn.gettext("🔒 Closed.")]
    if told := touched.asked + touched.without_time:
        said = turn.ngettext("{n} person has been told.", "{n} people have been told.", told)
        lines.append(said.format(n=told))
    if touched.without_time:
        said = turn.ngettext(
            "For {n} of them no other time is free: see your tasks.",
            "For {n} of them no other time is free: see your tasks.",
            touched.without_time,
        )
        lines.append(said.format(n=touched.without_time))
    if touched.unreached:
        said = turn.ngettext(
            "📵 {n} person can't be reached here: see your tasks.",
            "📵 {n} people can't be reached here: see your tasks.",
            touched.unreached,
        )
        lines.append(said.format(n=touched.unreached))
    if touched.left:
        said = turn.ngettext(
            "{n} more is told in the next minutes.", "{n} more are told in the next minutes.", touched.left
        )
        lines.append(said.format(n=touched.left))
    return "\n".join(lines)


async def _take_day(turn: Turn[CloseDraft], day: date) -> Move:
    centre = await own_centre(turn, turn.draft.slug)
    if centre is None:
        return Home(not_yours(turn))
    if fault := await _day_fault(turn, centre, day):
        return Again(fault)
    turn.draft.day, turn.draft.page = day, 0
    return Goto(ChooseHours)


async def _take_hours(turn: Turn[CloseDraft], stretch: Opening) -> Move:
    centre, day = await own_centre(turn, turn.draft.slug), turn.draft.day
    if centre is None or day is None:
        return Home(not_yours(turn))
    if fault := await _hours_fault(turn, centre, day, stretch):
        return Again(fault)
    turn.draft.opens, turn.draft.closes = stretch.opens, stretch.closes
    return Goto(ChooseReason)


async def _day_fault(turn: Turn[Any], centre: Centre, day: date) -> str | None:
    """Return the sentence that says why a day can't be closed."""
    if day < turn.today:
        return turn.gettext("That day has passed.")
    if day > turn.today + FARTHEST:
        return turn.gettext("That is more than a year ahead.")
    closure = await _closure(turn, centre, day)
    if closure and closure.closed and closure.decided:
        return turn.gettext("That day is closed already.")
    if not centre.rules.hours_on(day):
        return turn.gettext("The centre receives nobody on that day of the week anyway.")
    return None


async def _hours_fault(turn: Turn[Any], centre: Centre, day: date, stretch: Opening) -> str | None:
    """Return the sentence that says why hours of a day can't be closed."""
    if datetime.combine(day, stretch.closes) <= turn.local_now:
        return turn.gettext("Those hours have passed.")
    if not any(_overlap(opening, stretch) for opening in centre.rules.hours_on(day)):
        return turn.gettext("The centre is not open at those hours anyway.")
    closure = await _closure(turn, centre, day)
    hours = closure.hours if closure else ()
    if any(closed.opens <= stretch.opens and stretch.closes <= closed.closes for closed in hours):
        return turn.gettext("Those hours are closed already.")
    return None


def _overlap(one: Opening, other: Opening) -> bool:
    return one.opens < other.closes and other.opens < one.closes


async def _closure(turn: Turn[Any], centre: Centre, day: date) -> Closure | None:
    found = await turn.desk.closures.between(centre.slug, day, day)
    return found[0] if found else None


async def would_touch(
    turn: Turn[Any], centre: Centre, day: date, stretch: Opening | None
) -> list[Appointment]:
    """Return the visits at a time that is about to close whose people were not asked before, by time."""
    closure = Closure(day, stretch is None, decided=True, hours=(stretch,) if stretch else ())
    return [
        visit
        for visit in await turn.desk.appointments.agenda(centre.slug, day, day)
        if visit.starts_local > turn.local_now
        and visit.displaced_at is None
        and is_closed_for(visit, centre.rules, closure)
    ]


def _touched_lines(turn: Turn[Any], touched: Sequence[Appointment]) -> list[str]:
    if not touched:
        return [turn.gettext("Nobody has a visit then.")]
    in_groups = sum(visit.kind is VisitKind.GROUP for visit in touched)
    lines = [called_off_words(turn, in_groups)] if in_groups else []
    if alone := len(touched) - in_groups:
        said = turn.ngettext(
            "⚠️ {n} visit is booked then. The person gets another time kept and is told at once.",
            "⚠️ {n} visits are booked then. Each person gets another time kept and is told at once.",
            alone,
        )
        lines.insert(0, said.format(n=alone))
    return lines


async def _open_days(turn: Turn[Any], centre: Centre) -> list[date]:
    last = turn.today + timedelta(days=CLOSABLE_DAYS)
    found = await turn.desk.closures.between(centre.slug, turn.today, last)
    closed = {closure.day for closure in found if closure.closed}
    days = [turn.today + timedelta(days=ahead) for ahead in range(CLOSABLE_DAYS + 1)]
    return [day for day in days if centre.rules.hours_on(day) and day not in closed]


def _stretch(draft: CloseDraft) -> Opening | None:
    if draft.opens is None or draft.closes is None:
        return None
    return Opening(draft.opens, draft.closes)


def hours_words(turn: Turn[Any], stretch: Opening) -> str:
    """Return from when until when, for a line or a button."""
    # Translators: hours of a day, such as 08:30–12:00.
    said = turn.gettext("{from_time}–{until_time}")
    return said.format(from_time=turn.format_time(stretch.opens), until_time=turn.format_time(stretch.closes))


def _id_of(stretch: Opening) -> str:
    return f"{stretch.opens:%H%M}-{stretch.closes:%H%M}"


def _time_of(digits: str) -> time:
    return time(int(digits[:2]), int(digits[2:]))


CLOSE = Flow(
    "close",
    CloseDraft,
    (ChooseCentre, ChooseDay, ChooseHours, ChooseReason, CheckClosing),
    roles=CASEWORKERS | MANAGERS,
)
