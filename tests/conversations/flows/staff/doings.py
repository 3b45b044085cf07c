"""What people do in these tests without their flows: book, move, cancel, write to a caseworker."""

from collections.abc import Callable, Coroutine
from datetime import date, time
from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment, Need
from conversations.care.hours import VisitKind, VisitRules, WeeklyHours
from conversations.care.tasks import Said, Task, TaskKind
from conversations.care.visits import VisitEvent
from conversations.engine.turn import Turn
from conversations.flows.handover import hand_over
from tests.people import Person, Scene

WEDNESDAY = date(2026, 11, 25)
THURSDAY = date(2026, 11, 26)
TEN, ELEVEN = time(10), time(11)


async def books(
    person: Person,
    day: date = WEDNESDAY,
    at: time = TEN,
    *,
    need: Need = Need.HEALTH,
    centre: str = "sale",
    kind: VisitKind = VisitKind.IN_PERSON,
) -> Appointment:
    return await _does(
        person, lambda turn: visits.book(turn, centre_slug=centre, need=need, day=day, at=at, kind=kind)
    )


async def moves(person: Person, visit: Appointment, day: date, at: time = TEN) -> Appointment:
    return await _does(person, lambda turn: visits.move(turn, visit, day=day, at=at))


async def cancels(person: Person, visit: Appointment) -> Appointment:
    return await _does(person, lambda turn: visits.cancel(turn, visit))


async def is_coming(person: Person, visit: Appointment) -> Appointment:
    async def says(turn: Turn[Any]) -> Appointment:
        coming = await turn.desk.appointments.set_coming(visit.id)
        await visits.tell_staff(turn, coming, VisitEvent.COMING)
        return coming

    return await _does(person, says)


async def writes(
    person: Person,
    words: str,
    kind: TaskKind = TaskKind.MESSAGE,
    *,
    urgent: bool = False,
    said: Said | None = None,
) -> Task:
    said = said or Said(words)
    return (await _does(person, lambda turn: hand_over(turn, kind, said, urgent=urgent))).task


async def sets_hours(scene: Scene, text: str, *, centre: str = "sale", capacity: int = 1) -> None:
    """Give the centre hours of its own, on which bookings are confirmed at once."""
    await scene.desk.centres.set_rules(centre, VisitRules(WeeklyHours.parse(text), capacity=capacity))


async def visit_now(scene: Scene, visit: Appointment) -> Appointment:
    return await scene.desk.appointments.get(visit.id)


async def _does(person: Person, act: Callable[[Turn[Any]], Coroutine[Any, Any, Any]]) -> Any:
    turn = await person.scene.turn_for(person.contact_id)
    result = await act(turn)
    for push in turn.effects:
        await person.scene.pushes_out(push)
    return result


async def marks(driss: Person, visit: Appointment, said: str, *, on: date | None = None) -> None:
    """Have a caseworker open a visit in the agenda of its day and say how it went."""
    await driss.commands("today")
    for _ in range((driss.scene.now.date() - (on or visit.day)).days):
        await driss.taps("day_before")
    while str(visit.id) not in driss.ids:
        await driss.taps("later")
    await driss.taps(str(visit.id), said)


async def hears_what_is_due(scene: Scene) -> None:
    """Let what has fallen due by now be said."""
    await scene.goes_on_until(scene.now)
