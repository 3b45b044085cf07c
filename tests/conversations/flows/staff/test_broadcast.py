"""A manager writes an announcement, looks at it, sends it and watches it go."""

from dataclasses import replace

import pytest

from conversations.care.announcements import AnnouncementStatus, Audience, Cost
from conversations.care.people import Role
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.news import AnnouncementNews
from conversations.flows.staff.announcement import announcement_prompt, announcement_text
from tests.fakes import marked_texts
from tests.people import Person, Scene


@pytest.fixture
def readers(scene: Scene) -> list[Person]:
    """One reader of each language who agreed to news, at Salé or Agadir, and one who did not agree."""
    agreed = [
        scene.beneficiary(f"reader of {language}", language=language, news=True, centre_slug=slug)
        for language, slug in (("ary", "sale"), ("ar", "sale"), ("fr", "agadir"), ("en", "agadir"))
    ]
    return [*agreed, scene.beneficiary("no news", language="fr", centre_slug="agadir")]


async def test_what_is_charged_is_said_before_it_is_sent(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    scene.desk.billing.next = Cost(messages=3, today=17)
    await karim.commands("broadcast")
    await karim.taps("everyone", "fr")
    await karim.says("Réunion jeudi")

    assert karim.step == "preview"
    assert "💰 Of these by WhatsApp, which charges each: 3" in karim.screen
    assert "Charged by WhatsApp today, so far: 17" in karim.screen


@pytest.mark.parametrize(
    ("budget", "cost", "waits"),
    [
        (20, Cost(messages=3, today=17, counted=18), True),
        (20, Cost(messages=3, today=17, counted=17), False),
        (20, Cost(messages=3, counted=18, unreachable=1), False),
        (None, Cost(messages=3000, counted=18), False),
    ],
)
async def test_more_than_todays_budget_is_said_to_wait_for_the_morning(
    scene: Scene, karim: Person, readers: list[Person], budget: int | None, cost: Cost, waits: bool
) -> None:
    scene.world = replace(scene.world, daily_budget=budget)
    scene.desk.billing.next = cost
    await karim.commands("broadcast")
    await karim.taps("everyone", "fr")
    await karim.says("Réunion jeudi")

    said = "⏳ More than today's budget of 20: the rest goes out from tomorrow morning." in karim.screen
    assert said is waits


async def test_people_without_a_template_are_counted_before_it_is_sent(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    scene.desk.billing.next = Cost(messages=3, unreachable=2)
    await karim.commands("broadcast")
    await karim.taps("everyone", "fr")
    await karim.says("Réunion jeudi")

    assert "⚠️ Of these not reached, since WhatsApp has approved no template: 2" in karim.screen


async def test_an_announcement_goes_from_the_first_word_to_the_last_count(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "all")
    await karim.says("نهار الخميس", "يوم الخميس", "Réunion jeudi", "Meeting on Thursday")
    assert karim.step == "preview"
    assert "For: everyone who asked for news" in karim.screen
    assert "It goes to 4 people." in karim.screen
    assert "Réunion jeudi" in karim.screen
    assert "💰" not in karim.screen
    assert not scene.desk.announcements.rows

    await karim.taps("send")

    announcement = scene.desk.announcements.rows[1]
    assert announcement.author == karim.contact_id
    assert announcement.texts == {
        "ary": "نهار الخميس",
        "ar": "يوم الخميس",
        "fr": "Réunion jeudi",
        "en": "Meeting on Thursday",
    }
    assert scene.desk.announcements.receivers[1] == [reader.contact_id for reader in readers[:4]]
    assert karim.screen == "📨 Your announcement is on its way to 4 people."
    assert karim.notice.text.splitlines() == [
        "📢 The announcement is being sent.",
        "Sent: 0 of 4",
        "Waiting: 4",
    ]
    assert karim.notice.key == "announcement:1:progress:0"
    assert (karim.notice.purpose, karim.notice.subject) == (Purpose.STAFF, "announcement:1")


async def test_the_preview_shows_what_people_will_see(karim: Person, readers: list[Person]) -> None:
    await _writes(karim, fr="Réunion jeudi")

    seen = announcement_text(marked_texts()["fr"], "Réunion jeudi")

    assert seen in karim.screen
    assert seen.splitlines() == [
        "[fr] Jisr 📢",
        "",
        "Réunion jeudi",
        "",
        "[fr] To stop this news, send STOP.",
    ]


async def test_who_reads_which_text_is_said_where_a_language_has_none(
    karim: Person, readers: list[Person]
) -> None:
    await _writes(karim, ar="يوم الخميس")

    assert "Readers of الدارجة: the text in العربية" in karim.screen
    assert "Readers of Français: no text for them" in karim.screen
    assert "Readers of English: no text for them" in karim.screen
    assert "It goes to 2 people." in karim.screen


async def test_a_region_gets_its_own_people_alone(scene: Scene, karim: Person, readers: list[Person]) -> None:
    region = next(r for r in scene.world.places.regions() if r.name_fr == "Souss-Massa")
    await karim.commands("broadcast")
    await karim.taps("region", "later", region.code, "all")
    await _texts(karim, fr="Réunion jeudi")

    assert "For: people of the region Souss-Massa" in karim.screen
    assert "It goes to 2 people." in karim.screen
    await karim.taps("send")
    assert scene.desk.announcements.rows[1].audience == Audience(region_code=region.code)


async def test_a_centre_gets_its_own_people_alone(scene: Scene, karim: Person, readers: list[Person]) -> None:
    await karim.commands("broadcast")
    await karim.taps("centre", "agadir", "all")
    await _texts(karim, fr="Réunion jeudi")
    await karim.taps("send")

    assert scene.desk.announcements.rows[1].audience == Audience(centre_slug="agadir")


async def test_one_language_is_asked_for_one_text(scene: Scene, karim: Person, readers: list[Person]) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "fr")
    await karim.says("Réunion jeudi")

    assert karim.step == "preview"
    assert "It goes to 1 person." in karim.screen
    await karim.taps("send")
    assert scene.desk.announcements.rows[1].audience == Audience(language="fr")
    assert scene.desk.announcements.receivers[1] == [readers[2].contact_id]


async def test_at_least_one_text_is_needed(karim: Person) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "all", "skip", "skip", "skip", "skip")

    assert karim.screen.startswith("At least one text is needed.")
    assert karim.step == "text_en"


