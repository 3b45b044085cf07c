"""The benchmarks run, and what they notice is so. How fast anything is, is no test's business."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks.__main__ import parse, run
from benchmarks.crowd import ClosedCrowd, Outside, Person, Screen
from benchmarks.report import write_report
from benchmarks.results import Outcome, at_most, keep
from benchmarks.scripts import script
from benchmarks.stage import PlatformProcess

ROUND = "--rounds 1"
SHORT = "--seconds 1 --warm-up 0.5 --known 200"


async def outcome_of(command: str) -> tuple[Outcome, list[dict[str, Any]]]:
    """Run a benchmark; returns what it found, also with each row by its columns."""
    outcome = await run(parse(command.split()))
    return outcome, [dict(zip(outcome.columns, row, strict=True)) for row in outcome.rows]


async def test_all_three_bots_do_the_same_booking() -> None:
    command = f"turns {ROUND} {SHORT} --people 8 --databases sqlite --networks fast"

    _, rows = await outcome_of(command)

    assert [row["bot"] for row in rows] == ["PTB", "aiogram", "Jisr"]
    for row in rows:
        assert row["updates/s"] > 0
        assert 1.5 < row["calls/update"] < 2.5
        assert (row["lost"], row["out of order"]) == (0, 0)


async def test_the_load_of_an_open_crowd_is_answered() -> None:
    _, rows = await outcome_of(f"latency {ROUND} {SHORT} --people 4 --bots jisr")

    assert [(row["bot"], row["load"]) for row in rows] == [("Jisr", "half of its own ceiling")]
    assert rows[0]["p99 ms"] > 0


async def test_of_those_who_confirm_at_once_one_gets_the_time() -> None:
    _, rows = await outcome_of(f"race {ROUND} --people 5 --databases sqlite --bots ptb jisr")

    assert [row["winners"] for row in rows] == ["1", "1"]


async def test_no_dialogue_is_lost_of_people_who_do_not_wait() -> None:
    command = "lost --seconds 2 --patience 3 --people 4 --known 200 --bots jisr"

    outcome, rows = await outcome_of(command)

    assert all(row["finished"] > 0 for row in rows)
    assert [figure.reached for figure in outcome.figures] == [True, True]


async def test_reminders_come_once_and_after_a_kill_at_least_once() -> None:
    command = "reminders --people 12 --lead 8 --patience 8 --databases sqlite --bots jisr"

    _, rows = await outcome_of(command)

    assert [row["killed"] for row in rows] == ["no", "half-way"]
    assert [row["lost"] for row in rows] == [0, 0]
    # What was sent and not written down yet when it was killed is sent again.
    assert rows[0]["doubled"] == 0


async def test_an_announcement_reaches_everybody_once_who_can_be_reached() -> None:
    command = (
        "broadcast --people 20 --unlimited 20 --peer-people 5 --peer-unlimited 5 --settle 0.5 --bots ptb jisr"
    )

    _, rows = await outcome_of(command)

    assert [(row["how"], row["bot"]) for row in rows] == [
        (how, bot) for how in ("limited", "unlimited") for bot in ("PTB", "Jisr")
    ]
    assert {(row["missing"], row["doubled"]) for row in rows} == {(0, 0)}


async def test_pending_rows_are_looked_at() -> None:
    command = f"pending {ROUND} --seconds 1 --settle 0 --pending 0 50 --peer-pending 50 --databases sqlite"

    outcome, rows = await outcome_of(command)

    assert [(row["bot"], row["pending"]) for row in rows] == [("PTB", 50), ("Jisr", 0), ("Jisr", 50)]
    assert all(row["one idle tick CPU ms*"] > 0 for row in rows[1:])
    assert len(outcome.figures) == 3


async def test_memory_is_looked_at_until_the_last_dialogue() -> None:
    command = f"memory {ROUND} --dialogues 20 --people 4 --known 50 --bots jisr"

    outcome, rows = await outcome_of(command)

    assert rows[0]["lost"] == 0
    assert len(outcome.raw[0]["rss_mib"]) == 11


async def test_days_are_looked_for_among_many_visits() -> None:
    command = "days --centres 2 --visits 200 --calls 3 --databases sqlite"

    _, rows = await outcome_of(command)

    assert rows[0]["median ms"] > 0
    # Fifty visits leave a place on each day of eight weeks but Sundays and holidays.
    assert 40 < rows[0]["days found"] < 60


async def test_the_last_places_go_to_as_many_as_there_are() -> None:
    _, rows = await outcome_of("rush --people 60 --rounds 1 --databases sqlite")

    assert (rows[0]["booked"], rows[0]["told no"]) == ("50", "10")


async def test_the_webhook_is_answered_while_people_are() -> None:
    _, rows = await outcome_of("webhook --calls 20 --people 5 --databases sqlite")

    assert (rows[0]["answered other than 200"], rows[0]["answers sent"]) == (0, 20)


async def test_two_processes_share_the_turns() -> None:
    _, rows = await outcome_of(f"processes {ROUND} {SHORT} --people 8")

    assert [row["processes"] for row in rows] == [1, 2, 1, 2]
    assert all(row["updates/s"] > 0 for row in rows)
    assert {(row["lost"], row["out of order"]) for row in rows} == {(0, 0)}


# The instruments


class Street(Outside):
    """Writes down what people do; its clock is set by hand."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.done: list[str] = []

    def now(self) -> float:
        return self.at_s

    def types(self, person: Person, text: str) -> None:
        self.done.append(text)

    def presses(self, person: Person, screen: Screen, data: str) -> None:
        self.done.append(data)


