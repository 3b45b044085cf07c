"""What may go to somebody on WhatsApp now: known before it is sent, not learnt from errors.

For 24 hours after somebody wrote they may be sent anything. Afterwards only an approved template reaches
them, and only so many people may be written to like that in a moving day. What is sent costs money, so
announcements wait when the day's budget is used up; nothing else does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from bot.channels.channel import File, FileSender, Held, SendFailed, Sent, TryLater, WindowClosed
from bot.channels.whatsapp_templates import Template, TemplateUse, template_use, templates_of
from bot.clock import Clock
from conversations.care.quiet import QUIET_UNTIL
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Lane, OutboundMessage, Purpose
from conversations.texts import Texts
from storage.billing import MARGIN, WINDOW
from storage.database import Database
from storage.outbox import BUDGET, PEOPLE_LIMIT, OutboxRow
from storage.templates import TemplateState
from storage.unit_of_work import UnitOfWork

# Of the people who may be written to first announcements leave so large a part to reminders.
LEFT_TO_OTHERS = 0.1
NO_TEMPLATE = "no_template"


@dataclass(frozen=True, slots=True)
class Limits:
    """`people` outside their window in a moving day, `budget` in charged messages a day; None: no limit."""

    people: int | None = None
    budget: int | None = None


def is_open(last_used_at: datetime, now: datetime) -> bool:
    """Whether somebody who last wrote then may be sent anything."""
    return now < last_used_at + WINDOW - MARGIN


def form_of(
    message: OutboundMessage,
    purpose: Purpose,
    *,
    opened: bool,
    templates: Sequence[Template],
    states: Sequence[TemplateState],
) -> TemplateUse | None:
    """Return the template a message goes as; None: as it is.

    Raises WindowClosed when it may not go as it is, and there is no approved template for it.
    """
    if opened:
        return None
    use = template_use(message, purpose, templates, states)
    if use is None:
        raise WindowClosed(NO_TEMPLATE)
    return use


def people_for(lane: Lane, people: int) -> int:
    """Return how many may be written to first from a lane on: announcements leave some to reminders."""
    return people - int(people * LEFT_TO_OTHERS) if lane is Lane.BULK else people


def next_day(now: datetime, zone: tzinfo) -> datetime:
    """Return when announcements go on that the day's budget held back: in the morning."""
    tomorrow = to_local(now, zone).date() + timedelta(days=1)
    return to_utc(datetime.combine(tomorrow, QUIET_UNTIL), zone)


class TemplateSender(FileSender, Protocol):
    """The sending side of WhatsApp."""

    async def send_template(self, external_id: str, use: TemplateUse) -> str | None:
        """Send a message as an approved template and return our reference of it. Raises SendFailed."""


class WhatsAppGate:
    """Stands before the sender: sends each message as what it may go now, or says why not.

    `limits` may change while it works.
    """

    def __init__(
        self,
        database: Database,
        sender: TemplateSender,
        texts: Mapping[str, Texts],
        clock: Clock,
        zone: tzinfo,
        limits: Limits,
    ) -> None:
        self._database = database
        self.sender = sender
        self._templates = templates_of(texts)
        self._clock = clock
        self._zone = zone
        self.limits = limits

    def allow_people(self, people: int | None) -> None:
        """From now on so many may be written to first in a moving day; None: no limit."""
        self.limits = replace(self.limits, people=people)

    async def send(self, row: OutboxRow, message: OutboundMessage, file: File | None = None) -> Sent:
        """Send a message as what it may go now. Raises SendFailed in one of its kinds, Held among them.

        A file goes to whoever may be sent anything; to others what a template says of it.
        """
        opened = is_open(row.last_used_at, self._clock.now())
        try:
            return await self._send(row, message, file, opened=opened)
        except WindowClosed as error:
            if not opened or error.reason == NO_TEMPLATE:
                raise
        # Their last message was handled late: the platform knows better.
        return await self._send(row, message, file, opened=False)

    async def _send(
        self, row: OutboxRow, message: OutboundMessage, file: File | None, *, opened: bool
    ) -> Sent:
        is_bulk = row.lane is Lane.BULK
        if opened and file is not None:
            return Sent(await self.sender.send_file(row.external_id, message, file))
        if opened and (not is_bulk or self.limits.budget is None):
            return Sent(await self.sender.send(row.external_id, message))
        now = self._clock.now()
        async with self._database.transaction() as unit:
            states = [] if opened else await unit.templates.all()
            use = form_of(message, row.purpose, opened=opened, templates=self._templates, states=states)
            await self._take_place(unit, row, now, opened=opened)
        try:
            if use is None:
                return Sent(await self.sender.send(row.external_id, message))
            return Sent(await self.sender.send_template(row.external_id, use), use.name)
        except SendFailed as error:
            may_have_arrived = isinstance(error, TryLater) and error.unclear
            if is_bulk and self.limits.budget is not None and not may_have_arrived:
                async with self._database.transaction() as unit:
                    await unit.billing.give_back(let_out_at=now)
            raise

    async def _take_place(self, unit: UnitOfWork, row: OutboxRow, now: datetime, *, opened: bool) -> None:
        """Raises Held when the day's budget or the limit of people has no room; then neither is touched."""
        if not opened and self.limits.people is not None:
            limit = people_for(row.lane, self.limits.people)
            free_at = await unit.billing.open(row.address_id, now=now, limit=limit)
            if free_at is not None:
                raise self._held(row, PEOPLE_LIMIT, free_at)
        budget = self.limits.budget if row.lane is Lane.BULK else None
        if budget is not None and not await unit.billing.let_out(now=now, budget=budget):
            raise self._held(row, BUDGET, next_day(now, self._zone))

    @staticmethod
    def _held(row: OutboxRow, reason: str, until: datetime) -> SendFailed:
        """What would be told too late goes another way at once."""
        if row.useful_until is not None and row.useful_until <= until:
            return WindowClosed(reason)
        return Held(reason, until)
