"""What it takes to say on which days a centre has a free place, in a large database."""

import argparse
import random
import time
from typing import Any

from benchmarks.machine import pinned
from benchmarks.results import Outcome, at_most, median
from benchmarks.seeding import Booked, Seed, add_visits
from benchmarks.stage import JISR, Stage
from bot.app import Service, opened
from bot.settings import load_settings
from bot.turns import act_for
from conversations.care.people import ContactId
from conversations.care.visits import open_days

SUMMARY = __doc__
HORIZON_DAYS = 60
CAPACITY = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--centres", type=int, default=50)
    parser.add_argument("--visits", type=int, default=200_000)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])


async def run(options: argparse.Namespace) -> Outcome:
    outcome = Outcome(
        "days",
        f"Days with a free place within {HORIZON_DAYS} days, {options.centres} centres, "
        f"{options.visits:,} visits",
        ["database", "calls", "median ms", "slowest of 100 ms", "days found"],
        options=vars(options),
    )
    async with Stage() as stage:
        for database in options.databases:
            seed = Seed(1_000, capacity=CAPACITY, horizon_days=HORIZON_DAYS)
            async with stage.run(JISR, database, seed) as run:
                booked = Booked(options.centres, options.visits, HORIZON_DAYS, CAPACITY)
                slugs = await add_visits(run.settings, booked)
                async with opened(load_settings(run.settings, None)) as service:
                    found = await _measure(service, slugs, options.calls)
            took = sorted(each["ms"] for each in found)
            outcome.rows.append(
                [
                    database,
                    len(took),
                    median(took),
                    took[int(0.99 * len(took))],
                    median([each["days"] for each in found]),
                ]
            )
            outcome.raw += [{"database": database, **each} for each in found]
            outcome.figures.append(at_most(f"Median, {database}", 10, median(took), unit=" ms"))
    outcome.notes.append(
        "Each call has a transaction of its own, as a turn has; half of the visits lie ahead, and take about "
        "half of the places there are."
    )
    return outcome


async def _measure(service: Service, slugs: list[str], calls: int) -> list[dict[str, Any]]:
    draw = random.Random(7)  # noqa: S311 - the same centres each time
    found = []
    with pinned(0):
        for number in range(calls + 20):
            slug = draw.choice(slugs)
            began = time.perf_counter()
            days = await _days(service, slug)
            took_ms = 1000 * (time.perf_counter() - began)
            # The first ones fill what is remembered: timetables, compiled statements, pages of the database.
            if number >= 20:
                found.append({"ms": took_ms, "days": days})
    return found


async def _days(service: Service, slug: str) -> int:
    async with service.database.transaction() as unit:
        days = await act_for(
            unit,
            ContactId(1),
            service.voice,
            lambda turn: open_days(turn, slug, limit=366),
            now=service.clock.now(),
        )
    return len(days)
