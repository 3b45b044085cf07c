"""Log lines that hold no person: an event name, facts as fields, and nothing somebody wrote.

Being known to this service shows that somebody was in prison. So every line,
ours or a library's, passes one gate that hides what could name a person and
what could open the bot, and an exception is shown without its message, because
drivers put stored values into theirs.
"""

import contextlib
import logging
import re
import sys
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final, TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor

HIDDEN: Final = "[hidden]"

# Bot API tokens: the bot's id, a colon and 35 letters today; no setting accepts another shape.
TOKEN_SHAPE: Final = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}", re.ASCII)
# Access tokens of the Graph API; its ids of messages, which hold a number in base64, and of people.
GRAPH_TOKEN: Final = re.compile(r"EAA[A-Za-z0-9]{16,}", re.ASCII)
GRAPH_ID: Final = re.compile(r"wamid\.|\b[A-Z]{2}\.[A-Za-z0-9.]{8,}", re.ASCII)
MOROCCAN_PHONE: Final = re.compile(r"(?:(?:\+|00)[\s.()-]*212|0)[\s.()-]*[5-7](?:[\s.()-]*\d){8}")
FOREIGN_PHONE: Final = re.compile(r"\+\d{1,3}(?:[\s.()-]*\d){6}")
LONG_NUMBER: Final = re.compile(r"\d{7}")
RANDOM_ID: Final = re.compile(r"(?=.*[a-z])[0-9a-f]{16,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EVENT_NAME: Final = re.compile(r"[a-z][a-z0-9_.]*")
FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

# A field is hidden when one of these stands in its name between underscores: display_name, phone_number.
HIDDEN_WORDS: Final = frozenset(
    {"text", "choice", "name", "phone", "number", "payload", "token", "address", "label", "answer"}
    | {"body", "password", "secret", "chat", "external", "user", "username", "url"}
)
# Ids that we made ourselves: the only fields, with moments (..._at), that may hold long numbers.
ID_FIELDS: Final = frozenset(
    {
        "address_id",
        "announcement_id",
        "appointment_id",
        "centre_id",
        "check_in_id",
        "contact_id",
        "handover_id",
        "inbound_id",
        "invitation_id",
        "key_id",
        "message",
        "message_id",
        "outbox_id",
        "reminder_id",
        "session_id",
        "slot_id",
        "task_id",
        "trace_id",
        "turn_id",
    }
)
ID_SHAPE: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,64}", re.ASCII)

# These follow the chosen level. Every library speaks from WARNING on only: at DEBUG and INFO
# they print addresses with tokens, SQL parameters and whole messages.
OWN: Final = ("bot", "storage", "conversations", "__main__")
LIBRARIES: Final = (
    *("aiohttp", "aiosqlite", "alembic", "apscheduler", "asyncio", "asyncpg", "httpcore", "httpx"),
    *("sqlalchemy", "starlette", "telegram", "uvicorn", "websockets"),
)

# The line's own, and ways in for values without a name: a format's arguments, a stack with its source.
NOT_FIELDS: Final = frozenset(
    {"timestamp", "level", "logger", "event", "exception", "positional_args", "stack", "stack_info"}
)
_STANDARD_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def configure_logs(level: str, log_format: str = "auto", stream: TextIO | None = None) -> None:
    """Send every line of the process, ours and the libraries', through the gate to `stream`.

    level is DEBUG, INFO, WARNING or ERROR; log_format is "json", "console", or
    "auto" for console in a terminal and JSON elsewhere; stream None is standard error.
    uvicorn must be started with log_config=None, or it brings its own handlers.
    """
    stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[_gate, _renderer(log_format, stream)],
            use_get_message=False,
            pass_foreign_args=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in {*OWN, *LIBRARIES}:
            _hand_over(logging.getLogger(name), logging.NOTSET)
    for name in LIBRARIES:
        _hand_over(logging.getLogger(name), logging.WARNING)
    for name in OWN:
        _hand_over(logging.getLogger(name), logging.getLevelNamesMapping()[level])
    sys.excepthook = _log_crash
    threading.excepthook = _log_thread_crash


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        # logging would print the record with its arguments.
        with contextlib.suppress(OSError, ValueError):
            self.stream.write('{"event": "log_line_failed"}\n')


def _hand_over(logger: logging.Logger, level: int) -> None:
    """Take away what a library set for itself, so that its lines reach the one handler."""
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(level)


