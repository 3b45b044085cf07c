"""A manager changes what people read: drafts, preview, publishing, rolling back."""

from dataclasses import replace

import pytest

from conversations.care.rules import Change
from conversations.texts import LANGUAGES
from tests.conversations.flows.beneficiary.test_services import asks
from tests.people import Person, Scene

NEW_TEXT = "Du matériel pour démarrer, étudié avec vous au centre."
# WhatsApp's list: ten rows with Back and Menu.
MOST_CHOICES = 8


@pytest.fixture
def karim(scene: Scene) -> Person:
    """Manager; reads French."""
    return scene.manager("Karim", language="fr")


@pytest.fixture
def latifa(scene: Scene) -> Person:
    """Manager; reads Arabic."""
    return scene.manager("Latifa", language="ar")


async def goes_to(manager: Person, *choices: str) -> None:
    await manager.commands("content")
    await manager.taps(*choices)


async def writes(manager: Person, kind: str, entry: str, field: str, language: str, text: str) -> None:
    """Change one text as a draft."""
    await goes_to(manager, kind, entry, field, language)
    assert manager.step == "text"
    await manager.says(text)


async def publishes(manager: Person) -> None:
    await goes_to(manager, "preview", "publish")


async def reads_of_projects(scene: Scene, language: str, province_code: str | None = "06.141") -> str:
    """Return what somebody reads about programmes for projects."""
    person = scene.beneficiary(f"Reader {language}", language=language, province_code=province_code)
    await asks(person, "self", "project", "out")
    await person.taps("more")
    return person.screen


async def test_a_new_wording_is_read_after_it_was_published_and_not_before(
    scene: Scene, karim: Person
) -> None:
    await writes(karim, "programmes", "P2", "text", "fr", NEW_TEXT)
    assert karim.step == "language"
    assert NEW_TEXT not in await reads_of_projects(scene, "fr")

    await publishes(karim)

    assert "Published as number 1" in karim.screen
    assert NEW_TEXT in await reads_of_projects(scene, "fr")
    assert NEW_TEXT not in await reads_of_projects(scene, "ar")
    assert await scene.desk.content.drafts(karim.contact_id) == []


async def test_a_manager_who_reads_arabic_closes_a_programme_for_those_who_read_french(
    scene: Scene, latifa: Person
) -> None:
    await latifa.says("menu")
    await latifa.taps("content", "programmes", "P1", "open", "no")
    assert "[ar] closed" in latifa.screen
    await latifa.taps("preview")
    assert "[ar] Before: [ar] not known" in latifa.screen
    assert "[ar] After: [ar] closed" in latifa.screen
    await latifa.taps("publish")

    told = await reads_of_projects(scene, "fr")

    assert "[fr] It is not open now; the centre tells you of the next one." in told


async def test_the_preview_shows_what_people_read_in_each_language(scene: Scene, karim: Person) -> None:
    await writes(karim, "programmes", "P2", "text", "fr", NEW_TEXT)
    await karim.taps("preview")
    shown = karim.screen
    while karim.draft["page"] < 4:
        await karim.taps("more")
        shown += karim.screen
    await karim.taps("publish")

    for language in LANGUAGES:
        assert f"— {language.name} —" in shown
        (read,) = [
            part
            for part in (await reads_of_projects(scene, language.code, None)).split("\n\n")
            if part.startswith(
                next(each for each in scene.world.rules.programmes if each.id == "P2").name[language.code]
            )
        ]
        assert read in shown


async def test_languages_that_stay_as_they_were_are_pointed_out(karim: Person) -> None:
    await writes(karim, "programmes", "P2", "text", "fr", NEW_TEXT)

    for step in ("language", "preview"):
        assert karim.step == step
        assert "🏷️" not in karim.screen
        assert "the text in العربية still says “معدات لمشروع صغير" in karim.screen
        assert "the text in English still says “Equipment for a small project" in karim.screen
        assert "the text in Français still" not in karim.screen
        if step == "language":
            await karim.taps("preview")


