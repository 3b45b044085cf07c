"""Managers read what was asked without an answer, and take off what is seen to."""

from datetime import date

from tests.people import Person, Scene

DAY = date(2026, 11, 25)


async def test_the_list_is_paged_the_most_often_asked_first(scene: Scene, karim: Person) -> None:
    for number in range(10):
        await scene.desk.unanswered.note("fr", f"passeport {'… ' * number}".strip(), day=DAY)
    for _ in range(3):
        await scene.desk.unanswered.note("ary", "بغيت كرا", day=DAY)
    await karim.commands("unanswered")

    lines = karim.screen.splitlines()
    assert lines[2] == "1. بغيت كرا · ary · 3 times · last in the week of Monday, 23 November 2026".replace(
        "Monday, 23", karim.scene.texts["en"].format_day(date(2026, 11, 23)).split(" November")[0]
    )
    assert len([line for line in lines if line[:1].isdigit()]) == 8
    assert "later" in karim.ids

    await karim.taps("later")
    assert [line.partition(".")[0] for line in karim.screen.splitlines()[2:]] == ["9", "10", "11"]


async def test_done_takes_one_off(scene: Scene, karim: Person) -> None:
    await scene.desk.unanswered.note("fr", "passeport", day=DAY)
    await scene.desk.unanswered.note("fr", "logement", day=DAY)
    await karim.commands("unanswered")
    await karim.taps("✅ 1 is done")

    assert "Taken off the list." in karim.screen
    assert [row.words for row in scene.desk.unanswered.rows] == ["logement"]

    await karim.taps("✅ 1 is done")
    assert "Every question so far has an answer." in karim.screen


async def test_a_second_tap_on_what_is_gone_takes_nothing_else(scene: Scene, karim: Person) -> None:
    await scene.desk.unanswered.note("fr", "passeport", day=DAY)
    await scene.desk.unanswered.note("fr", "logement", day=DAY)
    await karim.commands("unanswered")
    old, first = karim.prompt_ref, karim.ids[0]
    await karim.taps(first)
    await karim.taps_old(old, first)

    assert [row.words for row in scene.desk.unanswered.rows] == ["logement"]


async def test_only_managers_read_it(driss: Person, amina: Person) -> None:
    for person in (driss, amina):
        await person.starts()
        await person.commands("unanswered")
        assert person.flow != "unanswered"
