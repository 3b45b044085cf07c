"""The outbox: the only way out. Messages are written in a turn and leave after its commit."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Protocol

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Label,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from conversations.care.obstacles import TAKEN_BACK, Obstacle
from conversations.care.people import ContactId
from conversations.engine.outbound import LANES, Lane, OutboundMessage, Purpose
from conversations.engine.reply import Channel
from storage.encryption import KeyRing
from storage.errors import ValueTampered
from storage.prepared import Into, Prepared, Statement, among, prepared
from storage.tables import (
    addresses,
    announcements,
    contacts,
    is_held,
    is_none,
    is_unsent,
    may_be_next,
    outbox,
)

_PAYLOAD = "outbox.payload"
UNSENT = ("created", "sending", "failed_temporary")
# Reasons of a message that was put off: until the morning, until the platform lets us write to more people
# first, until the next day's budget.
QUIET_HOURS, PEOPLE_LIMIT, BUDGET = "quiet_hours", "people_limit", "budget"
# Such a message lets those behind it pass.
PUT_OFF = (QUIET_HOURS, PEOPLE_LIMIT, BUDGET)
# What may leave after all once the person writes.
HELD = (PEOPLE_LIMIT, BUDGET)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class OutboxRow:
    """A message to deliver. `external_id` is where to.

    `message` is None for an announcement, whose text stands in `announcement_id` under `language`.
    `replaces_ref` is the channel's reference of the message to write over. `attempts` counts this
    one, taken at `claimed_at`. `still_wanted` is False when the person said STOP or the announcement was
    stopped meanwhile. `last_used_at` is when the person last wrote from there.
    """

    id: int
    address_id: int
    channel: str
    external_id: str
    purpose: Purpose
    lane: Lane
    message: OutboundMessage | None
    announcement_id: int | None
    language: str | None
    replaces_ref: str | None
    attempts: int
    created_at: datetime
    claimed_at: datetime
    last_used_at: datetime
    still_wanted: bool = True
    keeps_quiet: bool = False
    useful_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a row. `due_at` is when to try again, for failed_temporary.

    `is_undeliverable`: the address does not take it. `lost_address`: nor anything else. `template` names the
    platform's template it was sent as.
    """

    row_id: int
    status: str
    at: datetime
    message_ref: str | None = None
    reason: str | None = None
    due_at: datetime | None = None
    is_undeliverable: bool = False
    lost_address: bool = False
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a platform says later of a message it took: delivered, read, or failed in one of its kinds.

    `reason` and `due_at`, when to try again, are for failures.
    """

    message_ref: str
    status: str
    reason: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The message that such news are about."""

    id: int
    address_id: int
    sent_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Undelivered:
    """A message that could not be brought to an address. `message` is None for an announcement's."""

    id: int
    contact_id: ContactId
    address_id: int
    channel: str
    purpose: Purpose
    key: str
    message: OutboundMessage | None
    attempts: int
    useful_until: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A message as it stands in a person's chat, for channels that show history themselves.

    `message` is None for an announcement, whose `texts` by language are given; the person reads the one in
    `language`. `still_wanted` is as in OutboxRow.
    """

    id: int
    message: OutboundMessage | None
    replaces_id: int | None
    created_at: datetime
    status: str
    texts: Mapping[str, str]
    language: str | None
    still_wanted: bool
    useful_until: datetime | None

    @property
    def is_unsent(self) -> bool:
        return self.status in UNSENT


class Carrier(Protocol):
    """Takes messages along from the transaction that wrote them. `lease` is how long they are its own."""

    lease: timedelta

    def has_room(self) -> bool: ...

    def carry(self, row: OutboxRow) -> None:
        """Send a message whose transaction has been committed."""


def reason_to_drop(message: OutboxRow | Shown, *, now: datetime) -> str | None:
    """Return why a message that has not left must never leave, None when it may."""
    if not message.still_wanted:
        return "opted_out"
    if message.useful_until is not None and message.useful_until <= now:
        return "stale"
    return None


class OutboxStore:
    def __init__(
        self,
        connection: AsyncConnection,
        keys: KeyRing,
        *,
        topics: set[str] | None = None,
        carriers: Mapping[str, Carrier] | None = None,
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._topics = set() if topics is None else topics
        self._carriers = carriers or {}
        # What the carriers get after the commit.
        self.carried: list[tuple[Carrier, OutboxRow]] = []

    async def add(
        self,
        *,
        address_id: int,
        channel: str,
        purpose: Purpose,
        key: str,
        message: OutboundMessage,
        now: datetime,
        subject: str | None = None,
        replaces_key: str | None = None,
        keeps_quiet: bool = False,
        useful_until: datetime | None = None,
        external_id: str | None = None,
    ) -> bool:
        """Write a message to be sent; False when its key was written before, and nothing changes.

        With `external_id`, where to, a carrier of this process takes it along after the commit, unless
        something to the same address waits before it; nobody has to look for it then.
        """
        lane = LANES[purpose]
        carrier = self._carriers.get(channel)
        if carrier is not None and (
            external_id is None or replaces_key or lane is Lane.BULK or not carrier.has_room()
        ):
            carrier = None
        row = await (_add_replacing if replaces_key else _add).first(
            self._connection,
            address_id=address_id,
            channel=channel,
            purpose=purpose.value,
            lane=lane.value,
            unique_key=key,
            subject=subject,
            payload_enc=self._keys.encrypt(message.to_json(), about=_PAYLOAD),
            language=message.language,
            replaces_key=replaces_key,
            keeps_quiet=keeps_quiet,
            useful_until=useful_until,
            due_at=now,
            created_at=now,
            lease=carrier and now + carrier.lease,
            head_address=address_id,
            head_lane=lane.value,
        )
        if row is None:
            return False
        if carrier is None or external_id is None or row.lease_until is None:
            self._topics.update(("outbox", f"address:{address_id}"))
            return True
        carried = OutboxRow(
            id=row.id,
            address_id=address_id,
            channel=channel,
            external_id=external_id,
            purpose=purpose,
            lane=lane,
            message=message,
            announcement_id=None,
            language=message.language,
            replaces_ref=None,
            attempts=1,
            created_at=now,
            claimed_at=now,
            # Only what answers somebody is carried.
            last_used_at=now,
            keeps_quiet=keeps_quiet,
            useful_until=useful_until,
        )
        self.carried.append((carrier, carried))
        return True

    async def claim(
        self, channels: Sequence[str], lanes: Sequence[Lane], *, now: datetime, lease: timedelta, limit: int
    ) -> list[OutboxRow]:
        """Lease the messages that may leave now, in the order of the lanes, oldest first.

        Of each address only the head of its lane comes, so one person's messages stay in order. A row whose
        lease ran out was cut off half-way: it comes again, since lost is worse than twice.
        """
        ids: list[int] = []
        for lane, channel in product(lanes, channels):
            most = limit - len(ids)
            found = await _heads.all(
                self._connection, of_channel=channel, of_lane=lane.value, now=now, most=most
            )
            ids += [row.id for row in found]
        if not ids:
            return []
        await _lease.run(self._connection, ids=ids, lease=now + lease)
        return await self._rows(ids, now)

    async def renew(self, ids: Collection[int], *, lease_until: datetime) -> None:
        """Keep the leases of claimed messages that are still on their way."""
        await _renew.run(self._connection, ids=list(ids), lease=lease_until)

    async def release_leases(self) -> None:
        """Let everything that was cut off half-way leave at once; only right while nobody is sending."""
        await self._connection.execute(
            update(outbox).where(outbox.c.lease_until.is_not(None)).values(lease_until=None)
        )

    async def waiting_for(self, address_id: int, *, after: int, now: datetime) -> list[Shown]:
        """Return what waits for an address, and what came after a message whatever its status, in order.

        For channels that hold lines open: of two lines to one person the second must show a message, too,
        when the first has already sent it.
        """
        is_new = (outbox.c.id > after) & outbox.c.status.not_like("failed%") & ~is_held()
        query = _chat(address_id, now).where(or_(is_unsent(), is_new)).order_by(outbox.c.id)
        return await self._shown(query)

    async def history(
        self, address_id: int, *, limit: int, now: datetime, since: datetime | None = None
    ) -> list[Shown]:
        """Return the last messages an address was shown or has waiting, oldest first.

        `since` leaves out what was written before: somebody else used the address then.
        """
        query = _readable(address_id, now, since).order_by(outbox.c.id.desc()).limit(limit)
        return list(reversed(await self._shown(query)))

    async def shown_to(
        self, address_id: int, row_id: int, *, now: datetime, since: datetime | None = None
    ) -> Shown | None:
        """Return one message of those that `history` gives; None when it is none of them."""
        shown = await self._shown(_readable(address_id, now, since).where(outbox.c.id == row_id))
        return shown[0] if shown else None

    async def report(self, results: Sequence[Delivered]) -> None:
        """Write down what became of claimed rows, all in one statement."""
        if not results:
            return
        await _report.run_many(
            self._connection,
            [
                {
                    "row_id": done.row_id,
                    "arrived": done.status in ("sent", "delivered"),
                    "new_status": done.status,
                    "new_ref": done.message_ref,
                    "new_reason": done.reason,
                    "new_due_at": done.due_at,
                    "new_template": done.template,
                    "new_sent_at": done.at if done.status in ("sent", "delivered") else None,
                }
                for done in results
            ],
        )

    async def tell(self, told: Told) -> Known | None:
        """Write down what a platform says later, of WhatsApp's messages; None when that is no news.

        In whatever order statuses come, none takes a message back: read stays read, and what was delivered
        has not failed.
        """
        row = await _tell.first(
            self._connection,
            ref=told.message_ref,
            after_delivery=told.status == "read",
            new_status=told.status,
            new_reason=told.reason,
            new_due_at=told.due_at,
        )
        return row and Known(row.id, row.address_id, row.sent_at)

    async def tell_of(self, row_id: int, channel: str, status: str, reason: str | None) -> bool | None:
        """Write down what a channel says later of a message by our own number of it.

        False: its own sending is not written down yet. None: no such message waits for word.
        """
        row = outbox.c.id == row_id, outbox.c.channel == channel
        told = await self._connection.execute(
            update(outbox).where(*row, outbox.c.status == "sent").values(status=status, reason=reason)
        )
        if told.rowcount == 1:
            return True
        under_way = select(outbox.c.id).where(*row, outbox.c.status == "sending")
        return None if await self._connection.scalar(under_way) is None else False

    async def waits_for_any(self, address_ids: Collection[int]) -> bool:
        """Whether anything still has to leave for one of the addresses."""
        return await _waits.scalar(self._connection, ids=list(address_ids)) is not None

    async def give_up(self, row_id: int, *, at_address: int, status: str, reason: str) -> bool:
        """Note that a message will never arrive at an address; False when that was known, or it did arrive.

        It was known, too, when the message has gone to another address meanwhile.
        """
        given_up = await self._connection.execute(
            update(outbox)
            .where(outbox.c.id == row_id, outbox.c.address_id == at_address, is_unsent())
            .values(status=status, reason=reason, lease_until=None)
        )
        return given_up.rowcount == 1

    async def undelivered(self, row_id: int) -> Undelivered | None:
        """Return a message that was given up; None when it was not, or can't be read."""
        query = (
            select(outbox, addresses.c.contact_id)
            .join(addresses, addresses.c.id == outbox.c.address_id)
            .where(outbox.c.id == row_id, outbox.c.status.like("failed%"), ~is_unsent())
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        try:
            message = self._message(row.payload_enc)
        except ValueTampered:
            return None
        return Undelivered(
            id=row.id,
            contact_id=ContactId(row.contact_id),
            address_id=row.address_id,
            channel=row.channel,
            purpose=Purpose(row.purpose),
            key=row.unique_key,
            message=message,
            attempts=row.attempts,
            useful_until=row.useful_until,
        )

    async def obstacle(self, contact_id: ContactId) -> Obstacle | None:
        """Return what kept the newest message from a person; None when it arrived, or none was written.

        What was taken back or still waits tells nothing.
        """
        query = (
            select(outbox.c.channel, outbox.c.status, outbox.c.reason)
            .join(addresses, addresses.c.id == outbox.c.address_id)
            .where(
                addresses.c.contact_id == contact_id,
                ~is_unsent(),
                or_(outbox.c.reason.is_(None), outbox.c.reason.not_in(TAKEN_BACK)),
            )
            .order_by(outbox.c.id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None or not row.status.startswith("failed"):
            return None
        return Obstacle(Channel(row.channel), row.reason or "")

    async def other_address(self, given_up: Undelivered, *, used_after: datetime) -> tuple[int, str] | None:
        """Return id and channel of another address that brings the person a message now; None without one.

        Of addresses other than Telegram's only those count that the person has used after that moment: the
        others take templates only, or show nothing until they are opened. Whom another channel has lost is
        tried on WhatsApp all the same: there may be a template.
        """
        takes_it = or_(addresses.c.channel == Channel.TELEGRAM, addresses.c.last_used_at > used_after)
        may_take_it = takes_it
        if given_up.channel != Channel.WHATSAPP:
            may_take_it = or_(takes_it, addresses.c.channel == Channel.WHATSAPP)
        query = (
            select(addresses.c.id, addresses.c.channel)
            .where(
                addresses.c.contact_id == given_up.contact_id,
                addresses.c.id != given_up.address_id,
                addresses.c.reachable,
                may_take_it,
                addresses.c.channel != Channel.SMS,
            )
            .order_by(
                case((takes_it, 0), else_=1),
                addresses.c.preferred.desc(),
                addresses.c.last_used_at.desc(),
                addresses.c.id.desc(),
            )
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return row and (row.id, row.channel)

    async def move(
        self,
        given_up: Undelivered,
        address_id: int,
        channel: str,
        message: OutboundMessage | None,
        now: datetime,
    ) -> None:
        """Let a message that was given up leave for another address, as its channel can show it.

        It is the same row, so an announcement's figures stay true.
        """
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.id == given_up.id)
            .values(
                address_id=address_id,
                channel=channel,
                payload_enc=message and self._keys.encrypt(message.to_json(), about=_PAYLOAD),
                status="created",
                reason=None,
                lease_until=None,
                message_ref=None,
                due_at=now,
            )
        )
        self._topics.update(("outbox", f"address:{address_id}"))

    async def let_go(self, address_id: int, *, now: datetime) -> None:
        """Let what a platform's limit held back for an address be tried now: the person has just written."""
        if await _let_go.first(self._connection, to_address=address_id, now=now) is not None:
            self._topics.add("outbox")

    async def unsent_for(self, address_id: int) -> Sequence[int]:
        """Return what waits for an address, oldest first."""
        query = select(outbox.c.id).where(outbox.c.address_id == address_id, is_unsent())
        return (await self._connection.scalars(query.order_by(outbox.c.id))).all()

    async def drop_for(self, address_id: int, *, reason: str) -> int:
        """Give up everything that waits for an address that can't be reached any more."""
        result = await self._connection.execute(
            update(outbox)
            .where(outbox.c.address_id == address_id, is_unsent(outbox))
            .values(status="failed_permanent", reason=reason, lease_until=None)
        )
        return result.rowcount

    async def next_at(
        self, channels: Sequence[str], lanes: Sequence[Lane], *, after: datetime
    ) -> datetime | None:
        """Return when another message falls due, or a lease ends that was cut off, after that moment.

        None when neither will. What stands behind another message may leave when that one has, which nobody
        knows before.
        """
        moments = [await _next_lease.scalar(self._connection, now=after)]
        for lane, channel in product(lanes, channels):
            moments.append(
                await _next_due.scalar(self._connection, of_channel=channel, of_lane=lane.value, now=after)
            )
        return min((moment for moment in moments if moment is not None), default=None)

    async def _rows(self, ids: Sequence[int], claimed_at: datetime) -> list[OutboxRow]:
        readable, unreadable = [], []
        for row in await _rows.all(self._connection, ids=list(ids)):
            try:
                readable.append(self._row(row, claimed_at))
            except ValueTampered:
                unreadable.append(row.id)
        if unreadable:
            await self._set_aside(unreadable)
        return readable

    async def _set_aside(self, ids: Sequence[int]) -> None:
        """Give up rows whose content is damaged, so that those behind them go on."""
        log.error("messages_unreadable", extra={"rows": list(ids)})
        await self._connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(ids))
            .values(status="failed_technical", reason="unreadable", lease_until=None)
        )

    def _row(self, row: Any, claimed_at: datetime) -> OutboxRow:
        return OutboxRow(
            id=row.id,
            address_id=row.address_id,
            channel=row.channel,
            external_id=self._keys.decrypt(row.external_enc, about="addresses.external"),
            purpose=Purpose(row.purpose),
            lane=Lane(row.lane),
            message=self._message(row.payload_enc),
            announcement_id=row.announcement_id,
            language=row.language,
            replaces_ref=row.replaces_ref,
            attempts=row.attempts,
            created_at=row.created_at,
            claimed_at=claimed_at,
            last_used_at=row.last_used_at,
            still_wanted=bool(row.still_wanted),
            keeps_quiet=row.keeps_quiet,
            useful_until=row.useful_until,
        )

    async def _shown(self, query: Select[Any]) -> list[Shown]:
        return [
            Shown(
                id=row.id,
                message=self._message(row.payload_enc),
                replaces_id=row.replaces_id,
                created_at=row.created_at,
                status=row.status,
                texts=json.loads(row.texts) if row.texts else {},
                language=row.language,
                still_wanted=bool(row.still_wanted),
                useful_until=row.useful_until,
            )
            for row in await self._connection.execute(query)
        ]

    def _message(self, payload: bytes | None) -> OutboundMessage | None:
        if payload is None:
            return None
        return OutboundMessage.from_json(self._keys.decrypt(payload, about=_PAYLOAD))


