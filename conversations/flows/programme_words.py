"""How people read about a programme, and whether it is open for them now."""

from typing import Any

from conversations.care.rules import Programme, Standing, standing
from conversations.engine.turn import Turn
from conversations.flows.centre_words import region_name


def programme_words(turn: Turn[Any], programme: Programme, region: str | None) -> str:
    """Return its name, what it is and how it stands today for somebody of a region, None when not known."""
    language = turn.texts.language
    how = _standing(turn, programme, standing(programme, turn.today, region))
    return f"{programme.name[language]}\n{programme.text[language]} {how}"


def region_names(turn: Turn[Any], programme: Programme) -> str:
    """Return where it is, in the order of the file."""
    names = {region.code: region_name(turn, region) for region in turn.world.places.regions()}
    # Translators: between the names of places in a list.
    comma = turn.pgettext("between names", ", ")
    return comma.join(names[code] for code in programme.regions if code in names)


def _standing(turn: Turn[Any], programme: Programme, how: Standing) -> str:
    match how:
        case Standing.OPEN if programme.closes_on:
            until = turn.gettext("It is open now, until {day}.")
            return until.format(day=turn.format_day(programme.closes_on))
        case Standing.OPEN:
            return turn.gettext("It is open now.")
        case Standing.NOT_NOW:
            return turn.gettext("It is not open now; the centre tells you of the next one.")
        case Standing.NOT_HERE | Standing.NOT_KNOWN if programme.regions and _is_told(programme):
            where = turn.gettext("It is open in these regions: {regions}. For yours, ask your centre.")
            return where.format(regions=region_names(turn, programme))
        case Standing.NOT_KNOWN if programme.regions:
            where = turn.gettext("It is for these regions: {regions}. Ask your centre whether it is open.")
            return where.format(regions=region_names(turn, programme))
        case _:
            return turn.gettext("Whether it is open now, the centre tells you.")


def _is_told(programme: Programme) -> bool:
    """Tell whether anybody has said if it is open, somewhere."""
    return not (programme.open is None and programme.opens_on is None and programme.closes_on is None)
