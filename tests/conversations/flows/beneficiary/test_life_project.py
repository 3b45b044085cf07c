"""A life project is prepared in small steps, kept at once, and read by others only with the person's yes."""

from datetime import timedelta

import pytest

from conversations.care.appointments import Need
from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import LONGEST_ANSWER, LifeProject, Question
from conversations.care.people import Consent
from conversations.engine.reply import MediaKind
from tests.conversations.flows.staff.doings import THURSDAY, WEDNESDAY, books, cancels
from tests.people import Person, Scene

QUESTIONS = [question.value for question in Question]


def kept(person: Person) -> LifeProject | None:
    return person.scene.desk.life_projects.rows.get(person.contact_id)


def said(person: Person, question: Question) -> str | None:
    project = kept(person)
    return project.answers.get(question) if project else None


@pytest.fixture
async def begun(brahim: Person) -> Person:
    """Brahim, who has said what he would like to do and stands at the next question."""
    await brahim.starts()
    await brahim.says("projet de vie")
    await brahim.taps("go_on")
    await brahim.says("Vendre du pain au marché")
    return brahim


@pytest.fixture
async def done(begun: Person) -> Person:
    """Brahim, who has answered everything and sees it all."""
    await begun.taps("trade")
    await begun.says("Deux ans chez un boulanger", "La gestion", "Un four", "Une charrette")
    await begun.taps("family")
    return begun


async def test_seven_short_questions_end_with_the_persons_own_words(done: Person) -> None:
    assert done.step == "project"
    for words in ("Vendre du pain au marché", "Deux ans chez un boulanger", "La gestion", "Un four"):
        assert words in done.screen
    assert "[fr] Trade" in done.screen
    assert "[fr] My family" in done.screen
    assert "still open" not in done.screen
    assert done.ids[:4] == ["change", "page", "attach", "delete"]


async def test_in_arabic_everything_is_asked_in_arabic_and_left_as_written(amina: Person) -> None:
    await amina.starts()
    await amina.says("مشروع الحياة")
    assert "[ar]" in amina.screen
    await amina.taps("go_on")
    await amina.says("مخبزة صغيرة", "[ar] Crafts")
    await amina.taps(*["skip"] * 5)

    assert said(amina, Question.IDEA) == "مخبزة صغيرة"
    assert said(amina, Question.SECTOR) == "crafts", "a button's words may be typed"
    assert "مخبزة صغيرة" in amina.screen
    assert "[ar] Crafts" in amina.screen
    assert amina.last.raw.count("\u2068مخبزة صغيرة\u2069") == 1


async def test_each_answer_is_kept_before_the_next_question(begun: Person) -> None:
    assert begun.step == "sector"
    assert said(begun, Question.IDEA) == "Vendre du pain au marché"


async def test_what_is_written_before_the_first_question_is_the_idea(brahim: Person) -> None:
    await brahim.starts()
    await brahim.says("projet de vie")
    await brahim.says("Vendre du pain au marché")

    assert brahim.step == "sector"
    assert said(brahim, Question.IDEA) == "Vendre du pain au marché"


@pytest.mark.parametrize("yes", ["Oui !", "واخا", "[fr] ▶️ Let's begin"])
async def test_a_typed_yes_begins_and_is_no_idea(brahim: Person, yes: str) -> None:
    await brahim.starts()
    await brahim.says("projet de vie", yes)

    assert brahim.step == "idea"
    assert kept(brahim) is None


async def test_what_can_be_no_idea_leaves_one_before_the_first_question(brahim: Person) -> None:
    await brahim.starts()
    await brahim.says("projet de vie")
    await brahim.sends_media(MediaKind.STICKER)
    await brahim.says("projet de vie", "é" * (LONGEST_ANSWER + 1))
    assert f"at most {LONGEST_ANSWER} characters" in brahim.screen

    assert brahim.step == "project"
    assert kept(brahim) is None


async def test_words_under_a_project_that_is_there_change_nothing(done: Person) -> None:
    before = kept(done)
    await done.says("Un camion aussi")

    assert done.step == "project"
    assert kept(done) == before


async def test_who_goes_on_after_days_is_where_they_stopped(begun: Person) -> None:
    await begun.taps("fishing" if "fishing" in begun.ids else "more", "fishing")
    await begun.taps("later")
    assert begun.flow == "menu"
    assert "It is kept." in begun.screen

    begun.scene.later(days=12)
    await begun.says("je continue mon projet de vie")
    assert "Vendre du pain au marché" in begun.screen
    assert "5 questions are still open." in begun.screen
    await begun.taps("go_on")

    assert begun.step == "experience"


