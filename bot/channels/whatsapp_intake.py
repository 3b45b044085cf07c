"""WhatsApp's webhook: everything a call holds is split and stored before the call is answered."""

import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.channels.whatsapp import Foreign, News, Other, Said, message_ref, split
from bot.channels.whatsapp_statuses import tell
from bot.clock import Clock
from bot.fallback import Fallback
from bot.floods import Gate
from bot.http.body import read_body
from bot.metrics import metrics
from conversations.engine.reply import Channel
from storage.database import Database
from storage.errors import DatabaseLocked, StorageError
from storage.inbox import NewUpdate
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

JSON = Mapping[str, Any]

WEBHOOK_PATH = "/whatsapp/webhook"
SIGNATURE_HEADER = "X-Hub-Signature-256"
# The largest call that the platform makes. Source: Cloud API, webhooks.
MAX_BODY_BYTES = 3 * 1024 * 1024
# Sooner than this a lock was no lock that stays: PostgreSQL looks for deadlocks after a second.
DEADLOCK_FOUND_S = 5.0

# Acts on a change of another kind than messages, in the transaction that stores it.
OnField = Callable[[UnitOfWork, JSON, datetime], Awaitable[None]]


class WhatsAppIntake:
    """Puts messages into the inbox and statuses to the messages they are about; all else is kept as it came.

    `fields` acts on the changes of other fields of the webhook, such as message_template_status_update, each
    the first time it comes. `fallback` finds another way for messages that turn out never to arrive.
    `refused` counts what was turned away, by reason.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        phone_number_id: str,
        app_secret: str,
        verify_token: str,
        fields: Mapping[str, OnField] | None = None,
        fallback: Fallback | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._phone_number_id = phone_number_id
        self._app_secret = app_secret.encode()
        self._verify_token = verify_token.encode()
        self._fields = fields or {}
        self._fallback = fallback
        self._gate = Gate()
        self._has_trouble = False
        self.refused: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        return [
            Route(WEBHOOK_PATH, self._verify, methods=["GET"]),
            Route(WEBHOOK_PATH, self._receive, methods=["POST"]),
        ]

    async def _verify(self, request: Request) -> Response:
        """Show the platform that this address is ours. Source: Cloud API, create a webhook endpoint."""
        query = request.query_params
        given = query.get("hub.verify_token", "").encode()
        if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given, self._verify_token):
            return self._refuse("wrong_verify_token", 403)
        return PlainTextResponse(query.get("hub.challenge", ""))

    async def _receive(self, request: Request) -> Response:
        try:
            body = await read_body(request, most_bytes=MAX_BODY_BYTES)
        except ClientDisconnect:
            return self._refuse("cut_off", 400)
        if body is None:
            return self._refuse("too_large", 413)
        if not self._is_signed(body, request.headers.get(SIGNATURE_HEADER, "")):
            return self._refuse("wrong_signature", 401)
        try:
            await self._stored(body)
        except (StorageError, SQLAlchemyError) as error:
            self._note_trouble(error)
            # It comes again, for up to seven days.
            return Response(status_code=503)
        self._note_well()
        return Response()

    def _is_signed(self, body: bytes, signature: str) -> bool:
        expected = "sha256=" + hmac.new(self._app_secret, body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(signature.encode(), expected.encode())

    def _refuse(self, reason: str, status: int) -> Response:
        self.refused[reason] += 1
        metrics.webhook_refused(Channel.WHATSAPP, reason)
        if self.refused[reason] == 1:
            log.warning("whatsapp_webhook_refused", reason=reason)
        return Response(status_code=status)

    # Storing

    async def _stored(self, body: bytes) -> None:
        """Store a call, and once more when it and another transaction had waited for each other.

        The database ends one of the two within a second; who waited longer waits for a lock that stays.
        """
        began = time.monotonic()
        try:
            await self._store(body)
        except DatabaseLocked:
            if time.monotonic() - began > DEADLOCK_FOUND_S:
                raise
            await self._store(body)

    async def _store(self, body: bytes) -> None:
        """Keep all that a call holds, or nothing; what is kept already changes nothing."""
        now = self._clock.now()
        said: list[Said] = []
        news: list[News] = []
        others: list[Other] = []
        foreign = 0
        for part in self._parts(body):
            match part:
                case Said():
                    said.append(part)
                case News():
                    news.append(part)
                case Other():
                    others.append(part)
                case Foreign():
                    foreign += 1
        async with self._database.transaction(urgent=True) as unit:
            new = await self._gate.add(unit, [self._said(each) for each in said], now=now)
            if said:
                unit.topics.add("inbox")
            for each in news:
                await self._take_news(unit, each, now)
            for other in others:
                await self._take_other(unit, other, now)
        metrics.updates_stored(Channel.WHATSAPP, new)
        metrics.updates_unknown(Channel.WHATSAPP, sum(other.field not in self._fields for other in others))
        metrics.updates_foreign(Channel.WHATSAPP, foreign)
        metrics.intake_worked(Channel.WHATSAPP, now)

    def _parts(self, body: bytes) -> Sequence[Said | News | Other | Foreign]:
        try:
            return list(split(json.loads(body), self._phone_number_id))
        except (ValueError, RecursionError):
            # Asking for it again would bring the same bytes.
            self.refused["broken"] += 1
            metrics.webhook_refused(Channel.WHATSAPP, "broken")
            log.warning("whatsapp_webhook_broken")
            return [Other("", {"broken": body.decode(errors="replace")})]

    def _said(self, said: Said) -> NewUpdate:
        key = message_ref(self._database.keys, said.message_id)
        return self._new(key, self._database.keys.index(Channel.WHATSAPP, said.sender), said.payload)

    async def _take_news(self, unit: UnitOfWork, news: News, now: datetime) -> None:
        ref = message_ref(self._database.keys, news.message_id)
        update = self._new(f"{ref}:{news.status}", bytes.fromhex(ref), news.payload)
        if await unit.inbox.add_handled(update, now=now):
            await tell(unit, ref, news.payload, now, fallback=self._fallback)

    async def _take_other(self, unit: UnitOfWork, other: Other, now: datetime) -> None:
        # It has no id of its own that could be trusted, so its content tells that it came before.
        content = json.dumps(other.payload, sort_keys=True)
        lane = self._database.keys.index(Channel.WHATSAPP, f"other:{content}")
        is_new = await unit.inbox.add_handled(self._new(lane.hex(), lane, other.payload), now=now)
        if is_new and other.field in self._fields:
            await self._fields[other.field](unit, other.payload, now)

    def _new(self, key: str, lane: bytes, payload: JSON) -> NewUpdate:
        content = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return NewUpdate(channel=Channel.WHATSAPP, key=key, lane=lane, payload=content)

    def _note_trouble(self, error: Exception) -> None:
        if not self._has_trouble:
            log.warning("whatsapp_intake_lost", error=type(error).__name__)
        self._has_trouble = True

    def _note_well(self) -> None:
        if self._has_trouble:
            log.info("whatsapp_intake_back")
        self._has_trouble = False
