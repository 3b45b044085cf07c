"""Turns: one inbound message handled in one transaction, and prompts pushed to people.

The transaction holds the inbox row, the session, all domain rows and the outbox rows. A kill at any
point leaves either nothing of it (the row waits and comes again) or all of it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, TypeVar
from weakref import WeakSet

import structlog

from bot.channels.button_data import NO_PROMPT
from bot.channels.whatsapp_window import is_open
from bot.clips import Recordings
from bot.clock import Clock
from bot.documents import caption
from bot.door import Doors
from bot.floods import TELL_EVERY_S, Brake, slowed
from bot.metrics import metrics
from conversations.care.people import STAFF, Consent, Contact, ContactId, Role
from conversations.care.tasks import Said, TaskKind
from conversations.engine.engine import Engine, Routes
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Purpose, Venue
from conversations.engine.reply import Blocked, Channel, Inbound, Location, Tap, Text
from conversations.engine.session import Notice, Session
from conversations.engine.turn import Effect, Push, SendClip, SendDocument, SendVenue, Show, Turn
from conversations.engine.words import Word
from conversations.flows.beneficiary.door import at_the_door
from conversations.flows.handover import make_task
from conversations.flows.news import MessageWaiting
from conversations.ports import World
from conversations.texts import Texts, strip_isolates
from storage.addresses import Address, Arrival
from storage.database import Database, rung
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.inbox import StoredUpdate
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

# Most people here speak Darija first; it is only used until somebody has chosen.
DEFAULT_LANGUAGE = "ary"
# After so many turns in a row that went wrong for somebody, a person looks after them.
HANDOVER_AFTER = 3
# Whoever has not written from an address for so long may have given the phone or the number away.
LONG_SILENT = timedelta(days=30)
# An update that can't even be apologised for is put off this often, then set aside.
MOST_ATTEMPTS = 5
# How long a worker waits when nobody wakes it: only matters when a wake-up got lost.
IDLE_S = 5.0

# The key of the news that a message waits for somebody; behind it stands the message's own.
WAITING = "waiting:"

# What a notice's buttons carry; longer numbers than the database counts are nobody's.
_NOTICE_REF = re.compile(r"n[0-9]{1,18}")

Parser = Callable[[str], Inbound | None]
Result = TypeVar("Result")


class LosesAddress(Protocol):
    """Notes that an address can't be reached any more; what waits for it goes another way."""

    async def __call__(self, unit: UnitOfWork, address_id: int, *, at: datetime) -> bool: ...


@dataclass(frozen=True)
class Voice:
    """The conversation as the service speaks it: engine, flows, languages and what it knows of the world.

    `sends_sms`: a reminder that nothing else can carry goes as a text message. `recordings` are the files of
    the world's clips, `doors` where the codes at centres' doors lead.
    """

    routes: Routes
    texts: Mapping[str, Texts]
    world: World
    sends_sms: bool = False
    recordings: Recordings = field(default_factory=Recordings)
    doors: Doors = field(default_factory=Doors)

    @property
    def engine(self) -> Engine:
        return Engine(self.routes)

    @property
    def doorkeeper(self) -> Engine:
        """The conversation with whoever has yet to say who they are."""
        return Engine(self.routes.door or self.routes)

    def of(self, language: str | None) -> Texts:
        """Return the texts of a language, or of the one most people speak."""
        return self.texts.get(language or "", self.texts[DEFAULT_LANGUAGE])


