"""One reply being handled: what a step can see and do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Generic

from conversations.care.clips import Clip
from conversations.care.documents import Document
from conversations.care.people import Contact, ContactId
from conversations.engine.flow import Draft, Prompt
from conversations.engine.outbound import Purpose, Venue
from conversations.engine.reply import Channel, Media, Reply
from conversations.ports import Desk, World
from conversations.texts import Texts


@dataclass(frozen=True, slots=True)
class Show:
    """Show the session's prompt. `in_place`: the reply was a tap, write over the message it was on."""

    prompt: Prompt
    prompt_ref: str | None
    in_place: bool
    takes_keyboard_away: bool = False


@dataclass(frozen=True, slots=True)
class Push:
    """Show a flow's first prompt to somebody, beside whatever they are doing.

    `key` is unique for ever: pushing the same key again changes nothing. With `replaces` the message
    sent under that key is written over. `subject` names what the notice is about ("visit:12").
    `keeps_quiet`: never at night, even when it is late. `useful_until`: aware; from then on never.
    `address_id` is where to, for what only this address is to hear; None: where the person is written to.
    """

    contact_id: ContactId
    flow: str
    draft: Any
    purpose: Purpose
    key: str
    subject: str | None = None
    replaces: str | None = None
    keeps_quiet: bool = False
    useful_until: datetime | None = None
    address_id: int | None = None


@dataclass(frozen=True, slots=True)
class SendDocument:
    """Send a page to whoever this turn answers, under the prompt."""

    document: Document


@dataclass(frozen=True, slots=True)
class SendVenue:
    """Send a place on the map to whoever this turn answers, under the prompt."""

    venue: Venue


@dataclass(frozen=True, slots=True)
class SendClip:
    """Send a recording to whoever this turn answers, under the prompt."""

    clip: Clip


Effect = Show | Push | SendDocument | SendVenue | SendClip


@dataclass
class Turn(Generic[Draft]):
    """What a step is given. `now` is aware UTC; `today` and `local_now` are in the country's zone.

    `reply` is the one being handled, None while a prompt is made for somebody who sent nothing.
    `address_id` is where the reply came from, or where the prompt goes to.
    """

    draft: Draft
    contact: Contact
    texts: Texts
    all_texts: Callable[[str], Texts]
    now: datetime
    desk: Desk
    world: World
    channel: Channel | None = None
    address_id: int | None = None
    reply: Reply | None = None
    effects: list[Effect] = field(default_factory=list)

    @property
    def local_now(self) -> datetime:
        """The wall time in the country's zone, without a zone."""
        return self.now.astimezone(self.world.zone).replace(tzinfo=None)

    @property
    def today(self) -> date:
        return self.local_now.date()

    async def reload(self) -> None:
        """Read the contact again after a step changed it, and speak their language from here on."""
        await self.becomes(self.contact.id)

    async def becomes(self, contact_id: ContactId) -> None:
        """Go on as the contact that the address now belongs to."""
        self.contact = await self.desk.contacts.get(contact_id)
        if self.contact.language is not None:
            self.texts = self.all_texts(self.contact.language)

    def gettext(self, message: str) -> str:
        return self.texts.gettext(message)

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self.texts.ngettext(singular, plural, n)

    def pgettext(self, context: str, message: str) -> str:
        return self.texts.pgettext(context, message)

    def format_day(self, day: date) -> str:
        return self.texts.format_day(day)

    def label_day(self, day: date) -> str:
        return self.texts.label_day(day)

    def format_time(self, at: time) -> str:
        return self.texts.format_time(at)

    def push(
        self,
        contact_id: ContactId,
        flow: str,
        draft: Any,
        *,
        purpose: Purpose,
        key: str,
        subject: str | None = None,
        replaces: str | None = None,
        address_id: int | None = None,
        keeps_quiet: bool = False,
        useful_until: datetime | None = None,
    ) -> None:
        """Have a flow's first prompt shown to somebody else (or to this person, apart)."""
        self.effects.append(
            Push(
                contact_id,
                flow,
                draft,
                purpose,
                key,
                subject,
                replaces,
                keeps_quiet=keeps_quiet,
                useful_until=useful_until,
                address_id=address_id,
            )
        )

    def send_document(self, document: Document) -> None:
        """Have a page made and sent to the address the reply came from, under what is shown next.

        An act and no part of a prompt, which is shown again in another language or after a wrong answer.
        """
        self.effects.append(SendDocument(document))

    def send_venue(self, venue: Venue) -> None:
        """Have a place on the map sent to the address the reply came from, under what is shown next."""
        self.effects.append(SendVenue(venue))

    def send_clip(self, clip: Clip) -> None:
        """Have a recording sent to the address the reply came from, under what is shown next. An act, too."""
        self.effects.append(SendClip(clip))

    def not_understood(self, reply: Reply | None = None) -> str:
        """Return what to say about an answer that fits nothing here."""
        if isinstance(reply, Media):
            return self.gettext(
                "I can't listen or look here yet. Choose a button, or “Talk to a person” and send it there."
            )
        return self.gettext("I did not understand. Please choose one of the buttons.")
