"""What the WhatsApp Cloud API takes: bodies of messages and templates, judged field by field.

    judge_message({"messaging_product": "whatsapp", ...})  # Raises Refused as Graph would say it.

Every field that is not known is refused. Lengths are in UTF-16 code units, the strictest reading of Meta's
"characters". Kinds that the service never sends (flows, carousels, products) are refused as unsupported.
Sources: Cloud API references of messages, interactive messages, media and message templates, May to June
2026; the limits of rows and titles stand in exotel's documentation, too.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

JSON = dict[str, Any]
Check = Callable[[Any, str], None]

MAX_TEXT, MAX_BODY, MAX_FOOTER, MAX_HEADER, MAX_CAPTION = 4096, 1024, 60, 60, 1024
MAX_BUTTONS, BUTTON_TITLE, BUTTON_ID = 3, 20, 256
MAX_ROWS, ROW_TITLE, ROW_DESCRIPTION, ROW_ID = 10, 24, 72, 200
MAX_SECTIONS, SECTION_TITLE = 10, 24
MAX_TEMPLATE_NAME, MAX_TEMPLATE_BUTTONS, TEMPLATE_BUTTON = 512, 10, 25

# The country's two letters, a dot, at most 128 letters and digits. Source: business-scoped user ids, 2026-05.
USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
PHONE = re.compile(r"\+?[1-9][0-9]{6,14}")
# Of the languages that templates may have those that anybody here may want; there is no code for Darija.
TEMPLATE_LANGUAGES = frozenset({"ar", "ar_MA", "en", "en_GB", "en_US", "es", "fr"})
CATEGORIES = frozenset({"AUTHENTICATION", "MARKETING", "UTILITY"})

TITLES = {
    1: "API Unknown",
    4: "Application request limit reached",
    100: "Invalid parameter",
    190: "Invalid OAuth access token",
    368: "Temporarily blocked for policies violations",
    80007: "Rate limit issues",
    130429: "Rate limit hit",
    131000: "Something went wrong",
    131008: "Required parameter is missing",
    131009: "Parameter value is not valid",
    131016: "Service unavailable",
    131026: "Message undeliverable",
    131031: "Account has been locked",
    131042: "Business eligibility payment issue",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "User has stopped marketing messages",
    131051: "Unsupported message type",
    131053: "Media upload error",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
    131062: "Business-scoped user id is not supported for this message",
    131064: "Messaging limit of the business portfolio reached",
    132000: "Number of parameters does not match the expected number of params",
    132001: "Template name does not exist in the translation",
    132005: "Translated text too long",
    132012: "Parameter format does not match format in the created template",
    132015: "Template is paused",
    132016: "Template is disabled",
    132018: "There is an issue with the parameters in your template",
}


class Refused(Exception):
    """Graph says no: `code` is its error code, `status` HTTP's."""

    def __init__(self, code: int, details: str, *, status: int = 400, subcode: int | None = None) -> None:
        super().__init__(f"{code} {details}")
        self.code = code
        self.details = details
        self.status = status
        self.subcode = subcode


def title_of(code: int) -> str:
    """Return Meta's words for an error code."""
    return TITLES.get(code, "Unknown error")


def invalid(path: str, what: str) -> Refused:
    return Refused(131009, f"{path}: {what}")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


# What a field may hold. A check takes the value and where it stands.


def one_of(*allowed: object) -> Check:
    def check(value: Any, path: str) -> None:
        if type(value) not in {type(each) for each in allowed} or value not in allowed:
            raise invalid(path, f"must be one of {', '.join(map(repr, allowed))}")

    return check


