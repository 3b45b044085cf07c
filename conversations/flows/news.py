"""What pushed prompts are about: the drafts that one flow hands to another person's flow.

News of a visit is `conversations.care.visits.VisitNews`.
"""

from dataclasses import dataclass

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
class CheckInNews:
    """Which "how are you?" it is (flow "check_in")."""

    step: CheckInStep = CheckInStep.FIRST_DAY


@dataclass
class AnnouncementNews:
    """An announcement that is being sent or was (flows "announcement", "announcement_progress")."""

    announcement_id: int = 0
