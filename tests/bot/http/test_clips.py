"""Recordings on the web: played in the chat, and had by whom they were shown to alone."""

from pathlib import Path

import aiohttp
import pytest

from conversations.care.appointments import Need
from conversations.care.clips import Clip, need_script
from storage.database import Database
from tests.bot.http.web import NOW, Browser, Serve, Web, say
from tests.fakes import MovableClock, real_world
from tests.recordings import Studio, opus

JOB = Clip("fr", "need-job")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    studio = Studio(tmp_path)
    studio.holds("fr", need_script(real_world().rules, Need.JOB))
    return studio


@pytest.fixture
async def web(serve: Serve, database: Database, studio: Studio) -> Web:
    return await serve(database, MovableClock(NOW), recordings=studio.read(), JISR_WEB_CHAT="on")


@pytest.fixture
async def link(web: Web, chama: Browser) -> str:
    """Where Chama's page finds the recording that her chat shows."""
    page = await chama.opens()
    await web.answers(say("Ce n'est pas possible ici.", clip=JOB))
    frame = await page.receives("message")
    assert frame["text"] == frame["clip"]["label"] == "[fr] 🔊 The text above, read out"
    return str(frame["clip"]["path"])


async def gets(browser: Browser, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with browser.session.get(path, headers=headers) as answer:
        return answer, await answer.read()


async def test_whom_it_was_shown_to_hears_it(chama: Browser, link: str) -> None:
    answer, content = await gets(chama, link)

    assert (answer.status, content) == (200, opus())
    assert answer.headers["Content-Type"] == "audio/ogg; codecs=opus"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "media-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_nobody_else_does(web: Web, chama: Browser, link: str) -> None:
    stranger, amina = await web.browser(), await web.browser()
    await amina.opens()
    await web.answers(say("Bonjour."))

    for browser in (stranger, amina):
        answer, content = await gets(browser, link)
        assert answer.status == 404
        assert b"OggS" not in content


@pytest.mark.parametrize(
    ("asked", "status", "told", "part"),
    [
        ("bytes=0-1", 206, "bytes 0-1/{size}", slice(0, 2)),
        ("bytes=10-", 206, "bytes 10-{last}/{size}", slice(10, None)),
        ("bytes=10-99999999", 206, "bytes 10-{last}/{size}", slice(10, None)),
        ("bytes=99999999-", 416, "bytes */{size}", slice(0, 0)),
        ("bytes=5-4", 416, "bytes */{size}", slice(0, 0)),
        ("bytes=-5", 200, None, slice(None)),
        ("lines=1-2", 200, None, slice(None)),
    ],
)
async def test_a_player_may_ask_for_a_part(
    chama: Browser, link: str, asked: str, status: int, told: str | None, part: slice
) -> None:
    size = len(opus())

    answer, content = await gets(chama, link, Range=asked)

    assert answer.status == status
    assert answer.headers.get("Content-Range") == (told and told.format(size=size, last=size - 1))
    assert content == opus()[part]


async def test_what_is_gone_since_the_start_is_not_played(studio: Studio, chama: Browser, link: str) -> None:
    studio.file("fr/need-job.ogg", b"OggS something else")

    answer, content = await gets(chama, link)

    assert answer.status == 404
    assert b"OggS" not in content


async def test_a_message_without_a_recording_leads_nowhere(chama: Browser, link: str) -> None:
    for path in (link.replace("/clip/", "/page/"), "/clip/0", "/clip/x"):
        answer, _ = await gets(chama, path)
        assert answer.status == 404
