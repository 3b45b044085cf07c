"""Files that people asked for, made when they are sent from what is then kept.

A page is set in a process of its own (`bot/typesetter.py`), which is given the page's words and nothing else:
neither its memory nor a fault of its library touch the service.
"""

import asyncio
import json
import os
import re
import sys
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import ClassVar, assert_never

import structlog

from bot import door
from bot.channels.channel import File
from bot.clock import Clock, SystemClock
from bot.door import DoorPage, Doors, WaysUnknown, door_page
from bot.zone import casablanca
from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.centres import Centre
from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import LifeProject
from conversations.errors import AppointmentNotLive, CentreUnknown
from conversations.flows.life_project_words import project_words, told
from conversations.texts import Direction, Texts, clean_incoming, strip_isolates
from storage.database import Database
from storage.encryption import KeyRing

log = structlog.get_logger()

TYPESETTER = Path(__file__).parent / "typesetter.py"
# It takes a tenth of a second; much longer means that the machine has no room for it.
SET_WITHIN_S = 15.0
AT_ONCE = 1
# What a started Python needs of the environment; keys and tokens stay here.
_PASSED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")

# The name lies open among somebody's downloads.
FILE_NAME = "jisr.pdf"
PDF = "application/pdf"

# Somebody who ends every word with a new line still gets one page.
MOST_LINES = 6
# Longer words could not be broken at the end of a line.
_LONG_WORD = re.compile(r"\S{30}(?=\S)")
_BREAKS_HERE = "\u200b"
# Pictures of which the page's fonts have none, what changes their look, and what no reader sees.
_UNPRINTABLE = frozenset({"So", "Sk", "Cc", "Cs", "Co", "Cn"})
_EMOJI_LOOKS = frozenset("\ufe0e\ufe0f\u20e3")


@dataclass(frozen=True, slots=True, repr=False)
class Words:
    """What somebody wrote, in the direction in which it reads."""

    direction: Direction
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    heading: str
    words: Words


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """All that stands on a page. `name` stands before a line for a pen; `short` says that "…" cut answers."""

    sheet: ClassVar[str] = "page.typ"

    language: str
    direction: Direction
    title: str
    name: str
    date: str
    parts: Sequence[Part]
    foot: str
    short: str


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    """What became of a document: the file, and in `text` what to say where there is none or it can't go."""

    text: str
    file: File | None = None


Typeset = Callable[[Page | DoorPage], Awaitable[bytes]]


class PageNotSet(Exception):
    """No page came of it. Holds no word of what was to stand on it."""


def life_project_page(project: LifeProject, texts: Texts, zone: tzinfo) -> Page:
    """Return the page of a life project, headings and date in the reader's language."""
    return Page(
        # The library knows no Darija; it is set as Arabic is.
        language="ar" if texts.direction == "rtl" else texts.language,
        direction=texts.direction,
        title=texts.pgettext("life project", "Life project"),
        # Translators: stands before a line on which somebody writes their name with a pen.
        name=texts.pgettext("page", "Name:"),
        date=strip_isolates(texts.format_day(project.changed_at.astimezone(zone).date())),
        parts=[Part(heading, _words(words, texts)) for heading, words in project_words(texts, project)],
        foot=texts.gettext(
            "In the words of the person whose project it is. The centre studies it with them."
        ),
        short=texts.gettext("Long answers are cut short here (“…”); the chat holds them whole."),
    )


def _words(words: str, texts: Texts) -> Words:
    lines = [line for raw in words.splitlines() if (line := _printable(raw))]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], " ".join(lines[MOST_LINES - 1 :])]
    return Words(_direction(" ".join(lines), texts.direction), lines)


def _printable(line: str) -> str:
    shown = "".join(
        letter
        for letter in clean_incoming(line.replace("\t", " "))
        if unicodedata.category(letter) not in _UNPRINTABLE and letter not in _EMOJI_LOOKS
    )
    return _LONG_WORD.sub(rf"\g<0>{_BREAKS_HERE}", " ".join(shown.split()))


def _direction(words: str, otherwise: Direction) -> Direction:
    """Return the direction of the first letter that has one, as Unicode's algorithm does (UAX 9, P2)."""
    for letter in words:
        match unicodedata.bidirectional(letter):
            case "L":
                return "ltr"
            case "R" | "AL":
                return "rtl"
    return otherwise


