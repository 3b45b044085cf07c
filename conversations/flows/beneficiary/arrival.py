"""Somebody stands before a centre and has sent the code at its door: they have come.

That is noted when the code comes; the step only tells how things stand, so it can be shown again. Who has to
choose a language or to agree first is noted when they say so themselves, afterwards.
"""

from dataclasses import dataclass
from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.centres import Centre
from conversations.care.door import ARRIVES_FROM, ARRIVES_UNTIL, door_code_in
from conversations.care.hours import VisitKind
from conversations.care.people import BENEFICIARIES, STAFF, Consent
from conversations.engine.flow import Again, Choice, Enter, Flow, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.visit_words import city, when_and_where


@dataclass
class Arrival:
    """The code at the door, as it was sent."""

    code: str = ""


class TellArrival(Step[Arrival]):
    name = "arrival"

    async def ask(self, turn: Turn[Arrival]) -> Prompt:
        if turn.contact.consent is Consent.REFUSED:
            # Nothing is kept of them, so there is no visit to look for.
            return Prompt(turn.gettext("👋 Please tell the people at the desk that you are here."))
        centre = await turn.desk.centres.at_door(turn.draft.code)
        if centre is None:
            said = turn.gettext("This code is no longer used. Please tell the people at the desk.")
            return Prompt(said, _ways_on(turn))
        visit = await _visit_at(turn, centre)
        return await _without_visit(turn, centre) if visit is None else _with_visit(turn, visit)

    async def chosen(self, turn: Turn[Arrival], choice_id: str) -> Move:
        if choice_id != "here":
            return Enter(choice_id)
        await _note(turn, turn.draft)
        return Again()


async def at_the_door(turn: Turn[Any], text: str) -> Move | None:
    """Note that somebody who sends the code at a door has come; None when the text holds none."""
    code = door_code_in(text)
    if code is None:
        return None
    if turn.contact.role in STAFF:
        return Home(turn.gettext("The code at the door is for people who come with a visit."))
    arrival = Arrival(code)
    if turn.contact.consent is Consent.AGREED:
        await _note(turn, arrival)
    return Enter(ARRIVAL.name, arrival)


async def _note(turn: Turn[Any], arrival: Arrival) -> None:
    """Write down that the person is there and tell the centre; nothing when no visit begins about now."""
    centre = await turn.desk.centres.at_door(arrival.code)
    visit = await _visit_at(turn, centre) if centre else None
    if visit is not None and _may_arrive(turn, visit):
        await visits.arrive(turn, visit)


async def _visit_at(turn: Turn[Any], centre: Centre) -> Appointment | None:
    """Return the person's visit of today at the centre, the one that is nearest to now."""
    today = [
        visit
        for visit in await turn.desk.appointments.on_day(turn.contact.id, turn.today)
        if visit.centre_slug == centre.slug
    ]
    return min(today, key=lambda visit: abs(visit.starts_local - turn.local_now), default=None)


def _may_arrive(turn: Turn[Any], visit: Appointment) -> bool:
    """Tell whether it is a live visit to come to, and it begins about now."""
    if not visit.is_live or visit.kind is VisitKind.PHONE:
        return False
    return visit.starts_local - ARRIVES_FROM <= turn.local_now <= visit.starts_local + ARRIVES_UNTIL


def _with_visit(turn: Turn[Arrival], visit: Appointment) -> Prompt:
    if visit.arrived_at is not None or visit.status in (AppointmentStatus.ATTENDED, AppointmentStatus.LATE):
        said = turn.gettext("👋 You have arrived. Somebody will call you by your code: {code}")
        return Prompt(said.format(code=visit.code))
    at = turn.format_time(visit.at)
    if visit.kind is VisitKind.PHONE:
        said = turn.gettext("Your visit today is by telephone, at {time}. You are welcome at the desk, too.")
        return Prompt(said.format(time=at), [_my_visits(turn)])
    if _may_arrive(turn, visit):
        # Translators: label, at most 20 characters. The person stands before the centre.
        here = Choice("here", turn.pgettext("button", "👋 I am here"))
        return Prompt(turn.gettext("Your visit is at {time}. Have you arrived?").format(time=at), [here])
    if visit.starts_local > turn.local_now:
        # Hours later on the same day, so this is never the day before.
        opens = turn.format_time((visit.starts_local - ARRIVES_FROM).time())
        said = turn.gettext("You are early: your visit is at {time}. Please scan again from {opens} on.")
        return Prompt(said.format(time=at, opens=opens), [_my_visits(turn)])
    said = turn.gettext("Your visit was at {time}. Please tell the people at the desk that you are here.")
    return Prompt(said.format(time=at), _ways_on(turn))


async def _without_visit(turn: Turn[Arrival], centre: Centre) -> Prompt:
    """Return what somebody reads who is not expected here today, with their next visit."""
    said = turn.gettext("You have no visit today at the centre of {city}. You are welcome at the desk.")
    said = said.format(city=city(turn, centre))
    # One that has just begun elsewhere is told of, too.
    ahead = await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now - ARRIVES_UNTIL)
    if not ahead:
        return Prompt(said, _ways_on(turn))
    # Translators: day, time and centre stand below.
    label = turn.gettext("Your next visit:")
    where = await turn.desk.centres.get(ahead[0].centre_slug)
    text = f"{said}\n\n{label}\n{when_and_where(turn, ahead[0], where)}"
    return Prompt(text, [_my_visits(turn), *_ways_on(turn)])


def _ways_on(turn: Turn[Any]) -> list[Choice]:
    return [
        # Translators: label, at most 24 characters.
        Choice("booking", turn.pgettext("button", "📅 Book a visit")),
        # Translators: label, at most 20 characters.
        Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person")),
    ]


def _my_visits(turn: Turn[Any]) -> Choice:
    # Translators: label, at most 24 characters.
    return Choice("my_visits", turn.pgettext("button", "🗓️ My visits"))


ARRIVAL = Flow(name="arrival", draft=Arrival, steps=[TellArrival], roles=BENEFICIARIES, waits_at_gate=True)
