"""How the person means to come: the ways, the times to set out, and their own words read back to them."""

from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.travel_plans import TravelPlan, Way, leaving_times
from conversations.care.visits import VisitNews
from conversations.engine.flow import Again, Choice, Finish, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.visit_words import over

_ID_OF_TIME = "%H%M"


class ChooseLeaving(Step[VisitNews]):
    """Ask when they set out, once they have said how they come."""

    name = "leaving"

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(over(turn))
        if visit.plan is None:
            return Prompt(_moved(turn))
        asked = turn.gettext("When will you leave? Your visit is at {time}.")
        times = leaving_times(TravelPlan.parse(visit.plan).way, visit.starts_local)
        return Prompt(
            asked.format(time=turn.format_time(visit.at)),
            [Choice(at.strftime(_ID_OF_TIME), turn.format_time(at)) for at in times],
        )

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Finish(over(turn))
        if visit.plan is None:
            return Finish(_moved(turn))
        way = TravelPlan.parse(visit.plan).way
        times = {at.strftime(_ID_OF_TIME): at for at in leaving_times(way, visit.starts_local)}
        if choice_id not in times:
            return Again(turn.gettext("Your visit has another time now. Choose once more."))
        plan = TravelPlan(way, times[choice_id])
        await turn.desk.appointments.set_plan(visit.id, str(plan))
        said = turn.gettext("👍 Good plan: {way}, leaving at {time}. We remind you of it before the visit.")
        return Finish(said.format(way=_way_words(turn, way), time=turn.format_time(times[choice_id])))


async def keep_way(turn: Turn[Any], visit: Appointment, way: Way) -> None:
    """Note how the person comes; when they leave is asked next."""
    await turn.desk.appointments.set_plan(visit.id, str(TravelPlan(way)))


def way_choices(turn: Turn[Any]) -> list[Choice]:
    return [
        # Translators: label, at most 24 characters. How somebody comes to their visit, like the next three.
        Choice(Way.FOOT, turn.pgettext("button", "🚶 On foot")),
        # Translators: label, at most 24 characters.
        Choice(Way.BUS, turn.pgettext("button", "🚌 By bus")),
        # Translators: label, at most 24 characters.
        Choice(Way.TAXI, turn.pgettext("button", "🚕 Taxi or grand taxi")),
        # Translators: label, at most 24 characters.
        Choice(Way.LIFT, turn.pgettext("button", "🚗 Somebody takes me")),
    ]


def plan_words(turn: Turn[Any], visit: Appointment) -> str | None:
    """Return what the person said about their way, None when they said nothing."""
    if visit.plan is None:
        return None
    plan = TravelPlan.parse(visit.plan)
    way = _way_words(turn, plan.way)
    if plan.leaves_at is None:
        return turn.gettext("You said: {way}.").format(way=way)
    return turn.gettext("You said: {way}, leaving at {time}.").format(
        way=way, time=turn.format_time(plan.leaves_at)
    )


def _way_words(turn: Turn[Any], way: Way) -> str:
    match way:
        case Way.FOOT:
            # Translators: stands in "You said: by bus, leaving at 08:30.", like the next three.
            return turn.pgettext("way", "on foot")
        case Way.BUS:
            return turn.pgettext("way", "by bus")
        case Way.TAXI:
            return turn.pgettext("way", "by taxi")
        case Way.LIFT:
            return turn.pgettext("way", "somebody takes you")


def _moved(turn: Turn[Any]) -> str:
    return turn.gettext("Your visit has another time now. We ask you again before it.")
