"""Settings: how to be spoken to, what to get, what is kept."""

import re
from datetime import time

from conversations.care.hours import VisitKind
from conversations.care.people import BENEFICIARIES
from conversations.care.reminders import HOURS, USUAL_HOUR, USUAL_HOUR_ON_THE_EVE
from conversations.care.visits import remind_at
from conversations.care.wall_time import to_local
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.check_in import plan_questions, withdraw_questions
from conversations.flows.beneficiary.language import NoAnswers
from conversations.flows.beneficiary.waiting import with_waiting
from conversations.flows.typed_names import name_prompt, typed_name
from conversations.flows.visit_words import city, province
from conversations.texts import LANGUAGES

# More than any region has.
ALL_TOWNS = 500


class ChooseSetting(Step[NoAnswers]):
    name = "settings"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        lines = [turn.gettext("What would you like to change?"), _news_words(turn), _check_in_words(turn)]
        return Prompt("\n".join(lines), _settings(turn))

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        match choice_id:
            case "name":
                return Goto(TellName)
            case "kept":
                return Goto(ShowKept)
            case "hour":
                return Goto(ChooseHour)
            case "news":
                await turn.desk.contacts.set_news(turn.contact.id, not turn.contact.news)
                await turn.reload()
                return Again()
            case "check_ins":
                await _turn_check_ins(turn, not turn.contact.check_ins)
                return Again()
        return Enter(choice_id)


class TellName(Step[NoAnswers]):
    name = "name"
    matches_typed_choices = False

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        return name_prompt(turn, turn.gettext("Which name shall we use? You choose, and none is fine too."))

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return await _call(turn, None)

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        name = typed_name(turn, reply)
        return name if isinstance(name, Again) else await _call(turn, name)


class ChooseHour(Step[NoAnswers]):
    """Ask at which hour of the day reminders of visits are to come."""

    name = "hour"
    # A number that is typed is an hour, not a place in the list.
    matches_typed_choices = False

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        lines = [turn.gettext("At which hour shall we remind you of your visits?"), _hour_words(turn)]
        # Translators: label, at most 20 characters. No hour of one's own: reminders come at the usual ones.
        usual = Choice("usual", turn.pgettext("button", "↩️ As usual"))
        hours = [Choice(str(hour), turn.format_time(time(hour))) for hour in HOURS]
        return Prompt("\n".join(lines), [*hours, usual])

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return await _remind_at(turn, None if choice_id == "usual" else int(choice_id))

    async def answer(self, turn: Turn[NoAnswers], reply: Reply) -> Move:
        hour = re.match(r"\s*(\d{1,2})(?!\d)", reply.text) if isinstance(reply, Text) else None
        if hour is not None and int(hour[1]) in HOURS:
            return await _remind_at(turn, int(hour[1]))
        return Again(turn.gettext("Please choose one of these hours."))


class ShowKept(Step[NoAnswers]):
    name = "kept"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        # Translators: label, at most 20 characters.
        erase = Choice("erase", turn.pgettext("button", "🗑️ Erase everything"))
        return Prompt("\n".join(await _kept(turn)), [erase])

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        return Enter(choice_id)


def _settings(turn: Turn[NoAnswers]) -> list[Choice]:
    """Return the settings; some ids are the names of flows."""
    return [
        # Translators: label, at most 24 characters.
        Choice("language", turn.pgettext("button", "🌐 Language")),
        # Translators: label, at most 24 characters.
        Choice("name", turn.pgettext("button", "👤 What to call me")),
        _news_choice(turn),
        _check_ins_choice(turn),
        # Translators: label, at most 24 characters. At which hour of the day reminders come.
        Choice("hour", turn.pgettext("button", "⏰ Hour of reminders")),
        # Translators: label, at most 24 characters. Also: use this on another phone or app.
        Choice("addresses", turn.pgettext("button", "📱 Phones and apps")),
        # Translators: label, at most 24 characters. Several people use one phone.
        Choice("profiles", turn.pgettext("button", "👥 Several people here")),
        # Translators: label, at most 24 characters.
        Choice("kept", turn.pgettext("button", "🔎 What is kept")),
        # Translators: label, at most 24 characters.
        Choice("erase", turn.pgettext("button", "🗑️ Erase everything")),
    ]


def _news_choice(turn: Turn[NoAnswers]) -> Choice:
    if turn.contact.news:
        # Translators: label, at most 24 characters.
        return Choice("news", turn.pgettext("button", "🔕 Stop news"))
    # Translators: label, at most 24 characters.
    return Choice("news", turn.pgettext("button", "🔔 Get news"))


