"""What a caseworker is called before people: in the reminder on the eve of a visit, and nowhere else."""

from conversations.care.people import CASEWORKERS
from conversations.engine.flow import Again, Choice, Flow, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.language import NoAnswers

LONGEST_NAME = 40


class TellOwnName(Step[NoAnswers]):
    name = "own_name"
    matches_typed_choices = False

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        text = turn.gettext("Who expects people on their visit? They read this name on the eve.")
        if not turn.contact.name:
            return Prompt(text)
        now = turn.gettext("Now we call you {name}.").format(name=turn.contact.name)
        # Translators: label, at most 20 characters.
        forget = Choice("forget", turn.pgettext("button", "✖️ No name"))
        return Prompt(f"{text}\n{now}", [forget])

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        await turn.desk.contacts.set_name(turn.contact.id, None)
        return Home(turn.gettext("People read “the team” instead of your name."))

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        name = " ".join(reply.text.split()) if isinstance(reply, Text) else ""
        if not name:
            return Again(turn.gettext("Please write the name."))
        if len(name) > LONGEST_NAME:
            return Again(turn.gettext("That is too long for a name. A short one is enough."))
        await turn.desk.contacts.set_name(turn.contact.id, name)
        return Home(turn.gettext("Now we call you {name}.").format(name=name))


OWN_NAME = Flow("own_name", NoAnswers, (TellOwnName,), roles=CASEWORKERS)
