"""The web chat as a channel: what our page sends and what it is shown. Pure; bot.http.chat holds the lines.

Frames are JSON texts. From the page: text, tap, location, start (an invitation or another link's payload)
and shown. To the page: hello, history, message, echo (the person's own words), stored, refused and, in the
demo, clock. A `ref` is the page's own name for what it sends, so that nothing counts twice.
"""

import hashlib
import json
import re
from datetime import datetime
from typing import Any

from bot.channels.map_links import geo_link, map_link
from conversations.care.documents import Document, DocumentKind
from conversations.care.door import DOOR_PREFIX
from conversations.engine.outbound import OutboundMessage, Venue
from conversations.engine.reply import Channel, Command, Inbound, Location, Reply, Tap, Text
from conversations.texts import Texts, clean_incoming

JSON = dict[str, Any]

# Characters kept of what somebody writes: as much as one Telegram message.
LONGEST_TEXT = 4096
# No button of ours is longer; what follows /start is at most 64 characters on Telegram.
LONGEST_LABEL, LONGEST_PAYLOAD = 200, 128
REF = re.compile(r"[A-Za-z0-9_-]{1,40}")
# Ids of prompts and choices, as the engine makes them.
ID = re.compile(r"[!-~]{1,64}")
COMMAND = re.compile(r"/([A-Za-z]\w{0,31})(?:@\w*)?(?:\s+(.*))?", re.ASCII | re.DOTALL)
# PostgreSQL stores no NUL in a text, and no other control character helps anybody.
_CONTROLS = dict.fromkeys([*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])


def read_frame(data: str) -> JSON | None:
    """Return a page's frame, cleaned and with the fields it may have; None when it is not one of ours."""
    try:
        return _checked(json.loads(data))
    except (ValueError, RecursionError):
        return None


def parse_payload(payload: str) -> Inbound | None:
    """Return the inbound message of a stored payload, as `payload_of` made it; None when it is none."""
    try:
        stored = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    match stored:
        case {"frame": dict(body), "sender": str(sender), "language": str() | None as language}:
            frame = _checked(body)
        case _:
            return None
    if frame is None or (reply := _reply(frame)) is None:
        return None
    return Inbound(
        channel=Channel.WEBCHAT,
        external_id=sender,
        reply=reply,
        message_ref=frame.get("message") and str(frame["message"]),
        language_hint=language,
    )


def payload_of(frame: JSON, *, sender: str, language: str | None) -> str:
    """Return what is stored of a frame; `language` is the one the person's browser asks for."""
    body = {"frame": frame, "sender": sender, "language": language}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def start_frame(payload: str) -> JSON:
    """Return the frame of somebody who comes in. The same link twice is the same frame: it counts once."""
    digest = hashlib.sha256(payload.encode(errors="surrogatepass")).hexdigest()
    return {"type": "start", "payload": payload, "ref": f"start-{digest[:24]}"}


def echo(frame: JSON, at: datetime, texts: Texts) -> JSON | None:
    """Return how a person's own input stands in their chat, None for what is not seen; `at` is local."""
    match frame["type"]:
        case "text":
            said = frame["text"]
        case "tap":
            said = frame["label"]
        case "location":
            said = _share_location(texts)
        case _:
            return None
    return {"type": "echo", "text": said, "clock": _clock(at), "ref": frame["ref"]}


def stored_echo(payload: str, at: datetime, texts: Texts) -> JSON | None:
    """Return the echo of a stored payload, None when it has none."""
    frame = _checked(json.loads(payload)["frame"])
    return frame and echo(frame, at, texts)


def render(
    message: OutboundMessage, texts: Texts, *, number: int, replaces: int | None, at: datetime
) -> JSON:
    """Return the frame of a message; `number` names it on the page, `at` is local.

    `replaces` is the message it takes the place of; an answer to a tap takes that of the message tapped. Of a
    document or a recording the page gets a link, of a place two: nothing is fetched before one is pressed.
    `texts` speak the message's language.
    """
    edits = message.edits or ""
    return {
        "type": "message",
        "id": number,
        "text": message.text if message.clip is None else texts.gettext("🔊 The text above, read out"),
        "direction": message.direction,
        "lang": message.language,
        # Cleaned as what comes back is, so that the page knows the button somebody pressed.
        "choices": [{"id": choice.id, "label": clean_incoming(choice.label)} for choice in message.choices],
        "prompt_no": message.prompt_ref,
        "wants_location": message.wants_location,
        "document": _document(number, message.document, texts) if message.document else None,
        "map": _map(message.venue, texts) if message.venue else None,
        "clip": _clip(number, texts) if message.clip else None,
        "replaces": int(edits) if edits.isdecimal() else replaces,
        "at": at.isoformat(timespec="seconds"),
        "clock": _clock(at),
    }