def _adding(into: Into) -> ReturningInsert[Any]:
    """Return the insert of a message; it is leased at once when nothing to its address waits before it."""
    lease = bindparam("lease", type_=outbox.c.lease_until.type)
    before = select(outbox.c.id).where(
        outbox.c.address_id == bindparam("head_address", type_=outbox.c.address_id.type),
        outbox.c.lane == bindparam("head_lane", type_=outbox.c.lane.type),
        is_unsent(),
    )
    may_go = and_(lease.is_not(None), ~before.exists())
    return (
        into(outbox)
        .values(
            status=case((may_go, "sending"), else_="created"),
            lease_until=case((may_go, lease), else_=null()),
        )
        .on_conflict_do_nothing(index_elements=[outbox.c.unique_key])
        .returning(outbox.c.id, outbox.c.lease_until)
    )


def _replacing(into: Into) -> ReturningInsert[Any]:
    key = bindparam("replaces_key", type_=outbox.c.unique_key.type)
    replaced = select(outbox.c.id).where(outbox.c.unique_key == key).scalar_subquery()
    return _adding(into).values(replaces_id=replaced)


_NEW = (
    "address_id", "channel", "purpose", "lane", "unique_key", "subject", "payload_enc", "language",
    "keeps_quiet", "useful_until", "due_at", "created_at", "status", "lease_until",
)  # fmt: skip
_add = Prepared(_adding, _NEW)
_add_replacing = Prepared(_replacing, (*_NEW, "replaces_id"))

