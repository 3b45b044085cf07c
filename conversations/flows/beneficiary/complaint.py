"""A complaint, with the person's name or without; it goes to the managers alone.

Without a name nothing that is kept says who wrote it. So that is asked first: the words go from the chat
straight to the complaint, neither the session nor the inbox ever holds them, and the answer repeats none.
"""

from dataclasses import dataclass

from conversations.care.complaints import LONGEST, MOST_OPEN, Complaint, news_due
from conversations.care.people import BENEFICIARIES, Role
from conversations.engine.flow import Again, Choice, Finish, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn

NAMED, UNNAMED = "named", "unnamed"


@dataclass
class ComplaintDraft:
    """`centre_slug` is the centre it is about; None: the person's own, where they have one."""

    centre_slug: str | None = None
    unnamed: bool = False


class ChooseName(Step[ComplaintDraft]):
    """What is tapped here is not kept either."""

    name = "name"
    is_secret = True

    async def ask(self, turn: Turn[ComplaintDraft]) -> Prompt:
        text = turn.gettext(
            "Only managers read complaints, never caseworkers. Without your name it is kept with nothing "
            "that says it was you, and nobody can answer you."
        )
        choices = [
            # Translators: label, at most 20 characters.
            Choice(NAMED, turn.pgettext("button", "👤 With my name")),
            # Translators: label, at most 20 characters.
            Choice(UNNAMED, turn.pgettext("button", "🕶️ Anonymous")),
        ]
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[ComplaintDraft], choice_id: str) -> Move:
        turn.draft.unnamed = choice_id == UNNAMED
        return Goto(WriteComplaint) if await _may_file(turn) else Home(_too_many(turn))


class WriteComplaint(Step[ComplaintDraft]):
    """What is written here is kept in the complaint and nowhere else."""

    name = "words"
    matches_typed_choices = False
    is_secret = True

    async def ask(self, turn: Turn[ComplaintDraft]) -> Prompt:
        if turn.draft.unnamed:
            return Prompt(
                turn.gettext(
                    "Write what went wrong, in one message. Managers see your words, the day and the centre: "
                    "leave out what shows who you are."
                )
            )
        return Prompt(turn.gettext("Write what went wrong, in one message. The answer comes here."))

    async def answer(self, turn: Turn[ComplaintDraft], reply: Reply) -> Move:
        if not isinstance(reply, Text) or not (words := reply.text.strip()):
            return Again(turn.gettext("Please write it in words."))
        if len(words) > LONGEST:
            return Again(
                turn.gettext("That is too long: please write at most {n} characters.").format(n=LONGEST)
            )
        # Another may have come from the person's other phone meanwhile.
        if not await _may_file(turn):
            return Home(_too_many(turn))
        await _file(turn, words)
        if turn.draft.unnamed:
            return Finish(turn.gettext("🙏 Thank you. The managers will read it."))
        return Finish(turn.gettext("🙏 Thank you. The managers will read it, and the answer comes here."))


async def _may_file(turn: Turn[ComplaintDraft]) -> bool:
    if turn.draft.unnamed:
        return turn.world.unnamed_complaints.may_file(turn.contact.id, turn.today)
    return await turn.desk.complaints.count_open(turn.contact.id) < MOST_OPEN


def _too_many(turn: Turn[ComplaintDraft]) -> str:
    if turn.draft.unnamed:
        return turn.gettext("That is enough for today. You can write again tomorrow.")
    return turn.gettext(
        "{n} complaints of yours are open. You can write another one when one is settled."
    ).format(n=MOST_OPEN)


async def _file(turn: Turn[ComplaintDraft], words: str) -> None:
    unnamed = turn.draft.unnamed
    complaint = await turn.desk.complaints.file(
        words,
        contact_id=None if unnamed else turn.contact.id,
        centre_slug=turn.draft.centre_slug or turn.contact.centre_slug,
        now=turn.now,
    )
    if unnamed:
        turn.world.unnamed_complaints.note(turn.contact.id, turn.today)
    await _tell_managers(turn, complaint)


async def _tell_managers(turn: Turn[ComplaintDraft], complaint: Complaint) -> None:
    """Plan the news: what is due is no part of this turn, and so not of the same moment."""
    due_at = turn.now if complaint.contact_id is not None else news_due(turn.now)
    for manager in await turn.desk.contacts.staff(Role.MANAGER):
        await turn.desk.schedule.plan(
            contact_id=manager.id,
            purpose=Purpose.STAFF,
            subject=f"complaint:{complaint.id}",
            version=1,
            steps=[(f"m{manager.id}", due_at)],
        )


COMPLAINT = Flow(
    name="complaint", draft=ComplaintDraft, steps=[ChooseName, WriteComplaint], roles=BENEFICIARIES
)
