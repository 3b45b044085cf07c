"""What a caseworker can do about a task, from its news and from the list alike."""

from typing import Any

from conversations.care.tasks import Task, TaskStatus
from conversations.engine.flow import Choice
from conversations.engine.turn import Turn
from conversations.errors import TaskTaken, TaskUnknown

ANSWER, TAKE, DONE = "answer", "take", "done"


def action_choices(turn: Turn[Any], task: Task) -> list[Choice]:
    """Return what this caseworker can do: what a colleague took can only be closed for them."""
    # Translators: label, at most 20 characters.
    done = Choice(DONE, turn.pgettext("button", "✅ Done"))
    if task.status is TaskStatus.DONE:
        return []
    if task.taken_by not in (None, turn.contact.id):
        return [done]
    # Translators: label, at most 20 characters.
    answer = Choice(ANSWER, turn.pgettext("button", "✍️ Answer"))
    if task.taken_by == turn.contact.id:
        return [answer, done]
    # Translators: label, at most 20 characters. The caseworker will look after it.
    return [answer, Choice(TAKE, turn.pgettext("button", "✋ I take it")), done]


async def own_task(turn: Turn[Any], task_id: int) -> Task | None:
    """Return a task that this caseworker may see: of their centre or of none; None for any other."""
    try:
        task = await turn.desk.tasks.get(task_id)
    except TaskUnknown:
        return None
    return task if task.centre_slug in (None, turn.contact.centre_slug) else None


async def open_task(turn: Turn[Any], task_id: int) -> Task | str:
    """Return the task while something can be done about it, else the sentence that says why not."""
    task = await own_task(turn, task_id)
    if task is None:
        return gone(turn)
    if task.status is TaskStatus.DONE:
        return turn.gettext("This is already done.")
    return task


async def take(turn: Turn[Any], task_id: int) -> Task | str:
    """Make the task this caseworker's own; else return the sentence that says why not."""
    task = await open_task(turn, task_id)
    if isinstance(task, str):
        return task
    try:
        return await turn.desk.tasks.take(task.id, turn.contact.id, now=turn.now)
    except TaskTaken:
        return turn.gettext("A colleague is on it.")


async def finish(turn: Turn[Any], task_id: int) -> str:
    """Close the task and return what to tell the caseworker."""
    task = await open_task(turn, task_id)
    if isinstance(task, str):
        return task
    await turn.desk.tasks.finish(task.id, turn.contact.id, now=turn.now)
    return turn.gettext("Done. Thank you.")


async def note_look(turn: Turn[Any], task: Task) -> None:
    """Write down that this caseworker opened what the person wrote."""
    await turn.desk.audit.looked(turn.contact.id, task.contact_id, "task", now=turn.now)


def gone(turn: Turn[Any]) -> str:
    """Return what to say about a task that is no longer there or no longer this caseworker's to see."""
    return turn.gettext("This is no longer there: the person may have erased their data.")
