"""What pushed prompts are about: the drafts that one flow hands to another person's flow.

News of a visit is `conversations.care.visits.VisitNews`.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from conversations.care.check_ins import CheckInStep


@dataclass
class TaskNews:
    """Something a caseworker has to do for a person (flow "task_news")."""

    task_id: int = 0


@dataclass
class Words:
    """What a caseworker answered to the person of a task (flow "staff_words")."""

    task_id: int = 0
    text: str = ""


@dataclass
class ComplaintNews:
    """A complaint that managers hear of (flow "complaint_news")."""

    complaint_id: int = 0


@dataclass
class ComplaintWords:
    """What a manager answered to a complaint (flow "complaint_answer")."""

    complaint_id: int = 0
    text: str = ""


@dataclass
class UnmarkedVisits:
    """A day of a centre of whose visits nobody has said how they went (flow "unmarked_visits")."""

    centre_slug: str = ""
    day: date | None = None


@dataclass
class CheckInNews:
    """Which "how are you?" it is (flow "check_in")."""

    step: CheckInStep = CheckInStep.FIRST_DAY


@dataclass
class AnnouncementNews:
    """An announcement that is being sent or was (flows "announcement", "announcement_progress")."""

    announcement_id: int = 0


@dataclass
class ExperimentNews:
    """A comparison of two wordings that has ended (flow "experiment_end")."""

    experiment_id: int = 0


@dataclass
class AddressNews:
    """Another of the person's own addresses (flow "address_added")."""

    address_id: int = 0


@dataclass
class MessageWaiting:
    """Somebody else who shares the phone, for whom a message waits (flow "message_waiting")."""

    contact_id: int = 0


class AlertKind(StrEnum):
    """What an administrator hears of the service itself."""

    UPDATES_WAITING = "updates_waiting"
    SENDS_FAILING = "sends_failing"
    DISK_FULL = "disk_full"
    BACKUP_OLD = "backup_old"
    # Told once, afterwards.
    STOOD_STILL = "stood_still"
    TAKEN_OVER = "taken_over"


@dataclass
class AlertNews:
    """Something is wrong with the service, or well again (flow "alert").

    `number`: minutes that messages wait or the service stood still, megabytes left, hours since the backup.
    """

    kind: AlertKind = AlertKind.UPDATES_WAITING
    is_over: bool = False
    number: int = 0


class TemplateEvent(StrEnum):
    """What the platform did to a template of ours."""

    PAUSED = "paused"
    # Refused, disabled or deleted.
    TAKEN_AWAY = "taken_away"
    BACK = "back"
    # It is charged as something else.
    CATEGORY = "category"


@dataclass
class TemplateNews:
    """A template that WhatsApp has changed its mind about (flow "template_news"), by its name there."""

    event: TemplateEvent = TemplateEvent.PAUSED
    name: str = ""
    category: str = ""
