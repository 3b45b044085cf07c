"""What was done at the word "stop", and how to take it back.

The word itself acts at once (conversations/flows/words.py): nobody has to answer first.
"""

from dataclasses import dataclass

from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.check_in import plan_questions


@dataclass
class Stopped:
    """What the person got until now, and would get again on "undo"."""

    news: bool = False
    check_ins: bool = False


class TellStopped(Step[Stopped]):
    name = "stopped"

    async def ask(self, turn: Turn[Stopped]) -> Prompt:
        choices = []
        if turn.draft.news or turn.draft.check_ins:
            # Translators: label, at most 20 characters.
            choices.append(Choice("undo", turn.pgettext("button", "↩️ Undo")))
        # Translators: label, at most 20 characters.
        choices.append(Choice("erase", turn.pgettext("button", "🗑️ Erase everything")))
        text = turn.gettext(
            "🔕 Done. You get no more news and no more questions from us. Reminders of your own visits "
            "still come."
        )
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[Stopped], choice_id: str) -> Move:
        if choice_id == "erase":
            return Enter("erase")
        contacts, me = turn.desk.contacts, turn.contact.id
        if turn.draft.news:
            await contacts.set_news(me, True)
        if turn.draft.check_ins:
            await contacts.set_check_ins(me, True)
        await turn.reload()
        await plan_questions(turn)
        return Finish(turn.gettext("Everything is as it was before."))


STOP = Flow(name="stop", draft=Stopped, steps=[TellStopped], roles=BENEFICIARIES)
