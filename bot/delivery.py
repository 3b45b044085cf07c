"""Delivery: takes the outbox to the platforms, paced, leased and retried.

Two workers a channel: one for what somebody waits for and what is due, one for announcements, so that
an answer never stands behind a broadcast. An answer written in this process is taken along from its
transaction; what else waits is looked for when a commit wakes them. Statuses are written in batches.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.announcement_text import announcement_message
from bot.channels.channel import (
    AddressUnreachable,
    File,
    FileSender,
    Gate,
    Held,
    MessageRefused,
    Sender,
    Sent,
    TooFast,
    TryLater,
    Undeliverable,
)
from bot.channels.map_links import map_link
from bot.clips import Recordings
from bot.clock import Clock
from bot.documents import Documents
from bot.fallback import Fallback
from bot.metrics import metrics
from bot.pacing import Pacer, SharedPacer
from bot.turns import IDLE_S, Trouble
from bot.zone import casablanca
from conversations.care.clips import Clip
from conversations.care.quiet import is_quiet, next_allowed
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Lane, OutboundMessage, Venue
from conversations.texts import Texts
from storage.database import Database, rung
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.outbox import QUIET_HOURS, Delivered, OutboxRow, reason_to_drop
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

# What a crash cuts off comes again when its lease is over, so leases are short; those of messages still on
# their way are renewed.
LEASE = timedelta(seconds=10)
RENEW_EVERY_S = 3.0
# In flight at once. Few for bulk, so that STOP and "stop this announcement" act within a second or two.
MOST_IN_FLIGHT = {False: 64, True: 40}
# The lanes of the two workers, by "is it bulk".
WORK = {False: (Lane.INTERACTIVE, Lane.DUE), True: (Lane.BULK,)}
# Few of them are remembered, since several announcements at once are rare.
ANNOUNCEMENTS_REMEMBERED = 16
# Retries double from one second to ten minutes; after about a day a message says nothing useful any more.
LONGEST_RETRY_S = 600.0
MOST_ATTEMPTS = 150
# A page holds up the answers behind it: what its file can't do by then its words can.
MOST_FILE_ATTEMPTS = 4
# So many messages in a row that could not leave are more than a mishap of one of them.
FAILURES_TOLD = 5


# Told, in the transaction that writes it down, of the references under which messages were sent.
AfterSent = Callable[[UnitOfWork, Sequence[str], datetime], Awaitable[None]]


async def lose_address(
    unit: UnitOfWork,
    address_id: int,
    *,
    at: datetime,
    unless_used_after: datetime | None = None,
    fallback: Fallback | None = None,
) -> bool:
    """Note that an address can't be reached, and give up what waits for it; False when the person is back.

    They are when they have written after that moment: what failed before is old news. With `fallback`, what
    waits goes another way.
    """
    is_gone = await unit.addresses.mark_unreachable(address_id, at=at, unless_used_after=unless_used_after)
    if is_gone:
        waiting = await unit.outbox.unsent_for(address_id)
        await unit.outbox.drop_for(address_id, reason="blocked")
        if fallback is not None:
            for row_id in waiting:
                await fallback.find_another_way(unit, row_id, now=at)
    return is_gone


class Delivery:
    """Delivers one channel's outbox rows, no faster than its pacer lets it."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        texts: Mapping[str, Texts],
        clock: Clock,
        *,
        pacer: Pacer | SharedPacer | None = None,
        renew_every_s: float = RENEW_EVERY_S,
        after_sent: AfterSent | None = None,
        gate: Gate | None = None,
        fallback: Fallback | None = None,
        documents: Documents | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        self._database = database
        self._recordings = recordings or Recordings()
        self._documents = documents or Documents(database, texts)
        self._gate = gate
        self._fallback = fallback
        self._after_sent = after_sent
        self._sender = sender
        self._texts = texts
        self._clock = clock
        self._pacer = pacer or Pacer(sender.pace, time.monotonic)
        self._renew_every_s = renew_every_s
        # Rows that were claimed and whose result is not yet written down.
        self._held: set[int] = set()
        self._finished: asyncio.Queue[tuple[OutboxRow, Delivered]] = asyncio.Queue(maxsize=1024)
        # By "is it bulk": the sends under way, where they run, and when the outbox was last looked at.
        self._under_way: dict[bool, set[asyncio.Task[None]]] = {False: set(), True: set()}
        self._answers: asyncio.TaskGroup | None = None
        self._looked_at: dict[bool, datetime] = {}
        self._texts_of: dict[int, Mapping[str, str]] = {}
        self._line = _Line(sender.channel)
        self._stopping = False

    async def run(self) -> None:
        """Deliver until `stop`; then what is under way is ended and written down."""
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write_results())
            renewer = group.create_task(self._renew_leases())
            self._database.carriers[self._sender.channel] = self
            try:
                async with asyncio.TaskGroup() as workers:
                    workers.create_task(self._work(bulk=False))
                    workers.create_task(self._work(bulk=True))
            finally:
                self.stop()
            await self._finished.join()
            writer.cancel()
            renewer.cancel()

    def stop(self) -> None:
        """Take no further message; `run` ends when those under way have."""
        self._stopping = True
        if self._database.carriers.get(self._sender.channel) is self:
            del self._database.carriers[self._sender.channel]
        self._database.wakes.ring("outbox")

    # Taking messages along, as storage.outbox.Carrier

    lease = LEASE

    def has_room(self) -> bool:
        return (
            not self._stopping
            and self._answers is not None
            and len(self._under_way[False]) < MOST_IN_FLIGHT[False]
        )

    def carry(self, row: OutboxRow) -> None:
        """Send a message that was leased when it was written.

        One whose commit took longer than the lease, or came while we stop, is left to whoever finds it.
        """
        if self._answers is None or self._stopping or row.claimed_at + LEASE <= self._clock.now():
            return
        self._held.add(row.id)
        self._start(self._answers, row, {}, bulk=False)

    def _start(
        self, sends: asyncio.TaskGroup, row: OutboxRow, texts: Mapping[str, str], *, bulk: bool
    ) -> None:
        task = sends.create_task(self._send(row, texts, bulk=bulk))
        self._under_way[bulk].add(task)
        task.add_done_callback(self._under_way[bulk].discard)

    async def _work(self, *, bulk: bool) -> None:
        """Lease what may leave and send it, so many at once; a slow send holds up only its own address."""
        trouble = Trouble("delivery")
        under_way, room = self._under_way[bulk], MOST_IN_FLIGHT[bulk]
        async with self._database.wakes.bell("outbox") as bell, asyncio.TaskGroup() as sends:
            if not bulk:
                self._answers = sends
            while not self._stopping:
                while len(under_way) >= room:
                    # Answers handed over by turns may have taken all of it.
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                try:
                    claimed = await self._claim(room - len(under_way), bulk=bulk)
                    trouble.over()
                    pause_s = 0.0 if claimed else await self._pause_s(bulk=bulk)
                except (DatabaseLocked, DatabaseUnreachable) as error:
                    claimed, pause_s = [], trouble.pause_s(error)
                for row, texts in claimed:
                    self._start(sends, row, texts, bulk=bulk)
                if claimed:
                    # Half of the room at a time: looking for each one by itself would cost more than sending.
                    while len(under_way) > room // 2:
                        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await rung(bell, timeout_s=pause_s)

    async def _claim(self, limit: int, *, bulk: bool) -> list[tuple[OutboxRow, Mapping[str, str]]]:
        now = self._clock.now()
        self._looked_at[bulk] = now
        async with self._database.transaction() as unit:
            if self._stopping:
                return []
            rows = await unit.outbox.claim(
                [self._sender.channel], WORK[bulk], now=now, lease=LEASE, limit=limit
            )
            texts = {
                number: await self._announcement(unit, number)
                for row in rows
                if (number := row.announcement_id) is not None
            }
        # While the database was gone leases may have run out whose messages are on their way all the same.
        rows = [row for row in rows if row.id not in self._held]
        self._held.update(row.id for row in rows)
        return [(row, texts.get(row.announcement_id or 0, {})) for row in rows]

    async def _announcement(self, unit: UnitOfWork, number: int) -> Mapping[str, str]:
        """Return an announcement's texts, which never change."""
        if number not in self._texts_of:
            if len(self._texts_of) >= ANNOUNCEMENTS_REMEMBERED:
                self._texts_of.clear()
            self._texts_of[number] = (await unit.announcements.get(number)).texts
        return self._texts_of[number]

    async def _renew_leases(self) -> None:
        """Keep other processes' hands off what is still on its way."""
        trouble = Trouble("delivery_leases")
        while True:
            await asyncio.sleep(self._renew_every_s)
            held = tuple(self._held)
            try:
                if held:
                    async with self._database.transaction() as unit:
                        await unit.outbox.renew(held, lease_until=self._clock.now() + LEASE)
                trouble.over()
            except (DatabaseLocked, DatabaseUnreachable) as error:
                await asyncio.sleep(trouble.pause_s(error))

    async def _send(self, row: OutboxRow, texts: Mapping[str, str], *, bulk: bool) -> None:
        try:
            result = await self._deliver(row, texts, bulk=bulk)
        except Exception:
            # One message that can't even be made must not end the delivery of all others.
            log.exception("delivery_failed", row=row.id, purpose=row.purpose)
            result = self._again(row, "error", _back_off_s(row.attempts))
        metrics.send_done(row.channel, row.lane, result.status, row.created_at, result.at)
        await self._finished.put((row, result))

    async def _write_results(self) -> None:
        """Write down what became of rows, as many at once as have come together."""
        trouble = Trouble("delivery_results")
        while True:
            batch = [await self._finished.get()]
            while not self._finished.empty():
                batch.append(self._finished.get_nowait())
            while True:
                try:
                    await self._write(batch)
                    trouble.over()
                    break
                except (DatabaseLocked, DatabaseUnreachable) as error:
                    await asyncio.sleep(trouble.pause_s(error))
            for row, _ in batch:
                self._held.discard(row.id)
                self._finished.task_done()

    async def _write(self, batch: Sequence[tuple[OutboxRow, Delivered]]) -> None:
        async with self._database.transaction(urgent=True) as unit:
            await unit.outbox.report([result for _, result in batch if not result.is_undeliverable])
            for row, result in batch:
                if result.is_undeliverable:
                    await self._give_up(unit, row, result)
            refs = [result.message_ref for _, result in batch if result.message_ref is not None]
            if self._after_sent is not None and refs:
                await self._after_sent(unit, refs, self._clock.now())
            more = await unit.outbox.waits_for_any({row.address_id for row, _ in batch})
        self._database.wakes.ring("delivered")
        if more:
            # The next message of the same address may go now.
            self._database.wakes.ring("outbox")

    async def _give_up(self, unit: UnitOfWork, row: OutboxRow, result: Delivered) -> None:
        """Write down that an address does not take a message, and find another way for it."""
        is_news = await unit.outbox.give_up(
            row.id, at_address=row.address_id, status=result.status, reason=result.reason or ""
        )
        if result.lost_address:
            # Whoever let the service in again meanwhile has written since.
            await lose_address(
                unit,
                row.address_id,
                at=result.at,
                unless_used_after=row.claimed_at,
                fallback=self._fallback,
            )
        if is_news and self._fallback is not None:
            await self._fallback.find_another_way(unit, row.id, now=result.at)

    async def _pause_s(self, *, bulk: bool) -> float:
        async with self._database.reading() as unit:
            at = await unit.outbox.next_at([self._sender.channel], WORK[bulk], after=self._looked_at[bulk])
        if at is None:
            return IDLE_S
        return min(IDLE_S, max(0.02, (at - self._clock.now()).total_seconds()))

    async def _deliver(self, row: OutboxRow, texts: Mapping[str, str], *, bulk: bool) -> Delivered:
        reason = reason_to_drop(row, now=self._clock.now())
        if reason is not None:
            return self._result(row, "failed_permanent", reason=reason)
        message = row.message or announcement_message(texts, row.language, self._texts)
        if message is None:
            return self._result(row, "failed_technical", reason="no_text")
        if row.keeps_quiet and is_quiet(local := to_local(self._clock.now(), casablanca())):
            due_at = to_utc(next_allowed(local), casablanca())
            if row.useful_until is not None and row.useful_until <= due_at:
                return self._result(row, "failed_permanent", reason="stale")
            return self._result(row, "failed_temporary", reason=QUIET_HOURS, due_at=due_at)
        if row.replaces_ref is not None:
            message = replace(message, edits=row.replaces_ref)
        wait_s = await self._pacer.wait(row.address_id, bulk=bulk)
        if wait_s > 0:
            return self._again(row, "too_fast", wait_s)
        try:
            sent = await self._send_on(row, message)
        except AddressUnreachable as error:
            log.info("address_unreachable", row=row.id, reason=error.reason)
            # One reason for all channels: figures of announcements count it.
            return self._undeliverable(row, "blocked", lost_address=True)
        except Undeliverable as error:
            log.info("message_undeliverable", row=row.id, purpose=row.purpose, reason=error.reason)
            return self._undeliverable(row, error.reason)
        except Held as error:
            log.debug("delivery_held", row=row.id, reason=error.reason)
            return self._result(row, "failed_temporary", reason=error.reason, due_at=error.until)
        except MessageRefused as error:
            log.warning("message_refused", row=row.id, purpose=row.purpose, reason=error.reason)
            return self._result(row, "failed_technical", reason=error.reason)
        except TooFast as error:
            metrics.rate_limited(row.channel)
            self._pacer.too_fast(row.address_id, error.retry_after_s)
            return self._again(row, error.reason, error.retry_after_s)
        except TryLater as error:
            if error.unclear:
                metrics.send_unclear(row.channel)
            log.debug("delivery_put_off", row=row.id, reason=error.reason, unclear=error.unclear)
            self._line.fails(error.reason)
            return self._again(row, error.reason, _back_off_s(row.attempts))
        self._line.works()
        return Delivered(
            row.id, "sent", self._clock.now(), message_ref=sent.message_ref, template=sent.template
        )

    async def _send_on(self, row: OutboxRow, message: OutboundMessage) -> Sent:
        if message.venue is not None:
            return await self._send_venue(row, message, message.venue)
        if message.clip is not None:
            return await self._play(row, message, message.clip)
        if message.document is None:
            return await self._hand_over(row, message)
        as_text = row.attempts > MOST_FILE_ATTEMPTS or not isinstance(self._sender, FileSender)
        made = await self._documents.make(message.document, message.language, as_text=as_text)
        if made.file is not None and self._takes(made.file):
            try:
                return await self._hand_over(row, message, made.file)
            except MessageRefused as error:
                log.warning("file_refused", row=row.id, reason=error.reason)
        return await self._hand_over(row, replace(message, text=made.text, document=None))

    def _takes(self, file: File) -> bool:
        return isinstance(self._sender, FileSender) and self._sender.takes(file.mime_type)

    async def _send_venue(self, row: OutboxRow, message: OutboundMessage, venue: Venue) -> Sent:
        """Send a place as the channel shows places, and where that is refused in words with a link."""
        try:
            return await self._hand_over(row, message)
        except MessageRefused as error:
            log.warning("venue_refused", row=row.id, reason=error.reason)
        in_words = replace(message, text=f"{message.text}\n{map_link(venue)}", venue=None)
        return await self._hand_over(row, in_words)

    async def _play(self, row: OutboxRow, message: OutboundMessage, clip: Clip) -> Sent:
        """Send a recording; where none can go, the words in its place."""
        can_play = row.attempts <= MOST_FILE_ATTEMPTS and isinstance(self._sender, FileSender)
        file = await self._recordings.file(clip) if can_play else None
        if file is not None:
            try:
                return await self._hand_over(row, message, file)
            except MessageRefused as error:
                log.warning("clip_refused", row=row.id, clip=str(clip), reason=error.reason)
        return await self._hand_over(row, replace(message, clip=None))

    async def _hand_over(self, row: OutboxRow, message: OutboundMessage, file: File | None = None) -> Sent:
        if self._gate is not None:
            return await self._gate.send(row, message, file)
        if file is not None and isinstance(self._sender, FileSender):
            return Sent(await self._sender.send_file(row.external_id, message, file))
        return Sent(await self._sender.send(row.external_id, message))

    def _again(self, row: OutboxRow, reason: str, wait_s: float) -> Delivered:
        if row.attempts >= MOST_ATTEMPTS:
            return self._result(row, "failed_permanent", reason=reason)
        due_at = self._clock.now() + timedelta(seconds=wait_s)
        return self._result(row, "failed_temporary", reason=reason, due_at=due_at)

    def _result(
        self,
        row: OutboxRow,
        status: str,
        *,
        reason: str | None = None,
        due_at: datetime | None = None,
    ) -> Delivered:
        return Delivered(row.id, status, self._clock.now(), reason=reason, due_at=due_at)

    def _undeliverable(self, row: OutboxRow, reason: str, *, lost_address: bool = False) -> Delivered:
        return Delivered(
            row.id,
            "failed_permanent",
            self._clock.now(),
            reason=reason,
            is_undeliverable=True,
            lost_address=lost_address,
        )


class _Line:
    """Says once that a platform takes nothing, and once that it does again."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._failures = 0

    def fails(self, reason: str) -> None:
        self._failures += 1
        if self._failures == FAILURES_TOLD:
            log.warning("channel_lost", channel=self._channel, reason=reason)

    def works(self) -> None:
        if self._failures >= FAILURES_TOLD:
            log.info("channel_back", channel=self._channel, failures=self._failures)
        self._failures = 0


def _back_off_s(attempts: int) -> float:
    """Return seconds to wait, doubling, with jitter so that a crowd does not come back at once."""
    longest = min(LONGEST_RETRY_S, 2.0 ** min(attempts, 10))
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads load, guards nothing
