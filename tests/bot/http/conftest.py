"""The application as the settings ask for it, on a database of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from bot import zone
from bot.clips import Recordings
from bot.clock import Clock
from bot.http.app import create_app
from bot.settings import load_settings
from storage.database import Database
from storage.encryption import KeyRing
from tests.bot.http.web import NOW, Browser, Page, Serve, Web, quiet_voice
from tests.fakes import MovableClock


@pytest.fixture
def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve the application with these settings until the test ends."""
    async with AsyncExitStack() as stack:

        async def serve(
            database: Database,
            clock: Clock,
            *,
            extra_routes: Sequence[BaseRoute] = (),
            recordings: Recordings | None = None,
            **environ: str,
        ) -> Web:
            app = create_app(
                database=database,
                settings=load_settings(environ, env_file=None),
                clock=clock,
                voice=replace(quiet_voice(), recordings=recordings or Recordings()),
                extra_routes=extra_routes,
            )
            return await stack.enter_async_context(Web(app, database, clock))

        yield serve


@pytest.fixture
async def web(serve: Serve, database: Database) -> Web:
    """The web chat for real people, on Monday 23 November 2026 at nine."""
    return await serve(database, MovableClock(NOW), JISR_WEB_CHAT="on")


@pytest.fixture
async def chama(web: Web) -> Browser:
    """Chama's browser, which asks for French; she was never here."""
    return await web.browser()


@pytest.fixture
async def page(web: Web, chama: Browser) -> Page:
    """Chama's open chat, in which the service has said its first word."""
    page = await chama.opens()
    await web.answers()
    return page
