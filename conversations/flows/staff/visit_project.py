"""The life project that goes along with a visit, as a caseworker of its centre reads it."""

from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import LifeProject
from conversations.care.people import CASEWORKERS
from conversations.engine.flow import Choice, Enter, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.attached_project import project_for
from conversations.flows.life_project_words import told
from conversations.flows.staff.propose import AgendaDraft
from conversations.flows.staff.visit_actions import VISIT_PROJECT, open_project, own_visit


class ShowProject(Step[AgendaDraft]):
    """Show the person's own words under headings in the caseworker's language."""

    name = "project"

    async def ask(self, turn: Turn[AgendaDraft]) -> Prompt:
        # Translators: label, at most 20 characters. Back to the visit that the project is for.
        back = Choice("visit", turn.pgettext("button", "🗓️ The visit"))
        visit = await own_visit(turn, turn.draft.appointment_id)
        project = await project_for(turn, visit) if visit else None
        if visit is None or project is None:
            return Prompt(turn.gettext("The life project is no longer with this visit."), [back])
        head = turn.gettext("📄 Visit {code}: the life project, in the person's own words.")
        # Translators: label, at most 20 characters. The project as a page to print.
        page = Choice("page", turn.pgettext("button", "🖨️ As a page"))
        return Prompt("\n\n".join((head.format(code=visit.code), _told(turn, project))), [page, back])

    async def chosen(self, turn: Turn[AgendaDraft], choice_id: str) -> Move:
        draft = turn.draft
        if choice_id == "visit":
            return Enter("agenda", draft, step="visit")
        visit = await open_project(turn, draft.appointment_id)
        if isinstance(visit, str):
            return Enter("agenda", draft, step="visit", notice=visit)
        turn.send_document(Document(DocumentKind.LIFE_PROJECT, visit.contact_id, visit_id=visit.id))
        return Enter(VISIT_PROJECT, draft, notice=turn.gettext("🖨️ The page comes in a moment."))


def _told(turn: Turn[AgendaDraft], project: LifeProject) -> str:
    return told(turn.texts, project) or turn.gettext("Nothing is written in it yet.")


VISIT_PROJECT_FLOW = Flow(VISIT_PROJECT, AgendaDraft, (ShowProject,), roles=CASEWORKERS)
