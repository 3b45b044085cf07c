"""What the service needs goes away and comes back: it waits, says so once, loses nothing and goes on."""

import asyncio
import errno
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import LargeBinary, String, cast, func, insert, literal, select, true

from conversations.care.announcements import Audience
from storage.tables import addresses, contacts, inbox, outbox
from tests.conftest import PostgresServer
from tests.fake_telegram import Call
from tests.fault_proxy import Fault, Kind, Phase, Scenario
from tests.invariants import broken, unanswered
from tests.stage import Stage, staged
from tests.telegram_people import TOKEN
from tests.visitors import PATIENCE_S, VISITORS, Visitor, repeated

# Room for the database and what is written before it is checked in.
DISK_MB = 24
LINE = ["telegram_intake_lost", "telegram_intake_back"]


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    folder = Path(tempfile.mkdtemp(prefix="jisr-pg-"))
    server = PostgresServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def visited(stage: Stage) -> AsyncIterator[list[Visitor]]:
    """Have people book and cancel meanwhile, and go on until everybody has done so once more afterwards."""
    visitors = [Visitor(stage.telegram, name, at) for name, at in VISITORS.items()]
    enough = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as people:
            for visitor in visitors:
                people.create_task(visitor.goes_on(enough))
            await stage.until(lambda: all(visitor.booked for visitor in visitors), "everybody's first visit")
            yield visitors
            before = [visitor.booked for visitor in visitors]
            await stage.until(
                lambda: all(each.booked > had for each, had in zip(visitors, before, strict=True)), "one more"
            )
            enough.set()
    except* AssertionError as failures:
        raise AssertionError(f"{failures.exceptions}\n{stage.tail()}") from None
    await stage.settled()
    await check(stage, visitors)


async def check(stage: Stage, visitors: list[Visitor]) -> None:
    """Everybody was answered, once unless an answer was cut off; nothing is broken, and nobody is named."""
    assert await broken(stage.database, now=datetime.now(UTC)) == []
    assert {row.status for row in await stage.rows(select(inbox.c.status))} == {"done"}
    assert await unanswered(stage.database) == []
    assert {row.status for row in await stage.rows(select(outbox.c.status))} <= {"sent", "failed_permanent"}
    for visitor in visitors:
        assert repeated(stage.telegram, visitor.person) <= stage.proxy.cut_off[str(visitor.person.id)]
    assert stage.events("turn_failed", "delivery_failed", "push_failed", "crashed") == []
    names = [TOKEN, *VISITORS, *(str(visitor.person.id) for visitor in visitors)]
    assert [name for name in names if name in stage.service.logs] == []


async def check_told_once(stage: Stage) -> None:
    """The service has said that the database was gone, and that it was back, once."""
    # Who has missed it tries again after a while, the looker for alerts each minute.
    await until(lambda: has_said(stage, "database_back"), "the service to say that it is back")
    assert stage.events("database_gone", "database_back") == ["database_gone", "database_back"]


