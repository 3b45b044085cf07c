"""The newest findings of each benchmark, as docs/performance.md shows them between its markers."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import FOLDER, as_text
from benchmarks.stage import ROOT

PAGE = ROOT / "docs" / "performance.md"
_VERDICTS = {True: "yes", False: "**no**", None: "–"}


def write_report(names: Sequence[str], page: Path = PAGE, folder: Path = FOLDER) -> list[str]:
    """Put the newest findings between the page's markers; returns the names of those there were."""
    text = page.read_text(encoding="utf-8")
    written = []
    for name in names:
        if (found := _newest(name, folder)) is not None:
            text = _between(text, name, "\n".join(_section(found)))
            written.append(name)
    page.write_text(text, encoding="utf-8")
    return written


def _newest(name: str, folder: Path) -> Mapping[str, Any] | None:
    # The moment is part of the name, and digits sort like time.
    files = sorted(folder.glob(f"{name}-*.json"))
    found: Mapping[str, Any] | None = json.loads(files[-1].read_text(encoding="utf-8")) if files else None
    return found


def _between(text: str, name: str, lines: str) -> str:
    """Return the page with the lines between the markers of that name. Raises LookupError without them."""
    pattern = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
    if not pattern.search(text):
        raise LookupError(f"{PAGE.name} has no markers for {name}")
    return pattern.sub(lambda match: f"{match[1]}{lines}\n{match[2]}", text)


def _section(found: Mapping[str, Any]) -> Iterator[str]:
    machine, when = found["machine"], found["at"][:16].replace("T", " ")
    yield f"`{found['command']}`"
    yield ""
    yield f"{when} UTC, commit {found['commit']}; {machine['cores']} cores of {machine['cpu']},"
    yield f"{machine['memory_gib']} GiB, {machine['kernel']}, Python {machine['python']}."
    yield ""
    yield f"{found['title']}:"
    yield ""
    yield from _table(found["columns"], [[as_text(cell) for cell in row] for row in found["rows"]])
    yield ""
    rows = [
        [each["name"], each["target"], f"{each['result']} {each['note']}".strip(), _VERDICTS[each["reached"]]]
        for each in found["figures"]
    ]
    yield from _table(["figure", "target", "result", "reached"], rows)
    for note in found["notes"]:
        yield f"\n{note}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
