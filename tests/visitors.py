"""People who use the running service at the same time, whatever happens to it meanwhile.

Each does the next thing as soon as they see the answer to the last, and waits for it as long as it takes.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import islice

from tests.fake_telegram import Button, FakeTelegram, Person, Tap

# Each comes at a time of their own.
VISITORS = {"Amina": "0900", "Brahim": "0930", "Chama": "1000", "Hind": "1030", "Yassin": "1100"}
# How far back somebody looks: what was cut off comes again below.
IN_SIGHT = 30
# Only ends a test that has failed.
PATIENCE_S = 120.0

_PROMPT = re.compile(r"([pn])(\d+):(.+)")
# Choices by their shape, the last that fits: a day far enough ahead to have all its times, the only visit.
_DAY, _VISIT, _NOTHING = r"\d{4}-\d\d-\d\d", r"\d+", r"(?!)"


class Visitor:
    """Somebody who books and cancels. `acts` counts what they have done, `booked` their visits."""

    def __init__(self, telegram: FakeTelegram, name: str, at: str) -> None:
        self.telegram = telegram
        self.person = telegram.user(first_name=name, language_code="fr")
        self.booked = 0
        self.acts = 0
        self._at = at
        self._prompt_no = 0
        self._chosen = _NOTHING
        self._tap: Tap | None = None

    async def goes_on(self, enough: asyncio.Event) -> None:
        """Book and cancel until it is enough; the last visit stays."""
        await self.comes_in()
        while True:
            await self.books()
            if enough.is_set():
                return
            await self.cancels()

    async def comes_in(self) -> None:
        await self._does(self.person.says("/start"))
        for choice in ("en", "agree"):
            await self.taps(choice)
        await self._sees(lambda: self._find("booking") is not None, "the menu")

    async def books(self) -> None:
        await self.taps("booking")
        await self.taps("job")
        await self._types("Salé")
        for choice in (_DAY, self._at, "yes"):
            await self.taps(choice)
        await self._is_done()
        self.booked += 1

    async def cancels(self) -> None:
        for choice in ("!menu", "my_visits", _VISIT, "cancel", "yes"):
            await self.taps(choice)
        await self._is_done()
        await self.taps("!menu")

    async def _is_done(self) -> None:
        """Wait until the question has given way to its answer."""
        await self._until(lambda: bool(self._find("!menu") and not self._find("yes")), "the answer")

    async def asks_for_the_menu(self) -> None:
        """Type /menu, and wait for the menu."""
        await self._does(self.person.says("/menu"))
        await self._sees(lambda: self._find("booking") is not None, "the menu")

    async def taps(self, choice: str) -> None:
        """Tap a choice of the first prompt that is newer than the one tapped last."""
        await self._until(lambda: self._find(choice) is not None, choice)
        await self._taps(choice)

    async def _types(self, key: str) -> None:
        """Press a key of the reply keyboard, which says its words."""
        await self._until(lambda: key in self.person.reply_keyboard, key)
        await self._does(self.person.taps(key))
        self._chosen = _NOTHING

    async def _until(self, claim: Callable[[], bool], what: str) -> None:
        """Wait for the answer to the last tap; when that was on an old message, tap in the new one."""
        while True:
            await self._sees(lambda: claim() or self._was_on_an_old_message(), what)
            if claim():
                return
            await self._taps(self._chosen)

    def _was_on_an_old_message(self) -> bool:
        """Whether something came between: the tap has been taken, and what it chose is offered again."""
        return self._tap is not None and self._tap.notice is not None and self._find(self._chosen) is not None

    async def _taps(self, choice: str) -> None:
        found = self._find(choice)
        assert found is not None
        message_id, data, self._prompt_no = found
        self._chosen = choice
        self._tap = await self.person.taps_in(message_id, data)
        await self._done()

    def _find(self, choice: str) -> tuple[int, str, int] | None:
        for shown in islice(self.person.newest_first(), IN_SIGHT):
            for button in reversed(shown.buttons):
                kind, number, offered = parts(button)
                if kind == "p" and number > self._prompt_no and re.fullmatch(choice, offered):
                    return shown.message_id, button.callback_data or "", number
        return None

    async def _sees(self, claim: Callable[[], bool], what: str) -> None:
        await self.telegram.until(claim, PATIENCE_S, f"{self.person.id}: {what}")

    async def _does(self, act: Awaitable[object]) -> None:
        await act
        await self._done()

    async def _done(self) -> None:
        self.acts += 1
        await self.telegram.announce()


class Confirmer:
    """A caseworker who confirms every visit they hear of. `invitation` is what their link makes them send."""

    def __init__(self, telegram: FakeTelegram) -> None:
        self.telegram = telegram
        self.person = telegram.user(first_name="Driss", language_code="en")
        self._notice_no = 0

    async def goes_on(self) -> None:
        """Confirm until cancelled."""
        while True:
            await self.telegram.until(lambda: self._find() is not None, None, "a request")
            found = self._find()
            assert found is not None
            message_id, data, self._notice_no = found
            await self.person.taps_in(message_id, data)

    def _find(self) -> tuple[int, str, int] | None:
        """Return the oldest request that is not yet looked at."""
        oldest = None
        for shown in self.person.newest_first():
            for button in shown.buttons:
                kind, number, choice = parts(button)
                if kind == "n" and number <= self._notice_no:
                    return oldest
                if kind == "n" and choice == "confirm":
                    oldest = shown.message_id, button.callback_data or "", number
        return oldest


def parts(button: Button) -> tuple[str, int, str]:
    """Return whether it is a prompt's or a notice's, its number and the choice."""
    found = _PROMPT.fullmatch(button.callback_data or "")
    return (found[1], int(found[2]), found[3]) if found else ("", 0, "")


def repeated(telegram: FakeTelegram, person: Person) -> int:
    """Return how many messages came to somebody twice, and how many edits were done again.

    Numbered buttons tell messages apart, an announcement its words. A tap acknowledged again is no harm.
    """
    shown = Counter(
        tuple(button.callback_data for button in message.buttons)
        if any(parts(button)[0] for button in message.buttons)
        else message.text
        for message in person.chat
        if message.from_bot and message.buttons
    )
    again = [
        refusal
        for refusal in telegram.refusals
        if refusal.params.get("chat_id") == person.id and "not modified" in refusal.description
    ]
    return shown.total() - len(shown) + len(again)
