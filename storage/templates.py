"""What WhatsApp says of our templates: which may be sent, and what it charges them as."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import templates
from storage.upserts import insert_into

APPROVED = "approved"
# What the names of templates for announcements hold behind "jisr_".
BROADCAST = "broadcast"
# Before the platform has said anything of it.
UNKNOWN = "unknown"


def stem_of(form: str, language: str) -> str:
    """Return what the names of all versions of a template begin with; eight signs of its own follow."""
    return f"jisr_{form}_{language}_"


@dataclass(frozen=True, slots=True)
class TemplateState:
    """How a template stands. `language` is the platform's code, `status` its word in lower case."""

    name: str
    language: str
    status: str
    category: str | None
    reason: str | None
    changed_at: datetime

    @property
    def may_be_sent(self) -> bool:
        return self.status == APPROVED

    def is_version_of(self, form: str, language: str) -> bool:
        """Whether it is a template for that, in that language of ours."""
        return re.fullmatch(rf"{stem_of(form, language)}[0-9a-p]{{8}}", self.name) is not None


class TemplateStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> list[TemplateState]:
        """Return every template known, by name and language."""
        query = select(templates).order_by(templates.c.name, templates.c.language)
        return [_state(row) for row in await self._connection.execute(query)]

    async def note(
        self,
        name: str,
        language: str,
        *,
        at: datetime,
        status: str | None = None,
        category: str | None = None,
        reason: str | None = None,
    ) -> TemplateState | None:
        """Write down what the platform said at that moment; None when it is old news or none.

        A status or category of None stays as it was.
        """
        await self._connection.execute(
            insert_into(self._connection, templates)
            .values(name=name, language=language, status=UNKNOWN, changed_at=at)
            .on_conflict_do_nothing(index_elements=[templates.c.name, templates.c.language])
        )
        ours = (templates.c.name == name) & (templates.c.language == language)
        row = (await self._connection.execute(select(templates).where(ours).with_for_update())).one()
        before = _state(row)
        said: Mapping[str, str | None] = {
            "status": status or before.status,
            "category": category or before.category,
            # A reason belongs to its status.
            "reason": reason if status else before.reason,
        }
        is_news = said["status"] != before.status or said["category"] != before.category
        if before.changed_at > at or not is_news:
            return None
        await self._connection.execute(update(templates).where(ours).values(**said, changed_at=at))
        changed = (await self._connection.execute(select(templates).where(ours))).one()
        return _state(changed)


def _state(row: Row[Any]) -> TemplateState:
    return TemplateState(
        name=row.name,
        language=row.language,
        status=row.status,
        category=row.category,
        reason=row.reason,
        changed_at=row.changed_at,
    )
