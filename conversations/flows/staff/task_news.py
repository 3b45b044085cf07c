"""News for a caseworker: somebody wrote, asks for help or for a call."""

from conversations.care.people import CASEWORKERS
from conversations.care.tasks import Task, TaskKind, TaskStatus
from conversations.engine.flow import Again, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import TaskNews
from conversations.flows.staff.answer import ANSWER_FLOW, AnswerDraft
from conversations.flows.staff.task_actions import (
    ANSWER,
    TAKE,
    action_choices,
    finish,
    gone,
    note_look,
    open_task,
    own_task,
    take,
)
from conversations.flows.staff.task_words import task_prompt


class TellTask(Step[TaskNews]):
    """Show the person's words and offer to answer, to take the task and to close it."""

    name = "news"

    async def holds(self, turn: Turn[TaskNews]) -> bool:
        return isinstance(await open_task(turn, turn.draft.task_id), Task)

    async def ask(self, turn: Turn[TaskNews]) -> Prompt:
        task = await own_task(turn, turn.draft.task_id)
        if task is None:
            return Prompt(gone(turn))
        return await task_prompt(turn, _headline(turn, task.kind), task, action_choices(turn, task))

    async def pushed(self, turn: Turn[TaskNews]) -> None:
        task = await own_task(turn, turn.draft.task_id)
        if task is not None:
            await note_look(turn, task)

    async def chosen(self, turn: Turn[TaskNews], choice_id: str) -> Move:
        task = await open_task(turn, turn.draft.task_id)
        if isinstance(task, str):
            return Finish(task)
        if task.status is TaskStatus.TAKEN and task.taken_by != turn.contact.id:
            return Finish(turn.gettext("A colleague is on it."))
        if choice_id == ANSWER:
            taken = await take(turn, task.id)
            return Finish(taken) if isinstance(taken, str) else Enter(ANSWER_FLOW.name, AnswerDraft(task.id))
        if choice_id == TAKE:
            taken = await take(turn, task.id)
            return Finish(taken) if isinstance(taken, str) else Again()
        return Finish(await finish(turn, task.id))


def _headline(turn: Turn[TaskNews], kind: TaskKind) -> str:
    match kind:
        case TaskKind.DANGER:
            # Translators: first line seen on a locked screen.
            return turn.gettext("🆘 Urgent: somebody may be in danger. Please look now.")
        case TaskKind.HELP:
            # Translators: first line seen on a locked screen.
            return turn.gettext("🙋 Somebody needs help.")
        case TaskKind.CALL_BACK:
            # Translators: first line seen on a locked screen.
            return turn.gettext("📞 Somebody wants to be called.")
        case TaskKind.MESSAGE:
            # Translators: first line seen on a locked screen.
            return turn.gettext("💬 Somebody wrote to you.")
        case TaskKind.UNREACHED:
            # Translators: first line seen on a locked screen.
            return turn.gettext("📵 A message can't reach somebody. They were to be told:")
        case TaskKind.DISPLACED:
            # Translators: first line seen on a locked screen.
            return turn.gettext("📅 Somebody's visit needs another time.")
        case TaskKind.NOT_UNDERSTOOD:
            # Translators: first line seen on a locked screen.
            return turn.gettext("❓ Somebody was not understood and needs a person.")
        case TaskKind.MISSED_VISITS:
            # Translators: first line seen on a locked screen.
            return turn.gettext("☎️ Somebody could not be at two visits. Please call: it may help.")


TASK_NEWS = Flow("task_news", TaskNews, (TellTask,), roles=CASEWORKERS)
