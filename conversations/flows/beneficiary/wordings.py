"""Which wording of a reminder a person gets while two are compared, and that it was sent."""

from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.experiments import Experiment, Wording, comparison_of, wording_for
from conversations.care.hours import VisitKind
from conversations.care.reminders import ReminderStep
from conversations.engine.turn import Turn


async def wording_of(turn: Turn[Any], visit: Appointment, step: ReminderStep) -> Wording:
    """Return the person's wording; the one that was shipped, while none are compared."""
    experiment = await _experiment(turn, visit, step)
    return wording_for(experiment.id, visit.contact_id) if experiment else Wording.A


async def note_wording(turn: Turn[Any], visit: Appointment, step: ReminderStep) -> None:
    """Note for the comparison, if there is one, that the person was sent their wording."""
    experiment = await _experiment(turn, visit, step)
    if experiment is not None:
        wording = wording_for(experiment.id, visit.contact_id)
        await turn.desk.experiments.note(experiment.id, visit.id, wording)


async def _experiment(turn: Turn[Any], visit: Appointment, step: ReminderStep) -> Experiment | None:
    # Nobody has to find the way to a telephone: its reminders have one wording.
    if visit.kind is VisitKind.PHONE:
        return None
    running = await turn.desk.experiments.running()
    return next((each for each in running if comparison_of(each.name).step is step), None)
