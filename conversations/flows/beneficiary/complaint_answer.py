"""What a manager answered to a complaint."""

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.staff_words import answer_prompt, welcome
from conversations.flows.news import ComplaintWords


class ReadAnswer(Step[ComplaintWords]):
    """Like a caseworker's words, but what is answered goes to the managers again."""

    name = "answer"

    async def holds(self, turn: Turn[ComplaintWords]) -> bool:
        return bool(turn.draft.text)

    async def ask(self, turn: Turn[ComplaintWords]) -> Prompt:
        return answer_prompt(turn, turn.draft.text)

    async def chosen(self, turn: Turn[ComplaintWords], choice_id: str) -> Move:
        return Enter("complaint") if choice_id == "answer" else welcome(turn, turn.draft.text)


COMPLAINT_ANSWER = Flow(
    name="complaint_answer", draft=ComplaintWords, steps=[ReadAnswer], roles=BENEFICIARIES
)