async def test_the_days_of_the_ramadan_edition(scene: Scene, karim: Person) -> None:
    await goes_to(karim, "programmes", "P1", "until")
    await karim.says("٠٩/٠٣/٢٠٢٧")
    await karim.taps("from")
    await karim.says("8-2-2027")
    assert "lundi 8 février 2027" in karim.screen
    assert "mardi 9 mars 2027" in karim.screen
    await publishes(karim)
    assert "It is not open now" in await reads_of_projects(scene, "fr")

    scene.later(days=85)
    assert "It is open now, until mardi 9 mars 2027." in await reads_of_projects(scene, "fr")
    scene.later(days=25)
    assert "It is not open now" in await reads_of_projects(scene, "fr")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("demain", "This is no day."),
        ("31/02/2027", "This is no day."),
        ("2027", "This is no day."),
        ("08/02/27", "This is no day."),
        ("08/02/1927", "Please check the year"),
        ("08/02/2207", "Please check the year"),
    ],
)
async def test_what_is_no_day_is_told(scene: Scene, karim: Person, text: str, told: str) -> None:
    await goes_to(karim, "programmes", "P1", "from")

    await karim.says(text)

    assert told in karim.screen
    assert karim.step == "day"
    assert await scene.desk.content.drafts(karim.contact_id) == []


async def test_a_programme_does_not_end_before_it_begins(karim: Person) -> None:
    await goes_to(karim, "programmes", "P1", "from")
    await karim.says("08/02/2027")
    await karim.taps("until")
    await karim.says("07/02/2027")
    assert "It would end before it begins, on lundi 8 février 2027. Change the first day" in karim.screen

    await karim.says("08/02/2027")
    await karim.taps("from")
    await karim.says("09/02/2027")
    assert "Change the last day first." in karim.screen

    await karim.taps("none")
    assert "no day" in karim.screen


async def test_people_elsewhere_read_in_which_regions_a_programme_is(scene: Scene, karim: Person) -> None:
    await goes_to(karim, "programmes", "P2", "open", "yes", "regions")
    await karim.taps("04", "later", "06", "06", "done")
    assert "Rabat-Salé-Kénitra" in karim.screen
    await karim.taps("preview", "more")
    shown = karim.screen
    await karim.taps("more")
    shown += karim.screen
    await karim.taps("publish")

    there = await reads_of_projects(scene, "fr", "04.421")
    elsewhere = await reads_of_projects(scene, "fr", "06.141")

    assert "[fr] It is open now." in there
    told = "It is open in these regions: Rabat-Salé-Kénitra. For yours, ask your centre."
    assert told in elsewhere
    assert told in await reads_of_projects(scene, "fr", None)
    assert told in shown
    assert "[fr] It is open now." in shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x" * 221, "That is 221 characters long; at most 220 fit here."),
        ("On reçoit 5000 dirhams.", "It names an amount of money"),
        ("Vous n'êtes pas éligible.", "“pas eligible” turns people away."),
        ("Du matériel pour {nom}.", "What stands in braces"),
        ("معدات لمشروع صغير", "This does not look like Français."),
    ],
)
async def test_what_may_not_be_said_is_told_at_once(
    scene: Scene, karim: Person, text: str, told: str
) -> None:
    await goes_to(karim, "programmes", "P2", "text", "fr")

    await karim.says(text)

    assert told in karim.screen
    assert karim.step == "text"
    assert await scene.desk.content.drafts(karim.contact_id) == []


async def test_a_voice_note_is_no_text(karim: Person) -> None:
    await goes_to(karim, "programmes", "P2", "text", "fr")

    await karim.sends_media()

    assert "Please send the new text as a message." in karim.screen


async def test_a_label_has_to_fit_its_button(karim: Person) -> None:
    await goes_to(karim, "questions", "short_time", "label", "fr")

    await karim.says("Je suis resté très peu de temps")

    assert "at most 24 fit here." in karim.screen


async def test_what_nobody_has_said_stays_the_centres_to_decide(scene: Scene, karim: Person) -> None:
    """P5 is tagged U: no public source settles it."""
    await goes_to(karim, "programmes", "P5", "text", "fr")
    assert "1" in karim.screen
    await karim.says("La Fondation a un programme pour vous.")
    assert "it can't be the Foundation's word" in karim.screen

    await karim.says("Les femmes sont accueillies comme tout le monde.")

    (draft,) = await scene.desk.content.drafts(karim.contact_id)
    assert draft.change.value == (
        "Les femmes sont accueillies comme tout le monde ; c’est le centre qui décide."
    )
    assert "No public source settles this" in karim.screen


async def test_room_is_left_for_what_stays(karim: Person) -> None:
    await goes_to(karim, "programmes", "P5", "text", "fr")
    (line,) = [line for line in karim.screen.splitlines() if "Send the new text" in line]
    room = int("".join(filter(str.isdecimal, line)))

    await karim.says("é" * (room + 1))
    assert f"That is {room + 1} characters long; at most {room} fit here." in karim.screen

    await karim.says("é" * room)
    assert karim.step == "language"


