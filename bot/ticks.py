"""Ticks: what happens by itself. Due reminders and check-ins, announcements, holidays, retention.

What matters is a row with a time; ticks only look. APScheduler wakes those by the clock, in the
country's zone; the due rows wake themselves, since the next one's time is known.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from bot import after_visits
from bot.clock import Clock
from bot.closing_ticks import ClosingTicks
from bot.comparisons import end_comparisons
from bot.holidays import proposed_closures
from bot.staff_questions import StaffQuestions
from bot.turns import IDLE_S, Trouble, Voice, on_its_own, show_push, work_off
from bot.waiting_ticks import WaitingTicks
from conversations.care import check_ins, reminders
from conversations.care.announcements import Announcement
from conversations.care.check_ins import CheckInStep
from conversations.care.quiet import is_quiet, next_allowed
from conversations.care.reminders import ReminderStep
from conversations.care.visits import VisitNews
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel
from conversations.engine.turn import Push
from conversations.flows.news import AnnouncementNews, CheckInNews
from storage.budgets import BudgetStore
from storage.database import Database
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.retention import BATCH, Grows, RetentionStore
from storage.schedule import DueMessage
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

DUE_BATCH = 50
# How often a running announcement's progress is looked at; edits of one chat may come once a second.
PROGRESS_EVERY_S = 2.0
# It is written over when so large a part more of the people has had it: each time takes a message of the
# platform's rate from them.
PROGRESS_PARTS = 50
HOLIDAYS_AHEAD = timedelta(days=120)
# News waits this long for people who are out of reach, such as those whose web page is closed.
ANNOUNCEMENT_LIFE = timedelta(days=1)

# How long rows are kept. The law fixes no period for this use; these are the team's.
KEEP = {
    Grows.INBOX: timedelta(days=7),
    Grows.OUTBOX: timedelta(days=30),
    Grows.DUE: timedelta(days=60),
    Grows.NOTICES: timedelta(days=60),
    Grows.TASKS: timedelta(days=90),
    Grows.LOOKS: timedelta(days=365),
    Grows.COMPLAINTS: timedelta(days=90),
}
KEEP_UNANSWERED = timedelta(days=365)
KEEP_REFUSED = timedelta(days=1)
KEEP_ERASED = timedelta(hours=1)
# Between two steps of forgetting, so that others get their turn.
STEP_PAUSE_S = 0.05


class Ticks:
    """One process's timers. `backup` makes the day's backup unless there is one; None: none is made.

    `look` is done at once and each minute: see bot.alerts.
    """

    def __init__(
        self,
        database: Database,
        voice: Voice,
        clock: Clock,
        *,
        backup: Callable[[], Awaitable[None]] | None = None,
        look: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._database = database
        self._voice = voice
        self._clock = clock
        self._backup = backup
        self._look = look

    async def run(self) -> None:
        """Tick until cancelled."""
        scheduler = AsyncIOScheduler(timezone=self._voice.world.zone)
        for job, trigger in self.timers():
            scheduler.add_job(
                _guarded(job), trigger, coalesce=True, misfire_grace_time=6 * 3600, max_instances=1
            )
        scheduler.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._due())
                group.create_task(self._progress())
                group.create_task(ClosingTicks(self._database, self._voice, self._clock).run())
                group.create_task(WaitingTicks(self._database, self._voice, self._clock).run())
                # A machine that is switched off at night would never forget anybody.
                group.create_task(_guarded(self.forget)())
                group.create_task(_guarded(self.forget_people)())
                if self._look:
                    group.create_task(_guarded(self._look)())
        finally:
            scheduler.shutdown(wait=False)

    def timers(self) -> list[tuple[Callable[[], Awaitable[None]], CronTrigger]]:
        """Return what is done by the clock, with its times in the country's zone."""
        zone = self._voice.world.zone
        backup = [(self._backup, CronTrigger(minute=0, timezone=zone))] if self._backup else []
        look = [(self._look, CronTrigger(second=0, timezone=zone))] if self._look else []
        questions = StaffQuestions(self._database, self._voice, self._clock)
        return [
            *backup,
            *look,
            (self.ask_for_marks, CronTrigger(hour=18, minute=0, timezone=zone)),
            (self.propose_holidays, CronTrigger(hour=3, minute=30, timezone=zone)),
            (questions.ask_staff, CronTrigger(hour=9, timezone=zone)),
            (self.forget, CronTrigger(hour=4, minute=30, timezone=zone)),
            (self.forget_people, CronTrigger(minute=7, timezone=zone)),
            (self.end_comparisons, CronTrigger(minute=23, timezone=zone)),
        ]

    # Due rows

    async def _due(self) -> None:
        await work_off(self._database, "due", "ticks", self.turn_due, self._pause_s)

    async def turn_due(self) -> int:
        """Turn one batch of due rows into messages and return how many rows there were.

        A row is only a plan: what it is about is looked at now, in the same transaction.
        """
        async with self._database.transaction() as unit:
            now = self._clock.now()
            rows = await unit.schedule.claim_due(now, DUE_BATCH)
            turned: list[int] = []
            dropped: list[int] = []
            for row in rows:
                later = self._after_quiet_hours(row, now)
                if later is not None:
                    await unit.schedule.put_off(row.id, later)
                    continue
                shown = False
                async with on_its_own(unit, "due_failed", due=row.id, purpose=row.purpose):
                    shown = await show_push(unit, await self._push(unit, row), self._voice, now=now)
                (turned if shown else dropped).append(row.id)
            await unit.schedule.turned(turned)
            await unit.schedule.dropped(dropped)
        if rows:
            log.info("due_turned", shown=len(turned), dropped=len(dropped))
        return len(rows)

    async def _push(self, unit: UnitOfWork, row: DueMessage) -> Push:
        if row.purpose in after_visits.PURPOSES:
            return await after_visits.push_of(unit, row, self._voice)
        key = f"{row.subject}:{row.step}:{row.version}"
        zone = self._voice.world.zone
        draft: CheckInNews | VisitNews
        if row.purpose == Purpose.CHECK_IN:
            flow, draft = "check_in", CheckInNews(CheckInStep(row.step))
            contact = await unit.contacts.get(row.contact_id)
            enrolled = to_local(contact.enrolled_at or row.due_at, zone)
            until = check_ins.useful_until(draft.step, due_local=check_ins.check_in_due(draft.step, enrolled))
        else:
            flow, draft = "reminder", VisitNews(_subject_id(row), row.version, step=row.step)
            step, visit = ReminderStep(row.step), await unit.appointments.get(draft.appointment_id)
            starts, whose = visit.starts_local, await unit.contacts.get(row.contact_id)
            due = reminders.reminder_due(step, starts, whose.reminder_hour)
            until = reminders.useful_until(step, due_local=due, starts_local=starts)
        return Push(
            row.contact_id, flow, draft, row.purpose, key, row.subject,
            keeps_quiet=_keeps_quiet(row), useful_until=to_utc(until, zone),
        )  # fmt: skip

    def _after_quiet_hours(self, row: DueMessage, now: datetime) -> datetime | None:
        """Return when a row that comes late, in the night, may go out; None when now is fine."""
        local = to_local(now, self._voice.world.zone)
        if not _keeps_quiet(row) or not is_quiet(local):
            return None
        return to_utc(next_allowed(local), self._voice.world.zone)

    async def _pause_s(self) -> float:
        async with self._database.reading() as unit:
            at = await unit.schedule.next_due_at()
        if at is None:
            return IDLE_S
        return min(IDLE_S, max(0.02, (at - self._clock.now()).total_seconds()))

    # Announcements

    async def _progress(self) -> None:
        trouble = Trouble("progress")
        while True:
            try:
                await self.tell_progress()
                trouble.over()
                pause_s = PROGRESS_EVERY_S
            except (DatabaseLocked, DatabaseUnreachable) as error:
                pause_s = trouble.pause_s(error)
            await asyncio.sleep(pause_s)

    async def tell_progress(self) -> None:
        """Rewrite the progress message of each running announcement, and end those that are through."""
        async with self._database.reading() as unit:
            running = await unit.announcements.running()
        for announcement in running:
            async with self._database.transaction() as unit:
                await self._tell_one(unit, announcement)

    async def _tell_one(self, unit: UnitOfWork, announcement: Announcement) -> None:
        now = self._clock.now()
        progress = await unit.announcements.count_once(announcement.id)
        has_ended = progress.waiting == 0 or now - announcement.started_at > ANNOUNCEMENT_LIFE
        if has_ended:
            await unit.announcements.finish(announcement.id, now=now)
            log.info("announcement_done", announcement=announcement.id, sent=progress.sent)
        elif not await _sees_it_written_over(unit, announcement):
            # There it would be a message of its own each time, and be paid for: they hear of the end.
            return
        subject = f"announcement:{announcement.id}"
        tried = progress.total - progress.waiting
        done = "end" if has_ended else tried * PROGRESS_PARTS // progress.total
        push = Push(
            contact_id=announcement.author,
            flow="announcement_progress",
            draft=AnnouncementNews(announcement.id),
            purpose=Purpose.STAFF,
            key=f"{subject}:progress:{done}",
            subject=subject,
            replaces=f"{subject}:progress:0",
        )
        async with on_its_own(unit, "progress_failed", announcement=announcement.id):
            await show_push(unit, push, self._voice, now=now)

    # By the clock

    async def ask_for_marks(self) -> None:
        """Remind caseworkers of today's visits of which nobody has said how they went."""
        await after_visits.ask_for_marks(self._database, self._voice, self._clock)

    async def propose_holidays(self) -> None:
        """Write the public holidays of the coming months as proposed closures; staff have the last word."""
        async with self._database.transaction() as unit:
            today = to_local(self._clock.now(), self._voice.world.zone).date()
            await propose_holidays(unit, today)

    async def end_comparisons(self) -> None:
        await end_comparisons(self._database, self._voice, self._clock)

    async def forget(self) -> None:
        """Delete what is no longer needed, some rows at a time: people are served meanwhile."""
        now = self._clock.now()
        await self._in_steps(partial(self._settle, now - KEEP[Grows.OUTBOX]))
        counts = {what.value: await self._prune(what, now - age) for what, age in KEEP.items()}
        await self._in_steps(self._forget_chats)
        await self._in_steps(partial(self._forget_openings, now))
        await self._in_steps(lambda unit: unit.holds.forget(before=now, limit=BATCH))
        week = to_local(now - KEEP_UNANSWERED, self._voice.world.zone).date()
        await self._in_steps(lambda unit: unit.unanswered.forget(before=week, limit=BATCH))
        log.info("retention_done", **counts)

    async def forget_people(self) -> None:
        """Delete people who asked for it or never agreed, and the numbers to call of visits that are over."""
        now = self._clock.now()
        refused = await self._in_steps(partial(self._forget_refused, now - KEEP_REFUSED))
        erased = await self._in_steps(partial(self._forget_erased, now - KEEP_ERASED))
        log.info("people_forgotten", refused=refused, erased=erased)
        today = to_local(now, self._voice.world.zone).date()
        async with self._database.transaction() as unit:
            await unit.appointments.forget_phones(before=today)

    async def _prune(self, what: Grows, before: datetime) -> int:
        rows, after = 0, 0
        while True:
            async with self._database.transaction() as unit:
                done = await RetentionStore(unit.connection).prune(what, before=before, after=after)
            rows += done.rows
            if done.after is None:
                return rows
            after = done.after
            await asyncio.sleep(STEP_PAUSE_S)

    async def _in_steps(self, step: Callable[[UnitOfWork], Awaitable[int]]) -> int:
        """Do a step, in a transaction of its own, until nothing is left; returns how many it did."""
        total = 0
        while True:
            async with self._database.transaction() as unit:
                done = await step(unit)
            if not done:
                return total
            total += done
            await asyncio.sleep(STEP_PAUSE_S)

    @staticmethod
    async def _settle(before: datetime, unit: UnitOfWork) -> int:
        return await unit.announcements.settle(before=before)

    @staticmethod
    async def _forget_chats(unit: UnitOfWork) -> int:
        return await BudgetStore(unit.connection).forget_chats(limit=BATCH)

    @staticmethod
    async def _forget_openings(now: datetime, unit: UnitOfWork) -> int:
        return await unit.billing.forget_openings(now=now)

    @staticmethod
    async def _forget_refused(before: datetime, unit: UnitOfWork) -> int:
        return await unit.contacts.forget_refused(before=before)

    @staticmethod
    async def _forget_erased(before: datetime, unit: UnitOfWork) -> int:
        return await unit.contacts.forget_erased(before=before)


async def propose_holidays(unit: UnitOfWork, today: date) -> None:
    """Propose the country's holidays from today on; days that staff decided are left alone."""
    proposals = proposed_closures(today, today + HOLIDAYS_AHEAD)
    await unit.closures.propose([(p.day, p.name_fr, p.name_ar, p.estimated) for p in proposals])


def _subject_id(row: DueMessage) -> int:
    return int(row.subject.rpartition(":")[2])


def _keeps_quiet(row: DueMessage) -> bool:
    """Two hours before an early visit is the one reminder that may come at night."""
    return row.step != ReminderStep.TWO_HOURS_BEFORE


async def _sees_it_written_over(unit: UnitOfWork, announcement: Announcement) -> bool:
    address = await unit.addresses.preferred(announcement.author)
    return address is None or address.channel != Channel.WHATSAPP


def _guarded(job: Callable[[], Awaitable[None]]) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the job so that a failure is logged and the next time tries again."""

    async def run() -> None:
        try:
            await job()
        except Exception:
            log.exception("tick_failed", job=getattr(job, "__name__", "job"))

    return run
