"""The Bot API of the tests refuses what Telegram refuses and shows people what Telegram shows."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fake_telegram import FakeTelegram, Person

JSON = dict[str, Any]
YES_NO = {
    "inline_keyboard": [[{"text": "Oui", "callback_data": "1:yes"}, {"text": "Non", "callback_data": "1:no"}]]
}


class Bot:
    """A bot that says whatever a test wants, right or wrong."""

    def __init__(self, telegram: FakeTelegram, session: aiohttp.ClientSession) -> None:
        self.url = f"{telegram.base_url}/bot{telegram.token}"
        self.session = session

    async def calls(self, method: str, **params: object) -> JSON:
        async with self.session.post(f"{self.url}/{method}", json=params) as response:
            answer: JSON = await response.json()
            assert response.status == answer.get("error_code", 200)
            return answer

    async def result(self, method: str, **params: object) -> Any:
        answer = await self.calls(method, **params)
        assert answer["ok"], answer
        return answer["result"]

    async def refusal(self, method: str, **params: object) -> str:
        """The status and what Telegram says to it."""
        answer = await self.calls(method, **params)
        assert not answer["ok"], answer
        return f"{answer['error_code']} {answer['description']}"


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        yield Bot(telegram, session)


@pytest.fixture
def brahim(telegram: FakeTelegram) -> Person:
    return telegram.user(first_name="Brahim")


async def test_a_conversation(telegram: FakeTelegram, bot: Bot, brahim: Person) -> None:
    await brahim.says("/start")
    (update,) = await bot.result("getUpdates")
    assert update["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]

    sent = await bot.result("sendMessage", chat_id=brahim.id, text="Prêt ?", reply_markup=YES_NO)
    shown = await brahim.next_message()
    assert (shown.text, shown.labels, shown.edits) == ("Prêt ?", ["Oui", "Non"], 0)

    tap = await brahim.taps("Oui")
    (query,) = await bot.result("getUpdates", offset=update["update_id"] + 1)
    assert query["callback_query"]["data"] == "1:yes"
    assert query["callback_query"]["message"]["message_id"] == sent["message_id"]

    await bot.result("answerCallbackQuery", callback_query_id=tap.callback_id, text="Noté")
    await bot.result("editMessageText", chat_id=brahim.id, message_id=sent["message_id"], text="Merci")
    assert await tap.answered() == "Noté"
    edited = await brahim.next_message()
    assert (edited.text, edited.labels, edited.edits) == ("Merci", [], 1)
    assert [message.text for message in brahim.chat] == ["/start", "Merci"]
    assert telegram.refusals == []


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": " \n"}, "message text is empty"),
        ({"text": "a" * 4097}, "message is too long"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "a", "chat_id": None}, "chat_id: Field required"),
        ({"text": "a", "chat_id": 999}, "chat not found"),
        ({"text": "<b>a</b>", "parse_mode": "HTML"}, "reads no markup"),
        ({"text": "a", "colour": "red"}, "has no field colour"),
        ({"text": "a", "reply_parameters": {"message_id": 77}}, "message to be replied not found"),
    ],
)
async def test_malformed_messages_are_refused(
    telegram: FakeTelegram, bot: Bot, brahim: Person, params: JSON, reason: str
) -> None:
    refusal = await bot.refusal("sendMessage", **{"chat_id": brahim.id, **params})

    assert refusal.startswith("400 ")
    assert reason in refusal
    assert [(entry.method, entry.status) for entry in telegram.refusals] == [("sendMessage", 400)]
    assert brahim.chat == []


async def test_the_longest_text_and_the_longest_data_pass(bot: Bot, brahim: Person) -> None:
    # Two bytes a letter: 32 letters are 64 bytes.
    keyboard = {"inline_keyboard": [[{"text": "نعم", "callback_data": "ن" * 32}]]}

    await bot.result("sendMessage", chat_id=brahim.id, text="😀" * 2048, reply_markup=keyboard)


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ({"inline_keyboard": None}, "400"),
        ({"inline_keyboard": "Oui"}, "400"),
        ({"inline_keyboard": [{"text": "Oui", "callback_data": "1"}]}, "400"),
        ({}, "object expected as reply markup"),
        ("Oui", "400"),
        ({"inline_keyboard": [[{"text": "Oui"}]]}, "Text buttons are unallowed"),
        ({"inline_keyboard": [[{"text": "Oui", "callback_data": "1", "url": "https://a.b"}]]}, "2 actions"),
        ({"inline_keyboard": [[{"text": "Oui", "callback_data": "ن" * 33}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": "Oui", "callback_data": ""}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": "Oui", "url": "mailto:a"}]]}, "BUTTON_URL_INVALID"),
        ({"inline_keyboard": [[{"text": " ", "callback_data": "1"}]]}, "Button text must be non-empty"),
        ({"inline_keyboard": [[{"text": "Oui", "callbackdata": "1"}]]}, "no field callbackdata"),
        ({"inline_keyboard": [[{"text": "Ici", "request_location": True}]]}, "no field request_location"),
        ({"inline_keyboard": [[{"text": "1", "callback_data": "1"}] * 9]}, "reply markup is too long"),
        ({"inline_keyboard": [[{"text": "1", "callback_data": "1"}]] * 101}, "reply markup is too long"),
        ({"keyboard": [[]]}, "reply keyboard has no buttons"),
        ({"keyboard": [[{"text": "1"}]], "resize": True}, "no field resize"),
        (
            {"keyboard": [[{"text": "1", "request_location": True, "request_contact": True}]]},
            "more than one request",
        ),
        ({"keyboard": [[{"text": "1"}]], "remove_keyboard": True}, "no field remove_keyboard"),
    ],
)
async def test_malformed_keyboards_are_refused(bot: Bot, brahim: Person, markup: object, reason: str) -> None:
    refusal = await bot.refusal("sendMessage", chat_id=brahim.id, text="?", reply_markup=markup)

    assert refusal.startswith("400")
    assert reason in refusal


async def test_a_wrong_token_and_unknown_methods(telegram: FakeTelegram, bot: Bot) -> None:
    assert await bot.refusal("sendTelepathy", chat_id=1) == (
        "404 Not Found: method sendTelepathy is unknown or not emulated"
    )
    # Telegram knows this one; a test that needs it is told so, instead of passing by luck.
    assert (await bot.refusal("sendDice", chat_id=1)).startswith("404")
    assert (await bot.refusal("find")).startswith("404")
    bot.url = f"{telegram.base_url}/bot1:OTHER"
    assert await bot.refusal("getMe") == "401 Unauthorized"
    assert [entry.status for entry in telegram.refusals] == [404, 404, 404, 401]


async def test_edits_of_what_is_gone_not_ours_or_the_same(bot: Bot, brahim: Person) -> None:
    await brahim.says("Bonjour")
    theirs = brahim.chat[0].message_id
    ours = (await bot.result("sendMessage", chat_id=brahim.id, text="A", reply_markup=YES_NO))["message_id"]
    keys = {"keyboard": [[{"text": "Ici", "request_location": True}]]}
    with_keys = await bot.result("sendMessage", chat_id=brahim.id, text="B", reply_markup=keys)

    async def refusal(message_id: int, **params: object) -> str:
        return await bot.refusal("editMessageText", chat_id=brahim.id, message_id=message_id, **params)

    assert "message is not modified" in await refusal(ours, text="A", reply_markup=YES_NO)
    assert "message to edit not found" in await refusal(999, text="C")
    assert "message can't be edited" in await refusal(theirs, text="C")
    assert "message can't be edited" in await refusal(with_keys["message_id"], text="C")
    await bot.result("editMessageReplyMarkup", chat_id=brahim.id, message_id=ours)
    assert "not modified" in await bot.refusal("editMessageReplyMarkup", chat_id=brahim.id, message_id=ours)
    await bot.result("deleteMessage", chat_id=brahim.id, message_id=ours)
    assert "message to edit not found" in await refusal(ours, text="C")
    assert "to delete not found" in await bot.refusal("deleteMessage", chat_id=brahim.id, message_id=ours)
    assert [message.text for message in brahim.chat] == ["Bonjour", "B"]


async def test_an_edit_without_reply_markup_removes_the_keyboard(bot: Bot, brahim: Person) -> None:
    sent = await bot.result("sendMessage", chat_id=brahim.id, text="A", reply_markup=YES_NO)

    await bot.result("editMessageText", chat_id=brahim.id, message_id=sent["message_id"], text="A")

    assert brahim.chat[0].rows == ()
    with pytest.raises(LookupError):
        await brahim.taps("Oui")


async def test_a_callback_is_answered_once_and_in_time(bot: Bot, brahim: Person) -> None:
    await bot.result("sendMessage", chat_id=brahim.id, text="A", reply_markup=YES_NO)
    tap, late = await brahim.taps("Oui"), await brahim.taps("1:no")
    late.expires()

    too_long = await bot.refusal("answerCallbackQuery", callback_query_id=tap.callback_id, text="a" * 201)
    await bot.result("answerCallbackQuery", callback_query_id=tap.callback_id)

    assert "MESSAGE_TOO_LONG" in too_long
    for callback_id in (tap.callback_id, late.callback_id, "12"):
        assert "query is too old" in await bot.refusal("answerCallbackQuery", callback_query_id=callback_id)


async def test_taps_find_the_newest_message_and_old_ones_by_id(bot: Bot, brahim: Person) -> None:
    old = await bot.result("sendMessage", chat_id=brahim.id, text="A", reply_markup=YES_NO)
    new = await bot.result("sendMessage", chat_id=brahim.id, text="B", reply_markup=YES_NO)

    await brahim.taps("Oui")
    await brahim.taps_in(old["message_id"], "Non")

    first, second = [update["callback_query"] for update in await bot.result("getUpdates")]
    assert (first["message"]["message_id"], first["data"]) == (new["message_id"], "1:yes")
    assert (second["message"]["message_id"], second["data"]) == (old["message_id"], "1:no")
    with pytest.raises(LookupError, match="Peut-être"):
        await brahim.taps("Peut-être")


async def test_a_reply_keyboard_sends_its_label_or_asks_for_the_place(bot: Bot, brahim: Person) -> None:
    keys = {"keyboard": [[{"text": "Ma position", "request_location": True}, {"text": "Autre"}]]}
    await bot.result("sendMessage", chat_id=brahim.id, text="Où ?", reply_markup=keys)
    assert brahim.reply_keyboard == ["Ma position", "Autre"]

    tap = await brahim.taps("Autre")
    with pytest.raises(LookupError, match="sends_location"):
        await brahim.taps("Ma position")
    await brahim.sends_location(33.5, -7.6)
    await bot.result("sendMessage", chat_id=brahim.id, text="Ok", reply_markup={"remove_keyboard": True})

    assert tap.callback_id is None
    said, shared = [update["message"] for update in await bot.result("getUpdates")]
    assert said["text"] == "Autre"
    assert shared["location"] == {"latitude": 33.5, "longitude": -7.6}
    assert brahim.reply_keyboard == []


async def test_the_place_can_be_asked_for_in_private_chats_only(telegram: FakeTelegram, bot: Bot) -> None:
    team = telegram.group()
    keys = {"keyboard": [[{"text": "Ici", "request_location": True}]]}

    refusal = await bot.refusal("sendMessage", chat_id=team.id, text="Où ?", reply_markup=keys)

    assert refusal == "400 Bad Request: location can be requested in private chats only"


async def test_people_speak_and_tap_in_groups(telegram: FakeTelegram, bot: Bot) -> None:
    driss = telegram.group(title="Casablanca").member(telegram.user(first_name="Driss"))
    await driss.says("/agenda")
    (update,) = await bot.result("getUpdates")
    group = update["message"]["chat"]

    await bot.result("sendMessage", chat_id=group["id"], text="Lequel ?", reply_markup=YES_NO)
    await driss.taps("Oui")

    assert (group["type"], group["title"]) == ("supergroup", "Casablanca")
    assert (await driss.next_message()).text == "Lequel ?"
    query = (await bot.result("getUpdates", offset=-1))[0]["callback_query"]
    assert (query["from"]["first_name"], query["message"]["chat"]["id"]) == ("Driss", group["id"])


async def test_everything_a_person_can_send_arrives(bot: Bot, brahim: Person) -> None:
    await brahim.sends_sticker()
    await brahim.sends_voice(b"OggS-hello")
    await brahim.sends_photo(forwarded=True)
    await brahim.sends_contact("+212600000000")
    await brahim.says("a")
    await brahim.edits(brahim.chat[-1].message_id, "b")

    sticker, voice, photo, contact, _, edit = await bot.result("getUpdates")
    assert sticker["message"]["sticker"]["type"] == "regular"
    assert photo["message"]["forward_origin"]["type"] == "hidden_user"
    assert contact["message"]["contact"]["user_id"] == brahim.id
    assert edit["edited_message"]["text"] == "b"
    file = await bot.result("getFile", file_id=voice["message"]["voice"]["file_id"])
    async with bot.session.get(f"{bot.url.replace('/bot', '/file/bot')}/{file['file_path']}") as response:
        assert await response.read() == b"OggS-hello"


async def test_a_person_who_blocks_the_bot_is_out_of_reach(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    await brahim.blocks()
    blocked = await bot.refusal("sendMessage", chat_id=brahim.id, text="A")
    await brahim.unblocks()
    await bot.result("sendMessage", chat_id=brahim.id, text="A")

    changes = [update["my_chat_member"]["new_chat_member"] for update in await bot.result("getUpdates")]
    assert blocked == "403 Forbidden: bot was blocked by the user"
    assert [change["status"] for change in changes] == ["kicked", "member"]
    # Nothing the bot could have known: not its mistake.
    assert telegram.refusals == []


async def test_the_bot_may_not_write_first(telegram: FakeTelegram, bot: Bot) -> None:
    amina = telegram.user(first_name="Amina", has_started=False)

    assert "can't initiate" in await bot.refusal("sendMessage", chat_id=amina.id, text="A")
    await amina.says("/start")
    await bot.result("sendMessage", chat_id=amina.id, text="A")


async def test_polling_confirms_by_offset(bot: Bot, brahim: Person) -> None:
    ids = [await brahim.says(text) for text in "abcd"]

    async def poll(**params: int) -> list[int]:
        return [update["update_id"] for update in await bot.result("getUpdates", **params)]

    assert await poll(limit=2) == ids[:2]
    assert await poll() == ids
    assert await poll(offset=ids[1]) == ids[1:]
    assert await poll() == ids[1:]
    assert await poll(offset=-1) == ids[-1:]
    assert await poll(offset=ids[-1] + 1) == []
    assert await poll() == []
    assert await brahim.says("e") > ids[-1]


async def test_a_long_poll_waits_for_the_next_update(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    poll = asyncio.create_task(bot.result("getUpdates", timeout=30))
    await telegram.called("getUpdates")
    update_id = await brahim.says("a")

    assert [update["update_id"] for update in await poll] == [update_id]


async def test_a_second_poller_ends_the_first(telegram: FakeTelegram, bot: Bot, brahim: Person) -> None:
    first = asyncio.create_task(bot.refusal("getUpdates", timeout=30))
    await telegram.called("getUpdates")
    second = asyncio.create_task(bot.result("getUpdates", timeout=30))

    assert "409 Conflict: terminated by other getUpdates" in await first
    await brahim.says("a")
    assert len(await second) == 1


async def test_allowed_updates_are_remembered(bot: Bot, brahim: Person) -> None:
    await bot.result("getUpdates", allowed_updates=["callback_query"])
    await brahim.says("a")
    assert await bot.result("getUpdates") == []

    await bot.result("getUpdates", allowed_updates=[])
    await brahim.says("b")
    assert [update["message"]["text"] for update in await bot.result("getUpdates")] == ["b"]


async def test_an_update_comes_twice_and_unknown_ones_come(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    update_id = await brahim.says("a")
    await bot.result("getUpdates", offset=update_id + 1)
    await telegram.drained()

    await telegram.deliver_again(update_id)
    await telegram.push("teleport", {"to": "Rabat"})

    again, unknown = await bot.result("getUpdates", offset=update_id + 1)
    assert (again["update_id"], again["message"]["text"]) == (update_id, "a")
    assert unknown["teleport"] == {"to": "Rabat"}


class Hook:
    """A webhook that answers as it is told and keeps what came."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[web.Response] = []
        self.updates: list[JSON] = []
        self.secrets: list[str | None] = []

    async def receives(self, request: web.Request) -> web.Response:
        self.updates.append(await request.json())
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        return self.answers.pop(0) if self.answers else web.Response()


