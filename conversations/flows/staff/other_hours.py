"""Hours that hold only for a while, such as those of Ramadan: steps of "centre_details"."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.centres import Centre
from conversations.care.hours import HoursPeriod, PeriodKind, VisitKind
from conversations.care.people import Role
from conversations.care.periods import (
    RAMADAN_WEEK,
    FastingMonth,
    fasting_of,
    in_place,
    is_outside,
    last_days,
    next_fasting,
    still,
    without,
)
from conversations.engine.flow import Again, Choice, Enter, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.errors import HoursFault, HoursUnreadable
from conversations.flows.centre_words import period_line, week_lines
from conversations.flows.group_words import called_off_words
from conversations.flows.staff.centre_access import (
    CentreDraft,
    centre_in_hand,
    centre_to_change,
    not_yours,
)
from conversations.flows.staff.opening_hours import (
    day_choices,
    fault_words,
    hours_of,
    places_a_week,
    places_lines,
    take_typed,
    toggle,
    week_of,
    week_words,
)
from conversations.flows.staff.propose import AgendaDraft
from conversations.flows.staff.typed_days import parse_full_day

# With these, a list and its own buttons still fit on a small phone.
MOST_PERIODS = 4
LONGEST = timedelta(days=366)
VISITS = "visits"
_FIRST, _LAST = "first", "last"


class OtherHours(Step[CentreDraft]):
    """List the hours that hold for a while, now or later; a tap opens one."""

    name = "other_hours"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        periods = still(centre.rules.periods, turn.today)
        visits = await _all_outside(turn, centre)
        lines = [period_line(turn, period) for period in periods]
        choices = [
            Choice(_period_id(period), f"{_mark(period.kind)} {turn.label_day(period.first_day)}")
            for period in periods
        ]
        if len(periods) < MOST_PERIODS:
            month = next_fasting(turn.world.fasting_months, turn.today)
            if month is not None and not any(map(month.meets, periods)):
                choices.append(Choice("ramadan", ramadan_label(turn)))
            # Translators: label, at most 24 characters. Hours that hold for some weeks, as in summer.
            choices.append(Choice("other", turn.pgettext("button", "➕ Other hours")))
        if not lines:
            lines = [turn.gettext("The usual hours hold all the year.")]
        choices += _visit_choices(turn, visits)
        return Prompt("\n".join([*lines, *_outside_lines(turn, visits)]), choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        if choice_id == "ramadan":
            begin_ramadan(turn.draft)
            return Goto(FirstFast)
        if choice_id == "other":
            _begin(turn.draft, PeriodKind.OTHER, week_of(centre.rules.hours))
            return Goto(FirstDay)
        if choice_id == VISITS:
            return _to_the_visits(await _all_outside(turn, centre))
        turn.draft.period, turn.draft.first_day = _named(choice_id)
        return Goto(OnePeriod)


class OnePeriod(Step[CentreDraft]):
    """Show hours that hold for a while. Another day of the moon is one tap; so is their end."""

    name = "period"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        period = _period_in_hand(turn, centre)
        if period is None:
            return Prompt(_gone(turn))
        visits = await visits_outside(turn, centre, period)
        lines = [*_period_lines(turn, period), *_outside_lines(turn, visits)]
        moon = _moon_choices(turn, period)
        if moon:
            lines += [
                "",
                turn.gettext("If the moon decides otherwise, tap the other first (🌙) or last (🏁) day."),
            ]
        # Translators: label, at most 24 characters. Changes hours that hold for a while.
        choices = [*moon, Choice("hours", turn.pgettext("button", "🕐 Change the hours"))]
        if period.kind is PeriodKind.OTHER:
            # Translators: label, at most 24 characters. Changes from when to when other hours hold.
            choices.append(Choice("days", turn.pgettext("button", "📆 Change the days")))
        # Translators: label, at most 24 characters. Other hours end, the usual ones hold.
        choices.append(Choice("end", turn.pgettext("button", "↩️ Usual hours again")))
        return Prompt("\n".join(lines), [*choices, *_visit_choices(turn, visits)])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_to_change(turn)
        if centre is None:
            return Home(not_yours(turn))
        period = _period_in_hand(turn, centre)
        if period is None:
            return Goto(OtherHours)
        match choice_id:
            case "hours":
                _change(turn.draft, period)
                return Goto(PeriodWeek)
            case "days":
                _change(turn.draft, period)
                return Goto(FirstDay)
            case "end":
                kept = without(centre.rules.periods, period.kind, period.first_day, today=turn.today)
                await turn.desk.centres.set_periods(centre.slug, kept)
                return Goto(OtherHours)
            case _ if choice_id == VISITS:
                return _to_the_visits(await visits_outside(turn, centre, period))
        moved = _moved(period, choice_id)
        await _keep(turn, centre, moved, of=period.first_day)
        return Again()


class FirstFast(Step[CentreDraft]):
    """Offer the three days on which the moon may let Ramadan begin."""

    name = "first_fast"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        month = _month_in_hand(turn)
        if month is None:
            return Prompt(_gone(turn))
        asked = turn.gettext(
            "Which is the first day? It is computed for {day}, and the moon decides: you can change it later."
        )
        days = [Choice(day.isoformat(), turn.label_day(day)) for day in month.first_days]
        return Prompt(asked.format(day=turn.format_day(month.first_day)), days)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        turn.draft.first_day = date.fromisoformat(choice_id)
        return Goto(LastFast)


class LastFast(Step[CentreDraft]):
    """Offer the two days on which it may end: a month of the moon has 29 or 30 days."""

    name = "last_fast"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        if turn.draft.first_day is None:
            return Prompt(_gone(turn))
        days = [Choice(day.isoformat(), turn.label_day(day)) for day in last_days(turn.draft.first_day)]
        return Prompt(turn.gettext("Which is the last day? You can change it later."), days)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        turn.draft.last_day = date.fromisoformat(choice_id)
        return Goto(PeriodWeek)


class FirstDay(Step[CentreDraft]):
    """Read from when other hours hold."""

    name = "first_day"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        return Prompt(turn.gettext("From which day? Send it as day/month/year, such as 01/07/2027."))

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        day = parse_full_day(reply.text) if isinstance(reply, Text) else None
        if day is None:
            return Again(_no_day(turn))
        if day < turn.today and day != turn.draft.changed_from:
            return Again(turn.gettext("That day is over. Send today or a later one."))
        if day - turn.today > LONGEST:
            return Again(turn.gettext("Please check the year: {day}").format(day=turn.format_day(day)))
        turn.draft.first_day = day
        return Goto(LastDay)


class LastDay(Step[CentreDraft]):
    """Read until when other hours hold."""

    name = "last_day"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        return Prompt(turn.gettext("Until which day, that day included?"))

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        first = turn.draft.first_day or turn.today
        day = parse_full_day(reply.text) if isinstance(reply, Text) else None
        if day is None:
            return Again(_no_day(turn))
        if day < max(first, turn.today):
            said = turn.gettext("That would end before it begins, or is over. Send a day after {day}.")
            return Again(said.format(day=turn.format_day(max(first, turn.today) - timedelta(days=1))))
        if day - first > LONGEST:
            return Again(turn.gettext("Other hours hold for a year at most. Send an earlier day."))
        turn.draft.last_day = day
        return Goto(PeriodWeek)


class PeriodWeek(Step[CentreDraft]):
    """Show the week that would hold, and let it be changed as the usual one is."""

    name = "period_week"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        week = turn.draft.week
        asked = turn.gettext("When do you receive people in that time?")
        example = turn.gettext("mon-fri 09:00-15:00")
        # Translators: label, at most 24 characters.
        go_on = Choice("next", turn.pgettext("button", "➡️ Go on"))
        return Prompt(week_words(turn, week, asked, example), [*day_choices(turn, week), go_on])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        if choice_id != "next":
            toggle(turn.draft, choice_id)
            return Again()
        if not any(turn.draft.week):
            return Again(fault_words(turn, HoursUnreadable(HoursFault.EMPTY)))
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        if not places_a_week(replace(centre.rules, hours=hours_of(turn.draft.week))):
            return Again(turn.gettext("No visit fits into these hours. Please make them longer."))
        return Goto(CheckPeriod)

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        return take_typed(turn, reply)


class CheckPeriod(Step[CentreDraft]):
    """Show the other hours, and how many booked visits they would leave outside, before they hold."""

    name = "check_period"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre, period = await centre_in_hand(turn), _drafted(turn.draft)
        if centre is None:
            return Prompt(not_yours(turn))
        if period is None:
            return Prompt(_gone(turn))
        lines = [
            *_period_lines(turn, period),
            *places_lines(turn, replace(centre.rules, hours=period.hours)),
            *_outside_lines(turn, await visits_outside(turn, centre, period)),
        ]
        # Translators: label, at most 20 characters.
        return Prompt("\n".join(lines), [Choice("save", turn.pgettext("button", "💾 Save"))])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre, period = await centre_to_change(turn), _drafted(turn.draft)
        if centre is None:
            return Home(not_yours(turn))
        if period is None or period.last_day < turn.today:
            return Goto(OtherHours)
        await _keep(turn, centre, period, of=turn.draft.changed_from)
        return Goto(OtherHours)


def begin_ramadan(draft: CentreDraft) -> None:
    """Fill the draft with the hours that are proposed for Ramadan."""
    _begin(draft, PeriodKind.RAMADAN, week_of(RAMADAN_WEEK))


def ramadan_label(turn: Turn[Any]) -> str:
    # Translators: label, at most 20 characters.
    return turn.pgettext("button", "🌙 Ramadan hours")


async def visits_outside(turn: Turn[Any], centre: Centre, period: HoursPeriod) -> list[Appointment]:
    """Return the visits to come that the hours of a period would leave outside, by time."""
    rules = replace(centre.rules, periods=(period,))
    first = max(period.first_day, turn.today)
    booked = await turn.desk.appointments.agenda(centre.slug, first, period.last_day)
    return [visit for visit in booked if visit.starts_local > turn.local_now and is_outside(rules, visit)]


def _begin(draft: CentreDraft, kind: PeriodKind, week: list[str]) -> None:
    draft.period, draft.week = kind, week
    draft.first_day = draft.last_day = draft.changed_from = None


def _change(draft: CentreDraft, period: HoursPeriod) -> None:
    draft.period, draft.week = period.kind, week_of(period.hours)
    draft.first_day, draft.last_day, draft.changed_from = (
        period.first_day,
        period.last_day,
        period.first_day,
    )


def _drafted(draft: CentreDraft) -> HoursPeriod | None:
    if draft.first_day is None or draft.last_day is None or not any(draft.week):
        return None
    return HoursPeriod(draft.period, draft.first_day, draft.last_day, hours_of(draft.week))


async def _keep(turn: Turn[CentreDraft], centre: Centre, period: HoursPeriod, *, of: date | None) -> None:
    periods = in_place(centre.rules.periods, period, of=of, today=turn.today)
    await turn.desk.centres.set_periods(centre.slug, periods)
    turn.draft.period, turn.draft.first_day = period.kind, period.first_day


def _period_in_hand(turn: Turn[CentreDraft], centre: Centre) -> HoursPeriod | None:
    """Return the period that the draft names; of a Ramadan, the centre's one, whenever it begins by now."""
    wanted = (turn.draft.period, turn.draft.first_day)
    periods = still(centre.rules.periods, turn.today)
    return next((each for each in periods if (each.kind, each.first_day) == wanted), None)


