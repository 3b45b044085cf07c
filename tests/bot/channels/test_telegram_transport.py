"""What a call to Telegram gives back, and what the sender knows after it failed."""

import asyncio
import logging
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputFile
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut

from bot.channels.telegram_transport import AiohttpRequest, NotSent, Unclear
from tests.fake_telegram import FakeTelegram, Person

TOKEN = "123456:TEST-token_of_nobody"
SECRET = TOKEN.partition(":")[2]
ME = '{"ok": true, "result": {"id": 1, "is_bot": true, "first_name": "Jisr"}}'

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(token=TOKEN) as telegram:
        yield telegram


@pytest.fixture
def brahim(telegram: FakeTelegram) -> Person:
    return telegram.user(first_name="Brahim")


@asynccontextmanager
async def bot_at(url: str, request: AiohttpRequest | None = None) -> AsyncIterator[Bot]:
    async with request or AiohttpRequest() as request, AiohttpRequest() as updates:
        yield Bot(
            TOKEN,
            base_url=f"{url}/bot",
            base_file_url=f"{url}/file/bot",
            request=request,
            get_updates_request=updates,
        )


@asynccontextmanager
async def server(converse: Converse, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says what `converse` says; gives its port."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await converse(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def answering(status_line: str, body: str, *headers: str, first_lines: list[bytes] | None = None) -> Converse:
    """A conversation that gives the same answer to every request, and notes their first lines."""
    head = [f"HTTP/1.1 {status_line}", f"Content-Length: {len(body.encode())}", *headers]
    answer = "\r\n".join([*head, "", body]).encode()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while first_line := await reader.readline():
            if first_lines is not None:
                first_lines.append(first_line)
            length = 0
            while (line := await reader.readline()).strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            await reader.readexactly(length)
            writer.write(answer)

    return converse


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def failure(call: Awaitable[object]) -> NetworkError:
    """The error of a call that fails; neither it nor its traceback shows the token."""
    with pytest.raises(NetworkError) as caught:
        await call
    error = caught.value
    assert SECRET not in "".join(traceback.format_exception(error))
    assert error.__context__ is None
    return error


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def test_a_bot_talks_through_it(telegram: FakeTelegram, brahim: Person) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("نعم", callback_data="1:yes")]])
    async with bot_at(telegram.base_url) as bot:
        me = await bot.get_me()
        sent = await bot.send_message(brahim.id, "Prêt ?", reply_markup=keyboard, protect_content=True)
        tap = await brahim.taps("نعم")
        (update,) = await bot.get_updates()
        assert update.callback_query is not None
        await bot.answer_callback_query(update.callback_query.id, "Noté")
        await bot.edit_message_text("Merci", brahim.id, sent.message_id)

    assert me.username == "jisr_test_bot"
    assert await tap.answered() == "Noté"
    (shown,) = brahim.chat
    assert (shown.text, shown.rows, shown.edits, shown.is_protected) == ("Merci", (), 1, True)
    assert telegram.refusals == []


async def test_files_go_up_and_down(telegram: FakeTelegram, brahim: Person) -> None:
    # More than one piece of the body, and a name that is not ASCII.
    calendar = b"BEGIN:VCALENDAR" + b"\r\n" * 100_000
    await brahim.sends_voice(b"OggS-hello")
    async with bot_at(telegram.base_url) as bot:
        await bot.send_document(brahim.id, InputFile(calendar, "زيارة.ics"), caption="À bientôt")
        (update,) = await bot.get_updates()
        assert update.message is not None
        assert update.message.voice is not None
        voice = await (await update.message.voice.get_file()).download_as_bytearray()

    document = brahim.chat[-1]
    assert (document.kind, document.text) == ("document", "À bientôt")
    assert document.raw["document"]["file_name"] == "زيارة.ics"
    assert telegram.content_of(document) == calendar
    assert bytes(voice) == b"OggS-hello"


@pytest.mark.parametrize(
    ("status", "error_type"),
    [(400, BadRequest), (401, InvalidToken), (403, Forbidden), (409, Conflict), (429, RetryAfter)],
)
async def test_refusals_are_those_of_ptb(
    telegram: FakeTelegram, brahim: Person, status: int, error_type: type[Exception]
) -> None:
    telegram.fail_next("sendMessage", status, retry_after=2 if status == 429 else None)
    async with bot_at(telegram.base_url) as bot:
        with pytest.raises(error_type) as caught:
            await bot.send_message(brahim.id, "Bonjour")

    assert not isinstance(caught.value, NotSent | Unclear)