async def show_push(unit: UnitOfWork, push: Push, voice: Voice, *, now: datetime) -> bool:
    """Write a pushed prompt for somebody; False when there is nothing to show or nobody to reach.

    The prompt is made for its reader at this moment: in their language, about the thing as it now is.
    A reminder that nothing else can carry goes as a text message, where the service sends any.
    """
    contact = await unit.contacts.get(push.contact_id)
    address = await _address_for(unit, push, voice, now)
    used_by: ContactId | None = None
    if (
        address is None
        and push.address_id is None
        and (shared := await unit.profiles.shared_with(contact.id))
    ):
        address, used_by = shared
    if address is None:
        log.info("push_without_address", contact=contact.id, flow=push.flow)
        return False
    channel = Channel(address.channel)
    texts = voice.of(contact.language)
    flow = voice.routes.flows[push.flow if channel is not Channel.SMS else "sms_reminder"]
    turn: Turn[Any] = _turn(unit, voice, contact, texts, now, channel, address.id)
    presented = await voice.engine.present(flow, push.draft, turn)
    if presented is None:
        return False
    frame, prompt = presented
    choices = tuple(Choice(choice.id, strip_isolates(choice.label)) for choice in prompt.choices)
    if choices and contact.role is Role.BENEFICIARY and address.last_used_at < now - LONG_SILENT:
        # Translators: label, at most 20 characters. Said by somebody who is not the person we write to.
        choices = (*choices, Choice(Word.NOT_ME, texts.pgettext("button", "🚫 This is not me")))
    notice = kept = await _notice_replaced(unit, push)
    if choices and notice is None:
        notice = await unit.sessions.add_notice(
            push.contact_id, frame, choices, subject=push.subject, now=now
        )
    message = _message(prompt.text, texts, choices, notice.prompt_ref if choices and notice else None)
    written = await unit.outbox.add(
        address_id=address.id,
        channel=channel,
        purpose=push.purpose,
        key=push.key,
        message=_with_media(message, prompt, channel),
        now=now,
        subject=push.subject,
        replaces_key=push.replaces,
        keeps_quiet=push.keeps_quiet,
        useful_until=push.useful_until,
    )
    if not written:
        # It was pushed before: the buttons people have are those of then.
        if notice is not None and notice is not kept:
            await unit.sessions.close_notice(notice.id)
        return False
    if kept is not None:
        await unit.sessions.update_notice(kept.id, frame, choices)
    if push.replaces and push.subject:
        but = notice.id if choices and notice else None
        await unit.sessions.close_notices(push.contact_id, push.subject, but=but)
    if used_by is not None and await unit.profiles.hold(push.key, push.contact_id, now=now):
        news = news_of_waiting(
            push.contact_id,
            push.key,
            address_id=address.id,
            used_by=used_by,
            keeps_quiet=push.keeps_quiet,
            useful_until=push.useful_until,
        )
        await show_push(unit, news, voice, now=now)
    await flow.first().pushed(turn)
    for number, effect in enumerate(turn.effects):
        await _carry_out_beside(unit, push, number, effect, turn, address, held=used_by is not None)
    return True


async def _carry_out_beside(
    unit: UnitOfWork,
    push: Push,
    number: int,
    effect: Effect,
    turn: Turn[Any],
    address: Address,
    *,
    held: bool,
) -> None:
    """Send what a pushed prompt brings with it under the prompt, as quietly and as long as that helps.

    It goes and is withdrawn with the prompt, and on a shared phone waits with it.
    """
    message = _beside(effect, turn.texts)
    # Who wrote too long ago gets a template, which is a text: another one would only be paid for.
    if message is None or (
        address.channel == Channel.WHATSAPP and not is_open(address.last_used_at, turn.now)
    ):
        return
    key = f"{push.key}:{number}"
    await unit.outbox.add(
        address_id=address.id,
        channel=Channel(address.channel),
        purpose=push.purpose,
        key=key,
        message=message,
        now=turn.now,
        subject=push.subject,
        keeps_quiet=push.keeps_quiet,
        useful_until=push.useful_until,
    )
    if held:
        await unit.profiles.hold(key, push.contact_id, now=turn.now)


async def act_for(
    unit: UnitOfWork,
    contact_id: ContactId,
    voice: Voice,
    act: Callable[[Turn[Any]], Awaitable[Result]],
    *,
    now: datetime,
) -> Result:
    """Do in somebody's name what time does: offer them a place, end a visit that nobody moved.

    Whom that concerns is told in the same transaction; nothing is shown to the contact but what is pushed.
    """
    contact = await unit.contacts.get(contact_id)
    turn: Turn[Any] = _turn(unit, voice, contact, voice.of(contact.language), now)
    result = await act(turn)
    for effect in turn.effects:
        if isinstance(effect, Push):
            async with on_its_own(unit, "push_failed", flow=effect.flow):
                await show_push(unit, effect, voice, now=now)
    return result


