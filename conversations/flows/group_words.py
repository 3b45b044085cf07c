"""How people and staff read about group sessions."""

from typing import Any

from conversations.care.group_sessions import GroupSession
from conversations.engine.flow import Choice
from conversations.engine.turn import Turn
from conversations.flows.visit_words import need_label


def session_choice(turn: Turn[Any], session: GroupSession) -> Choice:
    """Return the button that opens a session; day and hour fit into 24 characters."""
    return Choice(str(session.id), f"{turn.label_day(session.day)} {turn.format_time(session.at)}")


def session_lines(turn: Turn[Any], session: GroupSession) -> list[str]:
    """Return what it is about, when it is and how long it takes."""
    minutes = turn.ngettext("{n} minute", "{n} minutes", session.minutes).format(n=session.minutes)
    return [
        need_label(turn, session.need),
        turn.format_day(session.day),
        f"{turn.format_time(session.at)} · {minutes}",
    ]


def places_left(turn: Turn[Any], session: GroupSession) -> str:
    left = session.places - session.taken
    return turn.ngettext("{n} place is free.", "{n} places are free.", left).format(n=left)


def called_off_words(turn: Turn[Any], people: int) -> str:
    """Return how many people lose their place in a group, before staff close the centre at its time."""
    return turn.ngettext(
        "👥 {n} person has a place in a group session then. It is called off, and the person is told.",
        "👥 {n} people have a place in a group session then. It is called off, and they are told.",
        people,
    ).format(n=people)
