"""Hear it, on every channel, from the real process: an operator's recording is played as it is."""

from pathlib import Path

import aiohttp
import pytest

from conversations.care.clips import question_script
from tests.bot.http.web import Browser
from tests.fake_graph import FakeGraph
from tests.fake_telegram import FakeTelegram
from tests.fakes import real_world
from tests.recordings import Studio, opus
from tests.service import ServiceProcess, as_setting
from tests.telegram_people import KEYS
from tests.telegram_people import Phone as TelegramPhone
from tests.telegram_people import settings_with as telegram_settings
from tests.test_circle_documents import WebChat, one_database
from tests.whatsapp_people import WEBHOOK_PATH
from tests.whatsapp_people import Phone as WhatsAppPhone
from tests.whatsapp_people import settings_with as whatsapp_settings

TO_THE_ANSWER = ("services", "questions", "coming", "short_time")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the service runs, with the recording of one answer in French and Darija."""
    question = real_world().questions.question("short_time")
    assert question is not None
    for language in ("fr", "ary"):
        Studio(tmp_path / "var").holds(language, question_script(question))
    return tmp_path


@one_database
async def test_on_telegram_an_answer_comes_as_a_voice_message(
    telegram: FakeTelegram, database_url: str, folder: Path
) -> None:
    async with ServiceProcess(folder, telegram_settings(telegram, database_url)):
        brahim = TelegramPhone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
        await brahim.says("/start")
        await brahim.taps("fr", "agree", *TO_THE_ANSWER, "listen")

        voice = await brahim.sees()

        assert (voice.kind, voice.text) == ("voice", "")
        assert telegram.content_of(voice) == opus()


@one_database
async def test_on_whatsapp_who_reads_arabic_hears_darija(
    graph: FakeGraph, database_url: str, folder: Path
) -> None:
    async with ServiceProcess(folder, whatsapp_settings(graph, database_url)) as service:
        await graph.subscribe(service.url + WEBHOOK_PATH)
        amina = WhatsAppPhone(graph, graph.person("Amina"))
        await amina.says("/start")
        await amina.taps("ar", "agree", *TO_THE_ANSWER, "listen")

        voice = await amina.sees()

        assert voice.kind == "audio"
        assert graph.content_of(voice) == opus()


@one_database
async def test_on_the_web_it_is_played_in_the_chat_of_this_visitor(database_url: str, folder: Path) -> None:
    settings = {"DATABASE_URL": as_setting(database_url), "JISR_KEYS": KEYS, "JISR_WEB_CHAT": "on"}
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        ServiceProcess(folder, settings) as service,
        aiohttp.ClientSession(service.url, cookie_jar=jar) as session,
        aiohttp.ClientSession(service.url) as other,
    ):
        chama = WebChat(await Browser(session, service.url).opens())
        await chama.comes_in()
        await chama.taps("fr", "agree", *TO_THE_ANSWER, "listen")
        path = (await chama.page.receives("message"))["clip"]["path"]

        async with session.get(path) as answer:
            assert (answer.status, await answer.read()) == (200, opus())
        async with other.get(path) as answer:
            assert answer.status == 404


@one_database
async def test_a_recording_that_can_not_be_played_keeps_the_service_from_starting(
    database_url: str, folder: Path
) -> None:
    Studio(folder / "var").file("fr/need-job.ogg", b"RIFF")
    settings = {"DATABASE_URL": as_setting(database_url), "JISR_KEYS": KEYS, "JISR_WEB_CHAT": "on"}
    service = ServiceProcess(folder, settings)

    with pytest.raises(AssertionError):
        await service.start()

    assert "fr/need-job.ogg has no entry in clips.toml" in service.logs