async def test_a_file_name_that_no_header_can_hold_means_not_sent(
    telegram: FakeTelegram, brahim: Person
) -> None:
    async with bot_at(telegram.base_url) as bot:
        error = await failure(bot.send_document(brahim.id, InputFile(b"a", "a\r\nb.ics")))

    assert isinstance(error, NotSent)
    assert brahim.chat == []


async def test_nobody_listening_means_not_sent() -> None:
    async with bot_at(f"http://127.0.0.1:{free_port()}") as bot:
        error = await failure(bot.get_me())

    assert isinstance(error, NotSent)
    assert not isinstance(error, TimedOut)


async def test_no_connection_in_time_means_not_sent() -> None:
    # TCP connects, TLS never comes about.
    async with server(silence) as port:
        request = AiohttpRequest(connect_timeout_s=0.05)
        async with bot_at(f"https://127.0.0.1:{port}", request) as bot:
            error = await failure(bot.get_me())

    assert isinstance(error, NotSent)
    assert isinstance(error, TimedOut)


async def test_no_free_connection_means_not_sent(telegram: FakeTelegram, brahim: Person) -> None:
    telegram.hang_next("sendMessage")
    request = AiohttpRequest(pool_size=1, pool_timeout_s=0.05)
    async with bot_at(telegram.base_url, request) as bot:
        first = asyncio.create_task(bot.send_message(brahim.id, "Bonjour"))
        await telegram.called("sendMessage")
        error = await failure(bot.get_me())
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        # Cancelling gave the connection back.
        await bot.get_me()

    assert isinstance(error, NotSent)
    assert isinstance(error, TimedOut)
    assert len(telegram.calls_of("getMe")) == 1


async def test_an_upload_that_stands_still_means_not_sent(brahim: Person) -> None:
    # More than the sockets' buffers of both ends hold.
    large = InputFile(b"OggS" + bytes(30_000_000), "long.ogg")
    async with server(silence) as port:
        request = AiohttpRequest(media_write_timeout_s=0.05)
        async with bot_at(f"http://127.0.0.1:{port}", request) as bot:
            error = await failure(bot.send_voice(brahim.id, large, read_timeout=60))

    assert isinstance(error, NotSent)
    assert isinstance(error, TimedOut)


async def test_no_answer_in_time_is_unclear(telegram: FakeTelegram, brahim: Person) -> None:
    telegram.hang_next("sendMessage", accepted=True)
    async with bot_at(telegram.base_url, AiohttpRequest(read_timeout_s=0.5)) as bot:
        error = await failure(bot.send_message(brahim.id, "Bonjour"))

    assert isinstance(error, Unclear)
    assert isinstance(error, TimedOut)
    assert [message.text for message in brahim.chat] == ["Bonjour"]


async def test_a_reset_after_the_request_left_is_unclear(telegram: FakeTelegram, brahim: Person) -> None:
    telegram.accept_then_reset_next("sendMessage")
    async with bot_at(telegram.base_url) as bot:
        error = await failure(bot.send_message(brahim.id, "Bonjour"))
        await bot.send_message(brahim.id, "Encore")

    assert isinstance(error, Unclear)
    assert not isinstance(error, TimedOut)
    # Nothing repeats a call behind the sender's back.
    assert [message.text for message in brahim.chat] == ["Bonjour", "Encore"]


async def test_a_broken_server_is_unclear(telegram: FakeTelegram) -> None:
    telegram.fail_next("getMe", status=502)
    async with bot_at(telegram.base_url) as bot:
        error = await failure(bot.get_me())

    assert isinstance(error, Unclear)
    assert "502" in str(error)


