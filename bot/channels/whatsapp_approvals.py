"""Approval of WhatsApp's templates: handing them in, reading how they stand, hearing what is changed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from bot.channels.whatsapp_client import GraphClient
from bot.channels.whatsapp_templates import Template
from bot.turns import Voice, on_its_own, show_push
from conversations.care.people import Role
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.news import TemplateEvent, TemplateNews
from storage.templates import APPROVED, TemplateState
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

JSON = Mapping[str, Any]

# Names of templates of ours begin so; the account may hold others'.
OURS = "jisr_"
# Source: Cloud API, components of the webhook message_template_status_update.
_TAKEN_AWAY = frozenset({"paused", "disabled", "rejected", "pending_deletion", "deleted"})
_FIELDS = "name,language,status,category,rejected_reason"
_PAGE = 100
# Far more than an account may hold: an end for a platform that would page for ever.
_MOST_PAGES = 100
_SHORT = 120


@dataclass(frozen=True, slots=True)
class OnPlatform:
    """A template of ours as the platform holds it."""

    name: str
    language: str
    status: str
    category: str | None
    reason: str | None


async def on_platform(client: GraphClient, account_id: str) -> list[OnPlatform]:
    """Return all templates of ours that the account holds. Raises GraphFailed."""
    found: list[OnPlatform] = []
    query = {"fields": _FIELDS, "limit": str(_PAGE)}
    for _ in range(_MOST_PAGES):
        answer = await client.call("GET", f"{account_id}/message_templates", query=query)
        found += [each for held in answer.get("data", ()) if (each := _held(held))]
        match answer.get("paging"):
            case {"next": str(), "cursors": {"after": str(after)}}:
                query = {**query, "after": after}
            case _:
                break
    return found


async def hand_in(client: GraphClient, account_id: str, template: Template) -> OnPlatform:
    """Ask the platform to approve a template. Raises GraphFailed."""
    answer = await client.call("POST", f"{account_id}/message_templates", body=template.submission())
    handed_in = {"name": template.name, "language": template.platform_language, "status": "PENDING", **answer}
    held = _held(handed_in)
    assert held is not None  # noqa: S101 - its name and language are ours
    return held


async def keep(unit: UnitOfWork, held: Sequence[OnPlatform], *, now: datetime) -> None:
    """Write down how templates stand."""
    for each in held:
        await unit.templates.note(
            each.name, each.language, at=now, status=each.status, category=each.category, reason=each.reason
        )


def template_fields(
    voice: Voice,
) -> Mapping[str, Callable[[UnitOfWork, JSON, datetime], Awaitable[None]]]:
    """Return what to do about each field of the webhook that tells of templates."""

    async def on_status(unit: UnitOfWork, payload: JSON, now: datetime) -> None:
        await _take(unit, payload, now, voice, status_from="event")

    async def on_category(unit: UnitOfWork, payload: JSON, now: datetime) -> None:
        await _take(unit, payload, now, voice, category_from="new_category")

    return {"message_template_status_update": on_status, "template_category_update": on_category}


async def _take(
    unit: UnitOfWork,
    payload: JSON,
    now: datetime,
    voice: Voice,
    *,
    status_from: str = "",
    category_from: str = "",
) -> None:
    match payload.get("value"):
        case {"message_template_name": str(name), "message_template_language": str(language), **told}:
            pass
        case _:
            return
    if not name.startswith(OURS):
        return
    before = next(
        (each for each in await unit.templates.all() if (each.name, each.language) == (name, language)), None
    )
    after = await unit.templates.note(
        name,
        language,
        at=_told_at(payload, now),
        status=_small(told.get(status_from)),
        category=_small(told.get(category_from)),
        reason=_small(told.get("reason")),
    )
    if after is None:
        return
    log.info("template_changed", template=name, status=after.status, category=after.category)
    event = _event(before, after)
    if event is not None:
        await _tell_staff(unit, TemplateNews(event, name, after.category or ""), after, voice, now)


def _event(before: TemplateState | None, after: TemplateState) -> TemplateEvent | None:
    """Return what managers and administrators hear of; the first approval was asked for and is no news."""
    was = before.status if before else None
    if after.status != was and after.status == "paused":
        return TemplateEvent.PAUSED
    if after.status != was and after.status in _TAKEN_AWAY:
        return TemplateEvent.TAKEN_AWAY
    if after.status == APPROVED and was in _TAKEN_AWAY:
        return TemplateEvent.BACK
    if before and before.category and after.category != before.category:
        return TemplateEvent.CATEGORY
    return None


async def _tell_staff(
    unit: UnitOfWork, news: TemplateNews, state: TemplateState, voice: Voice, now: datetime
) -> None:
    about = f"template:{state.name}:{news.event}:{state.changed_at:%Y%m%dT%H%M%S}"
    for role in (Role.ADMINISTRATOR, Role.MANAGER):
        for member in await unit.contacts.staff(role):
            async with on_its_own(unit, "template_news_not_written", template=state.name):
                key = f"{about}:{member.id}"
                push = Push(member.id, "template_news", news, Purpose.STAFF, key=key)
                await show_push(unit, push, voice, now=now)


def _held(held: object) -> OnPlatform | None:
    match held:
        case {"name": str(name), "language": str(language), "status": str(status), **rest}:
            if name.startswith(OURS):
                return OnPlatform(
                    name,
                    language,
                    status.lower(),
                    _small(rest.get("category")),
                    _small(rest.get("rejected_reason")),
                )
    return None


def _small(value: object) -> str | None:
    """Return a word of the platform's in lower case; None where it says nothing."""
    word = value.lower()[:_SHORT] if isinstance(value, str) else ""
    return word if word not in ("", "none") else None


def _told_at(payload: JSON, now: datetime) -> datetime:
    """Return when the platform said it: what is delivered late must not undo what it said since."""
    match payload.get("time"):
        case int(seconds) if 0 < seconds <= now.timestamp():
            return datetime.fromtimestamp(seconds, now.tzinfo)
    return now
