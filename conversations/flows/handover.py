"""Handing a person over to a caseworker: the task, and the news of it."""

from dataclasses import dataclass
from typing import Any

from conversations.care.people import Contact, Role
from conversations.care.tasks import Said, Task, TaskKind
from conversations.engine.flow import SentMedia
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel, Media, MediaKind, Reply, SharedPhone, Text
from conversations.engine.turn import Turn
from conversations.flows.news import TaskNews


@dataclass(frozen=True, slots=True)
class Handover:
    """`heard`: at least one caseworker was told; else the task waits for the first to come."""

    task: Task
    heard: bool


async def hand_over(turn: Turn[Any], kind: TaskKind, said: Said, *, urgent: bool = False) -> Handover:
    """Make a task of what the turn's contact said and tell the caseworkers who look after them."""
    centre_slug, caseworkers = await _caseworkers(turn)
    task = await turn.desk.tasks.add(
        contact_id=turn.contact.id,
        centre_slug=centre_slug,
        kind=kind,
        text=said.to_text(),
        urgent=urgent,
        now=turn.now,
    )
    subject = f"task:{task.id}"
    for caseworker in caseworkers:
        turn.push(
            caseworker.id,
            "task_news",
            TaskNews(task.id),
            purpose=Purpose.STAFF,
            key=f"{subject}:new:{caseworker.id}",
            subject=subject,
        )
    return Handover(task, heard=bool(caseworkers))


# What a caseworker can look at or listen to; a sticker says too little to leave it at that.
_TELLING = frozenset({MediaKind.VOICE, MediaKind.PHOTO, MediaKind.DOCUMENT, MediaKind.VIDEO})


def said_in(reply: Reply | None, channel: Channel | None) -> Said | None:
    """Return what a reply tells a caseworker; None when it tells nothing."""
    match reply:
        case Text(text) if text.strip():
            return Said(text.strip())
        case Media(kind, ref, caption) if kind in _TELLING and channel is not None:
            return Said(caption, SentMedia(kind, ref, channel))
        case SharedPhone(number):
            return Said(phone=number)
    return None


async def _caseworkers(turn: Turn[Any]) -> tuple[str | None, list[Contact]]:
    """Return the person's centre and its caseworkers; no centre and everybody's when it has none.

    A task without a centre is seen by all.
    """
    home = turn.contact.centre_slug
    own = await turn.desk.contacts.staff(Role.CASEWORKER, home) if home else []
    if own:
        return home, own
    return None, await turn.desk.contacts.staff(Role.CASEWORKER)
