"""Memory after the dialogues of many people, and a cold start with many people in the database."""

import argparse
from typing import Any

from benchmarks.machine import until
from benchmarks.pending import first_answer_s
from benchmarks.results import Outcome, at_most, median
from benchmarks.seeding import FIRST_CHAT, Seed
from benchmarks.stage import KINDS, Kind, Stage

SUMMARY = __doc__
# Times enough for everybody: here memory counts, not what it costs to look for a free one.
SLOT_MINUTES = 10
SAMPLES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, help="of cold starts")
    parser.add_argument("--dialogues", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=128, help="under way at a time")
    parser.add_argument("--known", type=int, default=100_000, help="people in the database at a cold start")
    parser.add_argument("--bots", nargs="+", default=["ptb", "aiogram", "jisr"], choices=KINDS)
    parser.add_argument("--database", default="sqlite")


async def run(options: argparse.Namespace) -> Outcome:
    outcome = Outcome(
        "memory",
        f"Memory, and cold start with {options.known} people in the database, {options.database}; "
        "starred: divided by the speed probe",
        ["bot", "RSS MiB at start", f"after {options.dialogues // 2} dialogues", f"after {options.dialogues}",
         "first answer s", "first answer s*", "lost"],
        options=vars(options),
    )  # fmt: skip
    kinds = [KINDS[name].with_environment(SLOT_MINUTES=str(SLOT_MINUTES)) for name in options.bots]
    async with Stage() as stage:
        starts: dict[str, list[tuple[float, float]]] = {kind.name: [] for kind in kinds}
        for _ in range(options.rounds):
            for kind in kinds:
                async with stage.run(kind, options.database, Seed(options.known)) as run:
                    starts[kind.name].append(await first_answer_s(run))
        for kind in kinds:
            samples, lost = await _samples(stage, kind, options)
            half = samples[len(samples) // 2]
            start_s, at_speed_s = (median(each) for each in zip(*starts[kind.name], strict=True))
            outcome.rows.append([kind.name, samples[0], half, samples[-1], start_s, at_speed_s, lost])
            outcome.raw.append({"bot": kind.name, "rss_mib": samples, "starts_s": starts[kind.name]})
            if kind.is_jisr:
                outcome.figures += [
                    at_most(
                        f"Memory after {options.dialogues} people's dialogues", 120, samples[-1], unit=" MiB"
                    ),
                    at_most("Memory, second half of them over the first", 5, samples[-1] - half, unit=" MiB"),
                    at_most(f"Cold start, {options.known} people", 1.5, at_speed_s, unit=" s"),
                ]
    return outcome


async def _samples(stage: Stage, kind: Kind, options: argparse.Namespace) -> tuple[list[float], int]:
    """Return the bot's memory at the start and after each tenth of the dialogues, and how many were lost."""
    seed = Seed(options.dialogues + options.people, slot_minutes=SLOT_MINUTES)
    async with stage.run(kind, options.database, seed) as run:
        await run.start()
        samples = [run.bot.rss_mib]
        await run.platform.do(
            "closed",
            size=options.people,
            first=FIRST_CHAT,
            last=FIRST_CHAT + options.dialogues + options.people - 1,
            script=kind.script,
            patience_s=60.0,
        )
        ended = lost = 0

        async def next_tenth() -> dict[str, Any] | None:
            nonlocal ended, lost
            noticed: dict[str, Any] = await run.platform.do("noticed")
            ended, lost = ended + noticed["finished"] + noticed["lost"], lost + noticed["lost"]
            return noticed if ended >= len(samples) * options.dialogues // SAMPLES else None

        for _ in range(SAMPLES):
            await until(next_tenth, within_s=1200, what="the next tenth of the dialogues", every_s=0.2)
            samples.append(run.bot.rss_mib)
    return samples, lost
