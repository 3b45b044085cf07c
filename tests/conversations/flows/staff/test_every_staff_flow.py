"""What holds in every flow of staff: language, old buttons, old sessions, silence, STOP."""

from dataclasses import replace

import pytest

from tests.conversations.flows.staff.doings import books, writes
from tests.people import Person, Scene

# A row of WhatsApp's lists.
LONGEST_LABEL = 24


async def _agenda_card(driss: Person) -> None:
    visit = await books(_amina(driss))
    await driss.commands("week")
    await driss.taps(str(visit.id))


async def _task_card(driss: Person) -> None:
    task = await writes(_amina(driss), "hello")
    await driss.commands("tasks")
    await driss.taps(f"t{task.id}")


async def _answer(driss: Person) -> None:
    await _task_card(driss)
    await driss.taps("answer")


async def _proposal(driss: Person) -> None:
    await _agenda_card(driss)
    await driss.taps("propose", "2026-11-26")


async def _hours(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("hours", "mornings", "next")


async def _closed_days(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("closed")


async def _closing(driss: Person) -> None:
    await driss.commands("close")
    await driss.taps("2026-11-26", "day", "meeting")


async def _closing_hours(driss: Person) -> None:
    await driss.commands("close")
    await driss.says("26/11")


async def _more_rules(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("hours", "mornings", "next", "1", "30", "0", "save", "more", "phone_visits")


async def _other_hours(driss: Person) -> None:
    await driss.commands("centre")
    await driss.taps("more", "other_hours", "ramadan", "2027-02-08", "2027-03-09")


async def _text(karim: Person) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "all")
    await karim.says("نهار الخميس")


async def _preview(karim: Person) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "fr")
    await karim.says("Réunion jeudi")


async def _wording(karim: Person) -> None:
    await karim.commands("content")
    await karim.taps("programmes", "P2", "text", "fr")


async def _changes(karim: Person) -> None:
    await _wording(karim)
    await karim.says("Du matériel pour démarrer, étudié avec vous au centre.")
    await karim.taps("preview")


async def _first_day(karim: Person) -> None:
    await karim.commands("content")
    await karim.taps("programmes", "P1", "from")


async def _comparison(karim: Person) -> None:
    await karim.commands("experiments")
    await karim.taps("eve", "start")


async def _own_name(driss: Person) -> None:
    await driss.starts()
    await driss.taps("own_name")


async def _to_mark(driss: Person) -> None:
    visit = await books(_amina(driss), driss.scene.now.date())
    driss.scene.later(hours=2)
    await driss.commands("today")
    await driss.taps(str(visit.id))


async def _agreed_time(driss: Person) -> None:
    await _to_mark(driss)
    await driss.taps("moved", "2026-11-26")


async def _figures(driss: Person) -> None:
    await driss.commands("figures")


async def _figures_of_centres(karim: Person) -> None:
    await karim.commands("figures")
    await karim.taps("centre")


async def _complaint(karim: Person) -> None:
    desk, amina = karim.scene.desk, _amina(karim)
    await desk.complaints.file(
        "Nobody was there.", contact_id=amina.contact_id, centre_slug="sale", now=karim.scene.now
    )
    await karim.commands("complaints")
    await karim.taps("c1")


async def _complaint_answered(karim: Person) -> None:
    await _complaint(karim)
    await karim.taps("answer")


CASEWORKERS_WAYS = [
    _agenda_card,
    _task_card,
    _answer,
    _proposal,
    _hours,
    _closed_days,
    _closing,
    _closing_hours,
    _more_rules,
    _other_hours,
    _own_name,
    _to_mark,
    _agreed_time,
    _figures,
]
WAYS = [
    *CASEWORKERS_WAYS,
    _text,
    _preview,
    _wording,
    _changes,
    _first_day,
    _comparison,
    _figures_of_centres,
    _complaint,
    _complaint_answered,
]


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__.strip("_"))
async def somebody(request: pytest.FixtureRequest, scene: Scene) -> Person:
    """A caseworker or a manager half-way through a flow."""
    scene.beneficiary("Amina", news=True)
    staff = scene.caseworker("Driss") if request.param in CASEWORKERS_WAYS else scene.manager("Karim")
    await request.param(staff)
    return staff


async def test_the_language_changes_half_way_and_the_answers_stay(somebody: Person) -> None:
    place, draft = (somebody.flow, somebody.step), somebody.draft

    await somebody.says("langue")
    await somebody.taps("fr")

    assert (somebody.flow, somebody.step) == place
    assert somebody.draft == draft
    assert "[fr] " in somebody.screen


async def test_a_session_of_an_older_version_starts_again_kindly(somebody: Person) -> None:
    frame = somebody.session.frame
    assert frame
    somebody.session = replace(somebody.session, frame=replace(frame, version=0))

    await somebody.sends_media()

    assert "We have improved this part meanwhile." in somebody.screen
    assert somebody.flow in ("caseworker_menu", "manager_menu")


async def test_a_step_that_is_gone_strands_nobody(somebody: Person) -> None:
    frame = somebody.session.frame
    assert frame
    somebody.session = replace(somebody.session, frame=replace(frame, step="gone"))

    await somebody.sends_media()

    assert somebody.flow in ("caseworker_menu", "manager_menu")


async def test_after_a_long_silence_the_menu_stands_there(scene: Scene, somebody: Person) -> None:
    scene.later(hours=25)

    await somebody.says("?")

    assert somebody.flow in ("caseworker_menu", "manager_menu")


async def test_an_old_button_shows_where_one_is_and_changes_nothing(somebody: Person) -> None:
    place, draft, pushes = somebody.step, somebody.draft, len(somebody.scene.pushes)
    old = f"p{somebody.session.prompt_no - 1}"

    for choice in ("confirm", "send", "save", "done", "d0", "skip", "3"):
        await somebody.taps_old(old, choice)

    assert "older message" in somebody.screen
    assert (somebody.step, somebody.draft) == (place, draft)
    assert len(somebody.scene.pushes) == pushes


async def test_stop_leads_staff_to_their_menu(somebody: Person) -> None:
    await somebody.says("STOP")

    assert somebody.flow in ("caseworker_menu", "manager_menu")


async def test_anything_at_all_gets_an_answer(somebody: Person) -> None:
    """A sticker, emoji and 4,096 characters, which the free-text steps refuse or take as words."""
    for send in (somebody.sends_media, lambda: somebody.says("🙂"), lambda: somebody.says("x" * 4096)):
        await send()

        assert somebody.screen
        assert len(somebody.last.raw) <= 4096


async def test_every_prompt_has_a_way_to_the_menu(somebody: Person) -> None:
    await somebody.taps("!menu")

    assert somebody.flow in ("caseworker_menu", "manager_menu")


async def test_labels_are_short_and_choices_ids_are_ascii(somebody: Person) -> None:
    """Days and places are shown in full; a channel with shorter buttons numbers them."""
    for choice in somebody.last.choices:
        assert choice.id.isascii()
        assert len(choice.id) <= 40
        assert ":" not in choice.id
        if not any(letter.isdecimal() for letter in choice.label):
            assert len(choice.label) <= LONGEST_LABEL


def _amina(driss: Person) -> Person:
    return next(person for person in driss.scene.people.values() if person.name == "Amina")
