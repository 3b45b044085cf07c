"""Where an administrator starts from: the chat only brings alerts, everything else is the command line's."""

from dataclasses import dataclass

from conversations.care.people import ADMINISTRATORS
from conversations.engine.flow import Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word

# What an administrator types on the server.
DOCTOR = "jisr doctor"


@dataclass
class AdministratorMenu:
    """Keeps nothing."""


class ShowMenu(Step[AdministratorMenu]):
    """Say what this chat is for."""

    name = "menu"

    async def ask(self, turn: Turn[AdministratorMenu]) -> Prompt:
        text = turn.gettext(
            "Here you hear when something is wrong with the service, and when it is well again. "
            "“{command}” on the server tells more."
        ).format(command=turn.texts.isolate(DOCTOR))
        choices = [
            # Translators: label, at most 24 characters. Also: use this on another phone or app.
            Choice("addresses", turn.pgettext("button", "📱 Phones and apps")),
            # Translators: label, at most 24 characters.
            Choice(Word.LANGUAGE, turn.pgettext("button", "🌐 Language")),
        ]
        return Prompt(text, choices, navigation=False)

    async def chosen(self, turn: Turn[AdministratorMenu], choice_id: str) -> Move:
        return Enter("addresses")


ADMINISTRATOR_MENU = Flow("administrator_menu", AdministratorMenu, (ShowMenu,), roles=ADMINISTRATORS)
