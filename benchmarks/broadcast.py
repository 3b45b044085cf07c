"""An announcement to many people: at 30 a second while others are answered, and without a limit."""

import argparse
import asyncio
from typing import Any

from benchmarks.machine import until
from benchmarks.results import Outcome, at_least, at_most, exactly, percentile
from benchmarks.seeding import FIRST_CHAT, MANAGER_CHAT, PROBE_CHAT, Seed
from benchmarks.stage import KINDS, Kind, Run, Stage

SUMMARY = __doc__
LIMITED, UNLIMITED = "limited", "unlimited"
# Nothing sent for so long means that it is over.
SILENCE_S = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, default=10_000, help="at 30 a second: 10,000 take six minutes")
    parser.add_argument("--peer-people", type=int, default=300, help="for the peers' loops at 30 a second")
    parser.add_argument("--unlimited", type=int, nargs="*", default=[10_000, 100_000], help="without a limit")
    parser.add_argument("--peer-unlimited", type=int, default=10_000)
    parser.add_argument("--parts", nargs="+", default=[LIMITED, UNLIMITED], choices=[LIMITED, UNLIMITED])
    parser.add_argument("--database", default="sqlite")
    parser.add_argument("--bots", nargs="+", default=["ptb", "aiogram", "jisr"], choices=KINDS)
    parser.add_argument(
        "--settle", type=float, default=3.0, help="seconds before the start and after the end"
    )
    parser.add_argument("--pace", default="30", help="Jisr's TELEGRAM_PER_SECOND")


async def run(options: argparse.Namespace) -> Outcome:
    outcome = Outcome(
        "broadcast",
        f"An announcement, {options.database}; limited: 30/s, calls take 50 ms, 5 % have blocked the bot",
        ["how", "bot", "people", "msg/s", "of the limit", "429s", "missing", "doubled", "CPU ms/message",
         "RSS MiB", "RSS grew MiB", "others' p50 ms", "p99 ms", "max ms"],
        options=vars(options),
    )  # fmt: skip
    async with Stage() as stage:
        if LIMITED in options.parts:
            await _limited(stage, outcome, options)
        if UNLIMITED in options.parts:
            await _unlimited(stage, outcome, options)
    return outcome


async def _limited(stage: Stage, outcome: Outcome, options: argparse.Namespace) -> None:
    conditions = {"call_delay_s": 0.05, "per_second": 30.0, "blocked_every": 20, "blocked_from": FIRST_CHAT}
    for kind in map(KINDS.__getitem__, options.bots):
        paced = kind.with_environment(TELEGRAM_PER_SECOND=options.pace) if kind.is_jisr else kind
        people = options.people if kind.is_jisr else options.peer_people
        found = await _measure(stage, paced, people, options, conditions)
        share = found["per_second"] / 30
        _note(outcome, LIMITED, kind, people, found, share)
        if kind.is_jisr:
            others_ms = 1000 * (percentile(found["others_s"], 0.99) or 0.0)
            outcome.figures += [
                at_least("Share of the platform's 30/s", 96, 100 * share, unit=" %"),
                at_most("429s", 1, found["refused_too_fast"]),
                exactly("Missing", 0, found["missing"]),
                exactly("Doubled", 0, found["doubled"]),
                at_most("Other people's replies meanwhile, p99", 150, others_ms, unit=" ms"),
            ]


async def _unlimited(stage: Stage, outcome: Outcome, options: argparse.Namespace) -> None:
    cases = [
        (kind, people)
        for kind in map(KINDS.__getitem__, options.bots)
        for people in (options.unlimited if kind.is_jisr else [options.peer_unlimited])
    ]
    grown = []
    for kind, people in cases:
        at_once = kind.with_environment(BROADCAST_PAUSE_S="0") if not kind.is_jisr else kind
        found = await _measure(stage, at_once, people, options, {})
        _note(outcome, UNLIMITED, kind, people, found, None)
        if kind.is_jisr:
            grown.append(found["rss_mib"])
            outcome.figures += [
                at_least(f"Messages/s without a limit, {people} people", 1000, found["per_second"]),
                exactly(f"Missing or doubled, {people} people", 0, found["missing"] + found["doubled"]),
            ]
    if len(grown) > 1:
        more = grown[-1] - grown[0]
        outcome.figures.append(at_most("Memory with most people over fewest", 10, more, unit=" MiB"))


