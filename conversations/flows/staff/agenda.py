"""The centre's visits of today or of the week, and what can be done about each."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta

from conversations.care.addresses import LinkKind, spaced
from conversations.care.appointments import Appointment
from conversations.care.attendance import MARKED_FOR, Mark
from conversations.care.people import CASEWORKERS
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.waiting import waiting_line
from conversations.flows.paging import Page, page_choices, page_of, turned
from conversations.flows.staff.attendance import (
    MOVED,
    can_be_marked,
    is_unmarked,
    mark_choices,
    note_mark,
)
from conversations.flows.staff.no_answer import no_answer, without_answer
from conversations.flows.staff.obstacle_words import obstacle_words
from conversations.flows.staff.propose import PROPOSE, AgendaDraft, Proposal
from conversations.flows.staff.visit_actions import (
    CALL,
    CONFIRM,
    PROJECT,
    VISIT_PROJECT,
    action_choices,
    ask_to_call,
    confirm,
    note_look,
    open_project,
    own_visit,
    visit_to_act_on,
)
from conversations.flows.staff.visit_words import agenda_line, number_to_call, visit_details

WEEK = 7
NEW_PHONE = "new_phone"
DAY_BEFORE, DAY_AFTER = "day_before", "day_after"
_DAYS_ON = {DAY_BEFORE: timedelta(days=-1), DAY_AFTER: timedelta(days=1)}


class ShowAgenda(Step[AgendaDraft]):
    """List the visits by time; each opens its card."""

    name = "agenda"

    async def ask(self, turn: Turn[AgendaDraft]) -> Prompt:
        days = _days(turn)
        page = page_of(await _visits(turn, days), turn.draft.page)
        silent = await without_answer(turn, page.items)
        parts = [await _part(turn, day, page.items, silent) for day in _days_on(page, days)]
        if waiting := await waiting_line(turn, turn.contact.centre_slug or ""):
            parts.append(waiting)
        choices = [*_buttons(turn, page), *page_choices(turn, page), *_day_choices(turn)]
        return Prompt("\n\n".join(parts), choices)

    async def chosen(self, turn: Turn[AgendaDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        if choice_id in _DAYS_ON:
            turn.draft.first = _days(turn)[0] + _DAYS_ON[choice_id]
            turn.draft.page = 0
            return Again()
        visit = await own_visit(turn, int(choice_id))
        if visit is None or not (visit.is_live or can_be_marked(turn, visit)):
            return Again(turn.gettext("That visit is gone meanwhile. This is how it stands now."))
        await note_look(turn, visit)
        turn.draft.appointment_id, turn.draft.version = visit.id, visit.version
        return Goto(VisitCard)


class VisitCard(Step[AgendaDraft]):
    """Show one visit with the name the person gave, and what can be done about it."""

    name = "visit"

    async def ask(self, turn: Turn[AgendaDraft]) -> Prompt:
        visit = await own_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(turn.gettext("This visit is not one of your centre's."))
        if not visit.is_live and not can_be_marked(turn, visit):
            return Prompt(await visit_details(turn, visit))
        if can_be_marked(turn, visit):
            choices = await mark_choices(turn, visit)
        else:
            choices = await action_choices(turn, visit)
        # Translators: label, at most 20 characters. A code for a person who comes with a new phone or number.
        new_phone = Choice(NEW_PHONE, turn.pgettext("button", "🔗 New phone"))
        lines = [
            await visit_details(turn, visit),
            no_answer(turn) if await without_answer(turn, [visit]) else None,
            await number_to_call(turn, visit),
            await obstacle_words(turn, visit.contact_id),
        ]
        text = "\n\n".join(line for line in lines if line)
        return Prompt(text, [*choices, new_phone] if visit.day >= turn.today else choices)

    async def chosen(self, turn: Turn[AgendaDraft], choice_id: str) -> Move:
        draft = turn.draft
        if choice_id in set(Mark):
            said = await note_mark(turn, draft.appointment_id, draft.version, Mark(choice_id))
            return _back_to_agenda(draft, said)
        if choice_id in (MOVED, NEW_PHONE):
            return await self._chosen_now(turn, choice_id)
        if choice_id == CONFIRM:
            return _back_to_agenda(draft, await confirm(turn, draft.appointment_id, draft.version))
        if choice_id == CALL:
            return _back_to_agenda(draft, await ask_to_call(turn, draft.appointment_id))
        if choice_id == PROJECT:
            opened = await open_project(turn, draft.appointment_id)
            return Again(opened) if isinstance(opened, str) else Enter(VISIT_PROJECT, draft)
        visit = await visit_to_act_on(turn, draft.appointment_id)
        if isinstance(visit, str):
            return _back_to_agenda(draft, visit)
        return Enter(PROPOSE.name, _proposal(draft, visit))

    async def _chosen_now(self, turn: Turn[AgendaDraft], choice_id: str) -> Move:
        """Act on what can be chosen while the person is there."""
        draft = turn.draft
        visit = await own_visit(turn, draft.appointment_id)
        if visit is None or not can_be_marked(turn, visit):
            found = await visit_to_act_on(turn, draft.appointment_id)
            if isinstance(found, str):
                return _back_to_agenda(draft, found)
            visit = found
        if choice_id == NEW_PHONE:
            return _back_to_agenda(draft, await _code_for(turn, visit))
        return Enter(PROPOSE.name, replace(_proposal(draft, visit), version=draft.version, agreed=True))


async def today(turn: Turn[AgendaDraft], argument: str) -> Move:
    """Handle /today."""
    return Enter(AGENDA.name, AgendaDraft())


async def week(turn: Turn[AgendaDraft], argument: str) -> Move:
    """Handle /week."""
    return Enter(AGENDA.name, AgendaDraft(days=WEEK))


def _proposal(draft: AgendaDraft, visit: Appointment) -> Proposal:
    return Proposal(
        visit.id,
        visit.version,
        agenda_first=draft.first,
        agenda_days=draft.days,
        agenda_page=draft.page,
    )


async def _code_for(turn: Turn[AgendaDraft], visit: Appointment) -> str:
    """Return a code that joins the new phone of somebody whom the caseworker is sure of.

    That they asked is written down, and the person hears of it on the phones they had before.
    """
    await turn.desk.audit.looked(turn.contact.id, visit.contact_id, "link_code", now=turn.now)
    code = await turn.desk.links.new_code(visit.contact_id, LinkKind.LINK, now=turn.now)
    lines = [
        turn.gettext("🔗 Code for the person of visit {code}: {link}").format(
            code=visit.code, link=spaced(code)
        ),
        turn.gettext(
            "Give it only to the person who stands before you and whom you are sure of. They send it to us "
            "from their new phone within 15 minutes."
        ),
    ]
    return "\n".join(lines)


def _back_to_agenda(draft: AgendaDraft, said: str) -> Move:
    return Enter(AGENDA.name, AgendaDraft(draft.first, draft.days, draft.page), notice=said)


def _days(turn: Turn[AgendaDraft]) -> list[date]:
    first = turn.draft.first or turn.today
    return [first + timedelta(days=ahead) for ahead in range(turn.draft.days)]


async def _visits(turn: Turn[AgendaDraft], days: Sequence[date]) -> list[Appointment]:
    """Return what is to come, and what has begun and can be marked, or marked anew."""
    slug = turn.contact.centre_slug
    if slug is None:
        return []
    visits = await turn.desk.appointments.with_marks(slug, days[0], days[-1])
    return [visit for visit in visits if visit.is_live or can_be_marked(turn, visit)]


def _days_on(page: Page[Appointment], days: Sequence[date]) -> list[date]:
    """Return the days that the page tells of: those of its visits and the empty ones around them."""
    first = days[0] if page.number == 0 else page.items[0].day
    last = days[-1] if page.is_last else page.items[-1].day
    return [day for day in days if first <= day <= last]


async def _part(
    turn: Turn[AgendaDraft], day: date, visits: Sequence[Appointment], silent: Collection[int]
) -> str:
    """Return a day's lines; `silent` are the ids of visits whose people have not answered."""
    lines = [_line(turn, visit, visit.id in silent) for visit in visits if visit.day == day]
    if not lines:
        lines = [turn.gettext("Closed.") if await _is_closed(turn, day) else turn.gettext("No visits.")]
    return "\n".join([turn.format_day(day), *lines])


