"""What administrators are told of the service, when, and how often."""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.alerts import MOST_AN_HOUR, Alerts
from bot.heartbeat import Heartbeat
from bot.systemd import ALIVE, READY, Systemd
from bot.turns import Voice
from conversations.care.people import Contact, Role
from conversations.engine.outbound import Purpose
from conversations.flows import routes
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.inbox import NewUpdate
from storage.tables import outbox
from storage.vitals import BACKUP_MARK
from tests.fakes import MovableClock, marked_texts, real_world
from tests.people import MONDAY

MINUTE = timedelta(minutes=1)
GIGABYTE = 1_000_000_000
WAITING = "⚠️ Messages have waited"
ANSWERED = "✅ Messages are answered without delay again."
FAILING = "⚠️ Messages can't be sent"
SENT_AGAIN = "✅ Messages are being sent again."


@dataclass
class Watch:
    """A service that is looked at each minute, and Idriss, who is told."""

    database: Database
    options: dict[str, Any] = field(default_factory=dict)
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    voice: Voice = field(default_factory=lambda: Voice(routes(), marked_texts(), real_world()))
    beats: int = 0
    free_bytes: int = 50 * GIGABYTE

    def __post_init__(self) -> None:
        self.alerts = self.looker()
        self.numbers = 0

    def looker(self, database: Database | None = None) -> Alerts:
        return Alerts(
            database or self.database,
            self.voice,
            self.clock,
            folder=Path("/"),
            free_bytes=lambda _: self.free_bytes,
            beat=self._beat,
            **self.options,
        )

    async def _beat(self) -> None:
        self.beats += 1

    async def joins(self, name: str, role: Role | None = None, channel: str = "telegram") -> Contact:
        async with self.database.transaction() as unit:
            contact, _ = await unit.addresses.find_or_create(channel, name, now=self.clock.now())
            await unit.contacts.set_language(contact.id, "en")
            if role:
                await unit.contacts.make_staff(contact.id, role, None)
            return await unit.contacts.get(contact.id)

    async def looks(self, times: int = 1, *, every: timedelta = MINUTE) -> None:
        for _ in range(times):
            self.clock.moves_on(every)
            await self.alerts.look()

    async def told(self, contact: Contact) -> list[str]:
        """Return what was written to somebody and has not been asked for yet, and let it have arrived."""
        async with self.database.transaction() as unit:
            address = await unit.addresses.preferred(contact.id)
            assert address is not None
            shown = await unit.outbox.waiting_for(address.id, after=0, now=self.clock.now())
            shown = [each for each in shown if each.is_unsent]
            numbers = [each.id for each in shown]
            await unit.connection.execute(
                update(outbox).where(outbox.c.id.in_(numbers)).values(status="delivered")
            )
        return [each.message.text for each in shown if each.message]

    async def update_comes(self) -> None:
        self.numbers += 1
        async with self.database.transaction() as unit:
            await unit.inbox.add(
                [NewUpdate("telegram", str(self.numbers), b"l" * 32, "{}")], now=self.clock.now()
            )

    async def updates_are_answered(self) -> None:
        async with self.database.transaction() as unit:
            while taken := await unit.inbox.claim(now=self.clock.now()):
                await unit.inbox.close(taken.id, status="done", now=self.clock.now())

    async def sends(
        self, contact: Contact, status: str, reason: str | None = None, *, number: int = 1, lane: str = "1"
    ) -> None:
        """Write messages as delivery leaves them behind."""
        now = self.clock.now()
        async with self.database.transaction() as unit:
            address = await unit.addresses.preferred(contact.id)
            assert address is not None
            for _ in range(number):
                self.numbers += 1
                await unit.connection.execute(
                    insert(outbox).values(
                        address_id=address.id,
                        channel=address.channel,
                        purpose=Purpose.REPLY,
                        lane=lane,
                        unique_key=f"test:{self.numbers}",
                        due_at=now,
                        created_at=now,
                        status=status,
                        reason=reason,
                    )
                )

    async def mark(self, name: str, moment: datetime) -> None:
        async with self.database.transaction() as unit:
            await unit.marks.set(name, moment.isoformat())


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)


@pytest.fixture
def watch(database: Database) -> Watch:
    return Watch(database)