def words(most: int, *, lines: bool = True) -> Check:
    """Text with at least one visible character; `lines` allows more than one line."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise Refused(100, f"Param {path} must be a string")
        if not value.strip():
            raise invalid(path, "must not be blank")
        if _units(value) > most:
            raise invalid(path, f"length invalid. Min length: 1, Max length: {most}, it has {_units(value)}")
        if not lines and re.search(r"[\n\r\t]", value):
            raise invalid(path, "must be one line")

    return check


def key(most: int) -> Check:
    """An id of ours: one line, no space around it."""

    def check(value: Any, path: str) -> None:
        words(most, lines=False)(value, path)
        if value != value.strip():
            raise invalid(path, "must have no space around it")

    return check


def pattern(expression: str, what: str) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(expression, value):
            raise invalid(path, what)

    return check


def number(least: float, most: float) -> Check:
    def check(value: Any, path: str) -> None:
        if type(value) not in (int, float) or not least <= value <= most:
            raise invalid(path, f"must be a number from {least} to {most}")

    return check


def anything(value: Any, path: str) -> None:
    """Take whatever there is; somebody else looks at it."""


def flag(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise Refused(100, f"Param {path} must be a boolean")


def array(of: Check, most: int, *, least: int = 1) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise Refused(100, f"Param {path} must be an array")
        if not least <= len(value) <= most:
            raise invalid(path, f"must have {least} to {most} elements, it has {len(value)}")
        for at, each in enumerate(value):
            of(each, f"{path}[{at}]")

    return check


def fields(needed: Mapping[str, Check], extra: Mapping[str, Check] | None = None) -> Check:
    """An object with all of `needed`, any of `extra` and nothing else."""
    known = {**needed, **(extra or {})}

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise Refused(100, f"Param {path} must be a JSON object")
        for name in value:
            if name not in known:
                raise Refused(100, f'Unexpected key "{name}" on param "{path}"')
        for name in needed:
            if value.get(name) is None:
                raise Refused(131008, f"{path}.{name} is required")
        for name, held in value.items():
            known[name](held, f"{path}.{name}")

    return check


def distinct(values: Sequence[str], what: str) -> None:
    if len(set(values)) < len(values):
        raise invalid(what, "must be unique")


# Content


def _either_id_or_link(needed: Mapping[str, Check] | None = None, **extra: Check) -> Check:
    holds = fields(
        needed or {}, {"id": key(200), "link": pattern(r"https?://\S+", "must be a link"), **extra}
    )

    def check(value: Any, path: str) -> None:
        holds(value, path)
        if ("id" in value) == ("link" in value):
            raise Refused(100, f"Param {path} must have either an id or a link")

    return check


_TEXT_PART = fields({"text": words(MAX_BODY)})
_FOOTER = fields({"text": words(MAX_FOOTER)})
_REPLY_BUTTON = fields(
    {
        "type": one_of("reply"),
        "reply": fields({"id": key(BUTTON_ID), "title": words(BUTTON_TITLE, lines=False)}),
    }
)
_ROW = fields(
    {"id": key(ROW_ID), "title": words(ROW_TITLE, lines=False)}, {"description": words(ROW_DESCRIPTION)}
)
_SECTION = fields({"rows": array(_ROW, MAX_ROWS)}, {"title": words(SECTION_TITLE, lines=False)})
_HEADER = fields(
    {"type": one_of("text", "image", "document", "video")},
    {
        "text": words(MAX_HEADER, lines=False),
        "image": _either_id_or_link(),
        "document": _either_id_or_link(filename=words(240)),
        "video": _either_id_or_link(),
    },
)
_ACTIONS: dict[str, Check] = {
    "button": fields({"buttons": array(_REPLY_BUTTON, MAX_BUTTONS)}),
    "list": fields({"button": words(BUTTON_TITLE, lines=False), "sections": array(_SECTION, MAX_SECTIONS)}),
    "cta_url": fields(
        {
            "name": one_of("cta_url"),
            "parameters": fields(
                {
                    "display_text": words(BUTTON_TITLE, lines=False),
                    "url": pattern(r"https?://\S+", "must be a link"),
                }
            ),
        }
    ),
    "location_request_message": fields({"name": one_of("send_location")}),
    "request_contact_info": fields({"name": one_of("request_contact_info")}),
}
# Only these may have something above their text and under it.
_WITH_HEADER = frozenset({"button", "list", "cta_url"})


def _interactive(value: Any, path: str) -> None:
    if not isinstance(value, dict) or value.get("type") is None:
        raise Refused(131008, f"{path}.type is required")
    kind = value["type"]
    if kind not in _ACTIONS:
        raise Refused(131051, f"{path}.type {kind} is unknown or not emulated")
    around = {"header": _HEADER, "footer": _FOOTER} if kind in _WITH_HEADER else {}
    fields({"type": one_of(kind), "body": _TEXT_PART, "action": _ACTIONS[kind]}, around)(value, path)
    if kind == "list" and value.get("header", {}).get("type", "text") != "text":
        raise invalid(f"{path}.header", "a list has a header of text only")
    match kind:
        case "button":
            replies = [button["reply"] for button in value["action"]["buttons"]]
            distinct([reply["id"] for reply in replies], f"{path}.action.buttons ids")
            distinct([reply["title"] for reply in replies], f"{path}.action.buttons titles")
        case "list":
            _sections(value["action"]["sections"], f"{path}.action.sections")


def _sections(sections: list[JSON], path: str) -> None:
    rows = [row for section in sections for row in section["rows"]]
    if len(rows) > MAX_ROWS:
        raise invalid(path, f"Total row count exceed max allowed count: {MAX_ROWS}")
    if len(sections) > 1 and not all(section.get("title") for section in sections):
        raise Refused(131008, f"{path}: each of several sections needs a title")
    distinct([row["id"] for row in rows], f"{path} row ids")


_PARAMETER = fields(
    {"type": one_of("text", "payload", "image", "document", "location")},
    {
        "text": words(MAX_BODY),
        "payload": key(BUTTON_ID),
        "parameter_name": key(60),
        "image": _either_id_or_link(),
        "document": _either_id_or_link(filename=words(240)),
        "location": anything,
    },
)
_COMPONENT = fields(
    {"type": one_of("header", "body", "button")},
    {
        "parameters": array(_PARAMETER, 50),
        "sub_type": one_of("quick_reply", "url"),
        "index": pattern(r"[0-9]", 'must be a place from "0" to "9"'),
    },
)
_TEMPLATE = fields(
    {
        "name": words(MAX_TEMPLATE_NAME),
        "language": fields({"code": words(20)}, {"policy": one_of("deterministic")}),
    },
    {"components": array(_COMPONENT, 12, least=0)},
)

CONTENT: dict[str, Check] = {
    "text": fields({"body": words(MAX_TEXT)}, {"preview_url": flag}),
    "image": _either_id_or_link(caption=words(MAX_CAPTION)),
    "document": _either_id_or_link(caption=words(MAX_CAPTION), filename=words(240, lines=False)),
    "audio": _either_id_or_link(voice=flag),
    "video": _either_id_or_link(caption=words(MAX_CAPTION)),
    "sticker": _either_id_or_link(),
    "location": fields(
        {"latitude": number(-90, 90), "longitude": number(-180, 180)},
        {"name": words(1000), "address": words(1000)},
    ),
    "contacts": array(
        fields(
            {
                "name": fields(
                    {"formatted_name": words(200)}, {"first_name": words(200), "last_name": words(200)}
                )
            },
            {"phones": array(fields({"phone": words(30)}, {"type": words(20), "wa_id": words(20)}), 20)},
        ),
        257,
    ),
    "reaction": fields({"message_id": key(512), "emoji": anything}),
    "interactive": _interactive,
    "template": _TEMPLATE,
}
MEDIA = frozenset({"image", "document", "audio", "video", "sticker"})
_ENVELOPE: dict[str, Check] = {
    "recipient_type": one_of("individual"),
    "to": pattern(PHONE.pattern, "must be a phone number"),
    "recipient": pattern(USER_ID.pattern, "must be a business-scoped user id"),
    "context": fields({"message_id": key(512)}),
    "biz_opaque_callback_data": words(512),
}


def judge_message(body: Any) -> None:
    """Raises Refused for a body of `/messages` that Graph would not take, whoever it is for."""
    if not isinstance(body, dict):
        raise Refused(100, "The body must be a JSON object")
    kind = body.get("type")
    if kind is None:
        raise Refused(131008, "The parameter type is required")
    if kind not in CONTENT:
        raise Refused(131051, f"type {kind!r} is unknown or not emulated")
    if not body.get("to") and not body.get("recipient"):
        raise Refused(131008, "The parameter to, or recipient, is required")
    fields({"messaging_product": one_of("whatsapp"), "type": one_of(kind), kind: CONTENT[kind]}, _ENVELOPE)(
        body, "body"
    )


def judge_receipt(body: JSON) -> None:
    """Raises Refused for a body that marks a message as read and is not in order."""
    typing = fields({"type": one_of("text")})
    fields(
        {"messaging_product": one_of("whatsapp"), "status": one_of("read"), "message_id": key(512)},
        {"typing_indicator": typing},
    )(body, "body")


# Templates

_QUICK_REPLY = fields({"type": one_of("QUICK_REPLY"), "text": words(TEMPLATE_BUTTON, lines=False)})
_LINK = fields(
    {
        "type": one_of("URL"),
        "text": words(TEMPLATE_BUTTON, lines=False),
        "url": pattern(r"https?://\S+", "must be a link"),
    },
    {"example": array(words(2000), 1)},
)
_CALL = fields(
    {
        "type": one_of("PHONE_NUMBER"),
        "text": words(TEMPLATE_BUTTON, lines=False),
        "phone_number": pattern(PHONE.pattern, "must be a phone number"),
    }
)
_BUTTONS = {"QUICK_REPLY": _QUICK_REPLY, "URL": _LINK, "PHONE_NUMBER": _CALL}


def _template_button(value: Any, path: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in _BUTTONS:
        raise invalid(f"{path}.type", f"must be one of {', '.join(_BUTTONS)}")
    _BUTTONS[kind](value, path)


_EXAMPLES = fields({"body_text": array(array(words(MAX_BODY), 50), 1)})
_COMPONENTS: dict[str, Check] = {
    "HEADER": fields(
        {"type": one_of("HEADER"), "format": one_of("TEXT"), "text": words(MAX_HEADER, lines=False)}
    ),
    "BODY": fields({"type": one_of("BODY"), "text": words(MAX_BODY)}, {"example": _EXAMPLES}),
    "FOOTER": fields({"type": one_of("FOOTER"), "text": words(MAX_FOOTER, lines=False)}),
    "BUTTONS": fields({"type": one_of("BUTTONS"), "buttons": array(_template_button, MAX_TEMPLATE_BUTTONS)}),
}


def _template_component(value: Any, path: str) -> None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in _COMPONENTS:
        raise invalid(f"{path}.type", f"must be one of {', '.join(_COMPONENTS)}")
    _COMPONENTS[kind](value, path)


_NEW_TEMPLATE = fields(
    {
        "name": pattern(rf"[a-z0-9_]{{1,{MAX_TEMPLATE_NAME}}}", "must be small letters, digits and _"),
        "language": one_of(*sorted(TEMPLATE_LANGUAGES)),
        "category": one_of(*sorted(CATEGORIES)),
        "components": array(_template_component, 4),
    },
    {"parameter_format": one_of("POSITIONAL", "positional"), "allow_category_change": flag},
)


def judge_template(body: Any) -> None:
    """Raises Refused for a new template that Graph would not even look at."""
    _NEW_TEMPLATE(body, "body")
    kinds = [component["type"] for component in body["components"]]
    distinct(kinds, "body.components types")
    if "BODY" not in kinds:
        raise Refused(100, "Component of type BODY is missing", subcode=2388043)
    for component in body["components"]:
        match component["type"]:
            case "BODY":
                _judge_body(component)
            case "HEADER" | "FOOTER" if placeholders(component["text"]):
                raise Refused(100, f"{component['type']} must not have placeholders here")
            case "BUTTONS":
                labels = [button["text"] for button in component["buttons"]]
                distinct(labels, "body.components buttons")
                if any(_has_emoji(label) or "{" in label for label in labels):
                    raise Refused(100, "Buttons can't have emojis or placeholders", subcode=2388060)


def _has_emoji(text: str) -> bool:
    return any(unicodedata.category(letter) == "So" for letter in text)


def _judge_body(component: JSON) -> None:
    text = component["text"].strip()
    found = placeholders(text)
    if found != list(range(1, len(found) + 1)):
        raise Refused(100, "Placeholders must be {{1}}, {{2}} ... in order", subcode=2388072)
    if re.match(r"\{\{\d+\}\}", text) or re.search(r"\{\{\d+\}\}$", text):
        raise Refused(100, "Placeholders can't be at the start or end of the template", subcode=2388299)
    examples = component.get("example", {}).get("body_text", [[]])[0]
    if len(examples) != len(found):
        raise Refused(100, "Each placeholder of the body needs an example", subcode=2388043)


def placeholders(text: str) -> list[int]:
    """Return the numbers of the text's {{placeholders}}, in order."""
    return [int(found) for found in re.findall(r"\{\{(\d+)\}\}", text)]


