"""The centre would like to speak with a person."""

import pytest

from conversations.care.appointments import Appointment
from conversations.care.tasks import Said, TaskKind
from conversations.engine.reply import MediaKind
from tests.conversations.flows.staff.doings import books, cancels
from tests.people import Person


@pytest.fixture
async def visit(driss: Person, amina: Person) -> Appointment:
    return await books(amina)


@pytest.fixture
async def asked_number(visit: Appointment, amina: Person, driss: Person) -> Person:
    """Amina, who wants to be called and is asked for her number."""
    await driss.taps_notice("call")
    await amina.taps_notice("call")
    return amina


async def test_the_request_tells_nothing_on_the_first_line(
    visit: Appointment, amina: Person, driss: Person
) -> None:
    await driss.taps_notice("call")

    assert amina.notice.flow == "call_request"
    assert amina.notice.text.splitlines()[0] == "[ar] 📞 Somebody would like to speak with you."
    assert amina.notice.ids == ["call", "write"]


async def test_a_known_number_of_the_centre_stands_alone(
    visit: Appointment, amina: Person, driss: Person
) -> None:
    await amina.scene.desk.centres.set_phone("sale", "05 37 00 00 00")
    await driss.taps_notice("call")

    assert "05 37 00 00 00" in amina.notice.text.splitlines()


@pytest.mark.parametrize(
    "typed", ["0612345678", "06 12 34 56 78", "+212 6 12 34 56 78", "00212612345678", "٠٦١٢٣٤٥٦٧٨"]
)
async def test_a_number_in_any_form_reaches_a_caseworker(
    asked_number: Person, driss: Person, typed: str
) -> None:
    await asked_number.says(typed)

    (task,) = asked_number.scene.desk.tasks.rows.values()
    assert task.kind is TaskKind.CALL_BACK
    assert Said.from_text(task.text) == Said(phone="0612345678")
    assert driss.notice.flow == "task_news"
    assert "0612345678" in asked_number.screen.splitlines()


async def test_a_number_can_be_shared_with_a_button(asked_number: Person) -> None:
    await asked_number.shares_phone("+212612345678")

    (task,) = asked_number.scene.desk.tasks.rows.values()
    assert Said.from_text(task.text).phone == "0612345678"


async def test_a_number_is_kept_in_the_task_alone(asked_number: Person) -> None:
    await asked_number.says("0612345678")

    assert "0612345678" not in asked_number.session.to_json()


@pytest.mark.parametrize("typed", ["12", "call me please", "0612", "x" * 4096])
async def test_what_is_no_number_is_asked_again_kindly(asked_number: Person, typed: str) -> None:
    await asked_number.says(typed)

    assert "Please write it like 06 12 34 56 78." in asked_number.screen
    assert asked_number.scene.desk.tasks.rows == {}


async def test_a_voice_note_is_no_number(asked_number: Person) -> None:
    await asked_number.sends_media(MediaKind.VOICE)

    assert "06 12 34 56 78" in asked_number.screen


async def test_one_may_write_instead(visit: Appointment, amina: Person, driss: Person) -> None:
    await driss.taps_notice("call")
    await amina.taps_notice("write")

    assert amina.flow == "person"


async def test_while_nobody_is_there_the_first_to_come_will_call(asked_number: Person, driss: Person) -> None:
    await asked_number.scene.desk.contacts.erase(driss.contact_id, at=asked_number.scene.now)
    await asked_number.says("0612345678")

    assert "The first caseworker to come will call you" in asked_number.screen


async def test_back_language_old_button_silence_and_stop(asked_number: Person) -> None:
    await asked_number.taps("!back")
    assert asked_number.step == "request"

    old = asked_number.prompt_ref
    await asked_number.taps("call")
    await asked_number.taps_old(old, "write")
    assert asked_number.step == "number"

    await asked_number.says("langue")
    await asked_number.taps("fr")
    assert "[fr] On which number may we call you?" in asked_number.screen

    await asked_number.says("stop")
    await asked_number.taps("undo")
    assert asked_number.step == "number"

    asked_number.scene.later(hours=25)
    await asked_number.says("0612345678")
    assert asked_number.scene.desk.tasks.rows == {}
    assert asked_number.flow == "menu"


async def test_a_request_about_a_cancelled_visit_is_not_shown(
    visit: Appointment, amina: Person, driss: Person
) -> None:
    await driss.taps_notice("call")
    (push,) = [push for push in amina.scene.pushes if push.flow == "call_request"]
    await cancels(amina, visit)
    amina.notices.clear()
    amina.scene.pushes.clear()
    await amina.scene.pushes_out(push)

    assert amina.notices == []
