"""A place in a group session: for a new visit, or instead of a place in another session."""

from conversations.care import visits
from conversations.care.appointments import Need
from conversations.care.group_sessions import GroupSession
from conversations.care.group_visits import sessions_with_room
from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Again, Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.errors import GroupSessionGone, SlotTaken, TooManyVisits
from conversations.flows.beneficiary.when import kept_until, release
from conversations.flows.beneficiary.wish import Wish, live_visit
from conversations.flows.group_words import places_left, session_choice, session_lines
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.visit_words import city, over, visit_card


class ChooseSession(Step[Wish]):
    """Offer the sessions about what the person comes for that have a place left."""

    name = "session"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        # Translators: label, at most 20 characters. A visit of one's own, not in a group.
        alone = Choice("alone", turn.pgettext("button", "👤 On my own"))
        choices = [] if turn.draft.appointment_id else [alone]
        centre = await turn.desk.centres.get(turn.draft.centre)
        page = page_of(await sessions_with_room(turn, centre.slug, turn.draft.need), turn.draft.page)
        where = turn.gettext("Centre: {city}").format(city=city(turn, centre))
        if not page.items:
            none = turn.gettext("No group session has a free place just now.")
            return Prompt(f"{none}\n{where}", choices)
        question = turn.gettext("Several people come together. Which session suits you?")
        sessions = [session_choice(turn, session) for session in page.items]
        return Prompt(f"{question}\n{where}", [*sessions, *page_choices(turn, page), *choices])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        draft = turn.draft
        page = turned(draft.page, choice_id)
        if page is not None:
            draft.page = page
            return Again()
        draft.page = 0
        if choice_id == "alone":
            return Enter("booking", draft, step="day")
        draft.group_session_id = int(choice_id)
        session = await _session(turn)
        try:
            if session is None:
                return Again(_gone(turn))
            await visits.keep_place(turn, session, appointment_id=draft.appointment_id or None)
        except SlotTaken:
            return Again(_gone(turn))
        return Goto(CheckSession)


class CheckSession(Step[Wish]):
    """Show what was chosen, and take the place on a yes."""

    name = "check"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        # Translators: label, at most 20 characters. Other group sessions.
        other = Choice("other", turn.pgettext("button", "👥 Other session"))
        session = await _session(turn)
        if session is None or not session.is_open or not session.has_room:
            return Prompt(_gone(turn), [other])
        centre = await turn.desk.centres.get(session.centre_slug)
        if turn.draft.appointment_id:
            question = turn.gettext("Shall we move your visit to this session?")
        else:
            question = turn.gettext("Shall we keep a place for you?")
        where = turn.gettext("Centre: {city}").format(city=city(turn, centre))
        lines = [question, *session_lines(turn, session), where, places_left(turn, session)]
        if kept := await _kept(turn, session):
            lines.append(kept)
        # Translators: label, at most 20 characters.
        yes = Choice("yes", turn.pgettext("button", "✅ Yes, that's it"))
        return Prompt("\n".join(lines), [yes, other])

    async def left(self, turn: Turn[Wish]) -> None:
        await release(turn)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        session = await _session(turn)
        if choice_id == "other":
            await release(turn)
            return Goto(ChooseSession)
        if session is None:
            return Enter(GROUP_VISIT.name, turn.draft, notice=_gone(turn))
        try:
            return Finish(await _take(turn, session))
        except SlotTaken:
            return Enter(GROUP_VISIT.name, turn.draft, notice=_gone(turn))
        except TooManyVisits:
            return await _too_many(turn, session)


async def _take(turn: Turn[Wish], session: GroupSession) -> str:
    draft = turn.draft
    if not draft.appointment_id:
        visit = await visits.book(
            turn,
            centre_slug=session.centre_slug,
            need=draft.need or Need.OTHER,
            day=session.day,
            at=session.at,
            session=session,
        )
        said = turn.gettext("✅ Your place in the group is booked.")
    else:
        kept = await live_visit(turn, draft.appointment_id)
        if kept is None:
            return over(turn)
        visit = await visits.move(turn, kept, day=session.day, at=session.at, session=session)
        said = turn.gettext("✅ Your visit is moved.")
    centre = await turn.desk.centres.get(visit.centre_slug)
    return f"{said}\n\n{await visit_card(turn, visit, centre)}"


async def _too_many(turn: Turn[Wish], session: GroupSession) -> Move:
    if has := await visits.visit_on(turn, session.day, but=turn.draft.appointment_id):
        said = turn.gettext(
            "You already have a visit that day, at {time}. You can change it under “My visits”."
        )
        notice = said.format(time=turn.format_time(has.at))
        return Enter(GROUP_VISIT.name, turn.draft, notice=notice)
    return Enter("booking")


async def _session(turn: Turn[Wish]) -> GroupSession | None:
    try:
        return await turn.desk.group_sessions.get(turn.draft.group_session_id)
    except GroupSessionGone:
        return None


async def _kept(turn: Turn[Wish], session: GroupSession) -> str | None:
    """Return until when a place is kept, None when it is not, or not any more."""
    for hold in await turn.desk.holds.of(turn.contact.id, now=turn.now):
        if hold.group_session_id == session.id:
            return kept_until(turn, hold)
    return None


def _gone(turn: Turn[Wish]) -> str:
    return turn.gettext("This session has no free place any more.")


GROUP_VISIT = Flow("group_visit", Wish, (ChooseSession, CheckSession), roles=BENEFICIARIES)