async def test_who_asks_for_it_in_the_middle_of_it_sees_what_is_there(begun: Person) -> None:
    begun.scene.later(hours=5)
    await begun.says("Projet de vie")

    assert begun.step == "project"
    assert said(begun, Question.SECTOR) is None


async def test_who_says_nothing_for_days_has_lost_nothing(begun: Person) -> None:
    begun.scene.later(days=30)
    await begun.says("projet de vie")
    await begun.taps("go_on")

    assert begun.step == "sector"


async def test_what_is_skipped_is_not_asked_again(begun: Person) -> None:
    await begun.taps("skip", "skip", "later")
    await begun.says("projet de vie")
    await begun.taps("go_on")

    assert begun.step == "training"
    assert said(begun, Question.SECTOR) == ""


@pytest.mark.parametrize("question", QUESTIONS)
async def test_every_answer_can_be_changed(done: Person, question: str) -> None:
    await done.taps("change", question)
    assert done.step == question
    assert "You said:" in done.screen
    await done.says("Autre chose")

    assert done.step == "project"
    assert said(done, Question(question)) == "Autre chose"
    assert "Autre chose" in done.screen


async def test_an_answer_can_be_left_or_taken_out(done: Person) -> None:
    await done.taps("change", "equipment", "keep")
    assert "Un four" in done.screen
    await done.taps("change", "equipment", "skip")

    assert done.step == "project"
    assert "Un four" not in done.screen


async def test_back_shows_what_was_said_and_loses_nothing(begun: Person) -> None:
    await begun.taps("!back")
    assert begun.step == "idea"
    assert "Vendre du pain au marché" in begun.screen
    await begun.taps("keep")

    assert begun.step == "sector"


async def test_the_buttons_can_be_typed(begun: Person) -> None:
    await begun.says("[fr] Skip", "[fr] Go on later")

    assert begun.flow == "menu"
    assert said(begun, Question.SECTOR) == ""
    assert said(begun, Question.EXPERIENCE) is None


async def test_a_language_switch_half_way_goes_on_in_the_new_one(begun: Person) -> None:
    await begun.taps("catering")
    await begun.says("langue")
    await begun.taps("en")

    assert begun.step == "experience"
    assert "[fr]" not in begun.screen
    await begun.says("I baked", "nothing", "an oven", "a stall", "my brother")
    assert "Catering, food" in begun.screen
    assert "Vendre du pain au marché" in begun.screen


@pytest.mark.parametrize("question", QUESTIONS)
async def test_what_is_no_answer_is_told_kindly_and_nothing_is_lost(done: Person, question: str) -> None:
    await done.taps("change", question)
    before = kept(done)

    await done.sends_media(MediaKind.STICKER)
    assert "Please write it in a few words" in done.screen
    await done.sends_media(MediaKind.VOICE)
    assert "a caseworker can note it for you" in done.screen
    await done.shares_location(34.05, -6.79)
    assert "Please write it in a few words." in done.screen
    await done.says("ا" * 5000)
    assert f"at most {LONGEST_ANSWER} characters" in done.screen

    assert done.step == question
    assert kept(done) == before


async def test_the_longest_answers_are_shown_whole(brahim: Person) -> None:
    answers = [f"{number} {'é' * (LONGEST_ANSWER - 2)}" for number in range(len(QUESTIONS))]
    await brahim.starts()
    await brahim.says("projet de vie")
    await brahim.taps("go_on")
    await brahim.says(*answers)

    assert brahim.step == "project"
    assert all(answer in brahim.screen for answer in answers)


async def test_the_page_comes_once_a_tap(done: Person) -> None:
    await done.taps("page")
    assert done.documents == [Document(DocumentKind.LIFE_PROJECT, done.contact_id)]
    assert done.step == "project"

    await done.sends_media(MediaKind.STICKER)
    assert len(done.documents) == 1


async def test_nobody_reads_it_before_a_yes(done: Person, driss: Person) -> None:
    visit = await books(done, THURSDAY)
    await done.taps("attach", str(visit.id))
    assert "May the caseworkers of the centre" in done.screen
    await done.taps("no")

    project = kept(done)
    assert project
    assert project.appointment_id is None
    assert "attach" in done.ids


