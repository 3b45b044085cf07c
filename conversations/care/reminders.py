"""When a person is reminded of a visit.

Few reminders, and the one on the eve is the one that works: in the trial on
supervision visits it cut missed ones by 29 %, a single text two days before did
nothing (Hastings 2021); 7, 3 and 1 days is the usual spacing (Fishbane 2020).
All times are wall times in the centre's zone.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from conversations.care.quiet import QUIET_FROM

# Somebody who has just booked has the confirmation before their eyes.
AFTER_BOOKING = timedelta(minutes=30)
WEEK_AHEAD_WHEN_BOOKED = timedelta(days=10)
# The hours among which a person may choose (CARE+ Corrections, JMIR 2020), all outside the quiet hours, and
# those of somebody who chose none.
HOURS = (8, 10, 12, 14, 17, 20)
USUAL_HOUR, USUAL_HOUR_ON_THE_EVE = 10, 18
# Whoever was asked and has said nothing so long before the visit may not come.
ANSWER_EXPECTED = timedelta(hours=4)


class ReminderStep(StrEnum):
    """The values are stored and part of the outbox key."""

    WEEK_BEFORE = "t-7d"
    THREE_DAYS_BEFORE = "t-3d"
    DAY_BEFORE = "t-1d"
    TWO_HOURS_BEFORE = "t-2h"


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """`due_local` is naive wall time."""

    step: ReminderStep
    due_local: datetime


def plan_reminders(
    starts_local: datetime, *, booked_at_local: datetime, hour: int | None = None
) -> list[PlannedReminder]:
    """Return the reminders of a visit, earliest first. `hour` is the person's choice, None the usual ones.

    A visit that moves is planned anew, with the moment of the change as
    `booked_at_local`. None is due earlier than 30 minutes after the booking,
    nor in the quiet hours, except two hours before a visit early in the morning.

    No two can come within three hours of each other: those on earlier days have
    fixed hours, and the last one is due on the day itself.
    """
    earliest = booked_at_local + AFTER_BOOKING
    return [
        PlannedReminder(step, due)
        for step in ReminderStep
        if (due := reminder_due(step, starts_local, hour)) >= earliest
        and _is_wanted(step, starts_local, booked_at_local)
    ]


def still_useful(
    step: ReminderStep, *, due_local: datetime, now_local: datetime, starts_local: datetime
) -> bool:
    """Whether a reminder that comes late (the service was down) still helps.

    Judge it at the moment it would leave: one held back by quiet hours is asked
    about again at their end. It may then arrive on another day than planned, so
    its text names the date rather than saying "tomorrow".
    """
    return now_local < useful_until(step, due_local=due_local, starts_local=starts_local)


def useful_until(step: ReminderStep, *, due_local: datetime, starts_local: datetime) -> datetime:
    """Return the wall time from which on a late reminder helps nobody."""
    match step:
        case ReminderStep.WEEK_BEFORE | ReminderStep.THREE_DAYS_BEFORE:
            # The next one is still days away; after a day it is the better one.
            return due_local + timedelta(days=1)
        case ReminderStep.DAY_BEFORE:
            # Three hours before the next reminder: later, the two would say the same twice. Before a visit in
            # the night there is no other one.
            return max(starts_local - timedelta(hours=5), due_local + timedelta(hours=1))
        case ReminderStep.TWO_HOURS_BEFORE:
            # Too late to set out, and a knock on the door of somebody who already has.
            return starts_local - timedelta(minutes=30)


def reminder_due(step: ReminderStep, starts_local: datetime, hour: int | None = None) -> datetime:
    """Return when the reminder of a visit is due, in naive wall time; `hour` as the person chose it."""
    match step:
        case ReminderStep.WEEK_BEFORE:
            days, usual = 7, USUAL_HOUR
        case ReminderStep.THREE_DAYS_BEFORE:
            days, usual = 3, USUAL_HOUR
        case ReminderStep.DAY_BEFORE:
            days, usual = 1, USUAL_HOUR_ON_THE_EVE
        case ReminderStep.TWO_HOURS_BEFORE:
            return starts_local - timedelta(hours=2)
    return datetime.combine(starts_local.date() - timedelta(days=days), time(usual if hour is None else hour))


def _is_wanted(step: ReminderStep, starts_local: datetime, booked_at_local: datetime) -> bool:
    match step:
        case ReminderStep.WEEK_BEFORE:
            return starts_local.date() - booked_at_local.date() >= WEEK_AHEAD_WHEN_BOOKED
        case ReminderStep.TWO_HOURS_BEFORE:
            # Before a visit in the early morning it may ring early, but late in the evening never.
            return reminder_due(step, starts_local).time() < QUIET_FROM
        case _:
            return True