def news_of_waiting(
    contact_id: ContactId,
    key: str,
    *,
    address_id: int,
    used_by: ContactId,
    keeps_quiet: bool,
    useful_until: datetime | None,
) -> Push:
    """Return what tells who uses a shared phone that a message waits for somebody else, and nothing of it."""
    return Push(
        used_by,
        "message_waiting",
        MessageWaiting(contact_id),
        Purpose.ADDRESS,
        key=f"{WAITING}{key}",
        keeps_quiet=keeps_quiet,
        useful_until=useful_until,
        address_id=address_id,
    )


async def _address_for(unit: UnitOfWork, push: Push, voice: Voice, now: datetime) -> Address | None:
    if push.address_id is not None:
        address = await unit.addresses.get(push.address_id)
        # It may have been cut off meanwhile.
        return address if address is not None and address.contact_id == push.contact_id else None
    address = await unit.addresses.preferred(push.contact_id)
    if address is None and voice.sends_sms and push.purpose is Purpose.REMINDER:
        return await unit.addresses.for_sms(push.contact_id, now=now)
    return address


async def _notice_replaced(unit: UnitOfWork, push: Push) -> Notice | None:
    """Return the notice of the message that is written over: its buttons must work until the edit arrives."""
    if not push.replaces or not push.subject:
        return None
    return await unit.sessions.notice_about(push.contact_id, push.subject)


@asynccontextmanager
async def on_its_own(unit: UnitOfWork, failed: str, **about: object) -> AsyncIterator[None]:
    """Undo and log the block when it fails: what can't be shown must not hold up the rest."""
    carried = len(unit.outbox.carried)
    try:
        async with unit.connection.begin_nested():
            yield
    except (DatabaseLocked, DatabaseUnreachable):
        raise
    except Exception:
        del unit.outbox.carried[carried:]
        log.exception(failed, **about)


