"""Recordings of what is written: which there are, whether they can be played, and the files themselves.

`python -m bot.clips check`

A recording is `clips/<name>.ogg` below its language's folder, with an entry in `clips.toml`. Those in
JISR_VAR_DIR/clips go before those that come with the service.
"""

import asyncio
import hashlib
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import structlog

from bot.channels.channel import File
from bot.places import load_places
from bot.questions import load_questions
from bot.rules_file import read_rules
from bot.sources_file import DataFileBroken, Entry, entries, text_of
from bot.texts import LOCALES
from conversations.care.clips import CODES, HASH_DIGITS, Clip, Shelf, scripts
from conversations.care.questions import QuestionBook
from conversations.care.rules import RuleSet

log = structlog.get_logger()

LIST = "clips.toml"
SUFFIX = ".ogg"
# Told so in full, since WhatsApp takes no other sound in Ogg. Source: Cloud API, supported media types.
OGG_OPUS = "audio/ogg; codecs=opus"
# Larger ones are no voice messages on Telegram. Source: Bot API, sending files.
MOST_BYTES = 1_000_000

_KEYS = frozenset({"name", "language", "reader", "date", "reads"})
_HASH = re.compile(rf"[0-9a-f]{{{HASH_DIGITS}}}")

# Of a page of Ogg: its fixed part, and the bit that the first one has. Source: RFC 3533, section 6.
_PAGE_BYTES = 27
_FIRST = 2
# Opus in Ogg counts samples of 48,000 a second, whatever was recorded. Source: RFC 7845, section 4.
_HEAD, _TAGS = b"OpusHead", b"OpusTags"
_HEAD_BYTES = 19


@dataclass(frozen=True, slots=True)
class Place:
    """Where recordings are: their list, and a folder for each language."""

    list_file: Path
    folders: Mapping[str, Path]

    @classmethod
    def shipped(cls, locales: Path = LOCALES) -> "Place":
        return cls(locales / LIST, {code: locales / code / "clips" for code in CODES})

    @classmethod
    def own(cls, var_dir: Path) -> "Place":
        """Return an operator's place, whose recordings need no release."""
        folder = var_dir / "clips"
        return cls(folder / LIST, {code: folder / code for code in CODES})


@dataclass(frozen=True, slots=True)
class Recording:
    """A file as it was at the start; `reads` is the hash of its text."""

    path: Path
    sha256: str
    reads: str
    reader: str
    day: date


@dataclass(frozen=True, slots=True)
class Recordings:
    """The recordings that were there at the start."""

    by_clip: Mapping[Clip, Recording] = field(default_factory=dict)

    @property
    def shelf(self) -> Shelf:
        return Shelf({clip: recording.reads for clip, recording in self.by_clip.items()})

    async def file(self, clip: Clip) -> File | None:
        """Return a recording to send; None when it is gone, or not the one that was checked."""
        recording = self.by_clip.get(clip)
        if recording is None:
            return None
        try:
            content = await asyncio.to_thread(recording.path.read_bytes)
        except OSError as error:
            log.error("clip_not_read", clip=str(clip), error=type(error).__name__)
            return None
        if hashlib.sha256(content).hexdigest() != recording.sha256:
            log.error("clip_changed", clip=str(clip))
            return None
        return File(f"jisr{SUFFIX}", OGG_OPUS, content)


def names_of(rules: RuleSet, questions: QuestionBook) -> frozenset[str]:
    """Return the names that recordings may have."""
    return frozenset(script.name for script in scripts(rules, questions))


def read_recordings(*places: Place, names: Collection[str] | None = None) -> Recordings:
    """Return the recordings of places, of which a later one goes before an earlier one.

    `names` are those of what is shipped when none are given. Raises DataFileBroken for what can't be played,
    has no entry or reads out nothing of ours.
    """
    if names is None:
        names = names_of(read_rules(), load_questions(load_places()))
    found: dict[Clip, Recording] = {}
    for place in places:
        found.update(_of_place(place, names))
    return Recordings(found)


def _of_place(place: Place, names: Collection[str]) -> Iterator[tuple[Clip, Recording]]:
    paths = {Clip(code, path.stem): path for code, path in _files(place)}
    listed = _listed(place)
    for clip, path in paths.items():
        called = f"{clip.language}/{path.name}"
        if clip.name not in names:
            raise DataFileBroken(
                f"The recording {called} reads out no text of ours; `jisr clips list` shows their names."
            )
        if clip not in listed:
            raise DataFileBroken(
                f"The recording {called} has no entry in {place.list_file.name}; "
                f"`jisr clips script --language {clip.language}` shows how to write it."
            )
        yield clip, _recording(path, called, listed[clip])
    for clip, entry in listed.items():
        if clip not in paths:
            raise entry.broken(f"there is no recording {clip}{SUFFIX}; put it there or delete the entry.")


