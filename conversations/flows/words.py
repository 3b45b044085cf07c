"""What the words that always work do, and what a person must have answered before a flow opens."""

from collections.abc import Mapping
from typing import Any

from conversations.care.people import STAFF, Consent, Role
from conversations.care.tasks import TaskKind
from conversations.engine.engine import Handler
from conversations.engine.flow import Enter, Flow, Home, Move
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.beneficiary.arrival import ARRIVAL
from conversations.flows.beneficiary.check_in import withdraw_questions
from conversations.flows.beneficiary.consent import CONSENT
from conversations.flows.beneficiary.erase import ERASE
from conversations.flows.beneficiary.help_numbers import HELP_NUMBERS, Call
from conversations.flows.beneficiary.joining import JOINING
from conversations.flows.beneficiary.language import LANGUAGE
from conversations.flows.beneficiary.menu import VISITOR_MENU
from conversations.flows.beneficiary.nearest import NEAREST
from conversations.flows.beneficiary.not_me import NOT_ME
from conversations.flows.beneficiary.questions import QUESTIONS
from conversations.flows.beneficiary.services import SERVICES
from conversations.flows.beneficiary.stop import STOP, Stopped
from conversations.flows.handover import hand_over, said_in

# Nobody has to answer anything before they get help, stop the messages, have their data erased or say who
# they are.
_FOR_ALL = frozenset(flow.name for flow in (LANGUAGE, HELP_NUMBERS, STOP, ERASE, JOINING, NOT_ME))
# Nothing is kept here, so those who refused may look.
_WITHOUT_CONSENT = frozenset(
    flow.name for flow in (CONSENT, VISITOR_MENU, NEAREST, SERVICES, QUESTIONS, ARRIVAL)
)


def gate(turn: Turn[Any], flow_name: str) -> Flow[Any] | None:
    """Return the flow that must be finished before the one named; None when the way is free."""
    contact = turn.contact
    if flow_name in _FOR_ALL:
        return None
    if contact.language is None:
        return LANGUAGE
    if contact.role in STAFF or contact.consent is Consent.AGREED or flow_name == CONSENT.name:
        return None
    if contact.consent is Consent.REFUSED and flow_name in _WITHOUT_CONSENT:
        return None
    return CONSENT


async def _go_home(turn: Turn[Any]) -> Move:
    return Home()


async def _choose_language(turn: Turn[Any]) -> Move:
    return Enter(LANGUAGE.name)


async def _show_numbers(turn: Turn[Any]) -> Move:
    return Enter(HELP_NUMBERS.name)


async def _talk_to_person(turn: Turn[Any]) -> Move:
    return Enter("person") if turn.contact.role is Role.BENEFICIARY else Home()


async def _stop(turn: Turn[Any]) -> Move:
    """Stop news and questions at once, whatever the person does next."""
    contact = turn.contact
    if contact.role is not Role.BENEFICIARY:
        return Home()
    await turn.desk.contacts.set_news(contact.id, False)
    await turn.desk.contacts.set_check_ins(contact.id, False)
    await turn.reload()
    await withdraw_questions(turn)
    return Enter(STOP.name, Stopped(news=contact.news, check_ins=contact.check_ins))


async def _not_me(turn: Turn[Any]) -> Move:
    return Enter(NOT_ME.name) if turn.contact.role is Role.BENEFICIARY else Home()


async def _in_danger(turn: Turn[Any]) -> Move:
    """Give the numbers to call, and tell caseworkers unless the person refused that anything is kept.

    Somebody who was not yet asked is helped like one who agreed: their life comes first.
    """
    said = said_in(turn.reply, turn.channel)
    heard = False
    if said is not None and turn.contact.consent is not Consent.REFUSED:
        heard = (await hand_over(turn, TaskKind.DANGER, said, urgent=True)).heard
    return Enter(HELP_NUMBERS.name, Call(danger=True, heard=heard))


WORD_HANDLERS: Mapping[Word, Handler] = {
    Word.STOP: _stop,
    Word.MENU: _go_home,
    Word.LANGUAGE: _choose_language,
    Word.HELP: _show_numbers,
    Word.PERSON: _talk_to_person,
    Word.NOT_ME: _not_me,
    Word.DANGER: _in_danger,
}
