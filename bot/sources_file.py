"""The sources of facts from the packaged file; and TOML whose tables know their line, to complain of it."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from conversations.care.sources import Source, Sources

PACKAGED = "sources.toml"

_TABLE = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.\-\"]+)\s*\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")
_FAULT_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")
_MONTH = re.compile(r"20\d\d-(?:0[1-9]|1[0-2])")


class DataFileBroken(Exception):
    """A file of facts cannot be used; `sentence` names the file and the line and says what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of a file, `[name]` or one of `[[name]]`; knows the line of its head and of its keys.

    A table below it, as `[name.fr]`, is no entry of its own but a value of this one.
    """

    file: str
    name: str
    line: int
    values: Mapping[str, Any]
    key_lines: Mapping[str, int]

    def broken(self, fault: str, key: str | None = None) -> DataFileBroken:
        """Return what to raise; the line is the key's where it stands there, else the entry's."""
        line = self.line if key is None else self.key_lines.get(key, self.line)
        return DataFileBroken(f"{self.file}, line {line}: {fault}")


def packaged_text(name: str) -> str:
    """Return a data file that comes with the service."""
    return resources.files("bot").joinpath("data", name).read_text(encoding="utf-8")


def text_of(name: str, path: Path | None) -> tuple[str, str]:
    """Return how to call the file, and its text: the packaged one when no path is given.

    Raises DataFileBroken.
    """
    if path is None:
        return name, packaged_text(name)
    try:
        return path.name, path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataFileBroken(
            f"{path.name} cannot be read; check that it is there and may be opened."
        ) from error
    except UnicodeDecodeError as error:
        raise DataFileBroken(f"{path.name} is not written in UTF-8; save it again so.") from error


def entries(file: str, text: str) -> list[Entry]:
    """Return the entries of a TOML text in its order. Raises DataFileBroken with the line."""
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataFileBroken(f"{file}, line {_fault_line(error, text)}: this is no TOML: {error}.") from error
    heads = list(_heads(text))
    found: list[Entry] = []
    taken: dict[str, int] = {}
    for name, line, key_lines in heads:
        value = parsed[name]
        if isinstance(value, list):
            index = taken[name] = taken.get(name, -1) + 1
            value = value[index]
        found.append(Entry(file, name, line, value, key_lines))
    return found


def _fault_line(error: tomllib.TOMLDecodeError, text: str) -> str:
    told = _FAULT_LINE.search(str(error))
    return told[1] if told and told[1] else str(text.count("\n") + 1)


def _heads(text: str) -> Iterator[tuple[str, int, dict[str, int]]]:
    """Yield name, line and lines of keys of each top table; keys of "[a.b]" count as "b" and "b.key" of a."""
    name, start, keys, below = "", 0, dict[str, int](), ""
    for number, line in _lines_outside_texts(text):
        if head := _TABLE.match(line):
            top, _, rest = head[1].replace('"', "").partition(".")
            if rest and top == name:
                below = rest
                keys.setdefault(rest, number)
                continue
            if name:
                yield name, start, keys
            name, start, keys, below = top, number, {}, ""
        elif key := _KEY.match(line):
            keys.setdefault(f"{below}.{key[1]}" if below else key[1], number)
    if name:
        yield name, start, keys


def _lines_outside_texts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines that do not begin inside a text of several lines."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not inside:
            yield number, line
        if line.count('"""') % 2:
            inside = not inside


def read_sources(path: Path | None = None) -> Sources:
    """Return the sources by key; the packaged ones when no path is given. Raises DataFileBroken."""
    return {entry.name: _source(entry) for entry in entries(*text_of(PACKAGED, path))}


def _source(entry: Entry) -> Source:
    for key in entry.values.keys() - {"title", "url", "read"}:
        raise entry.broken(f'"{key}" is not known; a source has a title, a url and when it was read.', key)
    title, url, read = (str(entry.values.get(key, "")) for key in ("title", "url", "read"))
    if not title:
        raise entry.broken(f"the source {entry.name} has no title; write who published it and when.", "title")
    if url and not url.startswith(("https://", "http://")):
        raise entry.broken(f"{url!r} is no address of a page; it begins with https://.", "url")
    if not _MONTH.fullmatch(read):
        raise entry.broken(f'"read" says when it was read, as "2026-11", not {read!r}.', "read")
    return Source(entry.name, title, url, read)