_now = bindparam("now", type_=outbox.c.due_at.type)


@prepared
def _heads(_: Into) -> Statement:
    """Messages that may leave now and stand first in their address's lane, oldest first.

    One that was put off lets those behind it pass, which may come at night, or answer what the person has
    just written.
    """
    earlier = outbox.alias()
    behind = select(earlier.c.id).where(
        earlier.c.address_id == outbox.c.address_id,
        earlier.c.lane == outbox.c.lane,
        is_unsent(earlier),
        earlier.c.id < outbox.c.id,
        or_(
            earlier.c.reason.is_(None),
            and_(*(earlier.c.reason != reason for reason in PUT_OFF)),
            earlier.c.due_at <= _now,
        ),
    )
    return (
        select(outbox.c.id)
        .where(
            *_of_lane(),
            outbox.c.due_at <= _now,
            or_(outbox.c.lease_until.is_(None), outbox.c.lease_until <= _now),
            is_none(behind),
        )
        # Nothing more, so that the index has them in order: a broadcast's all fall due at once.
        .order_by(outbox.c.due_at)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(of=outbox, skip_locked=True)
    )


@prepared
def _next_due(_: Into) -> Statement:
    return select(func.min(outbox.c.due_at)).where(*_of_lane(), outbox.c.due_at > _now)