def _month_in_hand(turn: Turn[CentreDraft]) -> FastingMonth | None:
    return next_fasting(turn.world.fasting_months, turn.today)


def _moon_choices(turn: Turn[CentreDraft], period: HoursPeriod) -> list[Choice]:
    """Return the other days on which a Ramadan may have begun or end."""
    month = fasting_of(turn.world.fasting_months, period)
    if month is None:
        return []
    firsts = [day for day in month.first_days if day != period.first_day]
    lasts = [day for day in last_days(period.first_day) if day != period.last_day and day >= turn.today]
    return [
        *(Choice(f"{_FIRST}{day.isoformat()}", f"🌙 {turn.label_day(day)}") for day in firsts),
        *(Choice(f"{_LAST}{day.isoformat()}", f"🏁 {turn.label_day(day)}") for day in lasts),
    ]


def _moved(period: HoursPeriod, choice_id: str) -> HoursPeriod:
    """Return a Ramadan with the first or last day that was tapped; a new first day keeps its length."""
    if choice_id.startswith(_LAST):
        return replace(period, last_day=date.fromisoformat(choice_id.removeprefix(_LAST)))
    first = date.fromisoformat(choice_id.removeprefix(_FIRST))
    return replace(period, first_day=first, last_day=period.last_day + (first - period.first_day))


