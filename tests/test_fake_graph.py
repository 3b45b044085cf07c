"""The Graph API of the tests refuses what Meta refuses, and tells the service what Meta tells."""

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fake_graph import FakeGraph, Person, Shown
from tests.graph_bodies import Refused, judge_message, judge_template
from tests.whatsapp_people import Phone, ids, offered

JSON = dict[str, Any]

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NAME, LANGUAGE = "visit_reminder_v1", "fr"
REMINDER: JSON = {
    "name": NAME,
    "language": LANGUAGE,
    "category": "UTILITY",
    "components": [
        {
            "type": "BODY",
            "text": "Rendez-vous le {{1}} à {{2}}. Répondez ici.",
            "example": {"body_text": [["lundi 2 novembre 2026", "10:00"]]},
        },
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Oui"}]},
    ],
}


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def goes_on(self, **by: float) -> None:
        self.time += timedelta(**by)


class Service:
    """A service that sends whatever a test wants, and keeps what its webhook is told."""

    def __init__(self, graph: FakeGraph, session: aiohttp.ClientSession) -> None:
        self.graph = graph
        self.session = session
        self.token = graph.token
        self.told: list[JSON] = []
        self.raw: list[tuple[bytes, str]] = []
        self.answers: list[int] = []  # statuses to answer with, then 200
        self.challenge: str | None = None  # None: whatever it is asked to echo

    async def calls(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, JSON]:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.graph.base_url}/{path}"
        async with self.session.request(method, url, json=body, params=query, headers=headers) as answer:
            return answer.status, await answer.json()

    async def sends(self, to: Person | str, content: JSON, **more: object) -> tuple[int, JSON]:
        """Post a message; `content` is its type and what it holds."""
        external_id = (to.phone or to.user_id or "") if isinstance(to, Person) else to
        whom = {"to": external_id} if external_id.isdecimal() else {"recipient": external_id}
        body = {"messaging_product": "whatsapp", **whom, **content, **more}
        return await self.calls("POST", f"{self.graph.phone_number_id}/messages", body)

    async def sent(self, to: Person | str, content: JSON, **more: object) -> str:
        """Post a message that is taken, and return its wamid."""
        status, answer = await self.sends(to, content, **more)
        assert status == 200, answer
        return str(answer["messages"][0]["id"])

    async def refusal(self, to: Person | str, content: JSON, **more: object) -> tuple[int, int]:
        """Post a message that is refused, and return HTTP's status and the error's code."""
        status, answer = await self.sends(to, content, **more)
        assert status != 200, answer
        return status, answer["error"]["code"]

    async def uploads(self, content: bytes, mime_type: str) -> tuple[int, JSON]:
        form = aiohttp.FormData()
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", mime_type)
        form.add_field("file", content, filename="file", content_type=mime_type)
        url = f"{self.graph.base_url}/{self.graph.phone_number_id}/media"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.post(url, data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    @property
    def values(self) -> list[JSON]:
        """What its webhook was told, change after change."""
        return [
            change["value"] for told in self.told for entry in told["entry"] for change in entry["changes"]
        ]

    @property
    def messages(self) -> list[JSON]:
        return [message for value in self.values for message in value.get("messages", ())]

    @property
    def statuses(self) -> list[JSON]:
        return [status for value in self.values for status in value.get("statuses", ())]

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            assert request.query["hub.mode"] == "subscribe"
            assert request.query["hub.verify_token"] == self.graph.verify_token
            return web.Response(text=self.challenge or request.query["hub.challenge"])
        body = await request.read()
        self.raw.append((body, request.headers.get("X-Hub-Signature-256", "")))
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.told.append(json.loads(body))
        return web.Response(status=status)


@asynccontextmanager
async def listening(service: Service) -> AsyncIterator[str]:
    """Yield the address of the service's webhook."""
    app = web.Application()
    app.router.add_route("*", "/webhook", service.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    await runner.cleanup()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def graph(clock: Clock) -> AsyncIterator[FakeGraph]:
    async with FakeGraph(now=clock.now) as graph:
        yield graph


@pytest.fixture
async def service(graph: FakeGraph) -> AsyncIterator[Service]:
    """A service whose webhook is verified."""
    async with aiohttp.ClientSession() as session:
        service = Service(graph, session)
        async with listening(service) as url:
            await graph.subscribe(url)
            yield service


@pytest.fixture
async def amina(graph: FakeGraph, service: Service) -> Person:
    """Somebody who has just written."""
    amina = graph.person("Amina")
    await amina.says("سلام")
    return amina


def text(body: str = "مرحبا") -> JSON:
    return {"type": "text", "text": {"body": body}}


def interactive(kind: str, action: JSON, body: str = "Que voulez-vous ?", **more: object) -> JSON:
    content = {"type": kind, "body": {"text": body}, "action": action, **more}
    return {"type": "interactive", "interactive": content}


def buttons(*titles: str, **more: Any) -> JSON:
    replies = [
        {"type": "reply", "reply": {"id": f"p1:{at}", "title": title}} for at, title in enumerate(titles)
    ]
    return interactive("button", {"buttons": replies}, **more)


def rows(*titles: str, button: str = "Choisir", **more: Any) -> JSON:
    listed = [{"id": f"p1:{at}", "title": title} for at, title in enumerate(titles)]
    return interactive("list", {"button": button, "sections": [{"rows": listed}]}, **more)


def sections(*sizes: int, title: str | None = "Jour") -> JSON:
    named = {"title": title} if title else {}
    listed = [
        {**named, "rows": [{"id": f"{at}-{row}", "title": "Lundi"} for row in range(size)]}
        for at, size in enumerate(sizes)
    ]
    return interactive("list", {"button": "Choisir", "sections": listed})


def reminder(*parameters: str, name: str = NAME, payload: str | None = "n7:yes") -> JSON:
    body = {"type": "body", "parameters": [{"type": "text", "text": each} for each in parameters]}
    components: list[JSON] = [body]
    if payload is not None:
        pressed = [{"type": "payload", "payload": payload}]
        components.append({"type": "button", "sub_type": "quick_reply", "index": "0", "parameters": pressed})
    template = {"name": name, "language": {"code": LANGUAGE}, "components": components}
    return {"type": "template", "template": template}


async def test_a_conversation(graph: FakeGraph, service: Service, amina: Person) -> None:
    wamid = await service.sent(amina, buttons("Oui", "Non"), biz_opaque_callback_data="17")
    shown = await amina.next_message()
    assert (shown.kind, shown.text, shown.labels) == ("buttons", "Que voulez-vous ?", ["Oui", "Non"])

    await amina.taps("Non")
    await graph.drained()

    said, tapped = service.messages
    assert said == {
        "from": amina.phone,
        "from_user_id": amina.user_id,
        "id": said["id"],
        "timestamp": str(int(START.timestamp())),
        "type": "text",
        "text": {"body": "سلام"},
    }
    assert tapped["context"] == {"from": graph.display_phone_number, "id": wamid}
    reply = {"type": "button_reply", "button_reply": {"id": "p1:1", "title": "Non"}}
    assert tapped["interactive"] == reply
    assert [(status["id"], status["status"]) for status in service.statuses] == [
        (wamid, "sent"),
        (wamid, "delivered"),
    ]
    assert service.statuses[0]["biz_opaque_callback_data"] == "17"
    assert service.values[0]["contacts"] == [
        {"profile": {"name": "Amina"}, "wa_id": amina.phone, "user_id": amina.user_id}
    ]
    assert service.values[0]["metadata"]["phone_number_id"] == graph.phone_number_id
    assert graph.refusals == []


TWENTY, TWENTY_FOUR = "ب" * 20, "ب" * 24

TAKEN = [
    text("a" * 4096),
    buttons(TWENTY),
    buttons("1", "2", "3", body="a" * 1024, footer={"text": "a" * 60}),
    rows(*(f"{at} {'a' * 22}" for at in range(10))),
    rows("1", button=TWENTY, header={"type": "text", "text": "a" * 60}),
    sections(5, 5),
    interactive("location_request_message", {"name": "send_location"}),
    interactive("cta_url", {"name": "cta_url", "parameters": {"display_text": "Voir", "url": "https://a.b"}}),
    {
        "type": "location",
        "location": {"latitude": 34.04, "longitude": -6.8, "name": "Salé", "address": "Salé"},
    },
    {"type": "image", "image": {"link": "https://a.b/c.jpg", "caption": "a" * 1024}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "Centre"}, "phones": [{"phone": "141"}]}]},
]
REFUSED = [
    (text(""), 131009),
    (text(" \n"), 131009),
    (text("a" * 4097), 131009),
    (text("😀" * 2049), 131009),
    ({"type": "text", "text": {"text": "a"}}, 100),
    ({"type": "text", "text": {"body": "a", "colour": "red"}}, 100),
    ({"type": "text", "text": "a"}, 100),
    ({"type": "text"}, 131008),
    ({"type": "text", "text": {"body": "a"}, "image": {"link": "https://a.b"}}, 100),
    ({"type": "poll", "poll": {}}, 131051),
    (interactive("flow", {}), 131051),
    (buttons(), 131009),
    (buttons("1", "2", "3", "4"), 131009),
    (buttons("ب" * 21), 131009),
    (buttons("Oui\nNon"), 131009),
    (buttons("Oui", "Oui"), 131009),
    (buttons("Oui", body="a" * 1025), 131009),
    (buttons("Oui", footer={"text": "a" * 61}), 131009),
    (
        interactive("button", {"buttons": [{"type": "reply", "reply": {"id": "1" * 257, "title": "Oui"}}]}),
        131009,
    ),
    (interactive("button", {"buttons": [{"type": "reply", "reply": {"id": "1 ", "title": "Oui"}}]}), 131009),
    (interactive("button", {"buttons": [{"type": "reply", "reply": {"title": "Oui"}}]}), 131008),
    (
        interactive("button", {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "O"}, "a": 1}]}),
        100,
    ),
    (interactive("button", {}), 131008),
    (rows(*map(str, range(11))), 131009),
    (rows("ب" * 25), 131009),
    (rows("1", button="a" * 21), 131009),
    (rows("1", header={"type": "image", "image": {"link": "https://a.b/c.jpg"}}), 131009),
    (sections(6, 5), 131009),
    (sections(1, 1, title=None), 131008),
    (
        interactive("list", {"button": "Voir", "sections": [{"rows": [{"id": "1" * 201, "title": "a"}]}]}),
        131009,
    ),
    (
        interactive(
            "list",
            {
                "button": "Voir",
                "sections": [{"rows": [{"id": "1", "title": "a"}, {"id": "1", "title": "b"}]}],
            },
        ),
        131009,
    ),
    (
        interactive(
            "list",
            {"button": "Voir", "sections": [{"rows": [{"id": "1", "title": "a", "description": "a" * 73}]}]},
        ),
        131009,
    ),
    (interactive("location_request_message", {"name": "send_location"}, footer={"text": "a"}), 100),
    (interactive("location_request_message", {"name": "send_place"}), 131009),
    (interactive("cta_url", {"name": "cta_url", "parameters": {"display_text": "Voir", "url": "a"}}), 131009),
    ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, 131009),
    ({"type": "location", "location": {"latitude": 34}}, 131008),
    ({"type": "image", "image": {}}, 100),
    ({"type": "image", "image": {"id": "1", "link": "https://a.b/c.jpg"}}, 100),
    ({"type": "image", "image": {"link": "https://a.b/c.jpg", "caption": "a" * 1025}}, 131009),
    ({"type": "audio", "audio": {"link": "https://a.b/c.ogg", "caption": "a"}}, 100),
    ({"type": "image", "image": {"id": "404"}}, 131009),
    ({"type": "reaction", "reaction": {"message_id": "wamid.404", "emoji": "👍"}}, 131009),
    ({**text(), "recipient_type": "group"}, 131009),
    ({**text(), "preview_url": True}, 100),
    ({**text(), "messaging_product": "telegram"}, 131009),
    ({**text(), "context": {"message_id": "wamid.404"}}, 131009),
]