def _line(turn: Turn[AgendaDraft], visit: Appointment, is_silent: bool) -> str:
    line = agenda_line(turn, visit)
    if is_unmarked(turn, visit):
        # Translators: nobody has said yet whether the person came.
        not_noted = turn.pgettext("visit", "❔ not noted")
        return f"{line} · {not_noted}"
    return f"{line} · {no_answer(turn)}" if is_silent else line


def _day_choices(turn: Turn[AgendaDraft]) -> list[Choice]:
    """Return the ways to days that are over, as far back as their visits can be marked, and on again."""
    if turn.draft.days > 1:
        return []
    day, choices = _days(turn)[0], []
    if turn.today - MARKED_FOR < day:
        # Translators: label, at most 24 characters.
        choices.append(Choice(DAY_BEFORE, turn.pgettext("button", "⬅️ Day before")))
    if day < turn.today:
        # Translators: label, at most 24 characters.
        choices.append(Choice(DAY_AFTER, turn.pgettext("button", "➡️ Day after")))
    return choices


async def _is_closed(turn: Turn[AgendaDraft], day: date) -> bool:
    slug = turn.contact.centre_slug
    if slug is None:
        return True
    closures = await turn.desk.closures.between(slug, day, day)
    rules = (await turn.desk.centres.get(slug)).rules
    return not rules.hours_on(day) or any(closure.closed for closure in closures)


def _buttons(turn: Turn[AgendaDraft], page: Page[Appointment]) -> list[Choice]:
    return [Choice(str(visit.id), f"{turn.format_time(visit.at)} · {visit.code}") for visit in page.items]


AGENDA = Flow("agenda", AgendaDraft, (ShowAgenda, VisitCard), roles=CASEWORKERS)
