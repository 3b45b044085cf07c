"""What managers change of what is told: drafts of each, and publications under one number."""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.edits import (
    Edit,
    EditState,
    Revision,
    Target,
    in_force,
    last_touches,
    revisions,
    target_of,
    touched_meanwhile,
    value_without,
)
from conversations.care.people import ContactId
from conversations.care.rules import Change
from conversations.errors import ChangedMeanwhile, NothingToRollBack
from storage.prepared import Into, Statement, prepared
from storage.tables import content_changes

# Of PostgreSQL's advisory locks, the one of who gives a publication its number.
_LOCK = 0x636F6E74656E74

_RETURNING: dict[str, Callable[[Any], object]] = {
    "from": lambda value: None if value is None else date.fromisoformat(value),
    "until": lambda value: None if value is None else date.fromisoformat(value),
    "regions": tuple,
}


@prepared
def _published(_: Into) -> Statement:
    rows = content_changes.c
    return (
        select(rows.entry, rows.field, rows.language, rows.value, rows.published_at)
        .where(rows.state == bindparam("published"))
        .order_by(rows.revision, rows.id)
    )


class ContentStore:
    """`zone` is the one in which a publication has its day."""

    def __init__(self, connection: AsyncConnection, zone: tzinfo) -> None:
        self._connection = connection
        self._zone = zone

    async def published(self) -> tuple[Change, ...]:
        """Return what holds now over what was shipped, in the order in which it was published."""
        rows = await _published.all(self._connection, published=EditState.PUBLISHED)
        newest = {Target(row.entry, row.field, row.language): row for row in rows}
        return tuple(
            Change(
                row.entry,
                row.field,
                _value(row.field, row.value),
                row.language,
                # Who words something has looked at it.
                row.published_at.astimezone(self._zone).date() if row.language else None,
            )
            for row in newest.values()
        )

    async def drafts(self, by: ContactId) -> list[Edit]:
        """Return what a manager has changed and not published, oldest first."""
        return await self._edits(_drafts_of(by))

    async def draft(self, by: ContactId, change: Change, *, before: object, now: datetime) -> None:
        """Keep a change for its manager alone, in place of an earlier one of theirs to the same."""
        target = target_of(change)
        await self.drop_draft(by, target)
        touch = last_touches(await self._edits(_about(target))).get(target)
        await self._connection.execute(
            insert(content_changes).values(
                entry=change.entry,
                field=change.field,
                language=change.language,
                value=_json(change.value),
                before=_json(before),
                state=EditState.DRAFT,
                by_contact_id=by,
                at=now,
                based_on=touch.revision if touch else None,
            )
        )

    async def drop_draft(self, by: ContactId, target: Target) -> None:
        await self._connection.execute(delete(content_changes).where(_drafts_of(by), _about(target)))

    async def drop_drafts(self, by: ContactId) -> None:
        await self._connection.execute(delete(content_changes).where(_drafts_of(by)))

    async def publish(self, by: ContactId, *, now: datetime) -> int | None:
        """Let a manager's drafts hold from now on, all of them; returns their number, None without drafts.

        Raises ChangedMeanwhile when others touched a field since its draft was written, also when both
        publish at once; nothing is published then, and the next time it is.
        """
        await self._one_at_a_time()
        drafts, done = await self.drafts(by), await self._edits(_is_done())
        if not drafts:
            return None
        if touches := touched_meanwhile(drafts, done):
            await self._rebase(by, touches)
            raise ChangedMeanwhile(touches)
        number = _next_number(done)
        await self._connection.execute(
            update(content_changes)
            .where(_drafts_of(by))
            .values(state=EditState.PUBLISHED, published_at=now, revision=number)
        )
        return number

    async def history(self) -> list[Revision]:
        """Return what was published and rolled back, newest first."""
        return revisions(await self._edits(_is_done()))

    async def roll_back(self, number: int, by: ContactId, *, now: datetime) -> int:
        """Let hold again what held before a publication, and write that down under a number of its own.

        What was changed once more since stays. Raises NothingToRollBack, when somebody was faster, too.
        """
        await self._one_at_a_time()
        done = await self._edits(_is_done())
        taken_back = [each for each in done if (each.revision, each.state) == (number, EditState.PUBLISHED)]
        if not taken_back:
            raise NothingToRollBack(number)
        holding, following = in_force(done), _next_number(done)
        rows = [
            {
                "entry": edit.change.entry,
                "field": edit.change.field,
                "language": edit.change.language,
                "value": _json(value_without(edit.target, number, done)),
                "before": _json(holding[edit.target].change.value),
                "state": EditState.TAKEN_BACK,
                "by_contact_id": by,
                "at": now,
                "published_at": now,
                "revision": following,
                "based_on": number,
            }
            for edit in taken_back
        ]
        await self._connection.execute(
            update(content_changes)
            .where(content_changes.c.revision == number, content_changes.c.state == EditState.PUBLISHED)
            .values(state=EditState.ROLLED_BACK)
        )
        await self._connection.execute(insert(content_changes), rows)
        return following

    async def _edits(self, condition: ColumnElement[bool]) -> list[Edit]:
        query = select(content_changes).where(condition).order_by(content_changes.c.id)
        return [_edit(row) for row in await self._connection.execute(query)]

    async def _rebase(self, by: ContactId, touches: Sequence[Edit]) -> None:
        """Note that the manager is told of what others did, and what their drafts would now replace."""
        holding = in_force(await self._edits(_is_done()))
        for touch in touches:
            held = holding.get(touch.target)
            await self._connection.execute(
                update(content_changes)
                .where(_drafts_of(by), _about(touch.target))
                .values(
                    based_on=touch.revision, before=_json(held.change.value if held else touch.change.value)
                )
            )

    async def _one_at_a_time(self) -> None:
        # On SQLite there is one writer.
        if self._connection.dialect.name == "postgresql":
            await self._connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _drafts_of(by: ContactId) -> ColumnElement[bool]:
    return (content_changes.c.by_contact_id == by) & (content_changes.c.state == EditState.DRAFT)


def _is_done() -> ColumnElement[bool]:
    return content_changes.c.revision.is_not(None)


def _about(target: Target) -> ColumnElement[bool]:
    rows = content_changes.c
    language = rows.language == target.language if target.language else rows.language.is_(None)
    return (rows.entry == target.entry) & (rows.field == target.field) & language


def _next_number(done: Sequence[Edit]) -> int:
    return 1 + max((edit.revision or 0 for edit in done), default=0)


def _edit(row: Any) -> Edit:
    return Edit(
        id=row.id,
        change=Change(row.entry, row.field, _value(row.field, row.value), row.language),
        before=_value(row.field, row.before),
        state=EditState(row.state),
        by=ContactId(row.by_contact_id) if row.by_contact_id is not None else None,
        at=row.at,
        published_at=row.published_at,
        revision=row.revision,
        based_on=row.based_on,
    )


def _json(value: object) -> str:
    return json.dumps(value.isoformat() if isinstance(value, date) else value, ensure_ascii=False)


def _value(field: str, kept: str) -> object:
    value = json.loads(kept)
    returning = _RETURNING.get(field)
    return returning(value) if returning else value
