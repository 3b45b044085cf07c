"""Where a manager starts from."""

from dataclasses import dataclass

from conversations.care.people import MANAGERS
from conversations.engine.flow import Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.staff.broadcast import BROADCAST
from conversations.flows.staff.centre_details import enter_centre
from conversations.flows.staff.complaints import COMPLAINTS
from conversations.flows.staff.content import CONTENT
from conversations.flows.staff.experiments import EXPERIMENTS
from conversations.flows.staff.figures import FIGURES
from conversations.flows.staff.unanswered import UNANSWERED, UnansweredDraft


@dataclass
class ManagerMenu:
    """Keeps nothing."""


class ShowMenu(Step[ManagerMenu]):
    """Say in how many centres hours are missing, and offer the ways on."""

    name = "menu"

    async def ask(self, turn: Turn[ManagerMenu]) -> Prompt:
        choices = [
            # Translators: label, at most 24 characters. Write an announcement.
            Choice("broadcast", turn.pgettext("button", "📢 Announcement")),
            # Translators: label, at most 24 characters. Change programmes, services and answers.
            Choice("content", turn.pgettext("button", "✏️ What people read")),
            # Translators: label, at most 24 characters. What people asked and nobody has answered yet.
            Choice("unanswered", turn.pgettext("button", "❓ No answer yet")),
            # Translators: label, at most 24 characters. Compares two wordings of a reminder.
            Choice("experiments", turn.pgettext("button", "📊 Compare wordings")),
            # Translators: label, at most 24 characters.
            Choice("centres", turn.pgettext("button", "🏢 Centres")),
            # Translators: label, at most 24 characters. What people complained about.
            Choice(COMPLAINTS.name, turn.pgettext("button", "📮 Complaints")),
            # Translators: label, at most 24 characters. How many came to their visits.
            Choice(FIGURES.name, turn.pgettext("button", "📊 Figures")),
            # Translators: label, at most 24 characters. Also: use this on another phone or app.
            Choice("addresses", turn.pgettext("button", "📱 Phones and apps")),
            # Translators: label, at most 24 characters.
            Choice(Word.LANGUAGE, turn.pgettext("button", "🌐 Language")),
        ]
        return Prompt(await _state(turn), choices, navigation=False)

    async def chosen(self, turn: Turn[ManagerMenu], choice_id: str) -> Move:
        match choice_id:
            case "broadcast":
                return Enter(BROADCAST.name)
            case "content":
                return Enter(CONTENT.name)
            case "unanswered":
                return Enter(UNANSWERED.name, UnansweredDraft())
            case "experiments":
                return Enter(EXPERIMENTS.name)
            case "addresses" | COMPLAINTS.name | FIGURES.name:
                return Enter(choice_id)
        return enter_centre(turn)


async def _state(turn: Turn[ManagerMenu]) -> str:
    centres = await turn.desk.centres.open()
    missing = len([centre for centre in centres if not centre.hours_confirmed])
    lines = [turn.gettext("What would you like to do?")]
    if missing:
        lines.append(
            turn.ngettext(
                "{n} centre has no hours of its own yet.",
                "{n} centres have no hours of their own yet.",
                missing,
            ).format(n=missing)
        )
    if complaints := len(await turn.desk.complaints.open()):
        lines.append(
            turn.ngettext("📮 {n} complaint is open.", "📮 {n} complaints are open.", complaints).format(
                n=complaints
            )
        )
    return "\n".join(lines)


MANAGER_MENU = Flow("manager_menu", ManagerMenu, (ShowMenu,), roles=MANAGERS)
