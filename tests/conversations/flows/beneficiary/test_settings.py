"""How to be spoken to, what to get, what is kept."""

from datetime import UTC, date, datetime, time

import pytest

from conversations.engine.reply import MediaKind
from tests.conversations.flows.staff.doings import books, moves
from tests.people import Person, Scene


@pytest.fixture
async def at_settings(chama: Person) -> Person:
    """Chama, who has just enrolled in English and looks at her settings."""
    await chama.starts()
    await chama.taps("en", "agree", "settings")
    return chama


async def test_news_go_on_and_off(at_settings: Person) -> None:
    await at_settings.taps("news")
    assert (await at_settings.contact()).news
    assert "You get news of programmes." in at_settings.screen

    await at_settings.taps("news")
    assert not (await at_settings.contact()).news
    assert "You get no news of programmes." in at_settings.screen


async def test_check_ins_switched_off_are_withdrawn_and_switched_on_planned_again(
    at_settings: Person,
) -> None:
    schedule = at_settings.scene.desk.schedule
    await at_settings.taps("check_ins")
    assert schedule.due == []
    assert "We don't ask you how you are." in at_settings.screen

    at_settings.scene.clock.moves_to(datetime(2026, 11, 24, 8, 30, tzinfo=UTC))
    await at_settings.taps("check_ins")
    assert [due.step for due in schedule.due] == ["d1", "d3", "d7"]

    await at_settings.taps("check_ins")
    at_settings.scene.clock.moves_to(datetime(2026, 11, 24, 11, tzinfo=UTC))
    await at_settings.taps("check_ins")
    assert [due.step for due in schedule.due] == ["d3", "d7"]


async def test_a_name_can_be_given_and_taken_back(at_settings: Person) -> None:
    await at_settings.taps("name")
    await at_settings.says("  Lalla   Chama ")
    assert (await at_settings.contact()).name == "Lalla Chama"
    assert at_settings.step == "settings"

    await at_settings.taps("name")
    assert "Now we call you Lalla Chama." in at_settings.screen

    await at_settings.taps("forget")
    assert (await at_settings.contact()).name is None


async def test_what_is_no_name_is_asked_again(at_settings: Person) -> None:
    await at_settings.taps("name")
    await at_settings.says("x" * 4096)
    assert "That is too long for a name." in at_settings.screen

    await at_settings.sends_media(MediaKind.VOICE)
    assert "Please write the name." in at_settings.screen
    assert (await at_settings.contact()).name is None


async def test_a_name_may_look_like_a_button_or_number(at_settings: Person) -> None:
    await at_settings.taps("name")
    await at_settings.says("7")

    assert (await at_settings.contact()).name == "7"


async def test_a_person_sees_all_that_is_kept(scene: Scene, at_settings: Person) -> None:
    await scene.desk.contacts.set_name(at_settings.contact_id, "Chama")
    await scene.desk.contacts.set_home(at_settings.contact_id, province_code="04.441")
    await books(at_settings)
    await at_settings.taps("kept")

    for words in (
        "Language: English",
        "You agreed on Monday, 23 November 2026.",
        "We call you Chama.",
        "Centre: Salé",
        "Province: Salé",
        "You get no news",
        "You have 1 visit ahead.",
        "We keep your answers about visits, and complaints that you filed with your name.",
    ):
        assert words in at_settings.screen


async def test_a_person_sees_who_looked(scene: Scene, at_settings: Person, driss: Person) -> None:
    await at_settings.taps("kept")
    assert "No caseworker has opened your visits or messages yet." in at_settings.screen

    for _ in range(2):
        await scene.desk.audit.looked(driss.contact_id, at_settings.contact_id, "visit", now=scene.now)
    await at_settings.taps("!menu", "settings", "kept")

    assert "opened your visits or messages 2 times, last on Monday, 23 November 2026." in at_settings.screen


@pytest.mark.parametrize("flow", ["language", "erase"])
async def test_settings_lead_to(at_settings: Person, flow: str) -> None:
    await at_settings.taps(flow)

    assert at_settings.flow == flow


async def test_erasing_is_offered_where_one_sees_what_is_kept(at_settings: Person) -> None:
    await at_settings.taps("kept", "erase")

    assert at_settings.flow == "erase"


