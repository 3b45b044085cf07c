"""Days on which the line or the platform is bad: nobody notices more of it than a delay.

The real process behind the fault proxy, both databases, several people at once. What a day brings stands in
tests/scenarios.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.tables import addresses, inbox, outbox
from tests.fault_proxy import Kind, scenario
from tests.invariants import broken, unanswered
from tests.stage import Stage, staged
from tests.telegram_people import TOKEN
from tests.visitors import VISITORS, Visitor, repeated

# What the service says of its own accord when the platform or the line is to blame.
LINE = ("telegram_intake_lost", "telegram_intake_back")
TROUBLE = {"warning", "error", "critical"}
# Telegram's own updates have nine digits; what the proxy makes up has fewer, or odd ones.
TELEGRAMS = r"50\d{7}"


@pytest.fixture
def by_webhook() -> bool:
    """Whether the platform delivers by webhook; else the service polls."""
    return False


@pytest.fixture
async def stage(day: str, by_webhook: bool, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, database_url, scenario(day), by_webhook=by_webhook) as stage:
        yield stage


async def all_visit(stage: Stage) -> list[Visitor]:
    """Have everybody book, cancel and book again, and wait until nothing is left to do."""
    visitors = [Visitor(stage.telegram, name, at) for name, at in VISITORS.items()]
    await at_once(stage, [visits(visitor) for visitor in visitors])
    stage.proxy.day.end()
    await stage.settled()
    return visitors


async def visits(visitor: Visitor) -> None:
    await visitor.comes_in()
    await visitor.books()
    await visitor.cancels()
    await visitor.books()


async def at_once(stage: Stage, doings: Sequence[Coroutine[None, None, None]]) -> None:
    """Have all of it done; a failure shows what was logged last."""
    try:
        async with asyncio.TaskGroup() as people:
            for doing in doings:
                people.create_task(doing)
    except* AssertionError as failures:
        raise AssertionError(f"{failures.exceptions}\n{stage.tail()}") from None


async def check(stage: Stage, visitors: Sequence[Visitor]) -> None:
    """Everybody was answered, once unless an answer was cut off; nothing is broken and nobody is named."""
    assert await broken(stage.database, now=datetime.now(UTC)) == []
    for visitor in visitors:
        assert repeated(stage.telegram, visitor.person) <= stage.proxy.cut_off[str(visitor.person.id)]
    names = [TOKEN, *VISITORS, *(str(visitor.person.id) for visitor in visitors)]
    assert [name for name in names if name in stage.service.logs] == []
    assert stage.events("turn_failed", "delivery_failed", "push_failed", "tick_failed", "crashed") == []


async def check_all_is_done(stage: Stage) -> None:
    """Every update was handled well and answered, and every answer has arrived."""
    assert {row.status for row in await stage.rows(select(inbox.c.status))} == {"done"}
    assert await unanswered(stage.database) == []
    written = await stage.rows(select(outbox.c.status, outbox.c.reason))
    assert {(row.status, row.reason) for row in written} <= {
        ("sent", None),
        ("failed_permanent", "withdrawn"),
    }


@pytest.mark.parametrize("day", ["bad_network"])
async def test_on_a_bad_line_nothing_is_lost_and_only_what_was_cut_off_comes_twice(stage: Stage) -> None:
    visitors = await all_visit(stage)

    await check(stage, visitors)
    await check_all_is_done(stage)
    had = {done.kind for done in stage.proxy.day.done}
    assert had >= {Kind.HANG, Kind.RESET, Kind.SERVER_ERROR, Kind.CUT_SHORT, Kind.NOT_JSON, Kind.SLOW}
    assert stage.proxy.cut_off.total() > 5


@pytest.mark.parametrize("day", ["throttled"])
async def test_a_platform_that_says_too_fast_gets_its_way_and_nothing_comes_twice(stage: Stage) -> None:
    visitors = await all_visit(stage)

    await check(stage, visitors)
    await check_all_is_done(stage)
    assert {done.phase for done in stage.proxy.done(Kind.TOO_FAST)} == {
        "now and then",
        "everybody",
        "polls too",
    }
    assert not stage.proxy.cut_off
    assert {refusal.method for refusal in stage.telegram.refusals} <= {"answerCallbackQuery"}


@pytest.mark.parametrize("day", ["platform_down"])
async def test_a_platform_that_is_gone_is_waited_for_and_spoken_of_once(stage: Stage) -> None:
    visitors = await all_visit(stage)

    await check(stage, visitors)
    await check_all_is_done(stage)
    # A poll that was answered just before and one that comes when sends have seen it through miss an outage.
    assert stage.events(*LINE) in [list(LINE) * times for times in (1, 2)]
    # Each time it is gone, as many messages fail as people wait for; it counts as gone from the fifth on.
    lost = stage.events("channel_lost", "channel_back")
    assert lost in [["channel_lost", "channel_back"] * times for times in range(3)]
    trouble = {line["event"] for line in stage.logs if line["level"] in TROUBLE}
    assert trouble <= {"telegram_intake_lost", "channel_lost"}


@pytest.mark.parametrize("day", ["blocked"])
async def test_who_blocks_the_bot_is_left_in_peace_and_holds_up_nobody(stage: Stage) -> None:
    visitors = [Visitor(stage.telegram, name, at) for name, at in VISITORS.items()]
    await at_once(stage, [visitor.comes_in() for visitor in visitors])
    amina, brahim, chama, *others = visitors
    stage.proxy.day.enter("blocked")

    for gone in (amina, brahim, chama):
        await gone.person.says("/menu")
    await at_once(stage, [others_visit(visitor) for visitor in others])
    await stage.settled()

    unreachable = select(addresses.c.id).where(~addresses.c.reachable)
    assert len(await stage.rows(unreachable)) == 2
    assert len(stage.proxy.done(Kind.BLOCKED)) == 2
    given_up = select(outbox.c.reason).where(outbox.c.status != "sent").order_by(outbox.c.reason)
    reasons = [row.reason for row in await stage.rows(given_up) if row.reason != "withdrawn"]
    assert reasons == ["blocked", "blocked", "chat_migrated"]

    stage.proxy.day.end()
    await at_once(stage, [back.asks_for_the_menu() for back in (amina, brahim, chama)])
    await stage.settled()

    assert await stage.rows(unreachable) == []
    await check(stage, visitors)


async def others_visit(visitor: Visitor) -> None:
    await visitor.books()
    await visitor.cancels()
    await visitor.books()


@pytest.mark.parametrize("day", ["inbound_mess"])
@pytest.mark.parametrize("by_webhook", [False, True])
async def test_what_comes_twice_late_or_unreadable_changes_nothing(stage: Stage) -> None:
    visitors = await all_visit(stage)

    await check(stage, visitors)
    taken = await stage.rows(select(inbox.c.id, inbox.c.update_key, inbox.c.status))
    of_people = [row for row in taken if re.fullmatch(TELEGRAMS, row.update_key)]
    assert len(of_people) == sum(visitor.acts for visitor in visitors)
    assert {row.status for row in of_people} == {"done"}
    assert not {row.id for row in of_people} & set(await unanswered(stage.database))
    had = Counter(done.kind for done in stage.proxy.day.done)
    assert set(had) == {Kind.POISON, Kind.DUPLICATE, Kind.LATE, Kind.REORDER, Kind.GAP}
    assert len({done.poison for done in stage.proxy.done(Kind.POISON)}) > 15
