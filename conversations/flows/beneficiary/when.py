"""Choosing day and time of a visit, for a new one and for one that moves, and saying yes."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.centres import Centre
from conversations.care.closures import may_become_holiday
from conversations.care.group_visits import sessions_with_room
from conversations.care.holds import Hold, HoldPurpose
from conversations.care.hours import VisitKind
from conversations.care.visits import open_days, open_times
from conversations.care.wall_time import to_local
from conversations.engine.flow import Again, Choice, Enter, Finish, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.errors import SlotTaken, TooManyVisits
from conversations.flows.beneficiary.visit_date import visit_date_choice
from conversations.flows.beneficiary.waiting import WAIT, wait_choices, wait_for_place
from conversations.flows.beneficiary.wish import Wish, live_visit
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.visit_words import city, meeting_place, over, visit_card, will_confirm

# Of the number to call so much is shown: enough to see that it is the right one.
LAST_DIGITS = 4
# More than a centre can have between today and its horizon.
ALL_DAYS = 366


class ChooseDay(Step[Wish]):
    """Offer the days on which the centre has a place; holidays and closures are none."""

    name = "day"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        centre = await turn.desk.centres.get(turn.draft.centre)
        in_group = await _in_group(turn)
        if turn.draft.appointment_id and in_group:
            return Prompt(turn.gettext("Your place is in a group. It can go to another session."), in_group)
        days = await open_days(turn, centre.slug, kind=turn.draft.kind, limit=ALL_DAYS)
        if not days:
            none = await _no_place(turn, centre)
            return replace(none, choices=[*in_group, *none.choices])
        page = page_of(days, turn.draft.page)
        choices = [Choice(day.isoformat(), turn.label_day(day)) for day in page.items]
        if turn.draft.kind is VisitKind.PHONE:
            text = turn.gettext("On which day shall the centre in {city} call you?")
        else:
            text = turn.gettext("Which day suits you? Centre: {city}")
        shown = [*choices, *page_choices(turn, page), *in_group]
        return Prompt(text.format(city=city(turn, centre)), shown)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "group":
            turn.draft.page = 0
            return Enter("group_visit", turn.draft)
        if choice_id == "centre":
            return Enter("booking", turn.draft, step="centre")
        if choice_id == WAIT:
            return await wait_for_place(turn)
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        day = date.fromisoformat(choice_id)
        if day < turn.today:
            return Again(turn.gettext("That day has passed. These are free now."))
        if has := await visits.visit_on(turn, day, but=turn.draft.appointment_id):
            return Again(_one_a_day(turn, has))
        turn.draft.day, turn.draft.page = day, 0
        return Goto(ChooseTime)


class ChooseTime(Step[Wish]):
    """Offer the times of the day; the one that is chosen is kept for the person while they make sure."""

    name = "time"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        day = turn.draft.day or turn.today
        times = await open_times(turn, turn.draft.centre, day, kind=turn.draft.kind)
        # Translators: label, at most 20 characters.
        other = Choice("other_day", turn.pgettext("button", "📆 Another day"))
        if not times:
            return Prompt(turn.gettext("No time is free on that day any more."), [other])
        page = page_of(times, turn.draft.page)
        choices = [Choice(f"{at:%H%M}", turn.format_time(at)) for at in page.items]
        text = turn.gettext("At what time?")
        return Prompt(f"{text}\n{turn.format_day(day)}", [*choices, *page_choices(turn, page), other])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.page = 0
        if choice_id == "other_day":
            return Goto(ChooseDay)
        turn.draft.at = time(int(choice_id[:2]), int(choice_id[2:]))
        try:
            await _keep(turn, turn.draft.day or turn.today, turn.draft.at)
        except SlotTaken:
            if await _times_left(turn, turn.draft):
                return Again(await _why_gone(turn, turn.draft))
            return await gone(turn, turn.draft)
        return Goto(CheckVisit)


class CheckVisit(Step[Wish]):
    """Show what was chosen, and book or move on a yes."""

    name = "confirm"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        draft = turn.draft
        centre = await turn.desk.centres.get(draft.centre)
        lines = [
            _question(turn),
            turn.format_day(draft.day or turn.today),
            turn.format_time(draft.at or time()),
            meeting_place(turn, draft.kind, centre),
            _number(turn),
            await _kept(turn),
            None if centre.hours_confirmed else will_confirm(turn),
            await _moon(turn),
            _passed_on(turn) if draft.wants_woman else None,
        ]
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "✅ Yes, that's it")),
            # Translators: label, at most 20 characters.
            Choice("other_day", turn.pgettext("button", "📆 Another day")),
            _woman(turn),
        ]
        return Prompt("\n".join(filter(None, lines)), choices)

    async def left(self, turn: Turn[Wish]) -> None:
        await release(turn)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        draft = turn.draft
        if choice_id == "woman":
            draft.wants_woman = not draft.wants_woman
            return Again()
        if choice_id == "other_day" or draft.day is None or draft.at is None:
            await release(turn)
            return Goto(ChooseDay)
        try:
            if draft.appointment_id:
                return await _move(turn, draft.day, draft.at)
            return await _book(turn, draft.day, draft.at)
        except SlotTaken:
            return await gone(turn, draft)
        except TooManyVisits:
            return await _too_many(turn, draft.day)


async def gone(turn: Turn[Any], wish: Wish) -> Move:
    """Say why a time can't be had, and lead to those that are left of the day, or to the days."""
    step = ChooseTime if await _times_left(turn, wish) else ChooseDay
    notice = await _why_gone(turn, wish)
    wish.at = None
    return Enter(_flow(wish), wish, step=step.name, notice=notice)


