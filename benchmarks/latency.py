"""How long answers take at half of each bot's own ceiling, when people act at random moments (Poisson)."""

import argparse
import asyncio
from typing import Any

from benchmarks.results import Outcome, at_most, median, percentile, ratio
from benchmarks.seeding import FIRST_CHAT, Seed
from benchmarks.stage import KINDS, Kind, Run, Stage

SUMMARY = __doc__
HALF, OF_PTB = "half of its own ceiling", "twice PTB's load"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--warm-up", type=float, default=4.0)
    parser.add_argument("--people", type=int, default=128, help="under way while the ceiling is looked for")
    parser.add_argument("--known", type=int, default=10_000)
    parser.add_argument("--bots", nargs="+", default=["ptb", "aiogram", "jisr"], choices=KINDS)
    parser.add_argument("--database", default="sqlite")


async def run(options: argparse.Namespace) -> Outcome:
    kinds = [KINDS[name] for name in options.bots]
    ceilings: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    async with Stage() as stage:
        for _ in range(options.rounds):
            for kind in kinds:
                ceilings[kind.name].append(await _ceiling(stage, kind, options))
            for kind in kinds:
                # Of the same round: the machine is not equally fast all the time.
                loads = {HALF: ceilings[kind.name][-1] / 2}
                if kind.is_jisr and ceilings.get("PTB"):
                    loads[OF_PTB] = ceilings["PTB"][-1]
                for load, per_second in loads.items():
                    measured = await _measure(stage, kind, per_second, options)
                    found.setdefault((kind.name, load), []).append(measured)
    return _outcome(found, ceilings, options)


async def _ceiling(stage: Stage, kind: Kind, options: argparse.Namespace) -> float:
    async with stage.run(kind, options.database, Seed(options.known)) as run:
        await run.start()
        await run.platform.do("closed", size=options.people, **_crowd(run, options))
        await asyncio.sleep(options.warm_up)
        noticed = await run.measured(options.seconds / 2)
    return max(1.0, float(noticed["answers"]) / float(noticed["seconds"]))


async def _measure(
    stage: Stage, kind: Kind, per_second: float, options: argparse.Namespace
) -> dict[str, Any]:
    async with stage.run(kind, options.database, Seed(options.known)) as run:
        await run.start()
        await run.platform.do("open", per_second=per_second, **_crowd(run, options))
        await asyncio.sleep(options.warm_up)
        noticed = await run.measured(options.seconds)
    return noticed | {"offered": per_second}


def _crowd(run: Run, options: argparse.Namespace) -> dict[str, Any]:
    last = FIRST_CHAT + options.known - 1
    return {"first": FIRST_CHAT, "last": last, "script": run.kind.script, "patience_s": 30.0}


def _outcome(
    found: dict[tuple[str, str], list[dict[str, Any]]],
    ceilings: dict[str, list[float]],
    options: argparse.Namespace,
) -> Outcome:
    outcome = Outcome(
        "latency",
        f"From update to answer, booking, open loop, poll's round trip 20 ms, {options.database}",
        ["bot", "load", "ceiling/s", "offered/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", "lost"],
        options=vars(options),
    )
    p99_ms = {}
    for (name, load), rounds in found.items():
        spread = {
            share: median([1000 * (percentile(each["latencies_s"], share) or 0) for each in rounds])
            for share in (0.5, 0.95, 0.99)
        }
        p99_ms[name, load] = spread[0.99]
        outcome.rows.append(
            [
                name,
                load,
                median(ceilings[name]),
                median([each["offered"] for each in rounds]),
                median([each["answers"] / each["seconds"] for each in rounds]),
                *spread.values(),
                sum(each["lost"] for each in rounds),
            ]
        )
        for each in rounds:
            outcome.raw.append({"bot": name, "load": load, **each, "latencies_s": None})
    value = ratio(p99_ms.get(("Jisr", OF_PTB)), p99_ms.get(("PTB", HALF)))
    outcome.figures.append(at_most("p99 at twice PTB's load, x PTB's at half of its ceiling", 1.0, value))
    return outcome
