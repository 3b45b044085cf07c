"""What else a centre's staff decide about booking: the steps of "centre_details" behind "More"."""

from dataclasses import replace
from typing import Any

from conversations.care.centres import Centre
from conversations.care.hours import Length, VisitRules
from conversations.care.periods import still
from conversations.engine.flow import Again, Choice, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.centre_words import period_line
from conversations.flows.staff.centre_access import (
    CentreDraft,
    centre_in_hand,
    centre_to_change,
    not_yours,
)
from conversations.flows.staff.centre_point import SetPoint
from conversations.flows.staff.door_code import DoorCode
from conversations.flows.staff.opening_hours import (
    LENGTHS_MIN,
    SetWeek,
    begin_hours,
    duration,
    places_a_week,
    rest_choices,
)
from conversations.flows.staff.other_hours import OtherHours

CALL_LENGTHS = range(15, 61)
WALK_IN_PERCENTS = (0, 10, 20, 30, 50)
# With more, hardly anybody could book.
WALK_IN_LIMITS = range(91)
LEADS_MIN = (60, 120, 240, 1440, 2880)
HORIZONS = (14, 30, 60, 90)
# Later than the longest lead, and no further than public holidays are known ahead (HOLIDAYS_AHEAD).
HORIZON_LIMITS = range(7, 121)
MOST_LETTERS = 200
NONE = "none"
# They are those of a centre's own hours.
_NEED_HOURS = ("phone_visits", "walk_ins", "lead", "horizon")