@prepared
def _next_lease(_: Into) -> Statement:
    return select(func.min(outbox.c.lease_until)).where(outbox.c.lease_until > _now)


@prepared
def _lease(into: Into) -> Statement:
    return (
        update(outbox)
        .where(among(outbox.c.id, "ids", into))
        .values(status="sending", lease_until=bindparam("lease"), attempts=outbox.c.attempts + 1)
    )


@prepared
def _renew(into: Into) -> Statement:
    return (
        update(outbox)
        .where(among(outbox.c.id, "ids", into), outbox.c.status == "sending")
        .values(lease_until=bindparam("lease"))
    )


@prepared
def _waits(into: Into) -> Statement:
    return select(outbox.c.id).where(among(outbox.c.address_id, "ids", into), is_unsent()).limit(1)


@prepared
def _let_go(_: Into) -> Statement:
    return (
        update(outbox)
        .where(
            outbox.c.address_id == bindparam("to_address"),
            is_unsent(),
            or_(*(outbox.c.reason == reason for reason in HELD)),
            outbox.c.due_at > _now,
        )
        .values(due_at=_now)
        .returning(outbox.c.id)
    )


@prepared
def _report(_: Into) -> Statement:
    """What became of a row; one withdrawn while it was under way stays so, unless it did arrive."""
    return (
        update(outbox)
        .where(
            outbox.c.id == bindparam("row_id"),
            or_(bindparam("arrived", type_=Boolean), is_unsent()),
        )
        .values(
            status=bindparam("new_status"),
            message_ref=func.coalesce(bindparam("new_ref", type_=String), outbox.c.message_ref),
            reason=bindparam("new_reason"),
            lease_until=None,
            due_at=func.coalesce(bindparam("new_due_at", type_=outbox.c.due_at.type), outbox.c.due_at),
            sent_at=bindparam("new_sent_at", type_=outbox.c.sent_at.type),
            template=bindparam("new_template", type_=outbox.c.template.type),
        )
    )


