"""How a person reads about visits and centres. What is unknown is said to be unknown."""

from typing import Any

from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.centres import Centre
from conversations.care.hours import VisitKind
from conversations.care.places import Place
from conversations.engine.flow import Choice
from conversations.engine.turn import Turn
from conversations.flows.todays_content import current_rules


def city(turn: Turn[Any], centre: Centre) -> str:
    return centre.city_ar if turn.texts.direction == "rtl" else centre.city_fr


def town(turn: Turn[Any], place: Place) -> str:
    return (place.name_ar if turn.texts.direction == "rtl" else "") or place.name_fr


def province(turn: Turn[Any], place: Place) -> str:
    return place.province_ar if turn.texts.direction == "rtl" else place.province_fr


def need_label(turn: Turn[Any], need: Need) -> str:
    """Return the need as a button's label; it fits a line of a text as well."""
    match need:
        case Need.PAPERS:
            # Translators: label, at most 24 characters. Administrative or judicial matters.
            return turn.pgettext("button", "📄 Papers, legal matters")
        case Need.FAMILY:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "👪 Family, social")
        case Need.HEALTH:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "🩺 Health")
        case Need.JOB:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "🧰 Work")
        case Need.PROJECT:
            # Translators: label, at most 24 characters. A business of one's own.
            return turn.pgettext("button", "🌱 My own project")
        case Need.TRAINING:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "🎓 Training, studies")
        case Need.OTHER:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "💭 Something else")


def need_choices(turn: Turn[Any]) -> list[Choice]:
    return [Choice(need, need_label(turn, need)) for need in Need]


def when_and_where(turn: Turn[Any], visit: Appointment, centre: Centre) -> str:
    """Return day, time and city, each on its line; of a call who calls."""
    lines = [turn.format_day(visit.day), turn.format_time(visit.at), meeting_place(turn, visit.kind, centre)]
    if visit.kind is VisitKind.GROUP:
        lines.append(turn.gettext("👥 In a group"))
    return "\n".join(lines)


def meeting_place(turn: Turn[Any], kind: VisitKind, centre: Centre) -> str:
    """Return where a visit takes place, in a line."""
    if kind is VisitKind.PHONE:
        return turn.gettext("📞 The centre in {city} calls you.").format(city=city(turn, centre))
    return turn.gettext("Centre: {city}").format(city=city(turn, centre))


def will_confirm(turn: Turn[Any]) -> str:
    """Return the sentence that belongs into every text about a request."""
    return turn.gettext("⏳ The centre will confirm the time.")


def how_it_stands(turn: Turn[Any], visit: Appointment) -> str | None:
    """Return what a person has to know about the status, None for a visit that is settled."""
    if visit.displaced_at:
        return turn.gettext("⚠️ The centre is closed then. Please take another time.")
    return will_confirm(turn) if visit.status is AppointmentStatus.REQUESTED else None


def over(turn: Turn[Any]) -> str:
    return turn.gettext("This visit was cancelled or is over.")


def address_and_phone(turn: Turn[Any], centre: Centre) -> str:
    """Return how to get to the centre and how to call it; a number stands alone on its line."""
    if not centre.address and not centre.phone:
        return turn.gettext(
            "We don't have the address or the phone number yet. “Talk to a person” to ask for them."
        )
    if centre.address:
        address = turn.gettext("Address: {address}").format(address=centre.address)
    else:
        address = turn.gettext("We don't have the address yet. “Talk to a person” to ask for it.")
    if centre.phone:
        label = turn.gettext("Phone:")
        phone = f"{label}\n{turn.texts.isolate(centre.phone)}"
    else:
        phone = turn.gettext("We don't have the phone number yet.")
    return f"{address}\n{phone}"


def centres_phone(turn: Turn[Any], centre: Centre) -> str:
    """Return how to call the centre oneself; empty when its number is not known."""
    if not centre.phone:
        return ""
    label = turn.gettext("The centre's own number:")
    return f"{label}\n{turn.texts.isolate(centre.phone)}"


def code_words(turn: Turn[Any], visit: Appointment) -> str:
    if visit.kind is VisitKind.PHONE:
        return turn.gettext("Your code: {code}.").format(code=visit.code)
    return turn.gettext("Your code: {code}. Say it at the door.").format(code=visit.code)


async def what_to_bring(turn: Turn[Any]) -> str:
    """Return the sentence of the rules; come even if something is missing."""
    return (await current_rules(turn)).bring.text[turn.texts.language]


async def visit_card(turn: Turn[Any], visit: Appointment, centre: Centre) -> str:
    """Return all there is to know about a visit, in the order in which one needs it.

    What must not be missed stands together above, so that a small telephone shows it at a glance.
    """
    first = (when_and_where(turn, visit, centre), how_it_stands(turn, visit), code_words(turn, visit))
    if visit.kind is VisitKind.PHONE:
        rest = [centres_phone(turn, centre)]
    else:
        rest = [address_and_phone(turn, centre), await what_to_bring(turn)]
    return "\n\n".join(filter(None, ("\n".join(filter(None, first)), *rest)))
