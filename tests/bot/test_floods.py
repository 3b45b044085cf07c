"""Somebody who writes faster than they are answered is slowed, and nobody else is."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.floods import BURST, INTERVAL_S, MOST_LANES, MOST_WAITING, TELL_EVERY_S, Brake, Gate, slowed
from bot.texts import load_texts
from bot.turns import MOST_ATTEMPTS
from conversations.care.helplines import AMBULANCE, POLICE
from storage.database import Database
from storage.encryption import KeyRing
from storage.inbox import NewUpdate, StoredUpdate
from tests.bot.small_talk import Guest, House
from tests.people import MONDAY

NOTICE = "[fr] You are writing faster than we can read."
INTERVAL = timedelta(seconds=INTERVAL_S)


@pytest.fixture
def house(engine: AsyncEngine, keys: KeyRing) -> House:
    return House(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))


@pytest.fixture
async def brahim(house: House) -> Guest:
    """Brahim speaks French, and counts."""
    guest = await house.guest("brahim")
    await guest.taps("count")
    return guest


async def writes(guest: Guest, times: int, words: str = "more") -> None:
    """Write so often before anything is answered; a moment later there is time for it."""
    for _ in range(times):
        await guest.house.store(guest, {"kind": "text", "text": words})
    guest.house.clock.moves_on(timedelta(milliseconds=10))


async def counted(guest: Guest) -> list[int]:
    return [int(shown) for shown in await guest.texts() if shown.isdigit()]


async def notices(guest: Guest) -> list[str]:
    return [shown for shown in await guest.texts() if shown.startswith(NOTICE)]


async def test_a_flood_is_told_once_and_answered_slowly_and_in_order(house: House, brahim: Guest) -> None:
    driss = await house.colleague("driss")
    await writes(brahim, BURST + 6)
    await house.handles_all()

    # The first waited behind none.
    assert await counted(brahim) == list(range(BURST + 2))
    for number in range(BURST + 2, BURST + 7):
        house.clock.moves_on(INTERVAL)
        await house.handles_all()
        assert (await counted(brahim))[-1] == number

    assert await counted(brahim) == list(range(BURST + 7))
    assert len(await notices(brahim)) == 1
    # What the last words set off is done as well.
    assert (await driss.texts())[-1] == f"[fr] Somebody is at {BURST + 6}."


async def test_meanwhile_somebody_else_is_answered_at_once(house: House, brahim: Guest) -> None:
    amina = await house.guest("amina")
    await amina.taps("count")
    await writes(brahim, BURST + 30)
    await house.handles_all()

    for number in (1, 2, 3):
        await amina.says("more")
        assert (await counted(amina))[-1] == number
    assert (await counted(brahim))[-1] == BURST + 1


async def test_quick_fingers_are_not_slowed(house: House, brahim: Guest) -> None:
    await writes(brahim, 15)
    await house.handles_all()

    assert await counted(brahim) == list(range(16))
    assert await notices(brahim) == []


async def test_who_waits_for_each_answer_may_be_as_fast_as_the_answers(house: House, brahim: Guest) -> None:
    for _ in range(BURST * 3):
        await writes(brahim, 1)
        await house.handles_all()

    assert (await counted(brahim))[-1] == BURST * 3
    assert await notices(brahim) == []


async def test_to_be_put_off_is_no_failure(house: House, brahim: Guest) -> None:
    driss = await house.colleague("driss")
    await writes(brahim, BURST + MOST_ATTEMPTS + 3)
    await house.handles_all()
    for _ in range(4 * (MOST_ATTEMPTS + 2)):
        house.clock.moves_on(INTERVAL / 4)
        await house.handles_all()

    async with house.database.reading() as unit:
        rows = await unit.connection.execute(text("SELECT DISTINCT status, attempts FROM inbox"))
        session = await unit.sessions.load((await brahim.contact()).id)
        assert [tuple(row) for row in rows] == [("done", 0)]
        assert session.failures == 0
        assert await unit.tasks.open("sale") == []
    assert (await counted(brahim))[-1] == BURST + MOST_ATTEMPTS + 3
    assert len(await driss.texts()) == BURST + MOST_ATTEMPTS + 3


async def test_the_next_flood_is_told_again(house: House, brahim: Guest) -> None:
    for flood in (1, 2):
        await writes(brahim, BURST + 2)
        await house.handles_all()
        assert len(await notices(brahim)) == flood
        house.clock.moves_on(timedelta(seconds=TELL_EVERY_S))
        await house.handles_all()


async def test_two_processes_tell_it_once(house: House, brahim: Guest) -> None:
    other = House(house.database, house.clock)
    await writes(brahim, 3 * BURST)
    await house.handles_all()
    house.clock.moves_on(INTERVAL)
    await other.handles_all()

    assert len(await notices(brahim)) == 1


async def test_what_nobody_can_read_is_put_off_like_the_rest(house: House, brahim: Guest) -> None:
    await writes(brahim, BURST + 1)
    await house.store(brahim, {"kind": "poison"})
    await writes(brahim, 1)
    await house.handles_all()

    async with house.database.reading() as unit:
        attempts = await unit.connection.scalar(text("SELECT sum(attempts) FROM inbox"))
    assert attempts == 0


@pytest.mark.parametrize("language", ["ar", "ary", "fr", "en"])
def test_the_notice_holds_the_numbers(language: str) -> None:
    words = slowed(load_texts()[language])

    lines = words.splitlines()
    assert lines[-2:] == [AMBULANCE.numbers[0], POLICE.numbers[0]]
    assert (words == slowed(load_texts()["en"])) == (language == "en")


def test_no_more_lanes_are_remembered_than_said() -> None:
    brake = Brake()
    for number in range(MOST_LANES + 9):
        brake.wait_s(StoredUpdate(1, "telegram", number.to_bytes(32), "", 0, MONDAY), MONDAY)

    assert len(brake._lanes) == MOST_LANES


def test_a_clock_put_back_keeps_nobody_waiting() -> None:
    brake = Brake()
    early = StoredUpdate(1, "telegram", b"lane", "", 0, MONDAY - timedelta(hours=2))
    for _ in range(BURST + 5):
        brake.wait_s(early, MONDAY)

    assert 0 < brake.wait_s(early, MONDAY - timedelta(hours=1)) <= INTERVAL_S


# The queue


async def test_of_a_queue_too_long_only_keys_are_kept_and_it_is_said_once(house: House) -> None:
    gate, lane, others = Gate(), b"f" * 32, b"o" * 32

    async def comes(key: str, lane: bytes = lane) -> int:
        async with house.database.transaction() as unit:
            return await gate.add(unit, [NewUpdate("telegram", key, lane, "hello")], now=MONDAY)

    with capture_logs() as logs:
        new = [await comes(str(number)) for number in range(MOST_WAITING + 30)]
        assert await comes("other", others) == 1

    assert new == [1] * MOST_WAITING + [0] * 30
    assert [log["event"] for log in logs] == ["flood_turned_away"]
    async with house.database.transaction() as unit:
        rows = await unit.connection.execute(
            text("SELECT status, payload_enc IS NULL, count(*) FROM inbox GROUP BY 1, 2 ORDER BY 3")
        )
        assert [(row[0], bool(row[1]), row[2]) for row in rows] == [
            ("done", True, 30), ("waiting", False, MOST_WAITING + 1),
        ]  # fmt: skip
        update = await unit.inbox.claim(now=MONDAY)
        assert update is not None
        await unit.inbox.close(update.id, status="done", now=MONDAY)

    # There is room for one again, but what came meanwhile is known.
    assert [await comes(key) for key in (str(MOST_WAITING), "new", "newer")] == [0, 1, 0]


async def test_a_lane_that_is_worked_off_is_never_too_long(house: House) -> None:
    gate = Gate()
    for number in range(MOST_WAITING * 2):
        async with house.database.transaction() as unit:
            new = NewUpdate("telegram", str(number), b"f" * 32, "hello")
            assert await gate.add(unit, [new], now=MONDAY) == 1
            update = await unit.inbox.claim(now=MONDAY)
            assert update is not None
            await unit.inbox.close(update.id, status="done", now=MONDAY)
