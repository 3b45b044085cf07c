import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from conversations.care.announcements import Audience
from conversations.care.obstacles import Obstacle
from conversations.care.people import Contact
from conversations.engine.flow import Choice
from conversations.engine.outbound import Lane, OutboundMessage, Purpose
from conversations.engine.reply import Channel
from storage.database import Database
from storage.encryption import KeyRing
from storage.outbox import QUIET_HOURS, Delivered, OutboxRow
from storage.tables import outbox
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, ZONE, ZONE_NAME, Town, stores

CHANNELS = ["whatsapp", "telegram"]
LEASE = timedelta(seconds=90)
SECOND = timedelta(seconds=1)
# Only ends a test that has failed.
PATIENCE_S = 60


async def write(
    unit: UnitOfWork,
    contact: Contact,
    key: str,
    *,
    purpose: Purpose = Purpose.REPLY,
    message: OutboundMessage | None = None,
    now: datetime = NOW,
    subject: str | None = None,
    replaces: str | None = None,
) -> bool:
    """Write a message to somebody; its text is its key."""
    address = await unit.addresses.preferred(contact.id)
    assert address is not None
    return await unit.outbox.add(
        address_id=address.id,
        channel=address.channel,
        purpose=purpose,
        key=key,
        message=message or OutboundMessage(key, contact.language or "fr"),
        now=now,
        subject=subject,
        replaces_key=replaces,
    )


async def claim(
    unit: UnitOfWork,
    *,
    lanes: tuple[Lane, ...] = tuple(Lane),
    channels: list[str] = CHANNELS,
    now: datetime = NOW,
    limit: int = 100,
) -> list[OutboxRow]:
    return await unit.outbox.claim(channels, lanes, now=now, lease=LEASE, limit=limit)


async def next_at(unit: UnitOfWork) -> datetime | None:
    return await unit.outbox.next_at(CHANNELS, list(Lane), after=NOW)


def texts(rows: list[OutboxRow]) -> list[str]:
    return [row.message.text for row in rows if row.message]


def sent(row: OutboxRow, ref: str | None = None) -> Delivered:
    return Delivered(row.id, "sent", NOW, message_ref=ref)


def later(row: OutboxRow, after: timedelta) -> Delivered:
    return Delivered(row.id, "failed_temporary", NOW, reason="network", due_at=NOW + after)


async def statuses(unit: UnitOfWork) -> dict[str, tuple[str, str | None]]:
    """Return status and reason of each message by its key."""
    query = select(outbox.c.unique_key, outbox.c.status, outbox.c.reason)
    return {key: (status, reason) for key, status, reason in await unit.connection.execute(query)}


async def test_a_message_comes_out_as_it_was_written(unit: UnitOfWork, amina: Contact) -> None:
    message = OutboundMessage(
        "اختاري يوماً",
        "ar",
        "rtl",
        choices=(Choice("2026-11-24", "الثلاثاء"), Choice("!menu", "🏠")),
        prompt_ref="p4",
        edits="77",
        tap_ref="tap-1",
    )
    await write(unit, amina, "in:1:0", message=message)

    (row,) = await claim(unit)

    assert (row.channel, row.external_id) == ("whatsapp", "212600000001")
    assert (row.message, row.purpose, row.lane) == (message, Purpose.REPLY, Lane.INTERACTIVE)
    assert (row.attempts, row.created_at, row.still_wanted) == (1, NOW, True)
    assert (row.announcement_id, row.replaces_ref) == (None, None)


async def test_a_key_is_written_once(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    assert await write(unit, amina, "visit:1:t-1d:1")
    assert not await write(unit, amina, "visit:1:t-1d:1")
    assert not await write(unit, brahim, "visit:1:t-1d:1")
    assert await write(unit, amina, "visit:1:t-1d:2")

    await unit.outbox.report([sent(row) for row in await claim(unit)])
    assert not await write(unit, amina, "visit:1:t-1d:1")


async def test_neither_text_nor_address_can_be_read_without_the_key(unit: UnitOfWork, amina: Contact) -> None:
    await write(unit, amina, "in:1:0", message=OutboundMessage("Amina, see you at Salé", "en"))

    rows = (await unit.connection.execute(text("SELECT * FROM outbox"))).all()

    assert len(rows) == 1
    stored = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in rows[0])
    assert b"Amina" not in stored
    assert b"212600000001" not in stored


