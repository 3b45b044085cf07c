"""Somebody was not at their visit: no blame, three times to take instead, and what got in the way."""

from typing import Any

from conversations.care.attendance import AfterStep, Hindrance
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import VisitNews
from conversations.engine.flow import Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.rebooking import (
    ANOTHER,
    booked_words,
    choose_freely,
    nearest_slots,
    own_visit,
    slot_choices,
    slot_lines,
    still_helps,
    take_slot,
    visit_marked,
    ways_on,
)
from conversations.flows.visit_words import over

NAME = "missed_visit"
WHY, SKIP = "why", "skip"


class TellMissed(Step[VisitNews]):
    name = "missed"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        visit = await visit_marked(turn, AfterStep.MISSED)
        return visit is not None and still_helps(turn, visit, AfterStep.MISSED)

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await own_visit(turn)
        if visit is None:
            return Prompt(over(turn))
        slots = await nearest_slots(turn, visit)
        lines = [
            # Translators: first line seen on a locked screen.
            turn.gettext("👋 A word about {day}").format(day=turn.format_day(visit.day)),
            "",
            turn.gettext("You could not be there. These things happen, and you are welcome any time."),
        ]
        if slots:
            lines += [turn.gettext("These times are free:"), slot_lines(turn, slots)]
        # Translators: label, at most 24 characters. Opens a question that may be skipped.
        why = Choice(WHY, turn.pgettext("button", "💭 What got in the way"))
        return Prompt("\n".join(lines), [*slot_choices(turn, slots), *ways_on(turn), why])

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        if choice_id == WHY:
            return Goto(TellHindrance)
        return await _rebook(turn, choice_id)


class ChooseTime(Step[VisitNews]):
    """Offer the nearest times anew, as they are now."""

    name = "times"

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await own_visit(turn)
        slots = await nearest_slots(turn, visit) if visit else []
        if not slots:
            return Prompt(turn.gettext("You can look for a time, or talk to a person."), ways_on(turn))
        text = turn.gettext("These times are free:")
        return Prompt(f"{text}\n{slot_lines(turn, slots)}", [*slot_choices(turn, slots), *ways_on(turn)])

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        return await _rebook(turn, choice_id)


class TellHindrance(Step[VisitNews]):
    """What is said here is kept with the visit, and helps the centre alone; nobody has to answer."""

    name = "why"

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        text = turn.gettext("What got in the way? It helps us to do better, and you can leave it out.")
        # Translators: label, at most 24 characters.
        skip = Choice(SKIP, turn.pgettext("button", "⏭️ Leave it out"))
        return Prompt(text, [*(Choice(each, _label(turn, each)) for each in Hindrance), skip])

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        if choice_id != SKIP:
            await turn.desk.appointments.set_obstacle(
                turn.draft.appointment_id, turn.contact.id, Hindrance(choice_id).value
            )
        if turn.draft.note is not None:
            # A time is booked already.
            return Finish(turn.gettext("🙏 Thank you. See you there."))
        thanks = turn.gettext("🙏 Thank you.")
        return Enter(NAME, turn.draft, ChooseTime.name, thanks if choice_id != SKIP else None)


async def _rebook(turn: Turn[VisitNews], choice_id: str) -> Move:
    if choice_id == ANOTHER:
        return await choose_freely(turn)
    booked = await take_slot(turn, choice_id)
    if isinstance(booked, str):
        return Enter(NAME, turn.draft, ChooseTime.name, booked)
    missed = await own_visit(turn)
    said = await booked_words(turn, booked)
    if missed is None or missed.obstacle is not None:
        return Finish(said)
    turn.draft.note = booked.code
    return Enter(NAME, turn.draft, TellHindrance.name, said)


def _label(turn: Turn[Any], hindrance: Hindrance) -> str:
    match hindrance:
        case Hindrance.FORGOT:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "🤔 I forgot")
        case Hindrance.TRANSPORT:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "🚌 The way there")
        case Hindrance.WORK:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "🧰 Work")
        case Hindrance.HEALTH:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "🩺 Health")
        case Hindrance.FAMILY:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "👪 Family")
        case Hindrance.NOT_WANTED:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "✋ I did not want to")
        case Hindrance.OTHER:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "💭 Something else")


MISSED_VISIT = Flow(
    name=NAME, draft=VisitNews, steps=[TellMissed, ChooseTime, TellHindrance], roles=BENEFICIARIES
)
