"""The people who wait for a caseworker: a list, a card for each, an answer."""

from dataclasses import dataclass, replace

from conversations.care.people import CASEWORKERS
from conversations.care.tasks import Task
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.answer import ANSWER_FLOW, AnswerDraft
from conversations.flows.staff.task_actions import (
    ANSWER,
    TAKE,
    action_choices,
    finish,
    gone,
    note_look,
    own_task,
    take,
)
from conversations.flows.staff.task_words import (
    age_words,
    holder_words,
    kind_words,
    known_when_opened,
    task_prompt,
)


@dataclass
class TasksDraft:
    """The part of the list on the screen, and the task whose card is open."""

    page: int = 0
    task_id: int = 0


class ShowTasks(Step[TasksDraft]):
    """List who waits, urgent first; each opens its card."""

    name = "tasks"

    async def ask(self, turn: Turn[TasksDraft]) -> Prompt:
        tasks = await turn.desk.tasks.open(turn.contact.centre_slug)
        if not tasks:
            return Prompt(turn.gettext("Nobody is waiting. 👍"))
        page = page_of(tasks, turn.draft.page)
        numbered = list(enumerate(page.items, start=1))
        count = turn.ngettext("{n} request is open.", "{n} requests are open.", len(tasks))
        lines = [count.format(n=len(tasks)), "", *(_line(turn, number, task) for number, task in numbered)]
        choices = [
            Choice(f"t{task.id}", f"{number}. {kind_words(turn, task.kind)}") for number, task in numbered
        ]
        return Prompt("\n".join(lines), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[TasksDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        task = await own_task(turn, int(choice_id[1:]))
        if task is None:
            return Again(gone(turn))
        await note_look(turn, task)
        turn.draft.task_id = task.id
        return Goto(TaskCard)


class TaskCard(Step[TasksDraft]):
    """Show the person's words and offer to answer, to take the task and to close it."""

    name = "task"

    async def ask(self, turn: Turn[TasksDraft]) -> Prompt:
        task = await own_task(turn, turn.draft.task_id)
        if task is None:
            return Prompt(gone(turn))
        prompt = await task_prompt(turn, kind_words(turn, task.kind), task, action_choices(turn, task))
        known = await known_when_opened(turn, task)
        return replace(prompt, text="\n\n".join((prompt.text, *known)))

    async def chosen(self, turn: Turn[TasksDraft], choice_id: str) -> Move:
        draft = turn.draft
        if choice_id in (ANSWER, TAKE):
            taken = await take(turn, draft.task_id)
            if isinstance(taken, str):
                return Enter(TASKS.name, TasksDraft(draft.page), notice=taken)
            return Enter(ANSWER_FLOW.name, AnswerDraft(taken.id)) if choice_id == ANSWER else Again()
        return Enter(TASKS.name, TasksDraft(draft.page), notice=await finish(turn, draft.task_id))


async def show_tasks(turn: Turn[TasksDraft], argument: str) -> Move:
    """Handle /tasks."""
    return Enter(TASKS.name, TasksDraft())


def _line(turn: Turn[TasksDraft], number: int, task: Task) -> str:
    parts = [kind_words(turn, task.kind), age_words(turn, task), holder_words(turn, task)]
    return f"{number}. " + " · ".join(part for part in parts if part)


TASKS = Flow("tasks", TasksDraft, (ShowTasks, TaskCard), roles=CASEWORKERS)
