"""Dialogues that die or are answered out of order, of people who tap at once or do not wait for answers."""

import argparse
import asyncio
from typing import Any

from benchmarks.results import Outcome, exactly
from benchmarks.seeding import FIRST_CHAT, Seed
from benchmarks.stage import KINDS, Kind, Stage

SUMMARY = __doc__
AT_ONCE, HASTY = "tap at once", "type the command right behind one tap in five"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--people", type=int, default=20, help="under way at a time")
    parser.add_argument("--known", type=int, default=10_000)
    parser.add_argument(
        "--patience", type=float, default=10.0, help="seconds until a dialogue counts as lost"
    )
    parser.add_argument(
        "--bots", nargs="+", default=["ptb", "ptb-concurrent", "aiogram", "jisr"], choices=KINDS
    )
    parser.add_argument("--database", default="sqlite")


async def run(options: argparse.Namespace) -> Outcome:
    outcome = Outcome(
        "lost",
        f"Booking by {options.people} people, each call takes 50 ms, {options.database}",
        ["people", "bot", "updates/s", "dialogues begun", "finished", "lost", "out of order"],
        options=vars(options),
    )
    async with Stage() as stage:
        for people, hasty in ((AT_ONCE, 0.0), (HASTY, 0.2)):
            for name in options.bots:
                noticed = await _measure(stage, KINDS[name], hasty, options)
                outcome.rows.append(
                    [
                        people,
                        KINDS[name].name,
                        noticed["answers"] / noticed["seconds"],
                        noticed["started"],
                        noticed["finished"],
                        noticed["lost"],
                        noticed["out_of_order"],
                    ]
                )
                outcome.raw.append({"people": people, "bot": name, **noticed})
                if KINDS[name].is_jisr:
                    bad = noticed["lost"] + noticed["out_of_order"]
                    outcome.figures.append(exactly(f"Lost or out of order, people who {people}", 0, bad))
    return outcome


async def _measure(stage: Stage, kind: Kind, hasty: float, options: argparse.Namespace) -> dict[str, Any]:
    async with stage.run(kind, options.database, Seed(options.known), call_delay_s=0.05) as run:
        await run.start()
        await run.platform.do(
            "closed",
            size=options.people,
            first=FIRST_CHAT,
            last=FIRST_CHAT + options.known - 1,
            script=kind.script,
            patience_s=options.patience,
            hasty=hasty,
        )
        await asyncio.sleep(options.seconds)
        await run.platform.do("stop")
        # Whoever still waits gets their answer, or is lost.
        await asyncio.sleep(options.patience + 1)
        noticed: dict[str, Any] = await run.platform.do("noticed")
    del noticed["latencies_s"]
    return noticed | {"seconds": options.seconds}