def _renderer(log_format: str, stream: TextIO) -> Processor:
    is_terminal = stream.isatty()
    if log_format == "console" or (log_format == "auto" and is_terminal):
        return structlog.dev.ConsoleRenderer(
            colors=is_terminal, exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.processors.JSONRenderer()


def _gate(_logger: Any, _method: str, given: EventDict) -> EventDict:
    """Build the line anew from what is known to be harmless."""
    record: logging.LogRecord = given.pop("_record")
    is_structlog: bool = given.pop("_from_structlog")
    is_ours = is_structlog or _is_under(record.name, OWN)
    error = _error(given.pop("exc_info", None))
    fields = given if is_structlog else _extra(record) if is_ours else {}
    event = _own_event(given["event"]) if is_ours else _foreign_event(record, given["positional_args"])
    line: EventDict = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": event,
        **_safe_fields({key: value for key, value in fields.items() if key not in NOT_FIELDS}),
    }
    if error:
        line["exception"] = "\n".join(_told(error))
    return line


def _is_under(name: str, parents: tuple[str, ...]) -> bool:
    return name.partition(".")[0] in parents


def _extra(record: logging.LogRecord) -> dict[str, object]:
    """Return what was passed to the standard library's logger as extra=."""
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD_ATTRIBUTES}


def _own_event(event: object) -> str:
    """Return the event name; a sentence instead of a name may have had anything put into it."""
    return event if isinstance(event, str) and EVENT_NAME.fullmatch(event) else "event_without_a_name"


def _foreign_event(record: logging.LogRecord, args: object) -> str:
    """Return a library's sentence with numbers put in and every other argument hidden."""
    if not isinstance(record.msg, str):
        return f"<{type(record.msg).__name__}>"
    # asyncio writes the failed task with its exception's message on the lines after the first.
    template = record.msg.partition("\n")[0]
    arguments = args if isinstance(args, tuple) else ()
    shown = tuple(_safe(arg) if isinstance(arg, int | float) else HIDDEN for arg in arguments)
    try:
        sentence = template % shown if shown else template
    except (TypeError, ValueError):
        sentence = template
    return str(_safe(sentence))


def _safe_fields(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        (key if FIELD_NAME.fullmatch(str(key)) else HIDDEN): _safe_field(str(key), value)
        for key, value in fields.items()
    }


def _safe_field(key: str, value: object) -> object:
    if key in ID_FIELDS or key.endswith("_at"):
        return _safe(value, is_id=True)
    return HIDDEN if HIDDEN_WORDS.intersection(key.lower().split("_")) else _safe(value)


def _safe(value: object, *, is_id: bool = False) -> object:
    """Return what a line may show of a value: the value, "[hidden]", or the name of its type."""
    match value:
        case None | bool() | float():
            return value
        case Enum():
            return _safe(value.value)
        case int():
            return value if is_id or abs(value) < 10**6 else HIDDEN
        case str():
            return value if _is_harmless(value, is_id=is_id) else HIDDEN
        case UUID() | PurePath():
            return _safe(str(value))
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case list() | tuple() | set() | frozenset():
            return [_safe(item, is_id=is_id) for item in value]
        case dict():
            return _safe_fields(value)
        case _:
            return f"<{type(value).__name__}>"


def _is_harmless(text: str, *, is_id: bool) -> bool:
    if RANDOM_ID.fullmatch(text):
        return True
    digits = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
    if GRAPH_TOKEN.search(text) or GRAPH_ID.search(text):
        return False
    if TOKEN_SHAPE.search(digits) or MOROCCAN_PHONE.search(digits) or FOREIGN_PHONE.search(digits):
        return False
    if is_id:
        return bool(ID_SHAPE.fullmatch(text))
    # Facts are written in ASCII; other letters come from people.
    return text.isascii() and not LONG_NUMBER.search(text)


def _error(exc_info: object) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case None | False | (None, None, None):
            return None
        case _:
            return sys.exc_info()[1]


def _told(error: BaseException, seen: frozenset[int] = frozenset()) -> Iterator[str]:
    """Yield the exception's type and frames, then those of its causes: never a message or a value."""
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    for frame, line_no in walk_tb(error.__traceback__):
        yield f"  {frame.f_code.co_filename}:{line_no} {frame.f_code.co_name}"
    seen |= {id(error)}
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from ("one of the group", *_told(inner, seen))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and id(cause) not in seen:
        yield from ("caused by", *_told(cause, seen))


def _log_crash(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("crashed", exc_info=error)


def _log_thread_crash(args: threading.ExceptHookArgs) -> None:
    logging.getLogger("bot").critical("thread_crashed", exc_info=args.exc_value)
