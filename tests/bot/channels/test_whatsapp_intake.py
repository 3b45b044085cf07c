"""The webhook's face: who may call it, and that all it is told is kept before it answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channels.whatsapp import message_ref
from bot.channels.whatsapp_intake import MAX_BODY_BYTES, WEBHOOK_PATH, OnField, WhatsAppIntake
from bot.zone import casablanca
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.errors import DatabaseLocked
from storage.tables import inbox
from storage.unit_of_work import UnitOfWork
from tests.bot.channels.whatsapp_service import make_intake, served
from tests.fake_graph import FakeGraph, Person
from tests.fakes import MovableClock
from tests.people import MONDAY


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=casablanca(), zone_name="Africa/Casablanca")


@pytest.fixture
async def intake(database: Database, graph: FakeGraph) -> AsyncIterator[WhatsAppIntake]:
    async with subscribed(database, graph) as intake:
        yield intake


@pytest.fixture
def amina(graph: FakeGraph) -> Person:
    return graph.person("Amina")


@asynccontextmanager
async def subscribed(
    database: Database, graph: FakeGraph, **fields: OnField
) -> AsyncIterator[WhatsAppIntake]:
    intake = make_intake(database, graph, MovableClock(MONDAY), **fields)
    async with served(intake) as url:
        await graph.subscribe(f"{url}{WEBHOOK_PATH}")
        yield intake


async def kept(database: Database) -> list[Any]:
    async with database.reading() as unit:
        return list((await unit.connection.execute(select(inbox).order_by(inbox.c.id))).all())


def statuses(rows: list[Any]) -> list[str]:
    return [row.status for row in rows]


async def test_only_who_knows_our_word_may_set_the_webhook(database: Database, graph: FakeGraph) -> None:
    intake = make_intake(database, graph, MovableClock(MONDAY))
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    async with served(intake) as url, aiohttp.ClientSession() as client:
        right = await client.get(
            f"{url}{WEBHOOK_PATH}", params={**asked, "hub.verify_token": graph.verify_token}
        )
        wrong = await client.get(f"{url}{WEBHOOK_PATH}", params={**asked, "hub.verify_token": "guessed"})

        assert (right.status, await right.text()) == (200, "1158201444")
        assert wrong.status == 403
        assert intake.refused == {"wrong_verify_token": 1}


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha256=é"])
async def test_a_wrong_signature_is_refused_and_counted(
    intake: WhatsAppIntake, database: Database, graph: FakeGraph, signature: str
) -> None:
    status = await graph.post(b'{"entry": []}', signature)

    assert status == 401
    assert intake.refused == {"wrong_signature": 1}
    assert await kept(database) == []


async def test_the_signature_is_that_of_the_bytes_as_they_came(
    intake: WhatsAppIntake, graph: FakeGraph
) -> None:
    """The same JSON written in another way is another body."""
    signature = graph.sign(b'{"entry":[]}')

    assert await graph.post(b'{"entry": []}', signature) == 401
    assert await graph.post(b'{"entry":[]}', signature) == 200


async def test_a_body_larger_than_any_is_refused(
    intake: WhatsAppIntake, database: Database, graph: FakeGraph
) -> None:
    status = await graph.post(b" " * (MAX_BODY_BYTES + 1))

    assert status == 413
    assert await kept(database) == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000], ids=["cut", "no text", "too deep"])
async def test_broken_json_with_a_right_signature_is_kept_and_acknowledged(
    intake: WhatsAppIntake, database: Database, graph: FakeGraph, body: bytes
) -> None:
    """Refused, it would only come again."""
    answers = [await graph.post(body), await graph.post(body)]

    assert answers == [200, 200]
    assert intake.refused == {"broken": 2}
    assert statuses(await kept(database)) == ["done"]


async def test_several_messages_in_one_call_are_all_kept_in_order(
    intake: WhatsAppIntake, database: Database, graph: FakeGraph, amina: Person
) -> None:
    brahim = graph.person("Brahim")
    async with graph.in_one_change():
        ids = [await amina.says("un"), await brahim.says("deux"), await amina.says("trois")]
    await graph.drained()

    rows = await kept(database)
    assert [row.update_key for row in rows] == [message_ref(database.keys, id_) for id_ in ids]
    assert rows[0].lane == rows[2].lane != rows[1].lane
    assert {answer.status for answer in graph.webhook_answers} == {200}


async def test_the_same_message_again_changes_nothing(
    intake: WhatsAppIntake, database: Database, graph: FakeGraph, amina: Person
) -> None:
    sent = await amina.says("سلام")
    await graph.drained()

    await graph.deliver_again(sent)
    await graph.drained()

    assert statuses(await kept(database)) == ["waiting"]


async def test_what_is_of_no_known_kind_is_kept_and_waits_for_nobody(
    intake: WhatsAppIntake, database: Database, graph: FakeGraph, amina: Person
) -> None:
    await amina.sends_unknown()
    await graph.drained()

    assert statuses(await kept(database)) == ["done"]


async def test_nothing_kept_in_clear_tells_of_anybody(
    intake: WhatsAppIntake, database: Database, graph: FakeGraph, amina: Person
) -> None:
    sent = await amina.says("سلام")
    await amina.sends_unknown()
    await graph.drained()

    shown = str([tuple(row) for row in await kept(database)])
    assert sent not in shown
    assert str(amina.phone) not in shown
    assert str(amina.user_id) not in shown


async def test_other_news_go_once_to_whoever_follows_them(database: Database, graph: FakeGraph) -> None:
    heard: list[str] = []

    async def hear(_: UnitOfWork, change: Any, now: datetime) -> None:
        assert now == MONDAY
        heard.append(change["value"]["event"])

    async with subscribed(database, graph, message_template_status_update=hear):
        for _ in range(2):
            await graph.push("message_template_status_update", {"event": "PAUSED"})
        await graph.drained()

    assert heard == ["PAUSED"]


async def test_while_nothing_can_be_kept_nothing_is_acknowledged(
    tmp_path: Path, keys: KeyRing, graph: FakeGraph
) -> None:
    """A database without tables refuses everything as a broken one does."""
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path}/jisr.sqlite3")
    database = Database(engine, keys, zone=casablanca(), zone_name="Africa/Casablanca")
    message = {"from": "212600000001", "id": "wamid.1", "type": "text", "text": {"body": "سلام"}}
    value = {"metadata": {"phone_number_id": graph.phone_number_id}, "messages": [message]}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()
    async with subscribed(database, graph):
        status = await graph.post(body)
    await database.close()

    assert status == 503


async def test_a_call_that_a_deadlock_ended_is_stored_at_the_second_try(
    database: Database, graph: FakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform would bring it again, but the person would wait for minutes."""
    message = {"from": "212600000001", "id": "wamid.1", "type": "text", "text": {"body": "سلام"}}
    value = {"metadata": {"phone_number_id": graph.phone_number_id}, "messages": [message]}
    body = json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()
    store, tries = WhatsAppIntake._store, []

    async def loses_once(intake: WhatsAppIntake, content: bytes) -> None:
        tries.append(content)
        if len(tries) == 1:
            raise DatabaseLocked("two transactions waited for each other")
        await store(intake, content)

    monkeypatch.setattr(WhatsAppIntake, "_store", loses_once)
    async with subscribed(database, graph):
        status = await graph.post(body)

    assert (status, len(tries)) == (200, 2)
    async with database.reading() as unit:
        assert await unit.connection.scalar(select(func.count()).select_from(inbox)) == 1