async def test_an_answer_that_was_changed_is_read_and_counts_as_reviewed(
    scene: Scene, brahim: Person, karim: Person
) -> None:
    scene.later(days=3)
    await writes(
        karim, "questions", "short_time", "answer", "fr", "Oui, venez demander, même après peu de temps."
    )
    await publishes(karim)

    await brahim.starts()
    await brahim.says("je suis resté peu de temps en prison, est-ce que je peux venir au centre")

    assert "Oui, venez demander, même après peu de temps." in brahim.screen
    assert "Last reviewed: jeudi 26 novembre 2026" in brahim.screen


async def test_a_label_that_was_changed_stands_on_the_button(brahim: Person, karim: Person) -> None:
    await writes(karim, "questions", "short_time", "label", "fr", "⏱️ Peu de temps")
    await publishes(karim)

    await brahim.commands("menu")
    await brahim.starts()
    await brahim.taps("services", "questions", "coming")

    assert "⏱️ Peu de temps" in brahim.buttons


async def test_what_to_bring_is_read_with_a_visit(scene: Scene, karim: Person) -> None:
    await goes_to(karim, "bring", "fr")
    await karim.says("Apportez vos papiers ; venez même s’il manque quelque chose.")
    await publishes(karim)
    brahim = scene.beneficiary("Brahim", language="fr")

    await asks(brahim, "self", "job", "out")

    assert "Apportez vos papiers ;" in brahim.screen


async def test_rules_are_worded_anew_too(scene: Scene, karim: Person) -> None:
    await goes_to(karim, "rules", "E1", "fr")
    await karim.says("Qui sort de prison peut venir au centre.")
    await publishes(karim)

    ((change,),) = [await scene.desk.content.published()]
    assert (change.entry, change.field, change.language) == ("E1", "text", "fr")


async def test_two_managers_who_change_the_same_text_are_told(
    scene: Scene, karim: Person, latifa: Person
) -> None:
    await scene.desk.contacts.set_name(latifa.contact_id, "Latifa")
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await writes(latifa, "programmes", "P2", "name", "fr", "Nos projets")
    await publishes(latifa)

    await publishes(karim)

    assert "Latifa changed this meanwhile: P2 Projets · [fr] 🏷️ Name · Français." in karim.screen
    assert "It now says [fr] “Nos projets”." in karim.screen
    assert karim.step == "preview"
    assert "Before: [fr] “Nos projets”" in karim.screen

    await karim.taps("publish")
    assert "Published as number 2" in karim.screen
    assert "Projets" in await reads_of_projects(scene, "fr")


async def test_one_who_left_no_name_is_a_colleague(karim: Person, latifa: Person) -> None:
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await writes(latifa, "programmes", "P2", "name", "fr", "Nos projets")
    await publishes(latifa)

    await publishes(karim)

    assert "A colleague changed this meanwhile" in karim.screen


async def test_rolling_back_shows_who_did_what_and_restores_it(
    scene: Scene, karim: Person, latifa: Person
) -> None:
    before = await reads_of_projects(scene, "fr")
    await writes(karim, "programmes", "P2", "text", "fr", NEW_TEXT)
    await publishes(karim)

    await goes_to(latifa, "history")
    assert "No. 1 · [ar] الاثنين، 23 نونبر 2026, 09:0" in latifa.screen
    assert "[ar] A colleague\n[ar] 1 change" in latifa.screen
    await latifa.taps("1")
    assert f"After: [ar] “{NEW_TEXT}”" in latifa.screen
    await latifa.taps("back", "no", "back", "yes")

    assert "Rolled back. It is number 2 of the history." in latifa.screen
    assert await reads_of_projects(scene, "fr") == before
    await goes_to(karim, "history")
    assert "Rolled back number 1." in karim.screen
    assert "Was rolled back later." in karim.screen
    await karim.taps("1")
    assert "back" not in karim.ids


async def test_two_who_roll_back_the_same_do_it_once(scene: Scene, karim: Person, latifa: Person) -> None:
    await writes(karim, "programmes", "P2", "text", "fr", NEW_TEXT)
    await publishes(karim)
    for manager in (karim, latifa):
        await goes_to(manager, "history", "1", "back")

    await karim.taps("yes")
    await latifa.taps("yes")

    assert "This was rolled back already." in latifa.screen
    assert len(await scene.desk.content.history()) == 2


