"""The page of a life project: one sheet of paper, whatever somebody wrote."""

import io
import json
from dataclasses import asdict
from pathlib import Path

import pypdf
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import documents, zone
from bot.documents import FILE_NAME, Documents, Page, PageNotSet, life_project_page, typeset
from bot.texts import load_texts
from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import LONGEST_ANSWER, LifeProject, Question
from conversations.care.people import ContactId
from storage.database import Database
from storage.encryption import KeyRing
from tests.fakes import marked_texts
from tests.people import MONDAY

TEXTS = load_texts()
IDEA = "باغي نحل محل صغير ديال الحلويات المغربية فالحومة ديالي"
IDEE = "Ouvrir un petit atelier de vélos près de la gare"


def project(**answers: str) -> LifeProject:
    return LifeProject({Question(name): words for name, words in answers.items()}, None, MONDAY, MONDAY)


def page_of(language: str, **answers: str) -> Page:
    return life_project_page(project(**answers), TEXTS[language], zone.casablanca())


def everywhere(words: str) -> dict[str, str]:
    return {question.value: words for question in Question}


async def set_in(language: str, **answers: str) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(await typeset(page_of(language, **answers))))


def left_edges(reader: pypdf.PdfReader) -> dict[str, float]:
    """Return where each piece of text begins, in points from the left, by its letters."""
    edges: dict[str, float] = {}

    def note(text: str, place: list[float], within: list[float], *_: object) -> None:
        if text.strip():
            edges.setdefault(text.strip(), place[4] + within[4])

    reader.pages[0].extract_text(visitor_text=note)
    return edges


# ---- One page


@pytest.mark.parametrize("language", ["ary", "ar", "fr", "en"])
@pytest.mark.parametrize(
    "words",
    [
        "خبز",
        (IDEA + "، ") * 20,
        ("Une très longue réponse, " * 40)[:LONGEST_ANSWER],
        "mot " * 2000,
        "a\n" * 400,
        "م" * 4000,
        "x" * 4000,
    ],
    ids=["short", "Arabic", "French", "endless", "lines", "one Arabic word", "one Latin word"],
)
async def test_whatever_is_written_stands_on_one_page(language: str, words: str) -> None:
    reader = await set_in(language, **everywhere(words))

    assert len(reader.pages) == 1
    for question_heading in (part.heading for part in page_of(language, **everywhere(words)).parts):
        assert all(word in reader.pages[0].extract_text() for word in question_heading.split())


async def test_the_longest_answers_that_are_taken_stand_there_whole() -> None:
    words = ("Une très longue réponse, " * 40)[: LONGEST_ANSWER - 4] + "fin."

    text = (await set_in("fr", **everywhere(words))).pages[0].extract_text()

    assert text.count("fin.") == len(Question)
    assert "…" not in text


async def test_what_had_to_be_cut_says_so() -> None:
    text = (await set_in("fr", **everywhere("mot " * 2000))).pages[0].extract_text()

    assert text.count("…") > len(Question)
    assert "sont coupées ici" in text


# ---- Words and their direction


async def test_an_arabic_page_can_be_read_and_runs_from_the_right() -> None:
    words = ["خبز", "وحلويات", "ومعجنات", "طازجة", "صباح"]
    reader = await set_in("ary", idea=" ".join(words), training="HACCP ف OFPPT")

    text = reader.pages[0].extract_text()
    assert "HACCP" in text
    assert "OFPPT" in text
    assert reader.trailer["/Root"]["/Lang"] == "ar"
    # The sheet is 595 points wide, and each word stands to the left of the one before it.
    edges = left_edges(reader)
    places = [edges[word] for word in words]
    assert places == sorted(places, reverse=True)
    assert places[0] > 500
    assert edges["مشروع"] > edges["الحياة"] > 400


async def test_a_french_page_runs_from_the_left_with_arabic_words_as_they_read() -> None:
    edges = left_edges(await set_in("fr", idea=IDEE, present=IDEA))

    assert edges["Projet de vie"] < 100
    assert next(edge for words, edge in edges.items() if words.startswith("Ouvrir")) < 100


def test_the_words_keep_the_direction_they_were_written_in() -> None:
    page = page_of("ary", idea=IDEE, experience=IDEA, training="2012 — 2015", present="3 سنين")

    assert page.direction == "rtl"
    directions = [part.words.direction for part in page.parts]
    assert directions == ["ltr", "rtl", "rtl", "rtl"]


async def test_words_are_never_read_as_code() -> None:
    nasty = '#set page(width: 9pt) *bold* $x$ #read("/etc/passwd") \\ "quoted" </json> {"a": 1}'

    text = (await set_in("en", idea=nasty, present="= Heading")).pages[0].extract_text()

    assert '#set page(width: 9pt) *bold* $x$ #read("/etc/passwd")' in text.replace("\n", " ")
    assert "= Heading" in text