def _note(
    outcome: Outcome, how: str, kind: Kind, people: int, found: dict[str, Any], share: float | None
) -> None:
    others_ms = [1000 * latency for latency in found["others_s"]]
    outcome.rows.append(
        [
            how,
            kind.name,
            people,
            found["per_second"],
            share,
            found["refused_too_fast"],
            found["missing"],
            found["doubled"],
            found["cpu_ms"],
            found["rss_mib"],
            found["rss_mib"] - found["rss_before_mib"],
            percentile(others_ms, 0.5),
            percentile(others_ms, 0.99),
            max(others_ms, default=None),
        ]
    )
    outcome.raw.append({"how": how, "bot": kind.name, "people": people, **found})


async def _measure(
    stage: Stage, kind: Kind, people: int, options: argparse.Namespace, conditions: dict[str, Any]
) -> dict[str, Any]:
    async with stage.run(kind, options.database, Seed(people, news=True), **conditions) as run:
        await run.start()
        probe = {"first": PROBE_CHAT, "last": PROBE_CHAT, "script": kind.hello, "patience_s": 3600.0}
        await run.platform.do("metronome", crowd="others", every_s=1.0, **probe)
        await asyncio.sleep(options.settle)
        await run.platform.do("noticed", crowd="others")
        before, rss_before_mib = run.bots_cpu_s, run.bot.rss_mib
        script = "jisr_announcement" if kind.is_jisr else "peer_announcement"
        manager = {"first": MANAGER_CHAT, "last": MANAGER_CHAT, "script": script, "patience_s": 3600.0}
        await run.platform.do("closed", crowd="manager", size=1, **manager)
        peak_mib, sent = await _until_silent(run, people, options.settle)
        others = await run.platform.do("noticed", crowd="others")
        reachable = people - sent["blocked_chats"]
        took_s = max(0.001, (sent["last_at_s"] or 0.0) - (sent["first_at_s"] or 0.0))
        return {
            "others_s": others["latencies_s"],
            # The first one starts the clock.
            "per_second": (sent["chats"] + sent["blocked_chats"] - 1) / took_s,
            "refused_too_fast": sent["refused_too_fast"],
            "missing": reachable - sent["chats"],
            "doubled": sent["doubled"],
            "cpu_ms": 1000 * (run.bots_cpu_s - before) / max(1, sent["messages"]),
            "rss_mib": peak_mib,
            "rss_before_mib": rss_before_mib,
        }


async def _until_silent(run: Run, people: int, settle_s: float) -> tuple[float, dict[str, Any]]:
    """Wait until everybody was tried or nothing more comes; returns the most memory and what was sent."""
    peak_mib = 0.0

    async def is_over() -> dict[str, Any] | None:
        nonlocal peak_mib
        peak_mib = max(peak_mib, run.bot.rss_mib)
        sent: dict[str, Any] = await run.platform.do("sent", first=FIRST_CHAT, last=FIRST_CHAT + people - 1)
        silent_s = sent["now_s"] - (sent["last_at_s"] or begun_s)
        is_through = sent["chats"] + sent["blocked_chats"] >= people
        return sent if is_through or silent_s > SILENCE_S else None

    begun_s = asyncio.get_running_loop().time()
    await until(is_over, within_s=60 + people, what="the end of the announcement", every_s=0.5)
    # Whatever comes twice comes now.
    await asyncio.sleep(settle_s)
    sent = await run.platform.do("sent", first=FIRST_CHAT, last=FIRST_CHAT + people - 1)
    return peak_mib, sent
