"""What people write, are called and are reached by can be read nowhere: not in the database, not in the logs.

Marks go in by every way there is, with faults among them; then every byte of the database and every line of
the log, at its most talkative, is searched for them.
"""

import json
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import make_url, select, text

from bot.texts import load_texts
from storage.database import create_engine
from storage.encryption import KeyRing
from storage.tables import inbox
from tests.bot.http.web import Browser, Frame, Page
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess
from tests.telegram_people import KEYS, TOKEN, WAIT_S, Phone, invited, settings_with

BRAHIM_ID, DRISS_ID, GROUP_ID = 7_391_846_205, 6_284_193_507, -1_009_182_736_405
PHONE, CALL_BACK = "+212661937284", "0770418263"
# Telegram's own precision, near Salé; no town has these decimals.
PLACE = (34.038251, -6.817364)
HOME = (33.971846, -6.892735)

WORDS = {
    "telegram profile": "Zorglub",
    "telegram link": "zlinkz-77",
    "telegram text": "quamvis-bidule صقلاب",
    "message to a caseworker": "mon-secret-xylo 🦉",
    "message that fails": "plouf-interne-vx",
    "message that is refused": "refus-plein-vx",
    "caseworker profile": "Drissqq",
    "caseworker answer": "reponse-kappa-vx",
    "words of one who refused": "refusee-vx",
    "group title": "Titre-quux",
    "group words": "mots-du-groupe-vx",
    "odd update": "drole-update-vx",
    "web text": "web-texte-omicron صبلاق",
    "web name": "Chamaqq",
    "web life project": "poulailler-sigma-vx",
    "web danger": "je veux mourir zeta-vx",
    "web broken frame": "cadre-casse-vx",
}
# An announcement is for everybody and names nobody: the one text that is kept as it is.
ANNOUNCEMENT = "Atelier-de-couture-vx"


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(token=TOKEN) as telegram:
        yield telegram


