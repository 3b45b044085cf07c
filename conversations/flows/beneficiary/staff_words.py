"""What a caseworker answered."""

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import Words


class ReadWords(Step[Words]):
    name = "words"

    async def holds(self, turn: Turn[Words]) -> bool:
        return bool(turn.draft.text)

    async def ask(self, turn: Turn[Words]) -> Prompt:
        # Translators: first line seen on a locked screen.
        said = turn.gettext("💬 An answer for you:")
        choices = [
            # Translators: label, at most 20 characters.
            Choice("answer", turn.pgettext("button", "✍️ Answer")),
            # Translators: label, at most 20 characters.
            Choice("thanks", turn.pgettext("button", "🙏 Thank you")),
        ]
        return Prompt(f"{said}\n\n{turn.texts.isolate(turn.draft.text)}", choices)

    async def chosen(self, turn: Turn[Words], choice_id: str) -> Move:
        if choice_id == "answer":
            return Enter("person")
        words = turn.texts.isolate(turn.draft.text)
        welcome = turn.gettext("🙏 You are welcome.")
        return Finish(f"{words}\n\n{welcome}")


STAFF_WORDS = Flow(name="staff_words", draft=Words, steps=[ReadWords], roles=BENEFICIARIES)
