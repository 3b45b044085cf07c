"""All flows together: who belongs where, what always works, which commands there are."""

from typing import Any

from conversations.care.people import INVITATION_PREFIX, Consent, Role
from conversations.engine.engine import Routes
from conversations.engine.flow import Flow, Home, Move
from conversations.engine.turn import Turn
from conversations.flows.beneficiary import BENEFICIARY_FLOWS
from conversations.flows.beneficiary.addresses import show_addresses
from conversations.flows.beneficiary.arrival import at_the_door
from conversations.flows.beneficiary.door import with_door
from conversations.flows.beneficiary.joining import typed_code
from conversations.flows.beneficiary.questions import why as why_this_answer
from conversations.flows.beneficiary.services import why as why_this_service
from conversations.flows.beneficiary.visit_date import VISIT_DATE, send_visit_date
from conversations.flows.staff import STAFF_COMMANDS, STAFF_FLOWS, redeem
from conversations.flows.words import WORD_HANDLERS, gate


def routes() -> Routes:
    """Return how the flows hang together."""
    flows: dict[str, Flow[Any]] = {flow.name: flow for flow in (*BENEFICIARY_FLOWS, *STAFF_FLOWS)}

    def home(turn: Turn[Any]) -> Flow[Any]:
        match turn.contact.role:
            case Role.CASEWORKER:
                return flows["caseworker_menu"]
            case Role.MANAGER:
                return flows["manager_menu"]
            case Role.ADMINISTRATOR:
                return flows["administrator_menu"]
        refused = turn.contact.consent is Consent.REFUSED
        return flows["visitor_menu" if refused else "menu"]

    inside = Routes(
        flows=flows,
        home=home,
        gate=gate,
        words=WORD_HANDLERS,
        commands={**STAFF_COMMANDS, "start": _start, "link": show_addresses, "why": _why},
        codes=_code,
        links={VISIT_DATE: send_visit_date},
    )
    return with_door(inside)


async def _start(turn: Turn[Any], payload: str) -> Move:
    """Come in: by an invitation, with a code from a door or another phone, or simply to the menu."""
    if payload.startswith(INVITATION_PREFIX):
        return await redeem(turn, payload)
    return await _code(turn, payload) or Home()


async def _code(turn: Turn[Any], text: str) -> Move | None:
    return await at_the_door(turn, text) or await typed_code(turn, text)


async def _why(turn: Turn[Any], argument: str) -> Move:
    """Show where what was just said comes from."""
    return await why_this_answer(turn) or await why_this_service(turn, argument)