@pytest.fixture
async def idriss(watch: Watch) -> Contact:
    return await watch.joins("idriss", Role.ADMINISTRATOR, channel="webchat")


async def test_while_all_is_well_nothing_is_said_and_the_heart_beats(watch: Watch, idriss: Contact) -> None:
    await watch.joins("brahim")

    await watch.looks(5)

    assert await watch.told(idriss) == []
    assert watch.beats == 5


async def test_updates_that_wait_are_told_once_and_once_when_they_no_longer_do(
    watch: Watch, idriss: Contact
) -> None:
    await watch.update_comes()

    await watch.looks(3)
    early = await watch.told(idriss)
    await watch.looks(3)
    told = await watch.told(idriss)
    await watch.updates_are_answered()
    await watch.looks(5)
    over = await watch.told(idriss)

    assert early == []
    (alert,) = told
    assert WAITING in alert
    assert [text for text in over if ANSWERED in text] == over
    assert len(over) == 1


async def test_one_slow_minute_is_no_trouble(watch: Watch, idriss: Contact) -> None:
    await watch.update_comes()
    await watch.looks(3)
    await watch.updates_are_answered()
    await watch.looks(3)

    assert await watch.told(idriss) == []


async def test_only_administrators_are_told(watch: Watch, idriss: Contact) -> None:
    others = [
        await watch.joins("brahim"),
        await watch.joins("driss", Role.CASEWORKER),
        await watch.joins("m", Role.MANAGER),
    ]
    await watch.update_comes()

    await watch.looks(6)

    assert [await watch.told(other) for other in others] == [[], [], []]
    assert len(await watch.told(idriss)) == 1


async def test_what_is_told_survives_a_restart(watch: Watch, idriss: Contact) -> None:
    """A new process knows what was said, and goes on from there."""
    await watch.update_comes()
    await watch.looks(6)
    await watch.told(idriss)
    await watch.alerts.leave()

    watch.alerts = watch.looker()
    await watch.looks(3)
    again = await watch.told(idriss)
    await watch.updates_are_answered()
    await watch.looks(4)

    assert again == []
    assert [ANSWERED in text for text in await watch.told(idriss)] == [True]


async def test_a_platform_that_takes_nothing_is_told(watch: Watch, idriss: Contact) -> None:
    brahim = await watch.joins("brahim")
    await watch.sends(brahim, "failed_temporary", "token", number=6)

    await watch.looks(2)
    told = await watch.told(idriss)
    await watch.sends(brahim, "sent", number=100)
    await watch.looks(3)

    assert [FAILING in text for text in told] == [True]
    assert [SENT_AGAIN in text for text in await watch.told(idriss)] == [True]


async def test_a_single_message_that_can_not_leave_for_minutes_is_told_when_no_other_does(
    watch: Watch, idriss: Contact
) -> None:
    """At night few people write, and one who gets no answer is enough."""
    brahim = await watch.joins("brahim")
    await watch.sends(brahim, "failed_temporary", "not_sent")

    await watch.looks(4)

    assert [FAILING in text for text in await watch.told(idriss)] == [True]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("failed_permanent", "blocked"),
        ("failed_permanent", "stale"),
        ("failed_permanent", "opted_out"),
        ("failed_temporary", "too_fast"),
    ],
)
async def test_what_is_nobodys_fault_is_no_failure(
    status: str, reason: str, watch: Watch, idriss: Contact
) -> None:
    brahim = await watch.joins("brahim")
    for _ in range(6):
        await watch.sends(brahim, status, reason, number=3)
        await watch.sends(brahim, "sent")
        await watch.looks()

    assert await watch.told(idriss) == []


async def test_one_chat_that_can_not_be_written_to_is_no_alarm(watch: Watch, idriss: Contact) -> None:
    brahim = await watch.joins("brahim")
    await watch.sends(brahim, "failed_temporary", "unclear")
    for _ in range(10):
        await watch.sends(brahim, "sent", number=2)
        await watch.looks()

    assert await watch.told(idriss) == []


