"""For a manager: a complaint has come in. What it says stands in the list alone."""

from conversations.care.complaints import ComplaintStatus
from conversations.care.people import MANAGERS
from conversations.engine.flow import Choice, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import ComplaintNews
from conversations.flows.staff.complaints import open_card


class TellComplaint(Step[ComplaintNews]):
    name = "news"

    async def holds(self, turn: Turn[ComplaintNews]) -> bool:
        complaint = await turn.desk.complaints.get(turn.draft.complaint_id)
        return complaint is not None and complaint.status is ComplaintStatus.OPEN

    async def ask(self, turn: Turn[ComplaintNews]) -> Prompt:
        # Translators: first line seen on a locked screen.
        text = turn.gettext("📮 Somebody wrote to the managers.")
        # Translators: label, at most 20 characters.
        return Prompt(text, [Choice("open", turn.pgettext("button", "📮 Read it"))])

    async def chosen(self, turn: Turn[ComplaintNews], choice_id: str) -> Move:
        return await open_card(turn, turn.draft.complaint_id)


COMPLAINT_NEWS = Flow("complaint_news", ComplaintNews, (TellComplaint,), roles=MANAGERS)