def _period_lines(turn: Turn[CentreDraft], period: HoursPeriod) -> list[str]:
    return [period_line(turn, period), *week_lines(turn, period.hours)]


def _outside_lines(turn: Turn[CentreDraft], visits: Sequence[Appointment]) -> list[str]:
    if not visits:
        return []
    lines = [""]
    in_groups = sum(visit.kind is VisitKind.GROUP for visit in visits)
    if alone := len(visits) - in_groups:
        said = turn.ngettext(
            "⚠️ {n} visit is booked outside these hours. Its person is offered another time.",
            "⚠️ {n} visits are booked outside these hours. Their people are offered other times.",
            alone,
        )
        lines.append(said.format(n=alone))
    return [*lines, called_off_words(turn, in_groups)] if in_groups else lines


async def _all_outside(turn: Turn[CentreDraft], centre: Centre) -> list[Appointment]:
    """Return the visits to come that other hours leave outside, by time."""
    found = [
        visit
        for period in still(centre.rules.periods, turn.today)
        for visit in await visits_outside(turn, centre, period)
        if is_outside(centre.rules, visit)
    ]
    return sorted({visit.id: visit for visit in found}.values(), key=lambda visit: visit.starts_local)


def _visit_choices(turn: Turn[CentreDraft], visits: Sequence[Appointment]) -> list[Choice]:
    if not visits or turn.contact.role is not Role.CASEWORKER:
        return []
    # Translators: label, at most 24 characters. Visits booked on a day that is now closed.
    return [Choice(VISITS, turn.pgettext("button", "📋 Visits to move"))]


def _to_the_visits(visits: Sequence[Appointment]) -> Move:
    return Enter("agenda", AgendaDraft(first=visits[0].day)) if visits else Again()


def _period_id(period: HoursPeriod) -> str:
    return f"{period.kind}-{period.first_day.isoformat()}"


def _named(period_id: str) -> tuple[PeriodKind, date]:
    kind, _, day = period_id.partition("-")
    return PeriodKind(kind), date.fromisoformat(day)


def _mark(kind: PeriodKind) -> str:
    return "🌙" if kind is PeriodKind.RAMADAN else "📆"


def _gone(turn: Turn[CentreDraft]) -> str:
    return turn.gettext("These hours are no longer set. Please go back.")


def _no_day(turn: Turn[CentreDraft]) -> str:
    return turn.gettext("This is no day. Send it as day/month/year, such as 08/02/2027.")
