"""Erase everything that is kept of a person."""

from conversations.care import visits
from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Farewell, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.language import NoAnswers
from conversations.flows.beneficiary.profiles import let_numbers_rise


class CheckErase(Step[NoAnswers]):
    name = "erase"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        text = turn.gettext(
            "🗑️ Erase all that is kept about you? Your visits are cancelled too. This can't be undone."
        )
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "🗑️ Yes, erase it")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "✖️ No, keep it")),
        ]
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        if choice_id != "yes":
            return Finish(turn.gettext("Nothing was erased."))
        # The centres hear that the places are free before it is forgotten whose they were.
        for visit in await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now):
            await visits.cancel(turn, visit)
        if turn.address_id is not None:
            await let_numbers_rise(turn)
        await turn.desk.contacts.erase(turn.contact.id, at=turn.now)
        return Farewell(turn.gettext("Everything is erased. Write whenever you need us; we wish you well."))


ERASE = Flow(name="erase", draft=NoAnswers, steps=[CheckErase], roles=BENEFICIARIES)
