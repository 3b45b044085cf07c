"""What can go wrong in the domain: one class per fact a caller can act on.

A person's wrong answer is not here: a flow answers it with `Again`. No text of
an exception ever names a person; it holds ids and codes only.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conversations.care.edits import Edit


class JisrError(Exception):
    """Something the domain refuses; every other class here is one kind of it."""


class SlotTaken(JisrError):
    """Every place of this centre at this day and time is held by a live visit."""


class NotWaiting(JisrError):
    """Whoever was to be offered a place has left the list, or is thinking about another one."""


class CentreUnknown(JisrError):
    """No centre has this slug."""


class AppointmentUnknown(JisrError):
    """No appointment has this id, or it belongs to somebody the asker may not see."""


class AppointmentNotLive(JisrError):
    """The visit was cancelled or is over, so it can't be confirmed, moved or cancelled."""


class TooManyVisits(JisrError):
    """The person has as many visits ahead as one may have, or has one on that day already."""


class GroupSessionGone(JisrError):
    """There is no such group session."""


class VisitChanged(JisrError):
    """The visit is no longer as it was seen: moved, confirmed or cancelled meanwhile, or it has begun."""


class InvitationInvalid(JisrError):
    """The invitation is unknown, used or past its time; which of these is not told."""


class HoursFault(StrEnum):
    """Why a text or a set of openings is no week of hours."""

    EMPTY = "empty"  # nothing is open on any day
    UNKNOWN_DAY = "unknown_day"
    DAY_TWICE = "day_twice"
    DAY_WITHOUT_HOURS = "day_without_hours"
    UNKNOWN_TIME = "unknown_time"
    ENDS_BEFORE_START = "ends_before_start"  # or at the same minute
    OVERLAP = "overlap"  # or not in the order of the day


class HoursUnreadable(JisrError):
    """These are no opening hours; `reason` says why, `part` shows the offending piece as typed."""

    def __init__(self, reason: HoursFault, part: str = "") -> None:
        super().__init__(reason.value, part)
        self.reason = reason
        self.part = part


class TaskUnknown(JisrError):
    """No task has this id."""


class TaskTaken(JisrError):
    """A colleague already took this task, or it is done."""


class CodeInvalid(JisrError):
    """The code that joins another address is unknown, used or past its time; which of these is not told."""


class CodesSlowed(JisrError):
    """So many wrong codes came from there that none counts for a while; `until` is an aware moment."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


class ProfileUnknown(JisrError):
    """The person does not, or no longer, use this address."""


class PinWrong(JisrError):
    """This is not the profile's PIN."""


class PinsSlowed(JisrError):
    """So many wrong PINs came that none counts for a while; `until` is an aware moment."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


class ChangedMeanwhile(JisrError):
    """Others published or rolled back what a manager was changing; `touches` are their edits."""

    def __init__(self, touches: "Sequence[Edit]") -> None:
        super().__init__(len(touches))
        self.touches = touches


class NothingToRollBack(JisrError):
    """No publication has this number, or it was rolled back already."""


class ExperimentRunning(JisrError):
    """The comparison has been started already and not ended."""
