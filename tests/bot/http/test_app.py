"""Pages, headers, and what a service without the web chat shows."""

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot import zone
from bot.clock import ShiftedClock
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from tests.bot.http.web import NOW, Browser, Serve
from tests.fakes import MovableClock

# Nothing here asks the database anything.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.mark.parametrize("path", ["/", "/chat", "/static/chat.js", "/nowhere"])
async def test_every_answer_lets_only_our_own_files_run(path: str, chama: Browser) -> None:
    async with chama.session.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        for rule in (
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "media-src 'self'",
            "frame-ancestors 'self'",
        ):
            assert rule in policy.split("; ")
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Permissions-Policy"].startswith("geolocation=(self)")
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize("path", ["/", "/chat"])
async def test_the_chat_is_served_and_never_kept(path: str, chama: Browser) -> None:
    async with chama.session.get(path) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert 'src="/static/chat.js"' in await answer.text()


async def test_a_file_is_sent_again_only_when_it_changed(chama: Browser) -> None:
    async with chama.session.get("/static/chat.js") as answer:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-cache"
        known = {"If-None-Match": answer.headers["ETag"]}

    async with chama.session.get("/static/chat.js", headers=known) as answer:
        assert answer.status == 304


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/demo/clock", 404),
        ("POST", "/demo/skip", 404),
        ("POST", "/chat", 405),
    ],
)
async def test_what_is_not_there_is_said_without_a_word_of_the_service(
    method: str, path: str, status: int, chama: Browser
) -> None:
    async with chama.session.request(method, path) as answer:
        assert answer.status == status
        text = await answer.text()
    assert "Cette page n’existe pas." in text
    assert "chat" not in text.lower()


async def test_a_fault_is_answered_with_the_same_headers(serve: Serve, database: Database) -> None:
    async def fail(_: Request) -> Response:
        raise ZeroDivisionError

    web = await serve(database, MovableClock(NOW), extra_routes=[Route("/fault", fail)], JISR_WEB_CHAT="on")
    chama = await web.browser()

    async with chama.session.get("/fault") as answer:
        assert answer.status == 500
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Réessayez plus tard." in await answer.text()


@pytest.mark.usefixtures("backend")
async def test_without_its_database_the_page_comes_all_the_same(serve: Serve, keys: KeyRing) -> None:
    """It waits for the service by itself."""
    gone = create_engine("sqlite+aiosqlite:////nowhere/at/all.db")
    database = Database(gone, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    web = await serve(database, MovableClock(NOW), JISR_WEB_CHAT="on")
    chama = await web.browser()

    async with chama.session.get("/chat") as answer:
        assert answer.status == 200


async def test_channels_bring_routes_of_their_own(serve: Serve, database: Database) -> None:
    async def hook(_: Request) -> Response:
        return PlainTextResponse("taken")

    web = await serve(database, MovableClock(NOW), extra_routes=[Route("/hook", hook)], JISR_WEB_CHAT="on")
    chama = await web.browser()

    async with chama.session.get("/hook") as answer:
        assert await answer.text() == "taken"


async def test_without_the_web_chat_there_is_a_front_page_and_no_line(
    serve: Serve, database: Database
) -> None:
    web = await serve(database, MovableClock(NOW), JISR_WEB_CHAT="off")
    chama = await web.browser()

    async with chama.session.get("/") as answer:
        assert answer.status == 200
        assert "Set-Cookie" not in answer.headers
        assert "script" not in await answer.text()
    async with chama.session.get("/chat") as answer:
        assert answer.status == 404
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await chama.connects()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "[::2]"]
)
async def test_the_demo_answers_only_to_this_machines_own_name(
    host: str, serve: Serve, database: Database
) -> None:
    """A name that somebody leads here (DNS rebinding) would make their page one of ours."""
    web = await serve(database, ShiftedClock())
    chama = await web.browser()
    await chama.session.get("/chat")

    for path in ("/", "/chat", "/demo/clock", "/static/chat.js"):
        async with chama.session.get(path, headers={"Host": host}) as answer:
            assert answer.status == 403
            assert "Set-Cookie" not in answer.headers
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await chama.session.ws_connect("/ws", headers={"Host": host, "Origin": f"http://{host}"})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080"])
async def test_the_demo_answers_to_every_name_of_this_machine(
    host: str, serve: Serve, database: Database
) -> None:
    web = await serve(database, ShiftedClock())
    chama = await web.browser()

    async with chama.session.get("/", headers={"Host": host}) as answer:
        assert answer.status == 200
        assert 'src="/static/demo.js"' in await answer.text()
