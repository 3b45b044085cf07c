"""What comes by itself after visits: words to people, and the evening's reminder to note how visits went."""

from datetime import datetime, time, timedelta

import structlog

from bot.clock import Clock
from bot.turns import Voice, on_its_own, show_push
from conversations.care.attendance import AFTER_FLOWS, AfterStep, useful_until
from conversations.care.people import ContactId, Role
from conversations.care.visits import VisitNews, subject_of
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.news import ComplaintNews, UnmarkedVisits
from storage.database import Database
from storage.schedule import DueMessage
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

# What falls due after visits; everything else is a reminder or a check-in.
PURPOSES = frozenset({Purpose.VISIT, Purpose.FEEDBACK, Purpose.STAFF})
# What was not noted by the next noon the agenda shows anyway.
NOTED_UNTIL = timedelta(hours=18)


async def push_of(unit: UnitOfWork, row: DueMessage, voice: Voice) -> Push:
    """Return what a due row of these purposes becomes.

    Raises AppointmentNotLive when the visit's person is forgotten.
    """
    kind, _, number = row.subject.partition(":")
    if kind == "complaint":
        news = ComplaintNews(int(number))
        key = f"{row.subject}:new:{row.contact_id}"
        return Push(
            row.contact_id, "complaint_news", news, row.purpose, key, row.subject, keeps_quiet=True
        )  # fmt: skip
    step, visit = AfterStep(row.step), await unit.appointments.get(int(number))
    zone = voice.world.zone
    until = useful_until(step, due_local=to_local(row.due_at, zone), starts_local=visit.starts_local)
    return Push(
        row.contact_id,
        AFTER_FLOWS[step],
        VisitNews(visit.id, row.version, step=step.value),
        row.purpose,
        # Without the version: who heard it hears it again only of another time.
        f"{subject_of(visit.id)}:{step}:{visit.starts_local:%Y%m%dT%H%M}",
        row.subject,
        keeps_quiet=True,
        useful_until=to_utc(until, zone),
    )


async def ask_for_marks(database: Database, voice: Voice, clock: Clock) -> None:
    """Tell each caseworker once of how many of today's visits at their centre nobody said how they went."""
    async with database.transaction() as unit:
        now = clock.now()
        today = to_local(now, voice.world.zone).date()
        until = to_utc(datetime.combine(today, time(18)), voice.world.zone) + NOTED_UNTIL
        for slug, count in (await unit.appointments.unmarked(today, now=now)).items():
            told = [
                await _tell(unit, contact.id, UnmarkedVisits(slug, today), voice, now=now, until=until)
                for contact in await unit.contacts.staff(Role.CASEWORKER, slug)
            ]
            log.info("marks_asked_for", centre=slug, visits=count, told=sum(told))


async def _tell(
    unit: UnitOfWork,
    contact_id: ContactId,
    draft: UnmarkedVisits,
    voice: Voice,
    *,
    now: datetime,
    until: datetime,
) -> bool:
    key = f"unmarked:{draft.centre_slug}:{draft.day}:{contact_id}"
    push = Push(
        contact_id, "unmarked_visits", draft, Purpose.STAFF, key, keeps_quiet=True, useful_until=until
    )
    shown = False
    async with on_its_own(unit, "push_failed", flow=push.flow):
        shown = await show_push(unit, push, voice, now=now)
    return shown  # noqa: RET504 - the block may be undone half-way