class MoreRules(Step[CentreDraft]):
    """Show what else can be set, and as what it is set."""

    name = "more"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        choices = [
            # Translators: label, at most 24 characters.
            Choice("phone_visits", turn.pgettext("button", "☎️ Telephone visits")),
            # Translators: label, at most 24 characters. People who come without having booked a visit.
            Choice("walk_ins", turn.pgettext("button", "🚪 Without a visit")),
            # Translators: label, at most 24 characters. How long before it starts a visit can be booked.
            Choice("lead", turn.pgettext("button", "⏳ How late to book")),
            # Translators: label, at most 24 characters. How many days ahead a visit can be booked.
            Choice("horizon", turn.pgettext("button", "📆 How far ahead")),
            # Translators: label, at most 24 characters. Hours that hold only for a while.
            Choice("other_hours", turn.pgettext("button", "🌙 Ramadan, other hours")),
            # Translators: label, at most 24 characters. How people find the centre's door.
            Choice("at_the_door", turn.pgettext("button", "📍 At the door")),
        ]
        said = turn.gettext("What else can be set; a change counts at once.")
        return Prompt("\n".join([said, "", *more_lines(turn, centre)]), choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        if choice_id in _NEED_HOURS and not centre.hours_confirmed:
            return Goto(HoursFirst)
        match choice_id:
            case "phone_visits":
                return Goto(SetCalls)
            case "walk_ins":
                return Goto(SetWalkIns)
            case "lead":
                return Goto(SetLead)
            case "horizon":
                return Goto(SetHorizon)
            case "at_the_door":
                return Goto(AtTheDoor)
        return Goto(OtherHours)


class AtTheDoor(Step[CentreDraft]):
    """How people find the door: what one sees before it, its place on the map, the code that hangs there."""

    name = "at_the_door"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        choices = [
            # Translators: label, at most 20 characters. What one sees before the centre's door.
            Choice("landmark", turn.pgettext("button", "🏪 Landmark")),
            # Translators: label, at most 20 characters. Where exactly the centre is.
            Choice("point", turn.pgettext("button", "🗺️ Set on the map")),
            # Translators: label, at most 20 characters. The code that people scan at the door when they come.
            Choice("door", turn.pgettext("button", "🚪 Door code")),
        ]
        asked = turn.gettext("How do people find your door?")
        return Prompt(f"{asked}\n\n{_landmark_line(turn, centre)}", choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        match choice_id:
            case "landmark":
                return Goto(EditLandmark)
            case "point":
                return Goto(SetPoint)
        return Goto(DoorCode)


class HoursFirst(Step[CentreDraft]):
    """Lead to the hours, without which the rest means nothing."""

    name = "hours_first"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        asked = turn.gettext("Please set your opening hours first. The rest is about visits within them.")
        # Translators: label, at most 20 characters. Leads to the opening hours.
        return Prompt(asked, [Choice("hours", turn.pgettext("button", "🕐 Set the hours"))])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        begin_hours(turn.draft, centre)
        return Goto(SetWeek)


class SetCalls(Step[CentreDraft]):
    """Ask whether there are visits by telephone, and how long one takes."""

    name = "phone_visits"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        # Translators: label, at most 20 characters. The centre receives nobody by telephone.
        none = Choice(NONE, turn.pgettext("button", "🚫 No calls"))
        lengths = [Choice(str(minutes), duration(turn, minutes)) for minutes in LENGTHS_MIN]
        asked = turn.gettext(
            "Can people book a visit by telephone, and how long is one? You can also write the minutes."
        )
        return Prompt(asked, [none, *lengths])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        if choice_id == NONE:
            return await _save(turn, phone=None)
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        turn.draft.phone_minutes = int(choice_id)
        if not places_a_week(replace(centre.rules, slot_minutes=int(choice_id))):
            return Again(turn.gettext("No visit of that length fits into your hours. Choose a shorter one."))
        return Goto(SetCallRest)

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        minutes = _number(reply, CALL_LENGTHS)
        return _between(turn, CALL_LENGTHS) if minutes is None else await self.chosen(turn, str(minutes))


class SetCallRest(Step[CentreDraft]):
    """Ask how long a caseworker rests after a call."""

    name = "phone_rest"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        return Prompt(turn.gettext("How long a rest after each call?"), rest_choices(turn))

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        return await _save(turn, phone=Length(turn.draft.phone_minutes, int(choice_id)))


class SetWalkIns(Step[CentreDraft]):
    """Ask how many places of a day are left to people who come without a visit."""

    name = "walk_ins"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        asked = turn.gettext(
            "Which share of a day's places do you keep for people who come without a visit? "
            "You can also write it."
        )
        shares = [
            Choice(str(percent), turn.gettext("{n} %").format(n=percent)) for percent in WALK_IN_PERCENTS
        ]
        return Prompt(asked, shares)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        return await _save(turn, walk_in_percent=int(choice_id))

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        percent = _number(reply, WALK_IN_LIMITS)
        return _between(turn, WALK_IN_LIMITS) if percent is None else await self.chosen(turn, str(percent))


class SetLead(Step[CentreDraft]):
    """Ask how long before its start a visit can still be booked."""

    name = "lead"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        asked = turn.gettext("How long before its start can a visit be booked at the latest?")
        return Prompt(asked, [Choice(str(minutes), duration(turn, minutes)) for minutes in LEADS_MIN])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        return await _save(turn, lead_minutes=int(choice_id))


class SetHorizon(Step[CentreDraft]):
    """Ask how many days ahead visits can be booked."""

    name = "horizon"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        asked = turn.gettext("How many days ahead can people book? You can also write the number.")
        days = [
            Choice(str(days), turn.ngettext("{n} day", "{n} days", days).format(n=days)) for days in HORIZONS
        ]
        return Prompt(asked, days)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        return await _save(turn, horizon_days=int(choice_id))

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        days = _number(reply, HORIZON_LIMITS)
        return _between(turn, HORIZON_LIMITS) if days is None else await self.chosen(turn, str(days))


class EditLandmark(Step[CentreDraft]):
    """Take what one sees before the door, as it is told to people on their way."""

    name = "landmark"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        asked = turn.gettext("What does one see before your door? Write it for people on their way.")
        if not centre.landmark:
            return Prompt(asked)
        # Translators: label, at most 20 characters. Takes the landmark away.
        remove = Choice("remove", turn.pgettext("button", "🗑️ Remove it"))
        return Prompt(f"{asked}\n\n{_landmark_line(turn, centre)}", [remove])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        return await _save_landmark(turn, None)

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        typed = " ".join(reply.text.split()) if isinstance(reply, Text) else ""
        if not 3 <= len(typed) <= MOST_LETTERS:
            return Again(turn.gettext("Please write it in 3 to {n} characters.").format(n=MOST_LETTERS))
        return await _save_landmark(turn, typed)


def more_lines(turn: Turn[Any], centre: Centre) -> list[str]:
    """Return what is set beside hours and length, a line each."""
    return [
        *_rules_lines(turn, centre.rules),
        _landmark_line(turn, centre),
        *(period_line(turn, period) for period in still(centre.rules.periods, turn.today)),
    ]


def _rules_lines(turn: Turn[Any], rules: VisitRules) -> list[str]:
    if rules.phone is None:
        calls = turn.gettext("Telephone visits: none")
    else:
        calls = turn.gettext("Telephone visits: {length}, then {rest} of rest").format(
            length=duration(turn, rules.phone.minutes), rest=duration(turn, rules.phone.buffer_minutes)
        )
    lead = turn.gettext("Booked at the latest {time} before").format(time=duration(turn, rules.lead_minutes))
    ahead = duration(turn, rules.horizon_days * 24 * 60)
    return [
        calls,
        turn.gettext("Kept for people without a visit: {n} %").format(n=rules.walk_in_percent),
        lead,
        turn.gettext("Booked at most {time} ahead").format(time=ahead),
    ]


def _landmark_line(turn: Turn[Any], centre: Centre) -> str:
    if centre.landmark:
        return turn.gettext("Landmark: {landmark}").format(landmark=centre.landmark)
    return turn.gettext("Landmark: not known yet")


def _number(reply: Reply, limits: range) -> int | None:
    """Return a typed number within the limits, in digits of any script; None for anything else."""
    typed = reply.text.strip(" %٪") if isinstance(reply, Text) else ""
    if not (typed.isdecimal() and len(typed) <= 3 and int(typed) in limits):
        return None
    return int(typed)


def _between(turn: Turn[CentreDraft], limits: range) -> Again:
    asked = turn.gettext("Please write a number from {least} to {most}.")
    return Again(asked.format(least=limits.start, most=limits.stop - 1))


async def _save(turn: Turn[CentreDraft], **changes: Any) -> Move:
    """Change a centre's own rules, whatever colleagues have changed of them meanwhile."""
    centre = await centre_to_change(turn)
    if centre is None:
        return Home(not_yours(turn))
    if not centre.hours_confirmed:
        return Goto(HoursFirst)
    await turn.desk.centres.set_rules(centre.slug, replace(centre.rules, **changes))
    return Goto(MoreRules)


async def _save_landmark(turn: Turn[CentreDraft], landmark: str | None) -> Move:
    centre = await centre_in_hand(turn)
    if centre is None:
        return Home(not_yours(turn))
    await turn.desk.centres.set_landmark(centre.slug, landmark)
    return Goto(AtTheDoor)