async def test_pages_that_are_closed_are_no_alarm(watch: Watch, idriss: Contact) -> None:
    """Messages to the web chat wait until somebody opens the page."""
    chama = await watch.joins("chama", channel="webchat")
    await watch.sends(chama, "created", number=9)

    await watch.looks(9)

    assert await watch.told(idriss) == []
    assert watch.beats == 9


async def test_a_full_disk_is_told_and_room_again_only_when_there_is_some(
    watch: Watch, idriss: Contact
) -> None:
    watch.free_bytes = 400_000_000
    await watch.looks(3)
    full = await watch.told(idriss)
    watch.free_bytes = 600_000_000
    await watch.looks(5)
    between = await watch.told(idriss)
    watch.free_bytes = GIGABYTE
    await watch.looks(3)

    assert ["400 MB" in text for text in full] == [True]
    assert between == []
    assert ["has room again" in text for text in await watch.told(idriss)] == [True]


async def test_a_backup_that_is_missed_is_told_after_a_day_and_a_half(database: Database) -> None:
    watch = Watch(database, {"makes_backups": True})
    idriss = await watch.joins("idriss", Role.ADMINISTRATOR, channel="webchat")
    await watch.mark(BACKUP_MARK, watch.clock.now() - timedelta(hours=35))
    await watch.looks(2)
    early = await watch.told(idriss)
    await watch.looks(65)
    told = await watch.told(idriss)
    await watch.mark(BACKUP_MARK, watch.clock.now())
    await watch.looks(3)

    assert early == []
    assert ["no backup for 36 hours" in text for text in told] == [True]
    assert ["a new backup" in text for text in await watch.told(idriss)] == [True]


async def test_a_new_service_has_a_day_and_a_half_for_its_first_backup(database: Database) -> None:
    watch = Watch(database, {"makes_backups": True})
    idriss = await watch.joins("idriss", Role.ADMINISTRATOR, channel="webchat")
    await watch.looks(3)

    assert await watch.told(idriss) == []


async def test_a_service_that_stood_still_says_so_afterwards(watch: Watch, idriss: Contact) -> None:
    await watch.looks()

    await watch.looks(1, every=12 * MINUTE)
    told = await watch.told(idriss)
    await watch.looks()

    assert ["stood still for 12 minutes" in text for text in told] == [True]
    assert await watch.told(idriss) == []


async def test_a_lost_database_is_logged_once_and_told_of_when_it_is_back(
    watch: Watch, idriss: Contact, keys: KeyRing
) -> None:
    lost = Database(
        create_engine("sqlite+aiosqlite:////nowhere/at/all.db"),
        keys,
        zone=zone.casablanca(),
        zone_name=zone.NAME,
    )
    await watch.looks()
    beats = watch.beats

    with capture_logs() as logs:
        mine, watch.alerts = watch.alerts, watch.looker(lost)
        await watch.looks(4)
    watch.alerts = mine
    await watch.looks()

    assert [line["event"] for line in logs] == ["database_gone"]
    assert watch.beats == beats + 1  # only once it was back
    assert ["stood still for 5 minutes" in text for text in await watch.told(idriss)] == [True]


async def test_a_process_that_ends_without_a_word_is_told_of(watch: Watch, idriss: Contact) -> None:
    await watch.looks()
    watch.alerts = watch.looker()  # the one before was killed

    await watch.looks(2)

    assert ["was suddenly gone" in text for text in await watch.told(idriss)] == [True]


async def test_a_process_that_stops_on_purpose_is_not(watch: Watch, idriss: Contact) -> None:
    await watch.looks()
    await watch.alerts.leave()
    watch.alerts = watch.looker()

    await watch.looks(2)

    assert await watch.told(idriss) == []


async def test_somebody_who_was_told_often_is_told_no_more_this_hour(watch: Watch, idriss: Contact) -> None:
    told = []
    for _ in range(6):
        watch.free_bytes = 0
        await watch.looks(2)
        watch.free_bytes = GIGABYTE
        await watch.looks(3)
        told += await watch.told(idriss)

    assert len(told) == MOST_AN_HOUR

    watch.free_bytes = 0
    await watch.looks(45)

    # What is still so when there is room again is told then.
    assert ["almost full" in text for text in await watch.told(idriss)] == [True]


