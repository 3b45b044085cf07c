"""Setting a centre's week, by buttons alone or typed: the steps of "centre_details" about hours."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from conversations.care.centres import Centre
from conversations.care.hours import DAY_NAMES, PUBLIC_OFFICE_RULES, VisitRules, WeeklyHours
from conversations.engine.flow import Again, Choice, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.errors import HoursFault, HoursUnreadable
from conversations.flows.centre_words import week_lines, weekday_names
from conversations.flows.staff.centre_access import (
    CentreDraft,
    back_to_centre,
    centre_in_hand,
    centre_to_change,
    not_yours,
)
from conversations.flows.staff.typed_hours import parse_typed

MORNINGS = WeeklyHours.parse("mon-fri 08:30-12:00")
MOST_AT_ONCE = 20
LENGTHS_MIN = (15, 20, 30, 45, 60)
RESTS_MIN = (0, 5, 10, 15, 20)
MINUTES_A_DAY, MINUTES_AN_HOUR = 1440, 60
# Any Monday: a week of usual hours is like another.
_A_MONDAY = date(2026, 11, 23)


class SetWeek(Step[CentreDraft]):
    """Open and close days, take a ready-made week, or read what is typed."""

    name = "week"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        week = turn.draft.week
        asked = turn.gettext("When do you receive people?")
        example = turn.gettext("mon-thu 08:30-12:00 13:00-16:30")
        ready_made = [
            # Translators: label, at most 24 characters. The hours of public offices.
            Choice("office", turn.pgettext("button", "🏛️ Office hours")),
            # Translators: label, at most 24 characters.
            Choice("mornings", turn.pgettext("button", "🌅 Mornings only")),
            # Translators: label, at most 24 characters.
            Choice("next", turn.pgettext("button", "➡️ Go on")),
        ]
        return Prompt(week_words(turn, week, asked, example), [*day_choices(turn, week), *ready_made])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        draft = turn.draft
        match choice_id:
            case "next" if any(draft.week):
                return Goto(SetCapacity)
            case "next":
                return Again(fault_words(turn, HoursUnreadable(HoursFault.EMPTY)))
            case "office":
                draft.week = week_of(PUBLIC_OFFICE_RULES.hours)
            case "mornings":
                draft.week = week_of(MORNINGS)
            case _:
                toggle(draft, choice_id)
        return Again()

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        return take_typed(turn, reply)


class SetCapacity(Step[CentreDraft]):
    """Ask how many people the centre receives side by side."""

    name = "capacity"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        return Prompt(
            turn.gettext("How many people can you receive at the same time?"),
            [Choice(str(number), str(number)) for number in range(1, 7)],
        )

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        turn.draft.capacity = int(choice_id)
        return Goto(SetLength)

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        typed = reply.text.strip() if isinstance(reply, Text) else ""
        if not (typed.isdecimal() and len(typed) <= 2 and 1 <= int(typed) <= MOST_AT_ONCE):
            return Again(turn.gettext("Please write a number from 1 to {n}.").format(n=MOST_AT_ONCE))
        return await self.chosen(turn, str(int(typed)))


class SetLength(Step[CentreDraft]):
    """Ask how long one visit takes."""

    name = "length"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        return Prompt(
            turn.gettext("How long is one visit?"),
            [Choice(str(minutes), duration(turn, minutes)) for minutes in LENGTHS_MIN],
        )

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        turn.draft.slot_minutes = int(choice_id)
        if not places_a_week(_rules(turn.draft, PUBLIC_OFFICE_RULES)):
            return Again(turn.gettext("No visit of that length fits into your hours. Choose a shorter one."))
        return Goto(SetRest)


class SetRest(Step[CentreDraft]):
    """Ask how long a caseworker rests after a visit, before the next."""

    name = "rest"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        return Prompt(turn.gettext("How long a rest after each visit?"), rest_choices(turn))

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        turn.draft.buffer_minutes = int(choice_id)
        return Goto(CheckHours)


class CheckHours(Step[CentreDraft]):
    """Show the new week before people can book on it."""

    name = "check_hours"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        rules = _rules(turn.draft, centre.rules if centre else PUBLIC_OFFICE_RULES)
        lines = [
            *rules_lines(turn, rules),
            *places_lines(turn, rules),
            "",
            turn.gettext("From then on bookings are confirmed at once. Earlier requests still wait for you."),
        ]
        # Translators: label, at most 20 characters.
        return Prompt("\n".join(lines), [Choice("save", turn.pgettext("button", "💾 Save"))])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_to_change(turn)
        if centre is None:
            return Home(not_yours(turn))
        await turn.desk.centres.set_rules(centre.slug, _rules(turn.draft, centre.rules))
        said = turn.gettext("Saved. From now on bookings are confirmed at once.")
        return back_to_centre(centre.slug, said)


def begin_hours(draft: CentreDraft, centre: Centre) -> None:
    """Fill the draft with the hours as they are, or as they stand in."""
    draft.week = week_of(centre.rules.hours)
    draft.capacity, draft.slot_minutes = centre.rules.capacity, centre.rules.slot_minutes
    draft.buffer_minutes = centre.rules.buffer_minutes


def rules_lines(turn: Turn[CentreDraft], rules: VisitRules) -> list[str]:
    """Return the week, how many visits run side by side, how long one is and the rest after it."""
    return [
        *week_lines(turn, rules.hours),
        turn.gettext("Visits at the same time: {n}").format(n=rules.capacity),
        turn.gettext("Minutes for one visit: {n}").format(n=rules.slot_minutes),
        turn.gettext("Minutes of rest after it: {n}").format(n=rules.buffer_minutes),
    ]


def places_lines(turn: Turn[CentreDraft], rules: VisitRules) -> list[str]:
    """Return how many visits a week the hours give, and how many of them nobody can book."""
    places = places_a_week(replace(rules, walk_in_percent=0))
    lines = [
        turn.ngettext("That is {n} visit a week.", "That is {n} visits a week.", places).format(n=places)
    ]
    if rules.walk_in_percent:
        kept = places - places_a_week(rules)
        lines.append(
            turn.ngettext(
                "{n} of them is kept for people who come without a visit.",
                "{n} of them are kept for people who come without a visit.",
                kept,
            ).format(n=kept)
        )
    return lines


def duration(turn: Turn[CentreDraft], minutes: int) -> str:
    """Return a stretch of time in the largest unit that tells it whole."""
    if minutes and minutes % MINUTES_A_DAY == 0:
        days = minutes // MINUTES_A_DAY
        return turn.ngettext("{n} day", "{n} days", days).format(n=days)
    if minutes and minutes % MINUTES_AN_HOUR == 0:
        hours = minutes // MINUTES_AN_HOUR
        return turn.ngettext("{n} hour", "{n} hours", hours).format(n=hours)
    return turn.ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes)


def rest_choices(turn: Turn[CentreDraft]) -> list[Choice]:
    # Translators: label, at most 20 characters. No rest after a visit.
    none = Choice("0", turn.pgettext("button", "🚫 No rest"))
    return [none, *(Choice(str(minutes), duration(turn, minutes)) for minutes in RESTS_MIN if minutes)]


def week_words(turn: Turn[CentreDraft], week: Sequence[str], asked: str, example: str) -> str:
    """Ask for a week under what it is so far; `example` is one as it may be typed."""
    hours = week_lines(turn, hours_of(week)) if any(week) else [turn.gettext("Every day is closed.")]
    how = turn.gettext("Tap a day to open or close it, or type its hours, such as:")
    return "\n".join([asked, "", *hours, "", how, example])


def day_choices(turn: Turn[CentreDraft], week: Sequence[str]) -> list[Choice]:
    """Return a button a weekday that says whether it is open; `toggle` acts on them."""
    names = zip(weekday_names(turn), week, strict=False)
    return [
        Choice(f"d{number}", f"{'✅' if openings else '⬜'} {name}")
        for number, (name, openings) in enumerate(names)
    ]


def toggle(draft: CentreDraft, choice_id: str) -> None:
    """Close an open day; open a closed one with the hours of the first open day."""
    weekday = int(choice_id[1:])
    others = [*draft.week, *week_of(PUBLIC_OFFICE_RULES.hours)]
    draft.week[weekday] = "" if draft.week[weekday] else next(filter(None, others))


def take_typed(turn: Turn[CentreDraft], reply: Reply) -> Again:
    """Read typed hours into the draft's week; only the days that were named change."""
    if not isinstance(reply, Text):
        return Again(turn.not_understood(reply))
    try:
        typed = week_of(parse_typed(reply.text))
    except HoursUnreadable as unreadable:
        return Again(fault_words(turn, unreadable))
    turn.draft.week = [new or old for new, old in zip(typed, turn.draft.week, strict=True)]
    return Again()


