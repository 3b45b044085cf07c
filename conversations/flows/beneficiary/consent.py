"""May we keep this? Asked once, in few words, before anything is kept."""

from collections.abc import Sequence

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.check_in import plan_questions, withdraw_questions
from conversations.flows.beneficiary.language import NoAnswers


class AskConsent(Step[NoAnswers]):
    name = "consent"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        text = turn.gettext(
            "To help you, we keep your language, your visits and what you write to us. "
            "It is encrypted, and you can have it erased at any time.\n\n"
            "To get no more messages, write “stop”.\n\n"
            "Do you agree?"
        )
        # Translators: label, at most 24 characters.
        more = Choice("more", turn.pgettext("button", "ℹ️ Tell me more"))
        return Prompt(text, [*_answers(turn), more], navigation=False)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return Goto(TellMore) if choice_id == "more" else await _decide(turn, choice_id)


class TellMore(Step[NoAnswers]):
    name = "more"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        lines = [
            turn.gettext(
                "We keep your language, the town or centre you choose, your visits and your messages."
            ),
            turn.gettext("It is encrypted. Only caseworkers can open it, and each time is written down."),
            turn.gettext("We never ask about your case. We never keep where you are."),
            turn.gettext("Nothing goes to the police."),
            turn.gettext("You can see what is kept and erase it at any time, under “Settings”."),
        ]
        return Prompt("\n\n".join(lines), _answers(turn), navigation=False)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return await _decide(turn, choice_id)


def _answers(turn: Turn[NoAnswers]) -> Sequence[Choice]:
    return (
        # Translators: label, at most 24 characters.
        Choice("agree", turn.pgettext("button", "✅ I agree")),
        # Translators: label, at most 24 characters. The person agrees and also wants news of programmes.
        Choice("agree_news", turn.pgettext("button", "✅ I agree, and news")),
        # Translators: label, at most 24 characters.
        Choice("refuse", turn.pgettext("button", "✖️ No, thank you")),
    )


async def _decide(turn: Turn[NoAnswers], choice_id: str) -> Move:
    contacts, me = turn.desk.contacts, turn.contact.id
    if choice_id == "refuse":
        await contacts.refuse(me, at=turn.now)
        await turn.reload()
        await withdraw_questions(turn)
        return Home(
            turn.gettext(
                "That is fine. We keep nothing of what you tell us. You can still find a centre and read on."
            )
        )
    await contacts.agree(me, news=choice_id == "agree_news", at=turn.now)
    await turn.reload()
    await plan_questions(turn)
    return Home(turn.gettext("Thank you. You can change this at any time under “Settings”."))


CONSENT = Flow(name="consent", draft=NoAnswers, steps=[AskConsent, TellMore], roles=BENEFICIARIES)
