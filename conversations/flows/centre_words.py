"""How staff read about places and weeks."""

from typing import Any

from conversations.care.hours import Opening, WeeklyHours
from conversations.care.places import Region
from conversations.engine.turn import Turn


def region_name(turn: Turn[Any], region: Region) -> str:
    return region.name_ar if turn.texts.direction == "rtl" else region.name_fr


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


def _openings(turn: Turn[Any], openings: tuple[Opening, ...]) -> str:
    # Words, not a dash: between digits in an Arabic sentence a dash changes the two ends over.
    parts = [
        turn.gettext("{opens} to {closes}").format(
            opens=turn.format_time(opening.opens), closes=turn.format_time(opening.closes)
        )
        for opening in openings
    ]
    return turn.pgettext("between hours", " and ").join(parts)