def _check_ins_choice(turn: Turn[NoAnswers]) -> Choice:
    if turn.contact.check_ins:
        # Translators: label, at most 24 characters. Stops the messages "How are you?".
        return Choice("check_ins", turn.pgettext("button", "🔕 Stop questions"))
    # Translators: label, at most 24 characters. The person is asked "How are you?" again.
    return Choice("check_ins", turn.pgettext("button", "🔔 Ask how I am"))


def _news_words(turn: Turn[NoAnswers]) -> str:
    if turn.contact.news:
        return turn.gettext("🔔 You get news of programmes.")
    return turn.gettext("🔕 You get no news of programmes.")


def _check_in_words(turn: Turn[NoAnswers]) -> str:
    if turn.contact.check_ins:
        return turn.gettext("🔔 We ask you how you are in your first week with us.")
    return turn.gettext("🔕 We don't ask you how you are.")


def _hour_words(turn: Turn[NoAnswers]) -> str:
    hour = turn.contact.reminder_hour
    if hour is not None:
        return turn.gettext("⏰ Reminders of visits come at {time}.").format(
            time=turn.format_time(time(hour))
        )
    return turn.gettext("⏰ Reminders of visits come at {morning}, on the eve at {evening}.").format(
        morning=turn.format_time(time(USUAL_HOUR)), evening=turn.format_time(time(USUAL_HOUR_ON_THE_EVE))
    )


async def _remind_at(turn: Turn[NoAnswers], hour: int | None) -> Move:
    await remind_at(turn, hour)
    return Enter("settings", notice=_hour_words(turn))


async def _turn_check_ins(turn: Turn[NoAnswers], on: bool) -> None:
    await turn.desk.contacts.set_check_ins(turn.contact.id, on)
    await turn.reload()
    if on:
        await plan_questions(turn)
    else:
        await withdraw_questions(turn)


async def _call(turn: Turn[NoAnswers], name: str | None) -> Move:
    await turn.desk.contacts.set_name(turn.contact.id, name)
    await turn.reload()
    return Goto(ChooseSetting)


async def _kept(turn: Turn[NoAnswers]) -> list[str]:
    contact = turn.contact
    language = next((each.name for each in LANGUAGES if each.code == contact.language), "")
    lines = [
        turn.gettext("This is what we keep about you:"),
        turn.gettext("Language: {language}").format(language=language),
    ]
    if contact.enrolled_at is not None:
        day = to_local(contact.enrolled_at, turn.world.zone).date()
        lines.append(turn.gettext("You agreed on {day}.").format(day=turn.format_day(day)))
    if contact.name:
        lines.append(turn.gettext("We call you {name}.").format(name=contact.name))
    if contact.centre_slug:
        centre = await turn.desk.centres.get(contact.centre_slug)
        lines.append(turn.gettext("Centre: {city}").format(city=city(turn, centre)))
    if where := _province(turn):
        lines.append(turn.gettext("Province: {province}").format(province=where))
    lines += [_news_words(turn), _check_in_words(turn), _hour_words(turn)]
    upcoming = await turn.desk.appointments.upcoming(contact.id, now=turn.now)
    visits = turn.ngettext("You have {n} visit ahead.", "You have {n} visits ahead.", len(upcoming))
    lines.append(await with_waiting(turn, visits.format(n=len(upcoming))))
    if any(visit.kind is VisitKind.PHONE for visit in upcoming):
        lines.append(turn.gettext("📞 We keep the number on which the centre calls you."))
    if await turn.desk.life_projects.get(contact.id):
        lines.append(turn.gettext("📝 Your project in your own words. Write “life project” to see it."))
    lines.append(turn.gettext("We also keep your earlier visits and what you wrote to caseworkers."))
    lines.append(
        turn.gettext("We keep your answers about visits, and complaints that you filed with your name.")
    )
    lines.append(await _opened_words(turn))
    return lines


async def _opened_words(turn: Turn[NoAnswers]) -> str:
    opened_at = await turn.desk.audit.opened_at(turn.contact.id)
    if not opened_at:
        return turn.gettext("No caseworker has opened your visits or messages yet.")
    words = turn.ngettext(
        "Caseworkers opened your visits or messages {n} time, last on {day}.",
        "Caseworkers opened your visits or messages {n} times, last on {day}.",
        len(opened_at),
    )
    last = to_local(opened_at[0], turn.world.zone).date()
    return words.format(n=len(opened_at), day=turn.format_day(last))


def _province(turn: Turn[NoAnswers]) -> str | None:
    code = turn.contact.province_code
    if code is None:
        return None
    towns = turn.world.places.towns(code.partition(".")[0], ALL_TOWNS)
    return next((province(turn, place) for place in towns if place.province_code == code), None)


SETTINGS = Flow(
    name="settings",
    draft=NoAnswers,
    steps=[ChooseSetting, TellName, ChooseHour, ShowKept],
    roles=BENEFICIARIES,
)