async def test_a_text_has_at_most_900_characters_and_is_no_photo(karim: Person) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "fr")

    await karim.says("x" * 901)
    assert karim.screen.startswith("That is 901 characters long; 900 is the most people can be sent.")
    await karim.sends_media()
    assert karim.screen.startswith("An announcement is text alone.")
    await karim.says("x" * 900)

    assert karim.step == "preview"


async def test_four_long_texts_are_shown_whole_one_part_after_the_other(
    karim: Person, readers: list[Person]
) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "all")
    await karim.says(*(letter * 900 for letter in "ابyz"))
    assert "ا" * 900 in karim.screen
    assert "z" * 900 not in karim.screen
    assert "It goes to 4 people." in karim.screen

    await karim.taps("more")
    assert "z" * 900 in karim.screen
    await karim.taps("more")

    assert "ا" * 900 in karim.screen


async def test_a_text_is_changed_kept_or_taken_out(karim: Person, readers: list[Person]) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", "all")
    await karim.says("one", "two", "three", "four")

    await karim.taps("change", "keep")
    await karim.says("TWO")
    await karim.taps("skip", "keep")

    assert karim.step == "preview"
    assert "one" in karim.screen
    assert "TWO" in karim.screen
    assert "three" not in karim.screen
    assert "Readers of Français: no text for them" in karim.screen


