"""Where a caseworker starts from."""

from dataclasses import dataclass

from conversations.care.people import CASEWORKERS
from conversations.care.visits import waiting_requests
from conversations.engine.flow import Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.staff.agenda import AGENDA, WEEK
from conversations.flows.staff.centre_details import enter_centre
from conversations.flows.staff.figures import FIGURES
from conversations.flows.staff.propose import AgendaDraft
from conversations.flows.staff.tasks import TASKS
from conversations.flows.visit_words import city


@dataclass
class CaseworkerMenu:
    """Keeps nothing."""


class ShowMenu(Step[CaseworkerMenu]):
    """Say what the day holds and offer the ways on."""

    name = "menu"

    async def ask(self, turn: Turn[CaseworkerMenu]) -> Prompt:
        choices = [
            # Translators: label, at most 24 characters.
            Choice("today", turn.pgettext("button", "📅 Today")),
            # Translators: label, at most 24 characters.
            Choice("week", turn.pgettext("button", "🗓️ This week")),
            # Translators: label, at most 24 characters. People who wait for an answer or a call.
            Choice("tasks", turn.pgettext("button", "🙋 People waiting")),
            # Translators: label, at most 24 characters.
            Choice("centre", turn.pgettext("button", "🏢 My centre")),
            # Translators: label, at most 24 characters. What a caseworker is called before people.
            Choice("own_name", turn.pgettext("button", "👤 My name")),
            # Translators: label, at most 24 characters. How many came to their visits.
            Choice(FIGURES.name, turn.pgettext("button", "📊 Figures")),
            # Translators: label, at most 24 characters. Also: use this on another phone or app.
            Choice("addresses", turn.pgettext("button", "📱 Phones and apps")),
            # Translators: label, at most 24 characters.
            Choice(Word.LANGUAGE, turn.pgettext("button", "🌐 Language")),
        ]
        return Prompt(await _day(turn), choices, navigation=False)

    async def chosen(self, turn: Turn[CaseworkerMenu], choice_id: str) -> Move:
        match choice_id:
            case "today":
                return Enter(AGENDA.name, AgendaDraft())
            case "week":
                return Enter(AGENDA.name, AgendaDraft(days=WEEK))
            case "tasks":
                return Enter(TASKS.name)
            case "own_name" | "addresses" | FIGURES.name:
                return Enter(choice_id)
            case _:
                return enter_centre(turn)


async def _day(turn: Turn[CaseworkerMenu]) -> str:
    """Return the centre, today's visits, how many people wait and how many requests."""
    slug, desk = turn.contact.centre_slug, turn.desk
    if slug is None:
        return turn.gettext("You belong to no centre yet. Ask for a new invitation.")
    visits = len(await desk.appointments.agenda(slug, turn.today, turn.today))
    mine = (None, turn.contact.id)
    waiting = len([task for task in await desk.tasks.open(slug) if task.taken_by in mine])
    lines = [
        turn.gettext("🏢 Centre of {city}").format(city=city(turn, await desk.centres.get(slug))),
        turn.ngettext("{n} visit today", "{n} visits today", visits).format(n=visits),
        turn.ngettext("{n} person waits for you", "{n} people wait for you", waiting).format(n=waiting),
    ]
    if requests := len(await waiting_requests(turn, slug)):
        lines.append(
            turn.ngettext(
                "⏳ {n} request waits to be confirmed", "⏳ {n} requests wait to be confirmed", requests
            ).format(n=requests)
        )
    return "\n".join(lines)


CASEWORKER_MENU = Flow("caseworker_menu", CaseworkerMenu, (ShowMenu,), roles=CASEWORKERS)
