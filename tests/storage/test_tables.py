"""Numbers of rows stand in buttons and in the outbox's keys, which outlive the rows."""

from datetime import timedelta

from conversations.care.people import Contact
from conversations.engine.flow import Choice
from conversations.engine.session import Frame
from storage.inbox import NewUpdate
from storage.retention import Grows, RetentionStore
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW


async def test_the_buttons_of_a_closed_notice_are_never_those_of_another(
    unit: UnitOfWork, driss: Contact
) -> None:
    frame, choices = Frame("visit_news", 1, "news", {}), (Choice("confirm", "Confirm"),)
    old = await unit.sessions.add_notice(driss.id, frame, choices, subject="visit:1", now=NOW)
    await unit.sessions.close_notice(old.id)

    new = await unit.sessions.add_notice(driss.id, frame, choices, subject="visit:2", now=NOW)

    assert new.prompt_ref != old.prompt_ref


async def test_an_update_after_a_quiet_week_is_not_taken_for_an_answered_one(unit: UnitOfWork) -> None:
    async def numbered(key: str) -> int:
        await unit.inbox.add([NewUpdate("telegram", key, b"l" * 32, "{}")], now=NOW)
        stored = await unit.inbox.claim(now=NOW)
        assert stored is not None
        await unit.inbox.close(stored.id, status="done", now=NOW)
        return stored.id

    before = await numbered("1")
    await RetentionStore(unit.connection).prune(Grows.INBOX, before=NOW + timedelta(days=7))

    assert await numbered("2") != before
