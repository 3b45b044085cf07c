"""What pending rows cost: start-up, memory and the idle tick with none, 10,000 and 1,000,000 of them."""

import argparse
import asyncio
import time
from typing import Any

from benchmarks.machine import cpu_s, pinned, slowness, until
from benchmarks.results import Outcome, at_most, median
from benchmarks.seeding import FIRST_CHAT, Seed
from benchmarks.stage import JISR, PTB, Kind, Run, Stage
from bot.app import opened
from bot.settings import load_settings
from bot.ticks import Ticks

SUMMARY = __doc__
PEOPLE = 10_000
TICKS = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long an idle process is watched")
    parser.add_argument(
        "--settle", type=float, default=5.0, help="seconds after the start until it is watched"
    )
    parser.add_argument("--pending", type=int, nargs="+", default=[0, 10_000, 1_000_000])
    parser.add_argument(
        "--peer-pending",
        type=int,
        nargs="*",
        default=[10_000],
        help="for PTB's JobQueue: a million take minutes",
    )
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])


async def run(options: argparse.Namespace) -> Outcome:
    cases = [("sqlite", PTB, pending) for pending in options.peer_pending]
    cases += [(database, JISR, pending) for database in options.databases for pending in options.pending]
    found: dict[tuple[str, Kind, int], list[dict[str, Any]]] = {case: [] for case in cases}
    async with Stage() as stage:
        for _ in range(options.rounds):
            for case in cases:
                found[case].append(await _measure(stage, *case, options))
    outcome = Outcome(
        "pending",
        "Pending reminders; starred: divided by the speed probe",
        [
            "database", "bot", "pending", "start-up s", "start-up s*", "RSS MiB", "idle CPU ms/s",
            "one idle tick CPU ms*",
        ],
        options=vars(options),
    )  # fmt: skip
    middle: dict[tuple[str, Kind, int], dict[str, float | None]] = {}
    for case, rounds in found.items():
        names = ("start_up_s", "start_up_at_speed_s", "rss_mib", "idle_ms_per_s", "tick_ms")
        middle[case] = {name: median([each[name] for each in rounds]) for name in names}
        outcome.rows.append([case[0], case[1].name, case[2], *middle[case].values()])
        outcome.raw += [
            {"database": case[0], "bot": case[1].name, "pending": case[2], **each} for each in rounds
        ]
    for database in options.databases:
        _judge(outcome, database, *(middle[database, JISR, each] for each in sorted(options.pending)[::-1]))
    return outcome


def _judge(
    outcome: Outcome, database: str, most: dict[str, float | None], *fewer: dict[str, float | None]
) -> None:
    if not fewer:
        return
    none = fewer[-1]

    def more(name: str) -> float:
        return (most[name] or 0) - (none[name] or 0)

    outcome.figures += [
        at_most(
            f"Start-up, most over fewest pending, {database}", 0.1, more("start_up_at_speed_s"), unit=" s"
        ),
        at_most(f"Memory, most over fewest pending, {database}", 5, more("rss_mib"), unit=" MiB"),
        at_most(f"One idle tick with most pending, {database}", 1, most["tick_ms"], unit=" ms"),
    ]


async def _measure(
    stage: Stage, database: str, kind: Kind, pending: int, options: argparse.Namespace
) -> dict[str, Any]:
    async with stage.run(kind, database, Seed(PEOPLE, pending=pending)) as run:
        tick_ms = await _tick_ms(run) if kind.is_jisr else None
        start_up_s, at_speed_s = await first_answer_s(run)
        # What a start leaves to be done a little later must not count as idle.
        await asyncio.sleep(options.settle)
        before, begun = cpu_s(run.bot.pid), time.monotonic()
        await asyncio.sleep(options.seconds)
        idle_ms = 1000 * (cpu_s(run.bot.pid) - before) / (time.monotonic() - begun)
        return {
            "start_up_s": start_up_s,
            "start_up_at_speed_s": at_speed_s,
            "rss_mib": run.bot.rss_mib,
            "idle_ms_per_s": idle_ms,
            "tick_ms": tick_ms,
        }


async def first_answer_s(run: Run) -> tuple[float, float]:
    """Start the bot while somebody's message waits already; return seconds until it is answered.

    Also the same divided by the speed probe: a start is work on one core from its beginning to its end.
    """
    before = slowness()
    await run.platform.do(
        "closed", size=1, first=FIRST_CHAT, last=FIRST_CHAT, script=run.kind.hello, patience_s=900
    )
    await run.bot.start()

    async def answered() -> dict[str, Any] | None:
        noticed: dict[str, Any] = await run.platform.do("noticed")
        return noticed if noticed["answers"] else None

    noticed = await until(answered, within_s=600, what=f"{run.kind.name}'s first answer", every_s=0.01)
    # Both processes read the same clock, which counts from the machine's start.
    seconds = float(noticed["last_answer_at_s"]) - run.bot.spawned_at
    return seconds, seconds / ((before + slowness()) / 2)


async def _tick_ms(run: Run) -> float:
    """Return CPU milliseconds of one look at the due rows when none is due, in a process of ours."""
    async with opened(load_settings(run.settings, None)) as service:
        ticks = Ticks(service.database, service.voice, service.clock)
        for _ in range(20):
            await ticks.turn_due()
        with pinned(0):
            before = time.process_time()
            for _ in range(TICKS):
                await ticks.turn_due()
            cpu_ms = 1000 * (time.process_time() - before) / TICKS
        return cpu_ms / slowness()
