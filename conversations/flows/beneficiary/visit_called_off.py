"""The centre could not keep a visit: it says so at once, is sorry, and offers three times instead."""

from conversations.care.attendance import AfterStep
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import VisitNews
from conversations.engine.flow import Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.rebooking import (
    ANOTHER,
    booked_words,
    choose_freely,
    nearest_slots,
    own_visit,
    slot_choices,
    slot_lines,
    take_slot,
    visit_marked,
    ways_on,
)
from conversations.flows.visit_words import over

NAME = "visit_called_off"


class TellCalledOff(Step[VisitNews]):
    name = "called_off"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        return await visit_marked(turn, AfterStep.CALLED_OFF) is not None

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await own_visit(turn)
        if visit is None:
            return Prompt(over(turn))
        slots = await nearest_slots(turn, visit)
        lines = [
            # Translators: first line seen on a locked screen.
            turn.gettext("👋 A word about {day}").format(day=turn.format_day(visit.day)),
            "",
            turn.gettext(
                "The centre could not keep your time at {time}. It was us, and we are sorry."
            ).format(time=turn.format_time(visit.at)),
        ]
        if slots:
            lines += [turn.gettext("These times are free:"), slot_lines(turn, slots)]
        return Prompt("\n".join(lines), [*slot_choices(turn, slots), *ways_on(turn)])

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        if choice_id == ANOTHER:
            return await choose_freely(turn)
        booked = await take_slot(turn, choice_id)
        if isinstance(booked, str):
            # From here on the conversation holds the times, as they are now.
            return Enter(NAME, turn.draft, notice=booked)
        return Finish(await booked_words(turn, booked))


VISIT_CALLED_OFF = Flow(name=NAME, draft=VisitNews, steps=[TellCalledOff], roles=BENEFICIARIES)
