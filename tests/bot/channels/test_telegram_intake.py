"""Updates are stored before Telegram is told so, over real HTTP, with polling and with a webhook."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from starlette.applications import Starlette
from structlog.testing import capture_logs
from telegram import Bot
from telegram.error import NetworkError

from bot.channels.telegram_groups import PRIVATE_CHATS_ONLY
from bot.channels.telegram_intake import ALLOWED_UPDATES, MAX_BODY_BYTES, TelegramIntake
from bot.channels.telegram_transport import AiohttpRequest
from bot.clock import ShiftedClock
from bot.floods import MOST_WAITING
from bot.settings import SettingsWrong
from storage.database import Database, create_engine
from storage.encryption import KeyRing, new_key_entry
from storage.tables import metadata
from tests.fake_telegram import FakeTelegram, Group, Person

JSON = dict[str, Any]
SECRET = "made-up_secret"
START = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)


class StillClock:
    """Stands at START."""

    def now(self) -> datetime:
        return START


class Pauses:
    """Keeps the pauses that a poller asks for, and lets each pass at once after doing what it is told."""

    def __init__(self) -> None:
        self.taken_s: list[float] = []
        self.meanwhile: dict[int, Callable[[], Awaitable[None]]] = {}

    async def __call__(self, pause_s: float) -> None:
        self.taken_s.append(pause_s)
        if action := self.meanwhile.get(len(self.taken_s)):
            await action()
        await asyncio.sleep(0)


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    request = AiohttpRequest()
    base_url = f"{telegram.base_url}/bot"
    async with Bot(telegram.token, base_url, request=request, get_updates_request=request) as bot:
        yield bot


@pytest.fixture
async def empty_database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database without tables, which refuses everything as a broken one does."""
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path}/jisr.sqlite3")
    keys = KeyRing.from_text(new_key_entry())
    database = Database(engine, keys, zone=UTC, zone_name="Africa/Casablanca")
    yield database
    await database.close()


@pytest.fixture
async def database(empty_database: Database) -> Database:
    await make_tables(empty_database)
    return empty_database


