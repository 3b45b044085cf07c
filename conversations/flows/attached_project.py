"""Which visit a life project goes along with, and so who may read it."""

from typing import Any

from conversations.care.appointments import Appointment
from conversations.care.life_projects import LifeProject
from conversations.engine.turn import Turn
from conversations.errors import AppointmentNotLive


async def attached_visit(turn: Turn[Any], project: LifeProject) -> Appointment | None:
    """Return the visit whose centre may read the project; None when there is none, or none any more.

    A visit is good for this until its day is over, since it is then that the project is talked about.
    """
    if project.appointment_id is None:
        return None
    try:
        visit = await turn.desk.appointments.get(project.appointment_id)
    except AppointmentNotLive:
        return None
    return visit if _is_good_for_it(turn, visit) else None


async def project_for(turn: Turn[Any], visit: Appointment) -> LifeProject | None:
    """Return the life project that goes along with a visit; None when its person attached none to it."""
    # A visit that is over or cancelled may have lost its person.
    if not _is_good_for_it(turn, visit):
        return None
    project = await turn.desk.life_projects.get(visit.contact_id)
    return project if project is not None and project.appointment_id == visit.id else None


def _is_good_for_it(turn: Turn[Any], visit: Appointment) -> bool:
    return visit.is_live and visit.day >= turn.today
