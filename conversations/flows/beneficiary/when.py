"""Choosing day and time of a visit, for a new one and for one that moves, and saying yes."""

from datetime import date, time
from typing import Any

from conversations.care import visits
from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.centres import Centre
from conversations.care.visits import open_days, open_times
from conversations.engine.flow import Again, Choice, Enter, Finish, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.errors import SlotTaken, TooManyVisits
from conversations.flows.beneficiary.visit_date import visit_date_choice
from conversations.flows.beneficiary.wish import Wish, live_visit
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.visit_words import city, over, visit_card, will_confirm

# More than a centre can have between today and its horizon.
ALL_DAYS = 366


class ChooseDay(Step[Wish]):
    """Offer the days on which the centre has a place; holidays and closures are none."""

    name = "day"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        centre = await turn.desk.centres.get(turn.draft.centre)
        days = await open_days(turn, centre.slug, limit=ALL_DAYS)
        if not days:
            return _no_place(turn, centre)
        page = page_of(days, turn.draft.page)
        choices = [Choice(day.isoformat(), turn.label_day(day)) for day in page.items]
        text = turn.gettext("Which day suits you? Centre: {city}").format(city=city(turn, centre))
        return Prompt(text, [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "centre":
            return Enter("booking", turn.draft, step="centre")
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        day = date.fromisoformat(choice_id)
        if has := await visits.visit_on(turn, day, but=turn.draft.appointment_id):
            return Again(_one_a_day(turn, has))
        turn.draft.day, turn.draft.page = day, 0
        return Goto(ChooseTime)


class ChooseTime(Step[Wish]):
    name = "time"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        day = turn.draft.day or turn.today
        times = await open_times(turn, turn.draft.centre, day)
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
        return Goto(CheckVisit)


class CheckVisit(Step[Wish]):
    """Show what was chosen, and book or move on a yes."""

    name = "confirm"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        draft = turn.draft
        centre = await turn.desk.centres.get(draft.centre)
        if draft.appointment_id:
            question = turn.gettext("Shall we move your visit to this time?")
        else:
            question = turn.gettext("Shall we book this visit?")
        lines = [
            question,
            turn.format_day(draft.day or turn.today),
            turn.format_time(draft.at or time()),
            turn.gettext("Centre: {city}").format(city=city(turn, centre)),
        ]
        if not centre.hours_confirmed:
            lines.append(will_confirm(turn))
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "✅ Yes, that's it")),
            # Translators: label, at most 20 characters.
            Choice("other_day", turn.pgettext("button", "📆 Another day")),
        ]
        return Prompt("\n".join(lines), choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        draft = turn.draft
        if choice_id == "other_day" or draft.day is None or draft.at is None:
            return Goto(ChooseDay)
        try:
            if draft.appointment_id:
                return await _move(turn, draft.day, draft.at)
            return await _book(turn, draft.day, draft.at)
        except SlotTaken:
            return await taken(turn, draft.day)
        except TooManyVisits:
            return await _too_many(turn, draft.day)


async def taken(turn: Turn[Any], day: date) -> Move:
    """Lead back to the times that are left of the day, or to the days."""
    draft = turn.draft
    step = ChooseTime if await open_times(turn, draft.centre, day) else ChooseDay
    draft.at = None
    # A centre that is not open any more says so itself.
    centre = await turn.desk.centres.get(draft.centre)
    notice = turn.gettext("That time has just been taken.") if centre.is_open else None
    return Enter(_flow(draft), draft, step=step.name, notice=notice)


async def moved(turn: Turn[Any], visit: Appointment) -> str:
    """Return the last word on a visit that has just moved."""
    if visit.status is AppointmentStatus.CONFIRMED:
        said = turn.gettext("✅ Your visit is moved.")
    else:
        said = turn.gettext("✅ The centre has your request for a new time.")
    return f"{said}\n\n{await _card(turn, visit)}"


async def _book(turn: Turn[Wish], day: date, at: time) -> Move:
    need = turn.draft.need or Need.OTHER
    visit = await visits.book(turn, centre_slug=turn.draft.centre, need=need, day=day, at=at)
    if visit.status is AppointmentStatus.CONFIRMED:
        said = turn.gettext("✅ Your visit is booked.")
    else:
        said = turn.gettext("✅ The centre has your request.")
    if turn.draft.brings_project:
        await turn.desk.life_projects.attach(turn.contact.id, visit.id)
        said = "\n".join((said, turn.gettext("📎 Your project goes along with it.")))
    return Finish(f"{said}\n\n{await _card(turn, visit)}", [visit_date_choice(turn, visit)])


async def _move(turn: Turn[Wish], day: date, at: time) -> Move:
    visit = await live_visit(turn, turn.draft.appointment_id)
    if visit is None:
        return Finish(over(turn))
    new = await visits.move(turn, visit, day=day, at=at)
    return Finish(await moved(turn, new), [visit_date_choice(turn, new)])


async def _card(turn: Turn[Any], visit: Appointment) -> str:
    return await visit_card(turn, visit, await turn.desk.centres.get(visit.centre_slug))


async def _too_many(turn: Turn[Wish], day: date) -> Move:
    """Lead to another day, or to where it is said that the person has enough visits."""
    draft = turn.draft
    if has := await visits.visit_on(turn, day, but=draft.appointment_id):
        return Enter(_flow(draft), draft, step=ChooseDay.name, notice=_one_a_day(turn, has))
    return Enter("booking")


def _one_a_day(turn: Turn[Wish], visit: Appointment) -> str:
    has = turn.gettext("You already have a visit that day, at {time}. You can change it under “My visits”.")
    return has.format(time=turn.format_time(visit.at))


def _flow(draft: Wish) -> str:
    """Return the flow in which this visit is arranged."""
    return "my_visits" if draft.appointment_id else "booking"


def _no_place(turn: Turn[Wish], centre: Centre) -> Prompt:
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
    return Prompt(text, [Choice("centre", turn.pgettext("button", "🏙️ Another centre")), person])
