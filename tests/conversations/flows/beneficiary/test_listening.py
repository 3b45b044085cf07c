"""Hear it: offered only where a recording says what is written, in a language that the person speaks."""

from dataclasses import replace

import pytest

from conversations.care.appointments import Need
from conversations.care.clips import Clip, Script, Shelf, need_script, question_script, scripts, words_hash
from conversations.care.rules import Change
from tests.fakes import real_world
from tests.people import Person, Scene

WORLD = real_world()
QUESTION = WORLD.questions.question("short_time")
assert QUESTION is not None
ANSWER = question_script(QUESTION)
JOB = need_script(WORLD.rules, Need.JOB)


def recorded(scene: Scene, script: Script, *languages: str) -> None:
    """Have a text read out in languages."""
    reads = {Clip(code, script.name): words_hash(script.said[code]) for code in languages}
    scene.world = replace(scene.world, clips=Shelf({**scene.world.clips.reads, **reads}))


async def publishes(scene: Scene, *changes: Change) -> None:
    karim = scene.manager("Karim").contact_id
    for change in changes:
        await scene.desk.content.draft(karim, change, before=None, now=scene.now)
    await scene.desk.content.publish(karim, now=scene.now)


async def reads_the_answer(person: Person) -> None:
    await person.starts()
    await person.taps("services", "questions", "coming", "short_time")
    assert person.step == "answer"


async def reads_the_outcome(person: Person, need: str = "job") -> None:
    await person.starts()
    await person.taps("services", "self", need)
    if person.step == "question":
        await person.taps("enough")
    assert person.step == "outcome"


async def test_an_answer_is_heard_and_stays_on_the_screen(scene: Scene, brahim: Person) -> None:
    recorded(scene, ANSWER, "fr")
    await reads_the_answer(brahim)
    assert brahim.buttons[0] == "[fr] 🔊 Listen"
    screen = brahim.screen

    await brahim.taps("listen")

    assert brahim.clips == [Clip("fr", "question-short_time")]
    assert (brahim.step, brahim.screen) == ("answer", screen)
    assert ANSWER.said["fr"] in screen


async def test_without_a_recording_nothing_is_offered(scene: Scene, brahim: Person) -> None:
    recorded(scene, ANSWER, "ar", "ary", "en")

    await reads_the_answer(brahim)

    assert "listen" not in brahim.ids


async def test_who_reads_arabic_hears_darija_where_there_is_no_arabic(scene: Scene, amina: Person) -> None:
    recorded(scene, ANSWER, "ary")
    await reads_the_answer(amina)
    await amina.taps("listen")

    recorded(scene, ANSWER, "ar")
    await amina.taps("listen")

    assert [clip.language for clip in amina.clips] == ["ary", "ar"]


async def test_who_speaks_darija_is_not_offered_arabic(scene: Scene) -> None:
    recorded(scene, ANSWER, "ar")
    zineb = scene.beneficiary("Zineb", language="ary")

    await reads_the_answer(zineb)

    assert "listen" not in zineb.ids


async def test_what_managers_have_changed_since_is_not_played(scene: Scene, brahim: Person) -> None:
    recorded(scene, ANSWER, "fr")
    await reads_the_answer(brahim)
    await publishes(scene, Change("short_time", "answer", "Oui, venez au centre.", "fr"))

    await brahim.taps("listen")

    assert brahim.clips == []
    assert "[fr] The text has changed, and nobody has read it out yet." in brahim.screen
    assert "Oui, venez au centre." in brahim.screen
    assert "listen" not in brahim.ids


async def test_a_change_in_another_language_changes_nothing_here(scene: Scene, brahim: Person) -> None:
    recorded(scene, ANSWER, "fr")
    await publishes(scene, Change("short_time", "answer", "Yes, come to the centre.", "en"))

    await reads_the_answer(brahim)

    assert "listen" in brahim.ids


async def test_darija_read_out_is_not_offered_when_its_own_text_has_changed(
    scene: Scene, amina: Person
) -> None:
    recorded(scene, ANSWER, "ary")
    await publishes(scene, Change("short_time", "answer", "إيه، تقدر تجي للمركز.", "ary"))

    await reads_the_answer(amina)

    assert "listen" not in amina.ids


@pytest.mark.parametrize(("person", "language"), [("brahim", "fr"), ("amina", "ar")])
async def test_an_outcome_is_heard_and_so_is_what_there_is_to_read_more(
    request: pytest.FixtureRequest, scene: Scene, person: str, language: str
) -> None:
    who: Person = request.getfixturevalue(person)
    recorded(scene, JOB, "fr", "ar")
    await reads_the_outcome(who)
    await who.taps("listen")
    assert who.step == "outcome"

    await who.taps("more")
    assert all(line in who.screen for line in JOB.said[language].splitlines())
    await who.taps("listen")

    assert who.step == "more"
    assert who.clips == [Clip(language, "need-job")] * 2


async def test_a_recording_of_another_need_is_not_offered(scene: Scene, brahim: Person) -> None:
    recorded(scene, JOB, "fr")

    await reads_the_outcome(brahim, "papers")

    assert "listen" not in brahim.ids


@pytest.mark.parametrize("need", list(Need))
@pytest.mark.parametrize("asker", ["self", "relative", "unsaid"])
async def test_there_are_never_more_buttons_than_fit(
    scene: Scene, brahim: Person, asker: str, need: Need
) -> None:
    for script in scripts(WORLD.rules, WORLD.questions):
        recorded(scene, script, "fr")
    await brahim.starts()
    await brahim.taps("services")
    await brahim.taps(asker if asker in brahim.ids else "unsaid", need)
    while brahim.step == "question":
        await brahim.taps("enough")

    assert len([each for each in brahim.ids if not each.startswith("!")]) <= 7


async def test_each_text_has_a_name_of_its_own_and_all_languages() -> None:
    read_out = list(scripts(WORLD.rules, WORLD.questions))

    assert len({script.name for script in read_out}) == len(read_out)
    for script in read_out:
        assert all(script.said[code].strip() for code in ("ary", "ar", "fr", "en"))
