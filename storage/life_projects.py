"""What people prepare for a project of their own, one each. Their words are encrypted."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.life_projects import LifeProject, Question
from conversations.care.people import ContactId
from storage.encryption import KeyRing
from storage.tables import life_projects

_ANSWERS = "life_projects.answers"


class LifeProjectStore:
    def __init__(self, connection: AsyncConnection, keys: KeyRing) -> None:
        self._connection = connection
        self._keys = keys

    async def get(self, contact_id: ContactId) -> LifeProject | None:
        """Return the person's project, None when they have begun none."""
        query = select(life_projects).where(life_projects.c.contact_id == contact_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return LifeProject(
            self._read(row.answers_enc), row.appointment_id, row.created_at, changed_at=row.changed_at
        )

    async def answer(self, contact_id: ContactId, question: Question, words: str, *, now: datetime) -> None:
        """Keep one answer in place of what it was; the first one makes the project.

        A turn holds its contact's session, so nothing else of theirs writes meanwhile.
        """
        kept = await self.get(contact_id)
        answers = self._write({**(kept.answers if kept else {}), question: words})
        if kept is None:
            first = insert(life_projects).values(contact_id=contact_id, answers_enc=answers)
            await self._connection.execute(first.values(created_at=now, changed_at=now))
        else:
            await self._connection.execute(
                update(life_projects)
                .where(life_projects.c.contact_id == contact_id)
                .values(answers_enc=answers, changed_at=now)
            )

    async def attach(self, contact_id: ContactId, appointment_id: int | None) -> None:
        """Let the centre of a visit read it; None: nobody any more. Without a project nothing happens."""
        await self._connection.execute(
            update(life_projects)
            .where(life_projects.c.contact_id == contact_id)
            .values(appointment_id=appointment_id)
        )

    async def delete(self, contact_id: ContactId) -> None:
        await self._connection.execute(delete(life_projects).where(life_projects.c.contact_id == contact_id))

    def _write(self, answers: Mapping[Question, str]) -> bytes:
        return self._keys.encrypt(json.dumps(answers, ensure_ascii=False), about=_ANSWERS)

    def _read(self, answers_enc: bytes) -> dict[Question, str]:
        """Return the answers to the questions there are today."""
        body = json.loads(self._keys.decrypt(answers_enc, about=_ANSWERS))
        return {Question(name): words for name, words in body.items() if name in set(Question)}
