"""Figures of this process for Prometheus: counted where things happen, written out when asked for.

`metrics` is the process's own set. Its methods only add numbers up, in about a microsecond each, and may be
called anywhere. What waits in the database is read when the page is asked for, at most every few seconds.
"""

import asyncio
import platform
import time
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from conversations.engine.outbound import Lane
from storage.database import Database
from storage.errors import StorageError
from storage.vitals import Vitals, VitalsStore

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Seconds. People notice from about a second on; what waits longer than minutes is trouble whatever it is.
LATENCIES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
# Turns whose answers are waited for; the oldest is forgotten first.
MOST_REMEMBERED = 1_000
# How an update's turn can end; put off or, in a flood, slowed, it comes again.
OUTCOMES = ("answered", "ignored", "failed", "put_off", "slowed", "set_aside")
# What was read so lately is told again, however often the page is asked for.
READ_EVERY_S = 5.0
READ_WITHIN_S = 3.0

AnyMetric = TypeVar("AnyMetric", bound=MetricWrapperBase)

# When each label was first counted is nobody's question, and doubles the page.
disable_created_metrics()  # type: ignore[no-untyped-call]


class _ByLabels(dict[Any, AnyMetric], Generic[AnyMetric]):
    """A metric's children by their labels, each made once: looking one up is looking into a dict."""

    def __init__(self, metric: AnyMetric) -> None:
        self._metric = metric

    def __missing__(self, labels: str | tuple[str, ...]) -> AnyMetric:
        values = (labels,) if isinstance(labels, str) else labels
        child: AnyMetric = self._metric.labels(*values)
        self[labels] = child
        return child


class Metrics:
    """One process's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._vitals = _VitalsCollector()
        self._reading = asyncio.Lock()
        self._read_at: float | None = None
        ProcessCollector(namespace="jisr", registry=self.registry)
        self._build = self._gauge("build_info", "1, with what runs as labels.", "version", "python")
        self._build[_version(), platform.python_version()].set(1)
        self._updates = self._counter("updates_stored", "Updates stored, each once.", "channel")
        self._turned_away = self._counter(
            "updates_turned_away", "Updates of which only the key was kept: too many waited.", "channel"
        )
        self._unknown = self._counter(
            "updates_unknown", "Updates of kinds that nobody here reads, kept as they came.", "channel"
        )
        self._foreign = self._counter(
            "updates_foreign",
            "Updates for another number of the same account, or of groups: not kept.",
            "channel",
        )
        self._took_in = self._gauge(
            "intake_last_success_timestamp_seconds", "When updates, or none, were last taken in.", "channel"
        )
        self._refused = self._counter(
            "webhook_refused", "Calls of a webhook that were turned away.", "channel", "reason"
        )
        self._turns = self._counter("turns", "Updates handled, by how that ended.", "outcome")
        for outcome in OUTCOMES:
            self._turns[outcome].inc(0)
        # By when their turns began; of answers that another process sends nobody asks here.
        self._stored_at: dict[datetime, datetime] = {}
        self._answered = self._histogram(
            "turn_seconds", "From an update's being stored to its answer's being committed."
        )
        self._reached = self._histogram(
            "answer_sent_seconds", "From an update's being stored to its first answer's being sent."
        )
        self._sends = self._counter(
            "sends", "Messages dealt with, by what became of them.", "channel", "status"
        )
        sent = Histogram(
            "jisr_send_seconds", "From a message's being written to its being sent.", ["lane"],
            buckets=LATENCIES_S, registry=self.registry,
        )  # fmt: skip
        self._sent = {lane: sent.labels(lane.name.lower()) for lane in Lane}
        self._rate_limited = self._counter(
            "rate_limit_hits", "Times a platform said: too fast (429).", "channel"
        )
        self._unclear = self._counter(
            "unclear_sends",
            "Sends whose answer was cut off: they may have arrived, and go out again.",
            "channel",
        )
        self._sms = self._counter("sms_segments", "Segments of text messages that were charged.", "coding")
        self._trouble = self._counter("database_trouble", "Times a worker found no database.", "worker")
        self._leads = self._gauge(
            "leader", "1 while this process leads what one process does for all.", "work"
        )
        self._alerts = self._gauge("alert", "1 while administrators have been told of a trouble.", "kind")
        self.registry.register(self._vitals)

    # What happens

    def updates_stored(self, channel: str, number: int = 1) -> None:
        self._updates[channel].inc(number)

    def updates_turned_away(self, channel: str, number: int) -> None:
        self._turned_away[channel].inc(number)

    def updates_unknown(self, channel: str, number: int) -> None:
        self._unknown[channel].inc(number)

    def updates_foreign(self, channel: str, number: int) -> None:
        self._foreign[channel].inc(number)

    def intake_worked(self, channel: str, at: datetime) -> None:
        """Note that updates, or the news that there are none, were taken in."""
        self._took_in[channel].set(at.timestamp())

    def webhook_refused(self, channel: str, reason: str) -> None:
        self._refused[channel, reason].inc()

    def turn_done(self, outcome: str, seconds: float) -> None:
        """Count a turn, one of OUTCOMES, so many seconds after its update was stored."""
        self._turns[outcome].inc()
        if outcome not in ("put_off", "slowed"):
            self._answered.observe(seconds)

    def turn_began(self, at: datetime, stored_at: datetime) -> None:
        """Remember when the update was stored whose turn begins: its answers are written at that moment."""
        self._stored_at[at] = stored_at
        if len(self._stored_at) > MOST_REMEMBERED:
            del self._stored_at[next(iter(self._stored_at))]

    def status_told(self, channel: str, status: str) -> None:
        """Count a message's new delivery status, where nobody waits for a platform."""
        self._sends[channel, status].inc()

    def send_done(self, channel: str, lane: Lane, status: str, written_at: datetime, at: datetime) -> None:
        """Count what became of a message; `status` is its delivery status.

        One that is put off is counted as failed_temporary each time.
        """
        self._sends[channel, status].inc()
        if status not in ("sent", "delivered"):
            return
        self._sent[lane].observe((at - written_at).total_seconds())
        stored_at = self._stored_at.pop(written_at, None)
        if stored_at is not None:
            self._reached.observe((at - stored_at).total_seconds())

    def rate_limited(self, channel: str) -> None:
        self._rate_limited[channel].inc()

    def send_unclear(self, channel: str) -> None:
        self._unclear[channel].inc()

    def sms_sent(self, coding: str, segments: int) -> None:
        self._sms[coding].inc(segments)

    def database_trouble(self, worker: str) -> None:
        self._trouble[worker].inc()

    def leads(self, work: str, is_leader: bool) -> None:
        self._leads[work].set(is_leader)

    def alert(self, kind: str, is_on: bool) -> None:
        self._alerts[kind].set(is_on)

    # The page

    async def page(self, database: Database, now: datetime) -> bytes:
        """Return all figures in Prometheus' text format, without what the database does not tell in time."""
        async with self._reading:
            if self._read_at is None or time.monotonic() - self._read_at >= READ_EVERY_S:
                self._vitals.now, self._vitals.vitals = now, await _vitals(database, now)
                self._read_at = time.monotonic()
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> _ByLabels[Counter]:
        return _ByLabels(Counter(f"jisr_{name}", meaning, labels, registry=self.registry))

    def _gauge(self, name: str, meaning: str, *labels: str) -> _ByLabels[Gauge]:
        return _ByLabels(Gauge(f"jisr_{name}", meaning, labels, registry=self.registry))

    def _histogram(self, name: str, meaning: str) -> Histogram:
        return Histogram(f"jisr_{name}", meaning, buckets=LATENCIES_S, registry=self.registry)


