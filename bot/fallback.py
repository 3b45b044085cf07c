"""What becomes of a message that an address can't take: another address, a text message, a caseworker."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.turns import WAITING, Voice, may_be_handed_over, news_of_waiting, on_its_own, show_push
from conversations.care.reminders import ReminderStep
from conversations.care.tasks import Said, TaskKind
from conversations.care.visits import VisitNews, subject_of
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.engine.turn import Push
from conversations.flows.handover import make_task
from storage.outbox import Undelivered
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

# Where only somebody who wrote lately is reached.
LATELY = timedelta(hours=24)
# A message that went from one address to the next so often is not helped by another.
MOST_ATTEMPTS = 20
# As ticks write them: visit, step and version.
_REMINDER_KEY = re.compile(r"visit:([0-9]+):(t-[0-9a-z]+):([0-9]+)")
# What somebody must hear of one way or another. News and answers to what was typed are not worth a call.
CALLS_FOR_A_PERSON = frozenset({Purpose.VISIT, Purpose.REMINDER, Purpose.CHECK_IN, Purpose.HANDOVER})


class Fallback:
    """Finds another way for messages that were just given up, in the transaction that did so."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    async def find_another_way(self, unit: UnitOfWork, row_id: int, *, now: datetime) -> None:
        """Let a message leave for another address of the person; without one a task is made of what matters.

        A reminder of a visit goes as a text message first, where the service sends any.
        """
        given_up = await unit.outbox.undelivered(row_id)
        if given_up is None or (given_up.useful_until is not None and given_up.useful_until <= now):
            return
        if given_up.purpose is Purpose.ADDRESS:
            # It was for that address alone.
            if given_up.key.startswith(WAITING):
                await self._give_up_held(unit, given_up.key.removeprefix(WAITING), now)
            return
        other = None
        if given_up.attempts < MOST_ATTEMPTS:
            other = await unit.outbox.other_address(given_up, used_after=now - LATELY)
        if other is not None:
            log.info("message_moved", row=row_id, to=other[1], purpose=given_up.purpose)
            await unit.outbox.move(given_up, *other, _for_another_channel(given_up.message), now)
        elif await self._text(unit, given_up, now):
            log.info("message_texted", row=row_id)
        elif await self._hold(unit, given_up, now):
            log.info("message_held", row=row_id)
        elif given_up.purpose in CALLS_FOR_A_PERSON and not _is_beside(given_up.message):
            async with on_its_own(unit, "unreached_not_told", row=row_id):
                await self._tell_caseworkers(unit, given_up, now)

    async def _text(self, unit: UnitOfWork, given_up: Undelivered, now: datetime) -> bool:
        """Write a reminder as a text message; False when none can be sent, or it no longer holds."""
        reminder = _REMINDER_KEY.fullmatch(given_up.key)
        if reminder is None or not self._voice.sends_sms:
            return False
        number = await unit.addresses.for_sms(given_up.contact_id, now=now)
        if number is None:
            return False
        visit_id, step, version = reminder.groups()
        push = Push(
            given_up.contact_id,
            "sms_reminder",
            VisitNews(int(visit_id), int(version), step=step),
            Purpose.REMINDER,
            key=f"{given_up.key}:sms",
            subject=subject_of(int(visit_id)),
            keeps_quiet=step != ReminderStep.TWO_HOURS_BEFORE,
            useful_until=given_up.useful_until,
            address_id=number.id,
        )
        shown = False
        async with on_its_own(unit, "reminder_not_texted", row=given_up.id):
            shown = await show_push(unit, push, self._voice, now=now)
        return shown  # noqa: RET504 - the block may be undone half-way

    async def _hold(self, unit: UnitOfWork, given_up: Undelivered, now: datetime) -> bool:
        """Let a message wait on a phone that the person shares, when another uses it; False without one."""
        shared = await unit.profiles.shared_with(given_up.contact_id)
        if shared is None:
            return False
        address, used_by = shared
        message = _for_another_channel(given_up.message)
        await unit.outbox.move(given_up, address.id, address.channel, message, now)
        if await unit.profiles.hold(given_up.key, given_up.contact_id, now=now):
            news = news_of_waiting(
                given_up.contact_id,
                given_up.key,
                address_id=address.id,
                used_by=used_by,
                keeps_quiet=given_up.purpose in (Purpose.REMINDER, Purpose.CHECK_IN, Purpose.FEEDBACK),
                useful_until=given_up.useful_until,
            )
            async with on_its_own(unit, "waiting_not_told", row=given_up.id):
                await show_push(unit, news, self._voice, now=now)
        return True

    async def _give_up_held(self, unit: UnitOfWork, key: str, now: datetime) -> None:
        """Leave to a person what waits on a shared phone that nobody could be told of."""
        held = await unit.profiles.give_up(key)
        if held is None:
            return
        row_id, contact_id = held
        given_up = await unit.outbox.undelivered(row_id)
        if given_up is not None and given_up.purpose in CALLS_FOR_A_PERSON:
            async with on_its_own(unit, "unreached_not_told", row=row_id):
                await self._tell_caseworkers(unit, replace(given_up, contact_id=contact_id), now)

    async def _tell_caseworkers(self, unit: UnitOfWork, given_up: Undelivered, now: datetime) -> None:
        contact = await unit.contacts.get(given_up.contact_id)
        # Once a person: each reminder would tell again.
        if not may_be_handed_over(contact) or await unit.tasks.has_open(contact.id, TaskKind.UNREACHED):
            return
        words = given_up.message.text if given_up.message else ""
        handover = await make_task(unit, contact, TaskKind.UNREACHED, Said(words), now=now)
        log.info("message_made_a_task", row=given_up.id, task=handover.task.id, purpose=given_up.purpose)
        for push in handover.news:
            await show_push(unit, push, self._voice, now=now)


def _for_another_channel(message: OutboundMessage | None) -> OutboundMessage | None:
    """Return the message without what only the channel it was written for understands."""
    if message is None:
        return None
    return replace(message, edits=None, tap_ref=None, media_kind=None, media_ref=None)


def _is_beside(message: OutboundMessage | None) -> bool:
    """Whether the message only adds a map to another one, which finds its own way to the person."""
    return message is not None and message.venue is not None