class Turns:
    """Takes stored updates in order, one at a time a person, and answers them."""

    def __init__(
        self,
        database: Database,
        voice: Voice,
        clock: Clock,
        parsers: Mapping[str, Parser],
        *,
        lose_address: LosesAddress,
    ) -> None:
        self._lose_address = lose_address
        self._database = database
        self._voice = voice
        self._clock = clock
        self._parsers = parsers
        self._brake = Brake()
        # Where other hands work while `work` runs, and how many more may.
        self._others = asyncio.TaskGroup()
        self._spare = 0
        # How many turns are under way, and how often updates had come when somebody last looked in vain.
        self._under_way = 0
        self._none_since = -1

    async def work(self, hands: int = 1) -> None:
        """Handle updates until cancelled, up to so many at once.

        One hand waits for updates. Each that finds one calls another, which goes when it finds none: so few
        look in vain however many there are.
        """
        async with asyncio.TaskGroup() as self._others:
            self._spare = hands - 1
            await work_off(self._database, "inbox", "turns", self.handle_next, self._pause_s)

    def _call_another(self) -> None:
        if self._spare:
            self._spare -= 1
            self._others.create_task(self._help_out())

    async def _help_out(self) -> None:
        """Handle updates until none waits."""
        try:
            while self._may_find_one() and await self.handle_next():
                pass
        except (DatabaseLocked, DatabaseUnreachable):
            # The one who waits for updates sees to it: says so once, and tries again later and later.
            self._database.wakes.ring("inbox")
        finally:
            self._spare += 1

    def _may_find_one(self) -> bool:
        """Tell whether looking may be of use: updates came since somebody looked in vain, or were kept back.

        Behind a turn that is under way the next update of its person waits; whoever is last looks for it.
        """
        return self._none_since != self._database.wakes.times_rung("inbox") or not self._under_way

    async def handle_next(self) -> bool:
        """Handle the oldest waiting update; False when none waits."""
        taken: StoredUpdate | None = None
        came = self._database.wakes.times_rung("inbox")
        try:
            async with self._database.transaction() as unit:
                now = self._clock.now()
                taken = await unit.inbox.claim(now=now)
                if taken is None:
                    self._none_since = came
                    return False
                self._under_way += 1
                self._call_another()
                wait_s = self._brake.wait_s(taken, now)
                if wait_s:
                    await self._slow_down(unit, taken, now, wait_s)
                    outcome = "slowed"
                else:
                    outcome = await self._take_up(unit, taken, now)
            if wait_s:
                self._brake.told(taken)
            self._count(taken, outcome)
        except (DatabaseLocked, DatabaseUnreachable):
            raise
        except Exception:
            if taken is None:
                raise
            log.exception("turn_failed", update=taken.id, channel=taken.channel)
            await self._after_failure(taken)
        finally:
            if taken is not None:
                self._under_way -= 1
        return True

    async def _slow_down(self, unit: UnitOfWork, taken: StoredUpdate, now: datetime, wait_s: float) -> None:
        """Put off an update of somebody who writes too fast, and tell them once how to get help meanwhile."""
        await unit.inbox.hold(taken.id, not_before=now + timedelta(seconds=wait_s))
        if not self._brake.is_told(taken):
            log.info("flood_slowed", update=taken.id, channel=taken.channel)
            async with on_its_own(unit, "flood_notice_failed", update=taken.id):
                inbound = self._parse(taken)
                if inbound is not None and not isinstance(inbound.reply, Blocked):
                    await self._tell_slowed(unit, inbound, now)

    async def _tell_slowed(self, unit: UnitOfWork, inbound: Inbound, now: datetime) -> None:
        contact, address_id = await unit.addresses.find_or_create(
            inbound.channel, inbound.external_id, now=now
        )
        texts = self._voice.of(contact.language or _known(inbound.language_hint))
        window = int(now.timestamp() / TELL_EVERY_S)
        message = _message(slowed(texts), texts, (), None)
        await self._say(unit, inbound, address_id, message, now, key=f"slowed:{address_id}:{window}")

    async def _take_up(self, unit: UnitOfWork, taken: StoredUpdate, now: datetime) -> str:
        """Handle an update, and return how that ended, one of the metrics' outcomes."""
        metrics.turn_began(now, taken.received_at)
        inbound = self._parse(taken)
        keep = inbound is None or await self._handle(unit, inbound, taken.id, now)
        is_readable = taken.payload is not None
        if not (is_readable and keep):
            status = "done" if is_readable else "failed"
            await unit.inbox.close(taken.id, status=status, now=now, keep=keep)
        return "failed" if not is_readable else "answered" if inbound else "ignored"

    def _parse(self, taken: StoredUpdate) -> Inbound | None:
        if taken.payload is None:
            log.error("update_unreadable", update=taken.id, channel=taken.channel)
            return None
        parser = self._parsers.get(taken.channel)
        inbound = parser(taken.payload) if parser else None
        if inbound is None:
            log.info("update_ignored", update=taken.id, channel=taken.channel)
        return inbound

    async def _handle(self, unit: UnitOfWork, inbound: Inbound, update_id: int, now: datetime) -> bool:
        """Answer, and return whether what came may be kept for a while."""
        arrival = await unit.addresses.arrive(inbound.channel, inbound.external_id, now=now)
        contact, address_id = arrival.contact, arrival.address_id
        if isinstance(inbound.reply, Blocked):
            await self._blocked(unit, address_id, inbound.reply, now)
            return True
        if inbound.channel is Channel.WHATSAPP:
            # Only there limits hold messages back, and none of whom has just written.
            await unit.outbox.let_go(address_id, now=now)
        if inbound.phone is not None:
            await unit.addresses.keep_phone(address_id, inbound.phone)
        if arrival.is_locked:
            await self._ask_who(unit, inbound, arrival, update_id, now)
            return False
        session = unit.sessions.opened(contact.id, arrival.state)
        texts = self._voice.of(contact.language or _known(inbound.language_hint))
        turn: Turn[Any] = _turn(unit, self._voice, contact, texts, now, inbound.channel, address_id)
        notice = await _notice_meant(unit, contact.id, session, inbound)
        outcome = await self._voice.engine.handle(session, inbound.reply, turn, notice=notice)
        # The address may have become another person's in this turn.
        await unit.sessions.save(turn.contact.id, replace(outcome.session, failures=0), now=now)
        if turn.contact.role in STAFF and turn.contact != contact:
            unit.topics.add("staff")
        if turn.contact.role is Role.MANAGER:
            # They may have begun an announcement, which open web pages wait for.
            unit.topics.add("announcements")
        if outcome.closed_notice is not None:
            await unit.sessions.close_notice(outcome.closed_notice)
        await self._carry_out(unit, outcome.effects, inbound, turn, address_id, update_id)
        return _may_be_kept(inbound, turn.contact) and not self._voice.routes.asks_secret(session)

    async def _ask_who(
        self, unit: UnitOfWork, inbound: Inbound, arrival: Arrival, update_id: int, now: datetime
    ) -> None:
        """Answer somebody who has to say first who they are: nothing of anybody is shown until they have.

        What they send may be a PIN, so none of it is kept.
        """
        contact, address_id = arrival.contact, arrival.address_id
        session = await unit.profiles.door(address_id)
        if session is None:
            session = at_the_door((await unit.sessions.load(contact.id)).prompt_no)
        texts = self._voice.of(contact.language or _known(inbound.language_hint))
        turn: Turn[Any] = _turn(unit, self._voice, contact, texts, now, inbound.channel, address_id)
        outcome = await self._voice.doorkeeper.handle(session, inbound.reply, turn)
        if await unit.profiles.is_locked(address_id, now=now):
            await unit.profiles.keep_door(address_id, outcome.session)
        else:
            await unit.sessions.save(turn.contact.id, replace(outcome.session, failures=0), now=now)
        await self._carry_out(unit, outcome.effects, inbound, turn, address_id, update_id)

    async def _blocked(self, unit: UnitOfWork, address_id: int, reply: Blocked, now: datetime) -> None:
        if reply.blocked:
            await self._lose_address(unit, address_id, at=now)
        else:
            await unit.addresses.mark_reachable(address_id)

    async def _carry_out(
        self,
        unit: UnitOfWork,
        effects: tuple[Effect, ...],
        inbound: Inbound,
        turn: Turn[Any],
        address_id: int,
        update_id: int,
    ) -> None:
        tap_ref = inbound.tap_ref
        # The answer first: what is pushed to the same chat comes under it.
        for number, effect in enumerate(sorted(effects, key=_comes)):
            if isinstance(effect, Push):
                # What somebody else can't be told must not undo what this person has just done.
                async with on_its_own(unit, "push_failed", flow=effect.flow):
                    await show_push(unit, effect, self._voice, now=turn.now)
                continue
            beside = _beside(effect, turn.texts)
            if beside is not None:
                await self._say(unit, inbound, address_id, beside, turn.now, key=f"in:{update_id}:{number}")
            if not isinstance(effect, Show):
                continue
            prompt = effect.prompt
            message = replace(
                _message(prompt.text, turn.texts, prompt.choices, effect.prompt_ref),
                wants_location=prompt.wants_location,
                location_label=_location_label(turn.texts) if prompt.wants_location else None,
                takes_keyboard_away=effect.takes_keyboard_away,
                edits=inbound.message_ref if effect.in_place else None,
                tap_ref=tap_ref,
            )
            await self._say(
                unit, inbound, address_id, _with_media(message, prompt, inbound.channel), turn.now,
                key=f"in:{update_id}:{number}",
            )  # fmt: skip
            tap_ref = None
        if tap_ref is not None:
            # A second tap of a trembling finger: nothing new to show, but the button must stop turning.
            await self._say(
                unit, inbound, address_id, _message("", turn.texts, (), None, tap_ref), turn.now,
                key=f"in:{update_id}:tap",
            )  # fmt: skip

    async def _say(
        self,
        unit: UnitOfWork,
        inbound: Inbound,
        address_id: int,
        message: OutboundMessage,
        now: datetime,
        *,
        key: str,
    ) -> None:
        await unit.outbox.add(
            address_id=address_id,
            channel=inbound.channel,
            purpose=Purpose.REPLY,
            key=key,
            message=message,
            now=now,
            external_id=inbound.external_id,
        )

    async def _after_failure(self, taken: StoredUpdate) -> None:
        """Apologise once for a turn that went wrong; nothing else of it is kept."""
        try:
            async with self._database.transaction() as unit:
                if not await unit.inbox.claim_again(taken):
                    return
                now = self._clock.now()
                inbound = self._parse(taken)
                keep = inbound is None or await self._apologise(unit, inbound, taken.id, now)
                await unit.inbox.close(taken.id, status="failed", now=now, keep=keep)
            self._count(taken, "failed")
        except (DatabaseLocked, DatabaseUnreachable):
            raise
        except Exception:
            log.exception("apology_failed", update=taken.id)
            await self._put_off(taken)

    async def _put_off(self, taken: StoredUpdate) -> None:
        async with self._database.transaction() as unit:
            if not await unit.inbox.claim_again(taken):
                return
            now = self._clock.now()
            attempts = await unit.inbox.try_later(
                taken.id, not_before=now + timedelta(seconds=2**taken.attempts)
            )
            is_over = attempts >= MOST_ATTEMPTS
            if is_over:
                log.error("update_set_aside", update=taken.id, channel=taken.channel)
                # Whose it is can't be told, so neither can what they agreed to.
                await unit.inbox.close(taken.id, status="failed", now=now, keep=False)
        self._count(taken, "set_aside" if is_over else "put_off")

    def _count(self, taken: StoredUpdate, outcome: str) -> None:
        metrics.turn_done(outcome, (self._clock.now() - taken.received_at).total_seconds())

    async def _apologise(self, unit: UnitOfWork, inbound: Inbound, update_id: int, now: datetime) -> bool:
        """Say sorry, and return whether what came may be kept for a while."""
        arrival = await unit.addresses.arrive(inbound.channel, inbound.external_id, now=now)
        contact, address_id = arrival.contact, arrival.address_id
        session = await unit.sessions.load(contact.id)
        texts = self._voice.of(contact.language or _known(inbound.language_hint))
        failures = session.failures + 1
        sorry = texts.gettext("Something went wrong on our side. Nothing was lost; please try again.")
        if failures >= HANDOVER_AFTER and may_be_handed_over(contact):
            if await self._hand_over(unit, contact, now):
                sorry = texts.gettext(
                    "Something keeps going wrong on our side. A person will write to you here."
                )
            else:
                sorry = texts.gettext(
                    "Something keeps going wrong on our side. "
                    "No caseworker is here yet; the first to come will see it."
                )
            failures = 0
        menu = Choice(Word.MENU, texts.pgettext("button", "🏠 Menu"))
        message = _message(sorry, texts, (menu,), NO_PROMPT, inbound.tap_ref)
        await self._say(unit, inbound, address_id, message, now, key=f"in:{update_id}:sorry")
        await unit.sessions.save(contact.id, replace(session, failures=failures), now=now)
        is_secret = arrival.is_locked or self._voice.routes.asks_secret(session)
        return _may_be_kept(inbound, contact) and not is_secret

    async def _hand_over(self, unit: UnitOfWork, contact: Contact, now: datetime) -> bool:
        """Leave the person to the caseworkers; False when none of them hears of it now."""
        handover = await make_task(unit, contact, TaskKind.NOT_UNDERSTOOD, Said(), now=now)
        for push in handover.news:
            await show_push(unit, push, self._voice, now=now)
        return handover.heard

    async def _pause_s(self) -> float:
        async with self._database.reading() as unit:
            at = await unit.inbox.next_at()
        if at is None:
            return IDLE_S
        return min(IDLE_S, max(0.05, (at - self._clock.now()).total_seconds()))