@pytest.mark.parametrize("content", TAKEN)
async def test_what_keeps_to_the_limits_is_taken(
    graph: FakeGraph, service: Service, amina: Person, content: JSON
) -> None:
    await service.sent(amina, content)

    assert (await amina.next_message()).raw["type"] == content["type"]
    assert graph.refusals == []


@pytest.mark.parametrize(("content", "code"), REFUSED)
async def test_malformed_messages_are_refused(
    graph: FakeGraph, service: Service, amina: Person, content: JSON, code: int
) -> None:
    status, answer = await service.sends(amina, content)

    assert (status, answer["error"]["code"]) == (400, code), answer
    assert [(refusal.action, refusal.code) for refusal in graph.refusals] == [("messages", code)]
    assert not any(shown.from_service for shown in amina.chat)


async def test_an_error_has_graphs_shape(service: Service, amina: Person) -> None:
    _, answer = await service.sends(amina, text(""))

    error = answer["error"]
    assert error.keys() == {"message", "type", "code", "error_data", "fbtrace_id"}
    assert error["message"] == "(#131009) Parameter value is not valid"
    assert error["error_data"] == {
        "messaging_product": "whatsapp",
        "details": "body.text.body: must not be blank",
    }


async def test_a_wrong_token_and_a_wrong_number_open_nothing(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    body = {"messaging_product": "whatsapp", "to": amina.phone, **text()}
    status, elsewhere = await service.calls("POST", "999/messages", body)
    assert (status, elsewhere["error"]["code"], elsewhere["error"]["error_subcode"]) == (400, 100, 33)
    assert elsewhere["error"]["type"] == "GraphMethodException"

    service.token = "EAAanother"

    assert await service.refusal(amina, text()) == (401, 190)
    status, media = await service.uploads(b"OggS", "audio/ogg")
    assert (status, media["error"]["code"]) == (401, 190)


async def test_people_are_reached_by_number_or_by_business_scoped_id(
    graph: FakeGraph, service: Service
) -> None:
    nameless = graph.person("Amina", user_id="MA.13491208655302741918")
    old = graph.person("Brahim", phone="212600000077")
    await nameless.says("سلام")
    await old.says("Salut")
    await graph.drained()

    without_phone, without_id = service.messages
    assert "from" not in without_phone
    assert without_phone["from_user_id"] == "MA.13491208655302741918"
    assert "wa_id" not in service.values[0]["contacts"][0]
    assert (without_id["from"], "from_user_id" in without_id) == ("212600000077", False)

    _, answer = await service.sends("MA.13491208655302741918", text())
    assert answer["contacts"] == [{"input": "MA.13491208655302741918", "user_id": "MA.13491208655302741918"}]
    assert (await nameless.next_message()).text == "مرحبا"
    await service.sent("212600000077", text())
    assert (await old.next_message()).text == "مرحبا"

    body = {"messaging_product": "whatsapp", **text()}
    path = f"{graph.phone_number_id}/messages"
    wrongs: list[tuple[JSON, int]] = [
        ({}, 131008),
        ({"to": "MA.13491208655302741918"}, 131009),
        ({"recipient": "212600000077"}, 131009),
        ({"to": "06 00 00 00 77"}, 131009),
        ({"to": 212600000077}, 131009),
    ]
    for wrong, code in wrongs:
        status, refused = await service.calls("POST", path, {**body, **wrong})
        assert (status, refused["error"]["code"]) == (400, code)


# The 24-hour window


async def test_free_text_ends_24_hours_after_the_last_message(
    service: Service, amina: Person, clock: Clock
) -> None:
    clock.goes_on(hours=23, minutes=59)
    await service.sent(amina, text())

    clock.goes_on(minutes=1)

    assert await service.refusal(amina, text()) == (400, 131047)
    await amina.says("Encore moi")
    await service.sent(amina, text())


async def test_a_closed_window_may_come_as_a_failed_status(
    graph: FakeGraph, service: Service, amina: Person, clock: Clock
) -> None:
    graph.tells_later.add(131047)
    clock.goes_on(hours=25)

    wamid = await service.sent(amina, text())

    await graph.drained()
    assert [(status["id"], status["status"]) for status in service.statuses] == [(wamid, "failed")]
    assert service.statuses[0]["errors"][0]["code"] == 131047


async def test_an_approved_template_passes_the_window(
    graph: FakeGraph, service: Service, amina: Person, clock: Clock
) -> None:
    graph.add_template(REMINDER)
    clock.goes_on(days=3)

    await service.sent(amina, reminder("mardi 3 novembre 2026", "10:00"))

    shown = await amina.next_message()
    assert shown.text == "Rendez-vous le mardi 3 novembre 2026 à 10:00. Répondez ici."
    await amina.taps("Oui")
    await graph.drained()
    assert service.messages[-1]["type"] == "button"
    assert service.messages[-1]["button"] == {"payload": "n7:yes", "text": "Oui"}
    assert service.statuses[0]["pricing"]["category"] == "utility"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (reminder("lundi"), 132000),
        (reminder("lundi", "10:00", "Salé"), 132000),
        (reminder("lundi", "10:00", name="visit_reminder_v2"), 132001),
        (reminder("lundi\nmardi", "10:00"), 132018),
        (reminder("a" * 1024, "10:00"), 132005),
        ({"type": "template", "template": {"name": NAME}}, 131008),
        (
            {
                "type": "template",
                "template": {
                    "name": NAME,
                    "language": {"code": LANGUAGE},
                    "components": [
                        {"type": "body", "parameters": [{"type": "payload", "payload": "a"}] * 2},
                    ],
                },
            },
            132012,
        ),
    ],
)
async def test_a_template_that_does_not_fit_is_refused(
    graph: FakeGraph, service: Service, amina: Person, content: JSON, code: int
) -> None:
    graph.add_template(REMINDER)

    assert (await service.refusal(amina, content))[1] == code


