"""CPU per update of the six-step booking, and updates a second when each call of the platform takes 50 ms."""

import argparse
import asyncio
from dataclasses import dataclass
from typing import Any

from benchmarks.machine import slowness
from benchmarks.results import Outcome, at_least, at_most, median, percentile, ratio
from benchmarks.seeding import FIRST_CHAT, Seed
from benchmarks.stage import KINDS, SQLITE, Kind, Stage

SUMMARY = __doc__


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    people: int
    call_delay_s: float


@dataclass(frozen=True, slots=True)
class Case:
    network: Network
    kind: Kind
    database: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="how long each bot is measured in a round"
    )
    parser.add_argument("--warm-up", type=float, default=4.0)
    parser.add_argument("--people", type=int, default=128, help="under way at a time")
    parser.add_argument("--slow-people", type=int, default=200, help="the same when calls take 50 ms")
    parser.add_argument("--known", type=int, default=10_000, help="people in the database")
    parser.add_argument("--bots", nargs="+", default=["ptb", "aiogram", "jisr"], choices=KINDS)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--networks", nargs="+", default=["fast", "slow"], choices=["fast", "slow"])


async def run(options: argparse.Namespace) -> Outcome:
    networks = {
        "fast": Network("calls take no time", options.people, 0.0),
        "slow": Network("calls take 50 ms", options.slow_people, 0.05),
    }
    cases = [
        Case(networks[network], KINDS[bot], database)
        for network in options.networks
        for database in options.databases
        for bot in options.bots
    ]
    found: dict[Case, list[dict[str, Any]]] = {case: [] for case in cases}
    async with Stage() as stage:
        for _ in range(options.rounds):
            for case in cases:
                found[case].append(await _measure(stage, case, options))
    return _outcome(found, options)


async def _measure(stage: Stage, case: Case, options: argparse.Namespace) -> dict[str, Any]:
    before = slowness()
    seed = Seed(options.known)
    delay_s = case.network.call_delay_s
    async with stage.run(case.kind, case.database, seed, call_delay_s=delay_s) as run:
        await run.start()
        await run.platform.do(
            "closed",
            size=case.network.people,
            first=FIRST_CHAT,
            last=FIRST_CHAT + options.known - 1,
            script=case.kind.script,
            patience_s=30.0,
        )
        await asyncio.sleep(options.warm_up)
        noticed = await run.measured(options.seconds)
    noticed["slowness"] = (before + slowness()) / 2
    latencies_s = noticed.pop("latencies_s")
    return noticed | {"p50_s": percentile(latencies_s, 0.5), "p99_s": percentile(latencies_s, 0.99)}


def cpu_ms(noticed: dict[str, Any], part: str = "cpu_s") -> float | None:
    """Return CPU milliseconds per answered update, as the machine is when it is quiet."""
    per_update = ratio(noticed[part], noticed["answers"])
    return None if per_update is None else 1000 * per_update / noticed["slowness"]


def _outcome(found: dict[Case, list[dict[str, Any]]], options: argparse.Namespace) -> Outcome:
    outcome = Outcome(
        "turns",
        "Six-step booking, closed loop; starred: divided by the speed probe",
        ["network", "database", "bot", "updates/s", "CPU ms*", "x PTB", "x aiogram", "database's CPU ms*",
         "cores used", "platform's", "RSS MiB", "p50 ms", "p99 ms", "calls/update", "lost", "out of order"],
        options=vars(options),
    )  # fmt: skip
    for case, rounds in found.items():
        outcome.rows.append(
            [
                case.network.name,
                case.database,
                case.kind.name,
                median([each["answers"] / each["seconds"] for each in rounds]),
                median([cpu_ms(each) for each in rounds]),
                _cost_beside(found, case, "PTB"),
                _cost_beside(found, case, "aiogram"),
                None
                if case.database == SQLITE
                else median([cpu_ms(each, "database_cpu_s") for each in rounds]),
                median([each["cpu_s"] / each["seconds"] for each in rounds]),
                median([each["platform_cpu_s"] / each["seconds"] for each in rounds]),
                max(each["rss_mib"] for each in rounds),
                median([each["p50_s"] and each["p50_s"] * 1000 for each in rounds]),
                median([each["p99_s"] and each["p99_s"] * 1000 for each in rounds]),
                median([ratio(each["calls"], each["answers"]) for each in rounds]),
                sum(each["lost"] for each in rounds),
                sum(each["out_of_order"] for each in rounds),
            ]
        )
        outcome.raw += [{"case": outcome.rows[-1][:3], **each} for each in rounds]
        if case.kind.is_jisr:
            _judge(outcome, found, case)
        if any(each["nobody_left"] for each in rounds):
            outcome.notes.append(f"{case.kind.name} ran out of people: give --known more")
    return outcome


def _judge(outcome: Outcome, found: dict[Case, list[dict[str, Any]]], case: Case) -> None:
    if case.network.call_delay_s:
        ours = median([each["answers"] / each["seconds"] for each in found[case]])
        beside = found.get(_beside(case, "aiogram"), [])
        theirs = median([each["answers"] / each["seconds"] for each in beside])
        name = (
            f"updates/s, {case.network.people} people, 50 ms a call, {case.database}, x aiogram (stretch 2)"
        )
        outcome.figures.append(at_least(name, 1.3, ratio(ours, theirs)))
        return
    cost = f"CPU per durable turn, {case.network.people} people, {case.database}"
    outcome.figures += [
        at_most(f"{cost}, x PTB (stretch 0.36)", 0.5, _cost_beside(found, case, "PTB")),
        at_most(f"{cost}, x aiogram (stretch 0.5)", 0.6, _cost_beside(found, case, "aiogram")),
    ]


def _beside(case: Case, peer: str) -> Case:
    kind = next(kind for kind in KINDS.values() if kind.name == peer)
    return Case(case.network, kind, case.database)


def _cost_beside(found: dict[Case, list[dict[str, Any]]], case: Case, peer: str) -> float | None:
    """Return the median of the ratios of CPU per update, each within its round."""
    beside = found.get(_beside(case, peer))
    if beside is None:
        return None
    pairs = zip(found[case], beside, strict=True)
    return median([ratio(cpu_ms(ours), cpu_ms(theirs)) for ours, theirs in pairs])