# Who goes first


async def test_the_better_lane_goes_first_and_in_it_the_older_message(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    await write(unit, amina, "check-in", purpose=Purpose.CHECK_IN)
    await write(unit, brahim, "reminder", purpose=Purpose.REMINDER)
    await write(unit, amina, "answer")
    await write(unit, driss, "news", purpose=Purpose.STAFF)

    assert texts(await claim(unit, limit=3)) == ["answer", "news", "check-in"]
    assert texts(await claim(unit)) == ["reminder"]


async def test_only_what_is_asked_for_is_handed_out(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await write(unit, amina, "to whatsapp")
    await write(unit, brahim, "to telegram")
    await write(unit, brahim, "reminder", purpose=Purpose.REMINDER)

    assert texts(await claim(unit, channels=["telegram"], lanes=(Lane.DUE, Lane.BULK))) == ["reminder"]
    assert texts(await claim(unit, channels=["telegram"])) == ["to telegram"]
    assert texts(await claim(unit, channels=["webchat"])) == []
    assert texts(await claim(unit)) == ["to whatsapp"]


async def test_one_persons_messages_leave_one_after_the_other(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    for number in (1, 2, 3):
        await write(unit, amina, f"amina {number}")
    await write(unit, brahim, "brahim 1")

    first, brahims = await claim(unit)
    assert texts([first, brahims]) == ["amina 1", "brahim 1"]
    assert await claim(unit) == []

    await unit.outbox.report([sent(first)])
    (second,) = await claim(unit)
    assert texts([second]) == ["amina 2"]
    await unit.outbox.report([Delivered(second.id, "failed_technical", NOW, reason="refused")])
    assert texts(await claim(unit)) == ["amina 3"]


async def test_a_message_that_has_to_wait_holds_up_its_lane_and_nothing_else(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await write(unit, amina, "first reminder", purpose=Purpose.REMINDER)
    (first,) = await claim(unit)
    await unit.outbox.report([later(first, 60 * SECOND)])
    await write(unit, amina, "second reminder", purpose=Purpose.REMINDER)
    await write(unit, amina, "answer")
    await write(unit, brahim, "his reminder", purpose=Purpose.REMINDER)

    assert texts(await claim(unit, now=NOW + 59 * SECOND)) == ["answer", "his reminder"]
    (again,) = await claim(unit, now=NOW + 60 * SECOND)
    assert (texts([again]), again.attempts) == (["first reminder"], 2)


async def test_what_waits_for_the_morning_lets_what_may_come_at_night_pass(
    unit: UnitOfWork, amina: Contact
) -> None:
    morning = NOW + timedelta(hours=9)
    for key in ("eve", "two hours before"):
        await write(unit, amina, key, purpose=Purpose.REMINDER)
    (eve,) = await claim(unit)
    await unit.outbox.report([Delivered(eve.id, "failed_temporary", NOW, None, QUIET_HOURS, morning)])

    (passing,) = await claim(unit)
    assert texts([passing]) == ["two hours before"]

    await unit.outbox.report([Delivered(passing.id, "failed_temporary", NOW, None, QUIET_HOURS, morning)])
    assert await next_at(unit) == morning
    assert texts(await claim(unit, now=morning)) == ["eve"]


async def test_a_message_for_later_stays(unit: UnitOfWork, amina: Contact) -> None:
    await write(unit, amina, "answer", now=NOW + SECOND)

    assert await claim(unit) == []
    assert texts(await claim(unit, now=NOW + SECOND)) == ["answer"]


async def test_what_was_cut_off_comes_again_when_its_lease_is_over(unit: UnitOfWork, amina: Contact) -> None:
    await write(unit, amina, "answer")
    await claim(unit)

    assert await claim(unit, now=NOW + LEASE - SECOND) == []
    (again,) = await claim(unit, now=NOW + LEASE)
    assert (texts([again]), again.attempts) == (["answer"], 2)


async def test_a_renewed_lease_holds_for_as_long_as_it_says(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    for person in (amina, brahim):
        await write(unit, person, f"to {person.id}")
    on_its_way, arrived = await claim(unit)
    await unit.outbox.report([sent(arrived)])

    await unit.outbox.renew([on_its_way.id, arrived.id], lease_until=NOW + 2 * LEASE)

    assert await claim(unit, now=NOW + 2 * LEASE - SECOND) == []
    assert texts(await claim(unit, now=NOW + 2 * LEASE)) == [f"to {amina.id}"]


async def test_a_process_that_is_alone_takes_up_at_once_what_was_cut_off(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await write(unit, amina, "cut off")
    await claim(unit)
    await write(unit, brahim, "put off", now=NOW + 60 * SECOND)

    await unit.outbox.release_leases()

    assert texts(await claim(unit)) == ["cut off"]


async def test_a_message_that_can_no_longer_be_read_is_set_aside(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    for person in (amina, brahim):
        await write(unit, person, f"first to {person.id}")
        await write(unit, person, f"second to {person.id}")
    await unit.connection.execute(
        text("UPDATE outbox SET payload_enc = :broken WHERE unique_key = :key"),
        {"broken": b"\x01\x04testbroken", "key": f"first to {amina.id}"},
    )

    assert texts(await claim(unit)) == [f"first to {brahim.id}"]
    assert texts(await claim(unit)) == [f"second to {amina.id}"]
    assert (await statuses(unit))[f"first to {amina.id}"] == ("failed_technical", "unreadable")


# What became of it


async def test_results_are_written_together(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    for person in (amina, brahim, driss):
        await write(unit, person, f"to {person.id}")
    arrived, put_off, refused = await claim(unit)

    await unit.outbox.report(
        [
            sent(arrived, "4711"),
            later(put_off, 8 * SECOND),
            Delivered(refused.id, "failed_technical", NOW, reason="text_too_long"),
        ]
    )
    await unit.outbox.report([])

    assert await statuses(unit) == {
        f"to {amina.id}": ("sent", None),
        f"to {brahim.id}": ("failed_temporary", "network"),
        f"to {driss.id}": ("failed_technical", "text_too_long"),
    }
    query = select(outbox.c.message_ref, outbox.c.sent_at, outbox.c.lease_until, outbox.c.due_at)
    rows = (await unit.connection.execute(query.order_by(outbox.c.id))).all()
    assert [tuple(row) for row in rows] == [
        ("4711", NOW, None, NOW),
        (None, None, None, NOW + 8 * SECOND),
        (None, None, None, NOW),
    ]


async def test_a_message_written_over_is_the_newest_that_took_the_place(
    unit: UnitOfWork, driss: Contact
) -> None:
    async def writes_over(key: str, ref: str) -> str | None:
        await write(unit, driss, key, replaces="progress:0")
        (row,) = await claim(unit)
        await unit.outbox.report([sent(row, ref)])
        return row.replaces_ref

    assert await writes_over("progress:0", "4711") is None
    await write(unit, driss, "something else")
    await unit.outbox.report([sent(row, "4712") for row in await claim(unit)])

    assert await writes_over("progress:5", "4711") == "4711"
    assert await writes_over("progress:7", "4713") == "4711"  # it was gone, and sent anew
    assert await writes_over("progress:9", "4713") == "4713"


async def test_a_message_at_another_address_is_not_written_over(
    unit: UnitOfWork, driss: Contact, amina: Contact
) -> None:
    await write(unit, driss, "progress:0")
    (row,) = await claim(unit)
    await unit.outbox.report([sent(row, "4711")])
    await write(unit, amina, "progress:5", replaces="progress:0")

    (elsewhere,) = await claim(unit)

    assert elsewhere.replaces_ref is None


async def test_what_was_withdrawn_on_its_way_is_not_tried_again(unit: UnitOfWork, amina: Contact) -> None:
    await write(unit, amina, "reminder", purpose=Purpose.REMINDER, subject="visit:12")
    (row,) = await claim(unit)
    await unit.schedule.withdraw("visit:12")

    await unit.outbox.report([later(row, SECOND)])

    assert await claim(unit, now=NOW + LEASE) == []
    assert await statuses(unit) == {"reminder": ("failed_permanent", "withdrawn")}


async def test_what_was_withdrawn_on_its_way_but_arrived_has_arrived(
    unit: UnitOfWork, amina: Contact
) -> None:
    await write(unit, amina, "reminder", purpose=Purpose.REMINDER, subject="visit:12")
    (row,) = await claim(unit)
    await unit.schedule.withdraw("visit:12")

    await unit.outbox.report([sent(row)])

    assert await statuses(unit) == {"reminder": ("sent", None)}


async def test_all_that_waits_for_an_address_is_dropped(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await write(unit, amina, "sent")
    (row,) = await claim(unit)
    await unit.outbox.report([sent(row)])
    for key, purpose in (("answer", Purpose.REPLY), ("reminder", Purpose.REMINDER)):
        await write(unit, amina, key, purpose=purpose)
    await write(unit, brahim, "his")
    await claim(unit)

    assert await unit.outbox.drop_for(row.address_id, reason="blocked") == 2

    assert await statuses(unit) == {
        "sent": ("sent", None),
        "answer": ("failed_permanent", "blocked"),
        "reminder": ("failed_permanent", "blocked"),
        "his": ("sending", None),
    }


# When the next may leave


async def test_the_next_moment_is_when_the_first_falls_due(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    assert await next_at(unit) is None
    await write(unit, amina, "hers", now=NOW + 60 * SECOND)
    await write(unit, brahim, "his", now=NOW + 30 * SECOND)

    moment = await next_at(unit)

    assert moment == NOW + 30 * SECOND
    assert moment.tzinfo is UTC
    assert await unit.outbox.next_at(["whatsapp"], [Lane.INTERACTIVE], after=NOW) == NOW + 60 * SECOND
    assert await unit.outbox.next_at(CHANNELS, [Lane.BULK], after=NOW) is None


async def test_of_what_is_on_its_way_it_is_the_end_of_the_lease(unit: UnitOfWork, amina: Contact) -> None:
    await write(unit, amina, "answer")
    (row,) = await claim(unit)
    assert await next_at(unit) == NOW + LEASE

    await unit.outbox.report([later(row, 8 * SECOND)])
    assert await next_at(unit) == NOW + 8 * SECOND

    (row,) = await claim(unit, now=NOW + 8 * SECOND)
    await unit.outbox.report([sent(row)])
    assert await next_at(unit) is None


async def test_what_stands_behind_another_is_not_waited_for(unit: UnitOfWork, amina: Contact) -> None:
    """Else a worker would ask again and again for what it can't have."""
    await write(unit, amina, "first")
    (row,) = await claim(unit)
    await write(unit, amina, "second")
    assert await next_at(unit) == NOW + LEASE

    await unit.outbox.report([later(row, 600 * SECOND)])
    assert await next_at(unit) == NOW + 600 * SECOND


async def test_the_queue_is_read_by_its_indexes_however_long_it_is(town: Town) -> None:
    """In a database of its own: what a busy one knows of its rows changes what PostgreSQL prefers."""
    async with town.engine.begin() as connection:
        await _is_read_by_its_indexes(stores(connection, town.keys), town.amina)


async def _is_read_by_its_indexes(unit: UnitOfWork, amina: Contact) -> None:
    if unit.connection.dialect.name == "postgresql":
        await unit.connection.execute(text("SET LOCAL enable_seqscan = off"))
    await write(unit, amina, "answer")
    asked: list[tuple[str, Any]] = []
    sync_connection = unit.connection.sync_connection
    assert sync_connection is not None

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(sync_connection, "before_cursor_execute", note)
    await claim(unit, now=NOW - SECOND)
    await next_at(unit)
    event.remove(sync_connection, "before_cursor_execute", note)

    # Two channels and three lanes, both times, and the leases.
    assert len(asked) == 6 + 6 + 1
    for statement, parameters in asked:
        explain = "EXPLAIN QUERY PLAN " if unit.connection.dialect.name == "sqlite" else "EXPLAIN "
        plan = str((await unit.connection.exec_driver_sql(explain + statement, parameters)).all())
        assert re.search(r"ix_outbox_(heads|leased)\b", plan)
        assert ("outbox_1" in statement) == ("ix_outbox_waiting_address" in plan)
        assert "SCAN" not in plan
        assert "Seq Scan" not in plan


# Announcements


async def announce(unit: UnitOfWork, author: Contact) -> int:
    announcement = await unit.announcements.start(
        author=author.id, audience=Audience(), texts={"ar": "خبر", "fr": "Une nouvelle"}, now=NOW
    )
    return announcement.id


async def test_an_announcements_rows_say_which_text_and_leave_last(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    number = await announce(unit, driss)
    await write(unit, driss, "answer")

    answer, *news = await claim(unit)

    assert texts([answer]) == ["answer"]
    assert {(row.language, row.external_id) for row in news} == {("ar", "212600000001"), ("fr", "4242")}
    assert {(row.lane, row.message, row.announcement_id) for row in news} == {(Lane.BULK, None, number)}
    assert all(row.still_wanted for row in news)


async def test_news_are_not_wanted_any_more_by_whoever_said_stop(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    await announce(unit, driss)
    await unit.contacts.set_news(amina.id, False)
    await write(unit, amina, "answer")

    wanted = {(row.external_id, row.lane): row.still_wanted for row in await claim(unit)}

    assert wanted == {
        ("212600000001", Lane.BULK): False,
        ("212600000001", Lane.INTERACTIVE): True,
        ("4242", Lane.BULK): True,
    }


async def test_news_that_were_stopped_on_their_way_are_not_tried_again(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    number = await announce(unit, driss)
    (row,) = await claim(unit)
    await unit.announcements.stop(number, now=NOW)
    await unit.outbox.report([later(row, SECOND)])

    assert await claim(unit, now=NOW + LEASE) == []
    assert (await unit.announcements.progress(number)).dropped == 1


# Several processes


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_two_who_claim_at_once_never_get_the_same_message(town: Town) -> None:
    async def two(unit: UnitOfWork) -> None:
        await write(unit, town.amina, "to amina")
        await write(unit, town.brahim, "to brahim")

    await town.alone(two)

    both = await town.at_once(claim, claim, lambda unit: claim(unit, limit=1))

    claimed = [row for rows in both if isinstance(rows, list) for row in rows]
    assert sorted(texts(claimed)) == ["to amina", "to brahim"]
    assert [type(rows) for rows in both] == [list, list, list]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_many_deliverers_send_each_message_once_and_in_order(
    town: Town, engine: AsyncEngine, keys: KeyRing
) -> None:
    database = Database(engine, keys, zone=ZONE, zone_name=ZONE_NAME)
    people = {town.amina.id: town.amina, town.brahim.id: town.brahim}
    async with database.transaction() as unit:
        for number in range(20):
            for person in people.values():
                await write(unit, person, f"{person.id} {number:02}")
    left: list[str] = []

    async def deliver() -> None:
        while len(left) < 40:
            async with database.transaction() as unit:
                rows = await claim(unit)
            left.extend(texts(rows))
            async with database.transaction() as unit:
                await unit.outbox.report([sent(row) for row in rows])

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(deliver())

    assert Counter(left).most_common(1)[0][1] == 1
    for person_id in people:
        own = [key for key in left if key.startswith(f"{person_id} ")]
        assert own == sorted(own)
        assert len(own) == 20


async def test_what_kept_the_newest_message_from_a_person_is_told(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    async def ends(key: str, status: str, reason: str | None = None) -> Obstacle | None:
        await write(unit, amina, key)
        ids = select(outbox.c.id).where(outbox.c.unique_key == key)
        row_id = (await unit.connection.scalars(ids)).one()
        await unit.outbox.report([Delivered(row_id, status, NOW, reason=reason)])
        return await unit.outbox.obstacle(amina.id)

    assert await unit.outbox.obstacle(amina.id) is None
    assert await ends("one", "sent") is None
    assert await ends("two", "failed_permanent", "blocked") == Obstacle(Channel.WHATSAPP, "blocked")
    # What was taken back, or waits, says nothing of it.
    assert await ends("three", "failed_permanent", "withdrawn") == Obstacle(Channel.WHATSAPP, "blocked")
    assert await ends("four", "failed_temporary", "platform") == Obstacle(Channel.WHATSAPP, "blocked")
    assert await unit.outbox.obstacle(brahim.id) is None
    assert await ends("five", "delivered") is None
