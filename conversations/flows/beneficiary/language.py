"""Choose a language: the first thing anybody meets."""

from dataclasses import dataclass

from conversations.engine.flow import Again, Choice, Finish, Flow, Home, Move, Prompt, Step
from conversations.engine.reply import Reply
from conversations.engine.turn import Turn
from conversations.texts import LANGUAGES

# One line a language, each in its own: who reads this has not chosen one yet.
GREETING = "\n".join(
    (
        "👋 مرحبا! اختار اللغة ديالك.",
        "👋 مرحبًا! اختر لغتك.",
        "👋 Bonjour ! Choisissez votre langue.",
        "👋 Hello! Please choose your language.",
    )
)


@dataclass
class NoAnswers:
    """Nothing is kept between the steps."""


class ChooseLanguage(Step[NoAnswers]):
    name = "language"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        choices = [Choice(language.code, language.name) for language in LANGUAGES]
        return Prompt(GREETING, choices, navigation=False)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        is_first_choice = turn.contact.language is None
        await turn.desk.contacts.set_language(turn.contact.id, choice_id)
        await turn.reload()
        said = turn.gettext("✅ We will write to you in this language.")
        # Who came for something else goes on with it; who has just come in goes on inside.
        return Home(said) if is_first_choice else Finish(said)

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        # The greeting is its own help; any other sentence might be in the wrong language.
        return Again()


LANGUAGE = Flow(name="language", draft=NoAnswers, steps=[ChooseLanguage])
