"""Plain text as messengers carry it: its direction, whole emoji, lengths, and slash commands in it."""

import re
import unicodedata

from conversations.engine.reply import Command, Text

RIGHT_TO_LEFT_MARK = "\u200f"

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@\w+)?(?:\s+(.*))?", re.DOTALL)


def words(text: str) -> Command | Text:
    """Return what was typed: a slash command, or text."""
    command = _COMMAND.fullmatch(text)
    if command is None:
        return Text(text)
    return Command(command[1].lower(), (command[2] or "").strip())


def directed(text: str, direction: str) -> str:
    """Return the text with each line running as its language does.

    A line's first letter decides: a Latin name in front would turn an Arabic line round. A line without
    any Arabic is somebody's French, and runs as French does.
    """
    if direction != "rtl":
        return text
    return "\n".join(
        f"{RIGHT_TO_LEFT_MARK}{line}" if _starts_left_to_right(line) and _has_arabic(line) else line
        for line in text.split("\n")
    )


def _has_arabic(line: str) -> bool:
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in line)


def _starts_left_to_right(line: str) -> bool:
    kinds = map(unicodedata.bidirectional, line)
    return next((kind for kind in kinds if kind in {"L", "R", "AL"}), None) == "L"


def whole(text: str) -> str:
    """Return the text with halves of emoji replaced: a web page can send one, HTTP can't carry it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def parts(text: str, most: int) -> list[str]:
    """Return the text in pieces of so many units, cut at line ends or at least at spaces."""
    pieces = []
    while units(text) > most:
        # A pair that the limit cuts in two goes to the next part.
        head = text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")
        cut = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or len(head)
        pieces.append(text[:cut])
        text = text[cut:].lstrip("\n ")
    return [part for part in (*pieces, text) if part.strip()]


def units(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2
