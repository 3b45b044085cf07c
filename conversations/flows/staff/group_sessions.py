"""Group sessions of a centre: what is planned, a new one, calling one off."""

from dataclasses import dataclass
from datetime import date, time

from conversations.care.appointments import Need
from conversations.care.group_sessions import LENGTHS_MIN, PLACES, GroupSession
from conversations.care.group_visits import call_off, hold, may_be_held, sessions_to_come
from conversations.care.hours import bookable_days, slot_times
from conversations.care.people import CASEWORKERS, MANAGERS, Role
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.errors import GroupSessionGone, SlotTaken
from conversations.flows.group_words import session_choice, session_lines
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.centre_access import back_to_centre, may_look_after, not_yours, own_centre
from conversations.flows.visit_words import city, need_choices

SOME_PLACES = (4, 6, 8, 10, 12, 15, 20)


@dataclass
class GroupDraft:
    """The centre, the session on the screen (0: a new one), and what is known of a new one.

    `page` is the part of a list that is shown.
    """

    slug: str = ""
    session_id: int = 0
    need: Need = Need.OTHER
    day: date | None = None
    at: time | None = None
    minutes: int = 60
    places: int = 0
    page: int = 0


class ListSessions(Step[GroupDraft]):
    name = "sessions"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        slug = turn.draft.slug
        if not await _is_ones_own(turn):
            return Prompt(not_yours(turn))
        page = page_of(await sessions_to_come(turn, slug), turn.draft.page)
        lines = [_line(turn, session) for session in page.items]
        text = "\n".join(lines) if lines else turn.gettext("No group session is planned.")
        choices = [session_choice(turn, session) for session in page.items]
        choices += page_choices(turn, page)
        # Translators: label, at most 24 characters. Plans a group session.
        choices.append(Choice("add", turn.pgettext("button", "➕ New group session")))
        # Translators: label, at most 24 characters.
        choices.append(Choice("centre", turn.pgettext("button", "🏢 The centre")))
        headline = turn.gettext("👥 Group sessions of {city}").format(
            city=city(turn, await turn.desk.centres.get(slug))
        )
        return Prompt(f"{headline}\n\n{text}", choices)

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        draft = turn.draft
        if not await _is_ones_own(turn):
            return Home(not_yours(turn))
        page = turned(draft.page, choice_id)
        if page is not None:
            draft.page = page
            return Again()
        draft.page = 0
        match choice_id:
            case "add":
                return Goto(SetNeed)
            case "centre":
                return back_to_centre(draft.slug, None)
        draft.session_id = int(choice_id)
        return Goto(SessionCard)


class SetNeed(Step[GroupDraft]):
    name = "need"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        return Prompt(turn.gettext("What is the group session about?"), need_choices(turn))

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        turn.draft.need = Need(choice_id)
        return Goto(SetLength)


class SetLength(Step[GroupDraft]):
    name = "length"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        choices = [
            Choice(str(minutes), turn.ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes))
            for minutes in LENGTHS_MIN
        ]
        return Prompt(turn.gettext("How long does the session take?"), choices)

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        turn.draft.minutes = int(choice_id)
        return Goto(SetDay)


