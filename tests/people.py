"""The cast of the tests: people who talk to the engine as they would in a chat.

    scene = Scene(routes)
    amina = scene.newcomer("amina")
    await amina.starts()
    await amina.taps("en")
    assert "May we" in amina.screen

After every reply the session goes through its stored form into a new engine, as after a restart.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.after_visits import PURPOSES
from conversations.care.attendance import AFTER_FLOWS, AfterStep
from conversations.care.check_ins import CheckInStep
from conversations.care.clips import Clip
from conversations.care.documents import Document
from conversations.care.people import Consent, Contact, ContactId, Role
from conversations.care.visits import VisitNews
from conversations.engine.engine import Engine, Routes
from conversations.engine.flow import Choice
from conversations.engine.outbound import Purpose, Venue
from conversations.engine.reply import (
    Channel,
    Command,
    Location,
    Media,
    MediaKind,
    Reply,
    SharedPhone,
    Tap,
    Text,
)
from conversations.engine.session import Notice, Session, notice_from_json, notice_to_json
from conversations.engine.turn import Push, SendClip, SendDocument, SendVenue, Show, Turn
from conversations.flows.beneficiary.door import at_the_door
from conversations.flows.news import CheckInNews, ComplaintNews
from conversations.texts import clean_incoming, strip_isolates
from tests.fakes import Due, FakeDesk, MovableClock, marked_texts, real_world

# A Monday morning in November 2026, no holiday near; 09:00 in Casablanca, which is on UTC since September.
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Screen:
    """What a person sees last. The text is without the marks that isolate values; `raw` has them."""

    raw: str
    choices: tuple[Choice, ...]
    prompt_ref: str | None
    in_place: bool = False
    wants_location: bool = False
    takes_keyboard_away: bool = False

    @property
    def text(self) -> str:
        return strip_isolates(self.raw)

    @property
    def ids(self) -> list[str]:
        return [choice.id for choice in self.choices]

    @property
    def buttons(self) -> list[str]:
        return [choice.label for choice in self.choices]

    def choice(self, label_or_id: str) -> str:
        """Return the id of the button so called."""
        for choice in self.choices:
            if label_or_id in (choice.id, choice.label) or choice.label.endswith("] " + label_or_id):
                return choice.id
        raise AssertionError(f"no button {label_or_id!r} among {[(c.id, c.label) for c in self.choices]}")


@dataclass
class ReceivedNotice:
    """A pushed message as it stands in the chat. Its buttons do nothing any more once it is closed."""

    scene: "Scene"
    id: int
    flow: str
    draft: Any
    screen: Screen
    purpose: Purpose
    key: str
    subject: str | None

    @property
    def text(self) -> str:
        return self.screen.text

    @property
    def buttons(self) -> list[str]:
        return self.screen.buttons

    @property
    def ids(self) -> list[str]:
        return self.screen.ids

    @property
    def prompt_ref(self) -> str:
        return f"n{self.id}"

    @property
    def is_open(self) -> bool:
        return any(notice.id == self.id for _, notice in self.scene.desk.notices)


@dataclass
class Scene:
    """The whole service in memory: one clock, one desk, everybody who talks to it."""

    routes: Routes
    desk: FakeDesk = field(default_factory=FakeDesk)
    clock: MovableClock = field(default_factory=lambda: MovableClock(MONDAY))
    # By address: one contact may have several phones.
    people: dict[int, "Person"] = field(default_factory=dict)
    pushes: list[Push] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world = real_world()
        self.texts = marked_texts()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def newcomer(self, name: str, *, channel: Channel = Channel.WEBCHAT) -> "Person":
        """Return somebody who opens the chat for the first time."""
        return self._joins(name, self.desk.contacts.new(now=self.now), channel)

    def beneficiary(
        self,
        name: str,
        *,
        language: str = "en",
        news: bool = False,
        consent: Consent = Consent.AGREED,
        centre_slug: str | None = None,
        province_code: str | None = None,
        channel: Channel = Channel.WEBCHAT,
    ) -> "Person":
        """Return somebody who has chosen a language and answered the question of consent."""
        contact = self.desk.contacts.new(
            now=self.now,
            language=language,
            consent=consent,
            news=news,
            centre_slug=centre_slug,
            province_code=province_code,
        )
        return self._joins(name, contact, channel)

    def caseworker(self, name: str, *, centre_slug: str | None = "sale", language: str = "en") -> "Person":
        contact = self.desk.contacts.new(
            now=self.now, role=Role.CASEWORKER, language=language, centre_slug=centre_slug
        )
        return self._joins(name, contact, Channel.TELEGRAM)

    def manager(self, name: str, *, language: str = "en") -> "Person":
        contact = self.desk.contacts.new(now=self.now, role=Role.MANAGER, language=language)
        return self._joins(name, contact, Channel.TELEGRAM)

    def administrator(self, name: str, *, language: str = "en") -> "Person":
        contact = self.desk.contacts.new(now=self.now, role=Role.ADMINISTRATOR, language=language)
        return self._joins(name, contact, Channel.TELEGRAM)

    def later(self, **by: float) -> None:
        """Let time pass (hours=25) in which nothing that falls due is sent."""
        self.clock.moves_on(timedelta(**by))

    async def goes_on_until(self, moment: datetime) -> None:
        """Let time pass until an aware moment; reminders and check-ins come when they fall due."""
        for due in self.desk.schedule.pop_until(moment):
            self.clock.moves_to(max(self.now, due.due_at))
            await self._send_due(due)
        self.clock.moves_to(moment)

    async def turn_for(self, contact_id: ContactId, address_id: int | None = None) -> Turn[Any]:
        contact = await self.desk.contacts.get(contact_id)
        person = self.people.get(address_id or self.desk.addresses.preferred(contact_id) or 0)
        return Turn(
            draft=None,
            contact=contact,
            texts=self.texts[contact.language or "en"],
            all_texts=self.texts.__getitem__,
            now=self.now,
            desk=self.desk,
            world=self.world,
            channel=person.channel if person else None,
            address_id=person.address_id if person else None,
        )

    async def pushes_out(self, push: Push) -> None:
        """Show a pushed prompt to whom it is for, once a key, and only when what it says still holds."""
        if any(push.key == earlier.key for earlier in self.pushes):
            return
        self.pushes.append(push)
        turn = await self.turn_for(push.contact_id, push.address_id)
        presented = await Engine(self.routes).present(self.routes.flows[push.flow], push.draft, turn)
        if presented is None:
            return
        frame, prompt = presented
        choices = tuple(Choice(choice.id, strip_isolates(choice.label)) for choice in prompt.choices)
        frame, choices = notice_from_json(notice_to_json(frame, choices))
        number = len(self.pushes)
        self.desk.notices.append((push.contact_id, Notice(number, frame, choices, self.now, push.subject)))
        received = ReceivedNotice(
            scene=self,
            id=number,
            flow=push.flow,
            draft=push.draft,
            screen=Screen(prompt.text, choices, f"n{number}"),
            purpose=push.purpose,
            key=push.key,
            subject=push.subject,
        )
        person = self.people.get(turn.address_id or 0)
        if person:
            person.receives(received, replaces=push.replaces)
        await self.routes.flows[push.flow].first().pushed(turn)
        if person:
            person.venues += [effect.venue for effect in turn.effects if isinstance(effect, SendVenue)]

    def _joins(self, name: str, contact: Contact, channel: Channel) -> "Person":
        person = Person(self, name, self.desk.addresses.new(contact.id, channel, now=self.now), channel)
        self.people[person.address_id] = person
        return person

    async def _send_due(self, due: Due) -> None:
        number = int(due.subject.partition(":")[2])
        draft: Any
        if due.purpose in PURPOSES:
            await self._send_after_visit(due, number)
            return
        if due.purpose is Purpose.REMINDER:
            flow, draft = "reminder", VisitNews(number, due.version, step=due.step)
        else:
            flow, draft = "check_in", CheckInNews(CheckInStep(due.step))
        key = f"{due.subject}:{due.step}:{due.version}"
        await self.pushes_out(Push(due.contact_id, flow, draft, due.purpose, key, due.subject))

    async def _send_after_visit(self, due: Due, number: int) -> None:
        if due.purpose is Purpose.STAFF:
            key = f"{due.subject}:new:{due.contact_id}"
            push = Push(
                due.contact_id, "complaint_news", ComplaintNews(number), due.purpose, key, due.subject
            )
        else:
            visit = await self.desk.appointments.get(number)
            push = Push(
                due.contact_id,
                AFTER_FLOWS[AfterStep(due.step)],
                VisitNews(number, due.version, step=due.step),
                due.purpose,
                f"{due.subject}:{due.step}:{visit.starts_local:%Y%m%dT%H%M}",
                due.subject,
            )
        await self.pushes_out(push)


@dataclass
class Person:
    """Somebody with a phone in their hand."""

    scene: Scene
    name: str
    address_id: int
    channel: Channel
    last: Screen = field(default_factory=lambda: Screen("", (), None))
    notices: list[ReceivedNotice] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    venues: list[Venue] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)

    # What they see and where they are

    @property
    def contact_id(self) -> ContactId:
        """Who they are to the service."""
        return self.scene.desk.addresses.owners[self.address_id]

    @property
    def session(self) -> Session:
        """Where they are; on a phone that has locked, before its door."""
        desk = self.scene.desk
        return desk.profiles.doors.get(self.address_id) or desk.sessions.rows.get(self.contact_id, Session())

    @session.setter
    def session(self, session: Session) -> None:
        self.scene.desk.sessions.rows[self.contact_id] = session

    @property
    def screen(self) -> str:
        return self.last.text

    @property
    def buttons(self) -> list[str]:
        return self.last.buttons

    @property
    def ids(self) -> list[str]:
        """The ids of the buttons on the screen."""
        return self.last.ids

    @property
    def prompt_ref(self) -> str:
        return self.session.prompt_ref

    @property
    def flow(self) -> str | None:
        return self.session.frame.flow if self.session.frame else None

    @property
    def step(self) -> str | None:
        return self.session.frame.step if self.session.frame else None

    @property
    def draft(self) -> dict[str, Any]:
        return dict(self.session.frame.draft) if self.session.frame else {}

    @property
    def notice(self) -> ReceivedNotice:
        """The newest pushed message."""
        assert self.notices, f"{self.name} got no notice"
        return self.notices[-1]

    async def contact(self) -> Contact:
        return await self.scene.desk.contacts.get(self.contact_id)

    # What they do

    async def starts(self) -> Screen:
        return await self.sends(Command("start"))

    async def commands(self, name: str, argument: str = "") -> Screen:
        return await self.sends(Command(name, argument))

    async def says(self, *texts: str) -> Screen:
        """Type messages one after the other; the last screen is returned."""
        for text in texts:
            await self.sends(Text(clean_incoming(text)))
        return self.last

    async def taps(self, *labels_or_ids: str) -> Screen:
        """Tap buttons of the newest prompt, one after the other, a little apart."""
        for label_or_id in labels_or_ids:
            choice_id = Screen("", self.session.choices, None).choice(label_or_id)
            self.scene.later(seconds=3)
            await self.sends(Tap(self.prompt_ref, choice_id))
        return self.last

    async def taps_old(self, prompt_ref: str, choice_id: str) -> Screen:
        """Tap a button of an earlier message."""
        self.scene.later(seconds=3)
        return await self.sends(Tap(prompt_ref, choice_id))

    async def taps_notice(self, label_or_id: str, notice: ReceivedNotice | None = None) -> Screen:
        """Tap a button of a pushed message, the newest one unless another is named."""
        notice = notice or self.notice
        self.scene.later(seconds=3)
        return await self.sends(Tap(notice.prompt_ref, notice.screen.choice(label_or_id)))

    async def shares_location(self, latitude: float, longitude: float) -> Screen:
        return await self.sends(Location(latitude, longitude))

    async def shares_phone(self, number: str) -> Screen:
        return await self.sends(SharedPhone(number))

    async def sends_media(
        self, kind: MediaKind = MediaKind.VOICE, ref: str = "ref-1", caption: str = ""
    ) -> Screen:
        return await self.sends(Media(kind, ref, caption))

    async def sends(self, reply: Reply) -> Screen:
        """Have one reply handled, as one turn, and the pushes it leads to delivered."""
        self.scene.desk.addresses.used(self.address_id, now=self.scene.now)
        turn = await self.scene.turn_for(self.contact_id, self.address_id)
        desk, routes = self.scene.desk, self.scene.routes
        is_locked = desk.profiles.is_locked(self.address_id, now=self.scene.now)
        door = routes.door if is_locked else None
        session = Session.from_json(self.session.to_json())
        if door is not None and self.address_id not in desk.profiles.doors:
            session = at_the_door(session.prompt_no)
        notice = None if door else self._notice_for(reply)
        outcome = await Engine(door or routes).handle(session, reply, turn, notice=notice)
        kept = Session.from_json(outcome.session.to_json())
        if door is not None and desk.profiles.is_locked(self.address_id, now=self.scene.now):
            desk.profiles.doors[self.address_id] = kept
        else:
            desk.sessions.rows[turn.contact.id] = kept
        if outcome.closed_notice is not None:
            self._close(outcome.closed_notice)
        for effect in outcome.effects:
            if isinstance(effect, Show):
                self.last = Screen(
                    effect.prompt.text,
                    tuple(effect.prompt.choices),
                    effect.prompt_ref,
                    in_place=effect.in_place,
                    wants_location=effect.prompt.wants_location,
                    takes_keyboard_away=effect.takes_keyboard_away,
                )
        for effect in outcome.effects:
            if isinstance(effect, Push):
                await self.scene.pushes_out(effect)
            if isinstance(effect, SendDocument):
                self.documents.append(effect.document)
            if isinstance(effect, SendVenue):
                self.venues.append(effect.venue)
            if isinstance(effect, SendClip):
                self.clips.append(effect.clip)
        return self.last

    def receives(self, notice: ReceivedNotice, *, replaces: str | None) -> None:
        kept = next((old for old in self.notices if replaces is not None and old.key == replaces), None)
        if kept:
            self.notices[self.notices.index(kept)] = notice
        else:
            self.notices.append(notice)

    def _notice_for(self, reply: Reply) -> Notice | None:
        own = [notice for owner, notice in self.scene.desk.notices if owner == self.contact_id]
        if isinstance(reply, Tap):
            return next((notice for notice in own if notice.prompt_ref == reply.prompt_ref), None)
        return own[-1] if own and isinstance(reply, Text) else None

    def _close(self, notice_id: int) -> None:
        desk = self.scene.desk
        desk.notices = [(owner, notice) for owner, notice in desk.notices if notice.id != notice_id]