def shown(text: str, *buttons: str) -> Screen:
    return Screen(text, [(data, data) for data in buttons], "{}")


def crowd_of_one(street: Street, *, hasty: float = 0.0) -> tuple[ClosedCrowd, Person]:
    crowd = ClosedCrowd(street, script("peer"), iter([7]), patience_s=10, hasty=hasty)
    crowd.start(1)
    return crowd, crowd.people[7]


def test_a_person_follows_the_dialogue_to_its_end() -> None:
    street = Street()
    crowd, brahim = crowd_of_one(street)

    for screen in (
        shown("What for?", "need:job"),
        shown("Where?", "centre:Salé", "other_day"),
        shown("Which day?", "day:2026-11-24"),
        shown("At what time?", "time:0900", "other_day"),
        shown("Shall we?", "confirm:yes", "other_day"),
    ):
        street.at_s += 2
        crowd.sees(brahim, screen)
    street.at_s += 2
    crowd.sees(brahim, shown("✅ Booked."))

    assert street.done == [
        "/start", "need:job", "centre:Salé", "day:2026-11-24", "time:0900", "confirm:yes",
    ]  # fmt: skip
    assert (crowd.noticed.answers, crowd.noticed.finished, crowd.noticed.out_of_order) == (6, 1, 0)
    assert crowd.noticed.latencies_s.tolist() == [2.0] * 6


def test_the_answer_to_a_command_before_that_to_the_tap_is_out_of_order() -> None:
    street = Street()
    crowd, brahim = crowd_of_one(street, hasty=1.0)
    crowd.sees(brahim, shown("What for?", "need:job"))
    crowd.sees(brahim, shown("Where?", "centre:Salé"))
    assert street.done[-2:] == ["centre:Salé", "/start"]

    crowd.sees(brahim, shown("What for?", "need:job"))

    assert crowd.noticed.out_of_order == 1


def test_a_message_that_nobody_waits_for_is_out_of_order() -> None:
    street = Street()
    crowd, brahim = crowd_of_one(street)
    crowd.stop()
    crowd.sees(brahim, shown("What for?", "need:job"))

    crowd.sees(brahim, shown("What for?", "need:job"))

    assert crowd.noticed.out_of_order == 1


@pytest.fixture
async def platform() -> AsyncIterator[PlatformProcess]:
    async with PlatformProcess() as platform:
        yield platform


async def call(platform: PlatformProcess, method: str, **fields: Any) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{platform.url}/bot1:x/{method}", data=fields) as answer,
    ):
        said: dict[str, Any] = await answer.json()
        return said


async def test_the_platform_holds_to_its_rate_and_says_who_blocked_the_bot(platform: PlatformProcess) -> None:
    await platform.do("conditions", per_second=2.0, blocked_every=10, blocked_from=100)

    answers = [await call(platform, "sendMessage", chat_id=chat, text="Hello") for chat in (100, 101, 102)]

    assert [answer.get("error_code") for answer in answers] == [403, None, 429]
    assert answers[2]["parameters"] == {"retry_after": 1}
    sent = await platform.do("sent", first=100, last=109)
    assert (sent["chats"], sent["blocked_chats"], sent["refused_too_fast"]) == (1, 1, 1)


async def test_an_update_comes_until_it_is_acknowledged(platform: PlatformProcess) -> None:
    waiting = asyncio.create_task(call(platform, "getUpdates", timeout=30))
    await platform.do("closed", size=1, first=7, last=7, script="peer")

    first = (await waiting)["result"]
    again = (await call(platform, "getUpdates"))["result"]
    after = (await call(platform, "getUpdates", offset=first[0]["update_id"] + 1))["result"]

    assert first[0]["message"]["text"] == "/start"
    assert again == first
    assert after == []


def test_the_report_puts_findings_between_the_markers(tmp_path: Path) -> None:
    figure = at_most("CPU", 0.5, 0.25)
    outcome = Outcome("turns", "Booking", ["bot", "CPU ms*"], [["Jisr", 0.123456]], [figure])
    page = tmp_path / "performance.md"
    page.write_text("Before\n<!-- turns: begin -->\nold\n<!-- turns: end -->\nAfter\n")

    file = keep(outcome, "python -m benchmarks turns", tmp_path)
    written = write_report(["turns"], page, tmp_path)

    assert written == ["turns"]
    assert json.loads(file.read_text())["machine"]["cores"] >= 1
    text = page.read_text()
    assert "old" not in text
    assert "| Jisr | 0.123 |" in text
    assert "| CPU | at most 0.5 | 0.25 | yes |" in text