class SetDay(Step[GroupDraft]):
    name = "day"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        page = page_of(await _days(turn), turn.draft.page)
        choices = [Choice(day.isoformat(), turn.label_day(day)) for day in page.items]
        return Prompt(turn.gettext("On which day?"), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.day, turn.draft.page = date.fromisoformat(choice_id), 0
        return Goto(SetTime)


class SetTime(Step[GroupDraft]):
    """Offer the times at which one of the centre's places is free for so long."""

    name = "time"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        page = page_of(await _times(turn), turn.draft.page)
        # Translators: label, at most 20 characters.
        other = Choice("other_day", turn.pgettext("button", "📆 Another day"))
        if not page.items:
            none = turn.gettext("All places are taken that day. Choose another one, or move visits first.")
            return Prompt(none, [other])
        choices = [Choice(f"{at:%H%M}", turn.format_time(at)) for at in page.items]
        question = turn.gettext("At what time?")
        text = f"{question}\n{turn.format_day(turn.draft.day or turn.today)}"
        return Prompt(text, [*choices, *page_choices(turn, page), other])

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.page = 0
        if choice_id == "other_day":
            return Goto(SetDay)
        turn.draft.at = time(int(choice_id[:2]), int(choice_id[2:]))
        return Goto(SetPlaces)


class SetPlaces(Step[GroupDraft]):
    name = "places"
    matches_typed_choices = False

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        choices = [Choice(str(number), str(number)) for number in SOME_PLACES]
        return Prompt(turn.gettext("How many people can come?"), choices)

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        turn.draft.places = int(choice_id)
        return Goto(CheckNew)

    async def answer(self, turn: Turn[GroupDraft], reply: Reply) -> Move:
        typed = reply.text.strip() if isinstance(reply, Text) else ""
        if not (typed.isdecimal() and len(typed) <= 2 and int(typed) in PLACES):
            wanted = turn.gettext("Please write a number from {first} to {last}.")
            return Again(wanted.format(first=PLACES[0], last=PLACES[-1]))
        return await self.chosen(turn, str(int(typed)))


class CheckNew(Step[GroupDraft]):
    """Show the new session before people can book it."""

    name = "check"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        session = _new_session(turn)
        if session is None:
            return Prompt(turn.gettext("No time is chosen yet. Please go back."))
        lines = [
            turn.gettext("Hold this group session?"),
            *session_lines(turn, session),
            turn.gettext("Places: {n}").format(n=session.places),
            turn.gettext("It takes one of your places for visits at that time."),
        ]
        # Translators: label, at most 20 characters.
        return Prompt("\n".join(lines), [Choice("save", turn.pgettext("button", "💾 Save"))])

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        session = _new_session(turn)
        if session is None or not await _is_ones_own(turn):
            return Home(not_yours(turn))
        try:
            held = await hold(turn, session)
        except SlotTaken:
            taken = turn.gettext("That time has just been taken.")
            return Enter(GROUP_SESSIONS.name, turn.draft, step=SetTime.name, notice=taken)
        said = turn.gettext("Saved. People can book it now.")
        return Enter(GROUP_SESSIONS.name, GroupDraft(held.centre_slug), notice=said)


class SessionCard(Step[GroupDraft]):
    name = "session"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        session = await _session(turn)
        if session is None:
            return Prompt(turn.gettext("This session is over or was called off."))
        booked = turn.gettext("Booked: {n} of {places}").format(n=session.taken, places=session.places)
        # Translators: label, at most 20 characters. Cancels a group session.
        choice = Choice("call_off", turn.pgettext("button", "❌ Call it off"))
        return Prompt("\n".join([*session_lines(turn, session), booked]), [choice])

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        return Goto(CheckCallOff)


class CheckCallOff(Step[GroupDraft]):
    name = "call_off"

    async def ask(self, turn: Turn[GroupDraft]) -> Prompt:
        session = await _session(turn)
        if session is None:
            return Prompt(turn.gettext("This session is over or was called off."))
        told = turn.ngettext(
            "{n} person has a place and will be told.",
            "{n} people have a place and will be told.",
            session.taken,
        ).format(n=session.taken)
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "❌ Yes, call it off")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "👍 No, keep it")),
        ]
        question = turn.gettext("Call this session off?")
        return Prompt("\n".join([question, *session_lines(turn, session), told]), choices)

    async def chosen(self, turn: Turn[GroupDraft], choice_id: str) -> Move:
        session, slug = await _session(turn), turn.draft.slug
        back = GroupDraft(slug)
        if session is None:
            over = turn.gettext("This session is over or was called off.")
            return Enter(GROUP_SESSIONS.name, back, notice=over)
        if choice_id == "no":
            return Enter(GROUP_SESSIONS.name, back)
        told = len(await call_off(turn, session))
        said = turn.ngettext(
            "Called off. {n} person is told.", "Called off. {n} people are told.", told
        ).format(n=told)
        return Enter(GROUP_SESSIONS.name, back, notice=said)


async def show_groups(turn: Turn[GroupDraft], argument: str) -> Move:
    """Handle /groups: a caseworker's own centre; a manager chooses one first."""
    if turn.contact.role is Role.CASEWORKER and turn.contact.centre_slug:
        return Enter(GROUP_SESSIONS.name, GroupDraft(turn.contact.centre_slug))
    return Enter("centre_details")


async def _is_ones_own(turn: Turn[GroupDraft]) -> bool:
    return await own_centre(turn, turn.draft.slug) is not None


async def _days(turn: Turn[GroupDraft]) -> list[date]:
    centre = await turn.desk.centres.get(turn.draft.slug)
    days = bookable_days(centre.rules, today=turn.today)
    if not days:
        return []
    closures = await turn.desk.closures.between(centre.slug, days[0], days[-1])
    closed = {closure.day for closure in closures if closure.closed}
    return [day for day in days if day not in closed]


async def _times(turn: Turn[GroupDraft]) -> list[time]:
    draft = turn.draft
    day = draft.day or turn.today
    centre = await turn.desk.centres.get(draft.slug)
    starts = slot_times(centre.rules, day)
    if day == turn.today:
        starts = tuple(at for at in starts if at > turn.local_now.time())
    return [at for at in starts if await may_be_held(turn, centre, day, at, draft.minutes)]


async def _session(turn: Turn[GroupDraft]) -> GroupSession | None:
    """Return the session on the screen while something can be done about it."""
    try:
        session = await turn.desk.group_sessions.get(turn.draft.session_id)
    except GroupSessionGone:
        return None
    is_ahead = session.is_open and session.starts_local > turn.local_now
    return session if is_ahead and may_look_after(turn.contact, session.centre_slug) else None


def _new_session(turn: Turn[GroupDraft]) -> GroupSession | None:
    draft = turn.draft
    if draft.day is None or draft.at is None or draft.places not in PLACES:
        return None
    return GroupSession(0, draft.slug, draft.need, draft.day, draft.at, draft.minutes, draft.places)


def _line(turn: Turn[GroupDraft], session: GroupSession) -> str:
    need, *when = session_lines(turn, session)
    booked = turn.gettext("Booked: {n} of {places}").format(n=session.taken, places=session.places)
    return "\n".join((need, " · ".join(when), booked))


GROUP_SESSIONS = Flow(
    "group_sessions",
    GroupDraft,
    (
        ListSessions,
        SetNeed,
        SetLength,
        SetDay,
        SetTime,
        SetPlaces,
        CheckNew,
        SessionCard,
        CheckCallOff,
    ),
    roles=CASEWORKERS | MANAGERS,
)