async def work_off(
    database: Database,
    topic: str,
    worker: str,
    do_next: Callable[[], Awaitable[object]],
    pause_s: Callable[[], Awaitable[float]],
) -> None:
    """Do what there is to do, then wait for the topic to ring or the pause to pass, until cancelled.

    `do_next` returns something false when nothing is left, `pause_s` the seconds until more may come.
    A database that is gone is waited for.
    """
    trouble = Trouble(worker)
    async with database.wakes.bell(topic) as bell:
        while True:
            try:
                while await do_next():
                    trouble.over()
                wait_s = await pause_s()
                trouble.over()
            except (DatabaseLocked, DatabaseUnreachable) as error:
                wait_s = trouble.pause_s(error)
            await rung(bell, timeout_s=wait_s)


class Trouble:
    """Says once that the database is gone and once that it is back, and how long to wait meanwhile.

    Of all workers of the process the first one says that it is gone, and the first one that it is back.
    """

    # Who has said that it is gone.
    _told: ClassVar["WeakSet[Trouble]"] = WeakSet()

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._failures = 0

    def pause_s(self, error: Exception) -> float:
        """Return how many seconds to wait, doubling from a tenth up to ten."""
        # Who has missed it before may fail once more while others have it back already.
        if self._failures == 0 and not self._told:
            log.error("database_gone", worker=self._worker, error=type(error).__name__)
            self._told.add(self)
        self._failures += 1
        metrics.database_trouble(self._worker)
        return float(min(10.0, 0.1 * 2 ** min(self._failures, 7)))

    def over(self) -> None:
        if self._failures == 0:
            return
        if self._told:
            log.info("database_back", worker=self._worker, failures=self._failures)
            self._told.clear()
        self._failures = 0


