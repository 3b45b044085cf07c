"""The page for a centre's door: what people scan when they come, one code for each channel there is."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from telegram import Bot
from telegram.error import TelegramError

from bot.channels.whatsapp_client import GraphClient, GraphFailed
from conversations.care.centres import Centre
from conversations.care.door import door_payload
from conversations.engine.reply import Channel
from conversations.texts import Texts, strip_isolates

# The name lies open among somebody's downloads.
FILE_NAME = "door.pdf"
# Whoever stands before the door reads one of these.
PAGE_LANGUAGES = ("ar", "fr")

AsksName = Callable[[], Awaitable[str]]


class WaysUnknown(Exception):
    """A platform did not say under which name people find the service there. Asking later may help."""


@dataclass(frozen=True, slots=True)
class Way:
    """An address that opens the conversation on a channel, with the code of a door."""

    channel: Channel
    url: str


@dataclass(frozen=True, slots=True)
class DoorWords:
    """What the page says in one language."""

    language: str
    direction: str
    title: str
    how: str
    without: str
    city: str


@dataclass(frozen=True, slots=True)
class ScannedWay:
    """A channel's name and its code as a picture (SVG)."""

    name: str
    picture: str


@dataclass(frozen=True, slots=True, repr=False)
class DoorPage:
    """All that stands on the page of a door."""

    sheet: ClassVar[str] = "door.typ"

    words: Sequence[DoorWords]
    ways: Sequence[ScannedWay]


class Doors:
    """Knows where a door's codes lead. `telegram` and `whatsapp` ask the platforms, once while they answer.

    `web` is the public address of the web chat, without a slash at its end. None: there is no such channel.
    """

    def __init__(
        self, *, telegram: AsksName | None = None, whatsapp: AsksName | None = None, web: str | None = None
    ) -> None:
        self._asks = {Channel.WHATSAPP: whatsapp, Channel.TELEGRAM: telegram}
        self._web = web
        self._names: dict[Channel, str] = {}

    async def ways(self, code: str) -> list[Way]:
        """Return a way for each channel that a phone can be led to; none in the demo. Raises WaysUnknown."""
        payload = door_payload(code)
        ways = []
        for channel, ask in self._asks.items():
            if ask is not None:
                ways.append(Way(channel, _address(channel, await self._name(channel, ask), payload)))
        if self._web is not None:
            ways.append(Way(Channel.WEBCHAT, f"{self._web}/chat?{urlencode({'start': payload})}"))
        return ways

    async def _name(self, channel: Channel, ask: AsksName) -> str:
        if channel not in self._names:
            self._names[channel] = await ask()
        return self._names[channel]


def _address(channel: Channel, name: str, payload: str) -> str:
    if channel is Channel.WHATSAPP:
        # Source: WhatsApp help centre, click to chat: digits alone, country code first.
        return f"https://wa.me/{name}?{urlencode({'text': payload})}"
    return f"https://t.me/{name}?{urlencode({'start': payload})}"


def asks_telegram(bot: Bot) -> AsksName:
    """Return what asks for the bot's user name."""

    async def ask() -> str:
        try:
            name = (await bot.get_me()).username
        except TelegramError as error:
            failed = type(error).__name__
        else:
            if name:
                return name
            failed = "no name"
        # Raised here: the library's error may quote what it was called with.
        raise WaysUnknown(f"telegram: {failed}")

    return ask


def asks_whatsapp(client: GraphClient) -> AsksName:
    """Return what asks for the number that people write to, in digits: the settings only know its id."""

    async def ask() -> str:
        query = {"fields": "display_phone_number"}
        try:
            answer = await client.call("GET", client.phone_number_id, query=query)
        except GraphFailed as error:
            failed = type(error).__name__
        else:
            shown = answer.get("display_phone_number")
            digits = "".join(filter(str.isdecimal, shown)) if isinstance(shown, str) else ""
            if digits:
                return digits
            failed = "no number"
        raise WaysUnknown(f"whatsapp: {failed}")

    return ask


async def door_page(centre: Centre, ways: Sequence[Way], texts: Mapping[str, Texts]) -> DoorPage:
    """Return the page of a centre's door, in both languages that hang there side by side."""
    # To draw a code takes some ten milliseconds of nothing but counting.
    pictures = await asyncio.to_thread(lambda: [_picture(way.url) for way in ways])
    return DoorPage(
        words=[_words(centre, texts[language]) for language in PAGE_LANGUAGES],
        ways=[ScannedWay(name_of(way.channel), picture) for way, picture in zip(ways, pictures, strict=True)],
    )


def in_words(ways: Sequence[Way]) -> str:
    """Return where the codes lead, to be copied where no page can go."""
    return "\n".join(f"{name_of(way.channel)}: {way.url}" for way in ways)


def name_of(channel: Channel) -> str:
    """Return a channel as it stands under its code, in letters that everybody knows from their phone."""
    return {Channel.WHATSAPP: "WhatsApp", Channel.TELEGRAM: "Telegram"}.get(channel, "Internet")


def _words(centre: Centre, texts: Texts) -> DoorWords:
    return DoorWords(
        language=texts.language,
        direction=texts.direction,
        title=texts.pgettext("door page", "You have a visit? Say here that you have come."),
        how=texts.pgettext("door page", "Point your phone's camera at a code and send what opens."),
        without=texts.pgettext("door page", "Without a phone, simply tell the people at the desk."),
        city=strip_isolates(centre.city_ar if texts.direction == "rtl" else centre.city_fr),
    )


def _picture(url: str) -> str:
    # Asked for a few times a year: not worth having in memory from the start.
    import segno

    drawn = io.BytesIO()
    # M: a scratch or a stain on the paper does no harm.
    segno.make_qr(url, error="m").save(drawn, kind="svg", border=4, xmldecl=False, light="white")
    return drawn.getvalue().decode()
