"""Turns a second with two processes on PostgreSQL against one."""

import argparse
import asyncio
from contextlib import ExitStack
from typing import Any

from benchmarks.machine import BOT_CORE, OTHER_CORE, cpu_share
from benchmarks.results import Outcome, at_least, median, ratio
from benchmarks.seeding import FIRST_CHAT, Seed
from benchmarks.stage import JISR, POSTGRESQL, Stage

SUMMARY = __doc__
# Both processes on the bots' core, each with its share: platform and database have the other to themselves.
SHARED = "each held to {share:g} of one core, database and platform on the other"
WHOLE = "each on a core, database and platform beside the second"
# The target: turns a second of two over those of one.
LEAST = 1.6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up", type=float, default=5.0)
    parser.add_argument("--people", type=int, default=256)
    parser.add_argument("--known", type=int, default=10_000)
    parser.add_argument("--share", type=float, default=0.4, help="of a core, for each process")


async def run(options: argparse.Namespace) -> Outcome:
    shared = SHARED.format(share=options.share)
    ways = {
        (shared, 1): ((BOT_CORE,), options.share),
        (shared, 2): ((BOT_CORE, BOT_CORE), options.share),
        (WHOLE, 1): ((BOT_CORE,), 0.0),
        (WHOLE, 2): ((BOT_CORE, OTHER_CORE), 0.0),
    }
    found: dict[tuple[str, int], list[dict[str, Any]]] = {way: [] for way in ways}
    async with Stage() as stage:
        for _ in range(options.rounds):
            for way, (cores, share) in ways.items():
                found[way].append(await _measure(stage, cores, share, options))
    outcome = Outcome(
        "processes",
        f"Booking on PostgreSQL, {options.people} people, calls take no time",
        ["how", "processes", "updates/s", "x one", "cores used", "CPU ms/update", "database's CPU ms/update",
         "lost", "out of order"],
        options=vars(options),
    )  # fmt: skip
    for (how, processes), rounds in found.items():
        beside = median(
            [
                ratio(ours["answers"] / ours["seconds"], one["answers"] / one["seconds"])
                for ours, one in zip(rounds, found[how, 1], strict=True)
            ]
        )
        outcome.rows.append(
            [
                how,
                processes,
                median([each["answers"] / each["seconds"] for each in rounds]),
                beside,
                median([each["cpu_s"] / each["seconds"] for each in rounds]),
                median([1000 * (ratio(each["cpu_s"], each["answers"]) or 0) for each in rounds]),
                median([1000 * (ratio(each["database_cpu_s"], each["answers"]) or 0) for each in rounds]),
                sum(each["lost"] for each in rounds),
                sum(each["out_of_order"] for each in rounds),
            ]
        )
        outcome.raw += [{"how": how, "processes": processes, **each} for each in rounds]
        if processes == 2:
            note = _why_not_said(how, rounds, found[how, 1])
            value = None if note else beside
            outcome.figures.append(at_least(f"Turns/s, two processes, x one: {how}", LEAST, value, note=note))
    return outcome


def _why_not_said(how: str, both: list[dict[str, Any]], one: list[dict[str, Any]]) -> str:
    """Return why a way tells nothing of the target on this machine; "" when it does."""
    if how != WHOLE:
        was_held = all(each["was_held"] for each in both)
        return "" if was_held else "(this system does not let a process be held to a share)"
    taken = median(
        [(each["cpu_s"] + each["database_cpu_s"] + each["platform_cpu_s"]) / each["seconds"] for each in one]
    )
    room = len({BOT_CORE, OTHER_CORE}) / (taken or 1)
    return "" if room >= LEAST else f"(one, its database and the platform leave room for {room:.2f} x)"


async def _measure(
    stage: Stage, cores: tuple[int, ...], share: float, options: argparse.Namespace
) -> dict[str, Any]:
    async with stage.run(JISR, POSTGRESQL, Seed(options.known), cores=cores) as run:
        await run.start()
        with ExitStack() as stack:
            was_held = bool(share) and stack.enter_context(cpu_share([bot.pid for bot in run.bots], share))
            await run.platform.do(
                "closed",
                size=options.people,
                first=FIRST_CHAT,
                last=FIRST_CHAT + options.known - 1,
                script=JISR.script,
                patience_s=60.0,
            )
            await asyncio.sleep(options.warm_up)
            noticed = await run.measured(options.seconds)
    del noticed["latencies_s"]
    return noticed | {"was_held": was_held}
