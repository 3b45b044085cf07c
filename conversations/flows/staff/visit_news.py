"""News of a visit for a caseworker: booked, moved, cancelled, "I am coming"; or of a session called off."""

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.people import CASEWORKERS
from conversations.care.visits import VISIT_NEWS as NAME
from conversations.care.visits import VisitEvent, VisitNews
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.staff.propose import PROPOSE, AgendaDraft, Proposal
from conversations.flows.staff.visit_actions import (
    CALL,
    CONFIRM,
    PROJECT,
    VISIT_PROJECT,
    action_choices,
    ask_to_call,
    confirm,
    note_look,
    open_project,
    own_visit,
    visit_to_act_on,
)
from conversations.flows.staff.visit_words import session_details, visit_details

# What is cancelled by now.
_OVER = (VisitEvent.CANCELLED, VisitEvent.CALLED_OFF)


class TellNews(Step[VisitNews]):
    """Say what happened and offer what can be done about it."""

    name = "news"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        visit = await own_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return False
        if turn.draft.event in _OVER:
            return True
        return visit.is_live and visit.version == turn.draft.version

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await own_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(turn.gettext("This visit is not one of your centre's."))
        text = f"{_headline(turn, visit)}\n\n{await _details(turn, visit)}"
        return Prompt(text, await _choices(turn, visit))

    async def pushed(self, turn: Turn[VisitNews]) -> None:
        visit = await own_visit(turn, turn.draft.appointment_id)
        # A visit that is over or cancelled is shown without whose it was.
        if visit is not None and visit.is_live:
            await note_look(turn, visit)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        draft = turn.draft
        if choice_id == CONFIRM:
            return Finish(await confirm(turn, draft.appointment_id, draft.version))
        if choice_id == CALL:
            return Finish(await ask_to_call(turn, draft.appointment_id))
        if choice_id == "ok":
            return Finish((await self.ask(turn)).text)
        if choice_id == PROJECT:
            opened = await open_project(turn, draft.appointment_id)
            if isinstance(opened, str):
                return Finish(opened)
            return Enter(VISIT_PROJECT, AgendaDraft(opened.day, 1, 0, opened.id, opened.version))
        visit = await visit_to_act_on(turn, draft.appointment_id)
        if isinstance(visit, str):
            return Finish(visit)
        return Enter(PROPOSE.name, Proposal(visit.id, visit.version))


def _headline(turn: Turn[VisitNews], visit: Appointment) -> str:
    match turn.draft.event:
        case VisitEvent.BOOKED if visit.status is AppointmentStatus.REQUESTED:
            # Translators: first line seen on a locked screen.
            return turn.gettext("📥 Somebody asks for a visit.")
        case VisitEvent.BOOKED:
            # Translators: first line seen on a locked screen.
            return turn.gettext("📥 A new visit is booked.")
        case VisitEvent.CHANGED:
            # Translators: first line seen on a locked screen.
            return turn.gettext("🔄 A visit was moved to this time.")
        case VisitEvent.CANCELLED:
            # Translators: first line seen on a locked screen.
            return turn.gettext("❌ A visit was cancelled. Its time is free again.")
        case VisitEvent.CALLED_OFF:
            # Translators: first line seen on a locked screen.
            return turn.gettext("❌ A group session was called off.")
        case VisitEvent.COMING:
            # Translators: first line seen on a locked screen.
            return turn.gettext("👍 Somebody says they are coming.")


async def _details(turn: Turn[VisitNews], visit: Appointment) -> str:
    if turn.draft.event is VisitEvent.CALLED_OFF:
        # It is about many: nothing of whose visit it was.
        return session_details(turn, visit)
    return await visit_details(turn, visit)


async def _choices(turn: Turn[VisitNews], visit: Appointment) -> list[Choice]:
    told_of_request = visit.status is AppointmentStatus.REQUESTED
    asks_for_action = turn.draft.event in (VisitEvent.BOOKED, VisitEvent.CHANGED) or told_of_request
    if visit.is_live and turn.draft.event not in _OVER and asks_for_action:
        return await action_choices(turn, visit)
    # Translators: label, at most 20 characters.
    return [Choice("ok", turn.pgettext("button", "👌 OK"))]


VISIT_NEWS = Flow(NAME, VisitNews, (TellNews,), roles=CASEWORKERS)