async def make_tables(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock(base=StillClock())


@pytest.fixture
def intake(database: Database, bot: Bot, clock: ShiftedClock, pauses: Pauses) -> TelegramIntake:
    return TelegramIntake(database, bot, clock, pause=pauses, jitter=lambda: 1.0)


@pytest.fixture
def brahim(telegram: FakeTelegram) -> Person:
    return telegram.user(first_name="Brahim")


@asynccontextmanager
async def polling(intake: TelegramIntake) -> AsyncIterator[None]:
    """Poll meanwhile; at the end the process dies in the middle of whatever it does."""
    task = asyncio.create_task(intake.poll())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def serving(intake: TelegramIntake) -> AsyncIterator[str]:
    """Serve the webhook meanwhile; gives the public URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = Starlette(routes=[intake.webhook_route(SECRET)])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def in_inbox(database: Database, lane: str) -> list[JSON]:
    """What waits in the lane of a sender, oldest first."""
    async with database.reading() as unit:
        kept = await unit.inbox.latest(database.keys.index("telegram", lane), limit=100)
    return [json.loads(payload) for _, payload in kept]


async def texts_of(database: Database, person: Person) -> list[str]:
    return [update["message"]["text"] for update in await in_inbox(database, str(person.id))]


async def size_of_inbox(database: Database) -> int:
    async with database.engine.connect() as connection:
        count = await connection.exec_driver_sql("SELECT count(*) FROM inbox")
        return int(count.scalar_one())


# Polling


async def test_updates_are_stored_as_they_came_and_work_is_woken(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, brahim: Person
) -> None:
    update_id = await brahim.says("/start")
    async with database.wakes.bell("inbox") as bell, polling(intake):
        async with asyncio.timeout(5):
            await bell.wait()
        await telegram.drained()

    (update,) = await in_inbox(database, str(brahim.id))
    assert update["update_id"] == update_id
    assert update["message"]["text"] == "/start"
    assert telegram.calls_of("getUpdates")[0].params["allowed_updates"] == list(ALLOWED_UPDATES)
    assert intake.last_success_at == START
    assert telegram.refusals == []


async def test_taps_and_blocking_come_in_the_persons_own_lane(
    telegram: FakeTelegram, database: Database, bot: Bot, intake: TelegramIntake, brahim: Person
) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Oui", "callback_data": "p1:yes"}]]}
    await bot.do_api_request(
        "sendMessage", {"chat_id": brahim.id, "text": "Prêt ?", "reply_markup": keyboard}
    )
    async with polling(intake):
        await brahim.taps("Oui")
        await brahim.blocks()
        await telegram.drained()

    kinds = [set(update) - {"update_id"} for update in await in_inbox(database, str(brahim.id))]
    assert kinds == [{"callback_query"}, {"my_chat_member"}]


async def test_the_same_update_twice_is_stored_once(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, brahim: Person
) -> None:
    async with polling(intake):
        update_id = await brahim.says("Bonjour")
        await telegram.drained()
        await telegram.deliver_again(update_id)
        await brahim.says("Merci")
        await telegram.drained()

    assert await texts_of(database, brahim) == ["Bonjour", "Merci"]


async def test_of_one_persons_flood_the_rest_is_acknowledged_and_not_stored(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, brahim: Person
) -> None:
    amina = telegram.user(first_name="Amina")
    for number in range(MOST_WAITING + 150):
        await brahim.says(str(number))
    await amina.says("Salam")
    async with polling(intake):
        await telegram.drained()

    assert await texts_of(database, amina) == ["Salam"]
    async with database.reading() as unit:
        waiting = await unit.inbox.waiting(database.keys.index("telegram", str(brahim.id)), most=1000)
    assert waiting == MOST_WAITING
    assert await size_of_inbox(database) == MOST_WAITING + 150 + 1


async def test_a_kill_between_storing_and_acknowledging_loses_and_doubles_nothing(
    telegram: FakeTelegram, database: Database, bot: Bot, intake: TelegramIntake, brahim: Person
) -> None:
    async with polling(intake):
        await brahim.says("Bonjour")
        await telegram.drained()
        polls = len(telegram.calls_of("getUpdates"))
        # The poll under way brings the next message; the one behind it would acknowledge that.
        telegram.hang_next("getUpdates")
        await brahim.says("J'ai besoin d'aide")
        await telegram.called("getUpdates", polls + 1)
    unacknowledged = await texts_of(database, brahim)
    offers = len(telegram.calls_of("getUpdates"))

    async with polling(TelegramIntake(database, bot, StillClock())):
        await telegram.drained()

    assert telegram.calls_of("getUpdates")[offers].params["offset"] == 0
    assert unacknowledged == ["Bonjour", "J'ai besoin d'aide"]
    assert await texts_of(database, brahim) == unacknowledged


async def test_nothing_is_acknowledged_that_the_database_did_not_take(
    telegram: FakeTelegram, empty_database: Database, bot: Bot, pauses: Pauses, brahim: Person
) -> None:
    """The database refuses three times; until it takes the batch, no other poll goes out."""
    polls_before_storing: list[int] = []

    async def repaired() -> None:
        polls_before_storing.append(len(telegram.calls_of("getUpdates")))
        await make_tables(empty_database)

    pauses.meanwhile[3] = repaired
    intake = TelegramIntake(empty_database, bot, StillClock(), pause=pauses, jitter=lambda: 1.0)
    for text in ("Bonjour", "Salam", "Merci"):
        await brahim.says(text)

    with capture_logs() as lines:
        async with polling(intake):
            await telegram.drained()

    assert polls_before_storing == [1]
    assert await texts_of(empty_database, brahim) == ["Bonjour", "Salam", "Merci"]
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("telegram_intake_lost", "database"),
        ("telegram_intake_back", "database"),
    ]


async def test_an_empty_poll_lets_the_offset_go(
    telegram: FakeTelegram, database: Database, bot: Bot, brahim: Person
) -> None:
    """After a quiet week ids begin anew, lower: the offset of the week before would hide them."""

    def offsets() -> list[int]:
        return [call.params["offset"] for call in telegram.calls_of("getUpdates")]

    update_id = await brahim.says("Bonjour")
    async with polling(TelegramIntake(database, bot, StillClock(), poll_s=0)):
        await telegram.drained()
        acknowledging = offsets().index(update_id + 1)
        await telegram.called("getUpdates", acknowledging + 2)

    assert offsets()[: acknowledging + 2] == [0, update_id + 1, 0]


async def test_an_update_of_a_shape_nobody_knows_blocks_nothing(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, brahim: Person
) -> None:
    async with polling(intake):
        await telegram.push("message", {"voice": "?", "from": {"id": brahim.id}})
        lost = await telegram.push("message", {"chat": "?", "from": "?"})
        await brahim.says("Bonjour")
        await telegram.drained()

    kept = await in_inbox(database, str(brahim.id))
    assert kept[0]["message"]["voice"] == "?"
    assert [update["update_id"] for update in await in_inbox(database, f"update:{lost}")] == [lost]
    assert await size_of_inbox(database) == 3


async def test_half_an_emoji_is_stored(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, brahim: Person
) -> None:
    async with polling(intake):
        await brahim.says("Salam \ud83d")
        await telegram.drained()

    assert await texts_of(database, brahim) == ["Salam \ud83d"]


async def test_polling_takes_over_from_a_webhook_without_losing_what_waits(
    telegram: FakeTelegram, database: Database, bot: Bot, intake: TelegramIntake, brahim: Person
) -> None:
    await bot.set_webhook("http://127.0.0.1:9/telegram/webhook")
    await brahim.says("Bonjour")

    async with polling(intake):
        await telegram.drained()

    assert await texts_of(database, brahim) == ["Bonjour"]


async def test_trouble_is_said_once_and_waited_out_longer_each_time(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, pauses: Pauses, brahim: Person
) -> None:
    for _ in range(6):
        telegram.fail_next("getUpdates", 502)
    await brahim.says("Bonjour")

    with capture_logs() as lines:
        async with polling(intake):
            await telegram.drained()

    assert pauses.taken_s == [2, 4, 8, 16, 30, 30]
    assert [line["event"] for line in lines] == ["telegram_intake_lost", "telegram_intake_back"]
    assert await texts_of(database, brahim) == ["Bonjour"]


async def test_another_poller_is_named_as_the_trouble(
    telegram: FakeTelegram, intake: TelegramIntake, brahim: Person
) -> None:
    for _ in range(3):
        telegram.fail_next("getUpdates", 409, description="Conflict: terminated by other getUpdates request")
    await brahim.says("Bonjour")

    with capture_logs() as lines:
        async with polling(intake):
            await telegram.drained()

    assert [line["event"] for line in lines] == ["telegram_intake_conflict", "telegram_intake_back"]
    assert lines[0]["log_level"] == "error"


async def test_a_wait_that_telegram_asks_for_is_kept(
    telegram: FakeTelegram, intake: TelegramIntake, pauses: Pauses, brahim: Person
) -> None:
    telegram.fail_next("getUpdates", 429, retry_after=77)
    await brahim.says("Bonjour")

    async with polling(intake):
        await telegram.drained()

    assert pauses.taken_s == [77]


async def test_an_answer_from_something_that_is_not_telegram_is_trouble_not_the_end(
    telegram: FakeTelegram, intake: TelegramIntake, pauses: Pauses, brahim: Person
) -> None:
    telegram.fail_next("getUpdates", 200)
    await brahim.says("Bonjour")

    async with polling(intake):
        await telegram.drained()

    assert len(pauses.taken_s) == 1


# Webhook


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def posted(
    browser: aiohttp.ClientSession, public_url: str, body: bytes | AsyncIterator[bytes], secret: str | None
) -> int:
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    async with browser.post(f"{public_url}/telegram/webhook", data=body, headers=headers) as response:
        return response.status


def update_body(update_id: object = 1) -> bytes:
    return json.dumps({"update_id": update_id, "message": {"from": {"id": 42}, "text": "Salam"}}).encode()


async def test_telegram_delivers_to_the_webhook(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, brahim: Person
) -> None:
    async with serving(intake) as public_url, database.wakes.bell("inbox") as bell:
        await intake.set_webhook(public_url, SECRET)
        await brahim.says("Bonjour")
        await telegram.drained()
        async with asyncio.timeout(5):
            await bell.wait()

    assert [answer.status for answer in telegram.webhook_answers] == [200]
    assert await texts_of(database, brahim) == ["Bonjour"]
    assert telegram.calls_of("setWebhook")[0].params["allowed_updates"] == list(ALLOWED_UPDATES)
    assert intake.last_success_at == START


async def test_what_comes_twice_and_out_of_order_is_stored_once(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, brahim: Person
) -> None:
    async with serving(intake) as public_url:
        await intake.set_webhook(public_url, SECRET)
        async with telegram.out_of_order():
            update_id = await brahim.says("Bonjour")
            await brahim.says("Merci")
        await telegram.drained()
        await telegram.deliver_again(update_id)
        await telegram.drained()

    assert sorted(await texts_of(database, brahim)) == ["Bonjour", "Merci"]
    assert {answer.status for answer in telegram.webhook_answers} == {200}


@pytest.mark.parametrize("secret", [None, "", "wrong", f"{SECRET}x", "é"])
async def test_without_the_secret_nothing_is_stored(
    database: Database, intake: TelegramIntake, browser: aiohttp.ClientSession, secret: str | None
) -> None:
    async with serving(intake) as public_url:
        assert await posted(browser, public_url, update_body(), secret) == 401

    assert intake.refused == {"wrong_secret": 1}
    assert await size_of_inbox(database) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        update_body(10**100),
        update_body(-1),
        update_body("one"),
        update_body(None),
        update_body(True),
        b"[" * 100_000,
    ],
)
async def test_what_is_no_update_is_taken_and_counted(
    database: Database, intake: TelegramIntake, browser: aiohttp.ClientSession, body: bytes
) -> None:
    async with serving(intake) as public_url:
        assert await posted(browser, public_url, body, SECRET) == 200

    assert intake.refused == {"broken": 1}
    assert await size_of_inbox(database) == 0


async def test_a_body_too_large_is_refused_however_it_comes(
    database: Database, intake: TelegramIntake, browser: aiohttp.ClientSession
) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * (MAX_BODY_BYTES // 2)

    async with serving(intake) as public_url:
        assert await posted(browser, public_url, b" " * MAX_BODY_BYTES + update_body(), SECRET) == 413
        assert await posted(browser, public_url, in_pieces(), SECRET) == 413

    assert intake.refused == {"too_large": 2}
    assert await size_of_inbox(database) == 0


async def test_while_the_database_is_away_telegram_is_told_to_come_again(
    telegram: FakeTelegram,
    empty_database: Database,
    bot: Bot,
    browser: aiohttp.ClientSession,
    brahim: Person,
) -> None:
    intake = TelegramIntake(empty_database, bot, StillClock())
    async with serving(intake) as public_url:
        with capture_logs() as lines:
            assert await posted(browser, public_url, update_body(), SECRET) == 503
            assert await posted(browser, public_url, update_body(), SECRET) == 503
        await make_tables(empty_database)
        await intake.set_webhook(public_url, SECRET)
        await brahim.says("Bonjour")
        await telegram.drained()

    assert [line["event"] for line in lines] == ["telegram_intake_lost"]
    assert await texts_of(empty_database, brahim) == ["Bonjour"]


async def test_an_address_that_telegram_does_not_take_is_a_wrong_setting(intake: TelegramIntake) -> None:
    with pytest.raises(SettingsWrong, match="PUBLIC_URL"):
        await intake.set_webhook("https://jisr.example.org:8080", SECRET)


# Groups


@pytest.fixture
def group(telegram: FakeTelegram) -> Group:
    return telegram.group()


def answers(telegram: FakeTelegram, group: Group) -> list[str]:
    """What the bot has tried to say in the group."""
    calls = [call for call in telegram.calls_of("sendMessage") if call.params["chat_id"] == group.id]
    return [str(call.params["text"]) for call in calls]


async def test_a_group_is_told_once_and_nothing_of_it_is_stored(
    telegram: FakeTelegram,
    database: Database,
    intake: TelegramIntake,
    group: Group,
    brahim: Person,
    clock: ShiftedClock,
) -> None:
    in_group, in_another = group.member(brahim), telegram.group().member(brahim)
    async with polling(intake):
        await in_group.says("Salam tout le monde")
        await in_group.says("/start")
        said = await in_group.next_message()
        await in_group.says("@jisr_test_bot ?")
        # Once the other group is answered, this one would have been too.
        await in_another.says("/start")
        await in_another.next_message()
        assert len(answers(telegram, group)) == 1
        clock.shift_to(START + timedelta(minutes=11))
        await in_group.says("@Jisr_Test_Bot ?")
        again = await in_group.next_message()

    assert said.text == again.text == f"{PRIVATE_CHATS_ONLY}\nhttps://t.me/jisr_test_bot"
    assert len(answers(telegram, group)) == 2
    assert await size_of_inbox(database) == 0
    assert telegram.refusals == []


async def test_groups_are_answered_by_webhook_too(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, group: Group, brahim: Person
) -> None:
    in_group = group.member(brahim)
    async with serving(intake) as public_url:
        await intake.set_webhook(public_url, SECRET)
        await in_group.says("/start@jisr_test_bot")
        await in_group.next_message()
        await telegram.drained()

    assert await size_of_inbox(database) == 0


async def test_a_reply_a_mention_without_a_name_and_being_added_count_as_calls(
    telegram: FakeTelegram, intake: TelegramIntake, brahim: Person
) -> None:
    replied, mentioned, added = telegram.group(), telegram.group(), telegram.group()
    ours = {"message_id": 1, "from": telegram.bot_user}
    mention = {"type": "text_mention", "offset": 0, "length": 4, "user": telegram.bot_user}
    async with polling(intake):
        await telegram.push("message", {**said_in(replied, "?"), "reply_to_message": ours})
        await telegram.push("message", {**said_in(mentioned, "Jisr"), "entities": [mention]})
        await telegram.push("my_chat_member", membership(added.id, "group", "left", "member"))
        for group in (replied, mentioned, added):
            await group.member(brahim).next_message()


async def test_the_link_is_right_though_telegram_was_away_at_the_start(
    telegram: FakeTelegram, database: Database, group: Group, brahim: Person
) -> None:
    request = AiohttpRequest()
    base_url = f"{telegram.base_url}/bot"
    bot = Bot(telegram.token, base_url, request=request, get_updates_request=request)
    telegram.fail_next("getMe", 502)
    with suppress(NetworkError):
        await bot.initialize()

    async with polling(TelegramIntake(database, bot, StillClock())):
        await group.member(brahim).says("/start")
        said = await group.member(brahim).next_message()
    await bot.shutdown()

    assert said.text.endswith("https://t.me/jisr_test_bot")


def said_in(group: Group, text: str) -> JSON:
    return {"chat": {"id": group.id, "type": "supergroup"}, "from": {"id": 42}, "text": text}


def membership(chat_id: int, kind: str, before: str, after: str) -> JSON:
    return {
        "chat": {"id": chat_id, "type": kind},
        "from": {"id": 42},
        "old_chat_member": {"status": before},
        "new_chat_member": {"status": after},
    }


async def test_talk_among_others_is_none_of_the_bots_business(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, group: Group, brahim: Person
) -> None:
    """The group called last is answered, so all that came before it has been looked at."""
    in_group, called = group.member(brahim), telegram.group()
    other = {"message_id": 1, "from": {"id": 99}}
    async with polling(intake):
        await in_group.says("On se voit demain ?")
        await in_group.says("/start@another_bot")
        await in_group.says("@jisr_test_bots ?")
        await in_group.sends_voice()
        await telegram.push("message", {**said_in(group, "oui"), "reply_to_message": other})
        await telegram.push("my_chat_member", membership(group.id, "group", "member", "kicked"))
        await telegram.push("my_chat_member", membership(group.id, "group", "member", "administrator"))
        await telegram.push("my_chat_member", membership(group.id, "channel", "left", "administrator"))
        await called.member(brahim).says("/start")
        await called.member(brahim).next_message()
        await telegram.drained()

    assert answers(telegram, group) == []
    assert await size_of_inbox(database) == 0


async def test_a_group_that_can_not_be_answered_hinders_nobody(
    telegram: FakeTelegram, database: Database, intake: TelegramIntake, group: Group, brahim: Person
) -> None:
    telegram.fail_next("sendMessage", 403, description="Forbidden: bot was kicked from the group chat")
    async with polling(intake):
        await group.member(brahim).says("/start")
        await telegram.called("sendMessage")
        await brahim.says("Bonjour")
        await telegram.drained()

    assert await texts_of(database, brahim) == ["Bonjour"]


async def test_logs_hold_nobody(
    telegram: FakeTelegram,
    intake: TelegramIntake,
    brahim: Person,
    group: Group,
    caplog: pytest.LogCaptureFixture,
) -> None:
    telegram.fail_next("getUpdates", 409, description=f"Conflict: marked {brahim.id}")
    telegram.fail_next("sendMessage", 400, description=f"Bad Request: marked {group.id}")

    with capture_logs() as lines:
        async with polling(intake):
            await brahim.says("marked words")
            await group.member(brahim).says("/start")
            await telegram.called("sendMessage")
            await telegram.drained()

    assert len(lines) >= 2
    for secret in ("marked", str(brahim.id), str(group.id), telegram.token):
        assert secret not in f"{lines} {caplog.text}"
