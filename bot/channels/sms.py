"""Text messages, one way: the last resort for reminders, through an HTTP port that speaks as Kannel's does.

Each segment costs. A text of GSM-7 characters has 160 in one and 153 in each of several; anything else, such
as Arabic, has 70 and 67 (3GPP TS 23.038 and 23.040). A text whose accents alone are not in GSM-7 goes without
them.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Literal, Self

import aiohttp
import structlog

from bot.channels.channel import Pace, SendFailed, TooFast, TryLater, Undeliverable
from bot.metrics import metrics
from conversations.engine.outbound import OutboundMessage
from conversations.engine.reply import Channel
from conversations.texts import strip_isolates

log = structlog.get_logger()

CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 15.0
# What to wait when the gateway says "too fast" and not how long.
TOO_FAST_S = 5.0

# 3GPP TS 23.038, default alphabet and its extension, whose characters take two places.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")
_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "…": "...",
     "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "œ": "oe", "Œ": "OE"}
)  # fmt: skip


class Coding(IntEnum):
    """How a text is written on its way, as Kannel's `coding` says it."""

    GSM_7 = 0
    UCS_2 = 2


# Places in a text's only segment, and in each of several, which are numbered.
_PLACES = {Coding.GSM_7: (160, 153), Coding.UCS_2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it goes out, and how many segments are charged for it."""

    words: str
    coding: Coding
    segments: int


def text_of(words: str) -> Text:
    """Return the words in the coding that costs least and keeps them readable."""
    words = strip_isolates(words).strip()
    plain = "".join(map(_in_gsm, words.translate(_PLAIN)))
    if _is_gsm(plain):
        return Text(plain, Coding.GSM_7, _segments(Coding.GSM_7, [_gsm_places(letter) for letter in plain]))
    # UTF-16 units; a pair is never divided.
    units = [len(letter.encode("utf-16-be", "surrogatepass")) // 2 for letter in words]
    return Text(words, Coding.UCS_2, _segments(Coding.UCS_2, units))


def _in_gsm(letter: str) -> str:
    if _is_gsm(letter):
        return letter
    bare = "".join(part for part in unicodedata.normalize("NFD", letter) if not unicodedata.combining(part))
    return bare if _is_gsm(bare) and bare else letter


def _is_gsm(text: str) -> bool:
    return all(letter in _GSM or letter in _GSM_EXTENDED for letter in text)


def _gsm_places(letter: str) -> int:
    return 2 if letter in _GSM_EXTENDED else 1


def _segments(coding: Coding, places: list[int]) -> int:
    """Return how many segments letters of so many places each fill; no letter is divided between two."""
    alone, each = _PLACES[coding]
    if sum(places) <= alone:
        return 1
    segments, used = 1, 0
    for needed in places:
        if used + needed > each:
            segments, used = segments + 1, 0
        used += needed
    return segments


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where texts go, and as whose. `report_url` is asked by the gateway itself when a text has arrived."""

    url: str
    method: Literal["get", "post"] = "get"
    user: str | None = None
    password: str | None = None
    sender: str | None = None
    report_url: str | None = None
    per_second: float = 1

    def __repr__(self) -> str:
        return "<Gateway>"

    def fields(self, number: str, text: Text, report_url: str | None) -> dict[str, str]:
        """Return what one text is asked for with. Source: Kannel user's guide, sendsms."""
        report_url = report_url or self.report_url
        wanted: Mapping[str, str | None] = {
            "username": self.user,
            "password": self.password,
            "from": self.sender,
            "to": f"+{number}",
            "text": text.words,
            "coding": str(int(text.coding)),
            "charset": "UTF-8",
            # Arrived, did not arrive, and was rejected.
            "dlr-mask": "19" if report_url else None,
            "dlr-url": report_url,
        }
        return {name: value for name, value in wanted.items() if value is not None}


class SmsSender:
    """Sends texts through a gateway. An async context manager; pace and retries are delivery's."""

    channel = Channel.SMS

    def __init__(self, gateway: Gateway, *, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._gateway = gateway
        self._answer_within_s = answer_within_s
        self._session: aiohttp.ClientSession | None = None
        self.pace = Pace(gateway.per_second, burst=1, reserve=0, chat_per_second=1, chat_burst=1)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_WITHIN_S, sock_read=self._answer_within_s),
        )
        # aiohttp asks again by itself with GET, which may send a text twice; no public switch stops it.
        self._session._retry_connection = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self, external_id: str, message: OutboundMessage, *, report_url: str | None = None
    ) -> str | None:
        """Send a text to a number in digits with its country code. A gateway gives it no reference.

        `report_url` is what the gateway calls about this text, instead of its own address for all.
        """
        text = text_of(message.text)
        failed = await self._exchange(self._gateway.fields(external_id, text, report_url))
        # Raised here and not where aiohttp's error was caught: that one quotes the number and the text.
        if failed is not None:
            raise failed
        metrics.sms_sent(text.coding.name.lower(), text.segments)
        log.info("sms_sent", coding=text.coding.name.lower(), segments=text.segments)
        return None

    async def _exchange(self, fields: Mapping[str, str]) -> SendFailed | None:
        if self._session is None:
            raise RuntimeError("SmsSender is used before it was entered")
        url, is_post = self._gateway.url, self._gateway.method == "post"
        try:
            # A redirect would hand the password to another host.
            async with self._session.request(
                self._gateway.method.upper(),
                url,
                data=fields if is_post else None,
                params=None if is_post else fields,
                allow_redirects=False,
            ) as response:
                return _judged(response.status, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            return TryLater(type(error).__name__)
        except (aiohttp.ClientError, OSError) as error:
            return TryLater(type(error).__name__, unclear=True)


def _judged(status: int, retry_after: str) -> SendFailed | None:
    """Return what a status means; None: the gateway has taken the text, now or for later (Kannel: 202)."""
    if 200 <= status < 300:
        return None
    reason = f"http_{status}"
    match status:
        case 429:
            return TooFast(float(retry_after) if retry_after.isdecimal() else TOO_FAST_S)
        case 400 | 406 | 410 | 413 | 422:
            # Kannel: not routable, do not try again.
            return Undeliverable(reason)
        case 500 | 502 | 504:
            return TryLater(reason, unclear=True)
    # A wrong password or address is for the operator to put right, and until then the text waits.
    return TryLater(reason)
