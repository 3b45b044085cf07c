"""What the bot says in groups: one sentence, the same for everybody."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from telegram import Bot, LinkPreviewOptions
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import TelegramError

from bot.clock import Clock

log = structlog.get_logger()

JSON = Mapping[str, Any]

# For eyes of any language and of any group: no word of what the service is for.
PRIVATE_CHATS_ONLY = (
    "أتحدث في المحادثات الخاصة فقط.\nJe ne réponds qu'en conversation privée.\nI only talk in private chats."
)
SILENCE = timedelta(minutes=10)
# When more groups than these call, the one that called longest ago is forgotten.
MOST_GROUPS = 1000

OUT = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)
IN = (ChatMemberStatus.MEMBER, ChatMemberStatus.ADMINISTRATOR)
_COMMAND = re.compile(r"/[A-Za-z0-9_]{1,32}(?:@(\w+))?(?!\S)")


class GroupAnswers:
    """Answers groups that call the bot, each at most once in ten minutes.

    It sends past the outbox on purpose. The outbox holds messages to people, by the addresses of contacts; a
    group is no contact, and nothing of what happens in one may be stored, not even that it called. The
    sentence is always the same and nobody waits for it, so one that gets lost is no loss.
    Channels get no answer: it would be published to all their readers.
    """

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._clock = clock
        self._bot_id = int(bot.token.partition(":")[0])
        self._answered_at: OrderedDict[int, datetime] = OrderedDict()
        self._sending: set[asyncio.Task[None]] = set()

    def hear(self, group_id: int, update: JSON) -> None:
        """Look at an update of a group, and answer in the background when it calls the bot."""
        if not is_called(update, self._bot_id, self._username()) or self._has_answered(group_id):
            return
        task = asyncio.create_task(self._answer(group_id))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _username(self) -> str | None:
        try:
            return self._bot.username
        except RuntimeError:  # the Bot API has not answered since the start
            return None

    def _has_answered(self, group_id: int) -> bool:
        """Tell whether the group was answered lately; if not, it counts as answered now."""
        now = self._clock.now()
        answered_at = self._answered_at.get(group_id)
        if answered_at is not None and now - answered_at < SILENCE:
            return True
        self._answered_at[group_id] = now
        self._answered_at.move_to_end(group_id)
        if len(self._answered_at) > MOST_GROUPS:
            self._answered_at.popitem(last=False)
        return False

    async def _answer(self, group_id: int) -> None:
        try:
            username = self._username() or (await self._bot.get_me()).username
            await self._bot.send_message(
                group_id,
                f"{PRIVATE_CHATS_ONLY}\nhttps://t.me/{username}",
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except TelegramError as error:
            log.info("telegram_group_not_answered", error=type(error).__name__)


def is_called(update: JSON, bot_id: int, username: str | None) -> bool:
    """Tell whether a group's update adds the bot, mentions it, replies to it or gives it a command."""
    match update:
        case {
            "my_chat_member": {
                "chat": {"type": ChatType.GROUP | ChatType.SUPERGROUP},
                "old_chat_member": {"status": str(before)},
                "new_chat_member": {"status": str(after)},
            }
        }:
            return before in OUT and after in IN
        case {"message": {"chat": {"type": ChatType.GROUP | ChatType.SUPERGROUP}}}:
            message = update["message"]
            return (
                _replies_to(message, bot_id)
                or _mentions(message, bot_id, username)
                or _commands(message, username)
            )
    return False


def _replies_to(message: JSON, bot_id: int) -> bool:
    match message:
        case {"reply_to_message": {"from": {"id": author_id}}}:
            return bool(author_id == bot_id)
    return False


def _mentions(message: JSON, bot_id: int, username: str | None) -> bool:
    by_name = username and re.search(rf"@{re.escape(username)}\b", _words(message), re.IGNORECASE)
    return bool(by_name) or any(
        isinstance(entity, dict) and isinstance(user := entity.get("user"), dict) and user.get("id") == bot_id
        for entity in message.get("entities") or ()
    )


def _commands(message: JSON, username: str | None) -> bool:
    command = _COMMAND.match(_words(message))
    if command is None:
        return False
    return command[1] is None or command[1].lower() == (username or "").lower()


def _words(message: JSON) -> str:
    return str(message.get("text") or message.get("caption") or "")
