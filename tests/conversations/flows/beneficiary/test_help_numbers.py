"""Numbers to call, and what happens when words sound like danger."""

import pytest

from conversations.care.helplines import HELPLINES
from conversations.care.people import Consent
from conversations.care.tasks import Said, TaskKind
from conversations.engine.reply import MediaKind
from tests.people import Person, Scene


async def test_every_number_stands_alone_on_its_line(amina: Person) -> None:
    await amina.starts()
    await amina.taps("help_numbers")

    lines = amina.screen.splitlines()
    for helpline in HELPLINES:
        for number in helpline.numbers:
            assert number in lines
    assert "[ar] Children in danger, from 8:30 to 18:00" in lines


async def test_numbers_keep_their_order_of_digits_in_arabic(amina: Person) -> None:
    await amina.says("أرقام المساعدة")

    assert "\u206805 22 40 03 99\u2069" in amina.last.raw


@pytest.mark.parametrize("consent", [Consent.UNASKED, Consent.REFUSED])
async def test_nobody_has_to_agree_to_anything_first(scene: Scene, consent: Consent) -> None:
    person = scene.beneficiary("Zineb", consent=consent)
    await person.says("help")

    assert person.flow == "help_numbers"


async def test_a_newcomer_gets_them_before_choosing_a_language(chama: Person) -> None:
    await chama.says("sos")

    assert "15" in chama.screen.splitlines()


async def test_danger_gives_the_numbers_and_wakes_a_caseworker(amina: Person, driss: Person) -> None:
    await amina.starts()
    await amina.taps("booking", "job")
    await amina.says("bghit nmout")

    assert {"15", "150", "19"} <= set(amina.screen.splitlines())
    assert "You matter, and you are not alone" in amina.screen
    assert "A caseworker has been told" in amina.screen
    (task,) = amina.scene.desk.tasks.rows.values()
    assert (task.kind, task.urgent) == (TaskKind.DANGER, True)
    assert Said.from_text(task.text) == Said("bghit nmout")
    assert driss.notice.flow == "task_news"

    await amina.taps("ok")

    assert amina.step == "centre"


async def test_danger_under_a_picture_is_heard(amina: Person, driss: Person) -> None:
    await amina.sends_media(MediaKind.PHOTO, caption="je veux mourir")

    (task,) = amina.scene.desk.tasks.rows.values()
    assert task.kind is TaskKind.DANGER
    assert Said.from_text(task.text).media is not None


async def test_nobody_is_said_to_be_told_while_nobody_is_there(amina: Person) -> None:
    await amina.says("I want to die")

    assert "has been told" not in amina.screen
    assert "15" in amina.screen.splitlines()


async def test_a_newcomer_in_danger_is_helped_first(chama: Person, driss: Person) -> None:
    await chama.says("je veux mourir")

    assert chama.flow == "help_numbers"
    assert driss.notice.flow == "task_news"


async def test_who_refused_gets_the_numbers_and_nothing_is_kept(scene: Scene, driss: Person) -> None:
    visitor = scene.beneficiary("Zineb", consent=Consent.REFUSED)
    await visitor.says("je veux mourir")

    assert "15" in visitor.screen.splitlines()
    assert scene.desk.tasks.rows == {}
    assert driss.notices == []


async def test_a_person_can_be_reached_from_there(amina: Person) -> None:
    await amina.says("help")
    await amina.taps("!person")

    assert amina.flow == "person"


async def test_language_old_button_silence_and_stop(amina: Person) -> None:
    await amina.says("help")
    old = amina.prompt_ref
    await amina.says("langue")
    await amina.taps("fr")
    assert "[fr] Police (112 from a mobile phone)" in amina.screen

    await amina.taps_old(old, "ok")
    assert amina.flow == "help_numbers"

    await amina.says("stop")
    await amina.taps("undo")
    assert amina.flow == "help_numbers"

    amina.scene.later(hours=25)
    await amina.says("1")
    assert amina.flow == "menu"
