"""The stage of a measurement: the fake platform on one core, a bot on another, a seeded database."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from sqlalchemy import make_url

from benchmarks.machine import BOT_CORE, OTHER_CORE, pinned, rss_mib, tree_cpu_s, until
from benchmarks.postgres import PostgresServer
from benchmarks.seeding import Seed, seed_jisr, seed_peer

ROOT = Path(__file__).parent.parent
# Nobody's, but of the shape that bots ask for.
TOKEN = "123456:BENCH-token_of_nobody_at_all_012345678"  # noqa: S105
KEYS = "bench:YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="
READY_WITHIN_S = 240.0
SQLITE, POSTGRESQL = "sqlite", "postgresql"


@dataclass(frozen=True, slots=True)
class Kind:
    """A bot to put under test: how it is started and how people talk to it."""

    name: str
    arguments: tuple[str, ...]
    script: str
    # The shortest dialogue: one message, one answer.
    hello: str
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_jisr: bool = False

    def with_environment(self, **environment: str) -> "Kind":
        more = {**self.environment, **environment}
        return Kind(self.name, self.arguments, self.script, self.hello, more, self.is_jisr)


JISR = Kind(
    "Jisr",
    ("-m", "bot", "run"),
    "jisr",
    "jisr_menu",
    {
        "JISR_KEYS": KEYS,
        "JISR_PORT": "0",
        "JISR_WEB_CHAT": "off",
        "JISR_LOG_FORMAT": "json",
        # The platform is ours: what it takes is for the benchmark to say.
        "TELEGRAM_PER_SECOND": "0",
    },
    is_jisr=True,
)
PTB = Kind("PTB", ("-m", "benchmarks.peers.ptb_bot"), "peer", "peer_start")
PTB_CONCURRENT = Kind(
    "PTB concurrent_updates", PTB.arguments, "peer", "peer_start", {"CONCURRENT_UPDATES": "256"}
)
AIOGRAM = Kind("aiogram", ("-m", "benchmarks.peers.aiogram_bot"), "peer", "peer_start")
KINDS = {"jisr": JISR, "ptb": PTB, "ptb-concurrent": PTB_CONCURRENT, "aiogram": AIOGRAM}


class PlatformProcess:
    """The fake platform as a process of its own. An async context manager."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._client: aiohttp.ClientSession | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        with pinned(OTHER_CORE):
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "benchmarks.fake_platform",
                cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        self.url = f"http://127.0.0.1:{int(await self._process.stdout.readline())}"
        self._client = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None  # noqa: S101 - used while it runs
        return self._process.pid

    async def do(self, name: str, **given: Any) -> Any:
        """Send a command; see `Platform` in fake_platform.py."""
        assert self._client is not None  # noqa: S101 - used while it runs
        async with self._client.post(f"{self.url}/control/{name}", data=json.dumps(given)) as answer:
            said = await answer.json()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"the platform does not {name}: {said}")
        return said


class BotProcess:
    """A bot under test, alone on its core unless another one is named."""

    def __init__(self, kind: Kind, environment: Mapping[str, str], log_file: Path, core: int) -> None:
        self.kind = kind
        self.spawned_at = 0.0
        self._environment = environment
        self._log_file = log_file
        self._core = core
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None  # noqa: S101 - used while it runs
        return self._process.pid

    @property
    def cpu_s(self) -> float:
        return tree_cpu_s(self.pid)

    @property
    def rss_mib(self) -> float:
        return rss_mib(self.pid)

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    @property
    def log(self) -> str:
        return self._log_file.read_text(encoding="utf-8", errors="replace")

    async def start(self) -> None:
        with pinned(self._core), self._log_file.open("ab") as log:
            self.spawned_at = time.monotonic()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self.kind.arguments,
                cwd=ROOT, env=dict(self._environment), stdout=log, stderr=log,
            )  # fmt: skip

    async def kill(self) -> None:
        """End it at once; what it leaves behind is either the point or thrown away."""
        if not self.has_ended and self._process is not None:
            self._process.kill()
            await self._process.wait()


