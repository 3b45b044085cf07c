"""What people asked and nobody has written an answer to: for managers, who see to the answers."""

from dataclasses import dataclass

from conversations.care.people import MANAGERS
from conversations.care.unanswered import Unanswered
from conversations.engine.flow import Again, Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.paging import PAGE_SIZE, page_choices, page_of, turned


@dataclass
class UnansweredDraft:
    """The part of the list on the screen."""

    page: int = 0


class ShowUnanswered(Step[UnansweredDraft]):
    """List the questions, the most often asked first; a button takes one off when it is seen to."""

    name = "unanswered"

    async def ask(self, turn: Turn[UnansweredDraft]) -> Prompt:
        questions = await turn.desk.unanswered.all()
        if not questions:
            return Prompt(turn.gettext("Every question so far has an answer. 👍"))
        page = page_of(questions, turn.draft.page)
        numbered = list(enumerate(page.items, start=page.number * PAGE_SIZE + 1))
        lead = turn.gettext("Questions without an answer. “…” stands for words that are not kept.")
        lines = [lead, "", *(_line(turn, number, question) for number, question in numbered)]
        choices = [Choice(f"u{question.id}", _done(turn, number)) for number, question in numbered]
        return Prompt("\n".join(lines), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[UnansweredDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        await turn.desk.unanswered.remove(int(choice_id[1:]))
        return Again(turn.gettext("Taken off the list."))


async def show_unanswered(turn: Turn[UnansweredDraft], argument: str) -> Move:
    """Handle /unanswered."""
    return Enter(UNANSWERED.name, UnansweredDraft())


def _line(turn: Turn[UnansweredDraft], number: int, question: Unanswered) -> str:
    times = turn.ngettext("{n} time", "{n} times", question.count).format(n=question.count)
    week = turn.gettext("last in the week of {day}").format(day=turn.format_day(question.last_week))
    return f"{number}. {turn.texts.isolate(question.words)} · {question.language} · {times} · {week}"


def _done(turn: Turn[UnansweredDraft], number: int) -> str:
    # Translators: label, at most 20 characters. The question of that number has its answer now.
    return turn.pgettext("button", "✅ {number} is done").format(number=number)


UNANSWERED = Flow("unanswered", UnansweredDraft, (ShowUnanswered,), roles=MANAGERS)
