"""People who talk to the running service with Telegram in their hand.

    brahim = Phone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
    await brahim.says("/start")
    menu = await brahim.taps("en", "agree")
    assert "What can we do for you?" in menu.text

A button is named by its choice's id, which is the same in every language, by its label or by its place.
Waiting is patience with a busy machine: nothing here measures time.
"""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.channels.telegram import KEYBOARD_GONE
from conversations.care.people import Role
from storage.database import Database
from tests.fake_telegram import Button, Call, FakeTelegram, Person, Shown, Tap
from tests.service import as_setting, run_command

# Nobody's, but of the shape that the settings ask for.
TOKEN = "123456:TEST-token_of_nobody_at_all_0123456789"
KEYS = "test:" + base64.b64encode(b"k" * 32).decode()
AT_TELEGRAMS_PACE = {"TELEGRAM_PER_SECOND": "30"}
WAIT_S = 30.0
FIRST = 0


class Phone:
    """One person's chat with the bot: what they do, and what they see next.

    Every message and every edit is seen once, in order. `taps_done` counts buttons of both keyboards.
    """

    def __init__(self, telegram: FakeTelegram, person: Person) -> None:
        self.telegram = telegram
        self.person = person
        self.taps_done = 0

    @property
    def id(self) -> int:
        return self.person.id

    async def sees(self) -> Shown:
        """Return the next message or edit; the word that takes a keyboard away counts for nothing."""
        shown = await self.person.next_message(WAIT_S)
        return await self.sees() if shown.text == KEYBOARD_GONE else shown

    async def finds(self, words: str) -> Shown:
        """Read on until a message holds the words, and return it."""
        while words not in (shown := await self.sees()).text:
            pass
        return shown

    async def says(self, text: str) -> Shown:
        await self.person.says(text)
        return await self.sees()

    async def taps(self, *buttons: str | int) -> Shown:
        """Tap one button after the other, each in the newest message that has it; return the last answer."""
        for button in buttons:
            tap = await self.presses(button)
            if tap.callback_id is not None:
                await tap.answered(WAIT_S)
            shown = await self.sees()
        return shown

    async def taps_in(self, message: Shown, button: str | int) -> Shown:
        """Tap a button of one message, however old, and wait for the answer."""
        self.taps_done += 1
        tap = await self.person.taps_in(message.message_id, _data(message, button))
        await tap.answered(WAIT_S)
        return await self.sees()

    async def presses(self, button: str | int) -> Tap:
        """Tap a button without waiting for what follows."""
        self.taps_done += 1
        message = self._newest_with(button)
        if message is not None:
            return await self.person.taps_in(message.message_id, _data(message, button))
        # The first key shares the location.
        return await self.person.taps(
            self.person.reply_keyboard[1 + button] if isinstance(button, int) else button
        )

    def _newest_with(self, button: str | int) -> Shown | None:
        """Return the newest message with the button, None when it is a key of the reply keyboard."""
        told = [shown for shown in self.person.chat if shown.from_bot and shown.buttons]
        if isinstance(button, int):
            return None if self.person.reply_keyboard else told[-1]
        return next((each for each in reversed(told) if any(_is(key, button) for key in each.buttons)), None)


def ids(shown: Shown) -> list[str]:
    """Return the choices that a message offers, in order."""
    return [_choice(button) for button in shown.buttons]


def calls_to(phone: Phone) -> list[Call]:
    """Return what was sent to somebody's chat or edited in it, whether the server took it or not."""
    return [call for call in phone.telegram.calls if call.params.get("chat_id") == phone.id]


def settings_with(telegram: FakeTelegram, database_url: str) -> dict[str, str]:
    """Return the service's settings for this Bot API and this database.

    Without its pace: people here answer at once, which nobody does for long, and the fake API allows it.
    """
    return {
        "TELEGRAM_TOKEN": telegram.token,
        "TELEGRAM_PER_SECOND": "0",
        "TELEGRAM_API_URL": telegram.base_url,
        "DATABASE_URL": as_setting(database_url),
        "JISR_KEYS": KEYS,
    }


async def invitation(database: Database, role: Role, centre: str | None = None) -> str:
    """Write an invitation into the service's database, and return what its link makes Telegram send."""
    now = datetime.now(UTC)
    async with database.transaction() as unit:
        code = await unit.invitations.create(role, centre, now=now, expires_at=now + timedelta(hours=1))
    return f"/start {code}"


async def invited(role: str, *options: str, settings: Mapping[str, str]) -> str:
    """Invite somebody on the command line, and return what their link makes Telegram send."""
    code, printed, complaints = await run_command("invite", "--role", role, *options, settings=settings)
    assert code == 0, complaints
    link = re.search(r"https://t\.me/\w+\?start=(\S+)", printed)
    assert link is not None, printed
    return f"/start {link[1]}"


def _is(button: Button, name: str) -> bool:
    return name in (_choice(button), button.text)


def _choice(button: Button) -> str:
    return (button.callback_data or "").partition(":")[2]


def _data(message: Shown, button: str | int) -> str:
    found = message.buttons[button] if isinstance(button, int) else None
    found = found or next(each for each in message.buttons if _is(each, str(button)))
    assert found.callback_data is not None
    return found.callback_data
