import asyncio
import gc
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from bot.logs import configure_logs

TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"
PHONE = "0612345678"
SECRETS = ("Amina", "أمينة", TOKEN, PHONE, "+212 6 12-34-56-78", "٠٦١٢٣٤٥٦٧٨", "4242424242")


class Log:
    """What the process logged, as text and as lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    root, log = logging.getLogger(), Log()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    configure_logs("INFO", "json", log.stream)
    yield log
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail_in_the_database() -> None:
    """Raise as a driver does: with the statement's parameters in the message."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("create table contact (name text primary key)"))
        for _ in range(2):
            connection.execute(text("insert into contact values (:name)"), {"name": "Amina " + TOKEN})


def assert_hides(log: Log, *secrets: str) -> None:
    assert log.lines
    for secret in secrets or SECRETS:
        assert secret not in log.text
        assert json.dumps(secret)[1:-1] not in log.text


def test_an_event_and_its_facts_become_one_json_line(log: Log) -> None:
    class Status(StrEnum):
        FAILED = "failed_permanent"

    structlog.get_logger("bot.delivery").warning(
        "delivery_failed",
        contact_id=81234567,
        trace_id=UUID("00000000-0000-4000-8000-000000000001"),
        status=Status.FAILED,
        attempts=3,
        due_at=datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
    )

    (line,) = log.lines
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {
        "level": "warning",
        "logger": "bot.delivery",
        "event": "delivery_failed",
        "contact_id": 81234567,
        "trace_id": "00000000-0000-4000-8000-000000000001",
        "status": "failed_permanent",
        "attempts": 3,
        "due_at": "2026-11-25T09:30:00+00:00",
    }


def test_the_standard_library_reaches_the_same_line(log: Log) -> None:
    logging.getLogger("storage.outbox").warning("lease_lost", extra={"outbox_id": 7, "phone": PHONE})

    (line,) = log.lines
    assert (line["event"], line["outbox_id"], line["phone"]) == ("lease_lost", 7, "[hidden]")


def test_bound_facts_are_on_every_line(log: Log) -> None:
    with structlog.contextvars.bound_contextvars(trace_id="a1b2c3d4e5f60718"):
        structlog.get_logger("bot.turns").info("turn_done")

    assert log.lines[0]["trace_id"] == "a1b2c3d4e5f60718"


PERSONAL_FIELDS = """
text name phone number chat_id external_id payload token address label answer
first_name phone_number bot_token choice_id webhook_url
"""


@pytest.mark.parametrize("key", PERSONAL_FIELDS.split())
def test_fields_about_a_person_are_hidden_whatever_they_hold(key: str, log: Log) -> None:
    for value in ("short", 5, ["short"], {"a": "short"}):
        structlog.get_logger("bot.turns").info("turn_done", **{key: value})
        logging.getLogger("bot.turns").info("turn_done", extra={"nested": {key: value}})

    assert {line.get(key) or line["nested"][key] for line in log.lines} == {"[hidden]"}


@pytest.mark.parametrize("secret", SECRETS[1:])
def test_secrets_are_hidden_in_any_field(secret: str, log: Log) -> None:
    logger = structlog.get_logger("bot.turns")

    logger.info("turn_done", reason=secret)
    logger.info("turn_done", reason=f"said {secret} yesterday")
    logger.info("turn_done", reasons=[secret, {"why": secret, secret: 1}])
    logger.info(f"saw {secret}")
    logger.info("turn_done", message=f"to {secret}")
    logging.getLogger("bot.turns").info("turn_done", extra={"reason": secret})

    assert_hides(log, secret)
    assert len(log.lines) == 6


def test_numbers_that_could_be_a_chat_id_are_hidden(log: Log) -> None:
    structlog.get_logger("bot.turns").info("turn_done", update=4242424242, left=-1004242424242, took_ms=250)

    (line,) = log.lines
    assert (line["update"], line["left"], line["took_ms"]) == ("[hidden]", "[hidden]", 250)


def test_objects_show_their_type_only(log: Log) -> None:
    @dataclass
    class Contact:
        name: str

    structlog.get_logger("bot.turns").info(
        "turn_done", who=Contact("Amina"), error=ValueError("Amina"), raw=b"Amina"
    )

    (line,) = log.lines
    assert (line["who"], line["error"], line["raw"]) == ("<Contact>", "<ValueError>", "<bytes>")


def test_a_sentence_is_no_event_name(log: Log) -> None:
    structlog.get_logger("bot.turns").info("Amina said %s", "Amina")
    structlog.get_logger("bot.turns").info("turn_done", "Amina", stack_info=True)
    logging.getLogger("bot.turns").info("Amina said %s", "Amina")

    assert_hides(log, "Amina")
    assert [line["event"] for line in log.lines] == [
        "event_without_a_name",
        "turn_done",
        "event_without_a_name",
    ]


def with_structlog(logger: str) -> None:
    structlog.get_logger(logger).exception("turn_failed")


def with_the_standard_library(logger: str) -> None:
    logging.getLogger(logger).exception("turn_failed")


