"""Drafts to JSON and back: dataclasses of plain fields, dates, times, enumerations and lists of them."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
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
    hints = _hints(kind)
    return kind(**{name: _typed(hints[name], value) for name, value in body.items() if name in hints})


_HINTS: dict[type[Any], dict[str, Any]] = {}


def _hints(kind: type[Any]) -> dict[str, Any]:
    # Resolving annotations is slow and every turn needs them.
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind)
    return _HINTS[kind]


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


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _typed(next(arm for arm in get_args(hint) if arm is not type(None)), value)
    if origin in (list, tuple):
        return origin(_typed(get_args(hint)[0], item) for item in value)
    if origin is dict:
        return {key: _typed(get_args(hint)[1], item) for key, item in value.items()}
    if isinstance(hint, type) and issubclass(hint, datetime | date | time):
        return hint.fromisoformat(value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return value