async def test_back_language_old_button_silence_and_stop(at_settings: Person) -> None:
    old = at_settings.prompt_ref
    await at_settings.taps("kept")
    await at_settings.taps_old(old, "news")
    assert not (await at_settings.contact()).news

    await at_settings.says("langue")
    await at_settings.taps("fr")
    assert "[fr] This is what we keep about you:" in at_settings.screen

    await at_settings.taps("!back")
    assert at_settings.step == "settings"

    await at_settings.says("stop")
    assert "[fr] 🔕 Done." in at_settings.screen
    await at_settings.taps("undo")
    assert at_settings.step == "settings"

    at_settings.scene.later(hours=25)
    await at_settings.says("hello")
    assert at_settings.flow == "menu"


async def test_reminders_come_at_the_hour_people_choose(at_settings: Person, driss: Person) -> None:
    visit = await books(at_settings, date(2026, 12, 3), time(10))
    await at_settings.taps("hour", "20")
    assert "Reminders of visits come at 20:00." in at_settings.screen
    assert (await at_settings.contact()).reminder_hour == 20

    def due() -> dict[str, datetime]:
        mine = [due for due in at_settings.scene.desk.schedule.due if due.subject == f"visit:{visit.id}"]
        return {each.step: each.due_at for each in mine}

    assert due() == {
        "t-7d": datetime(2026, 11, 26, 20, tzinfo=UTC),
        "t-3d": datetime(2026, 11, 30, 20, tzinfo=UTC),
        "t-1d": datetime(2026, 12, 2, 20, tzinfo=UTC),
        "t-2h": datetime(2026, 12, 3, 8, tzinfo=UTC),
    }

    await at_settings.taps("hour", "usual")
    assert "come at 10:00, on the eve at 18:00." in at_settings.screen
    assert due()["t-1d"] == datetime(2026, 12, 2, 18, tzinfo=UTC)
    assert due()["t-3d"] == datetime(2026, 11, 30, 10, tzinfo=UTC)


async def test_a_visit_booked_moved_or_confirmed_later_keeps_to_the_hour(
    at_settings: Person, driss: Person
) -> None:
    await at_settings.taps("hour", "14")
    visit = await books(at_settings, date(2026, 12, 3), time(10))
    visit = await moves(at_settings, visit, date(2026, 12, 4))
    await driss.taps_notice("confirm")
    await at_settings.scene.goes_on_until(datetime(2026, 12, 3, 14, tzinfo=UTC))

    assert at_settings.notice.draft.step == "t-1d"
    assert at_settings.notice.draft.version == visit.version + 1


async def test_an_hour_that_is_over_today_leaves_todays_reminder_where_it_was(
    at_settings: Person, driss: Person
) -> None:
    """On the eve at three in the afternoon: the reminder of 18:00 must not be lost, nor come at once."""
    await books(at_settings, date(2026, 11, 25), time(10))
    await at_settings.scene.goes_on_until(datetime(2026, 11, 24, 15, tzinfo=UTC))
    await at_settings.says("menu")
    await at_settings.taps("settings", "hour", "12")
    await at_settings.scene.goes_on_until(datetime(2026, 11, 24, 17, 59, tzinfo=UTC))
    assert "t-1d" not in [notice.draft.step for notice in at_settings.notices]

    await at_settings.scene.goes_on_until(datetime(2026, 11, 24, 18, tzinfo=UTC))
    assert at_settings.notice.draft.step == "t-1d"


async def test_a_reminder_that_came_does_not_come_again_at_a_later_hour(
    at_settings: Person, driss: Person
) -> None:
    await books(at_settings, date(2026, 11, 25), time(15))
    await at_settings.scene.goes_on_until(datetime(2026, 11, 24, 18, 30, tzinfo=UTC))
    await at_settings.says("menu")
    await at_settings.taps("settings", "hour", "20")
    await at_settings.scene.goes_on_until(datetime(2026, 11, 25, 9, tzinfo=UTC))

    reminders = [notice for notice in at_settings.notices if notice.flow == "reminder"]
    assert [notice.draft.step for notice in reminders] == ["t-1d"]


@pytest.mark.parametrize(("typed", "hour"), [("8", 8), ("08:00", 8), ("٢٠", 20), ("14h", 14)])
async def test_an_hour_can_be_typed(at_settings: Person, typed: str, hour: int) -> None:
    await at_settings.taps("hour")
    await at_settings.says(typed)

    assert (await at_settings.contact()).reminder_hour == hour


@pytest.mark.parametrize("typed", ["3", "23", "2000", "in the morning", ""])
async def test_another_hour_is_asked_for_again(at_settings: Person, typed: str) -> None:
    await at_settings.taps("hour")
    await at_settings.says(typed)

    assert "Please choose one of these hours." in at_settings.screen
    assert (await at_settings.contact()).reminder_hour is None