def places_a_week(rules: VisitRules) -> int:
    """Return how many visits in person can be booked in a week of usual hours."""
    usual = replace(rules, periods=())
    return sum(usual.places_on(_A_MONDAY + timedelta(days=ahead)) for ahead in range(len(DAY_NAMES)))


def week_of(hours: WeeklyHours) -> list[str]:
    """Return one text a day, as a draft keeps it."""
    return [" ".join(map(str, openings)) for openings in hours.days]


def hours_of(week: Sequence[str]) -> WeeklyHours:
    """Return a draft's week as hours. Raises HoursUnreadable when no day is open."""
    days = zip(DAY_NAMES, week, strict=True)
    return WeeklyHours.parse("; ".join(f"{name} {openings}" for name, openings in days if openings))


def _rules(draft: CentreDraft, kept: VisitRules) -> VisitRules:
    return replace(
        kept,
        hours=hours_of(draft.week),
        capacity=draft.capacity,
        slot_minutes=draft.slot_minutes,
        buffer_minutes=draft.buffer_minutes,
    )


def fault_words(turn: Turn[CentreDraft], unreadable: HoursUnreadable) -> str:
    match unreadable.reason:
        case HoursFault.EMPTY:
            said = turn.gettext("At least one day must be open.")
        case HoursFault.UNKNOWN_DAY:
            said = turn.gettext("Which day is “{part}”? Write for example: mon 08:30-12:00")
        case HoursFault.DAY_TWICE:
            said = turn.gettext("A day is named twice: “{part}”. Put all its hours on one line.")
        case HoursFault.DAY_WITHOUT_HOURS:
            said = turn.gettext("What are the hours of “{part}”? Write for example: mon 08:30-12:00")
        case HoursFault.UNKNOWN_TIME:
            said = turn.gettext("“{part}” is no time. Write for example: 08:30-12:00")
        case HoursFault.ENDS_BEFORE_START:
            said = turn.gettext("“{part}” ends before it begins. Write afternoons as 13:00-16:30.")
        case HoursFault.OVERLAP:
            said = turn.gettext("These hours overlap: “{part}”.")
    return said.format(part=unreadable.part)
