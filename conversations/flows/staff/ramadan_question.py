"""For a centre's staff, ten days before Ramadan: do other hours hold then?"""

from dataclasses import dataclass
from datetime import date

from conversations.care.hours import HoursPeriod
from conversations.care.people import CASEWORKERS, MANAGERS
from conversations.care.periods import FastingMonth
from conversations.engine.flow import Choice, Enter, Finish, Flow, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.staff.centre_access import CentreDraft, may_look_after
from conversations.flows.staff.other_hours import FirstFast, OnePeriod, begin_ramadan, ramadan_label
from conversations.flows.visit_words import city

NAME = "ramadan_question"


@dataclass
class RamadanQuestion:
    """A Ramadan as computed, and the centre that may have other hours then."""

    centre_slug: str = ""
    first_day: date | None = None
    last_day: date | None = None


class AskRamadan(Step[RamadanQuestion]):
    """Lead to the hours of Ramadan, or leave things as they are."""

    name = "ramadan"

    async def holds(self, turn: Turn[RamadanQuestion]) -> bool:
        if not may_look_after(turn.contact, turn.draft.centre_slug) or _is_over(turn):
            return False
        return await _set_already(turn) is None

    async def ask(self, turn: Turn[RamadanQuestion]) -> Prompt:
        centre = await turn.desk.centres.get(turn.draft.centre_slug)
        expected = turn.gettext("It is expected around {day}. Centre: {city}")
        lines = [
            # Translators: first line seen on a locked screen.
            turn.gettext("🌙 Do other hours hold at your centre in Ramadan?"),
            expected.format(day=turn.format_day(turn.draft.first_day or turn.today), city=city(turn, centre)),
        ]
        # Translators: label, at most 20 characters. The opening hours stay as they are in Ramadan.
        same = Choice("same", turn.pgettext("button", "👌 The usual hours"))
        return Prompt("\n".join(lines), [Choice("set", ramadan_label(turn)), same])

    async def chosen(self, turn: Turn[RamadanQuestion], choice_id: str) -> Move:
        slug = turn.draft.centre_slug
        if not may_look_after(turn.contact, slug):
            return Home(turn.gettext("This centre is not yours to look after."))
        if _is_over(turn):
            return Finish(turn.gettext("Ramadan is over, so nothing was changed."))
        draft, period = CentreDraft(slug), await _set_already(turn)
        if period is not None:
            draft.period, draft.first_day = period.kind, period.first_day
            said = turn.gettext("A colleague has set these hours already.")
            return Enter("centre_details", draft, OnePeriod.name, said)
        if choice_id == "same":
            return Finish(turn.gettext("The usual hours hold. You can still change that: /centre"))
        begin_ramadan(draft)
        return Enter("centre_details", draft, FirstFast.name)


def _is_over(turn: Turn[RamadanQuestion]) -> bool:
    return turn.draft.last_day is None or turn.draft.last_day < turn.today


async def _set_already(turn: Turn[RamadanQuestion]) -> HoursPeriod | None:
    """Return the hours that the centre has set for this Ramadan, None when there are none."""
    first, last = turn.draft.first_day, turn.draft.last_day
    if first is None or last is None:
        return None
    periods = (await turn.desk.centres.get(turn.draft.centre_slug)).rules.periods
    return next(filter(FastingMonth(first, last).meets, periods), None)


RAMADAN_QUESTION = Flow(NAME, RamadanQuestion, (AskRamadan,), roles=CASEWORKERS | MANAGERS)
