"""Handing a person over to a caseworker: the task, and the news of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversations.care.people import Contact, Role
from conversations.care.tasks import Said, Task, TaskKind
from conversations.engine.flow import SentMedia
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel, Media, MediaKind, Reply, SharedPhone, Text
from conversations.engine.turn import Push, Turn
from conversations.flows.news import TaskNews
from conversations.ports import Desk


@dataclass(frozen=True, slots=True)
class Handover:
    """The task, and the news of it for each caseworker who can be reached."""

    task: Task
    news: tuple[Push, ...]

    @property
    def heard(self) -> bool:
        """At least one caseworker is told; else the task waits for the first to come."""
        return bool(self.news)


async def hand_over(turn: Turn[Any], kind: TaskKind, said: Said, *, urgent: bool = False) -> Handover:
    """Make a task of what the turn's contact said and tell the caseworkers who look after them."""
    handover = await make_task(turn.desk, turn.contact, kind, said, urgent=urgent, now=turn.now)
    turn.effects.extend(handover.news)
    return handover


async def make_task(
    desk: Desk, contact: Contact, kind: TaskKind, said: Said, *, urgent: bool = False, now: datetime
) -> Handover:
    """Make a task for the caseworkers who look after a person; telling them is left to the caller."""
    centre_slug, caseworkers = await _caseworkers(desk, contact)
    task = await desk.tasks.add(
        contact_id=contact.id,
        centre_slug=centre_slug,
        kind=kind,
        text=said.to_text(),
        urgent=urgent,
        now=now,
    )
    subject = f"task:{task.id}"
    news = tuple(
        Push(
            caseworker.id,
            "task_news",
            TaskNews(task.id),
            Purpose.STAFF,
            key=f"{subject}:new:{caseworker.id}",
            subject=subject,
        )
        for caseworker in caseworkers
    )
    return Handover(task, news)


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


async def _caseworkers(desk: Desk, contact: Contact) -> tuple[str | None, list[Contact]]:
    """Return the person's centre and its caseworkers; no centre and everybody's when none is reachable.

    A task without a centre is seen by all.
    """
    home = contact.centre_slug
    own = await desk.contacts.staff(Role.CASEWORKER, home) if home else []
    if own:
        return home, own
    return None, await desk.contacts.staff(Role.CASEWORKER)
