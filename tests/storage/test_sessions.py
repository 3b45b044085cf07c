import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from conversations.care.people import Contact
from conversations.engine.flow import Choice
from conversations.engine.session import Frame, Notice, Session
from storage.encryption import KeyRing
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town

PLACE = Frame("booking", 3, "day", {"centre": "sale", "needs": ["job"]}, ("need", "centre"))
CHOICES = (Choice("2026-11-24", "الثلاثاء 24 نونبر"), Choice("other", "Another day"))
SESSION = Session(
    frame=PLACE,
    prompt_no=17,
    choices=CHOICES,
    wants_location=True,
    shown_at=NOW,
    expires_at=NOW + timedelta(hours=24),
    resume=Frame("menu", 1, "menu"),
    misses=1,
    failures=2,
)


async def pushed(
    unit: UnitOfWork, contact: Contact, *, subject: str | None = "visit:12", after_s: int = 0
) -> Notice:
    return await unit.sessions.add_notice(
        contact.id, PLACE, CHOICES, subject=subject, now=NOW + timedelta(seconds=after_s)
    )


async def test_a_session_is_kept_whole(unit: UnitOfWork, amina: Contact) -> None:
    await unit.sessions.save(amina.id, SESSION, now=NOW)

    assert await unit.sessions.load(amina.id) == SESSION


async def test_a_session_is_one_a_person_and_the_last_saved(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await unit.sessions.save(amina.id, SESSION, now=NOW)
    await unit.sessions.save(amina.id, replace(SESSION, prompt_no=18), now=NOW)

    assert (await unit.sessions.load(amina.id)).prompt_no == 18
    assert await unit.sessions.load(brahim.id) == Session()


async def test_a_session_is_not_readable_without_the_key(unit: UnitOfWork, amina: Contact) -> None:
    await unit.sessions.save(amina.id, SESSION, now=NOW)
    await pushed(unit, amina)

    for table in ("sessions", "notices"):
        state = await unit.connection.scalar(text(f"SELECT state_enc FROM {table}"))  # noqa: S608
        assert b"sale" not in state
        assert "نونبر".encode() not in state


@pytest.mark.parametrize("stored", ['{"prompt": 1}', "[]", "{", '{"frame": null}'])
async def test_whose_session_can_no_longer_be_read_begins_afresh(
    unit: UnitOfWork, amina: Contact, keys: KeyRing, stored: str
) -> None:
    await unit.sessions.save(amina.id, SESSION, now=NOW)
    state = keys.encrypt(stored, about="sessions.state")
    await unit.connection.execute(text("UPDATE sessions SET state_enc = :state"), {"state": state})

    assert await unit.sessions.load(amina.id) == Session()


async def test_what_is_damaged_strands_nobody(unit: UnitOfWork, amina: Contact) -> None:
    await unit.sessions.save(amina.id, SESSION, now=NOW)
    notice = await pushed(unit, amina)
    for table in ("sessions", "notices"):
        await unit.connection.execute(
            text(f"UPDATE {table} SET state_enc = :state"),  # noqa: S608
            {"state": b"\x01\x04testdamaged"},
        )

    assert await unit.sessions.load(amina.id) == Session()
    assert await unit.sessions.notice(amina.id, notice.id) is None
    assert await unit.sessions.newest_notice(amina.id, since=None) is None


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_two_turns_of_one_person_wait_for_each_other(town: Town) -> None:
    """Somebody taps in two channels at once."""
    await town.alone(lambda unit: unit.sessions.save(town.amina.id, SESSION, now=NOW))

    async def counts(unit: UnitOfWork) -> None:
        session = await unit.sessions.load(town.amina.id)
        await asyncio.sleep(0)
        await unit.sessions.save(town.amina.id, replace(session, prompt_no=session.prompt_no + 1), now=NOW)

    await town.at_once(*[counts] * 5)

    assert (await town.alone(lambda unit: unit.sessions.load(town.amina.id))).prompt_no == 17 + 5


# Notices


async def test_a_notice_is_kept_whole_under_a_number_of_its_own(unit: UnitOfWork, amina: Contact) -> None:
    notice = await pushed(unit, amina)

    assert await unit.sessions.notice(amina.id, notice.id) == notice
    assert notice == Notice(notice.id, PLACE, CHOICES, NOW, "visit:12")
    assert (await pushed(unit, amina)).id != notice.id


async def test_nobody_finds_somebody_elses_notice(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    notice = await pushed(unit, amina)

    assert await unit.sessions.notice(brahim.id, notice.id) is None
    assert await unit.sessions.newest_notice(brahim.id, since=None) is None


async def test_typed_words_are_meant_for_the_newest_notice_unless_something_was_shown_since(
    unit: UnitOfWork, amina: Contact
) -> None:
    await pushed(unit, amina, after_s=10)
    newest = await pushed(unit, amina, after_s=20)

    assert await unit.sessions.newest_notice(amina.id, since=None) == newest
    assert await unit.sessions.newest_notice(amina.id, since=NOW + timedelta(seconds=19)) == newest
    assert await unit.sessions.newest_notice(amina.id, since=NOW + timedelta(seconds=20)) is None


async def test_a_closed_notice_is_gone_and_the_one_before_is_the_newest(
    unit: UnitOfWork, amina: Contact
) -> None:
    before, notice = await pushed(unit, amina), await pushed(unit, amina)
    await unit.sessions.close_notice(notice.id)

    assert await unit.sessions.notice(amina.id, notice.id) is None
    assert await unit.sessions.newest_notice(amina.id, since=None) == before


async def test_notices_about_one_thing_are_closed_together_for_one_person(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    first, second = await pushed(unit, amina), await pushed(unit, amina)
    other = await pushed(unit, amina, subject="visit:13")
    brahims = await pushed(unit, brahim)

    await unit.sessions.close_notices(amina.id, "visit:12", but=second.id)
    assert await unit.sessions.notice(amina.id, first.id) is None
    assert await unit.sessions.notice(amina.id, second.id) == second

    await unit.sessions.close_notices(amina.id, "visit:12")
    assert await unit.sessions.notice(amina.id, second.id) is None
    assert await unit.sessions.notice(amina.id, other.id) == other
    assert await unit.sessions.notice(brahim.id, brahims.id) == brahims


async def test_a_notice_is_rewritten_under_its_number(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await pushed(unit, brahim)
    await pushed(unit, amina)
    notice = await pushed(unit, amina)
    choices = (Choice("stop", "Stop"),)

    assert await unit.sessions.notice_about(amina.id, "visit:12") == notice
    await unit.sessions.update_notice(notice.id, notice.frame, choices)

    assert await unit.sessions.notice(amina.id, notice.id) == replace(notice, choices=choices)
    assert await unit.sessions.notice_about(amina.id, "visit:13") is None
