"""People who talk to the running service with WhatsApp in their hand.

    amina = Phone(graph, graph.person("Amina"))
    await amina.says("سلام")
    menu = await amina.taps("ar", "agree")
    assert "booking" in ids(menu)

The same words as in telegram_people.py: a button is named by its choice's id, which is the same in every
language, by its label or by its place. Choices that stand as numbers in the text are named by label or place
and typed. Waiting is patience with a busy machine: nothing here measures time.
"""

import base64
import re

from tests.fake_graph import Button, Call, FakeGraph, Person, Shown
from tests.service import as_setting

KEYS = "test:" + base64.b64encode(b"k" * 32).decode()
WEBHOOK_PATH = "/whatsapp/webhook"
WAIT_S = 30.0
FIRST = 0

_NUMBERED = re.compile(r"^\W*(\d+)\. (.+)$", re.MULTILINE)


class Phone:
    """One person's chat with the service: what they do, and what they see next.

    Every message is seen once, in order. `taps_done` counts buttons, rows and typed numbers.
    """

    def __init__(self, graph: FakeGraph, person: Person) -> None:
        self.graph = graph
        self.person = person
        self.taps_done = 0

    @property
    def external_id(self) -> str:
        """What the service knows them by."""
        external_id = self.person.user_id or self.person.phone
        assert external_id is not None
        return external_id

    async def sees(self) -> Shown:
        """Return the next message."""
        return await self.person.next_message(WAIT_S)

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
            await self.presses(button)
            shown = await self.sees()
        return shown

    async def taps_in(self, message: Shown, button: str | int) -> Shown:
        """Tap a button of one message, however old, and wait for the answer."""
        await self.presses_in(message, button)
        return await self.sees()

    async def presses(self, button: str | int) -> str:
        """Tap a button without waiting for what follows; return the wamid of what was sent."""
        told = [shown for shown in reversed(self.person.chat) if shown.from_service]
        message = next((shown for shown in told if _place(shown, button) is not None), None)
        if message is None:
            raise LookupError(f"no button {button!r} among {[offered(shown) for shown in told]}")
        return await self.presses_in(message, button)

    async def presses_in(self, message: Shown, button: str | int) -> str:
        self.taps_done += 1
        at = _place(message, button)
        if at is None:
            raise LookupError(f"no button {button!r} among {offered(message)}")
        if at < len(message.buttons):
            return await self.person.taps_in(message.message_id, message.buttons[at].id)
        return await self.person.says(_numbers(message)[at - len(message.buttons)][0])

    async def shares_location(self, lat: float, lon: float) -> Shown:
        """Share a place, in degrees, and return the answer."""
        await self.person.sends_location(lat, lon)
        return await self.sees()

    async def sends_voice(self, content: bytes = b"OggS") -> str:
        return await self.person.sends_voice(content)


def ids(shown: Shown) -> list[str]:
    """Return the choices that a message offers on buttons or rows, in order."""
    return [_choice(button) for button in shown.buttons]


def offered(shown: Shown) -> list[str]:
    """Return the labels of all choices of a message, those too that stand in its text with a number."""
    return [*shown.labels, *(label for _, label in _numbers(shown))]


def bodies_to(phone: Phone) -> list[Call]:
    """Return what was sent to somebody, whether the server took it or not."""
    names = (phone.person.phone, phone.person.user_id)
    calls = phone.graph.calls_of("messages")
    return [call for call in calls if (call.body.get("to") or call.body.get("recipient")) in names]


def settings_with(graph: FakeGraph, database_url: str) -> dict[str, str]:
    """Return the service's settings for this Graph API and this database.

    Without its pace, which is tested where it is: people here answer at once, which nobody does for long.
    """
    return {
        "WHATSAPP_PER_SECOND": "0",
        "WHATSAPP_TOKEN": graph.token,
        "WHATSAPP_PHONE_NUMBER_ID": graph.phone_number_id,
        "WHATSAPP_BUSINESS_ACCOUNT_ID": graph.business_account_id,
        "WHATSAPP_APP_SECRET": graph.app_secret,
        "WHATSAPP_VERIFY_TOKEN": graph.verify_token,
        "WHATSAPP_API_URL": graph.base_url,
        "DATABASE_URL": as_setting(database_url),
        "JISR_KEYS": KEYS,
    }


def _place(shown: Shown, button: str | int) -> int | None:
    """Return where a message has the button, the numbered ones after the others; None when it hasn't."""
    labels = offered(shown)
    if isinstance(button, int):
        return button if button < len(labels) else None
    choices = ids(shown)
    if button in choices:
        return choices.index(button)
    return labels.index(button) if button in labels else None


def _numbers(shown: Shown) -> list[tuple[str, str]]:
    """Return the number to type and the label of each choice that stands in the text."""
    return [(number, label.strip()) for number, label in _NUMBERED.findall(shown.text)]


def _choice(button: Button) -> str:
    return button.id.partition(":")[2]
