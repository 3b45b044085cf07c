"""The one web application: pages, the web chat's lines, and the routes that channels and health bring."""

from collections.abc import Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.channels import webchat
from bot.clock import Clock, ShiftedClock
from bot.http.chat import Chat
from bot.http.demo import Demo
from bot.http.origin import is_on_loopback
from bot.settings import Settings
from bot.turns import Voice
from storage.database import Database

STATIC = Path(__file__).parent / "static"

# Only our own files run, and they talk to this host alone. The chat stands in a frame only in our own demo.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
# Files are asked about each time and sent only when they changed: an old page never meets a new service.
FILES, PAGES = "no-cache", "no-store"

# What somebody sees who only knows the address: nothing of whom the service is for.
PAGE = """<!DOCTYPE html>
<html lang="fr"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Jisr</title>
<h1>Jisr <span lang="ar" dir="rtl">جسر</span></h1>{words}</html>
"""
NOT_HERE = (
    '<p lang="ar" dir="rtl">هذه الصفحة غير موجودة.</p>'
    '<p>Cette page n’existe pas.</p><p lang="en">There is no such page.</p>'
)
FAULT = (
    '<p lang="ar" dir="rtl">وقع خطأ. المرجو المحاولة لاحقا.</p>'
    "<p>Une erreur s’est produite. Réessayez plus tard.</p>"
    '<p lang="en">Something went wrong. Please try again later.</p>'
)


def create_app(
    *,
    database: Database,
    settings: Settings,
    clock: Clock,
    voice: Voice,
    extra_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the application that the settings ask for.

    The demo needs a ShiftedClock, and answers only to requests for this machine itself.
    """
    demo = Demo(database, clock, voice) if settings.is_demo and isinstance(clock, ShiftedClock) else None
    routes: list[BaseRoute] = [
        Mount("/static", StaticFiles(directory=STATIC)),
        *extra_routes,
    ]
    if settings.has_web_chat:
        chat = Chat(database, clock, voice, demo=demo, public_url=settings.public_url)
        routes += [
            Route("/", _demo_page if demo else chat.page),
            Route("/chat", chat.page),
            Route(webchat.document_path("{number}"), chat.document),
            Route(webchat.clip_path("{number}"), chat.clip),
            WebSocketRoute("/ws", chat.line),
        ]
    else:
        routes.append(Route("/", _front_page))
    if demo:
        routes += demo.routes()
    middleware = [Middleware(_WithHeaders)]
    if demo:
        middleware.append(Middleware(_OnLoopbackOnly))
    return Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={HTTPException: _refuse, Exception: _apologise},
    )


def create_health_app(routes: Sequence[BaseRoute]) -> Starlette:
    """Return an application with nothing but these routes, for processes without a public face."""
    return Starlette(
        routes=routes,
        middleware=[Middleware(_WithHeaders)],
        exception_handlers={HTTPException: _refuse, Exception: _apologise},
    )


async def _demo_page(_: Request) -> Response:
    return HTMLResponse((STATIC / "demo.html").read_text(encoding="utf-8"))


async def _front_page(_: Request) -> Response:
    return HTMLResponse(PAGE.format(words=""))


async def _refuse(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return HTMLResponse(PAGE.format(words=NOT_HERE), status_code=status)


async def _apologise(_: Request, error: Exception) -> Response:
    # Answers to faults pass by the middleware.
    return HTMLResponse(
        PAGE.format(words=FAULT), status_code=500, headers={**HEADERS, "Cache-Control": PAGES}
    )


class _WithHeaders:
    """Puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", FILES if scope["path"].startswith("/static/") else PAGES)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class _OnLoopbackOnly:
    """Refuses what was asked of another host name: such a name can be led here by anybody's page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or is_on_loopback(HTTPConnection(scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            await HTMLResponse(PAGE.format(words=NOT_HERE), status_code=403)(scope, receive, send)