async def test_discarded_changes_are_gone(scene: Scene, karim: Person) -> None:
    await writes(karim, "programmes", "P2", "text", "fr", NEW_TEXT)

    await karim.taps("preview", "discard")

    assert "Your changes are discarded." in karim.screen
    assert await scene.desk.content.drafts(karim.contact_id) == []
    await karim.commands("content")
    assert "preview" not in karim.ids


async def test_one_change_is_undone_and_the_old_words_are_no_change(scene: Scene, karim: Person) -> None:
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await karim.taps("fr", "undo")
    assert await scene.desk.content.drafts(karim.contact_id) == []

    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await writes(karim, "programmes", "P2", "name", "fr", "Intégration économique")
    assert await scene.desk.content.drafts(karim.contact_id) == []


async def test_a_draft_against_an_entry_that_is_gone_is_dropped_and_told(scene: Scene, karim: Person) -> None:
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await writes(karim, "programmes", "P1", "name", "fr", "Ramadan")
    _drop_programme(scene, "P2")

    await publishes(karim)

    assert "This no longer fits what is there, and your change was dropped: P2" in karim.screen
    assert karim.step == "preview"
    await karim.taps("publish")
    assert [change.entry for change in await scene.desk.content.published()] == ["P1"]


async def test_a_published_change_of_an_entry_that_is_gone_breaks_nothing_and_is_shown(
    scene: Scene, karim: Person
) -> None:
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await publishes(karim)
    _drop_programme(scene, "P2")

    assert "Petits projets" in await reads_of_projects(scene, "fr")
    await karim.commands("content")

    assert "⚠️ A published change no longer fits and is not shown: P2" in karim.screen


@pytest.mark.parametrize(
    "way",
    [
        ("programmes", "P2", "name", "fr"),
        ("programmes", "P2", "open"),
        ("programmes", "P2", "from"),
        ("programmes", "P2", "regions"),
    ],
)
async def test_an_entry_that_goes_while_it_is_changed_is_told(
    scene: Scene, karim: Person, way: tuple[str, ...]
) -> None:
    await goes_to(karim, *way)
    _drop_programme(scene, "P2")

    if karim.step in ("text", "day"):
        await karim.says("08/02/2027" if karim.step == "day" else "Projets")
    else:
        await karim.taps("no" if karim.step == "open" else "04")

    assert "This entry is no longer there." in karim.screen
    assert await scene.desk.content.drafts(karim.contact_id) == []


async def test_the_menu_says_what_waits_to_be_published(karim: Person) -> None:
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await karim.commands("content")

    assert "1 change of yours is not published yet." in karim.screen


async def test_no_screen_offers_more_than_a_list_holds(karim: Person) -> None:
    ways = [
        (),
        ("programmes",),
        ("services", "later"),
        ("rules", "later"),
        ("questions", "later", "later"),
        ("programmes", "P2"),
        ("programmes", "P2", "regions", "later"),
        ("questions", "short_time"),
        ("bring",),
    ]
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    for way in ways:
        await goes_to(karim, *way)
        offered = [choice for choice in karim.last.choices if not choice.id.startswith("!")]
        assert len(offered) <= MOST_CHOICES, way


async def test_others_than_managers_change_nothing(scene: Scene, driss: Person, amina: Person) -> None:
    for person in (driss, amina):
        await person.commands("content")
        assert person.flow != "content"


async def test_many_changes_are_published_under_one_number(scene: Scene, karim: Person) -> None:
    await writes(karim, "programmes", "P2", "name", "fr", "Projets")
    await goes_to(karim, "services")
    await karim.says("s6")
    await karim.taps("next", "fr")
    await karim.says("Venez en parler au centre.")
    await goes_to(karim, "programmes", "P1", "open", "yes")
    await publishes(karim)

    (revision,) = await scene.desk.content.history()
    assert {edit.change.entry for edit in revision.edits} == {"P1", "P2", "S6"}
    assert "Venez en parler au centre." in await reads_of_projects(scene, "fr")


async def test_what_another_process_published_is_read_at_once(scene: Scene, brahim: Person) -> None:
    """Nothing is remembered from one turn to the next."""
    other = scene.manager("Other").contact_id
    for value in (True, False):
        await scene.desk.content.draft(other, Change("P2", "open", value), before=None, now=scene.now)
        await scene.desk.content.publish(other, now=scene.now)
        told = await reads_of_projects(scene, "fr")
        assert ("It is open now." in told) is value


def _drop_programme(scene: Scene, programme_id: str) -> None:
    """Ship rules without a programme."""
    rules = scene.world.rules
    left = tuple(each for each in rules.programmes if each.id != programme_id)
    scene.world = replace(scene.world, rules=replace(rules, programmes=left))