async def test_texts_of_languages_no_longer_meant_are_dropped(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    """The manager goes back and narrows the audience to French."""
    await karim.commands("broadcast")
    await karim.taps("everyone", "all")
    await karim.says("one")
    await karim.taps("!back", "!back", "fr")
    await karim.says("trois")

    await karim.taps("send")

    assert scene.desk.announcements.rows[1].texts == {"fr": "trois"}


async def test_nobody_to_send_to_is_said_and_not_sent(karim: Person) -> None:
    await _writes(karim, fr="Réunion jeudi")

    assert "This would reach nobody" in karim.screen
    assert "send" not in karim.ids


async def test_everybody_who_said_stop_since_the_preview_is_spared(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    await _writes(karim, fr="Réunion jeudi", language="fr")
    await readers[2].says("STOP")

    await karim.taps("send")

    assert karim.screen.startswith("Nothing was sent.")
    assert "This would reach nobody" in karim.screen
    assert not scene.desk.announcements.rows


async def test_cancel_sends_nothing(scene: Scene, karim: Person, readers: list[Person]) -> None:
    await _writes(karim, fr="Réunion jeudi")

    await karim.taps("cancel")

    assert karim.screen.startswith("Nothing was sent.")
    assert karim.flow == "manager_menu"
    assert not scene.desk.announcements.rows


async def test_a_trembling_finger_sends_once(scene: Scene, karim: Person, readers: list[Person]) -> None:
    await _writes(karim, fr="Réunion jeudi")
    ref = karim.prompt_ref

    await karim.taps("send")
    await karim.taps_old(ref, "send")

    assert len(scene.desk.announcements.rows) == 1


async def test_only_managers_announce(driss: Person, amina: Person) -> None:
    for person in (driss, amina):
        await person.commands("broadcast")

        assert "You can't do that here." in person.screen


async def test_progress_is_written_over_until_all_is_done(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    await _sends(karim)

    scene.desk.announcements.delivers(1, sent=1, failed=1, blocked=0)
    await _tick(scene, karim, 2)
    assert karim.notice.text.splitlines() == [
        "📢 The announcement is being sent.",
        "Sent: 1 of 4",
        "Waiting: 2",
        "Failed: 1",
    ]
    assert karim.notice.ids == ["stop"]
    scene.desk.announcements.delivers(1, sent=2, failed=1, blocked=1)
    await _tick(scene, karim, 4)

    assert len(karim.notices) == 1
    assert karim.notice.text.splitlines() == [
        "✅ The announcement has gone to everybody.",
        "Sent: 2 of 4",
        "Failed: 1",
        "Blocked the service: 1",
    ]
    assert karim.notice.ids == []


async def test_stop_stops_the_rest(scene: Scene, karim: Person, readers: list[Person]) -> None:
    await _sends(karim)
    scene.desk.announcements.delivers(1, sent=1)

    screen = await karim.taps_notice("stop")

    assert scene.desk.announcements.rows[1].status is AnnouncementStatus.STOPPED
    assert screen.in_place
    assert screen.choices == ()
    assert screen.text.splitlines() == [
        "✋ The announcement was stopped.",
        "Sent: 1 of 4",
        "Not sent any more: 3",
    ]


async def test_stop_after_the_end_only_shows_the_counts(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    await _sends(karim)
    scene.desk.announcements.delivers(1, sent=4)

    screen = await karim.taps_notice("stop")

    assert screen.text.splitlines() == ["✅ The announcement has gone to everybody.", "Sent: 4 of 4"]
    assert scene.desk.announcements.rows[1].status is AnnouncementStatus.DONE


async def test_somebody_no_longer_a_manager_stops_nothing(
    scene: Scene, karim: Person, readers: list[Person]
) -> None:
    await _sends(karim)
    await scene.desk.contacts.make_staff(karim.contact_id, Role.CASEWORKER, "sale")

    await karim.taps_notice("stop")

    assert scene.desk.announcements.rows[1].status is AnnouncementStatus.RUNNING


def test_the_one_button_of_an_announcement_always_works() -> None:
    prompt = announcement_prompt(marked_texts()["en"], "Meeting on Thursday")

    assert [(choice.id, choice.label) for choice in prompt.choices] == [("!stop", "🔕 Stop news")]
    assert prompt.text.splitlines()[0] == "Jisr 📢"


async def _writes(karim: Person, *, language: str = "all", **texts: str) -> None:
    await karim.commands("broadcast")
    await karim.taps("everyone", language)
    await _texts(karim, **texts)


async def _texts(karim: Person, **texts: str) -> None:
    while (step := karim.step or "").startswith("text_"):
        text = texts.get(step.removeprefix("text_"))
        await (karim.says(text) if text else karim.taps("skip"))


async def _sends(karim: Person) -> None:
    await _writes(karim, ar="يوم الخميس", fr="Réunion jeudi", en="Meeting on Thursday")
    await karim.taps("send")


async def _tick(scene: Scene, karim: Person, done: int) -> None:
    """Push the progress again as the timer does."""
    await scene.pushes_out(
        Push(
            karim.contact_id,
            "announcement_progress",
            AnnouncementNews(1),
            Purpose.STAFF,
            f"announcement:1:progress:{done}",
            "announcement:1",
            replaces=karim.notice.key,
        )
    )