async def typeset(page: Page | DoorPage, *, command: Sequence[str | Path] = (TYPESETTER,)) -> bytes:
    """Return the PDF of a page. Raises PageNotSet, also when it takes too long."""
    # Without -P Python would look for modules beside the script, where "http" is one of ours.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", *command, page.sheet,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )  # fmt: skip
    try:
        async with asyncio.timeout(SET_WITHIN_S):
            content, _ = await process.communicate(json.dumps(asdict(page)).encode())
    except TimeoutError:
        raise PageNotSet("took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not content.startswith(b"%PDF-"):
        # What it complains of may quote the page.
        raise PageNotSet(f"ended with {process.returncode}")
    return content


def caption(kind: DocumentKind, texts: Texts) -> str:
    """Return what stands under a file."""
    match kind:
        case DocumentKind.LIFE_PROJECT | DocumentKind.DOOR_PAGE:
            return texts.gettext("📄 Here is the page, ready to print.")
        case DocumentKind.VISIT_DATE:
            return texts.gettext("📆 Open the file: your phone offers to keep the date.")
    assert_never(kind)


class Documents:
    """Makes the files that messages refer to. `doors` knows where the codes at doors lead."""

    def __init__(
        self,
        database: Database,
        texts: Mapping[str, Texts],
        *,
        clock: Clock | None = None,
        doors: Doors | None = None,
        typeset: Typeset = typeset,
    ) -> None:
        self._database = database
        self._texts = texts
        self._clock = clock or SystemClock()
        self._doors = doors or Doors()
        self._typeset = typeset
        self._room = asyncio.Semaphore(AT_ONCE)

    async def make(self, document: Document, language: str, *, as_text: bool = False) -> Made:
        """Return the file in a language; its words alone when asked so, or when it can't be made."""
        texts = self._texts[language]
        match document.kind:
            case DocumentKind.LIFE_PROJECT:
                return await self._life_project(document, texts, as_text=as_text)
            case DocumentKind.VISIT_DATE:
                return await self._visit_date(document, texts, as_text=as_text)
            case DocumentKind.DOOR_PAGE:
                return await self._door(document, texts, as_text=as_text)
        assert_never(document.kind)

    async def _life_project(self, document: Document, texts: Texts, *, as_text: bool) -> Made:
        project = await self._project(document)
        if project is None:
            return _gone(texts)
        text = told(texts, project)
        if as_text:
            return Made(text)
        page = life_project_page(project, texts, casablanca())
        return Made(text, await self._printed(page, FILE_NAME, document.kind))

    async def _visit_date(self, document: Document, texts: Texts, *, as_text: bool) -> Made:
        found = await self._visit(document)
        if found is None:
            return _gone(texts)
        visit, centre = found
        text = visit_date_words(visit, texts)
        if as_text:
            return Made(text)
        # Its library is slow to load, and few ask for it: not the loop's affair.
        file = await asyncio.to_thread(_dated, visit, centre, texts, self._database.keys, self._clock.now())
        return Made(text, file)

    async def _door(self, document: Document, texts: Texts, *, as_text: bool) -> Made:
        centre = await self._centre(document)
        if centre is None or centre.door_code is None:
            return _gone(texts)
        try:
            ways = await self._doors.ways(centre.door_code)
        except WaysUnknown as error:
            log.error("door_ways_unknown", error=str(error))
            return Made(texts.gettext("The page can't be made at the moment. Please ask for it again later."))
        if not ways:
            return Made(
                texts.gettext(
                    "No phone could open this service from a door: it has no Telegram, no WhatsApp and no "
                    "public address yet."
                )
            )
        text = door.in_words(ways)
        if as_text:
            return Made(text)
        page = await door_page(centre, ways, self._texts)
        return Made(text, await self._printed(page, door.FILE_NAME, document.kind))

    async def _printed(self, page: Page | DoorPage, name: str, kind: DocumentKind) -> File | None:
        """Return a page as a file, None when it can't be set."""
        try:
            async with self._room:
                return File(name, PDF, await self._typeset(page))
        except (PageNotSet, OSError) as error:
            log.error("page_not_set", kind=kind, error=type(error).__name__)
            return None

    async def _project(self, document: Document) -> LifeProject | None:
        async with self._database.reading() as unit:
            project = await unit.life_projects.get(document.contact_id)
        if project is None or not any(project.answers.values()):
            return None
        if document.visit_id is not None and project.appointment_id != document.visit_id:
            return None
        return project

    async def _visit(self, document: Document) -> tuple[Appointment, Centre] | None:
        """Return the visit, cancelled ones too, while it is of the person who asked."""
        async with self._database.reading() as unit:
            try:
                visit = await unit.appointments.get(document.visit_id or 0)
            except AppointmentNotLive:
                return None
            if visit.contact_id != document.contact_id:
                return None
            return visit, await unit.centres.get(visit.centre_slug)

    async def _centre(self, document: Document) -> Centre | None:
        async with self._database.reading() as unit:
            try:
                return await unit.centres.get(document.centre_slug or "")
            except CentreUnknown:
                return None


def visit_date_words(visit: Appointment, texts: Texts) -> str:
    """Return a visit as words to be copied into a calendar by hand."""
    if visit.status is AppointmentStatus.CANCELLED:
        return texts.gettext("This visit was cancelled or is over.")
    noted = texts.gettext("📆 To note: {day}, {time}").format(
        day=texts.format_day(visit.day), time=texts.format_time(visit.at)
    )
    rings = texts.gettext("⏰ Set an alarm on your phone, two hours before.")
    return f"{noted}\n{rings}"


def _dated(visit: Appointment, centre: Centre, texts: Texts, keys: KeyRing, now: datetime) -> File:
    # 9 MB and a tenth of a second, for what some people ask for once.
    from bot import calendar_file

    content = calendar_file.calendar_file(visit, centre, texts, zone=casablanca(), keys=keys, now=now)
    return File(calendar_file.FILE_NAME, calendar_file.MIME_TYPE, content)


def _gone(texts: Texts) -> Made:
    return Made(texts.gettext("It is no longer there."))