class _VitalsCollector(Collector):
    """What the database told last. Every process tells the same of it."""

    now: datetime
    vitals: Vitals | None = None

    def collect(self) -> Iterator[Metric]:
        vitals = self.vitals
        yield GaugeMetricFamily(
            "jisr_database_up", "1 when the database answered in time.", value=vitals is not None
        )
        if vitals is None:
            return
        yield GaugeMetricFamily(
            "jisr_inbox_waiting",
            "Updates that no turn has handled (10000: or more).",
            value=vitals.inbox.count,
        )
        yield GaugeMetricFamily(
            "jisr_inbox_oldest_seconds", "Age of the oldest of them.", value=vitals.inbox.age_s(self.now)
        )
        waiting = GaugeMetricFamily(
            "jisr_outbox_waiting",
            "Messages that have not left, without those that wait for the morning (10000: or more).",
            labels=["channel", "lane"],
        )
        oldest = GaugeMetricFamily(
            "jisr_outbox_oldest_seconds", "Age of the oldest of them.", labels=["channel", "lane"]
        )
        for (channel, lane), backlog in vitals.outbox.items():
            waiting.add_metric([channel, lane.name.lower()], backlog.count)
            oldest.add_metric([channel, lane.name.lower()], backlog.age_s(self.now))
        yield from (waiting, oldest)
        yield GaugeMetricFamily(
            "jisr_due_late",
            "Reminders and questions whose time has come (10000: or more).",
            value=vitals.late.count,
        )
        yield GaugeMetricFamily(
            "jisr_due_oldest_seconds", "How late the latest of them is.", value=vitals.late.age_s(self.now)
        )
        for name, meaning, at in (
            ("last_update", "Since the newest update came in.", vitals.last_update_at),
            ("last_tick", "Since a tick last looked at how the service is.", vitals.ticked_at),
            ("last_backup", "Since a backup was last verified.", vitals.backup_at),
        ):
            if at is not None:
                age_s = (self.now - at).total_seconds()
                yield GaugeMetricFamily(f"jisr_{name}_age_seconds", meaning, value=age_s)


async def _vitals(database: Database, now: datetime) -> Vitals | None:
    try:
        async with asyncio.timeout(READ_WITHIN_S), database.reading() as unit:
            return await VitalsStore(unit.connection).read(now=now)
    except (StorageError, TimeoutError):
        # The page says so itself: jisr_database_up is 0.
        return None


def _version() -> str:
    try:
        return version("jisr")
    except PackageNotFoundError:
        return "unknown"


metrics = Metrics()