async def test_it_goes_along_with_a_visit_and_can_be_taken_back(done: Person) -> None:
    visit = await books(done, THURSDAY, need=Need.PROJECT)
    await done.taps("attach", str(visit.id), "yes")

    project = kept(done)
    assert project
    assert project.appointment_id == visit.id
    assert "can read it for your visit on" in done.screen
    await done.taps("detach")
    project = kept(done)
    assert project
    assert project.appointment_id is None
    assert "Nobody but you can read it" in done.screen


async def test_visits_are_told_apart_by_their_day(done: Person) -> None:
    for day in (WEDNESDAY, THURSDAY):
        await books(done, day)
    await done.taps("attach")

    labels = [choice.label for choice in done.last.choices if choice.id.isdigit()]
    assert len(set(labels)) == 2
    assert all(len(label) <= 24 for label in labels)


async def test_without_a_visit_one_is_booked_for_it(done: Person) -> None:
    await done.taps("attach")
    assert "Shall we book a visit for it?" in done.screen
    await done.taps("book")
    assert (done.flow, done.step) == ("booking", "centre")
    await done.says("Salé")
    while done.step != "confirm":
        await done.taps(done.ids[0])
    project = kept(done)
    assert project
    assert project.appointment_id is None, "no visit, nobody who reads it"
    await done.taps("yes")

    (visit,) = done.scene.desk.appointments.rows.values()
    project = kept(done)
    assert project
    assert (visit.need, project.appointment_id) == (Need.PROJECT, visit.id)
    assert "Your project goes along with it." in done.screen


async def test_a_visit_that_is_booked_without_it_takes_nothing_along(done: Person) -> None:
    await books(done, need=Need.PROJECT)

    project = kept(done)
    assert project
    assert project.appointment_id is None


async def test_a_cancelled_visit_no_longer_takes_it_along(done: Person) -> None:
    visit = await books(done, THURSDAY)
    await done.taps("attach", str(visit.id), "yes")
    await cancels(done, visit)
    await done.says("menu", "projet de vie")

    assert "can read it" not in done.screen
    assert "attach" in done.ids


async def test_it_can_be_deleted(done: Person) -> None:
    await done.taps("delete", "no")
    assert kept(done)
    await done.taps("delete", "yes")

    assert kept(done) is None
    assert "Your project is deleted." in done.screen
    await done.says("projet de vie")
    assert "Here you prepare your project" in done.screen


async def test_erasing_everything_erases_it(done: Person) -> None:
    await done.says("menu")
    await done.taps("settings", "kept")
    assert "Your project in your own words." in done.screen
    await done.taps("erase", "yes")

    assert kept(done) is None


async def test_who_has_a_visit_for_a_project_finds_it_there(brahim: Person) -> None:
    project_visit = await books(brahim, THURSDAY, need=Need.PROJECT)
    other = await books(brahim, need=Need.HEALTH)
    await brahim.starts()
    await brahim.taps("my_visits", str(other.id))
    assert "life_project" not in brahim.ids
    await brahim.taps("!back", str(project_visit.id), "life_project")

    assert brahim.flow == "life_project"


async def test_who_did_not_agree_is_asked_first(scene: Scene) -> None:
    """Nothing of theirs may be kept, so nothing is asked."""
    refused = scene.beneficiary("Chama", consent=Consent.REFUSED)
    unasked = scene.newcomer("Nadia")
    await unasked.starts()
    await unasked.taps("en")
    for person in (refused, unasked):
        await person.says("life project")

        assert person.flow != "life_project"
        assert kept(person) is None


async def test_no_amount_is_asked_for_and_nothing_is_promised(brahim: Person) -> None:
    await brahim.starts()
    await brahim.says("projet de vie")
    screens = [brahim.screen, (await brahim.taps("go_on")).text]
    screens += [(await brahim.says("x")).text for _ in QUESTIONS]

    shown = "\n".join(screens).lower()
    assert not any(word in shown for word in ("dirham", "mad", "how much", "budget", "you will get"))


async def test_a_session_from_before_a_deletion_on_another_phone_goes_on(begun: Person) -> None:
    await begun.scene.desk.life_projects.delete(begun.contact_id)
    begun.scene.clock.moves_on(timedelta(seconds=5))
    await begun.taps("trade")

    assert begun.step == "idea"
    assert said(begun, Question.SECTOR) == "trade"