@pytest.fixture
async def service(telegram: FakeTelegram, database_url: str, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    settings = {"JISR_WEB_CHAT": "on", "JISR_LOG_LEVEL": "DEBUG"}
    async with ServiceProcess(tmp_path, {**settings_with(telegram, database_url), **settings}) as service:
        yield service


async def test_nobody_can_be_read_in_the_database_or_the_logs(
    service: ServiceProcess, telegram: FakeTelegram, database_url: str
) -> None:
    driss = await a_caseworker(service, telegram)
    brahim = Phone(telegram, telegram.user(BRAHIM_ID, WORDS["telegram profile"], "fr"))
    async with new_session(service) as hers, new_session(service) as his:
        browser = Browser(hers, service.url)
        await chama_tells_everything(await browser.opens(), driss)
        await brahim_tells_everything(brahim, driss)
        await a_manager_announces(service, await Browser(his, service.url).opens(), brahim)
    await zineb_refuses(Phone(telegram, telegram.user(first_name="Zineb")))
    await a_group_talks(telegram)
    await things_go_wrong(brahim, telegram, database_url)
    marks = dict([*marks_of_words(), *marks_of_ids(), *marks_of_places()])
    marks["browser"], marks["token"] = browser.token.encode(), TOKEN.encode()

    stored = await everything_in(database_url)
    await service.stop()

    assert ANNOUNCEMENT.encode() in stored
    assert found_in(stored, marks) == []
    assert found_in(await everything_in(database_url), marks) == []
    updates = await updates_in(database_url)
    assert WORDS["telegram text"].encode() in updates
    assert found_in(updates, never_kept()) == []
    assert {"turn_failed", "message_refused", "webchat_frame_refused"} <= events_in(service.logs)
    assert found_in(service.logs.encode(), marks) == []


# The ways in


def new_session(service: ServiceProcess) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(service.url, cookie_jar=aiohttp.CookieJar(unsafe=True))


async def a_caseworker(service: ServiceProcess, telegram: FakeTelegram) -> Phone:
    driss = Phone(telegram, telegram.user(DRISS_ID, WORDS["caseworker profile"], "fr"))
    await driss.says(await invited("caseworker", "--centre", "sale", settings=service.settings))
    await driss.taps("fr")
    return driss


class Web:
    """Somebody who types their way through the web chat in French."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.french = load_texts()["fr"]

    async def says(self, *words: str) -> Frame:
        """Type one after the other; return the answer to the last."""
        for each in words:
            await self.page.types(each)
            answer = await self.page.receives("message")
        return answer

    async def chooses(self, *buttons: str) -> Frame:
        return await self.says(*(self.french.pgettext("button", button) for button in buttons))


async def chama_tells_everything(page: Page, driss: Phone) -> None:
    chama = Web(page)
    await page.said()
    await chama.says("Français")
    await chama.chooses("✅ I agree")
    await chama.says(WORDS["web text"])
    await chama.chooses("⚙️ Settings", "👤 What to call me")
    await chama.says(WORDS["web name"])
    await chama.chooses("🏠 Menu")
    await chama.says("projet de vie")
    await chama.chooses("▶️ Let's begin")
    await chama.says(WORDS["web life project"])
    await chama.chooses("💾 Go on later", "📅 Book a visit")
    await chama.says("1")
    await page.sends({"type": "location", "latitude": HOME[0], "longitude": HOME[1], "ref": "home"})
    await page.receives("stored")
    await page.said()
    days = await chama.says("Salé")
    times = await chama.says(days["choices"][0]["label"])
    await chama.says(times["choices"][0]["label"])
    await chama.chooses("✅ Yes, that's it")
    news = await driss.finds(WORDS["web name"])
    await driss.taps_in(news, "call")
    await page.said()
    await chama.chooses("📞 Call me")
    await chama.says(CALL_BACK)
    await driss.finds(CALL_BACK)
    await chama.says(WORDS["web danger"])
    await driss.finds(WORDS["web danger"])
    await page.line.send_str('{"type": "text", "text": "' + WORDS["web broken frame"])
    await page.receives("refused")


async def brahim_tells_everything(brahim: Phone, driss: Phone) -> None:
    await brahim.says(f"/start {WORDS['telegram link']}")
    await brahim.taps("fr", "agree_news", "nearest")
    await brahim.person.sends_location(*PLACE)
    await brahim.sees()
    await brahim.says(WORDS["telegram text"])
    await brahim.says("menu")
    await brahim.taps("person")
    await brahim.person.sends_contact(PHONE)
    await driss.finds(PHONE)
    await brahim.sees()
    await brahim.says(WORDS["message to a caseworker"])
    news = await driss.finds(WORDS["message to a caseworker"])
    await driss.taps_in(news, "answer")
    await driss.says(WORDS["caseworker answer"])
    await brahim.finds(WORDS["caseworker answer"])


async def zineb_refuses(zineb: Phone) -> None:
    await zineb.says("/start")
    await zineb.taps("fr", "refuse")
    await zineb.says(WORDS["words of one who refused"])
    await zineb.says("menu")


async def a_manager_announces(service: ServiceProcess, page: Page, brahim: Phone) -> None:
    karim = Web(page)
    await page.said()
    await karim.says(await invited("manager", settings=service.settings), "Français")
    await karim.chooses("📢 Announcement", "👥 Everyone")
    await karim.says("Français", ANNOUNCEMENT)
    await karim.chooses("📨 Send it")
    await brahim.finds(ANNOUNCEMENT)


async def a_group_talks(telegram: FakeTelegram) -> None:
    group = telegram.group(GROUP_ID, WORDS["group title"])
    member = group.member(telegram.user(first_name=WORDS["telegram profile"]))
    answered = len(telegram.calls_of("sendMessage"))
    await member.says(f"/start {WORDS['group words']}")
    await telegram.called("sendMessage", answered + 1, WAIT_S)


async def things_go_wrong(brahim: Phone, telegram: FakeTelegram, database_url: str) -> None:
    """A turn breaks in the database, the platform refuses a message, updates are none."""
    await run(database_url, "ALTER TABLE tasks RENAME TO tasks_away")
    await brahim.says(WORDS["message that fails"])
    await run(database_url, "ALTER TABLE tasks_away RENAME TO tasks")

    sent = len(telegram.calls_of("sendMessage"))
    telegram.fail_next("sendMessage", 400, description=f"Bad Request: {WORDS['message that is refused']}")
    await brahim.person.says(WORDS["message that is refused"])
    await telegram.called("sendMessage", sent + 1, WAIT_S)
    await telegram.push("message", {"message_id": 1, "text": {"odd": WORDS["odd update"]}, "chat": BRAHIM_ID})
    await telegram.push("my_chat_member", {"from": {"first_name": WORDS["odd update"]}, "chat": None})
    await brahim.says("menu")


# Looking for it


def marks_of_words() -> Iterator[tuple[str, bytes]]:
    for what, words in WORDS.items():
        yield what, words.encode()
        yield f"{what}, escaped", json.dumps(words)[1:-1].encode()
        yield f"{what}, UTF-16", words.encode("utf-16-le")
    for number in (PHONE, CALL_BACK):
        yield number, number[-9:].encode()


def marks_of_ids() -> Iterator[tuple[str, bytes]]:
    for number in (BRAHIM_ID, DRISS_ID, abs(GROUP_ID)):
        yield str(number), str(number).encode()
        # As SQLite keeps a whole number.
        yield f"{number}, binary", number.to_bytes(8, "big").lstrip(b"\0")


def marks_of_places() -> Iterator[tuple[str, bytes]]:
    for degrees in (*PLACE, *HOME):
        yield str(degrees), str(abs(degrees)).encode()
        yield f"{degrees}, binary", struct.pack(">d", degrees)


def never_kept() -> dict[str, bytes]:
    """Return the marks of what people are told is never kept, not even where nobody else can read it."""
    refused = "words of one who refused"
    return {refused: WORDS[refused].encode(), **dict(marks_of_places())}


def found_in(where: bytes, marks: dict[str, bytes]) -> list[str]:
    folded = where.lower()
    return [what for what, mark in marks.items() if mark.lower() in folded]


def events_in(logs: str) -> set[str]:
    return {str(json.loads(line)["event"]) for line in logs.splitlines() if line.startswith("{")}


async def everything_in(database_url: str) -> bytes:
    """Return all that a thief of the database would have."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        files = sorted(Path(url.database).parent.glob(f"{Path(url.database).name}*"))
        assert files
        return b"\n".join(path.read_bytes() for path in files)
    engine = create_engine(database_url)
    async with engine.connect() as connection:
        tables = await connection.scalars(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
        )
        found = []
        for table in tables.all():
            columns = await connection.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - from the catalogue
            for row in columns:
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    await engine.dispose()
    return b"\n".join(found)


async def updates_in(database_url: str) -> bytes:
    """Return what the service itself can still read of all that came in."""
    engine, keys = create_engine(database_url), KeyRing.from_text(KEYS)
    query = select(inbox.c.payload_enc).where(inbox.c.payload_enc.is_not(None))
    async with engine.connect() as connection:
        payloads = (await connection.scalars(query)).all()
    await engine.dispose()
    plain = [json.loads(keys.decrypt(payload, about="inbox.payload")) for payload in payloads]
    return json.dumps(plain, ensure_ascii=False).encode()


async def run(database_url: str, statement: str) -> None:
    engine = create_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
