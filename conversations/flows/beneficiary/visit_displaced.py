"""The centre closed at the time of a visit: another time is kept for the person, who decides.

The same flow tells of all that may follow: a second word, that the visit stays where it was after all, and
that its time came and nobody had moved it.
"""

from collections.abc import Sequence

from conversations.care import visits
from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy
from conversations.care.closing import DisplacedEvent, Displacement
from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.errors import AppointmentNotLive, SlotTaken
from conversations.flows.beneficiary.my_visits import visit_choices
from conversations.flows.beneficiary.visit_notice import act_on_visit
from conversations.flows.beneficiary.when import moved
from conversations.flows.beneficiary.wish import Wish, live_visit, wish_to_change
from conversations.flows.closure_words import why_closed
from conversations.flows.displaced_visits import VISIT_DISPLACED, kept_for
from conversations.flows.visit_words import visit_card


class TellDisplaced(Step[Displacement]):
    name = "displaced"

    async def holds(self, turn: Turn[Displacement]) -> bool:
        return await _visit_told_of(turn) is not None

    async def ask(self, turn: Turn[Displacement]) -> Prompt:
        visit = await _visit_told_of(turn)
        if visit is None:
            return Prompt(_changed(turn))
        match turn.draft.event:
            case DisplacedEvent.STAYS:
                return await _stays(turn, visit)
            case DisplacedEvent.LAPSED:
                return _lapsed(turn, visit)
        is_free = await _is_free(turn, visit)
        return Prompt(await _offer(turn, visit, is_free=is_free), _answers(turn, is_free=is_free))

    async def chosen(self, turn: Turn[Displacement], choice_id: str) -> Move:
        visit, draft = await _visit_told_of(turn), turn.draft
        if visit is None:
            return Finish(_changed(turn))
        if choice_id == "book":
            return Enter("booking", Wish(need=visit.need, centre=visit.centre_slug), step="day")
        if choice_id != "accept" or draft.day is None or draft.at is None:
            return await act_on_visit(turn, choice_id)
        if other := await visits.visit_on(turn, draft.day, but=visit.id):
            # They have booked it since the time was kept.
            has = turn.gettext(
                "You already have a visit that day, at {time}. You can change it under “My visits”."
            )
            notice = has.format(time=turn.format_time(other.at))
            return Enter("my_visits", wish_to_change(visit), step="day", notice=notice)
        try:
            accepted = await visits.move(turn, visit, day=draft.day, at=draft.at, by_staff=True)
        except SlotTaken:
            taken = turn.gettext("That time has just been taken.")
            return Enter("my_visits", wish_to_change(visit), step="day", notice=taken)
        return Finish(await moved(turn, accepted))


async def _visit_told_of(turn: Turn[Displacement]) -> Appointment | None:
    """Return the visit as long as it stands as the message says; None when it has changed since."""
    draft = turn.draft
    if draft.event is DisplacedEvent.LAPSED:
        visit = await _cancelled(turn, draft.appointment_id)
    else:
        visit = await live_visit(turn, draft.appointment_id)
        if visit is not None and (visit.displaced_at is None) != (draft.event is DisplacedEvent.STAYS):
            return None
    return visit if visit is not None and visit.version == draft.version else None


async def _cancelled(turn: Turn[Displacement], appointment_id: int) -> Appointment | None:
    """Return the person's own visit that the centre cancelled."""
    try:
        visit = await turn.desk.appointments.get(appointment_id)
    except AppointmentNotLive:
        return None
    is_it = visit.status is AppointmentStatus.CANCELLED and visit.ended_by is EndedBy.CENTRE
    return visit if is_it and visit.contact_id == turn.contact.id else None


async def _is_free(turn: Turn[Displacement], visit: Appointment) -> bool:
    """Tell whether the time of the message can still be had: it is kept for a while only."""
    day, at = turn.draft.day, turn.draft.at
    if day is None or at is None:
        return False
    return at in await visits.open_times(turn, visit.centre_slug, day, kind=visit.kind)


async def _offer(turn: Turn[Displacement], visit: Appointment, *, is_free: bool) -> str:
    if turn.draft.event is DisplacedEvent.AGAIN:
        # Translators: first line seen on a locked screen.
        said = turn.gettext("⏰ We still need your answer.")
    else:
        # Translators: first line seen on a locked screen.
        said = turn.gettext("🔄 Your time has to change.")
    until_now = turn.gettext("Until now:")
    lines = [
        said,
        "",
        until_now,
        turn.format_day(visit.day),
        turn.format_time(visit.at),
        why_closed(turn, turn.draft.reason),
        "",
        *await _instead(turn, visit, is_free=is_free),
    ]
    return "\n".join(lines)


async def _instead(turn: Turn[Displacement], visit: Appointment, *, is_free: bool) -> Sequence[str]:
    """Return the time that the person can have, or that there is none."""
    day, at = turn.draft.day, turn.draft.at
    if day is None or at is None:
        return [turn.gettext("No other time is free yet. Look again later, or talk to a person.")]
    if not is_free:
        return [turn.gettext("The time that we kept for you has been taken. You can choose another one.")]
    kept = await kept_for(turn, visit)
    if kept is not None and (kept.day, kept.at) == (day, at):
        said = turn.gettext("This time is kept for you:")
    else:
        said = turn.gettext("This time is free:")
    return [said, turn.format_day(day), turn.format_time(at)]


def _answers(turn: Turn[Displacement], *, is_free: bool) -> list[Choice]:
    choices = [
        # Translators: label, at most 20 characters.
        Choice("change", turn.pgettext("button", "🔄 Another time")),
        # Translators: label, at most 20 characters.
        Choice("cancel", turn.pgettext("button", "❌ Cancel")),
        _person(turn),
    ]
    if is_free:
        # Translators: label, at most 20 characters. Takes the time that the centre proposes.
        choices.insert(0, Choice("accept", turn.pgettext("button", "✅ That suits me")))
    return choices


def _person(turn: Turn[Displacement]) -> Choice:
    # Translators: label, at most 20 characters.
    return Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person"))


async def _stays(turn: Turn[Displacement], visit: Appointment) -> Prompt:
    # Translators: first line seen on a locked screen.
    said = turn.gettext("✅ Your time stays as it was.")
    card = await visit_card(turn, visit, await turn.desk.centres.get(visit.centre_slug))
    return Prompt(f"{said}\n\n{card}", visit_choices(turn, visit))


def _lapsed(turn: Turn[Displacement], visit: Appointment) -> Prompt:
    lines = [
        # Translators: first line seen on a locked screen.
        turn.gettext("❌ Your time is cancelled."),
        "",
        turn.format_day(visit.day),
        turn.format_time(visit.at),
        why_closed(turn, turn.draft.reason),
        turn.gettext("That was not your doing. Shall we find another time?"),
    ]
    # Translators: label, at most 24 characters.
    book = Choice("book", turn.pgettext("button", "📅 Book a visit"))
    return Prompt("\n".join(lines), [book, _person(turn)])


def _changed(turn: Turn[Displacement]) -> str:
    return turn.gettext("Your visit has changed meanwhile. You find it under “My visits”.")


VISIT_DISPLACED_FLOW = Flow(
    name=VISIT_DISPLACED, draft=Displacement, steps=[TellDisplaced], roles=BENEFICIARIES
)
