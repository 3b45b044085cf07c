"""How centres, places and weeks are told, in words and on the map."""

from typing import Any

from conversations.care.centres import Centre
from conversations.care.hours import HoursPeriod, Opening, PeriodKind, WeeklyHours
from conversations.care.places import Region
from conversations.engine.flow import Again, Choice
from conversations.engine.outbound import Venue
from conversations.engine.turn import Turn
from conversations.flows.visit_words import city
from conversations.texts import strip_isolates

MAP = "map"


def region_name(turn: Turn[Any], region: Region) -> str:
    return region.name_ar if turn.texts.direction == "rtl" else region.name_fr


def map_choices(turn: Turn[Any], centre: Centre) -> list[Choice]:
    """Return the button to see the centre on the map, where its staff have said where it is."""
    if centre.point is None:
        return []
    # Translators: label, at most 20 characters. Sends the place of the centre as a pin.
    return [Choice(MAP, turn.pgettext("button", "🗺️ On the map"))]


def show_on_map(turn: Turn[Any], centre: Centre) -> Again:
    """Send the centre as a pin under what is on the screen."""
    pin = pin_of(turn, centre)
    if pin is None:
        return Again(turn.gettext("The centre is no longer on the map."))
    turn.send_venue(pin)
    return Again(turn.gettext("🗺️ The map comes in a moment."))


def pin_of(turn: Turn[Any], centre: Centre) -> Venue | None:
    """Return the centre as a place on the map; None when nobody has said where it is."""
    if centre.point is None:
        return None
    # Names on a map are short lines of their own, with nothing around to isolate them from.
    name = strip_isolates(turn.gettext("📍 The centre in {city}").format(city=city(turn, centre)))
    return Venue(name, centre.address or "", centre.point.latitude, centre.point.longitude)


def weekday_names(turn: Turn[Any]) -> tuple[str, ...]:
    """Return the seven days, Monday first."""
    return (
        # Translators: label, at most 20 characters. The seven days of the week.
        turn.pgettext("weekday", "Monday"),
        turn.pgettext("weekday", "Tuesday"),
        turn.pgettext("weekday", "Wednesday"),
        turn.pgettext("weekday", "Thursday"),
        turn.pgettext("weekday", "Friday"),
        turn.pgettext("weekday", "Saturday"),
        turn.pgettext("weekday", "Sunday"),
    )


def week_lines(turn: Turn[Any], hours: WeeklyHours) -> list[str]:
    """Return a line for each day on which the centre receives people."""
    return [
        turn.gettext("{day}: {hours}").format(day=name, hours=_openings(turn, openings))
        for name, openings in zip(weekday_names(turn), hours.days, strict=True)
        if openings
    ]


def period_line(turn: Turn[Any], period: HoursPeriod) -> str:
    """Return from when to when other hours hold, on a line."""
    said = turn.gettext("{what}: {first} to {last}")
    return said.format(
        what=_period_name(turn, period.kind),
        first=turn.format_day(period.first_day),
        last=turn.format_day(period.last_day),
    )


def _period_name(turn: Turn[Any], kind: PeriodKind) -> str:
    if kind is PeriodKind.RAMADAN:
        return turn.gettext("🌙 Ramadan hours")
    return turn.gettext("📆 Other hours")


def _openings(turn: Turn[Any], openings: tuple[Opening, ...]) -> str:
    # Words, not a dash: between digits in an Arabic sentence a dash changes the two ends over.
    parts = [
        turn.gettext("{opens} to {closes}").format(
            opens=turn.format_time(opening.opens), closes=turn.format_time(opening.closes)
        )
        for opening in openings
    ]
    return turn.pgettext("between hours", " and ").join(parts)
