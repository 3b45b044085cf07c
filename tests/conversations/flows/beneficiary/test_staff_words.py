"""A caseworker's answer reaches the person, who can answer back."""

import pytest

from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.news import Words
from tests.people import Person


@pytest.fixture
async def answered(amina: Person, driss: Person) -> Person:
    """Amina, to whom Driss has written."""
    words = Words(1, "Come on Wednesday, bring the paper.")
    await amina.scene.pushes_out(
        Push(amina.contact_id, "staff_words", words, Purpose.HANDOVER, key="task:1:answer:1")
    )
    return amina


async def test_the_words_come_below_a_line_that_tells_nothing(answered: Person) -> None:
    first, *rest = answered.notice.text.splitlines()

    assert first == "[ar] 💬 An answer for you:"
    assert "Come on Wednesday, bring the paper." in rest


async def test_one_can_answer(answered: Person, driss: Person) -> None:
    await answered.taps_notice("answer")
    assert answered.flow == "person"

    await answered.says("شكرا، غادي نجي")
    assert "شكرا، غادي نجي" in driss.notice.text


async def test_thanks_leave_the_words_on_the_screen(answered: Person) -> None:
    await answered.starts()
    await answered.taps("booking")
    await answered.taps_notice("thanks")

    assert "Come on Wednesday, bring the paper." in answered.screen
    assert answered.flow == "booking"
    assert not answered.notice.is_open


async def test_an_empty_answer_is_not_shown(amina: Person) -> None:
    await amina.scene.pushes_out(
        Push(amina.contact_id, "staff_words", Words(1, ""), Purpose.HANDOVER, key="task:1:answer:1")
    )

    assert amina.notices == []
