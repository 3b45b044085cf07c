"""A caseworker proposes another time for a visit; the person decides."""

from dataclasses import dataclass
from datetime import date, time

from conversations.care.appointments import Appointment
from conversations.care.people import CASEWORKERS
from conversations.care.visits import VisitNews, open_days, open_times, subject_of
from conversations.engine.flow import Again, Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.visit_actions import own_visit, visit_to_act_on


@dataclass
class AgendaDraft:
    """Which days a caseworker looks at: `days` of them from `first`, or from today.

    `page` counts from 0. `appointment_id` and `version` are the visit whose card is open, as it was shown.
    """

    first: date | None = None
    days: int = 1
    page: int = 0
    appointment_id: int = 0
    version: int = 0


@dataclass
class Proposal:
    """The visit as the caseworker saw it, and the time to propose.

    `page` is the part of the day's times on the screen. `agenda_days` is 0 unless the caseworker came
    from the agenda and goes back there.
    """

    appointment_id: int = 0
    version: int = 0
    day: date | None = None
    at: time | None = None
    page: int = 0
    agenda_first: date | None = None
    agenda_days: int = 0
    agenda_page: int = 0


class ProposeDay(Step[Proposal]):
    """Offer the days on which the centre still has a place."""

    name = "day"

    async def ask(self, turn: Turn[Proposal]) -> Prompt:
        visit = await own_visit(turn, turn.draft.appointment_id)
        days = await open_days(turn, visit.centre_slug, kind=visit.kind) if visit else []
        choices = [Choice(day.isoformat(), turn.label_day(day)) for day in days]
        if turn.draft.agenda_days:
            # Translators: label, at most 24 characters.
            choices.append(Choice("agenda", turn.pgettext("button", "📋 Agenda")))
        if visit is None or not days:
            return Prompt(turn.gettext("No free time is left in the coming weeks."), choices)
        text = turn.gettext("Which day do you propose for visit {code}? Now it is:").format(code=visit.code)
        return Prompt(f"{text}\n{turn.format_day(visit.day)}\n{turn.format_time(visit.at)}", choices)

    async def chosen(self, turn: Turn[Proposal], choice_id: str) -> Move:
        if choice_id == "agenda":
            return _to_agenda(turn.draft, None)
        turn.draft.day, turn.draft.page = date.fromisoformat(choice_id), 0
        return Goto(ProposeTime)


class ProposeTime(Step[Proposal]):
    """Offer the free times of that day."""

    name = "time"

    async def ask(self, turn: Turn[Proposal]) -> Prompt:
        day = turn.draft.day or turn.today
        page = page_of(await _times(turn, day), turn.draft.page)
        times = [Choice(f"{at:%H%M}", turn.format_time(at)) for at in page.items]
        if not times:
            return Prompt(turn.gettext("No time is free any more on that day. Go back and choose another."))
        text = turn.gettext("At what time?")
        return Prompt(f"{text}\n{turn.format_day(day)}", [*times, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[Proposal], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.at = time(int(choice_id[:2]), int(choice_id[2:]))
        return Goto(CheckProposal)


class CheckProposal(Step[Proposal]):
    """Show what will be proposed, before the person hears of it."""

    name = "check"

    async def ask(self, turn: Turn[Proposal]) -> Prompt:
        day, at = turn.draft.day, turn.draft.at
        if day is None or at is None:
            return Prompt(turn.gettext("No time is chosen yet. Please go back."))
        lines = [
            turn.gettext("Propose this time?"),
            turn.format_day(day),
            turn.format_time(at),
            turn.gettext("The visit stays where it is until the person says yes."),
        ]
        # Translators: label, at most 20 characters.
        return Prompt("\n".join(lines), [Choice("send", turn.pgettext("button", "📨 Propose it"))])

    async def chosen(self, turn: Turn[Proposal], choice_id: str) -> Move:
        draft = turn.draft
        visit = await visit_to_act_on(turn, draft.appointment_id)
        if isinstance(visit, str):
            return _over(draft, visit)
        if visit.version != draft.version:
            changed = turn.gettext("Visit {code} has changed meanwhile, so nothing was proposed. Now it is:")
            said = changed.format(code=visit.code)
            return _over(draft, f"{said}\n{turn.format_day(visit.day)}\n{turn.format_time(visit.at)}")
        if draft.day is None or draft.at is None or draft.at not in await _times(turn, draft.day):
            draft.day = draft.at = None
            return Enter(PROPOSE.name, draft, notice=turn.gettext("That time has just been taken."))
        if not await turn.desk.contacts.is_reachable(visit.contact_id):
            unreached = turn.gettext(
                "The person of visit {code} can't be reached here at the moment, so nothing was proposed."
            )
            return _over(draft, unreached.format(code=visit.code))
        _propose(turn, visit, draft.day, draft.at)
        said = turn.gettext("Proposed. You will hear when the person answers.")
        return _over(draft, f"{said}\n{turn.format_day(draft.day)}\n{turn.format_time(draft.at)}")


async def _times(turn: Turn[Proposal], day: date) -> list[time]:
    visit = await own_visit(turn, turn.draft.appointment_id)
    return await open_times(turn, visit.centre_slug, day, kind=visit.kind) if visit else []


def _propose(turn: Turn[Proposal], visit: Appointment, day: date, at: time) -> None:
    turn.push(
        visit.contact_id,
        "visit_proposed",
        VisitNews(visit.id, visit.version, day=day, at=at),
        purpose=Purpose.VISIT,
        key=f"{subject_of(visit.id)}:{visit.version}:proposed:{day.isoformat()}:{at:%H%M}",
        subject=subject_of(visit.id),
    )


def _over(draft: Proposal, said: str) -> Move:
    """Lead back to where the caseworker came from."""
    return _to_agenda(draft, said) if draft.agenda_days else Finish(said)


def _to_agenda(draft: Proposal, said: str | None) -> Enter:
    return Enter("agenda", AgendaDraft(draft.agenda_first, draft.agenda_days, draft.agenda_page), notice=said)


PROPOSE = Flow("propose", Proposal, (ProposeDay, ProposeTime, CheckProposal), roles=CASEWORKERS)
