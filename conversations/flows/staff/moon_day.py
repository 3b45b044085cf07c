"""For a centre's staff, three days before a feast that hangs on the moon: when do you close?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from conversations.care.centres import Centre
from conversations.care.closures import Closure, ClosureReason
from conversations.care.moon import MoonAnswer, answered_days, days_from
from conversations.care.people import CASEWORKERS, MANAGERS
from conversations.engine.flow import Choice, Enter, Finish, Flow, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.displaced_visits import Touched, move_touched
from conversations.flows.staff.centre_access import CentreDraft, may_look_after
from conversations.flows.staff.closed_days import ClosedDays
from conversations.flows.staff.closing import summary
from conversations.flows.visit_words import city

NAME = "moon_day"


@dataclass
class MoonDays:
    """A feast of so many days, as computed, at a centre."""

    centre_slug: str = ""
    first_day: date | None = None
    days: int = 1


class AskMoon(Step[MoonDays]):
    """The first answer of a centre counts; who comes later sees how it stands."""

    name = "moon"

    async def holds(self, turn: Turn[MoonDays]) -> bool:
        if not may_look_after(turn.contact, turn.draft.centre_slug):
            return False
        closures = await _feast(turn)
        return bool(closures) and not any(closure.decided for closure in closures)

    async def ask(self, turn: Turn[MoonDays]) -> Prompt:
        draft, closures = turn.draft, await _feast(turn)
        if draft.first_day is None or not closures:
            return Prompt(_not_expected(turn))
        centre = await turn.desk.centres.get(draft.centre_slug)
        labels = _labels(turn)
        lines = [
            # Translators: first line seen on a locked screen. {feast} is a public holiday.
            turn.gettext("🌙 {feast}: when do you close?").format(feast=_feast_name(turn, closures)),
            _why(turn, centre),
            "",
            *_days_lines(turn, labels[MoonAnswer.AS_COMPUTED], draft.first_day, draft.days),
            *_days_lines(
                turn, labels[MoonAnswer.A_DAY_LATER], draft.first_day + timedelta(days=1), draft.days
            ),
        ]
        return Prompt("\n".join(lines), [Choice(answer, label) for answer, label in labels.items()])

    async def chosen(self, turn: Turn[MoonDays], choice_id: str) -> Move:
        draft = turn.draft
        if draft.first_day is None or not await _feast(turn):
            return Finish(_not_expected(turn))
        if not may_look_after(turn.contact, draft.centre_slug):
            return Home(turn.gettext("This centre is not yours to look after."))
        if draft.first_day + timedelta(days=draft.days) < turn.today:
            return Finish(turn.gettext("That feast is over, so nothing was changed."))
        # Before the first word is written: whoever closes a day at the same moment waits here, not half-way.
        await turn.desk.appointments.lock_closings(draft.centre_slug)
        if await _decides(turn, answered_days(draft.first_day, draft.days, MoonAnswer(choice_id))):
            said = turn.gettext("Saved. You can change each day here.")
            touched = await move_touched(turn, draft.centre_slug)
            if touched != Touched():
                said = f"{said}\n{summary(turn, touched)}"
        else:
            said = turn.gettext("A colleague has answered already. It stands like this:")
        return Enter("centre_details", CentreDraft(draft.centre_slug), ClosedDays.name, said)


async def _decides(turn: Turn[MoonDays], days: Mapping[date, bool]) -> bool:
    """Write an answer down unless the centre has one about the feast's first day; tell whether it counts."""
    slug, by = turn.draft.centre_slug, turn.contact.id
    (first_day, closed), *others = days.items()
    reason = ClosureReason.HOLIDAY if closed else None
    if not await turn.desk.closures.decide_once(slug, first_day, closed=closed, by=by, reason=reason):
        return False
    for day, closed in others:
        reason = ClosureReason.HOLIDAY if closed else None
        await turn.desk.closures.decide(slug, day, closed=closed, by=by, reason=reason)
    return True


async def _feast(turn: Turn[MoonDays]) -> list[Closure]:
    """Return the feast's days that are still holidays of the moon; a new calendar may have none there."""
    if turn.draft.first_day is None:
        return []
    first, *_, last = [turn.draft.first_day, *days_from(turn.draft.first_day, turn.draft.days)]
    found = await turn.desk.closures.between(turn.draft.centre_slug, first, last)
    return [closure for closure in found if closure.estimated]


def _feast_name(turn: Turn[MoonDays], closures: list[Closure]) -> str:
    first = closures[0]
    return (first.name_ar if turn.texts.direction == "rtl" else first.name_fr) or ""


def _why(turn: Turn[MoonDays], centre: Centre) -> str:
    said = turn.gettext("The moon decides, and people should know. Centre: {city}")
    return said.format(city=city(turn, centre))


def _days_lines(turn: Turn[MoonDays], label: str, first_day: date, days: int) -> list[str]:
    return [label, *(turn.format_day(day) for day in days_from(first_day, days))]


def _labels(turn: Turn[MoonDays]) -> dict[MoonAnswer, str]:
    return {
        # Translators: label, at most 24 characters. The centre closes on the computed days of a feast.
        MoonAnswer.AS_COMPUTED: turn.pgettext("button", "📅 As computed"),
        # Translators: label, at most 24 characters. The centre closes a day later than computed.
        MoonAnswer.A_DAY_LATER: turn.pgettext("button", "➡️ A day later"),
        # Translators: label, at most 24 characters. The centre closes on the computed and on the later days.
        MoonAnswer.BOTH: turn.pgettext("button", "🔒 On all these days"),
        # Translators: label, at most 24 characters. The centre does not close for the feast.
        MoonAnswer.OPEN: turn.pgettext("button", "🔓 We stay open"),
    }


def _not_expected(turn: Turn[MoonDays]) -> str:
    return turn.gettext("That feast is no longer expected on these days, so nothing was changed.")


MOON_DAY = Flow(NAME, MoonDays, (AskMoon,), roles=CASEWORKERS | MANAGERS)