@pytest.mark.parametrize("report", [with_structlog, with_the_standard_library])
@pytest.mark.parametrize("logger", ["bot.turns", "apscheduler.executors.default"])
def test_an_exception_shows_types_and_places_but_no_message(
    report: Callable[[str], None], logger: str, log: Log
) -> None:
    try:
        try:
            fail_in_the_database()
        except IntegrityError as error:
            raise RuntimeError("Amina cannot be stored") from error
    except RuntimeError:
        report(logger)

    (line,) = log.lines
    assert_hides(log)
    assert line["exception"].startswith("builtins.RuntimeError\n  ")
    assert "\ncaused by\nsqlalchemy.exc.IntegrityError\n" in line["exception"]
    assert "\ncaused by\nsqlite3.IntegrityError\n" in line["exception"]
    assert "fail_in_the_database" in line["exception"]
    assert f"{__file__}:" in line["exception"]


def test_an_exception_while_handling_another_and_a_group_are_told_in_full(log: Log) -> None:
    try:
        try:
            raise KeyError("Amina")
        except KeyError:
            raise ExceptionGroup("Amina", [ValueError("Amina"), TypeError(PHONE)])  # noqa: B904 - implicit
    except ExceptionGroup as error:
        structlog.get_logger("bot.ticks").error("tick_failed", exc_info=error)

    told = log.lines[0]["exception"]
    assert_hides(log)
    for kind in ("ExceptionGroup", "ValueError", "TypeError", "KeyError"):
        assert f"builtins.{kind}" in told


def test_an_exception_that_causes_itself_ends(log: Log) -> None:
    first, second = ValueError("Amina"), TypeError("Amina")
    first.__cause__, second.__cause__ = second, first

    structlog.get_logger("bot.turns").error("turn_failed", exc_info=first)

    assert log.lines[0]["exception"].count("builtins.") == 2


def test_a_library_may_say_numbers_but_no_words(log: Log) -> None:
    logging.getLogger("uvicorn.error").warning("Exceeded %d of %s", 12, "Amina")
    logging.getLogger("aiohttp.client").error("%s", ValueError("Amina"))
    logging.getLogger("telegram.ext").error(ValueError("Amina"))
    logging.getLogger("websockets").error("with %(who)s", {"who": "Amina"})
    logging.getLogger("httpx").error(f"POST https://api.telegram.org/bot{TOKEN}/getMe")
    logging.getLogger("somebody").error("odd %d", 4242424242)
    logging.getLogger("somebody").error("odd", extra={"who": "Amina"})

    assert_hides(log)
    assert [line["event"] for line in log.lines] == [
        "Exceeded 12 of [hidden]",
        "[hidden]",
        "<ValueError>",
        "with %(who)s",
        "[hidden]",
        "odd %d",
        "odd",
    ]


@pytest.mark.parametrize(
    "library", ["alembic", "httpx", "aiohttp", "telegram", "uvicorn", "sqlalchemy", "websockets"]
)
def test_libraries_are_silent_below_warning_even_when_we_debug(library: str, log: Log) -> None:
    logging.getLogger(f"{library}.access").setLevel(logging.DEBUG)
    logging.getLogger(f"{library}.access").addHandler(logging.StreamHandler(log.stream))
    configure_logs("DEBUG", "json", log.stream)

    logging.getLogger(f"{library}.access").info("POST /bot/getMe")
    logging.getLogger("bot.turns").debug("turn_done")

    assert [line["event"] for line in log.lines] == ["turn_done"]


def test_the_level_decides_what_we_say(log: Log) -> None:
    configure_logs("WARNING", "json", log.stream)

    structlog.get_logger("bot.turns").info("turn_done")
    structlog.get_logger("bot.turns").warning("turn_slow")

    assert [line["event"] for line in log.lines] == ["turn_slow"]


def test_a_task_that_fails_unseen_shows_no_message(log: Log) -> None:
    async def fail() -> None:
        raise ValueError("Amina")

    async def forget() -> None:
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        del task
        gc.collect()

    asyncio.run(forget())

    assert_hides(log, "Amina")
    assert log.lines[0]["event"] == "Task exception was never retrieved"
    assert log.lines[0]["exception"].startswith("builtins.ValueError")


def test_a_crash_of_the_process_or_a_thread_shows_no_message(
    log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        fail_in_the_database()
    except IntegrityError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    thread = threading.Thread(target=fail_in_the_database)
    thread.start()
    thread.join()

    assert_hides(log)
    assert [line["event"] for line in log.lines] == ["crashed", "thread_crashed"]
    assert "Amina" not in "".join(capfd.readouterr())


def test_a_line_that_cannot_be_written_shows_nothing_of_itself(
    log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken(dict[str, str]):
        def items(self) -> Any:
            raise RuntimeError("Amina")

    structlog.get_logger("bot.turns").info("turn_done", facts=Broken())

    assert [line["event"] for line in log.lines] == ["log_line_failed"]
    assert "Amina" not in "".join(capfd.readouterr())


def test_the_console_hides_as_much(log: Log) -> None:
    configure_logs("INFO", "console", log.stream)

    try:
        fail_in_the_database()
    except IntegrityError:
        structlog.get_logger("bot.turns").exception("turn_failed", reason=PHONE, attempts=2)

    assert "turn_failed" in log.text
    assert "attempts=2" in log.text
    assert "sqlalchemy.exc.IntegrityError\n  " in log.text
    assert not any(secret in log.text for secret in SECRETS)


def test_a_stream_that_is_no_terminal_gets_json(log: Log) -> None:
    configure_logs("INFO", "auto", log.stream)

    structlog.get_logger("bot.turns").info("turn_done")

    assert log.lines[0]["event"] == "turn_done"
