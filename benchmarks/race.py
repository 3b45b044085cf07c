"""Many people want the same time at the same moment: who gets it, and when everybody has been told."""

import argparse
from datetime import date, timedelta
from typing import Any

from benchmarks.machine import until
from benchmarks.results import Outcome, at_most, exactly, median, ratio
from benchmarks.scripts import SCRIPTS
from benchmarks.seeding import FIRST_CHAT, Seed
from benchmarks.stage import KINDS, Kind, Stage
from bot.holidays import proposed_closures

SUMMARY = __doc__
AT = "0900"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--bots", nargs="+", default=["ptb", "aiogram", "jisr"], choices=KINDS)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])


async def run(options: argparse.Namespace) -> Outcome:
    cases = [(database, KINDS[name]) for database in options.databases for name in options.bots]
    found: dict[tuple[str, str], list[dict[str, Any]]] = {(each, kind.name): [] for each, kind in cases}
    async with Stage() as stage:
        for _ in range(options.rounds):
            for database, kind in cases:
                found[database, kind.name].append(await _measure(stage, kind, database, options.people))
    return _outcome(found, options)


async def _measure(stage: Stage, kind: Kind, database: str, people: int) -> dict[str, Any]:
    async with stage.run(kind, database, Seed(people)) as run:
        await run.start()
        await run.platform.do(
            "gather",
            size=people,
            at_once=64,
            # Jisr keeps a time for whoever chooses it, the others give it to whoever confirms it.
            until=SCRIPTS[kind.script].decided_at,
            first=FIRST_CHAT,
            last=FIRST_CHAT + people - 1,
            script=kind.script,
            day=free_day().isoformat(),
            at=AT,
            patience_s=600.0,
        )

        async def all_there() -> bool | None:
            return (await run.platform.do("gathered"))["gathered"] == people or None

        async def all_told() -> dict[str, Any] | None:
            state: dict[str, Any] = await run.platform.do("gathered")
            return state if len(state["told_after_s"]) == people else None

        await until(all_there, within_s=300, what="everybody's coming to the last step")
        before = run.bots_cpu_s
        await run.platform.do("release")
        told = await until(all_told, within_s=120, what="everybody's answer")
        cpu_s = run.bots_cpu_s - before
    return {
        "winners": told["winners"],
        "all_told_ms": 1000 * max(told["told_after_s"]),
        "cpu_ms": 1000 * cpu_s / people,
    }


def free_day() -> date:
    """Return a day that is near enough to be offered first, and neither a Sunday nor a holiday."""
    days = [date.today() + timedelta(days=ahead) for ahead in range(2, 7)]  # noqa: DTZ011
    closed = {closure.day for closure in proposed_closures(days[0], days[-1])}
    return next(day for day in days if day.weekday() != 6 and day not in closed)


def _outcome(found: dict[tuple[str, str], list[dict[str, Any]]], options: argparse.Namespace) -> Outcome:
    outcome = Outcome(
        "race",
        f"{options.people} people want one time at once",
        ["database", "bot", "winners", "all told after ms", "CPU ms/tap", "x aiogram"],
        options=vars(options),
    )
    told_ms = {case: median([each["all_told_ms"] for each in rounds]) for case, rounds in found.items()}
    for (database, name), rounds in found.items():
        beside = ratio(told_ms[database, name], told_ms.get((database, "aiogram")))
        outcome.rows.append(
            [
                database,
                name,
                " / ".join(str(each["winners"]) for each in rounds),
                told_ms[database, name],
                median([each["cpu_ms"] for each in rounds]),
                beside,
            ]
        )
        outcome.raw += [{"database": database, "bot": name, **each} for each in rounds]
        if name == "Jisr":
            most = max(abs(each["winners"] - 1) for each in rounds)
            outcome.figures += [
                exactly(f"Winners besides one, {database}", 0, most),
                at_most(f"All {options.people} told, {database}, x aiogram", 0.5, beside),
            ]
    return outcome
