"""Where a person belongs who is inside no flow: the menu, or what is open without consent."""

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.language import NoAnswers
from conversations.flows.beneficiary.own_words import understood
from conversations.flows.beneficiary.questions import looked_up


class ChooseFromMenu(Step[NoAnswers]):
    """The ids are the names of flows."""

    name = "menu"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        if name := turn.contact.name:
            text = turn.gettext("Hello {name}. What can we do for you?").format(name=name)
        else:
            text = turn.gettext("What can we do for you?")
        choices = [
            # Translators: label, at most 24 characters.
            Choice("booking", turn.pgettext("button", "📅 Book a visit")),
            # Translators: label, at most 24 characters.
            Choice("my_visits", turn.pgettext("button", "🗓️ My visits")),
            _nearest(turn),
            _services(turn),
            # Translators: label, at most 24 characters.
            Choice("person", turn.pgettext("button", "💬 Talk to a person")),
            # Translators: label, at most 24 characters.
            Choice("settings", turn.pgettext("button", "⚙️ Settings")),
            _help_numbers(turn),
        ]
        return Prompt(text, choices, navigation=False)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return Enter(choice_id)

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        move = await understood(turn, reply.text) if isinstance(reply, Text) else None
        return move or await super().answer(turn, reply)


class ChooseAsVisitor(Step[NoAnswers]):
    """For those who do not want anything kept. The ids are the names of flows."""

    name = "visitor"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        text = turn.gettext("You can look around, and nothing is kept. What would you like to know?")
        choices = [
            _nearest(turn),
            _services(turn),
            # Translators: label, at most 24 characters.
            Choice("questions", turn.pgettext("button", "❓ Questions people ask")),
            _help_numbers(turn),
            # Translators: label, at most 24 characters.
            Choice("language", turn.pgettext("button", "🌐 Language")),
            # Translators: label, at most 24 characters. The person refused consent and now thinks otherwise.
            Choice("consent", turn.pgettext("button", "🤝 I changed my mind")),
        ]
        return Prompt(text, choices, navigation=False)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return Enter(choice_id)

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        move = looked_up(turn, reply.text) if isinstance(reply, Text) else None
        return move or await super().answer(turn, reply)


def _nearest(turn: Turn[NoAnswers]) -> Choice:
    # Translators: label, at most 24 characters.
    return Choice("nearest", turn.pgettext("button", "📍 Nearest centre"))


def _services(turn: Turn[NoAnswers]) -> Choice:
    # Translators: label, at most 24 characters.
    return Choice("services", turn.pgettext("button", "💡 What can I get?"))


def _help_numbers(turn: Turn[NoAnswers]) -> Choice:
    # Translators: label, at most 24 characters.
    return Choice("help_numbers", turn.pgettext("button", "☎️ Help numbers"))


MENU = Flow(name="menu", draft=NoAnswers, steps=[ChooseFromMenu], roles=BENEFICIARIES)
VISITOR_MENU = Flow(name="visitor_menu", draft=NoAnswers, steps=[ChooseAsVisitor], roles=BENEFICIARIES)
