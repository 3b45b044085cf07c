"""How caseworkers read about what people need from them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from conversations.care.tasks import Said, Task, TaskKind, TaskStatus
from conversations.engine.flow import Choice, Prompt, SentMedia
from conversations.engine.reply import MediaKind
from conversations.engine.turn import Turn
from conversations.flows.channel_words import channel_name
from conversations.flows.staff.obstacle_words import obstacle_words


def kind_words(turn: Turn[Any], kind: TaskKind) -> str:
    """Return why the person needs a caseworker, short enough for a button."""
    match kind:
        case TaskKind.DANGER:
            # Translators: label, at most 20 characters. The person's words sounded like danger to life.
            return turn.pgettext("task", "🆘 Danger")
        case TaskKind.HELP:
            # Translators: label, at most 20 characters. The person answered "I need help".
            return turn.pgettext("task", "🙋 Needs help")
        case TaskKind.CALL_BACK:
            # Translators: label, at most 20 characters. The person wants to be called.
            return turn.pgettext("task", "📞 Wants a call")
        case TaskKind.MESSAGE:
            # Translators: label, at most 20 characters. The person wrote a message.
            return turn.pgettext("task", "💬 Message")
        case TaskKind.UNREACHED:
            # Translators: label, at most 20 characters. A message can't be brought to the person.
            return turn.pgettext("task", "📵 Not reached")
        case TaskKind.DISPLACED:
            # Translators: label, at most 20 characters. The centre closed at the time of the person's visit.
            return turn.pgettext("task", "📅 Visit to move")
        case TaskKind.NOT_UNDERSTOOD:
            # Translators: label, at most 20 characters. The service did not understand the person.
            return turn.pgettext("task", "❓ Not understood")
        case TaskKind.MISSED_VISITS:
            # Translators: label, at most 20 characters. Two visits were missed: a call may help.
            return turn.pgettext("task", "☎️ A call may help")


def age_words(turn: Turn[Any], task: Task) -> str:
    """Return how long the person has been waiting."""
    waiting = turn.now - task.created_at
    if waiting < timedelta(minutes=1):
        return turn.gettext("just now")
    if waiting < timedelta(hours=1):
        minutes = int(waiting.total_seconds() // 60)
        return turn.ngettext("{n} minute ago", "{n} minutes ago", minutes).format(n=minutes)
    if waiting < timedelta(days=1):
        hours = int(waiting.total_seconds() // 3600)
        return turn.ngettext("{n} hour ago", "{n} hours ago", hours).format(n=hours)
    return turn.ngettext("{n} day ago", "{n} days ago", waiting.days).format(n=waiting.days)


def holder_words(turn: Turn[Any], task: Task) -> str | None:
    """Return who looks after it, None while nobody does."""
    match task.status:
        case TaskStatus.DONE:
            return turn.pgettext("task", "✅ done")
        case TaskStatus.TAKEN if task.taken_by == turn.contact.id:
            return turn.pgettext("task", "✋ yours")
        case TaskStatus.TAKEN:
            return turn.pgettext("task", "👤 a colleague is on it")
        case TaskStatus.OPEN:
            return None


async def task_prompt(turn: Turn[Any], headline: str, task: Task, choices: Sequence[Choice]) -> Prompt:
    """Return what the person said under a headline, with what they sent along where it can be passed on."""
    media = Said.from_text(task.text).media
    return Prompt(f"{headline}\n\n{await task_details(turn, task)}", choices, media=media)


async def task_details(turn: Turn[Any], task: Task) -> str:
    """Return the person's words and number, the name they gave, how long they wait and who looks after it."""
    said = Said.from_text(task.text)
    name = (await turn.desk.contacts.get(task.contact_id)).name
    lines = [
        said.words and turn.gettext("“{words}”").format(words=said.words),
        said.media and _media_words(turn, said.media),
        number_to_call(turn, task),
        name and turn.gettext("Name: {name}").format(name=name),
        age_words(turn, task),
        holder_words(turn, task),
    ]
    return "\n".join(line for line in lines if line)


async def known_when_opened(turn: Turn[Any], task: Task) -> list[str]:
    """Return what stands on the card alone, never in a pushed message: why and how they are to be reached."""
    lines = [await obstacle_words(turn, task.contact_id)]
    if task.kind is TaskKind.UNREACHED and (phone := await turn.desk.addresses.phone(task.contact_id)):
        lines.append(_number_words(turn, f"+{phone}"))
    return [line for line in lines if line]


def number_to_call(turn: Turn[Any], task: Task) -> str | None:
    """Return the number the person left, alone on its line; None when they left none."""
    phone = Said.from_text(task.text).phone
    return phone and _number_words(turn, phone)


def _number_words(turn: Turn[Any], phone: str) -> str:
    return turn.gettext("Number to call:\n{phone}").format(phone=phone)


def _media_words(turn: Turn[Any], media: SentMedia) -> str:
    if media.channel is not turn.channel:
        return turn.gettext("📎 Something was sent along that can only be opened on {channel}.").format(
            channel=channel_name(turn, media.channel)
        )
    match media.kind:
        case MediaKind.VOICE:
            return turn.gettext("🎧 A voice note came with it.")
        case MediaKind.PHOTO:
            return turn.gettext("🖼️ A photo came with it.")
        case _:
            return turn.gettext("📎 A file came with it.")