@dataclass(slots=True)
class Run:
    """One bot (or several processes of it) on one platform and one database."""

    kind: Kind
    platform: PlatformProcess
    bots: list[BotProcess]
    settings: Mapping[str, str]
    postgres: PostgresServer | None

    @property
    def bot(self) -> BotProcess:
        return self.bots[0]

    @property
    def bots_cpu_s(self) -> float:
        return sum(bot.cpu_s for bot in self.bots)

    @property
    def database_cpu_s(self) -> float:
        return self.postgres.cpu_s if self.postgres else 0.0

    async def start(self) -> None:
        """Start the bots and wait until one asks for updates."""
        for bot in self.bots:
            await bot.start()
        await until(self._asks, within_s=READY_WITHIN_S, what=f"{self.kind.name}'s first getUpdates")

    async def _asks(self) -> float | None:
        if self.bot.has_ended:
            raise RuntimeError(f"{self.kind.name} ended by itself:\n{self.bot.log[-3000:]}")
        first: float | None = await self.platform.do("first_poll")
        return first

    async def measured(self, seconds: float, crowd: str = "people") -> dict[str, Any]:
        """Let it run for so long and return what was noticed, with the CPU that it took."""
        before = await self.platform.do("noticed", crowd=crowd)
        bots_s, database_s, platform_s = self.bots_cpu_s, self.database_cpu_s, tree_cpu_s(self.platform.pid)
        await asyncio.sleep(seconds)
        noticed: dict[str, Any] = await self.platform.do("noticed", crowd=crowd)
        return noticed | {
            "seconds": noticed["at_s"] - before["at_s"],
            "cpu_s": self.bots_cpu_s - bots_s,
            "database_cpu_s": self.database_cpu_s - database_s,
            "platform_cpu_s": tree_cpu_s(self.platform.pid) - platform_s,
            "rss_mib": max(bot.rss_mib for bot in self.bots),
        }


class Stage:
    """Keeps the folder, the PostgreSQL server and the seeded databases of one benchmark."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="jisr-benchmark-"))
        self._postgres: PostgresServer | None = None
        self._templates: set[str] = set()
        self._number = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._postgres is not None:
            await self._postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def postgres(self) -> PostgresServer:
        if self._postgres is None:
            self._postgres = await PostgresServer.start()
        return self._postgres

    @asynccontextmanager
    async def run(
        self,
        kind: Kind,
        database: str,
        seed: Seed,
        *,
        cores: tuple[int, ...] = (BOT_CORE,),
        **conditions: Any,
    ) -> AsyncIterator[Run]:
        """Give a platform and a bot a core, not started yet, on a fresh copy of the seeded database."""
        self._number += 1
        folder = self._folder / f"run-{self._number}"
        folder.mkdir()
        url = await self._copy(kind, database, seed, folder)
        async with AsyncExitStack() as stack:
            platform = await stack.enter_async_context(PlatformProcess())
            await platform.do("conditions", **conditions)
            settings = _settings(kind, url, platform.url, folder)
            bots = [
                BotProcess(kind, _clean_environment(settings), folder / f"bot-{at}.log", core)
                for at, core in enumerate(cores)
            ]
            for bot in bots:
                stack.push_async_callback(bot.kill)
            yield Run(kind, platform, bots, settings, self._postgres if database == POSTGRESQL else None)
        if database == POSTGRESQL:
            await (await self.postgres()).execute(f"DROP DATABASE run_{self._number} WITH (FORCE)")
        shutil.rmtree(folder, ignore_errors=True)

    async def _copy(self, kind: Kind, database: str, seed: Seed, folder: Path) -> str:
        """Return the URL of a copy of the template, which is made and seeded when it is first asked for."""
        whose = "jisr" if kind.is_jisr else "peer"
        name = f"{whose}_{database}_{abs(hash(seed))}"
        if database == POSTGRESQL:
            server = await self.postgres()
            if name not in self._templates:
                await server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
                await self._seed(kind, server.url(name), seed)
            await server.execute(f"CREATE DATABASE run_{self._number} TEMPLATE {name}")
            url = server.url(f"run_{self._number}")
        else:
            template = self._folder / f"{name}.sqlite3"
            if name not in self._templates:
                await self._seed(kind, f"sqlite:///{template}", seed)
            for file in self._folder.glob(f"{name}.sqlite3*"):
                shutil.copy(file, folder / file.name.replace(name, "bot"))
            url = f"sqlite:///{folder / 'bot.sqlite3'}"
        self._templates.add(name)
        return url

    async def _seed(self, kind: Kind, url: str, seed: Seed) -> None:
        if kind.is_jisr:
            await seed_jisr(_settings(kind, url, "http://127.0.0.1:9", self._folder / "seeding"), seed)
        else:
            await seed_peer(_async_url(url), seed)


def _settings(kind: Kind, url: str, api_url: str, folder: Path) -> dict[str, str]:
    settings = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": api_url, **kind.environment}
    if kind.is_jisr:
        return settings | {"DATABASE_URL": url, "JISR_VAR_DIR": str(folder)}
    return settings | {"DATABASE_URL": _async_url(url)}


def _async_url(url: str) -> str:
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    parts = make_url(url)
    return parts.set(drivername=drivers[parts.drivername]).render_as_string(hide_password=False)


def _clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the process's environment with these settings and no other of ours, and without a proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JISR_", "TELEGRAM_", "WHATSAPP_"))
        and not name.lower().endswith("_proxy")
        # Libraries are compiled when they are installed; the bots are, at their first start, as elsewhere.
        and name not in ("DATABASE_URL", "PUBLIC_URL", "PYTHONDONTWRITEBYTECODE")
    }
    return {**kept, **settings}
