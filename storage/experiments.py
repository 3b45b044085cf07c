"""Comparisons of two wordings: which run, what was sent about which visit, and how those visits ended.

No row says whose a visit is; that stands with the visit, as long as its person is known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.appointments import AppointmentStatus
from conversations.care.experiments import Experiment, Outcomes, Result, Wording
from conversations.care.people import ContactId
from conversations.errors import ExperimentRunning
from storage.prepared import Prepared
from storage.tables import appointments, experiment_visits, experiments
from storage.upserts import insert_into

_CAME = (AppointmentStatus.ATTENDED, AppointmentStatus.LATE)

# Asked at each reminder.
_running = Prepared(
    lambda _: select(experiments).where(experiments.c.stopped_at.is_(None)).order_by(experiments.c.id)
)
_note = Prepared(
    lambda into: into(experiment_visits).on_conflict_do_nothing(),
    ["experiment_id", "appointment_id", "wording"],
)


class ExperimentStore:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def running(self) -> list[Experiment]:
        """Return what is being compared now, the oldest first."""
        return [_experiment(row) for row in await _running.all(self._connection)]

    async def get(self, experiment_id: int) -> Experiment:
        """Raises NoResultFound when there is none."""
        return _experiment((await self._connection.execute(_one(experiment_id))).one())

    async def latest(self, name: str) -> Experiment | None:
        """Return the newest run of a comparison, None when there was none."""
        query = (
            select(experiments).where(experiments.c.name == name).order_by(experiments.c.id.desc()).limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _experiment(row)

    async def start(self, name: str, *, sample_size: int, by: ContactId, now: datetime) -> Experiment:
        """Begin a comparison. Raises ExperimentRunning, also when two begin it at once: the index decides."""
        begun = (
            insert_into(self._connection, experiments)
            .values(name=name, sample_size=sample_size, started_by=by, started_at=now)
            .on_conflict_do_nothing()
            .returning(experiments)
        )
        row = (await self._connection.execute(begun)).one_or_none()
        if row is None:
            raise ExperimentRunning
        return _experiment(row)

    async def stop(self, experiment_id: int, *, now: datetime) -> bool:
        """End a comparison; False when it had ended before."""
        ended = (
            update(experiments)
            .where(experiments.c.id == experiment_id, experiments.c.stopped_at.is_(None))
            .values(stopped_at=now)
        )
        return bool((await self._connection.execute(ended)).rowcount)

    async def note(self, experiment_id: int, appointment_id: int, wording: Wording) -> None:
        """Note which wording was sent about a visit; the first one counts."""
        await _note.run(
            self._connection,
            experiment_id=experiment_id,
            appointment_id=appointment_id,
            wording=wording.value,
        )

    async def result(self, experiment_id: int) -> Result:
        """Return how the visits of each wording have ended so far."""
        query = (
            select(experiment_visits.c.wording, *_outcomes())
            .join(appointments, appointments.c.id == experiment_visits.c.appointment_id)
            .where(experiment_visits.c.experiment_id == experiment_id)
            .group_by(experiment_visits.c.wording)
        )
        found: Mapping[str, Outcomes] = {
            row.wording: _outcomes_in(row) for row in await self._connection.execute(query)
        }
        return Result(*(found.get(wording, Outcomes()) for wording in Wording))

    async def attendance(self, *, since: datetime) -> Outcomes:
        """Return how the visits of all centres have ended that began since then."""
        query = select(*_outcomes()).where(appointments.c.starts_at >= since)
        return _outcomes_in((await self._connection.execute(query)).one())


def _one(experiment_id: int) -> Select[Any]:
    return select(experiments).where(experiments.c.id == experiment_id)


def _outcomes() -> list[ColumnElement[int]]:
    status = appointments.c.status
    return [
        func.count().filter(status.in_(_CAME)).label("came"),
        func.count().filter(status == AppointmentStatus.MISSED).label("missed"),
        func.count().filter(status == AppointmentStatus.CANCELLED).label("cancelled"),
    ]


def _outcomes_in(row: Any) -> Outcomes:
    return Outcomes(row.came, row.missed, row.cancelled)


def _experiment(row: Row[Any]) -> Experiment:
    return Experiment(
        id=row.id,
        name=row.name,
        sample_size=row.sample_size,
        started_by=None if row.started_by is None else ContactId(row.started_by),
        started_at=row.started_at,
        stopped_at=row.stopped_at,
    )