def may_be_handed_over(contact: Contact) -> bool:
    """Nothing is kept of who refused, so there is nothing a caseworker could be given."""
    return contact.role is Role.BENEFICIARY and contact.consent is not Consent.REFUSED


def _turn(
    unit: UnitOfWork,
    voice: Voice,
    contact: Contact,
    texts: Texts,
    now: datetime,
    channel: Channel | None = None,
    address_id: int | None = None,
) -> Turn[Any]:
    return Turn(
        draft=None,
        contact=contact,
        texts=texts,
        all_texts=voice.of,
        now=now,
        desk=unit,
        world=voice.world,
        channel=channel,
        address_id=address_id,
    )


def _may_be_kept(inbound: Inbound, contact: Contact) -> bool:
    """Whether an update may stand in the inbox: people are told that these never do."""
    return not isinstance(inbound.reply, Location) and contact.consent is not Consent.REFUSED


def _message(
    text: str, texts: Texts, choices: Any, prompt_ref: str | None, tap_ref: str | None = None
) -> OutboundMessage:
    return OutboundMessage(
        text=text,
        language=texts.language,
        direction=texts.direction,
        choices=tuple(choices),
        prompt_ref=prompt_ref,
        tap_ref=tap_ref,
    )


def _comes(effect: Effect) -> int:
    """Return a number that puts the answer before its page, map or recording, and what is pushed last."""
    return [Show, SendDocument, SendVenue, SendClip, Push].index(type(effect))


