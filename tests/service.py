"""The real service as a process of its own, for tests that start it, talk to it over HTTP and kill it."""

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

import aiohttp
from sqlalchemy import make_url

from bot.__main__ import main

ROOT = Path(__file__).parent.parent
READY_WITHIN_S = 60

# Most of a start is importing. Each service is the fork of a process that has imported everything, and done
# nothing else; commands start from nothing.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.service"])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class ServiceProcess:
    """`jisr run` with settings of its own. An async context manager that always ends the process."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.folder = folder
        self.log_file = folder / "service.log"
        self.settings = {
            "JISR_PORT": str(self.port),
            "JISR_VAR_DIR": str(folder / "var"),
            "JISR_LOG_FORMAT": "json",
            **(settings or {}),
        }
        self._process: ForkServerProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> str:
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.is_alive():
            await self.kill()

    async def start(self) -> None:
        """Start the process and wait until it answers."""
        await self.launch()
        await self.ready()

    async def launch(self) -> None:
        started = (self.log_file, clean_environment(self.settings))
        self._process = _FORKS.Process(target=_run, args=started, daemon=True)
        self._process.start()

    async def ready(self) -> None:
        """Wait until the service answers; raises AssertionError with its logs when it ends instead."""
        async with aiohttp.ClientSession() as client, asyncio.timeout(READY_WITHIN_S):
            while True:
                assert self._process is not None
                assert self._process.is_alive(), f"the service ended:\n{self.logs[-4000:]}"
                try:
                    async with client.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                # Nothing tells a process from outside that a port is open but trying it.
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End the process at once, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        await self._exit_code()

    async def stop(self) -> int:
        """Ask the process to end, and return its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        async with asyncio.timeout(30):
            return await self._exit_code()

    async def _exit_code(self) -> int:
        """Wait for the process's end."""
        assert self._process is not None
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode


def _run(log_file: Path, environment: Mapping[str, str]) -> None:
    """Be the service in this process, and end with it."""
    with log_file.open("ab") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["jisr", "run"]
    main()


async def run_command(*arguments: str, settings: Mapping[str, str]) -> tuple[int, str, str]:
    """Run `python -m bot ...` to its end; returns exit code, standard output and error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments,
        cwd=ROOT, env=clean_environment(settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(READY_WITHIN_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def as_setting(async_url: str) -> str:
    """Return a database's URL as an operator writes it, without the asynchronous driver."""
    url = make_url(async_url)
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the process's environment with these settings of ours and no others."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JISR_", "TELEGRAM_", "WHATSAPP_"))
        and name not in ("DATABASE_URL", "PUBLIC_URL")
    }
    return {**kept, **settings}
