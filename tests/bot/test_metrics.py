import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.metrics import MOST_REMEMBERED, OUTCOMES, Metrics
from bot.zone import casablanca
from conversations.engine.outbound import Lane
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.inbox import NewUpdate
from storage.vitals import BACKUP_MARK, TICKED_MARK

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=casablanca(), zone_name="Africa/Casablanca")


@pytest.fixture
async def lost(keys: KeyRing) -> AsyncIterator[Database]:
    """A database that does not answer."""
    engine = create_engine("sqlite+aiosqlite:////nowhere/at/all.db")
    yield Database(engine, keys, zone=casablanca(), zone_name="Africa/Casablanca")
    await engine.dispose()


def figures(page: bytes) -> Mapping[str, float]:
    """Return the page's samples, read as Prometheus reads them, by name{label=value,...}."""
    return {
        f"{name}{{{','.join(f'{key}={labels[key]}' for key in sorted(labels))}}}" if labels else name: value
        for family in text_string_to_metric_families(page.decode())
        for name, labels, value, *_ in family.samples
    }


async def test_everything_that_happens_is_counted(database: Database) -> None:
    metrics = Metrics()
    before = figures(await metrics.page(database, NOW))

    metrics.updates_stored("telegram", 3)
    metrics.intake_worked("telegram", NOW)
    metrics.status_told("webchat", "delivered")
    metrics.webhook_refused("telegram", "wrong_secret")
    metrics.turn_done("answered", 0.004)
    metrics.turn_done("put_off", 2.0)
    metrics.turn_began(NOW, NOW - timedelta(seconds=3))
    metrics.send_done("telegram", Lane.INTERACTIVE, "failed_temporary", NOW, NOW + timedelta(seconds=1))
    metrics.send_done("telegram", Lane.INTERACTIVE, "sent", NOW, NOW + timedelta(seconds=2))
    metrics.send_done("telegram", Lane.INTERACTIVE, "sent", NOW, NOW + timedelta(seconds=4))
    metrics.send_done("telegram", Lane.BULK, "sent", NOW - timedelta(seconds=40), NOW)
    metrics.rate_limited("telegram")
    metrics.send_unclear("telegram")
    metrics.database_trouble("turns")
    metrics.leads("ticks", True)
    after = figures(await metrics.page(database, NOW))

    changed = {name: value for name, value in after.items() if value != before.get(name, 0)}
    expected = {
        "jisr_updates_stored_total{channel=telegram}": 3,
        "jisr_intake_last_success_timestamp_seconds{channel=telegram}": NOW.timestamp(),
        "jisr_sends_total{channel=webchat,status=delivered}": 1,
        "jisr_webhook_refused_total{channel=telegram,reason=wrong_secret}": 1,
        "jisr_turns_total{outcome=answered}": 1,
        "jisr_turns_total{outcome=put_off}": 1,
        "jisr_turn_seconds_count": 1,
        "jisr_turn_seconds_bucket{le=0.005}": 1,
        "jisr_answer_sent_seconds_sum": 5,
        "jisr_answer_sent_seconds_count": 1,  # the first message of the answer
        "jisr_sends_total{channel=telegram,status=sent}": 3,
        "jisr_sends_total{channel=telegram,status=failed_temporary}": 1,
        "jisr_send_seconds_sum{lane=bulk}": 40,
        "jisr_send_seconds_sum{lane=interactive}": 6,
        "jisr_rate_limit_hits_total{channel=telegram}": 1,
        "jisr_unclear_sends_total{channel=telegram}": 1,
        "jisr_database_trouble_total{worker=turns}": 1,
        "jisr_leader{work=ticks}": 1,
    }
    assert {name: changed.get(name) for name in expected} == expected


async def test_the_page_tells_what_waits(database: Database) -> None:
    async with database.transaction() as unit:
        update = NewUpdate(channel="telegram", key="1", lane=b"l" * 32, payload="{}")
        await unit.inbox.add([update], now=NOW - timedelta(minutes=3))
        await unit.marks.set(TICKED_MARK, (NOW - timedelta(seconds=42)).isoformat())

    page = figures(await Metrics().page(database, NOW))

    assert page["jisr_database_up"] == 1
    assert (page["jisr_inbox_waiting"], page["jisr_inbox_oldest_seconds"]) == (1, 180)
    assert page["jisr_last_update_age_seconds"] == 180
    assert page["jisr_last_tick_age_seconds"] == 42
    assert "jisr_last_backup_age_seconds" not in page  # there has never been one


async def test_what_was_read_is_told_again_for_a_moment(database: Database) -> None:
    """Whoever asks a hundred times a second must not have the database asked as often."""
    metrics = Metrics()
    await metrics.page(database, NOW)
    async with database.transaction() as unit:
        await unit.inbox.add([NewUpdate("telegram", "1", b"l" * 32, "{}")], now=NOW)

    assert figures(await metrics.page(database, NOW))["jisr_inbox_waiting"] == 0


async def test_a_database_that_is_gone_is_told_and_not_waited_for(lost: Database) -> None:
    page = figures(await Metrics().page(lost, NOW))

    assert page["jisr_database_up"] == 0
    assert not any(name.startswith("jisr_inbox") for name in page)
    assert all(f"jisr_turns_total{{outcome={outcome}}}" in page for outcome in OUTCOMES)


async def test_the_page_says_what_runs(database: Database) -> None:
    page = figures(await Metrics().page(database, NOW))

    assert any(name.startswith("jisr_build_info{python=3.") for name in page)
    assert page["jisr_process_resident_memory_bytes"] > 0
    assert all(name.startswith("jisr_") for name in page)


def test_counting_makes_nothing_new_on_the_hot_path() -> None:
    """Labels are looked up once; turns whose answers never leave here are forgotten."""
    metrics = Metrics()
    metrics.turn_done("answered", 1)
    child = metrics._turns["answered"]

    for number in range(MOST_REMEMBERED + 9):
        metrics.turn_began(NOW + timedelta(seconds=number), NOW)
        metrics.turn_done("answered", 1)

    assert metrics._turns["answered"] is child
    assert len(metrics._stored_at) == MOST_REMEMBERED


async def test_every_figure_is_explained_and_every_explained_one_is_there(database: Database) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`(jisr_[a-z_]+)`", guide))
    ruled = set(re.findall(r"jisr_[a-z_]+", guide.split("```yaml")[1].split("```")[0]))
    async with database.transaction() as unit:
        for mark in (TICKED_MARK, BACKUP_MARK):
            await unit.marks.set(mark, NOW.isoformat())
        await unit.inbox.add([NewUpdate("telegram", "1", b"l" * 32, "{}")], now=NOW)

    page = text_string_to_metric_families((await Metrics().page(database, NOW)).decode())
    there = {family.name + ("_total" if family.type == "counter" else "") for family in page}

    own = {name for name in there if not name.startswith("jisr_process_")}
    assert own <= explained
    assert explained <= there
    assert {name.removesuffix("_bucket") for name in ruled} <= there
