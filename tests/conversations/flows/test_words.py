"""What stands before which flow, and where the words that always work lead."""

import pytest

from conversations.care.people import Consent
from conversations.flows import routes
from conversations.flows.words import gate
from tests.people import Person, Scene

FLOWS = sorted(routes().flows)
FOR_ALL = {"language", "help_numbers", "stop", "erase", "join", "not_me"}
FOR_VISITORS = FOR_ALL | {"consent", "visitor_menu", "nearest", "services", "questions", "arrival"}


async def gate_name(person: Person, flow: str) -> str | None:
    before = gate(await person.scene.turn_for(person.contact_id), flow)
    return before.name if before else None


@pytest.mark.parametrize("flow", FLOWS)
async def test_a_newcomer_chooses_a_language_first(chama: Person, flow: str) -> None:
    assert await gate_name(chama, flow) == (None if flow in FOR_ALL else "language")


@pytest.mark.parametrize("flow", FLOWS)
async def test_then_they_are_asked_for_consent(scene: Scene, flow: str) -> None:
    person = scene.beneficiary("Zineb", consent=Consent.UNASKED)

    assert await gate_name(person, flow) == (None if flow in FOR_ALL | {"consent"} else "consent")


@pytest.mark.parametrize("flow", FLOWS)
async def test_who_refused_only_meets_what_keeps_nothing(scene: Scene, flow: str) -> None:
    person = scene.beneficiary("Zineb", consent=Consent.REFUSED)

    assert await gate_name(person, flow) == (None if flow in FOR_VISITORS else "consent")


@pytest.mark.parametrize("flow", FLOWS)
async def test_who_agreed_and_staff_go_everywhere(amina: Person, driss: Person, flow: str) -> None:
    assert await gate_name(amina, flow) is None
    assert await gate_name(driss, flow) is None


@pytest.mark.parametrize(
    ("word", "flow"),
    [
        ("menu", "menu"),
        ("اللغة", "language"),
        ("aide", "help_numbers"),
        ("agent", "person"),
        ("stop", "stop"),
        ("ماشي أنا", "not_me"),
    ],
)
async def test_a_word_leads_there_from_anywhere(amina: Person, word: str, flow: str) -> None:
    await amina.starts()
    await amina.taps("booking", "job")
    await amina.says(word)

    assert amina.flow == flow


@pytest.mark.parametrize("word", ["person", "stop", "menu"])
async def test_staff_come_to_their_menu(driss: Person, word: str) -> None:
    await driss.says(word)

    assert driss.flow == "caseworker_menu"
