"""What becomes of messages that the platform took: each status is put to its message, in whatever order.

A status may be here before the send's own answer is written down. It is kept in the inbox first, so whoever
writes down that answer finds it there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.channels.whatsapp import STATUSES
from bot.channels.whatsapp_errors import Outcome, failure
from bot.delivery import lose_address
from bot.fallback import Fallback
from bot.metrics import metrics
from conversations.engine.reply import Channel
from storage.outbox import Told
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

JSON = Mapping[str, Any]

# What the platform took and could not bring after all is tried again after this.
AGAIN_AFTER = timedelta(minutes=5)
_FAILED = {
    Outcome.TEMPORARY: "failed_temporary",
    Outcome.PACE: "failed_temporary",
    Outcome.UNREACHABLE: "failed_permanent",
    Outcome.PERMANENT: "failed_permanent",
    Outcome.WINDOW: "failed_permanent",
    Outcome.TECHNICAL: "failed_technical",
}


async def tell_early(
    unit: UnitOfWork, message_refs: Sequence[str], now: datetime, *, fallback: Fallback | None = None
) -> None:
    """Put to messages whose references have just been written down what has come of them before."""
    keys = {f"{ref}:{status}": ref for ref in message_refs for status in STATUSES}
    lanes = [bytes.fromhex(ref) for ref in message_refs]
    for key, payload in await unit.inbox.handled(Channel.WHATSAPP, keys, lanes):
        await tell(unit, keys[key], json.loads(payload), now, fallback=fallback)


async def tell(
    unit: UnitOfWork, message_ref: str, payload: JSON, now: datetime, *, fallback: Fallback | None = None
) -> None:
    """Put a status, as `whatsapp.split` gives it, to its message; one that is behind changes nothing.

    With `fallback`, a message that will never arrive goes another way.
    """
    status = payload["status"]
    if status["status"] == "failed":
        await _tell_failed(unit, message_ref, status, now, fallback)
        return
    if status["status"] in ("delivered", "read"):
        if await unit.outbox.tell(Told(message_ref, status["status"])):
            metrics.status_told(Channel.WHATSAPP, status["status"])
            unit.topics.add("delivered")
        if category := _charged_as(status):
            await unit.billing.charge(message_ref, category, now=now)


async def _tell_failed(
    unit: UnitOfWork, message_ref: str, status: JSON, now: datetime, fallback: Fallback | None
) -> None:
    code = next(_codes(status), 0)
    found = failure(code)
    told = _FAILED[found.outcome]
    due_at = now + AGAIN_AFTER if told == "failed_temporary" else None
    # Who can't be reached is counted by one reason for all channels.
    reason = "blocked" if found.outcome is Outcome.UNREACHABLE else found.reason
    message = await unit.outbox.tell(Told(message_ref, told, reason, due_at))
    if message is None:
        return
    metrics.status_told(Channel.WHATSAPP, told)
    unit.topics.add("delivered")
    log.info("whatsapp_message_failed", row=message.id, code=code, outcome=found.outcome, reason=found.reason)
    if found.outcome is Outcome.UNREACHABLE:
        await lose_address(
            unit, message.address_id, at=now, unless_used_after=message.sent_at, fallback=fallback
        )
    if due_at is None and fallback is not None:
        await fallback.find_another_way(unit, message.id, now=now)
    if due_at is not None:
        unit.topics.add("outbox")


def _codes(status: JSON) -> Iterator[int]:
    errors = status.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and isinstance(error.get("code"), int):
            yield error["code"]


def _charged_as(status: JSON) -> str | None:
    """Return the category that a message is charged in; None when it is free."""
    match status.get("pricing"):
        case {"billable": True, "category": str(category)}:
            return category
    return None
