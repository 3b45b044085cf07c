"""Book a visit: what for, where, which day, what time, yes."""

from conversations.care.appointments import Need
from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.when import CheckVisit, ChooseDay, ChooseTime
from conversations.flows.beneficiary.where import SEARCH_STEPS, ChooseCentre
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.visit_words import need_choices


class ChooseNeed(Step[Wish]):
    name = "need"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        return Prompt(turn.gettext("What would you like to come for?"), need_choices(turn))

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        turn.draft.need = Need(choice_id)
        # Somebody who was looking at a centre comes with it.
        return Goto(ChooseDay if turn.draft.centre else ChooseCentre)


BOOKING = Flow(
    name="booking",
    draft=Wish,
    steps=[ChooseNeed, ChooseCentre, *SEARCH_STEPS, ChooseDay, ChooseTime, CheckVisit],
    roles=BENEFICIARIES,
)
