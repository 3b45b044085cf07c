"""Words, voice notes and pictures reach a caseworker."""

import pytest

from conversations.care.tasks import Said, TaskKind
from conversations.engine.flow import SentMedia
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel, MediaKind
from tests.people import Person, Scene


@pytest.fixture
async def writing(scene: Scene, driss: Person) -> Person:
    """Amina, whose centre is Salé and who is about to write to a person there."""
    amina = scene.beneficiary("Amina", language="ar", centre_slug="sale", channel=Channel.TELEGRAM)
    await amina.starts()
    await amina.taps("person")
    return amina


def said_to(person: Person) -> list[Said]:
    return [Said.from_text(task.text) for task in person.scene.desk.tasks.rows.values()]


async def test_words_reach_the_caseworker_of_the_centre(writing: Person, driss: Person) -> None:
    await writing.says("بغيت نسول على الورق")

    assert said_to(writing) == [Said("بغيت نسول على الورق")]
    assert driss.notice.flow == "task_news"
    assert driss.notice.purpose is Purpose.STAFF
    assert "بغيت نسول على الورق" in driss.notice.text
    assert "Your message is kept." in writing.screen


@pytest.mark.parametrize("kind", [MediaKind.VOICE, MediaKind.PHOTO, MediaKind.DOCUMENT, MediaKind.VIDEO])
async def test_what_can_be_heard_or_seen_is_kept_with_its_channel(
    writing: Person, driss: Person, kind: MediaKind
) -> None:
    await writing.sends_media(kind, "AwACAgQ", caption="شوف")

    assert said_to(writing) == [Said("شوف", SentMedia(kind, "AwACAgQ", Channel.TELEGRAM))]
    assert driss.notice.flow == "task_news"


async def test_a_shared_number_is_kept_for_the_caseworker(writing: Person) -> None:
    await writing.shares_phone("+212612345678")

    assert said_to(writing) == [Said(phone="+212612345678")]


async def test_several_short_messages_in_a_row_all_arrive(writing: Person, driss: Person) -> None:
    await writing.says("salam", "1", "ok", "menu item 3")

    assert [said.words for said in said_to(writing)] == ["salam", "1", "ok", "menu item 3"]
    assert len(driss.notices) == 4

    await writing.taps("done")

    assert "The answer will come here" in writing.screen


async def test_another_centre_s_caseworkers_are_not_told(scene: Scene, writing: Person) -> None:
    other = scene.caseworker("Hakim", centre_slug="fes")
    await writing.says("salam")

    assert other.notices == []


async def test_without_a_caseworker_at_the_centre_all_are_told(scene: Scene, driss: Person) -> None:
    person = scene.beneficiary("Amina", centre_slug="fes")
    await person.says("person", "hello")

    assert driss.notice.flow == "task_news"
    (task,) = scene.desk.tasks.rows.values()
    assert task.centre_slug is None
    assert task.kind is TaskKind.MESSAGE


async def test_while_nobody_is_connected_that_is_said(scene: Scene) -> None:
    person = scene.beneficiary("Amina")
    await person.says("person", "hello")

    assert "No caseworker is here yet" in person.screen
    assert {"15", "19"} <= set(person.screen.splitlines())
    assert said_to(person) == [Said("hello")]


@pytest.mark.parametrize("kind", [MediaKind.STICKER, MediaKind.OTHER])
async def test_a_sticker_says_too_little(writing: Person, kind: MediaKind) -> None:
    await writing.sends_media(kind)

    assert said_to(writing) == []
    assert "Please write a few words" in writing.screen


async def test_words_of_danger_are_heard_here_as_well(writing: Person, driss: Person) -> None:
    await writing.says("بغيت نموت")

    (task,) = writing.scene.desk.tasks.rows.values()
    assert task.kind is TaskKind.DANGER
    assert writing.flow == "help_numbers"


async def test_back_language_old_button_silence_and_stop(writing: Person) -> None:
    await writing.says("salam")
    old = writing.prompt_ref
    await writing.taps("!back")
    assert writing.step == "message"

    await writing.taps_old(old, "done")
    assert writing.step == "message"

    await writing.says("langue")
    await writing.taps("fr")
    assert "[fr] Write your message" in writing.screen

    await writing.says("stop")
    await writing.taps("undo")
    assert writing.flow == "person"

    writing.scene.later(hours=25)
    await writing.says("a new day")
    assert writing.flow == "menu"
    assert len(writing.scene.desk.tasks.rows) == 1


async def test_when_nobody_of_the_centre_can_be_reached_all_others_hear(
    scene: Scene, writing: Person, driss: Person
) -> None:
    others = scene.caseworker("Ilham", centre_slug="fes")
    scene.desk.contacts.unreachable.add(driss.contact_id)

    await writing.says("salam")

    assert not driss.notices
    assert "salam" in others.notice.text
    (task,) = scene.desk.tasks.rows.values()
    assert task.centre_slug is None
    assert writing.step == "more"


async def test_nobody_is_heard_by_caseworkers_who_blocked_the_service(
    scene: Scene, writing: Person, driss: Person
) -> None:
    scene.desk.contacts.unreachable.add(driss.contact_id)

    await writing.says("salam")

    assert writing.step == "waiting"