def filled_in(template: JSON, sent: JSON) -> tuple[str, list[tuple[str, str]]]:
    """Return a template's text with a message's parameters in it, and of each quick reply title and payload.

    Raises Refused when they don't fit each other.
    """
    parts = {component["type"]: component for component in template["components"]}
    body = parts["BODY"]["text"]
    given = [each for each in sent.get("components", ()) if each["type"] == "body"]
    parameters = [parameter for component in given for parameter in component.get("parameters", ())]
    expected = len(placeholders(body))
    if len(parameters) != expected:
        raise Refused(
            132000,
            f"number of localizable_params ({len(parameters)}) does not match the expected ({expected})",
        )
    for at, parameter in enumerate(parameters, 1):
        body = body.replace(f"{{{{{at}}}}}", _value(parameter))
    if _units(body) > MAX_BODY:
        raise Refused(132005, f"the text has {_units(body)} characters")
    return body, _quick_replies(parts.get("BUTTONS", {}).get("buttons", []), sent)


def _value(parameter: JSON) -> str:
    if parameter["type"] != "text" or "text" not in parameter:
        raise Refused(132012, "a parameter of the body must be text")
    text = str(parameter["text"])
    if re.search(r"[\n\r\t]| {5}", text):
        raise Refused(
            132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )
    return text


def _quick_replies(buttons: list[JSON], sent: JSON) -> list[tuple[str, str]]:
    payloads: dict[int, str] = {}
    for component in sent.get("components", ()):
        if component["type"] != "button":
            continue
        at = int(component.get("index", "0"))
        if at >= len(buttons) or buttons[at]["type"].lower() != component.get("sub_type"):
            raise Refused(132012, f"the template has no such button {at}")
        (parameter,) = component.get("parameters") or [{}]
        if "payload" not in parameter:
            raise Refused(132012, f"button {at} needs a payload")
        payloads[at] = parameter["payload"]
    # Without a payload of its own a button gives its text.
    replies = [
        (at, str(button["text"])) for at, button in enumerate(buttons) if button["type"] == "QUICK_REPLY"
    ]
    return [(text, payloads.get(at) or text) for at, text in replies]
