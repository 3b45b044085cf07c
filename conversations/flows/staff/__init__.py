"""All flows of caseworkers, managers and administrators, and their commands."""

from collections.abc import Mapping
from typing import Any

from conversations.engine.engine import CommandHandler
from conversations.engine.flow import Flow
from conversations.flows.staff.administrator_menu import ADMINISTRATOR_MENU
from conversations.flows.staff.agenda import AGENDA, today, week
from conversations.flows.staff.alert import ALERT
from conversations.flows.staff.announcement_progress import ANNOUNCEMENT_PROGRESS
from conversations.flows.staff.answer import ANSWER_FLOW
from conversations.flows.staff.arrival_news import ARRIVAL_NEWS
from conversations.flows.staff.broadcast import BROADCAST, broadcast
from conversations.flows.staff.caseworker_menu import CASEWORKER_MENU
from conversations.flows.staff.centre_details import CENTRE_DETAILS, show_centre
from conversations.flows.staff.content import CONTENT, change_content
from conversations.flows.staff.invitation import INVITATION, redeem
from conversations.flows.staff.manager_menu import MANAGER_MENU
from conversations.flows.staff.propose import PROPOSE
from conversations.flows.staff.task_news import TASK_NEWS
from conversations.flows.staff.tasks import TASKS, show_tasks
from conversations.flows.staff.template_news import TEMPLATE_NEWS
from conversations.flows.staff.unanswered import UNANSWERED, show_unanswered
from conversations.flows.staff.unheard_request import UNHEARD
from conversations.flows.staff.visit_news import VISIT_NEWS
from conversations.flows.staff.visit_project import VISIT_PROJECT_FLOW

__all__ = ["STAFF_COMMANDS", "STAFF_FLOWS", "redeem"]

STAFF_FLOWS: tuple[Flow[Any], ...] = (
    INVITATION,
    CASEWORKER_MENU,
    MANAGER_MENU,
    VISIT_NEWS,
    ARRIVAL_NEWS,
    UNHEARD,
    PROPOSE,
    AGENDA,
    VISIT_PROJECT_FLOW,
    TASKS,
    TASK_NEWS,
    ANSWER_FLOW,
    CENTRE_DETAILS,
    BROADCAST,
    CONTENT,
    UNANSWERED,
    ANNOUNCEMENT_PROGRESS,
    ADMINISTRATOR_MENU,
    ALERT,
    TEMPLATE_NEWS,
)

STAFF_COMMANDS: Mapping[str, CommandHandler] = {
    "today": today,
    "week": week,
    "tasks": show_tasks,
    "centre": show_centre,
    "broadcast": broadcast,
    "content": change_content,
    "unanswered": show_unanswered,
}
