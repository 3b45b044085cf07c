"""What a caseworker is called before people: in the reminder on the eve of a visit, and nowhere else."""

from conversations.care.people import CASEWORKERS
from conversations.engine.flow import Again, Flow, Home, Move, Prompt, Step
from conversations.engine.reply import Reply
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.language import NoAnswers
from conversations.flows.typed_names import name_prompt, typed_name


class TellOwnName(Step[NoAnswers]):
    name = "own_name"
    matches_typed_choices = False

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        asked = turn.gettext("Who expects people on their visit? They read this name on the eve.")
        return name_prompt(turn, asked)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        await turn.desk.contacts.set_name(turn.contact.id, None)
        return Home(turn.gettext("People read “the team” instead of your name."))

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        name = typed_name(turn, reply)
        if isinstance(name, Again):
            return name
        await turn.desk.contacts.set_name(turn.contact.id, name)
        return Home(turn.gettext("Now we call you {name}.").format(name=name))


OWN_NAME = Flow("own_name", NoAnswers, (TellOwnName,), roles=CASEWORKERS)
