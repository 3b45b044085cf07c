"""Pages that people asked for, made when they are sent from what is then kept.

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
from datetime import tzinfo
from pathlib import Path

import structlog

from bot.channels.channel import File
from bot.zone import casablanca
from conversations.care.documents import Document
from conversations.care.life_projects import LifeProject
from conversations.flows.life_project_words import project_words, told
from conversations.texts import Direction, Texts, clean_incoming, strip_isolates
from storage.database import Database

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


Typeset = Callable[[Page], Awaitable[bytes]]


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


async def typeset(page: Page, *, command: Sequence[str | Path] = (TYPESETTER,)) -> bytes:
    """Return the PDF of a page. Raises PageNotSet, also when it takes too long."""
    # Without -P Python would look for modules beside the script, where "http" is one of ours.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", *command,
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


class Documents:
    """Makes the pages that messages refer to."""

    def __init__(self, database: Database, texts: Mapping[str, Texts], *, typeset: Typeset = typeset) -> None:
        self._database = database
        self._texts = texts
        self._typeset = typeset
        self._room = asyncio.Semaphore(AT_ONCE)

    async def make(self, document: Document, language: str, *, as_text: bool = False) -> Made:
        """Return the file in a language; its words alone when asked so, or when it can't be made."""
        texts = self._texts[language]
        project = await self._project(document)
        if project is None:
            return Made(texts.gettext("It is no longer there."))
        text = told(texts, project)
        if as_text:
            return Made(text)
        try:
            async with self._room:
                content = await self._typeset(life_project_page(project, texts, casablanca()))
        except (PageNotSet, OSError) as error:
            log.error("page_not_set", kind=document.kind, error=type(error).__name__)
            return Made(text)
        return Made(text, File(FILE_NAME, PDF, content))

    async def _project(self, document: Document) -> LifeProject | None:
        async with self._database.reading() as unit:
            project = await unit.life_projects.get(document.contact_id)
        if project is None or not any(project.answers.values()):
            return None
        if document.visit_id is not None and project.appointment_id != document.visit_id:
            return None
        return project
