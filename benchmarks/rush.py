"""Many people want the last places of a centre's day at the same moment: who gets one, and how fast."""

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from benchmarks.machine import pinned
from benchmarks.race import free_day
from benchmarks.results import Outcome, at_least, exactly, median
from benchmarks.seeding import Seed
from benchmarks.stage import JISR, Stage
from bot.app import Service, opened
from bot.settings import load_settings
from bot.turns import act_for
from conversations.care import visits
from conversations.care.appointments import Need
from conversations.care.holds import HoldPurpose
from conversations.care.hours import VisitRules, WeeklyHours
from conversations.care.people import ContactId
from conversations.engine.turn import Turn
from conversations.errors import SlotTaken

SUMMARY = __doc__
CENTRE = "sale"
# Ten times a day with five caseworkers each.
SLOTS, CAPACITY = 10, 5
RULES = VisitRules(
    WeeklyHours.parse("mon-sun 08:00-13:00"), slot_minutes=30, capacity=CAPACITY, buffer_minutes=0
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--at-once", type=int, default=16, help="turns at once on PostgreSQL, as the service has"
    )
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])


async def run(options: argparse.Namespace) -> Outcome:
    places = SLOTS * CAPACITY
    outcome = Outcome(
        "rush",
        f"{options.people} people, the last {places} places of a day",
        ["database", "booked", "told no", "seconds", "bookings/s"],
        options=vars(options),
    )
    async with Stage() as stage:
        for database in options.databases:
            rounds = []
            for _ in range(options.rounds):
                async with (
                    stage.run(JISR, database, Seed(options.people)) as run,
                    opened(load_settings(run.settings, None)) as service,
                ):
                    at_once = 64 if database == "sqlite" else options.at_once
                    rounds.append(await _rush(service, options.people, at_once))
            outcome.raw += [{"database": database, **each} for each in rounds]
            rate = median([each["per_s"] for each in rounds])
            outcome.rows.append(
                [
                    database,
                    " / ".join(str(each["booked"]) for each in rounds),
                    " / ".join(str(each["refused"]) for each in rounds),
                    median([each["seconds"] for each in rounds]),
                    rate,
                ]
            )
            off = max(abs(each["booked"] - places) for each in rounds)
            target = 80 if database == "sqlite" else 150
            outcome.figures += [
                exactly(f"Booked besides the {places}, {database}", 0, off),
                at_least(f"Bookings, {database}", target, rate, unit="/s"),
            ]
    outcome.notes.append(
        "All have the day's times before them and tap one at once. A booking is two turns: the time is kept, "
        "then confirmed, with its reminders and the news to staff. Who is too late is shown what is left and "
        "taps again, until nothing is."
    )
    return outcome


async def _warm_up(turn_of: Callable[[int, Any], Awaitable[Any]], day: date) -> None:
    """Do once what a running service has long done: connections open, statements compiled, pages read."""

    async def books_and_cancels(number: int) -> None:
        at = await turn_of(number, partial(visits.open_times, centre_slug=CENTRE, day=day))
        booked = partial(visits.book, centre_slug=CENTRE, need=Need.JOB, day=day, at=at[number % len(at)])
        visit = await turn_of(number, booked)
        await turn_of(number, partial(visits.cancel, appointment=visit))

    await asyncio.gather(*(books_and_cancels(number) for number in range(1, 33)))


async def _rush(service: Service, people: int, at_once: int) -> dict[str, Any]:
    day = free_day()
    async with service.database.transaction() as unit:
        await unit.centres.set_rules(CENTRE, RULES)
    gate = asyncio.Semaphore(at_once)
    last_at = 0.0
    draw = random.Random(11)  # noqa: S311 - the same wishes each time

    async def turn_of(number: int, act: Any) -> Any:
        async with gate, service.database.transaction() as unit:
            return await act_for(unit, ContactId(number), service.voice, act, now=service.clock.now())

    async def taps(turn: Turn[Any], at: Any) -> Any:
        """Have a time kept; whoever is too late is shown what is left, as in the chat."""
        try:
            await visits.keep_time(turn, centre_slug=CENTRE, day=day, at=at, purpose=HoldPurpose.CONFIRMING)
        except SlotTaken:
            return await visits.open_times(turn, CENTRE, day)
        return None

    async def wants(number: int, shown: list[Any]) -> bool:
        nonlocal last_at
        at = draw.choice(shown)
        while left := await turn_of(number, partial(taps, at=at)):
            at = draw.choice(left)
        if left is not None:
            return False
        await turn_of(number, partial(visits.book, centre_slug=CENTRE, need=Need.JOB, day=day, at=at))
        last_at = time.perf_counter()
        return True

    with pinned(0):
        await _warm_up(turn_of, day - timedelta(days=1))
        # They have the day's times before their eyes.
        shown = await turn_of(1, partial(visits.open_times, centre_slug=CENTRE, day=day))
        last_at = began = time.perf_counter()
        won = await asyncio.gather(*(wants(number, shown) for number in range(1, people + 1)))
    async with service.database.reading() as unit:
        booked = len(await unit.appointments.agenda(CENTRE, day, day))
    seconds = last_at - began
    return {
        "booked": booked,
        "refused": won.count(False),
        "seconds": seconds,
        "per_s": booked / seconds,
    }
