"""A life project in the languages that people read: the words of the catalogues do what they say."""

import re
from dataclasses import replace

import pytest

from bot.texts import load_texts
from conversations.care.life_projects import LONGEST_ANSWER, Helper, LifeProject, Question, Sector
from conversations.engine.engine import LONGEST_TEXT
from conversations.engine.reply import MediaKind
from conversations.flows import routes
from conversations.flows.beneficiary.asked_for import is_life_project
from conversations.flows.life_project_words import (
    helper_label,
    project_words,
    question_choice,
    sector_label,
    told,
)
from conversations.texts import LANGUAGES
from tests.people import MONDAY, Person, Scene

CODES = [language.code for language in LANGUAGES]
# Rows of a list and reply buttons hold so much. Source: Cloud API reference, interactive messages.
ROW, BUTTON = 24, 20


@pytest.fixture
def scene() -> Scene:
    scene = Scene(routes())
    scene.texts = load_texts()
    return scene


async def prepares(scene: Scene, language: str, *skipped: Question) -> Person:
    person = scene.beneficiary("Amina", language=language)
    await person.starts()
    await person.says("life project")
    await person.taps("go_on", *["skip" for _ in skipped])
    return person


@pytest.mark.parametrize("code", CODES)
async def test_the_words_to_come_back_with_lead_back(scene: Scene, code: str) -> None:
    person = await prepares(scene, code)
    await person.says("Poulailler")
    await person.taps("later")
    quoted = re.search("[“«]\\s*(.+?)\\s*[”»]", person.screen.splitlines()[0])

    assert quoted
    assert is_life_project(quoted[1])
    await person.says(quoted[1])
    assert "Poulailler" in person.screen


@pytest.mark.parametrize("question", Question)
@pytest.mark.parametrize("code", CODES)
async def test_the_words_told_to_who_sends_a_voice_note_reach_a_person(
    scene: Scene, code: str, question: Question
) -> None:
    before = list(Question)[: list(Question).index(question)]
    person = await prepares(scene, code, *before)
    await person.sends_media(MediaKind.VOICE)
    quoted = re.search("[“«]\\s*(.+?)\\s*[”»]", person.screen.splitlines()[0])

    assert quoted
    await person.says(quoted[1])
    assert person.flow == "person"


async def test_nobody_is_an_answer_in_french(scene: Scene) -> None:
    """Elsewhere the word asks for a person."""
    person = await prepares(scene, "fr", *list(Question)[:-1])
    await person.says("Personne")

    project = scene.desk.life_projects.rows[person.contact_id]
    assert project.answers[Question.HELPERS] == Helper.ALONE


@pytest.mark.parametrize("code", CODES)
def test_every_button_fits(scene: Scene, code: str) -> None:
    texts = scene.texts[code]

    assert all(len(question_choice(texts, question).label) <= ROW for question in Question)
    assert all(len(sector_label(texts, sector)) <= ROW for sector in Sector)
    assert all(len(helper_label(texts, helper)) <= BUTTON for helper in Helper)


@pytest.mark.parametrize("code", CODES)
def test_the_longest_project_fits_a_message(scene: Scene, code: str) -> None:
    answers = dict.fromkeys(Question, "م" * LONGEST_ANSWER)

    assert len(told(scene.texts[code], LifeProject(answers, None, MONDAY, MONDAY))) < LONGEST_TEXT - 300


def test_headings_are_the_readers_and_words_the_persons(scene: Scene) -> None:
    answers = {Question.SECTOR: "fishing", Question.IDEA: "قارب\nصغير", Question.TRAINING: ""}
    project = LifeProject(answers, None, MONDAY, MONDAY)

    assert project_words(scene.texts["fr"], project) == [
        ("Mon idée", "قارب\nصغير"),
        ("Genre de travail", "Pêche en mer"),
    ]
    assert "\u2068قارب\u2069\n\u2068صغير\u2069" in told(scene.texts["fr"], project)
    typed = replace(project, answers={Question.SECTOR: "Les deux", Question.HELPERS: "trade"})
    assert [words for _, words in project_words(scene.texts["ar"], typed)] == ["Les deux", "trade"]
