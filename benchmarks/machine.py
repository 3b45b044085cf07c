"""The machine under the measurement: cores, CPU time and memory of processes, its speed at this moment."""

import asyncio
import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

# The bot alone on one core; the platform, the database and the benchmark share the other.
BOT_CORE, OTHER_CORE = 0, 1
# What `probe_s` takes on the machine that docs/performance.md was written on, when nothing else runs there.
PROBE_REFERENCE_S = 0.065
LIBRARIES = (
    "python-telegram-bot",
    "aiogram",
    "SQLAlchemy",
    "aiosqlite",
    "asyncpg",
    "aiohttp",
    "httpx",
    "uvloop",
)

_CPU_CGROUP = Path("/sys/fs/cgroup/cpu")


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run the block, and what it starts, on one core; on a machine with a single one it changes nothing."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} if core < (os.cpu_count() or 1) else before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of one living process with all its threads, to the nanosecond.

    The number of a process's CPU clock is made of its id. Source: clock_getcpuclockid(3), Linux.
    """
    return time.clock_gettime((~pid << 3) | 2)


def tree_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process and its children, those that have ended included."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for each in _tree(pid):
        fields = _stat(each)
        if fields is not None:
            # utime, stime, cutime, cstime. Source: proc(5).
            total += sum(map(int, fields[11:15])) / ticks
    return total


def tree_rss_mib(pid: int) -> float:
    """Return what a process and its children hold in memory, without what they share, in MiB."""
    return sum(_pss_kib(each) for each in _tree(pid)) / 1024


def rss_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def _pss_kib(pid: int) -> int:
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo[-1])
        todo.extend(children.get(todo.pop(), []))
    return found


def probe_s(core: int = BOT_CORE) -> float:
    """Return the CPU seconds of a fixed piece of work, of the kind that bots do, on a core."""
    with pinned(core):
        begun = time.thread_time()
        for number in range(3_000):
            keyboard = [[{"text": f"button {at}", "callback_data": f"p{number}:{at}"}] for at in range(8)]
            text = json.dumps({"chat_id": number, "text": "مرحبا " * 4, "reply_markup": keyboard})
            body = json.loads(text)
            len(re.sub(r"\d", "-", body["text"] + str(sorted(map(str, body)))))
        return time.thread_time() - begun


def slowness() -> float:
    """Return by how much more CPU time work takes now than on the reference machine when it is quiet."""
    return sum(sorted(probe_s() for _ in range(3))[:2]) / 2 / PROBE_REFERENCE_S


@contextmanager
def cpu_share(pids: list[int], share: float) -> Iterator[bool]:
    """Hold each process to a share of a core; gives False where the system does not let us (cgroup v1)."""
    folders = []
    try:
        for pid in pids:
            folder = _CPU_CGROUP / f"jisr-benchmark-{pid}"
            folder.mkdir()
            folders.append(folder)
            period_us = 20_000
            (folder / "cpu.cfs_period_us").write_text(str(period_us))
            (folder / "cpu.cfs_quota_us").write_text(str(int(period_us * share)))
            (folder / "cgroup.procs").write_text(str(pid))
        could = True
    except OSError:
        could = False
    try:
        yield could
    finally:
        for folder in folders:
            for held in (folder / "cgroup.procs").read_text().split():
                (_CPU_CGROUP / "cgroup.procs").write_text(held)
            folder.rmdir()


def description() -> dict[str, Any]:
    """Return what the machine is and what runs on it."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.system(),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "load": os.getloadavg()[0],
    }


def commit(folder: Path) -> str:
    """Return the code's commit, with a + when files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=folder, capture_output=True, text=True, check=False,
        ).stdout.strip()  # fmt: skip

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")


async def until(claim: Any, *, within_s: float, what: str, every_s: float = 0.02) -> Any:
    """Wait for something that no process tells us, and return it. Raises TimeoutError naming it."""
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        if (found := await claim()) is not None:
            return found
        await asyncio.sleep(every_s)
    raise TimeoutError(f"{what} did not come within {within_s:.0f} s")
