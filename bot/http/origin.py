"""Where a request says it comes from, and what that allows."""

import re
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from bot.settings import LOOPBACK

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d{1,5})?", re.IGNORECASE)


def is_on_loopback(request: HTTPConnection) -> bool:
    """Tell whether the Host that was asked for is this machine itself, whatever address a name led to."""
    host = _HOST.fullmatch(request.headers.get("host", ""))
    return host is not None and host[1].strip("[]").lower() in LOOPBACK


def is_own_page(request: HTTPConnection, public_url: str | None) -> bool:
    """Tell whether a page of this service asks: a browser lets no page lie about its Origin.

    Behind a proxy that puts its own name into Host, the public address stands for it.
    """
    origin = urlsplit(request.headers.get("origin", ""))
    ours = {request.headers.get("host", "").lower(), urlsplit(public_url or "").netloc.lower()}
    return origin.netloc != "" and origin.netloc.lower() in ours


def is_from_elsewhere(request: HTTPConnection) -> bool:
    """Tell whether a link on another site led here: browsers then hold strict cookies back."""
    return request.headers.get("sec-fetch-site") == "cross-site"