async def status_of(stage: Stage, path: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(stage.service.url + path) as answer:
        return answer.status


async def until(claim: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if await claim():
                    return
                # Another process tells nobody outside how it is.
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"waited for {what}") from None


# The database


@pytest.mark.parametrize("by_webhook", [False, True])
@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_server_that_stops_is_waited_for(
    own_postgres: PostgresServer, tmp_path: Path, by_webhook: bool, mode: str
) -> None:
    name = f"outage_{mode}_{by_webhook}".lower()
    url = await own_postgres.create(name, migrated=True)
    await own_postgres.survive_a_crash()
    async with staged(tmp_path, url, by_webhook=by_webhook) as stage:
        async with visited(stage):
            await asyncio.to_thread(own_postgres.pause, mode)
            await somebody_writes(stage)
            if by_webhook:
                await stage.proxy.until(lambda: stage.proxy.inbound_answers[503] > 3, PATIENCE_S, "503")
            await until(lambda: is_not_ready(stage), "the service to say so")
            await asyncio.to_thread(own_postgres.resume)
        await check_told_once(stage)
        assert stage.events(*LINE) == LINE
    await own_postgres.drop(name)


async def somebody_writes(stage: Stage) -> None:
    """Have somebody write who waits for no answer: the others may all be waiting for theirs."""
    for text in ("/start", "/menu"):
        await stage.telegram.user(first_name="Zineb").says(text)


async def is_not_ready(stage: Stage) -> bool:
    return await status_of(stage, "/readyz") == 503


async def test_a_file_that_another_program_locks_is_waited_for(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "jisr.db"
    shutil.copy(sqlite_template, path)
    async with staged(tmp_path, f"sqlite+aiosqlite:///{path}", by_webhook=True) as stage:
        async with visited(stage):
            with locked(path):
                await somebody_writes(stage)
                await stage.proxy.until(lambda: stage.proxy.inbound_answers[503] > 8, PATIENCE_S, "503")
                await until(lambda: has_said(stage, "database_gone"), "the service to say so")
        await check_told_once(stage)
        assert stage.events(*LINE) == LINE


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an SQLite file as a program does that writes to it and does not come to an end."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


async def has_said(stage: Stage, event: str) -> bool:
    return bool(stage.events(event))


@pytest.mark.parametrize("by_webhook", [False, True])
async def test_a_disk_without_space_is_waited_for(
    sqlite_template: Path, tmp_path: Path, by_webhook: bool
) -> None:
    with small_disk(tmp_path / "disk") as folder:
        path = folder / "jisr.db"
        shutil.copy(sqlite_template, path)
        async with staged(tmp_path, f"sqlite+aiosqlite:///{path}", by_webhook=by_webhook) as stage:
            async with visited(stage):
                with full(folder):
                    await until(lambda: somebodys_words_are_put_off(stage), "the intake to say so")
                    await until(lambda: has_said(stage, "database_gone"), "the service to say so")
                    if by_webhook:
                        await stage.proxy.until(
                            lambda: stage.proxy.inbound_answers[503] > 1, PATIENCE_S, "503"
                        )
            await check_told_once(stage)
            assert stage.events(*LINE) == LINE


async def somebodys_words_are_put_off(stage: Stage) -> bool:
    # A few may still find room in what the database has taken of the disk before.
    await somebody_writes(stage)
    return await has_said(stage, LINE[0])


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Give a folder that is a file system of its own; only root can make one."""
    folder.mkdir()
    made = subprocess.run(  # noqa: S603
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip("only root can make a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", str(folder)], check=True)  # noqa: S603


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Take up what space there is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    yield
    filler.unlink()


# The network and other people's chats


@pytest.mark.parametrize("by_webhook", [False, True])
async def test_a_network_that_is_gone_is_waited_for(
    database_url: str, tmp_path: Path, by_webhook: bool
) -> None:
    async with staged(tmp_path, database_url, by_webhook=by_webhook) as stage:
        async with visited(stage):
            await stage.proxy.goes_down()
            await until(lambda: has_put_off(stage), "messages that could not leave")
            if not by_webhook:
                await until(lambda: has_said(stage, LINE[0]), "the intake to say so")
            await stage.proxy.comes_up()
        assert stage.events(*LINE) == ([] if by_webhook else LINE)
        assert stage.events("database_gone") == []


async def has_put_off(stage: Stage) -> bool:
    return bool(await stage.rows(select(outbox.c.id).where(outbox.c.status == "failed_temporary")))


HANGING = Scenario(phases=(Phase("hanging", faults=(Fault(Kind.HANG, chats=frozenset({"1001", "1002"})),)),))


async def test_an_address_that_does_not_answer_holds_up_nobody(database_url: str, tmp_path: Path) -> None:
    async with staged(tmp_path, database_url, HANGING) as stage:
        silent = [stage.telegram.user(first_name="Zineb") for _ in range(2)]
        for person in silent:
            for text in ("/start", "/menu", "/help"):
                await person.says(text)
        await stage.proxy.until(lambda: len(stage.proxy.done(Kind.HANG)) == 2, PATIENCE_S, "two that hang")

        async with visited(stage) as visitors:
            # Each of them has had an answer a dozen times while the two have had none.
            assert all(visitor.acts > 5 for visitor in visitors)
            assert [shown for person in silent for shown in person.chat if shown.from_bot] == []
            stage.proxy.day.end()

        for person in silent:
            assert len([shown for shown in person.chat if shown.from_bot]) >= 3


async def test_an_answer_overtakes_a_hundred_thousand_announcements(
    database_url: str, tmp_path: Path
) -> None:
    async with staged(tmp_path, database_url, settings={}) as stage:
        amina = Visitor(stage.telegram, "Amina", "0900")
        everybody = stage.telegram.user(first_name="Everybody")
        await amina.comes_in()
        await announced_to_many(stage, str(everybody.id), 100_000)
        await stage.telegram.until(lambda: bool(bulk_sends(stage)), PATIENCE_S, "the announcement to begin")

        overtaken = []
        for _ in range(5):
            before = len(bulk_sends(stage))
            await amina.asks_for_the_menu()
            overtaken.append(len(bulk_sends(stage)) - before)

        # They leave at 30 a second meanwhile, and of a hundred thousand next to none before each answer.
        assert max(overtaken) < 100
        waiting = select(func.count()).select_from(outbox).where(outbox.c.status == "created")
        assert (await stage.rows(waiting))[0][0] > 99_000


NEWS = "Training begins on Monday."


def bulk_sends(stage: Stage) -> list[Call]:
    return [call for call in stage.telegram.calls_of("sendMessage") if NEWS in call.params.get("text", "")]


async def announced_to_many(stage: Stage, chat_id: str, people: int) -> None:
    """Write an announcement to so many people, all of whom read it in one chat."""
    now = datetime.now(UTC)
    external = stage.database.keys.encrypt(chat_id, about="addresses.external")
    async with stage.database.transaction() as unit:
        first = select(literal(1).label("n")).cte("numbers", recursive=True)
        numbers = first.union_all(select(first.c.n + 1).where(first.c.n < people))
        at = literal(now, contacts.c.created_at.type)
        await unit.connection.execute(
            insert(contacts).from_select(
                ["role", "language", "consent", "news", "created_at"],
                select(literal("beneficiary"), literal("en"), literal("agreed"), true(), at).select_from(
                    numbers
                ),
            )
        )
        homeless = ~select(addresses.c.id).where(addresses.c.contact_id == contacts.c.id).exists()
        index = cast(cast(contacts.c.id, String), LargeBinary)
        await unit.connection.execute(
            insert(addresses).from_select(
                ["contact_id", "channel", "external_index", "external_enc", "last_used_at"],
                select(contacts.c.id, literal("telegram"), index, literal(external), at).where(homeless),
            )
        )
        author, _ = await unit.addresses.find_or_create("telegram", chat_id, now=now)
        started = await unit.announcements.start(
            author=author.id, audience=Audience(), texts={"en": NEWS}, now=now
        )
        assert started.total == people
        unit.topics.add("outbox")
