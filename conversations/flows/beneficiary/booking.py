"""Book a visit: what for, where, how if there is a choice, which day, what time, yes."""

from conversations.care.appointments import Need
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import may_book
from conversations.engine.flow import Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.how import AskNumber, ChooseHow, way_on
from conversations.flows.beneficiary.when import CheckVisit, ChooseDay, ChooseTime
from conversations.flows.beneficiary.where import SEARCH_STEPS, ChooseCentre
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.visit_words import need_choices


class ChooseNeed(Step[Wish]):
    name = "need"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        if not await may_book(turn):
            return await _enough(turn)
        return Prompt(turn.gettext("What would you like to come for?"), need_choices(turn))

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "my_visits":
            return Enter("my_visits")
        turn.draft.need = Need(choice_id)
        # Somebody who was looking at a centre comes with it.
        return await way_on(turn) if turn.draft.centre else Goto(ChooseCentre)


async def _enough(turn: Turn[Wish]) -> Prompt:
    """Return what somebody reads who has all the visits one may have: before the way, not at its end."""
    ahead = len(await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now))
    text = turn.ngettext(
        "You already have {n} visit ahead. You can change or cancel it under “My visits”.",
        "You already have {n} visits ahead. You can change or cancel one under “My visits”.",
        ahead,
    )
    # Translators: label, at most 24 characters.
    return Prompt(text.format(n=ahead), [Choice("my_visits", turn.pgettext("button", "🗓️ My visits"))])


BOOKING = Flow(
    name="booking",
    draft=Wish,
    steps=[
        ChooseNeed,
        ChooseCentre,
        *SEARCH_STEPS,
        ChooseHow,
        AskNumber,
        ChooseDay,
        ChooseTime,
        CheckVisit,
    ],
    roles=BENEFICIARIES,
)
