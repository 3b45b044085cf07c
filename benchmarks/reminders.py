"""Many reminders due at the same second, at 30 messages a second, also with a kill half-way."""

import argparse
import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.machine import until
from benchmarks.results import Outcome, at_most, exactly
from benchmarks.seeding import FIRST_CHAT, Seed, make_due, remind_peer
from benchmarks.stage import JISR, PTB, Kind, Run, Stage

SUMMARY = __doc__


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--lead", type=float, default=12.0, help="seconds from the start until they are due")
    parser.add_argument("--patience", type=float, default=90.0, help="seconds after which the rest is lost")
    parser.add_argument("--bots", nargs="+", default=["ptb", "jisr"], choices=["ptb", "jisr"])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--per-second", type=float, default=30.0, help="what the platform takes")
    parser.add_argument("--pace", default="30", help="Jisr's TELEGRAM_PER_SECOND")


async def run(options: argparse.Namespace) -> Outcome:
    ours = JISR.with_environment(TELEGRAM_PER_SECOND=options.pace)
    limit = options.per_second
    cases: list[tuple[str, Kind, bool, float]] = []
    if "ptb" in options.bots:
        cases += [("sqlite", PTB, False, each) for each in (0.0, limit)]
    if "jisr" in options.bots:
        cases += [
            (database, ours, killed, limit) for database in options.databases for killed in (False, True)
        ]
    outcome = Outcome(
        "reminders",
        f"{options.people} reminders due at once, each call takes 50 ms",
        [
            "database",
            "bot",
            "platform takes",
            "killed",
            "sent",
            "lost",
            "doubled",
            "cut off",
            "429s",
            "last one after s",
            "CPU ms each",
        ],
        options=vars(options),
    )
    async with Stage() as stage:
        for database, kind, killed, per_second in cases:
            found = await _measure(stage, database, kind, killed, per_second, options)
            outcome.rows.append(
                [
                    database,
                    kind.name,
                    f"{per_second:g}/s" if per_second else "any number",
                    "half-way" if killed else "no",
                    *(found[name] for name in _SHOWN),
                ]
            )
            outcome.raw.append({"database": database, "bot": kind.name, "killed": killed, **found})
            if kind.is_jisr:
                _judge(outcome, f"{database}{', killed half-way' if killed else ''}", killed, found, options)
    return outcome


_SHOWN = ("chats", "lost", "doubled", "cut_off", "refused_too_fast", "took_s", "cpu_ms")


def _judge(
    outcome: Outcome, where: str, killed: bool, found: dict[str, Any], options: argparse.Namespace
) -> None:
    outcome.figures += [
        exactly(f"Reminders lost, {where}", 0, found["lost"]),
        exactly(f"Reminders doubled, {where}", 0, found["doubled"], note=_about_doubled(found)),
    ]
    if not killed:
        # 1,000 at 30/s take 33.3 s; 35 s are allowed for them, and in proportion for fewer.
        limit_s = options.people / options.per_second * 1.05
        outcome.figures += [
            at_most(f"Seconds until the last one, {where}", round(limit_s, 1), found["took_s"], unit=" s"),
            exactly(f"429s, {where}", 0, found["refused_too_fast"]),
        ]


def _about_doubled(found: dict[str, Any]) -> str:
    """Say how many the kill cut off: sent again they may come twice, not sent again they may be lost."""
    return f"(the kill cut off the answers of {found['cut_off']} calls)" if found["cut_off"] else ""


async def _measure(
    stage: Stage, database: str, kind: Kind, killed: bool, per_second: float, options: argparse.Namespace
) -> dict[str, Any]:
    seed = Seed(options.people)
    async with stage.run(kind, database, seed, call_delay_s=0.05, per_second=per_second) as run:
        due_at = datetime.now(UTC) + timedelta(seconds=options.lead)
        if kind.is_jisr:
            await make_due(run.settings, options.people, due_at)
        else:
            await remind_peer(run.settings["DATABASE_URL"], options.people, due_at)
        await run.start()
        if datetime.now(UTC) >= due_at:
            raise RuntimeError("the reminders fell due before the bot had started: give --lead more")
        await asyncio.sleep((due_at - datetime.now(UTC)).total_seconds())
        begun_s, before = asyncio.get_running_loop().time(), run.bots_cpu_s
        if killed:
            await _until_sent(run, options.people // 2, options)
            await run.bot.kill()
            before = 0.0
            await run.bot.start()
        sent = await _until_sent(run, options.people, options)
        # Whatever comes twice comes now.
        await asyncio.sleep(min(15.0, options.patience / 4) if killed else 2)
        sent = await _sent(run, options)
        return sent | {
            "lost": options.people - sent["chats"],
            "took_s": (sent["last_at_s"] or begun_s) - begun_s,
            "cpu_ms": 1000 * (run.bots_cpu_s - before) / max(1, sent["messages"]),
        }


async def _until_sent(run: Run, messages: int, options: argparse.Namespace) -> dict[str, Any]:
    """Wait until so many have arrived; less when none has come for as long as patience lasts."""

    async def enough() -> dict[str, Any] | None:
        sent = await _sent(run, options)
        waited_s = sent["now_s"] - max(sent["last_at_s"] or 0.0, begun_s)
        return sent if sent["chats"] >= messages or waited_s > options.patience / 3 else None

    begun_s = (await _sent(run, options))["now_s"]
    found: dict[str, Any] = await until(
        enough, within_s=options.patience + options.people, what="the reminders", every_s=0.1
    )
    return found


async def _sent(run: Run, options: argparse.Namespace) -> dict[str, Any]:
    sent: dict[str, Any] = await run.platform.do(
        "sent", first=FIRST_CHAT, last=FIRST_CHAT + options.people - 1
    )
    return sent