def _files(place: Place) -> Iterator[tuple[str, Path]]:
    for code, folder in place.folders.items():
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if path.suffix != SUFFIX or not path.is_file():
                raise DataFileBroken(f"{code}/{path.name} is no recording; their names end with {SUFFIX}.")
            yield code, path


def _listed(place: Place) -> dict[Clip, Entry]:
    if not place.list_file.exists():
        return {}
    listed: dict[Clip, Entry] = {}
    for entry in entries(*text_of(place.list_file.name, place.list_file)):
        if entry.name != "clip":
            raise entry.broken(f"[{entry.name}] is not known; write [[clip]].")
        clip = _clip(entry)
        if clip in listed:
            raise entry.broken(f"{clip} stands in an earlier entry already.", "name")
        listed[clip] = entry
    return listed


def _clip(entry: Entry) -> Clip:
    for key in entry.values.keys() ^ _KEYS:
        is_known = key in _KEYS
        raise entry.broken(f'"{key}" is missing.' if is_known else f'"{key}" is not known in a clip.', key)
    for key in _KEYS - {"date"}:
        if not isinstance(entry.values[key], str) or not entry.values[key].strip():
            raise entry.broken(f'"{key}" must be a text in quotes.', key)
    if entry.values["language"] not in CODES:
        raise entry.broken(f"the language is one of {', '.join(CODES)}.", "language")
    if not isinstance(entry.values["date"], date) or isinstance(entry.values["date"], datetime):
        raise entry.broken("the day of the recording is written as 2026-11-22.", "date")
    if not _HASH.fullmatch(entry.values["reads"]):
        raise entry.broken('"reads" is the hash that `jisr clips script` shows beside the text.', "reads")
    return Clip(entry.values["language"], entry.values["name"])


def _recording(path: Path, called: str, entry: Entry) -> Recording:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise DataFileBroken(f"The recording {called} cannot be read; check who may open it.") from error
    if size > MOST_BYTES:
        raise DataFileBroken(
            f"The recording {called} has {size} bytes; {MOST_BYTES} are played as a voice message. "
            "Save it with 24 kbit/s."
        )
    if fault := opus_fault(content):
        raise DataFileBroken(f"The recording {called} can't be played everywhere: {fault}.")
    values = entry.values
    return Recording(
        path, hashlib.sha256(content).hexdigest(), values["reads"], values["reader"], values["date"]
    )


class _NoOgg(Exception):
    """The bytes are no whole stream of Ogg."""


@dataclass(frozen=True, slots=True)
class _OggPage:
    kind: int
    granule: int
    serial: int
    body: bytes


def opus_fault(content: bytes) -> str | None:
    """Return what keeps bytes from being one voice in Ogg Opus, None when nothing does."""
    try:
        head, *others = _ogg_pages(content)
    except (_NoOgg, ValueError):
        return "it is no whole Ogg file; record it as Ogg Opus"
    if not head.body.startswith(_HEAD) or len(head.body) < _HEAD_BYTES or head.body[8] >> 4:
        return "it holds no Opus; record it as Ogg Opus"
    if not others or not others[0].body.startswith(_TAGS):
        return "it is no whole Opus file; record it again"
    if head.body[9] != 1:
        return "it is not mono; save it with one channel"
    if not head.kind & _FIRST or any(page.serial != head.serial or page.kind & _FIRST for page in others):
        return "it holds more than one stream; save it with sound alone"
    if others[-1].granule <= int.from_bytes(head.body[10:12], "little") or not others[-1].body:
        return "it holds no sound; record it again"
    return None


def _ogg_pages(content: bytes) -> Iterator[_OggPage]:
    """Yield the pages of an Ogg file up to its very end. Raises _NoOgg."""
    start = 0
    while start < len(content):
        fixed = content[start : start + _PAGE_BYTES]
        if len(fixed) < _PAGE_BYTES or not fixed.startswith(b"OggS\0"):
            raise _NoOgg
        lengths = content[start + _PAGE_BYTES : start + _PAGE_BYTES + fixed[26]]
        body = start + _PAGE_BYTES + fixed[26]
        end = body + sum(lengths)
        if len(lengths) < fixed[26] or end > len(content):
            raise _NoOgg
        yield _OggPage(
            kind=fixed[5],
            granule=int.from_bytes(fixed[6:14], "little", signed=True),
            serial=int.from_bytes(fixed[14:18], "little"),
            body=content[body:end],
        )
        start = end


def main(arguments: Sequence[str] | None = None, locales: Path = LOCALES) -> int:
    """Check the recordings that come with the service; return 1 and say what is wrong with one."""
    if list(sys.argv[1:] if arguments is None else arguments) != ["check"]:
        sys.stderr.write("usage: python -m bot.clips check\n")
        return 2
    try:
        recordings = read_recordings(Place.shipped(locales))
    except DataFileBroken as broken:
        sys.stdout.write(f"{broken.sentence}\n")
        return 1
    for clip in recordings.shelf.outdated(read_rules(), load_questions(load_places())):
        sys.stdout.write(f"{clip} is not played: its text has changed since it was recorded.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