def test_pictures_that_no_font_here_has_are_left_out() -> None:
    page = page_of("fr", idea="Une boulangerie 🍞👩🏽‍🍳 à Salé ❤️!")

    assert page.parts[0].words.lines == ["Une boulangerie \u200d à Salé !"]


async def test_the_page_says_when_and_leaves_room_for_a_name() -> None:
    text = (await set_in("fr", idea=IDEE)).pages[0].extract_text()

    assert "lundi 23 novembre 2026" in text
    assert "Nom" in text


# ---- What is not on it


async def test_the_file_holds_no_names_and_no_prison_and_no_time() -> None:
    content = await typeset(page_of("fr", idea=IDEE))

    metadata = pypdf.PdfReader(io.BytesIO(content)).metadata
    assert metadata is not None
    assert metadata.title == "Projet de vie"
    assert metadata.author is None
    assert metadata.creation_date is None
    assert FILE_NAME == "jisr.pdf"
    assert await typeset(page_of("fr", idea=IDEE)) == content


async def test_the_typesetter_knows_nothing_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JISR_KEYS", "a-secret")
    script = tmp_path / "spy.py"
    script.write_text("import os, sys\nsys.stdout.write('%PDF-' + repr(sorted(os.environ)) + repr(sys.path))")

    seen = (await typeset(page_of("fr", idea=IDEE), command=[script])).decode()

    assert "JISR" not in seen
    assert str(tmp_path) not in seen


# ---- When it can't be made


@pytest.mark.parametrize("script", ["raise SystemExit(3)", "print('no page')", "import time; time.sleep(60)"])
async def test_a_page_that_does_not_come_is_given_up(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "SET_WITHIN_S", 1.0 if "sleep" in script else 15.0)
    (tmp_path / "broken.py").write_text(script)

    with pytest.raises(PageNotSet):
        await typeset(page_of("fr", idea=IDEE), command=[tmp_path / "broken.py"])


# ---- From what is kept


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)


@pytest.fixture
async def amina(database: Database) -> ContactId:
    """Amina has written down her idea."""
    async with database.transaction() as unit:
        contact, _ = await unit.addresses.find_or_create("telegram", "1001", now=MONDAY)
        await unit.life_projects.answer(contact.id, Question.IDEA, IDEA, now=MONDAY)
    return contact.id


def own(contact_id: ContactId, visit_id: int | None = None) -> Document:
    return Document(DocumentKind.LIFE_PROJECT, contact_id, visit_id)


async def as_json(page: Page) -> bytes:
    """Set a page as its words alone."""
    return json.dumps(asdict(page), ensure_ascii=False).encode()


async def test_a_page_is_made_of_what_is_kept_when_it_is_made(database: Database, amina: ContactId) -> None:
    pages = Documents(database, marked_texts(), typeset=as_json)
    async with database.transaction() as unit:
        await unit.life_projects.answer(amina, Question.IDEA, IDEE, now=MONDAY)

    made = await pages.make(own(amina), "fr")

    assert made.file is not None
    assert made.file.name == "jisr.pdf"
    assert made.file.mime_type == "application/pdf"
    assert IDEE in made.file.content.decode()
    assert IDEA not in made.file.content.decode()
    assert IDEE in made.text


async def test_what_was_deleted_meanwhile_is_no_longer_there(database: Database, amina: ContactId) -> None:
    async with database.transaction() as unit:
        await unit.life_projects.delete(amina)

    made = await Documents(database, marked_texts(), typeset=as_json).make(own(amina), "fr")

    assert made == documents.Made("[fr] It is no longer there.")


async def test_somebody_who_is_gone_has_no_page(database: Database, amina: ContactId) -> None:
    async with database.transaction() as unit:
        await unit.contacts.erase(amina, at=MONDAY)

    made = await Documents(database, marked_texts(), typeset=as_json).make(own(amina), "ar")

    assert made == documents.Made("[ar] It is no longer there.")


async def test_staff_get_it_only_while_it_is_with_the_visit(database: Database, amina: ContactId) -> None:
    made = await Documents(database, marked_texts(), typeset=as_json).make(own(amina, visit_id=7), "fr")

    assert made.file is None
    assert IDEA not in made.text


async def test_without_a_page_there_are_its_words(database: Database, amina: ContactId) -> None:
    async def fails(page: Page) -> bytes:
        raise PageNotSet("ended with 1")

    with capture_logs() as logs:
        made = await Documents(database, marked_texts(), typeset=fails).make(own(amina), "fr")

    assert made.file is None
    assert IDEA in made.text
    assert [entry["event"] for entry in logs] == ["page_not_set"]
    assert IDEA not in str(logs)
