"""Telegram's updates on their way in: stored before they are acknowledged, by polling and by webhook."""

import asyncio
import hmac
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from bot.channels.telegram import origin, seconds, trimmed
from bot.channels.telegram_groups import GroupAnswers
from bot.clock import Clock
from bot.floods import Gate
from bot.http.body import read_body
from bot.metrics import metrics
from bot.settings import SettingsWrong
from conversations.engine.reply import Channel
from storage.database import Database
from storage.encryption import KeyRing
from storage.errors import StorageError
from storage.inbox import NewUpdate

log = structlog.get_logger()

JSON = dict[str, Any]
Answer = TypeVar("Answer")

ALLOWED_UPDATES = ("message", "callback_query", "my_chat_member")
WEBHOOK_PATH = "/telegram/webhook"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (a name)
MAX_BODY_BYTES = 1024 * 1024

# How long Telegram holds a poll open when nobody writes, and how much later we stop waiting for it.
POLL_S = 30
POLL_GRACE_S = 10
LONGEST_PAUSE_S = 30.0


class TelegramIntake:
    """Puts updates into the inbox, of a flood only their keys; those of groups never, see GroupAnswers.

    `last_success_at` is when updates, or the news that there are none, were last taken in (None: not
    yet). `refused` counts what the webhook turned away, by reason.
    """

    def __init__(
        self,
        database: Database,
        bot: Bot,
        clock: Clock,
        *,
        poll_s: int = POLL_S,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._bot = bot
        self._clock = clock
        self._poll_s = poll_s
        self._pause = pause
        self._jitter = jitter
        self._gate = Gate()
        self._groups = GroupAnswers(bot, clock)
        self._trouble: str | None = None
        self.last_success_at: datetime | None = None
        self.refused: Counter[str] = Counter()

    @property
    def keys(self) -> KeyRing:
        return self._database.keys

    # Polling

    async def poll(self) -> NoReturn:
        """Fetch and store updates until cancelled.

        The offset, which acknowledges, moves only after the commit and lives in memory alone: what a crash
        leaves unacknowledged comes again, and the inbox knows what it has.
        """
        await self._insist(lambda: self._bot.delete_webhook(drop_pending_updates=False))
        offset = 0
        while True:
            updates = await self._insist(partial(self._fetch, offset))
            own = self._without_groups(updates)
            await self._insist(partial(self._store, own))
            # An empty answer means that all is acknowledged. Update ids may begin anew, lower, after a quiet
            # week, so the old offset must not be kept. Source: Bot API reference, Update.
            offset = max((update["update_id"] for update in updates), default=-1) + 1

    async def _fetch(self, offset: int) -> list[JSON]:
        """Return the next updates as they came: the library's own models would stumble over a new kind."""
        query = {
            "offset": offset,
            "timeout": self._poll_s,
            "allowed_updates": json.dumps(ALLOWED_UPDATES),
        }
        url = f"{self._bot.base_url}/getUpdates?{urlencode(query)}"
        try:
            answer = await self._bot.request.post(url, read_timeout=self._poll_s + POLL_GRACE_S)
        except KeyError:
            raise NetworkError("the answer holds no result") from None
        if not isinstance(answer, list):
            raise NetworkError("the answer holds no list of updates")
        return [update for update in answer if _is_update(update)]

    async def _insist(self, action: Callable[[], Awaitable[Answer]]) -> Answer:
        """Do it until it succeeds, waiting longer each time."""
        failures = 0
        while True:
            try:
                answer = await action()
            except (TelegramError, StorageError, SQLAlchemyError) as error:
                failures += 1
                self._note_trouble(_reason(error))
                await self._pause(self._pause_s(failures, error))
            else:
                self._note_well()
                return answer

    def _pause_s(self, failures: int, error: Exception) -> float:
        longest = min(LONGEST_PAUSE_S, 2.0 ** min(failures, 10))
        pause_s = longest * (0.5 + self._jitter() / 2)
        return max(pause_s, seconds(error.retry_after)) if isinstance(error, RetryAfter) else pause_s

    # Webhook

    async def set_webhook(self, public_url: str, secret: str) -> None:
        """Ask Telegram to deliver to this service.

        Raises SettingsWrong when it does not take the address, TelegramError when it does not answer.
        """
        try:
            await self._bot.set_webhook(
                f"{public_url}{WEBHOOK_PATH}",
                secret_token=secret,
                allowed_updates=ALLOWED_UPDATES,
                drop_pending_updates=False,
            )
        except BadRequest:
            raise SettingsWrong(
                "PUBLIC_URL is not taken by Telegram: it must be an https:// address that can be reached "
                "from outside, on port 443, 80, 88 or 8443."
            ) from None

    def webhook_route(self, secret: str) -> Route:
        """Return the route that Telegram delivers to; `secret` is the one given to `set_webhook`."""
        return Route(WEBHOOK_PATH, partial(self._receive, secret.encode()), methods=["POST"])

    async def _receive(self, secret: bytes, request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, "").encode(), secret):
            return self._refuse("wrong_secret", 401)
        try:
            body = await read_body(request, most_bytes=MAX_BODY_BYTES)
        except ClientDisconnect:
            return self._refuse("cut_off", 400)
        if body is None:
            return self._refuse("too_large", 413)
        update = _update_in(body)
        if update is None:
            # 200, because the same bytes would only come again.
            return self._refuse("broken", 200)
        try:
            await self._store(self._without_groups([update]))
        except (StorageError, SQLAlchemyError) as error:
            self._note_trouble(_reason(error))
            return Response(status_code=503)
        self._note_well()
        return Response()

    def _refuse(self, reason: str, status: int) -> Response:
        self.refused[reason] += 1
        metrics.webhook_refused(Channel.TELEGRAM, reason)
        if self.refused[reason] == 1:
            log.warning("telegram_webhook_refused", reason=reason)
        return Response(status_code=status)

    # Both

    def _without_groups(self, updates: Sequence[JSON]) -> list[JSON]:
        own = []
        for update in updates:
            group_id = origin(update).group_id
            if group_id is None:
                own.append(update)
            else:
                self._groups.hear(group_id, update)
        return own

    async def _store(self, updates: Sequence[JSON]) -> None:
        """Keep all of the updates or none; those that are kept already change nothing."""
        if updates:
            async with self._database.transaction(urgent=True) as unit:
                own = [self._new(update) for update in updates]
                new = await self._gate.add(unit, own, now=self._clock.now())
                unit.topics.add("inbox")
            metrics.updates_stored(Channel.TELEGRAM, new)
        self.last_success_at = self._clock.now()
        metrics.intake_worked(Channel.TELEGRAM, self.last_success_at)

    def _new(self, update: JSON) -> NewUpdate:
        key, user_id = str(update["update_id"]), origin(update).user_id
        # Without a sender it belongs to nobody's turn and must hold up nobody.
        lane = f"update:{key}" if user_id is None else str(user_id)
        return NewUpdate(
            channel=Channel.TELEGRAM,
            key=key,
            lane=self.keys.index(Channel.TELEGRAM, lane),
            payload=json.dumps(trimmed(update), ensure_ascii=False, separators=(",", ":")),
        )

    def _note_trouble(self, reason: str) -> None:
        """Say it once, until the reason changes or all is well again."""
        if reason == self._trouble:
            return
        self._trouble = reason
        if reason == "conflict":
            log.error(
                "telegram_intake_conflict",
                meaning="another process polls with this token, or somebody set a webhook: stop one",
            )
        else:
            log.warning("telegram_intake_lost", reason=reason)

    def _note_well(self) -> None:
        if self._trouble is not None:
            log.info("telegram_intake_back", reason=self._trouble)
            self._trouble = None


def _reason(error: Exception) -> str:
    match error:
        case Conflict():
            return "conflict"
        case InvalidToken():
            return "invalid_key"
        case RetryAfter():
            return "too_fast"
        case TelegramError():
            return "network"
        case _:
            return "database"


def _update_in(body: bytes) -> JSON | None:
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return update if _is_update(update) else None


def _is_update(body: object) -> bool:
    number = body.get("update_id") if isinstance(body, dict) else None
    # A number that the platform never gives would, as an offset, acknowledge what is still to come.
    return type(number) is int and 0 <= number < 2**63
