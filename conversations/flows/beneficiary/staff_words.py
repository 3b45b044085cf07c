"""What a caseworker answered."""

from typing import Any

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import Words


class ReadWords(Step[Words]):
    name = "words"

    async def holds(self, turn: Turn[Words]) -> bool:
        return bool(turn.draft.text)

    async def ask(self, turn: Turn[Words]) -> Prompt:
        return answer_prompt(turn, turn.draft.text)

    async def chosen(self, turn: Turn[Words], choice_id: str) -> Move:
        return Enter("person") if choice_id == "answer" else welcome(turn, turn.draft.text)


def answer_prompt(turn: Turn[Any], words: str) -> Prompt:
    """Show what staff wrote; "answer" and "thanks" are the ways on."""
    # Translators: first line seen on a locked screen.
    said = turn.gettext("💬 An answer for you:")
    choices = [
        # Translators: label, at most 20 characters.
        Choice("answer", turn.pgettext("button", "✍️ Answer")),
        # Translators: label, at most 20 characters.
        Choice("thanks", turn.pgettext("button", "🙏 Thank you")),
    ]
    return Prompt(f"{said}\n\n{turn.texts.isolate(words)}", choices)


def welcome(turn: Turn[Any], words: str) -> Finish:
    """Say that thanks have come, under the words, which would else be gone from the screen."""
    said = turn.gettext("🙏 You are welcome.")
    return Finish(f"{turn.texts.isolate(words)}\n\n{said}")


STAFF_WORDS = Flow(name="staff_words", draft=Words, steps=[ReadWords], roles=BENEFICIARIES)
