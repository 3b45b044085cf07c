"""What a manager answered to a complaint."""

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import ComplaintWords


class ReadAnswer(Step[ComplaintWords]):
    """Like a caseworker's words, but what is answered goes to the managers again."""

    name = "answer"

    async def holds(self, turn: Turn[ComplaintWords]) -> bool:
        return bool(turn.draft.text)

    async def ask(self, turn: Turn[ComplaintWords]) -> Prompt:
        # Translators: first line seen on a locked screen.
        said = turn.gettext("💬 An answer for you:")
        choices = [
            # Translators: label, at most 20 characters.
            Choice("answer", turn.pgettext("button", "✍️ Answer")),
            # Translators: label, at most 20 characters.
            Choice("thanks", turn.pgettext("button", "🙏 Thank you")),
        ]
        return Prompt(f"{said}\n\n{turn.texts.isolate(turn.draft.text)}", choices)

    async def chosen(self, turn: Turn[ComplaintWords], choice_id: str) -> Move:
        if choice_id == "answer":
            return Enter("complaint")
        words = turn.texts.isolate(turn.draft.text)
        welcome = turn.gettext("🙏 You are welcome.")
        return Finish(f"{words}\n\n{welcome}")


COMPLAINT_ANSWER = Flow(
    name="complaint_answer", draft=ComplaintWords, steps=[ReadAnswer], roles=BENEFICIARIES
)