@pytest.mark.parametrize(
    ("status", "code"), [("PENDING", 132001), ("REJECTED", 132001), ("PAUSED", 132015), ("DISABLED", 132016)]
)
async def test_only_approved_templates_are_sent(
    graph: FakeGraph, service: Service, amina: Person, status: str, code: int
) -> None:
    graph.add_template(REMINDER, status)

    assert (await service.refusal(amina, reminder("lundi", "10:00")))[1] == code


async def test_a_one_time_code_is_not_sent_to_a_business_scoped_id(
    graph: FakeGraph, service: Service, amina: Person, clock: Clock
) -> None:
    graph.add_template({**REMINDER, "category": "AUTHENTICATION"})
    clock.goes_on(days=2)
    assert amina.user_id is not None

    assert await service.refusal(amina.user_id, reminder("lundi", "10:00")) == (400, 131062)
    await service.sent(amina, reminder("lundi", "10:00"))


# Pace


async def test_to_one_person_there_is_a_burst_and_then_one_per_six_seconds(
    graph: FakeGraph, service: Service, amina: Person, clock: Clock
) -> None:
    graph.pair_burst = 2
    chama = graph.person("Chama")
    await chama.says("Salut")
    await service.sent(amina, text())
    await service.sent(amina, text())

    assert await service.refusal(amina, text()) == (400, 131056)
    await service.sent(chama, text())

    clock.goes_on(seconds=6)
    await service.sent(amina, text())
    assert await service.refusal(amina, text()) == (400, 131056)


