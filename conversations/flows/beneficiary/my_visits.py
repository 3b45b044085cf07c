"""My visits: see, say that one is coming, change, cancel."""

from typing import Any

from conversations.care import offers, visits
from conversations.care.appointments import Appointment, Need
from conversations.care.hours import VisitKind
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import MOST_AHEAD, VisitEvent
from conversations.engine.flow import Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.visit_date import visit_date_choice
from conversations.flows.beneficiary.waiting import (
    EARLIER,
    LEAVE,
    earlier_choices,
    leave,
    leave_choices,
    wait_for_earlier,
    with_waiting,
)
from conversations.flows.beneficiary.when import CheckVisit, ChooseDay, ChooseTime
from conversations.flows.beneficiary.wish import Wish, live_visit
from conversations.flows.centre_words import MAP, map_choices, show_on_map
from conversations.flows.displaced_visits import VISIT_DISPLACED, displacement_of
from conversations.flows.visit_words import over, visit_card, when_and_where


class ChooseVisit(Step[Wish]):
    name = "visits"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        upcoming = await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now)
        choices = [Choice(str(visit.id), _day_and_time(turn, visit)) for visit in upcoming]
        if len(upcoming) < MOST_AHEAD:
            # Translators: label, at most 24 characters.
            choices.append(Choice("book", turn.pgettext("button", "📅 Book a visit")))
        choices += await leave_choices(turn)
        if not upcoming:
            return Prompt(await with_waiting(turn, turn.gettext("You have no visit ahead.")), choices)
        text = turn.ngettext("You have {n} visit ahead.", "You have {n} visits ahead.", len(upcoming))
        return Prompt(await with_waiting(turn, text.format(n=len(upcoming))), choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "book":
            return Enter("booking")
        if choice_id == offers.WAITING:
            return Enter(offers.WAITING)
        if choice_id.startswith(LEAVE):
            return Finish(await leave(turn, choice_id))
        turn.draft.appointment_id = int(choice_id)
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is not None and visit.displaced_at:
            return Enter(VISIT_DISPLACED, await displacement_of(turn, visit))
        return Goto(ShowVisit)


class ShowVisit(Step[Wish]):
    name = "visit"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(over(turn))
        centre = await turn.desk.centres.get(visit.centre_slug)
        choices = [*visit_choices(turn, visit), visit_date_choice(turn, visit)]
        if visit.kind is not VisitKind.PHONE:
            choices += map_choices(turn, centre)
        if visit.need is Need.PROJECT:
            # Translators: label, at most 20 characters. What the person prepares for the visit.
            choices.append(Choice("life_project", turn.pgettext("button", "📝 My project")))
        choices += await earlier_choices(turn, visit)
        return Prompt(await visit_card(turn, visit, centre), choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "life_project":
            return Enter(choice_id)
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Finish(over(turn))
        if choice_id == MAP:
            return show_on_map(turn, await turn.desk.centres.get(visit.centre_slug))
        if choice_id == EARLIER:
            return Finish(await wait_for_earlier(turn, visit))
        turn.draft.takes_up(visit)
        match choice_id:
            case "coming" | "answering" if visit.displaced_at:
                return Enter(VISIT_DISPLACED, await displacement_of(turn, visit))
            case "coming" | "answering":
                return Finish(await say_coming(turn, visit))
            case "change":
                turn.draft.page = 0
                return Goto(ChooseDay)
        return Goto(CheckCancel)


class CheckCancel(Step[Wish]):
    name = "cancel"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(over(turn))
        centre = await turn.desk.centres.get(visit.centre_slug)
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "❌ Yes, cancel it")),
            # Translators: label, at most 20 characters.
            Choice("change", turn.pgettext("button", "🔄 Change it")),
            # Translators: label, at most 20 characters.
            Choice("keep", turn.pgettext("button", "👍 No, I keep it")),
        ]
        question = turn.gettext("Cancel this visit? Somebody else can then have the place.")
        return Prompt(f"{question}\n\n{when_and_where(turn, visit, centre)}", choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Finish(over(turn))
        match choice_id:
            case "keep":
                return Finish(turn.gettext("👍 Your visit stays as it is."))
            case "change":
                turn.draft.takes_up(visit)
                return Goto(ChooseDay)
        await visits.cancel(turn, visit)
        return Finish(turn.gettext("Your visit is cancelled. You can book another one whenever you like."))


def visit_choices(turn: Turn[Any], visit: Appointment) -> list[Choice]:
    """Return what a person can do about a visit of theirs."""
    choices = [
        # Translators: label, at most 20 characters.
        Choice("change", turn.pgettext("button", "🔄 Change it")),
        # Translators: label, at most 20 characters.
        Choice("cancel", turn.pgettext("button", "❌ Cancel")),
    ]
    if not visit.coming and visit.kind is VisitKind.PHONE:
        # Translators: label, at most 20 characters. The person will answer when the centre calls.
        choices.insert(0, Choice("answering", turn.pgettext("button", "👍 I will answer")))
    elif not visit.coming:
        # Translators: label, at most 20 characters.
        choices.insert(0, Choice("coming", turn.pgettext("button", "👍 I am coming")))
    return choices


async def say_coming(turn: Turn[Any], visit: Appointment) -> str:
    """Note that the person comes, tell the centre, and return the answer."""
    coming = await turn.desk.appointments.set_coming(visit.id)
    await visits.tell_staff(turn, coming, VisitEvent.COMING)
    if visit.kind is VisitKind.PHONE:
        said = turn.gettext("👍 Thank you. The centre knows that you will answer its call:")
    else:
        said = turn.gettext("👍 Thank you. The centre knows that you are coming:")
    return f"{said}\n{turn.format_day(visit.day)}\n{turn.format_time(visit.at)}"


def _day_and_time(turn: Turn[Any], visit: Appointment) -> str:
    when = turn.gettext("{day}, {time}").format(
        day=turn.format_day(visit.day), time=turn.format_time(visit.at)
    )
    return f"⚠️ {when}" if visit.displaced_at else when


MY_VISITS = Flow(
    name="my_visits",
    draft=Wish,
    steps=[ChooseVisit, ShowVisit, ChooseDay, ChooseTime, CheckVisit, CheckCancel],
    roles=BENEFICIARIES,
)