async def moved(turn: Turn[Any], visit: Appointment) -> str:
    """Return the last word on a visit that has just moved."""
    if visit.status is AppointmentStatus.CONFIRMED and visit.kind is VisitKind.PHONE:
        said = turn.gettext("✅ Your call is moved.")
    elif visit.status is AppointmentStatus.CONFIRMED:
        said = turn.gettext("✅ Your visit is moved.")
    else:
        said = turn.gettext("✅ The centre has your request for a new time.")
    return f"{said}\n\n{await _card(turn, visit)}"


async def _book(turn: Turn[Wish], day: date, at: time) -> Move:
    draft = turn.draft
    visit = await visits.book(
        turn,
        centre_slug=draft.centre,
        need=draft.need or Need.OTHER,
        day=day,
        at=at,
        kind=draft.kind,
        wants_woman=draft.wants_woman,
        phone=draft.phone or None,
    )
    if visit.status is AppointmentStatus.CONFIRMED and visit.kind is VisitKind.PHONE:
        said = turn.gettext("✅ Your call is booked.")
    elif visit.status is AppointmentStatus.CONFIRMED:
        said = turn.gettext("✅ Your visit is booked.")
    else:
        said = turn.gettext("✅ The centre has your request.")
    if draft.brings_project:
        await turn.desk.life_projects.attach(turn.contact.id, visit.id)
        said = "\n".join((said, turn.gettext("📎 Your project goes along with it.")))
    return Finish(f"{said}\n\n{await _card(turn, visit)}", [visit_date_choice(turn, visit)])


async def _move(turn: Turn[Wish], day: date, at: time) -> Move:
    visit = await live_visit(turn, turn.draft.appointment_id)
    if visit is None:
        await release(turn)
        return Finish(over(turn))
    changed = await visits.move(turn, visit, day=day, at=at)
    if turn.draft.wants_woman != visit.wants_woman:
        await turn.desk.appointments.set_wants_woman(visit.id, turn.draft.wants_woman)
    return Finish(await moved(turn, changed), [visit_date_choice(turn, changed)])


async def _card(turn: Turn[Any], visit: Appointment) -> str:
    return await visit_card(turn, visit, await turn.desk.centres.get(visit.centre_slug))


async def _too_many(turn: Turn[Wish], day: date) -> Move:
    """Lead to another day, or to where it is said that the person has enough visits."""
    draft = turn.draft
    await release(turn)
    if has := await visits.visit_on(turn, day, but=draft.appointment_id):
        return Enter(_flow(draft), draft, step=ChooseDay.name, notice=_one_a_day(turn, has))
    return Enter("booking")


async def _in_group(turn: Turn[Wish]) -> list[Choice]:
    """Return the way to group sessions: for a new visit where there are any, else for a place in one."""
    draft = turn.draft
    # Translators: label, at most 20 characters. A group session instead of a visit of one's own.
    choice = Choice("group", turn.pgettext("button", "👥 In a group"))
    if draft.appointment_id:
        visit = await live_visit(turn, draft.appointment_id)
        return [choice] if visit is not None and visit.kind is VisitKind.GROUP else []
    return [choice] if await sessions_with_room(turn, draft.centre, draft.need) else []


def _one_a_day(turn: Turn[Wish], visit: Appointment) -> str:
    has = turn.gettext("You already have a visit that day, at {time}. You can change it under “My visits”.")
    return has.format(time=turn.format_time(visit.at))


