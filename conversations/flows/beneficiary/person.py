"""Talk to a person: words, a voice note or a picture go to a caseworker."""

from conversations.care.helplines import AMBULANCE, POLICE
from conversations.care.people import BENEFICIARIES
from conversations.care.tasks import TaskKind
from conversations.engine.flow import Again, Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.reply import Reply
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.language import NoAnswers
from conversations.flows.handover import hand_over, said_in


class WriteMessage(Step[NoAnswers]):
    name = "message"
    matches_typed_choices = False

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        # Translators: label, at most 20 characters. It goes to the managers, not to a caseworker.
        complaint = Choice("complaint", turn.pgettext("button", "📮 Complaint"))
        return Prompt(
            turn.gettext("Write your message, or send a voice note or a picture. A caseworker will get it."),
            [complaint],
        )

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return Enter(choice_id)

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        return await _pass_on(turn, reply)


class WriteMore(Step[NoAnswers]):
    """People write the way they speak: in several short messages."""

    name = "more"
    matches_typed_choices = False

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        # Translators: label, at most 20 characters.
        done = Choice("done", turn.pgettext("button", "✅ That is all"))
        return Prompt(turn.gettext("✅ Your message is kept. You can add to it here."), [done])

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return Finish(turn.gettext("Thank you. The answer will come here, in this chat."))

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        return await _pass_on(turn, reply)


class WaitForSomebody(WriteMore):
    """The same while no caseworker is connected: nobody is told that somebody reads at once."""

    name = "waiting"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        prompt = await super().ask(turn)
        text = turn.gettext(
            "We have your message. No caseworker is here yet; somebody will read it. "
            "In an emergency, call the ambulance or the police:"
        )
        return Prompt(f"{text}\n{AMBULANCE.numbers[0]}\n{POLICE.numbers[0]}", prompt.choices)


async def _pass_on(turn: Turn[NoAnswers], reply: Reply) -> Move:
    said = said_in(reply, turn.channel)
    if said is None:
        return Again(turn.gettext("Please write a few words, or send a voice note or a picture."))
    handover = await hand_over(turn, TaskKind.MESSAGE, said)
    return Goto(WriteMore if handover.heard else WaitForSomebody)


PERSON = Flow(
    name="person", draft=NoAnswers, steps=[WriteMessage, WriteMore, WaitForSomebody], roles=BENEFICIARIES
)
