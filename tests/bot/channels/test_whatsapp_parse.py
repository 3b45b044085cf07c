"""What a webhook call holds, taken apart, and what each message of it means."""

import json
from typing import Any

import pytest

from bot.channels.whatsapp import Foreign, News, Other, Said, parse_payload, split
from conversations.engine.reply import (
    Command,
    Inbound,
    Location,
    Media,
    MediaKind,
    Reply,
    SharedPhone,
    Tap,
    Text,
)

JSON = dict[str, Any]
NUMBER_ID = "106540352242922"
AMINA, AMINA_ID = "212600000001", "MA.00000000000000000001"


def call(*values: JSON, field: str = "messages") -> JSON:
    metadata = {"display_phone_number": "212520000000", "phone_number_id": NUMBER_ID}
    changes = [{"field": field, "value": {"metadata": metadata, **value}} for value in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


def message(kind: str = "text", content: object = None, **more: object) -> JSON:
    content = {"body": "Bonjour"} if content is None else content
    return {"from": AMINA, "id": "wamid.1", "timestamp": "1796374800", "type": kind, kind: content, **more}


def meant(sent: JSON, *contacts: JSON) -> Inbound | None:
    [said] = split(call({"contacts": list(contacts), "messages": [sent]}), NUMBER_ID)
    assert isinstance(said, Said)
    return parse_payload(json.dumps(said.payload))


def test_every_entry_change_message_and_status_is_split() -> None:
    first = {
        "messages": [message(), message(id="wamid.2")],
        "statuses": [{"id": "wamid.9", "status": "sent"}],
    }
    body = call(first, {"messages": [message(id="wamid.3")]})
    body["entry"] += call({"statuses": [{"id": "wamid.9", "status": "read"}]})["entry"]

    found = list(split(body, NUMBER_ID))

    assert [part.message_id for part in found if isinstance(part, Said)] == ["wamid.1", "wamid.2", "wamid.3"]
    assert [part.status for part in found if isinstance(part, News)] == ["sent", "read"]


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (message(content={"body": "\u202bسلام\u202c"}), Text("سلام")),
        (message(content={"body": "/start abc"}), Command("start", "abc")),
        (message("interactive", {"type": "button_reply", "button_reply": {"id": "p17:work", "title": "T"}}),
         Tap("p17", "work")),
        (message("interactive", {"type": "list_reply", "list_reply": {"id": "n4:!menu", "title": "M"}}),
         Tap("n4", "!menu")),
        (message("button", {"payload": "n4:yes", "text": "Oui"}), Tap("n4", "yes")),
        (message("button", {"payload": "Oui", "text": "Oui"}), Text("Oui")),
        (message("location", {"latitude": 34.05, "longitude": -6}), Location(34.05, -6.0)),
        (message("location", {"latitude": "34"}), Media(MediaKind.OTHER)),
        (message("audio", {"id": "77", "voice": True}), Media(MediaKind.VOICE, "77")),
        (message("image", {"id": "78", "caption": "ma carte"}), Media(MediaKind.PHOTO, "78", "ma carte")),
        (message("document", {"id": "79", "filename": "x.pdf"}), Media(MediaKind.DOCUMENT, "79")),
        (message("video", {"id": "80"}), Media(MediaKind.VIDEO, "80")),
        (message("sticker", {"id": "81"}), Media(MediaKind.STICKER, "81")),
        (message("contacts", [{"phones": [{"phone": "+212 6 00 00 00 01", "wa_id": AMINA}]}]),
         SharedPhone(f"+{AMINA}")),
        (message("contacts", [{"phones": [{"phone": "+212 6 99 99 99 99"}]}]), Media(MediaKind.OTHER)),
        (message("unsupported", None, errors=[{"code": 131051}]), Media(MediaKind.OTHER)),
        (message("request_welcome", {}), Command("start")),
    ],
)  # fmt: skip
def test_what_people_send_is_understood(sent: JSON, reply: Reply) -> None:
    inbound = meant(sent)

    assert inbound is not None
    assert inbound.reply == reply


@pytest.mark.parametrize(
    "sent",
    [
        message("reaction", {"message_id": "wamid.9", "emoji": "👍"}),
        message("system", {"type": "user_changed_number", "wa_id": "212600000002"}),
    ],
)
def test_a_heart_or_a_new_number_is_not_answered(sent: JSON) -> None:
    assert meant(sent) is None


def test_somebody_is_known_by_their_business_scoped_id_first() -> None:
    contacts = [{"wa_id": "212600000002", "user_id": "MA.2"}, {"wa_id": AMINA, "user_id": AMINA_ID}]

    inbound = meant(message(), *contacts)

    assert inbound is not None
    assert (inbound.external_id, inbound.phone) == (AMINA_ID, AMINA)


def test_somebody_without_a_number_can_write_too() -> None:
    sent = {**message(from_user_id=AMINA_ID)}
    del sent["from"]

    inbound = meant(sent)

    assert inbound is not None
    assert (inbound.external_id, inbound.phone) == (AMINA_ID, None)


def test_somebody_without_such_an_id_is_known_by_their_number() -> None:
    inbound = meant(message(), {"wa_id": AMINA, "profile": {"name": "Amina"}})

    assert inbound is not None
    assert (inbound.external_id, inbound.phone) == (AMINA, None)


def test_nobodys_name_is_kept() -> None:
    value = {"contacts": [{"wa_id": AMINA, "profile": {"name": "Amina"}}], "messages": [message()]}

    [said] = split(call(value), NUMBER_ID)

    assert isinstance(said, Said)
    assert "Amina" not in json.dumps(said.payload)


def test_another_numbers_messages_and_those_of_groups_are_not_ours() -> None:
    elsewhere = list(split(call({"messages": [message()]}), "999"))
    group = list(split(call({"messages": [message(group_id="g1")]}), NUMBER_ID))

    assert elsewhere == group == [Foreign()]


@pytest.mark.parametrize(
    "body",
    [
        call({"messages": [message("hologram", {"depth": 3})]}),
        call({"messages": [{"id": "wamid.1"}]}),
        call({"statuses": [{"id": "wamid.1", "status": "teleported"}]}),
        call({"event": "PAUSED"}, field="message_template_status_update"),
        call({"errors": [{"code": 130429}]}),
    ],
)
def test_what_nobody_has_heard_of_is_kept_as_it_came(body: JSON) -> None:
    [other] = split(body, NUMBER_ID)

    assert isinstance(other, Other)


@pytest.mark.parametrize(
    "body", [None, 3, [], {}, {"entry": 3}, {"entry": [None, {"changes": {}}]}, {"entry": [{"changes": [7]}]}]
)
def test_odd_json_stumbles_nobody(body: object) -> None:
    assert all(isinstance(part, Other) for part in split(body, NUMBER_ID))
