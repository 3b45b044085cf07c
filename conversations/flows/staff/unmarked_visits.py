"""In the evening, for a caseworker: of so many of today's visits nobody has noted how they went."""

from conversations.care.attendance import unmarked_on
from conversations.care.people import CASEWORKERS
from conversations.engine.flow import Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import UnmarkedVisits
from conversations.flows.staff.propose import AgendaDraft


class TellUnmarked(Step[UnmarkedVisits]):
    name = "unmarked"

    async def holds(self, turn: Turn[UnmarkedVisits]) -> bool:
        return turn.draft.centre_slug == turn.contact.centre_slug and await _count(turn) > 0

    async def ask(self, turn: Turn[UnmarkedVisits]) -> Prompt:
        count = await _count(turn)
        text = turn.ngettext(
            "📋 Of {n} visit it is not noted how it went.",
            "📋 Of {n} visits it is not noted how they went.",
            count,
        ).format(n=count)
        # Translators: label, at most 20 characters.
        agenda = Choice("agenda", turn.pgettext("button", "📋 Agenda"))
        return Prompt(f"{text}\n{turn.format_day(turn.draft.day or turn.today)}", [agenda])

    async def chosen(self, turn: Turn[UnmarkedVisits], choice_id: str) -> Move:
        return Enter("agenda", AgendaDraft(first=turn.draft.day or turn.today))


async def _count(turn: Turn[UnmarkedVisits]) -> int:
    slug, day = turn.draft.centre_slug, turn.draft.day or turn.today
    return len(await unmarked_on(turn, slug, day)) if slug == turn.contact.centre_slug else 0


UNMARKED_VISITS = Flow("unmarked_visits", UnmarkedVisits, (TellUnmarked,), roles=CASEWORKERS)
