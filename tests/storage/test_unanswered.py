"""Questions without an answer: counted, in words that tell of nobody."""

from datetime import date

import pytest
from sqlalchemy import select

from bot.places import load_places
from bot.questions import load_questions
from storage.tables import unanswered_questions
from storage.unanswered import UnansweredStore
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import Town

# A Wednesday; its week began on the 23rd.
DAY = date(2026, 11, 25)


async def test_a_question_is_counted_by_language_and_week(unit: UnitOfWork) -> None:
    await unit.unanswered.note("fr", "passeport …", day=DAY)
    await unit.unanswered.note("fr", "passeport …", day=date(2026, 12, 6))
    await unit.unanswered.note("en", "passeport …", day=DAY)
    await unit.unanswered.note("ary", "كرا دار", day=DAY)

    first, *others = await unit.unanswered.all()

    assert (first.language, first.words, first.count) == ("fr", "passeport …", 2)
    assert (first.first_week, first.last_week) == (date(2026, 11, 23), date(2026, 11, 30))
    assert [(other.language, other.count) for other in others] == [("en", 1), ("ary", 1)]


async def test_done_takes_one_off_the_list_and_asked_again_it_begins_anew(unit: UnitOfWork) -> None:
    await unit.unanswered.note("fr", "passeport", day=DAY)
    await unit.unanswered.note("fr", "passeport", day=DAY)
    await unit.unanswered.note("fr", "logement", day=DAY)
    first, _ = await unit.unanswered.all()

    await unit.unanswered.remove(first.id)
    assert [row.words for row in await unit.unanswered.all()] == ["logement"]

    await unit.unanswered.note("fr", "passeport", day=DAY)
    assert {row.words: row.count for row in await unit.unanswered.all()} == {"logement": 1, "passeport": 1}


async def test_all_who_ask_at_once_are_counted(town: Town) -> None:
    async def asks(unit: UnitOfWork) -> None:
        await unit.unanswered.note("fr", "passeport", day=DAY)

    assert await town.at_once(*[asks] * 4) == [None] * 4

    rows = await town.alone(lambda unit: unit.unanswered.all())
    assert [row.count for row in rows] == [4]


async def test_a_full_list_counts_on_what_it_has_and_takes_nothing_new(unit: UnitOfWork) -> None:
    store = UnansweredStore(unit.connection, most_kept=2)
    for words in ("passeport", "logement", "permis", "passeport"):
        await store.note("fr", words, day=DAY)

    assert {row.words: row.count for row in await store.all()} == {"passeport": 2, "logement": 1}


async def test_what_was_not_asked_for_long_goes(unit: UnitOfWork) -> None:
    await unit.unanswered.note("fr", "passeport", day=DAY)
    await unit.unanswered.note("fr", "logement", day=date(2027, 6, 1))

    assert await unit.unanswered.forget(before=date(2027, 1, 1), limit=10) == 1
    assert await unit.unanswered.forget(before=date(2027, 1, 1), limit=10) == 0
    assert [row.words for row in await unit.unanswered.all()] == ["logement"]


@pytest.mark.parametrize(
    "said",
    [
        "Je m'appelle Hassan Benali, 12 rue 45 à Salé, 0612345678: comment avoir un passeport ?",
        "smiyti Hassan Benali mn sla, nemrti 06 12 34 56 78, kifach ndir passport",
        "سميتي حسن بنعلي من سلا ٠٦١٢٣٤٥٦٧٨ كيفاش نصاوب جواز السفر",
    ],
)
async def test_no_name_no_place_and_no_number_reach_the_table(unit: UnitOfWork, said: str) -> None:
    await unit.unanswered.note("fr", load_questions(load_places()).known_words(said), day=DAY)

    (row,) = (await unit.connection.execute(select(unanswered_questions))).mappings().all()
    kept = " ".join(str(value) for value in row.values())
    assert "passeport" in kept or "passport" in kept or "جواز" in kept
    for personal in ("hassan", "benali", "sale", "حسن", "بنعلي", "سلا", "0612345678", "45", "78", "6123"):
        assert personal not in kept
    assert set(row) == {"id", "language", "words", "count", "first_week", "last_week"}
