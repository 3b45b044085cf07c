"""A life project on paper: told in the chat, and had as one page, on every channel, from the real process."""

import io
from itertools import count
from pathlib import Path

import aiohttp
import pypdf
import pytest

from tests.bot.http.web import Browser as WebBrowser
from tests.bot.http.web import Frame
from tests.bot.http.web import Page as WebPage
from tests.fake_graph import FakeGraph
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess, as_setting
from tests.telegram_people import KEYS
from tests.telegram_people import Phone as TelegramPhone
from tests.telegram_people import settings_with as telegram_settings
from tests.whatsapp_people import WEBHOOK_PATH
from tests.whatsapp_people import Phone as WhatsAppPhone
from tests.whatsapp_people import settings_with as whatsapp_settings

IDEA = "Ouvrir un atelier de vélos #set page(width: 1pt)"
CAPTION = "Here is the page, ready to print."

one_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def is_the_page(content: bytes) -> bool:
    """Whether this is one page with the person's idea on it, as it was written."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    return len(reader.pages) == 1 and IDEA in reader.pages[0].extract_text().replace("\n", " ")


async def prepares(phone: TelegramPhone | WhatsAppPhone) -> None:
    """Come in, tell the idea, and stop there."""
    await phone.says("/start")
    await phone.taps("en", "agree")
    await phone.says("life project")
    await phone.taps("go_on")
    await phone.says(IDEA)
    await phone.taps("later")
    await phone.says("life project")


async def test_on_telegram_the_page_comes_as_a_document(
    telegram: FakeTelegram, database_url: str, tmp_path: Path
) -> None:
    async with ServiceProcess(tmp_path, telegram_settings(telegram, database_url)):
        brahim = TelegramPhone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
        await prepares(brahim)

        await brahim.taps("page")
        page = await brahim.finds(CAPTION)

        assert page.kind == "document"
        assert page.raw["document"]["file_name"] == "jisr.pdf"
        assert is_the_page(telegram.content_of(page))


@one_database
async def test_on_whatsapp_the_page_comes_as_a_document_though_its_upload_failed_once(
    graph: FakeGraph, database_url: str, tmp_path: Path
) -> None:
    async with ServiceProcess(tmp_path, whatsapp_settings(graph, database_url)) as service:
        await graph.subscribe(service.url + WEBHOOK_PATH)
        amina = WhatsAppPhone(graph, graph.person("Amina"))
        await prepares(amina)
        graph.fail_next("media", 131016)

        await amina.taps("page")
        page = await amina.finds(CAPTION)

        assert page.kind == "document"
        assert page.raw["document"]["filename"] == "jisr.pdf"
        assert is_the_page(graph.content_of(page))
        assert len(graph.calls_of("media")) == 2


class WebChat:
    """One visitor's chat, over the page's own line."""

    def __init__(self, page: WebPage) -> None:
        self.page = page
        self._refs = (f"r{number}" for number in count(1))
        self.last: Frame = {}

    async def says(self, text: str) -> None:
        await self.page.sends({"type": "text", "text": text, "ref": next(self._refs)})
        self.last = await self.page.receives("message")

    async def taps(self, *choices: str) -> None:
        for choice in choices:
            label = next(each["label"] for each in self.last["choices"] if each["id"] == choice)
            tap = {"prompt_no": self.last["prompt_no"], "choice": choice, "label": label}
            await self.page.sends({"type": "tap", **tap, "message": self.last["id"], "ref": next(self._refs)})
            self.last = await self.page.receives("message")

    async def comes_in(self) -> None:
        """Read what is said to whoever opens the page."""
        history = [item for item in self.page.history if item["type"] == "message"]
        self.last = history[-1] if history else await self.page.receives("message")


@one_database
async def test_on_the_web_the_page_is_behind_a_link_for_this_visitor(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": as_setting(database_url), "JISR_KEYS": KEYS, "JISR_WEB_CHAT": "on"}
    async with (
        ServiceProcess(tmp_path, settings) as service,
        aiohttp.ClientSession(service.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        aiohttp.ClientSession(service.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as other,
    ):
        chama = WebChat(await WebBrowser(session, service.url).opens())
        await chama.comes_in()
        await chama.taps("en", "agree")
        await chama.says("life project")
        await chama.taps("go_on")
        await chama.says(IDEA)
        await chama.taps("later")
        await chama.says("life project")

        await chama.taps("page")
        link = (await chama.page.receives("message"))["document"]["path"]

        async with session.get(link) as answer:
            assert is_the_page(await answer.read())
        await WebBrowser(other, service.url).opens()
        async with other.get(link) as answer:
            assert answer.status == 404