async def test_the_heart_stops_while_people_get_no_answer(watch: Watch, idriss: Contact) -> None:
    await watch.update_comes()
    await watch.looks(5)
    assert watch.beats == 5

    await watch.looks(3)
    assert watch.beats == 5

    await watch.updates_are_answered()
    await watch.looks()
    assert watch.beats == 6


async def test_a_full_disk_does_not_stop_the_heart(watch: Watch) -> None:
    """The administrator is told in the chat; people are still served."""
    watch.free_bytes = 0

    await watch.looks(3)

    assert watch.beats == 3


# The monitoring service


@pytest.fixture
async def monitor() -> Any:
    """A monitoring service: the status it answers with, the requests it got, and its address."""
    requests: list[tuple[str, str, bytes]] = []
    answers = {"status": 200}

    async def take(request: web.Request) -> web.Response:
        requests.append((request.method, request.path, await request.read()))
        return web.Response(status=answers["status"])

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield requests, answers, f"http://127.0.0.1:{port}/check/secret-name"
    await runner.cleanup()


async def test_a_beat_is_one_call_without_content(monitor: Any) -> None:
    requests, _, url = monitor

    assert await Heartbeat(url).beat()

    assert requests == [("GET", "/check/secret-name", b"")]


async def test_a_beat_nobody_hears_is_logged_once_without_the_address(monitor: Any) -> None:
    _, answers, url = monitor
    heart = Heartbeat(url)
    nobody = Heartbeat("http://127.0.0.1:1/check/secret-name")

    with capture_logs() as logs:
        answers["status"] = 500
        assert not await heart.beat()
        assert not await heart.beat()
        answers["status"] = 200
        assert await heart.beat()
        assert not await nobody.beat()

    assert [line["event"] for line in logs] == [
        "heartbeat_not_heard",
        "heartbeat_heard_again",
        "heartbeat_not_heard",
    ]
    assert "secret-name" not in str(logs)


# systemd


@pytest.fixture
def line(tmp_path: Path) -> Any:
    """systemd's end of the socket, and its path."""
    folder = Path("/tmp") / f"jisr-{tmp_path.name[-20:]}"  # noqa: S108 - a socket's path holds 108 bytes at most
    folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(folder / "notify"))
        end.settimeout(10)
        yield end, str(folder / "notify")
    shutil.rmtree(folder)


def test_systemd_is_told_that_the_service_is_ready(line: Any) -> None:
    end, path = line

    Systemd({"NOTIFY_SOCKET": path}).tell(READY)

    assert end.recv(100) == b"READY=1"


def test_systemd_may_use_a_socket_without_a_file() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0jisr-test-notify")
        end.settimeout(10)

        Systemd({"NOTIFY_SOCKET": "@jisr-test-notify"}).tell(READY)

        assert end.recv(100) == b"READY=1"


async def test_the_watchdog_hears_for_as_long_as_the_loop_turns(line: Any) -> None:
    end, path = line
    systemd = Systemd({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": "7"}, pid=7)

    heard = await _while_alive(systemd, lambda: asyncio.to_thread(lambda: [end.recv(100) for _ in range(3)]))

    assert heard == [ALIVE.encode()] * 3


async def test_another_process_watchdog_is_left_alone(line: Any) -> None:
    end, path = line
    end.setblocking(False)
    systemd = Systemd({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "8"}, pid=7)

    async def nothing() -> None:
        await asyncio.sleep(0)

    await _while_alive(systemd, nothing)

    with pytest.raises(BlockingIOError):
        end.recv(100)


def test_without_systemd_nothing_is_said() -> None:
    with capture_logs() as logs:
        Systemd({}).tell(READY)

    assert logs == []


def test_a_systemd_that_does_not_hear_is_logged_once() -> None:
    systemd = Systemd({"NOTIFY_SOCKET": "/nowhere/notify"})

    with capture_logs() as logs:
        systemd.tell(READY)
        systemd.tell(ALIVE)

    assert [entry["event"] for entry in logs] == ["systemd_does_not_hear"]


async def _while_alive(systemd: Systemd, work: Callable[[], Awaitable[Any]]) -> Any:
    alive = asyncio.create_task(systemd.keep_alive())
    try:
        return await work()
    finally:
        alive.cancel()
        await asyncio.wait([alive])
