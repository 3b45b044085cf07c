"""A caseworker answers the person of a task."""

from dataclasses import dataclass
from typing import Any

from conversations.care.people import CASEWORKERS, ContactId
from conversations.care.tasks import Task
from conversations.engine.flow import Again, Choice, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.news import Words
from conversations.flows.staff.task_actions import finish, gone, own_task, take
from conversations.flows.staff.task_words import number_to_call, task_details

# With the service's own words around it, it still fits one message on every channel.
LONGEST_ANSWER = 1000


@dataclass
class AnswerDraft:
    """The task that is answered. `sent` False: the person could not be reached when the answer came."""

    task_id: int = 0
    sent: bool = True


class WriteAnswer(Step[AnswerDraft]):
    """Show the person's words again and take what the caseworker writes."""

    name = "write"
    matches_typed_choices = False

    async def ask(self, turn: Turn[AnswerDraft]) -> Prompt:
        task = await own_task(turn, turn.draft.task_id)
        if task is None:
            return Prompt(gone(turn))
        return Prompt(f"{await write_answer(turn, task.contact_id)}\n\n{await task_details(turn, task)}")

    async def answer(self, turn: Turn[AnswerDraft], reply: Reply) -> Move:
        text = written_answer(turn, reply)
        if isinstance(text, Again):
            return text
        task = await take(turn, turn.draft.task_id)
        if isinstance(task, str):
            return Finish(turn.gettext("{reason} Your answer was not sent.").format(reason=task))
        turn.draft.sent = await turn.desk.contacts.is_reachable(task.contact_id)
        if turn.draft.sent:
            _send(turn, task, text)
        return Goto(Settled)


async def write_answer(turn: Turn[Any], contact_id: ContactId) -> str:
    """Ask for an answer to a person, or say that it would not arrive."""
    if await turn.desk.contacts.is_reachable(contact_id):
        return turn.gettext("✍️ Write your answer. The person gets it as you write it.")
    return turn.gettext("This person can't be reached here at the moment: an answer would not arrive.")


def written_answer(turn: Turn[Any], reply: Reply) -> str | Again:
    """Return the answer; else what is wrong with it."""
    if not isinstance(reply, Text):
        return Again(turn.gettext("Only text can be passed on from here. Please write your answer."))
    text = reply.text.strip()
    if 1 <= len(text) <= LONGEST_ANSWER:
        return text
    said = turn.gettext("That is too long: please write at most {n} characters.")
    return Again(said.format(n=LONGEST_ANSWER))


class Settled(Step[AnswerDraft]):
    """Ask whether the matter is settled with that."""

    name = "settled"

    async def ask(self, turn: Turn[AnswerDraft]) -> Prompt:
        choices = [
            # Translators: label, at most 20 characters.
            Choice("done", turn.pgettext("button", "✅ Done")),
            # Translators: label, at most 20 characters. The matter stays open.
            Choice("later", turn.pgettext("button", "⏳ Not yet")),
        ]
        if turn.draft.sent:
            return Prompt(turn.gettext("Your answer is on its way. Is the matter settled?"), choices)
        task = await own_task(turn, turn.draft.task_id)
        lines = [
            turn.gettext("This person can't be reached here at the moment, so the answer was not sent."),
            task and number_to_call(turn, task),
            turn.gettext("Is the matter settled?"),
        ]
        return Prompt("\n".join(line for line in lines if line), choices)

    async def chosen(self, turn: Turn[AnswerDraft], choice_id: str) -> Move:
        if choice_id == "done":
            return Finish(await finish(turn, turn.draft.task_id))
        return Finish(turn.gettext("It stays with you, under “People waiting”."))


def _send(turn: Turn[AnswerDraft], task: Task, text: str) -> None:
    turn.push(
        task.contact_id,
        "staff_words",
        Words(task.id, text),
        purpose=Purpose.HANDOVER,
        key=f"task:{task.id}:words:{turn.now:%Y%m%dT%H%M%S%f}",
        subject=f"task:{task.id}",
    )


ANSWER_FLOW = Flow("answer", AnswerDraft, (WriteAnswer, Settled), roles=CASEWORKERS)