@prepared
def _tell(_: Into) -> Statement:
    after_delivery = bindparam("after_delivery", type_=Boolean)
    return (
        update(outbox)
        .where(
            # Written out, so that both databases see that the partial index fits.
            outbox.c.channel == literal_column("'whatsapp'"),
            outbox.c.message_ref == bindparam("ref", type_=outbox.c.message_ref.type),
            outbox.c.message_ref.is_not(None),
            or_(outbox.c.status == "sent", and_(after_delivery, outbox.c.status == "delivered")),
        )
        .values(
            status=bindparam("new_status"),
            reason=bindparam("new_reason"),
            due_at=func.coalesce(bindparam("new_due_at", type_=outbox.c.due_at.type), outbox.c.due_at),
        )
        .returning(outbox.c.id, outbox.c.address_id, outbox.c.sent_at)
    )


def _of_lane() -> tuple[ColumnElement[bool], ...]:
    return (
        outbox.c.channel == bindparam("of_channel", type_=outbox.c.channel.type),
        outbox.c.lane == bindparam("of_lane", type_=outbox.c.lane.type),
        is_unsent(),
        may_be_next(outbox),
    )


def _written_over() -> Label[str | None]:
    """Return the channel's reference of the message that a row is written over.

    That is the newest of those that took its place: one that could not be edited was sent anew.
    """
    before = outbox.alias()
    newest = (
        select(before.c.message_ref)
        .where(
            # A reference means nothing, or something else, at another address.
            before.c.address_id == outbox.c.address_id,
            or_(before.c.id == outbox.c.replaces_id, before.c.replaces_id == outbox.c.replaces_id),
            before.c.id < outbox.c.id,
            before.c.message_ref.is_not(None),
        )
        .order_by(before.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return case((outbox.c.replaces_id.is_not(None), newest)).label("replaces_ref")


def _still_wanted() -> Label[bool]:
    """Return whether news are still to be read: the person wants news, and nobody stopped them."""
    news_wanted = contacts.c.news & (announcements.c.status == "running")
    return case((outbox.c.announcement_id.is_not(None), news_wanted), else_=true()).label("still_wanted")


def _readable(address_id: int, now: datetime, since: datetime | None) -> Select[Any]:
    """Return the query for what who uses an address now may read there."""
    return (
        _chat(address_id, now)
        .where(outbox.c.status.not_like("failed%"), ~is_held())
        .where(true() if since is None else outbox.c.created_at >= since)
    )


def _chat(address_id: int, now: datetime) -> Select[Any]:
    return (
        select(outbox, announcements.c.texts, _still_wanted())
        .select_from(
            outbox.join(addresses, addresses.c.id == outbox.c.address_id)
            .join(contacts, contacts.c.id == addresses.c.contact_id)
            .outerjoin(announcements, announcements.c.id == outbox.c.announcement_id)
        )
        .where(outbox.c.address_id == address_id, outbox.c.due_at <= now)
    )


@prepared
def _rows(into: Into) -> Statement:
    """Claimed messages with where to, oldest first."""
    return (
        select(outbox, addresses.c.external_enc, addresses.c.last_used_at, _written_over(), _still_wanted())
        .select_from(
            outbox.join(addresses, addresses.c.id == outbox.c.address_id)
            .join(contacts, contacts.c.id == addresses.c.contact_id)
            .outerjoin(announcements, announcements.c.id == outbox.c.announcement_id)
        )
        .where(among(outbox.c.id, "ids", into))
        .order_by(outbox.c.lane, outbox.c.id)
    )