def _document(number: int, document: Document, texts: Texts) -> JSON:
    if document.kind is DocumentKind.VISIT_DATE:
        # Translators: label, at most 24 characters. A link to a file for the phone's own calendar.
        label = texts.pgettext("button", "📆 Open the date")
    else:
        # Translators: label, at most 24 characters. A link to a page that can be printed.
        label = texts.pgettext("button", "📄 Open the page")
    return {"path": document_path(number), "label": label}


def _map(venue: Venue, texts: Texts) -> list[JSON]:
    return [
        # Translators: label, at most 24 characters. A link that opens a phone's own map.
        {"link": geo_link(venue), "label": texts.pgettext("button", "📱 In a map app")},
        # Translators: label, at most 24 characters. A link to a map on the web (OpenStreetMap).
        {"link": map_link(venue), "label": texts.pgettext("button", "🗺️ On a web page")},
    ]


def _clip(number: int, texts: Texts) -> JSON:
    return {"path": clip_path(number), "label": texts.gettext("🔊 The text above, read out")}


def clip_path(number: int | str) -> str:
    """Return where the recording of a message is fetched."""
    return f"/clip/{number}"


def document_path(number: int | str) -> str:
    """Return where the document of a message is fetched."""
    return f"/page/{number}"


def hello(texts: Texts, *, demo: bool) -> JSON:
    """Return the frame that tells a page its language and its own few words."""
    return {
        "type": "hello",
        "language": texts.language,
        "direction": texts.direction,
        "demo": demo,
        "ui": {
            "placeholder": texts.gettext("Write here…"),
            "send": texts.pgettext("button", "Send"),
            "offline": texts.gettext("No connection. Trying again…"),
            "online": texts.gettext("Connected again."),
            "share_location": _share_location(texts),
            "locating": texts.gettext("Looking for where you are…"),
            "location_failed": texts.gettext(
                "Your place could not be found. Please write the name of your town."
            ),
            "today": texts.gettext("Today"),
        },
    }


def _checked(body: Any) -> JSON | None:
    match body:
        case {"type": "start", "payload": str(payload), "ref": str(ref)} if _comes_again(payload, ref):
            return {"type": "start", "payload": _clean(payload)[:LONGEST_PAYLOAD], "ref": ref}
        case {"type": "start", "payload": str(payload)}:
            return start_frame(_clean(payload)[:LONGEST_PAYLOAD])
        case {"type": "shown", "id": int(number)}:
            return {"type": "shown", "id": number}
        case {"type": str(kind), "ref": str(ref)} if REF.fullmatch(ref):
            fields = _fields(kind, body)
            return fields and {"type": kind, **fields, "ref": ref}
    return None


def _comes_again(payload: str, ref: str) -> bool:
    """Tell whether a link means something each time it is opened, as the one at a door does."""
    return payload.startswith(DOOR_PREFIX) and REF.fullmatch(ref) is not None


def _fields(kind: str, body: JSON) -> JSON | None:
    match kind, body:
        case "text", {"text": str(text)}:
            return {"text": _clean(text)[:LONGEST_TEXT]}
        case "tap", {"prompt_no": str() | None as prompt_ref, "choice": str(choice), "label": str(label)}:
            if not ID.fullmatch(choice) or (prompt_ref and not ID.fullmatch(prompt_ref)):
                return None
            tapped = body.get("message")
            return {
                "prompt_no": prompt_ref,
                "choice": choice,
                "label": _clean(label)[:LONGEST_LABEL],
                "message": tapped if type(tapped) is int and tapped > 0 else None,
            }
        case "location", {"latitude": int() | float() as latitude, "longitude": int() | float() as longitude}:
            # Not a number fails both.
            if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
                return None
            return {"latitude": float(latitude), "longitude": float(longitude)}
    return None


def _reply(frame: JSON) -> Reply | None:
    match frame:
        case {"type": "text", "text": text}:
            command = COMMAND.fullmatch(text.strip())
            return Command(command[1].lower(), (command[2] or "").strip()) if command else Text(text)
        case {"type": "tap", "prompt_no": prompt_ref, "choice": choice}:
            return Tap(prompt_ref or "", choice)
        case {"type": "location", "latitude": latitude, "longitude": longitude}:
            return Location(latitude, longitude)
        case {"type": "start", "payload": payload}:
            return Command("start", payload)
    return None


def _clean(text: str) -> str:
    # Half of an emoji can be stored but not sent back: no UTF-8 has it.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return clean_incoming(whole.translate(_CONTROLS))


def _share_location(texts: Texts) -> str:
    return texts.pgettext("button", "📍 Share my location")


def _clock(at: datetime) -> str:
    return f"{at:%H:%M}"
