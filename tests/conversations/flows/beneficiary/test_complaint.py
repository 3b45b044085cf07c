"""Complaints, with a name and without; what managers see of them, and what nobody sees."""

import re
from dataclasses import replace

import pytest

from conversations.engine.drafts import draft_to_json
from conversations.engine.reply import MediaKind
from tests.people import MONDAY, Person, Scene

WORDS = "The door stayed shut zq-77."


@pytest.fixture
def karim(scene: Scene) -> Person:
    """Manager."""
    # What is remembered of other tests' people is nobody's here.
    scene.world = replace(scene.world)
    return scene.manager("Karim")


async def complains(brahim: Person, *, named: bool = False, words: str = WORDS) -> None:
    await brahim.says("menu")
    await brahim.taps("person", "complaint", "named" if named else "unnamed")
    await brahim.says(words)


async def test_it_is_found_where_one_talks_to_a_person(brahim: Person, karim: Person) -> None:
    await brahim.says("menu")
    await brahim.taps("person", "complaint")

    assert brahim.flow == "complaint"
    assert "never caseworkers" in brahim.screen
    assert "nobody can answer you" in brahim.screen


async def test_with_a_name_managers_see_who_wrote_and_answer_in_the_chat(
    scene: Scene, brahim: Person, karim: Person
) -> None:
    await scene.desk.contacts.set_name(brahim.contact_id, "Brahim")
    await complains(brahim, named=True)
    assert "the answer comes here" in brahim.screen
    await scene.goes_on_until(scene.now)

    assert karim.notice.text == "📮 Somebody wrote to the managers."
    await karim.taps_notice("open")
    assert f"“{WORDS}”" in karim.screen
    assert "Name: Brahim" in karim.screen
    looks = [(look.by, look.what) for look in scene.desk.audit.looks]
    assert looks == [(karim.contact_id, "complaint")]

    await karim.taps("answer")
    await karim.says("We spoke with the centre.")
    assert brahim.notice.flow == "complaint_answer"
    assert "We spoke with the centre." in brahim.notice.text
    await karim.taps("close")
    assert "Closed." in karim.screen
    assert not await scene.desk.complaints.open()
    assert brahim.notice.is_open, "the answer stays"

    await brahim.taps_notice("answer")
    assert brahim.flow == "complaint"


async def test_without_a_name_nothing_says_who_wrote_it(
    scene: Scene, brahim: Person, driss: Person, karim: Person
) -> None:
    await scene.desk.contacts.set_name(brahim.contact_id, "Brahim")
    scene.later(hours=2, minutes=17)
    await complains(brahim)

    (complaint,) = await scene.desk.complaints.open()
    assert complaint.contact_id is None
    assert complaint.created_at == MONDAY.replace(hour=0)
    await scene.goes_on_until(scene.now)
    assert not karim.notices, "not in the minute in which it was written"
    scene.later(hours=2)
    await scene.goes_on_until(scene.now)
    await karim.taps_notice("open")
    assert f"“{WORDS}”" in karim.screen
    assert "Brahim" not in karim.screen
    assert "answer" not in karim.ids
    assert not scene.desk.audit.looks
    assert not scene.desk.tasks.rows
    everything = [
        repr(scene.desk.schedule.due),
        *(session.to_json() for session in scene.desk.sessions.rows.values()),
        *(draft_to_json(push.draft).__repr__() for push in scene.pushes),
        *(repr(notice) for _, notice in scene.desk.notices),
        brahim.screen,
    ]
    # On Karim's screen alone it can be read, and screens are kept nowhere in words.
    assert not [kept for kept in everything if "zq-77" in kept]


async def test_caseworkers_never_see_any(scene: Scene, brahim: Person, driss: Person, karim: Person) -> None:
    for named in (True, False):
        await complains(brahim, named=named)
    scene.later(hours=3)
    await scene.goes_on_until(scene.now)

    await driss.commands("complaints")

    assert "You can't do that here." in driss.screen
    assert not driss.notices
    await driss.commands("tasks")
    assert "Nobody is waiting." in driss.screen


async def test_only_words_are_taken(scene: Scene, brahim: Person, karim: Person) -> None:
    await brahim.says("menu")
    await brahim.taps("person", "complaint", "unnamed")

    await brahim.sends_media(MediaKind.VOICE)
    assert "Please write it in words." in brahim.screen
    await brahim.says("x" * 1001)
    assert "at most 1000 characters" in brahim.screen
    assert not await scene.desk.complaints.open()


async def test_the_words_are_asked_for_as_a_secret_is(scene: Scene, brahim: Person, karim: Person) -> None:
    """So that the update they come in is not kept."""
    await brahim.says("menu")
    await brahim.taps("person", "complaint", "unnamed")

    assert scene.routes.asks_secret(brahim.session)


@pytest.mark.parametrize("named", [True, False])
async def test_nobody_has_more_than_three_open(
    scene: Scene, amina: Person, brahim: Person, karim: Person, named: bool
) -> None:
    for _ in range(3):
        await complains(brahim, named=named)
    await brahim.says("menu")
    await brahim.taps("person", "complaint", "named" if named else "unnamed")

    assert brahim.flow == "menu"
    assert len(await scene.desk.complaints.open()) == 3
    await complains(amina, named=named)
    assert len(await scene.desk.complaints.open()) == 4, "others can"
    if named:
        await scene.desk.complaints.close(1, now=scene.now)
    else:
        scene.later(days=1)
    await complains(brahim, named=named)
    assert len(await scene.desk.complaints.open()) == (4 if named else 5)


async def test_the_list_says_how_old_each_is_and_what_waits_too_long_is_red(
    scene: Scene, brahim: Person, karim: Person
) -> None:
    await complains(brahim, named=True)
    scene.later(days=5, hours=1)
    await complains(brahim)

    await karim.commands("complaints")

    first, second = [line for line in karim.screen.splitlines() if re.match(r"\d\. ", line)]
    assert first == "1. 🔴 no centre · 5 days ago · with a name"
    assert second == "2. no centre · today · without a name"
    await karim.taps("c2", "close")
    assert "2." not in karim.screen
    await karim.says("menu")
    assert "📮 1 complaint is open." in karim.screen


async def test_a_colleague_was_faster(scene: Scene, brahim: Person, karim: Person) -> None:
    await complains(brahim, named=True)
    await scene.goes_on_until(scene.now)
    nadia = scene.manager("Nadia")
    await nadia.commands("complaints")
    await nadia.taps("c1")
    await karim.taps_notice("open")
    await karim.taps("close")

    await nadia.taps("answer")
    await nadia.says("Sorry.")

    assert "no longer open" in nadia.screen
    assert not brahim.notices


async def test_who_erased_everything_took_the_complaint_along(
    scene: Scene, brahim: Person, karim: Person
) -> None:
    await complains(brahim, named=True)
    await complains(brahim)
    await karim.commands("complaints")

    await scene.desk.contacts.erase(brahim.contact_id, at=scene.now)
    await karim.taps("c1")

    assert "no longer open" in karim.screen
    assert [row.contact_id for row in await scene.desk.complaints.open()] == [None]


async def test_who_can_not_be_reached_is_not_answered(scene: Scene, brahim: Person, karim: Person) -> None:
    await complains(brahim, named=True)
    await karim.commands("complaints")
    await karim.taps("c1")
    scene.desk.contacts.unreachable.add(brahim.contact_id)
    await karim.taps("answer")
    assert "an answer would not arrive" in karim.screen

    await karim.says("Sorry.")

    assert "the answer was not sent" in karim.screen
    assert not brahim.notices
