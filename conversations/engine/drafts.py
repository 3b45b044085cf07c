"""Drafts to JSON and back: dataclasses of plain fields, dates, times, enumerations and lists of them."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import partial
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from conversations.engine.flow import JSON, Draft


def draft_to_json(draft: Any) -> JSON:
    """Return the draft's fields as JSON values; fields left at None are dropped."""
    if not is_dataclass(draft):
        raise TypeError(f"a draft is a dataclass, not {type(draft).__name__}")
    return {
        item.name: _plain(value) for item in fields(draft) if (value := getattr(draft, item.name)) is not None
    }


def draft_from_json(kind: type[Draft], body: JSON) -> Draft:
    """Return a draft of the kind; fields it no longer has are ignored.

    Raises TypeError or ValueError when the stored values don't fit, which the engine takes as a
    draft of another version.
    """
    readers = _readers(kind)
    return kind(**{name: _read(readers[name], value) for name, value in body.items() if name in readers})


# Reads a value of JSON; None where it is already what the field takes.
_Reader = Callable[[Any], Any] | None


_READERS: dict[type[Any], Mapping[str, _Reader]] = {}


def _readers(kind: type[Any]) -> Mapping[str, _Reader]:
    # Resolving annotations is slow and every turn needs them.
    if kind not in _READERS:
        _READERS[kind] = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return _READERS[kind]


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def _reader(hint: Any) -> _Reader:
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _reader(next(arm for arm in arms if arm is not type(None)))
    if origin in (list, tuple):
        return partial(_read_items, origin, _reader(arms[0]))
    if origin is dict:
        return partial(_read_values, _reader(arms[1]))
    if isinstance(hint, type) and issubclass(hint, datetime | date | time):
        return hint.fromisoformat
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return None


def _read_items(kind: type[list[Any] | tuple[Any, ...]], read: _Reader, values: Any) -> Any:
    return kind(_read(read, value) for value in values)


def _read_values(read: _Reader, values: Any) -> Any:
    return {key: _read(read, value) for key, value in values.items()}


def _read(read: _Reader, value: Any) -> Any:
    return value if value is None or read is None else read(value)
