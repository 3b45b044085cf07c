"""How many came in a week, and how they found it: a caseworker's centre, or a manager's choice of centres."""

from dataclasses import dataclass
from datetime import date, timedelta

from conversations.care.people import CASEWORKERS, MANAGERS, Role
from conversations.care.visit_figures import VisitFigures, week_from
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.small_numbers import shown
from conversations.flows.visit_words import city

EARLIER_WEEK, LATER_WEEK, CENTRE, ALL = "week_before", "week_after", "centre", "all"
# As far back as figures are looked at.
MOST_WEEKS_BACK = 52


@dataclass
class FiguresDraft:
    """`centre_slug` "": a manager looks at all centres together. `page` is a part of the list of centres."""

    weeks_back: int = 0
    centre_slug: str = ""
    page: int = 0


class ShowFigures(Step[FiguresDraft]):
    name = "figures"

    async def ask(self, turn: Turn[FiguresDraft]) -> Prompt:
        is_manager = turn.contact.role is Role.MANAGER
        slug = turn.draft.centre_slug if is_manager else turn.contact.centre_slug
        if slug is None:
            return Prompt(turn.gettext("You belong to no centre yet. Ask for a new invitation."))
        monday, sunday = _week(turn)
        figures = await turn.desk.appointments.figures(monday, sunday)
        shown = figures.get(slug, VisitFigures()) if slug else sum(figures.values(), VisitFigures())
        heading = turn.gettext("📊 Visits of the week from {day}").format(day=turn.format_day(monday))
        text = "\n".join([heading, await _where(turn, slug), "", *_lines(turn, shown)])
        return Prompt(text, _choices(turn, is_manager))

    async def chosen(self, turn: Turn[FiguresDraft], choice_id: str) -> Move:
        draft = turn.draft
        match choice_id:
            case "week_before":
                draft.weeks_back = min(draft.weeks_back + 1, MOST_WEEKS_BACK)
            case "week_after":
                draft.weeks_back = max(draft.weeks_back - 1, 0)
            case _:
                return Goto(ChooseCentre)
        return Again()


class ChooseCentre(Step[FiguresDraft]):
    """Let a manager look at one centre, or at all of them together."""

    name = "centre"

    async def ask(self, turn: Turn[FiguresDraft]) -> Prompt:
        page = page_of(await turn.desk.centres.open(), turn.draft.page, size=6)
        choices = [Choice(centre.slug, city(turn, centre)) for centre in page.items]
        # Translators: label, at most 24 characters.
        every = Choice(ALL, turn.pgettext("button", "🏢 All centres"))
        return Prompt(turn.gettext("Which centre?"), [every, *choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[FiguresDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        slug = "" if choice_id == ALL else choice_id
        return Enter(FIGURES.name, FiguresDraft(turn.draft.weeks_back, slug))


async def show_figures(turn: Turn[FiguresDraft], argument: str) -> Move:
    """Handle /figures."""
    return Enter(FIGURES.name, FiguresDraft())


def _week(turn: Turn[FiguresDraft]) -> tuple[date, date]:
    return week_from(turn.today - timedelta(weeks=turn.draft.weeks_back))


async def _where(turn: Turn[FiguresDraft], slug: str) -> str:
    if not slug:
        return turn.gettext("All centres together")
    return turn.gettext("Centre: {city}").format(city=city(turn, await turn.desk.centres.get(slug)))


def _choices(turn: Turn[FiguresDraft], is_manager: bool) -> list[Choice]:
    choices = []
    if turn.draft.weeks_back < MOST_WEEKS_BACK:
        # Translators: label, at most 24 characters.
        choices.append(Choice(EARLIER_WEEK, turn.pgettext("button", "⬅️ Week before")))
    if turn.draft.weeks_back > 0:
        # Translators: label, at most 24 characters.
        choices.append(Choice(LATER_WEEK, turn.pgettext("button", "➡️ Week after")))
    if is_manager:
        # Translators: label, at most 24 characters.
        choices.append(Choice(CENTRE, turn.pgettext("button", "🏢 Other centre")))
    return choices


def _lines(turn: Turn[FiguresDraft], figures: VisitFigures) -> list[str]:
    cells = [
        (turn.gettext("Came: {n}"), figures.came),
        (turn.gettext("Came late: {n}"), figures.late),
        (turn.gettext("Did not come: {n}"), figures.missed),
        (turn.gettext("Cancelled by people: {n}"), figures.cancelled_by_people),
        (turn.gettext("Cancelled by us: {n}"), figures.cancelled_by_centre),
        (turn.gettext("🙂 Found it good: {n}"), figures.good),
        (turn.gettext("😐 So-so: {n}"), figures.so_so),
        (turn.gettext("🙁 Not good: {n}"), figures.bad),
    ]
    return [line.format(n=shown(turn, count)) for line, count in cells]


FIGURES = Flow("figures", FiguresDraft, (ShowFigures, ChooseCentre), roles=CASEWORKERS | MANAGERS)
