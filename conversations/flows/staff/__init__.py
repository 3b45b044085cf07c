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
from conversations.flows.staff.closing import CLOSE, start_closing
from conversations.flows.staff.complaint_news import COMPLAINT_NEWS
from conversations.flows.staff.complaints import COMPLAINTS, show_complaints
from conversations.flows.staff.content import CONTENT, change_content
from conversations.flows.staff.experiment_end import EXPERIMENT_END
from conversations.flows.staff.experiments import EXPERIMENTS, show_experiments
from conversations.flows.staff.figures import FIGURES, show_figures
from conversations.flows.staff.group_sessions import GROUP_SESSIONS, show_groups
from conversations.flows.staff.invitation import INVITATION, redeem
from conversations.flows.staff.manager_menu import MANAGER_MENU
from conversations.flows.staff.moon_day import MOON_DAY
from conversations.flows.staff.own_name import OWN_NAME
from conversations.flows.staff.propose import PROPOSE
from conversations.flows.staff.ramadan_question import RAMADAN_QUESTION
from conversations.flows.staff.task_news import TASK_NEWS
from conversations.flows.staff.tasks import TASKS, show_tasks
from conversations.flows.staff.template_news import TEMPLATE_NEWS
from conversations.flows.staff.unanswered import UNANSWERED, show_unanswered
from conversations.flows.staff.unheard_request import UNHEARD
from conversations.flows.staff.unmarked_visits import UNMARKED_VISITS
from conversations.flows.staff.visit_news import VISIT_NEWS
from conversations.flows.staff.visit_project import VISIT_PROJECT_FLOW

__all__ = ["STAFF_COMMANDS", "STAFF_FLOWS", "redeem"]

STAFF_FLOWS: tuple[Flow[Any], ...] = (
    INVITATION,
    CASEWORKER_MENU,
    OWN_NAME,
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
    GROUP_SESSIONS,
    CLOSE,
    RAMADAN_QUESTION,
    MOON_DAY,
    BROADCAST,
    CONTENT,
    UNANSWERED,
    EXPERIMENTS,
    EXPERIMENT_END,
    ANNOUNCEMENT_PROGRESS,
    ADMINISTRATOR_MENU,
    ALERT,
    TEMPLATE_NEWS,
    UNMARKED_VISITS,
    FIGURES,
    COMPLAINT_NEWS,
    COMPLAINTS,
)

STAFF_COMMANDS: Mapping[str, CommandHandler] = {
    "today": today,
    "week": week,
    "tasks": show_tasks,
    "centre": show_centre,
    "groups": show_groups,
    "close": start_closing,
    "broadcast": broadcast,
    "content": change_content,
    "unanswered": show_unanswered,
    "experiments": show_experiments,
    "figures": show_figures,
    "complaints": show_complaints,
}