async def _keep(turn: Turn[Wish], day: date, at: time) -> None:
    """Keep the time for the person; what was kept before is free again. Raises SlotTaken."""
    draft = turn.draft
    await visits.keep_time(
        turn,
        centre_slug=draft.centre,
        day=day,
        at=at,
        purpose=HoldPurpose.CONFIRMING,
        kind=draft.kind,
        appointment_id=draft.appointment_id or None,
    )


def kept_until(turn: Turn[Any], hold: Hold) -> str:
    until = to_local(hold.until, turn.world.zone).time()
    return turn.gettext("Kept for you until {time}.").format(time=turn.format_time(until))


async def release(turn: Turn[Wish]) -> None:
    """Let others have the time that was kept."""
    visit = turn.draft.appointment_id or None
    await turn.desk.holds.release(turn.contact.id, HoldPurpose.CONFIRMING, appointment_id=visit)


async def _times_left(turn: Turn[Any], wish: Wish) -> bool:
    return wish.day is not None and bool(await open_times(turn, wish.centre, wish.day, kind=wish.kind))


async def _why_gone(turn: Turn[Any], wish: Wish) -> str | None:
    """Return why a time can't be had; None for a centre that is not open any more, which says so itself."""
    centre = await turn.desk.centres.get(wish.centre)
    if not centre.is_open:
        return None
    earliest = turn.local_now + timedelta(minutes=centre.rules.lead_minutes)
    if wish.day and wish.at and datetime.combine(wish.day, wish.at) < earliest:
        return turn.gettext("It is too late for that time. These are free now.")
    return turn.gettext("That time has just been taken.")


def _question(turn: Turn[Wish]) -> str:
    is_call = turn.draft.kind is VisitKind.PHONE
    match is_call, bool(turn.draft.appointment_id):
        case True, True:
            return turn.gettext("Shall we move your call to this time?")
        case True, False:
            return turn.gettext("Shall we book this call?")
        case False, True:
            return turn.gettext("Shall we move your visit to this time?")
    return turn.gettext("Shall we book this visit?")


def _number(turn: Turn[Wish]) -> str | None:
    if not turn.draft.phone:
        return None
    end = turn.texts.isolate(turn.draft.phone[-LAST_DIGITS:])
    return turn.gettext("On the number that ends in {digits}").format(digits=end)


async def _kept(turn: Turn[Wish]) -> str | None:
    """Return until when the time is kept, None when it is not, or not any more."""
    draft = turn.draft
    wanted = (draft.centre, draft.kind, draft.day, draft.at)
    for hold in await turn.desk.holds.of(turn.contact.id, now=turn.now):
        if (hold.centre_slug, hold.kind, hold.day, hold.at) == wanted:
            return kept_until(turn, hold)
    return None


async def _moon(turn: Turn[Wish]) -> str | None:
    day = turn.draft.day or turn.today
    beside = timedelta(days=1)
    closures = await turn.desk.closures.between(turn.draft.centre, day - beside, day + beside)
    if not may_become_holiday(day, closures):
        return None
    return turn.gettext("🌙 This day may become a holiday. Then we write to you.")


def _woman(turn: Turn[Wish]) -> Choice:
    if turn.draft.wants_woman:
        # Translators: label, at most 20 characters. It need not be a woman any more.
        return Choice("woman", turn.pgettext("button", "👥 Anyone is fine"))
    # Translators: label, at most 20 characters. The person would rather speak with a woman.
    return Choice("woman", turn.pgettext("button", "👩 Rather a woman"))


def _passed_on(turn: Turn[Wish]) -> str:
    return turn.gettext("👩 You would rather speak with a woman: we pass it on, the centre decides.")


def _flow(draft: Wish) -> str:
    """Return the flow in which this visit is arranged."""
    return "my_visits" if draft.appointment_id else "booking"


async def _no_place(turn: Turn[Wish], centre: Centre) -> Prompt:
    if centre.is_open:
        text = turn.gettext("The centre in {city} has no free time in the coming weeks.")
    else:
        text = turn.gettext("The centre in {city} receives nobody at the moment.")
    text = text.format(city=city(turn, centre))
    # Translators: label, at most 20 characters.
    person = Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person"))
    if turn.draft.appointment_id:
        return Prompt(text, [person])
    # Translators: label, at most 20 characters.
    other = Choice("centre", turn.pgettext("button", "🏙️ Another centre"))
    return Prompt(text, [*await wait_choices(turn, centre), other, person])