@pytest.mark.parametrize(
    ("converse", "error_type"),
    [
        (answering("200 OK", f"<p>Welcome to the hotel, you wanted /bot{TOKEN}/getMe"), Unclear),
        (answering("403 Forbidden", f"<p>Proxy: /bot{TOKEN}/getMe is not allowed"), NotSent),
        (answering("302 Found", "", "Location: http://127.0.0.1:9/login"), NotSent),
        (answering("200 OK", "[" * 100_000), Unclear),
    ],
)
async def test_what_is_no_answer_of_the_bot_api_is_not_quoted(
    converse: Converse, error_type: type[NetworkError], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with server(converse) as port, bot_at(f"http://127.0.0.1:{port}") as bot:
            error = await failure(bot.get_me())

    assert isinstance(error, error_type)
    assert SECRET not in caplog.text


async def test_an_answer_cut_short_is_unclear() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"ok": true')

    async with server(cut) as port, bot_at(f"http://127.0.0.1:{port}") as bot:
        assert isinstance(await failure(bot.get_me()), Unclear)


async def test_no_failure_writes_the_token_to_a_log(
    telegram: FakeTelegram, brahim: Person, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with bot_at(telegram.base_url, AiohttpRequest(read_timeout_s=0.05)) as bot:
            telegram.hang_next("sendMessage")
            telegram.accept_then_reset_next("sendMessage")
            for _ in range(2):
                await failure(bot.send_message(brahim.id, "Bonjour"))
        async with bot_at(f"http://127.0.0.1:{free_port()}") as bot:
            await failure(bot.get_me())

    assert SECRET not in caplog.text


async def test_calls_one_after_the_other_share_a_connection() -> None:
    answer = answering("200 OK", ME)
    connections = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await answer(reader, writer)

    async with server(counted) as port, bot_at(f"http://127.0.0.1:{port}") as bot:
        for _ in range(3):
            await bot.get_me()

    assert connections == 1


async def test_a_server_that_can_t_prove_who_it_is_gets_nothing(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    identity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    identity.load_cert_chain(certificate, key)
    answer = answering("200 OK", ME)
    trusting = AiohttpRequest(tls=ssl.create_default_context(cafile=str(certificate)))

    async with server(answer, identity) as port:
        async with bot_at(f"https://127.0.0.1:{port}") as bot:
            error = await failure(bot.get_me())
        async with bot_at(f"https://127.0.0.1:{port}", trusting) as bot:
            assert (await bot.get_me()).first_name == "Jisr"

    assert isinstance(error, NotSent)
    assert "certificate" in str(error)


async def test_a_proxy_carries_the_calls() -> None:
    first_lines: list[bytes] = []
    async with server(answering("200 OK", ME, first_lines=first_lines)) as port:
        request = AiohttpRequest(proxy=f"http://127.0.0.1:{port}")
        async with bot_at("http://telegram.invalid", request) as bot:
            await bot.get_me()

    assert first_lines == [f"POST http://telegram.invalid/bot{TOKEN}/getMe HTTP/1.1\r\n".encode()]


async def test_a_proxy_that_is_away_means_not_sent() -> None:
    request = AiohttpRequest(proxy=f"http://jisr:{SECRET}@127.0.0.1:{free_port()}")
    async with bot_at("https://telegram.invalid", request) as bot:
        assert isinstance(await failure(bot.get_me()), NotSent)


def test_a_proxy_of_another_kind_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="http"):
        AiohttpRequest(proxy="socks5://127.0.0.1:1080")


async def test_long_polling_waits_longer_than_other_calls(telegram: FakeTelegram, brahim: Person) -> None:
    # PTB adds the poll's own time to read_timeout, so an update within it is not missed.
    async with AiohttpRequest(read_timeout_s=0.2) as request, AiohttpRequest(read_timeout_s=0.2) as updates:
        bot = Bot(TOKEN, base_url=f"{telegram.base_url}/bot", request=request, get_updates_request=updates)
        poll = asyncio.create_task(bot.get_updates(timeout=30))
        await telegram.called("getUpdates")
        # A call that times out on the same settings meanwhile.
        telegram.hang_next("getMe")
        await failure(bot.get_me())
        await brahim.says("Bonjour")

        assert len(await poll) == 1


async def test_it_starts_again_after_a_shutdown(telegram: FakeTelegram) -> None:
    request = AiohttpRequest()
    for _ in range(2):
        async with bot_at(telegram.base_url, request) as bot:
            await bot.get_me()
    await request.shutdown()

    assert len(telegram.calls_of("getMe")) == 2


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file
