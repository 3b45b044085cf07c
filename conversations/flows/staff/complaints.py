"""What people complain about, for managers: a list, a card, an answer to those who gave their name."""

from dataclasses import dataclass
from typing import Any

from conversations.care.complaints import URGENT_AFTER, Complaint, ComplaintStatus
from conversations.care.people import MANAGERS
from conversations.care.wall_time import to_local
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Reply
from conversations.engine.turn import Turn
from conversations.flows.news import ComplaintWords
from conversations.flows.paging import PAGE_SIZE, page_choices, page_of, turned
from conversations.flows.staff.answer import write_answer, written_answer
from conversations.flows.visit_words import city

ANSWER, CLOSE = "answer", "close"


@dataclass
class ComplaintsDraft:
    """The part of the list on the screen, and the complaint whose card is open."""

    page: int = 0
    complaint_id: int = 0


class ShowComplaints(Step[ComplaintsDraft]):
    """List what is open, oldest first; what waits too long is red."""

    name = "complaints"

    async def ask(self, turn: Turn[ComplaintsDraft]) -> Prompt:
        complaints = await turn.desk.complaints.open()
        if not complaints:
            return Prompt(turn.gettext("No complaint is open. 👍"))
        page = page_of(complaints, turn.draft.page)
        numbered = list(enumerate(page.items, start=page.number * PAGE_SIZE + 1))
        count = turn.ngettext("📮 {n} complaint is open.", "📮 {n} complaints are open.", len(complaints))
        lines = [f"{number}. {await _line(turn, complaint)}" for number, complaint in numbered]
        choices = [Choice(f"c{complaint.id}", _read(turn, number)) for number, complaint in numbered]
        text = "\n".join([count.format(n=len(complaints)), "", *lines])
        return Prompt(text, [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[ComplaintsDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        return await open_card(turn, int(choice_id[1:]), turn.draft.page)


class ComplaintCard(Step[ComplaintsDraft]):
    name = "complaint"

    async def ask(self, turn: Turn[ComplaintsDraft]) -> Prompt:
        complaint = await _open_complaint(turn)
        if complaint is None:
            return Prompt(_gone(turn))
        words = turn.gettext("“{words}”").format(words=complaint.text)
        lines = [await _line(turn, complaint), await _who(turn, complaint), "", words]
        # Translators: label, at most 20 characters.
        close = Choice(CLOSE, turn.pgettext("button", "✅ Close it"))
        if complaint.contact_id is None:
            return Prompt("\n".join(lines), [close])
        # Translators: label, at most 20 characters.
        answer = Choice(ANSWER, turn.pgettext("button", "✍️ Answer"))
        return Prompt("\n".join(lines), [answer, close])

    async def chosen(self, turn: Turn[ComplaintsDraft], choice_id: str) -> Move:
        if choice_id == ANSWER:
            return Goto(WriteAnswer)
        complaint = await _open_complaint(turn)
        if complaint is None:
            return _back(turn, _gone(turn))
        await turn.desk.complaints.close(complaint.id, now=turn.now)
        await turn.desk.schedule.withdraw(_subject(complaint.id))
        return _back(turn, turn.gettext("Closed."))


class WriteAnswer(Step[ComplaintsDraft]):
    """What the manager writes goes to the person's chat; it is kept nowhere else."""

    name = "answer"
    matches_typed_choices = False

    async def ask(self, turn: Turn[ComplaintsDraft]) -> Prompt:
        complaint = await _open_complaint(turn)
        if complaint is None or complaint.contact_id is None:
            return Prompt(_gone(turn))
        asked = await write_answer(turn, complaint.contact_id)
        words = turn.gettext("“{words}”").format(words=complaint.text)
        return Prompt(f"{asked}\n\n{words}")

    async def answer(self, turn: Turn[ComplaintsDraft], reply: Reply) -> Move:
        text = written_answer(turn, reply)
        if isinstance(text, Again):
            return text
        complaint = await _open_complaint(turn)
        if complaint is None or complaint.contact_id is None:
            return _back(turn, _gone(turn))
        card = ComplaintsDraft(turn.draft.page, complaint.id)
        if not await turn.desk.contacts.is_reachable(complaint.contact_id):
            said = turn.gettext(
                "This person can't be reached here at the moment, so the answer was not sent."
            )
            return Enter(COMPLAINTS.name, card, ComplaintCard.name, said)
        turn.push(
            complaint.contact_id,
            "complaint_answer",
            ComplaintWords(complaint.id, text),
            purpose=Purpose.FEEDBACK,
            key=f"{_subject(complaint.id)}:words:{turn.now:%Y%m%dT%H%M%S%f}",
            subject=f"{_subject(complaint.id)}:words",
        )
        said = turn.gettext("Your answer is on its way. Is the matter settled?")
        return Enter(COMPLAINTS.name, card, ComplaintCard.name, said)


async def show_complaints(turn: Turn[ComplaintsDraft], argument: str) -> Move:
    """Handle /complaints."""
    return Enter(COMPLAINTS.name, ComplaintsDraft())


async def open_card(turn: Turn[Any], complaint_id: int, page: int = 0) -> Move:
    """Open a complaint; that a manager read what a person wrote is written down like any look."""
    complaint = await turn.desk.complaints.get(complaint_id)
    if complaint is None or complaint.status is ComplaintStatus.DONE:
        return Enter(COMPLAINTS.name, ComplaintsDraft(page), notice=_gone(turn))
    if complaint.contact_id is not None:
        await turn.desk.audit.looked(turn.contact.id, complaint.contact_id, "complaint", now=turn.now)
    return Enter(COMPLAINTS.name, ComplaintsDraft(page, complaint_id), ComplaintCard.name)


async def _open_complaint(turn: Turn[ComplaintsDraft]) -> Complaint | None:
    complaint = await turn.desk.complaints.get(turn.draft.complaint_id)
    return complaint if complaint and complaint.status is ComplaintStatus.OPEN else None


def _back(turn: Turn[ComplaintsDraft], said: str) -> Move:
    return Enter(COMPLAINTS.name, ComplaintsDraft(turn.draft.page), notice=said)


async def _line(turn: Turn[Any], complaint: Complaint) -> str:
    """Return centre and age, and whether there is a name, in one line."""
    about = turn.gettext("no centre")
    if complaint.centre_slug:
        about = city(turn, await turn.desk.centres.get(complaint.centre_slug))
    named = turn.gettext("without a name") if complaint.contact_id is None else turn.gettext("with a name")
    line = f"{turn.texts.isolate(about)} · {_age(turn, complaint)} · {named}"
    return f"🔴 {line}" if turn.now - complaint.created_at > URGENT_AFTER else line


def _age(turn: Turn[Any], complaint: Complaint) -> str:
    days = (turn.today - to_local(complaint.created_at, turn.world.zone).date()).days
    if days < 1:
        return turn.gettext("today")
    return turn.ngettext("{n} day ago", "{n} days ago", days).format(n=days)


async def _who(turn: Turn[Any], complaint: Complaint) -> str:
    if complaint.contact_id is None:
        return turn.gettext("Nobody knows who wrote it, so nobody can be answered.")
    name = (await turn.desk.contacts.get(complaint.contact_id)).name
    return turn.gettext("Name: {name}").format(name=name or turn.gettext("not given"))


def _read(turn: Turn[Any], number: int) -> str:
    # Translators: label, at most 20 characters. Opens the complaint of that number.
    return turn.pgettext("button", "📮 Read {number}").format(number=number)


def _gone(turn: Turn[Any]) -> str:
    return turn.gettext("This complaint is no longer open.")


def _subject(complaint_id: int) -> str:
    return f"complaint:{complaint_id}"


COMPLAINTS = Flow("complaints", ComplaintsDraft, (ShowComplaints, ComplaintCard, WriteAnswer), roles=MANAGERS)
