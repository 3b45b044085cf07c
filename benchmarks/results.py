"""What a benchmark found: a table, figures beside their targets, printed and kept as JSON."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.stage import ROOT

FOLDER = ROOT / "build" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that has a target. `reached` is None when it can't be said here; `note` says why."""

    name: str
    target: str
    result: str
    reached: bool | None
    note: str = ""


@dataclass(slots=True)
class Outcome:
    """A benchmark's findings. `options` are what it was run with, `notes` what to know when reading it."""

    name: str
    title: str
    columns: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    options: Mapping[str, Any] = field(default_factory=dict)
    raw: list[Mapping[str, Any]] = field(default_factory=list)


def show(outcome: Outcome, console: Console) -> None:
    table = Table(*outcome.columns, title=outcome.title, title_justify="left")
    for row in outcome.rows:
        table.add_row(*map(as_text, row))
    console.print(table)
    for figure in outcome.figures:
        verdict = {True: "reached", False: "NOT reached", None: "open"}[figure.reached]
        console.print(
            f"{figure.name}: {figure.result} (target: {figure.target}): {verdict} {figure.note}".rstrip()
        )
    for note in outcome.notes:
        console.print(f"Note: {note}")


def keep(outcome: Outcome, command: str, folder: Path = FOLDER) -> Path:
    """Write the findings down with the command, the machine, the date and the commit; returns the file."""
    at = datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{outcome.name}-{at:%Y%m%dT%H%M%S}.json"
    about = {
        "at": at.isoformat(timespec="seconds"),
        "command": command,
        "commit": machine.commit(ROOT),
        "machine": machine.description(),
    }
    path.write_text(
        json.dumps(about | asdict(outcome), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return path


def as_text(value: object) -> str:
    """Return a value with three significant digits where it is a number with a fraction."""
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median(values: Sequence[float | None]) -> float | None:
    """Return the median of what there is, None when there is nothing."""
    there = [value for value in values if value is not None]
    return statistics.median(there) if there else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which that share of the values lies, None when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def ratio(value: float | None, to: float | None) -> float | None:
    return value / to if value is not None and to else None


def at_most(name: str, limit: float, value: float | None, *, unit: str = "", note: str = "") -> Figure:
    return _figure(
        name, f"at most {limit:g}{unit}", value, unit, None if value is None else value <= limit, note
    )


def at_least(name: str, limit: float, value: float | None, *, unit: str = "", note: str = "") -> Figure:
    return _figure(
        name, f"at least {limit:g}{unit}", value, unit, None if value is None else value >= limit, note
    )


def exactly(name: str, wanted: float, value: float | None, *, note: str = "") -> Figure:
    return _figure(name, f"{wanted:g}", value, "", None if value is None else value == wanted, note)


def _figure(
    name: str, target: str, value: float | None, unit: str, reached: bool | None, note: str
) -> Figure:
    result = "–" if value is None else f"{as_text(float(value))}{unit}"
    return Figure(name, target, result, reached, note)