async def test_80_messages_pass_in_a_second_in_and_out_together(
    graph: FakeGraph, service: Service, amina: Person, clock: Clock
) -> None:
    graph.pair_burst = None
    # Her greeting was the first.
    for _ in range(79):
        await service.sent(amina, text())

    assert await service.refusal(amina, text()) == (400, 130429)
    clock.goes_on(seconds=1)
    await service.sent(amina, text())


async def test_without_limits_nobody_is_too_fast(graph: FakeGraph, service: Service, amina: Person) -> None:
    graph.pair_burst = graph.per_second = None

    for _ in range(100):
        await service.sent(amina, text())

    assert graph.refusals == []


async def test_a_tier_counts_different_people_outside_the_window(
    graph: FakeGraph, service: Service, amina: Person, clock: Clock
) -> None:
    graph.tier = 1
    graph.add_template(REMINDER)
    chama = graph.person("Chama")
    clock.goes_on(days=2)
    await service.sent(amina, reminder("lundi", "10:00"))
    await service.sent(amina, reminder("lundi", "11:00"))

    assert await service.refusal(chama, reminder("lundi", "10:00")) == (400, 131064)
    clock.goes_on(days=1)
    await service.sent(chama, reminder("lundi", "10:00"))


# What becomes of messages


async def test_who_cannot_be_reached_makes_a_failed_status(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    amina.is_unreachable = True
    to_amina = await service.sent(amina, text())
    to_nobody = await service.sent("212699999999", text())
    await graph.drained()

    assert [(status["id"], status["status"]) for status in service.statuses] == [
        (to_amina, "failed"),
        (to_nobody, "failed"),
    ]
    error = service.statuses[0]["errors"][0]
    assert (error["code"], error["title"]) == (131026, "Message undeliverable")
    assert "pricing" not in service.statuses[0]
    assert not any(shown.from_service for shown in amina.chat)
    assert graph.refusals == []


async def test_statuses_tell_what_a_message_costs(graph: FakeGraph, service: Service, amina: Person) -> None:
    wamid = await service.sent(amina, text())
    await amina.reads()
    graph.bills_service = False
    await service.sent(amina, text())
    await graph.drained()

    sent, delivered, read, free, _ = service.statuses
    assert [status["status"] for status in (sent, delivered, read)] == ["sent", "delivered", "read"]
    assert {status["id"] for status in (sent, delivered, read)} == {wamid}
    assert sent["recipient_id"] == amina.phone
    assert sent["recipient_user_id"] == amina.user_id
    assert sent["pricing"] == {
        "billable": True,
        "pricing_model": "PMP",
        "type": "regular",
        "category": "service",
    }
    assert sent["conversation"]["origin"] == {"type": "service"}
    assert int(sent["conversation"]["expiration_timestamp"]) == int((START + timedelta(days=1)).timestamp())
    assert free["pricing"]["billable"] is False


async def test_statuses_are_told_by_hand_in_any_order(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    graph.automatic = ()
    wamid = await service.sent(amina, text())

    async with graph.out_of_order():
        for status in ("sent", "delivered", "read"):
            await graph.tell_status(wamid, status)
    await graph.tell_status(wamid, "failed", 131049)
    await graph.drained()

    assert [status["status"] for status in service.statuses] == ["read", "delivered", "sent", "failed"]
    assert service.statuses[-1]["errors"][0]["code"] == 131049


# Webhooks


async def test_the_signature_is_of_the_raw_bytes(graph: FakeGraph, service: Service, amina: Person) -> None:
    await graph.drained()

    ((body, signature),) = service.raw
    digest = hmac.new(graph.app_secret.encode(), body, hashlib.sha256).hexdigest()
    assert signature == f"sha256={digest}"
    # Letters beyond ASCII come escaped: who signs what they mean, written anew, gets another signature.
    assert b"\\u0633" in body
    assert body != json.dumps(json.loads(body), ensure_ascii=False).encode()


async def test_several_things_come_in_one_post(graph: FakeGraph, service: Service, amina: Person) -> None:
    graph.automatic = ("sent",)
    chama = graph.person("Chama")
    await graph.drained()

    async with graph.together():
        await amina.says("un")
        await amina.says("deux")
    async with graph.in_one_change():
        await chama.says("trois")
        await amina.says("quatre")
        await graph.tell_status(await service.sent(amina, text()), "read")
    await graph.drained()

    _, changes, merged = service.told
    assert [len(entry["changes"]) for entry in changes["entry"]] == [2]
    (change,) = merged["entry"][0]["changes"]
    assert [message["text"]["body"] for message in change["value"]["messages"]] == ["trois", "quatre"]
    assert [contact["profile"]["name"] for contact in change["value"]["contacts"]] == ["Chama", "Amina"]
    assert "read" in {status["status"] for status in change["value"]["statuses"]}
    assert len(graph.webhook_answers) == 3


async def test_a_message_comes_twice_on_demand(graph: FakeGraph, service: Service, amina: Person) -> None:
    wamid = await amina.says("une fois")

    await graph.deliver_again(wamid)
    await graph.drained()

    assert [message["id"] for message in service.messages].count(wamid) == 2


async def test_what_is_not_answered_200_comes_again(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    await graph.drained()
    service.answers = [503, 500, 204]

    await amina.says("tu m'entends ?")
    await graph.drained()

    assert [answer.status for answer in graph.webhook_answers] == [200, 503, 500, 204, 200]
    assert service.messages[-1]["text"]["body"] == "tu m'entends ?"
    assert len({body for body, _ in service.raw[1:]}) == 1


async def test_what_is_never_answered_200_is_dropped(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    await graph.drained()
    service.answers = [500] * 5

    await amina.says("personne ?")
    await amina.says("si !")
    await graph.drained()

    assert [message["text"]["body"] for message in service.messages] == ["سلام", "si !"]


async def test_a_webhook_that_does_not_echo_the_challenge_is_not_taken(
    graph: FakeGraph, service: Service
) -> None:
    service.challenge = "something else"

    async with listening(service) as url:
        with pytest.raises(Refused, match="verification failed"):
            await graph.subscribe(url)


async def test_bytes_of_any_kind_can_be_posted(graph: FakeGraph, service: Service) -> None:
    service.answers = [401, 200]
    service.told = []

    assert await graph.post(b"{}", signature="sha256=00") == 401
    assert await graph.post(b'{"a": 1}') == 200

    assert service.raw[0] == (b"{}", "sha256=00")
    assert service.raw[1] == (b'{"a": 1}', graph.sign(b'{"a": 1}'))


# What people send


async def test_everything_a_person_can_send(graph: FakeGraph, service: Service, amina: Person) -> None:
    await amina.sends_location(34.04, -6.8)
    await amina.sends_photo()
    await amina.sends_document()
    await amina.sends_sticker()
    await amina.sends_contact("+212600000099")
    await amina.reacts(await amina.says("bien"))
    await amina.sends_unsupported()
    await amina.sends_unknown()
    await graph.drained()

    assert [message["type"] for message in service.messages[1:]] == [
        "location",
        "image",
        "document",
        "sticker",
        "contacts",
        "text",
        "reaction",
        "unsupported",
        "hologram",
    ]
    by_type = {message["type"]: message for message in service.messages}
    assert by_type["location"]["location"] == {"latitude": 34.04, "longitude": -6.8}
    assert by_type["document"]["document"]["filename"] == "papier.pdf"
    assert by_type["contacts"]["contacts"][0]["phones"] == [{"phone": "+212600000099"}]
    assert by_type["unsupported"]["errors"][0]["code"] == 131051


async def test_a_new_number_brings_a_new_id(graph: FakeGraph, service: Service, amina: Person) -> None:
    before = amina.phone

    await amina.changes_number("212600000088", "MA.new")
    await amina.says("C'est moi")
    await graph.drained()

    assert service.messages[1]["from"] == before
    assert service.messages[1]["system"]["type"] == "user_changed_number"
    assert "contacts" not in service.values[1]
    assert (service.messages[2]["from"], service.messages[2]["from_user_id"]) == ("212600000088", "MA.new")


async def test_a_tap_on_an_old_list_names_the_message_it_stands_in(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    first = await service.sent(amina, rows("Lundi", "Mardi"))
    await service.sent(amina, rows("Jeudi"))

    await amina.taps_in(first, "Mardi")
    await graph.drained()

    assert service.messages[-1]["context"]["id"] == first
    assert service.messages[-1]["interactive"] == {
        "type": "list_reply",
        "list_reply": {"id": "p1:1", "title": "Mardi"},
    }
    with pytest.raises(LookupError):
        await amina.taps("Dimanche")


async def test_messages_are_marked_as_read(graph: FakeGraph, service: Service, amina: Person) -> None:
    wamid = amina.chat[0].message_id
    path = f"{graph.phone_number_id}/messages"
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}

    assert await service.calls("POST", path, receipt) == (200, {"success": True})
    assert graph.read_by_service == [wamid]
    wrongs: list[tuple[JSON, int]] = [
        ({"message_id": "wamid.404"}, 131009),
        ({"status": "seen"}, 131009),
        ({"a": 1}, 100),
    ]
    for wrong, code in wrongs:
        status, answer = await service.calls("POST", path, {**receipt, **wrong})
        assert (status, answer["error"]["code"]) == (400, code)


# Media


async def test_media_go_both_ways(graph: FakeGraph, service: Service, amina: Person) -> None:
    await amina.sends_voice(b"OggS, bonjour")
    await graph.drained()
    audio = service.messages[-1]["audio"]
    assert (audio["mime_type"], audio["voice"]) == ("audio/ogg; codecs=opus", True)

    _, about = await service.calls("GET", audio["id"])
    assert about["sha256"] == hashlib.sha256(b"OggS, bonjour").hexdigest()
    async with service.session.get(about["url"]) as unsigned:
        assert unsigned.status == 401
    headers = {"Authorization": f"Bearer {service.token}"}
    async with service.session.get(about["url"], headers=headers) as answer:
        assert await answer.read() == b"OggS, bonjour"

    _, uploaded = await service.uploads(b"OggS, salut", "audio/ogg; codecs=opus")
    await service.sent(amina, {"type": "audio", "audio": {"id": uploaded["id"], "voice": True}})
    assert graph.content_of(await amina.next_message()) == b"OggS, salut"
    assert await service.refusal(amina, {"type": "image", "image": {"id": uploaded["id"]}}) == (400, 131053)


@pytest.mark.parametrize(
    ("content", "mime_type", "code"),
    [
        (b"", "audio/ogg", 100),
        (b"MZ", "application/x-msdownload", 100),
        (b"a" * 5_000_001, "image/jpeg", 131053),
    ],
)
async def test_files_that_are_not_taken(service: Service, content: bytes, mime_type: str, code: int) -> None:
    status, answer = await service.uploads(content, mime_type)

    assert (status, answer["error"]["code"]) == (400, code)


# Templates


async def test_a_template_is_made_approved_sent_and_paused(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    path = f"{graph.business_account_id}/message_templates"
    status, made = await service.calls("POST", path, REMINDER)
    assert (status, made["status"], made["category"]) == (200, "PENDING", "UTILITY")
    assert (await service.refusal(amina, reminder("lundi", "10:00")))[1] == 132001

    await graph.set_template_status(NAME, LANGUAGE, "APPROVED")
    await service.sent(amina, reminder("lundi", "10:00"))
    await graph.set_template_category(NAME, LANGUAGE, "MARKETING")
    await graph.set_template_quality(NAME, LANGUAGE, "RED")
    await graph.set_template_status(NAME, LANGUAGE, "PAUSED", reason="QUALITY")
    assert (await service.refusal(amina, reminder("lundi", "10:00")))[1] == 132015

    await graph.drained()
    changes = [change for told in service.told for change in told["entry"][0]["changes"]]
    news = [change for change in changes if change["field"] != "messages"]
    assert [change["field"] for change in news] == [
        "message_template_status_update",
        "template_category_update",
        "message_template_quality_update",
        "message_template_status_update",
    ]
    assert news[0]["value"]["event"] == "APPROVED"
    assert str(news[0]["value"]["message_template_id"]) == made["id"]
    assert (news[1]["value"]["previous_category"], news[1]["value"]["new_category"]) == (
        "UTILITY",
        "MARKETING",
    )
    assert news[2]["value"]["new_quality_score"] == "RED"
    assert (news[3]["value"]["event"], news[3]["value"]["reason"]) == ("PAUSED", "QUALITY")


async def test_templates_are_listed_page_by_page(graph: FakeGraph, service: Service) -> None:
    for number in range(3):
        graph.add_template({**REMINDER, "name": f"template_{number}"})
    path = f"{graph.business_account_id}/message_templates"

    _, first = await service.calls("GET", path, limit="2", fields="name,status")
    _, second = await service.calls("GET", path, limit="2", after=first["paging"]["cursors"]["after"])
    _, one = await service.calls("GET", path, name="template_1")

    assert [about["name"] for about in first["data"]] == ["template_0", "template_1"]
    assert first["data"][0].keys() == {"id", "name", "status"}
    assert "next" in first["paging"]
    assert [about["name"] for about in second["data"]] == ["template_2"]
    assert "next" not in second["paging"]
    assert [about["components"] for about in one["data"]] == [REMINDER["components"]]


async def test_a_template_is_changed_and_removed(graph: FakeGraph, service: Service) -> None:
    template = graph.add_template(REMINDER)
    path = f"{graph.business_account_id}/message_templates"

    assert (await service.calls("POST", template.id, {"category": "MARKETING"}))[0] == 200
    assert (template.status, template.body["category"]) == ("PENDING", "MARKETING")
    assert (await service.calls("POST", template.id, {"category": "UTILITY"}))[0] == 400
    assert (await service.calls("DELETE", path, name=NAME))[0] == 200
    assert (await service.calls("DELETE", path, name=NAME))[0] == 400


def with_body(text: str, *examples: str) -> JSON:
    example = {"example": {"body_text": [list(examples)]}} if examples else {}
    return {**REMINDER, "components": [{"type": "BODY", "text": text, **example}]}


@pytest.mark.parametrize(
    "template",
    [
        {**REMINDER, "name": "Visit-Reminder"},
        {**REMINDER, "name": "a" * 513},
        {**REMINDER, "language": "ary"},
        {**REMINDER, "category": "SERVICE"},
        {**REMINDER, "components": []},
        {**REMINDER, "colour": "red"},
        with_body("a" * 1025),
        with_body("Le {{1}} ici."),
        with_body("Le {{2}} ici.", "lundi"),
        with_body("Le {{1}} et le {{1}} ici.", "lundi", "mardi"),
        with_body("{{1}} est le jour.", "lundi"),
        with_body("Le jour est {{1}}", "lundi"),
        {**REMINDER, "components": [{"type": "FOOTER", "text": "Jisr"}]},
        {**REMINDER, "components": [*REMINDER["components"], {"type": "FOOTER", "text": "a" * 61}]},
        {**REMINDER, "components": [*REMINDER["components"], {"type": "FOOTER", "text": "le {{1}}"}]},
        {**REMINDER, "components": [REMINDER["components"][0]] * 2},
        {
            **REMINDER,
            "components": [
                REMINDER["components"][0],
                {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "a" * 26}]},
            ],
        },
        {
            **REMINDER,
            "components": [
                REMINDER["components"][0],
                {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "✅ Oui"}]},
            ],
        },
    ],
)
async def test_malformed_templates_are_refused(graph: FakeGraph, service: Service, template: JSON) -> None:
    path = f"{graph.business_account_id}/message_templates"

    status, answer = await service.calls("POST", path, template)

    assert (status, answer["error"]["code"] in (100, 131009)) == (400, True)
    assert graph.templates == {}


async def test_the_same_template_twice_is_refused(graph: FakeGraph, service: Service) -> None:
    path = f"{graph.business_account_id}/message_templates"
    await service.calls("POST", path, REMINDER)

    _, answer = await service.calls("POST", path, REMINDER)

    assert (answer["error"]["code"], answer["error"]["error_subcode"]) == (100, 2388024)


def test_bodies_are_judged_without_a_server() -> None:
    judge_template(REMINDER)
    judge_message({"messaging_product": "whatsapp", "to": "212600000001", **buttons("Oui")})
    with pytest.raises(Refused):
        judge_message({"messaging_product": "whatsapp", "to": "212600000001", **buttons("a" * 21)})


# Faults


async def test_faults_come_as_ordered(graph: FakeGraph, service: Service, amina: Person) -> None:
    graph.fail_next(code=131016)
    graph.fail_next(code=130429, status=429)

    assert await service.refusal(amina, text()) == (500, 131016)
    assert await service.refusal(amina, text()) == (429, 130429)
    await service.sent(amina, text())
    # They were the test's doing.
    assert graph.refusals == []


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_call_that_hangs_may_have_been_accepted(
    graph: FakeGraph, service: Service, amina: Person, accepted: bool
) -> None:
    graph.hang_next(accepted=accepted)

    call = asyncio.create_task(service.sends(amina, text()))
    await graph.called("messages")
    if accepted:
        assert (await amina.next_message()).text == "مرحبا"
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await service.sent(amina, text("encore"))
    assert (await amina.next_message()).text == "encore"


async def test_a_connection_is_reset_after_the_message_was_accepted(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    graph.accept_then_reset_next()

    with pytest.raises(aiohttp.ClientError):
        await service.sends(amina, text())

    assert (await amina.next_message()).text == "مرحبا"
    await graph.drained()
    assert [status["status"] for status in service.statuses] == ["sent", "delivered"]


# The phone of whatsapp_people.py


async def test_a_phone_names_buttons_by_choice_label_place_or_number(
    graph: FakeGraph, service: Service, amina: Person
) -> None:
    phone = Phone(graph, amina)
    await service.sent(amina, buttons("Oui", "Non"))
    shown = await phone.sees()
    assert ids(shown) == ["0", "1"]
    await phone.presses("1")
    await phone.presses("Oui")
    await service.sent(amina, rows("Lundi", "Mardi", body="Jour ?\n\n3. Retour"))
    numbered: Shown = await phone.sees()
    assert offered(numbered) == ["Lundi", "Mardi", "Retour"]
    await phone.presses(1)
    await phone.presses("Retour")
    await graph.drained()

    no, yes, tuesday, typed = service.messages[1:]
    assert no["interactive"]["button_reply"]["title"] == "Non"
    assert yes["interactive"]["button_reply"]["title"] == "Oui"
    assert tuesday["interactive"]["list_reply"]["title"] == "Mardi"
    assert typed["text"]["body"] == "3"
    assert phone.taps_done == 4


async def test_it_runs_by_hand() -> None:
    async with FakeGraph() as elsewhere, aiohttp.ClientSession() as session:
        service = Service(elsewhere, session)
        async with listening(service) as url:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.fake_graph", "--port", "0", "--webhook", url,
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                await _is_told_by_hand(process, service)
            finally:
                process.kill()
                await process.wait()


async def _is_told_by_hand(process: asyncio.subprocess.Process, service: Service) -> None:
    assert process.stdout is not None
    api = (await process.stdout.readline()).decode().strip().partition("=")[2]
    host = api.rpartition("/")[0]
    while not (await process.stdout.readline()).startswith(b"delivers to"):
        pass
    async with service.session.post(f"{host}/control/say", data='{"text": "Bonjour"}') as answer:
        said = await answer.json()
    async with service.session.get(f"{host}/control/messages") as answer:
        chat = await answer.json()
    assert [(shown["id"], shown["from"], shown["text"]) for shown in chat] == [
        (said["id"], "person", "Bonjour")
    ]
    async with service.session.post(f"{host}/control/tap", data='{"label": "Oui"}') as answer:
        assert answer.status == 404