@asynccontextmanager
async def serving(hook: Hook) -> AsyncIterator[Hook]:
    app = web.Application()
    app.router.add_post("/hook", hook.receives)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def test_a_webhook_gets_updates_with_its_secret_until_it_says_2xx(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    async with serving(Hook()) as hook:
        hook.answers = [web.Response(status=500), web.Response(status=401)]
        await bot.result("setWebhook", url=hook.url, secret_token="s3cret_-")
        update_id = await brahim.says("a")
        await telegram.drained()

        assert [update["update_id"] for update in hook.updates] == [update_id] * 3
        assert hook.secrets == ["s3cret_-"] * 3
        assert [answer.status for answer in telegram.webhook_answers] == [500, 401, 200]
        assert "409 Conflict" in await bot.refusal("getUpdates")
        assert (await bot.result("getWebhookInfo"))["url"] == hook.url


async def test_an_update_that_a_webhook_never_takes_is_dropped(telegram: FakeTelegram, bot: Bot) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        await bot.result("setWebhook", url=f"http://127.0.0.1:{closed.getsockname()[1]}/hook")
        await telegram.user().says("a")
        await telegram.drained()

    assert [answer.status for answer in telegram.webhook_answers] == [None] * 5
    assert "no answer" in (await bot.result("getWebhookInfo"))["last_error_message"]
    await bot.result("deleteWebhook")
    assert await bot.result("getUpdates") == []


async def test_webhooks_get_duplicates_and_late_updates(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    async with serving(Hook()) as hook:
        await bot.result("setWebhook", url=hook.url)
        async with telegram.out_of_order():
            first, second = await brahim.says("a"), await brahim.says("b")
        await telegram.drained()
        await telegram.deliver_again(first)
        await telegram.drained()

    assert [update["update_id"] for update in hook.updates] == [second, first, first]


async def test_a_webhook_may_answer_with_a_call(telegram: FakeTelegram, bot: Bot, brahim: Person) -> None:
    async with serving(Hook()) as hook:
        call = {"method": "sendMessage", "chat_id": brahim.id, "text": "Bonjour"}
        hook.answers = [web.json_response(call), web.json_response({**call, "text": ""})]
        await bot.result("setWebhook", url=hook.url)
        await brahim.says("a")
        await brahim.says("b")
        await telegram.drained()

    assert (await brahim.next_message()).text == "Bonjour"
    assert [refusal.description for refusal in telegram.refusals] == ["Bad Request: message text is empty"]


@pytest.mark.parametrize(
    "params",
    [
        {"url": "http://jisr.example/hook"},
        {"url": "https://jisr.example:8444/hook"},
        {"url": "https://jisr.example/hook", "secret_token": "not so good"},
        {"url": "https://jisr.example/hook", "max_connections": 101},
    ],
)
async def test_malformed_webhooks_are_refused(bot: Bot, params: JSON) -> None:
    assert (await bot.refusal("setWebhook", **params)).startswith("400")


async def test_commands_and_descriptions_per_language(telegram: FakeTelegram, bot: Bot) -> None:
    menu = [{"command": "menu", "description": "Menu"}]
    scope = {"type": "all_private_chats"}
    await bot.result("setMyCommands", commands=menu, scope=scope, language_code="fr")
    await bot.result("setMyDescription", description="Bienvenue", language_code="fr")
    await bot.result("setMyShortDescription", short_description="Jisr")
    await bot.result("setMyName", name="جسر", language_code="ar")
    listed = await bot.result("getMyCommands", scope=scope, language_code="fr")

    assert telegram.commands == {("all_private_chats", "fr"): [("menu", "Menu")]}
    assert listed == menu
    assert telegram.descriptions == {"fr": "Bienvenue"}
    assert (telegram.short_descriptions, telegram.names) == ({"": "Jisr"}, {"ar": "جسر"})
    # Moroccan Arabic has three letters only.
    assert "language code" in await bot.refusal("setMyCommands", commands=menu, language_code="ary")
    assert "language code" in await bot.refusal("setMyDescription", language_code="ary")
    for wrong in ({"command": "Menu", "description": "a"}, {"command": "menu", "description": ""}):
        assert "BOT_COMMAND" in await bot.refusal("setMyCommands", commands=[wrong])
    assert "too long" in await bot.refusal("setMyShortDescription", short_description="a" * 121)
    await bot.result("deleteMyCommands", scope=scope, language_code="fr")
    assert telegram.commands == {}


async def test_a_venue_needs_its_address_and_a_place_on_earth(bot: Bot, brahim: Person) -> None:
    venue = {"chat_id": brahim.id, "latitude": 33.5, "longitude": -7.6, "title": "Centre", "address": "Rue 1"}
    await bot.result("sendVenue", **venue)
    await bot.result("sendLocation", chat_id=brahim.id, latitude=33.5, longitude=-7.6)

    assert [message.kind for message in brahim.chat] == ["venue", "location"]
    without = {name: value for name, value in venue.items() if name != "address"}
    assert "address: Field required" in await bot.refusal("sendVenue", **without)
    assert "VENUE_ADDRESS_EMPTY" in await bot.refusal("sendVenue", **{**venue, "address": " "})
    assert "wrong latitude" in await bot.refusal("sendVenue", **{**venue, "latitude": 91})


async def test_files_are_uploaded_once_and_named_after(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    form = aiohttp.FormData({"chat_id": str(brahim.id), "caption": "Écoutez"})
    form.add_field("voice", b"OggS-welcome", filename="welcome.ogg", content_type="audio/ogg")
    async with bot.session.post(f"{bot.url}/sendVoice", data=form) as response:
        file_id = (await response.json())["result"]["voice"]["file_id"]
    await bot.result("sendVoice", chat_id=brahim.id, voice=file_id)

    assert [telegram.content_of(message) for message in brahim.chat] == [b"OggS-welcome"] * 2
    assert brahim.chat[0].text == "Écoutez"
    refused = [
        await bot.refusal("sendVoice", chat_id=brahim.id, voice="voice-99"),
        await bot.refusal("sendPhoto", chat_id=brahim.id, photo=file_id),
        await bot.refusal("sendVoice", chat_id=brahim.id, voice=file_id, caption="a" * 1025),
    ]
    reasons = ["wrong file identifier", "can't use file of type voice as photo", "caption is too long"]
    assert [reason for reason, said in zip(reasons, refused, strict=True) if reason in said] == reasons


async def test_an_upload_that_is_no_sound_becomes_a_document(bot: Bot, brahim: Person) -> None:
    form = aiohttp.FormData({"chat_id": str(brahim.id), "voice": "attach://sound"})
    form.add_field("sound", b"RIFF....WAVE", filename="welcome.wav", content_type="audio/wav")
    await bot.session.post(f"{bot.url}/sendVoice", data=form)

    assert [message.kind for message in brahim.chat] == ["document"]


async def test_forms_and_queries_are_understood_like_json(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    params = {"chat_id": str(brahim.id), "text": "12", "reply_markup": json.dumps(YES_NO)}
    await bot.session.post(f"{bot.url}/sendMessage", data=params)
    await bot.session.get(f"{bot.url}/sendMessage", params=params)

    assert [(message.text, message.labels) for message in brahim.chat] == [("12", ["Oui", "Non"])] * 2
    assert telegram.calls[0].params == {"chat_id": brahim.id, "text": "12", "reply_markup": YES_NO}
    assert telegram.calls[0].received_at_s <= telegram.calls[1].received_at_s


async def test_faults_hit_the_next_call_and_no_other(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    telegram.fail_next("sendMessage", status=429, retry_after=2)
    telegram.fail_next("sendMessage", status=400, migrate_to_chat_id=-100)
    telegram.accept_then_reset_next("sendMessage")

    first = await bot.calls("sendMessage", chat_id=brahim.id, text="a")
    second = await bot.calls("sendMessage", chat_id=brahim.id, text="b")
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await bot.calls("sendMessage", chat_id=brahim.id, text="c")
    await bot.result("sendMessage", chat_id=brahim.id, text="d")

    assert (first["error_code"], first["parameters"]) == (429, {"retry_after": 2})
    assert second["parameters"] == {"migrate_to_chat_id": -100}
    assert [message.text for message in brahim.chat] == ["c", "d"]
    assert telegram.refusals == []


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_call_that_hangs_may_have_been_accepted(
    telegram: FakeTelegram, bot: Bot, brahim: Person, accepted: bool
) -> None:
    telegram.hang_next("sendMessage", accepted=accepted)
    call = asyncio.create_task(bot.calls("sendMessage", chat_id=brahim.id, text="a"))
    await telegram.called("sendMessage")
    # A later call on another connection is answered, the first still is not.
    await bot.result("getMe")

    assert not call.done()
    assert [message.text for message in brahim.chat] == (["a"] if accepted else [])
    call.cancel()


async def test_waiting_in_vain_tells_what_was_refused(
    telegram: FakeTelegram, bot: Bot, brahim: Person
) -> None:
    await bot.refusal("sendMessage", chat_id=brahim.id, text="")

    with pytest.raises(AssertionError, match=r"message of the bot to Brahim; .*message text is empty"):
        await brahim.next_message(timeout_s=0)


async def test_it_runs_by_hand() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (sys.executable, "-m", "tests.fake_telegram", "--port", str(port), "--token", "1:TEST")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}" in (await process.stdout.readline()).decode()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", raise_for_status=True) as session:
            await session.post("/control/say", json={"text": "/start"})
            async with session.post("/bot1:TEST/getUpdates") as response:
                (update,) = (await response.json())["result"]
            chat_id = update["message"]["chat"]["id"]
            question = {"chat_id": chat_id, "text": "Prêt ?", "reply_markup": YES_NO}
            await session.post("/bot1:TEST/sendMessage", json=question)
            await session.post("/control/tap", json={"label": "Oui"})
            async with session.get("/control/messages") as response:
                shown = await response.json()
            async with session.post("/bot1:TEST/getUpdates", json={"offset": -1}) as response:
                tapped = (await response.json())["result"][0]["callback_query"]["data"]
    finally:
        process.terminate()
        await process.wait()

    assert [(message["from"], message["text"]) for message in shown] == [
        ("person", "/start"),
        ("bot", "Prêt ?"),
    ]
    assert tapped == "1:yes"