def _beside(effect: Effect, texts: Texts) -> OutboundMessage | None:
    """Return the message of what is sent under a prompt; None when the effect is something else."""
    match effect:
        case SendDocument(document):
            return replace(_message(caption(document.kind, texts), texts, (), None), document=document)
        case SendVenue(venue):
            return _pin(venue, texts)
        case SendClip(clip):
            words = texts.gettext("This can't be played here. What it says is written above.")
            return replace(_message(words, texts, (), None), clip=clip)
    return None


def _pin(venue: Venue, texts: Texts) -> OutboundMessage:
    """Return the message of a place on the map; in words it is its name and address."""
    words = "\n".join(filter(None, (venue.name, venue.address)))
    return replace(_message(words, texts, (), None), venue=venue)


def _location_label(texts: Texts) -> str:
    # Translators: label, at most 24 characters.
    return texts.pgettext("button", "📍 Share my location")


def _with_media(message: OutboundMessage, prompt: Any, channel: Channel) -> OutboundMessage:
    """Attach what the prompt forwards; a channel's handle means nothing to another channel."""
    media = prompt.media
    if media is None or media.channel is not channel:
        return message
    return replace(message, media_kind=media.kind.value, media_ref=media.ref)


async def _notice_meant(
    unit: UnitOfWork, contact_id: ContactId, session: Session, inbound: Inbound
) -> Notice | None:
    """Return the notice a tap was on; for typed words the newest, when it is the last thing shown."""
    match inbound.reply:
        case Tap(prompt_ref) if _NOTICE_REF.fullmatch(prompt_ref):
            return await unit.sessions.notice(contact_id, int(prompt_ref[1:]))
        case Text():
            return await unit.sessions.newest_notice(contact_id, since=session.shown_at)
    return None


def _known(language: str | None) -> str | None:
    """Return the device's language as one of ours, None when it says nothing useful."""
    return {"fr": "fr", "en": "en", "ar": "ary"}.get((language or "").split("-")[0])
