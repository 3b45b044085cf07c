"""What flows need from outside, as Protocols. `storage` keeps these promises; tests have fakes that do too.

Every method works inside the turn's one transaction: nothing is visible to others before the turn
has ended well, and all of it is undone when the turn fails. Moments are aware UTC.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from typing import Protocol

from conversations.care.addresses import KnownAddress, LinkKind, LinkOffer
from conversations.care.announcements import Announcement, Audience, Cost, Progress
from conversations.care.appointments import Appointment, EndedBy, Need
from conversations.care.centres import Centre, Point
from conversations.care.clips import Shelf
from conversations.care.closures import Closure, ClosureReason
from conversations.care.edition import Editions
from conversations.care.edits import Edit, Revision, Target
from conversations.care.holds import Hold, HoldPurpose
from conversations.care.hours import HoursPeriod, Length, Opening, Taken, VisitKind, VisitRules
from conversations.care.life_projects import LifeProject, Question
from conversations.care.nearest import Catchment
from conversations.care.obstacles import Obstacle
from conversations.care.people import NOBODY, Contact, ContactId, Invitation, Role
from conversations.care.places import PlaceFinder
from conversations.care.profiles import Profile
from conversations.care.questions import QuestionBook
from conversations.care.rules import Change, RuleSet
from conversations.care.tasks import Task, TaskKind
from conversations.care.unanswered import Unanswered
from conversations.engine.outbound import Purpose
from conversations.engine.session import Session


class Contacts(Protocol):
    async def get(self, contact_id: ContactId) -> Contact: ...

    async def set_language(self, contact_id: ContactId, language: str) -> None: ...

    async def agree(self, contact_id: ContactId, *, news: bool, at: datetime) -> None:
        """Note consent; the moment is the enrolment when it is the first."""

    async def refuse(self, contact_id: ContactId, *, at: datetime) -> None: ...

    async def set_news(self, contact_id: ContactId, news: bool) -> None: ...

    async def set_check_ins(self, contact_id: ContactId, check_ins: bool) -> None: ...

    async def set_name(self, contact_id: ContactId, name: str | None) -> None: ...

    async def set_home(
        self, contact_id: ContactId, *, centre_slug: str | None = None, province_code: str | None = None
    ) -> None:
        """Keep the centre or the province the person chose; None leaves what was."""

    async def staff(self, role: Role, centre_slug: str | None = None) -> list[Contact]:
        """Return the staff of a role who can be reached, of one centre or of all, by id."""

    async def is_reachable(self, contact_id: ContactId) -> bool:
        """Tell whether a message would have somewhere to go: who blocked the service is not reachable."""

    async def make_staff(self, contact_id: ContactId, role: Role, centre_slug: str | None) -> None: ...

    async def erase(self, contact_id: ContactId, *, at: datetime) -> None:
        """Delete all that is kept of a person, except the address a last word still goes to.

        Visits lose their contact's words and are cancelled; the address goes once that word has left.
        """


class Addresses(Protocol):
    async def of(self, contact_id: ContactId) -> list[KnownAddress]:
        """Return where the person writes from, the one last used first."""

    async def prefer(self, contact_id: ContactId, address_id: int | None) -> None:
        """Write to this address of the person's from now on; None: to the one last used."""

    async def cut(self, contact_id: ContactId, address_id: int, *, now: datetime) -> ContactId:
        """Part an address from the person: whoever is there is a stranger from now on, whose id is returned.

        What was written to it and came from it goes. Of an address that is not the person's nothing changes,
        and the person's own id is returned.
        """

    async def phone(self, contact_id: ContactId) -> str | None:
        """Return the number, digits with the country's code, that one of them shows; None: none does."""


class Links(Protocol):
    async def new_code(self, contact_id: ContactId, kind: LinkKind, *, now: datetime) -> str:
        """Return a new code, which can't be read again; the person's earlier one of that kind is void."""

    async def find(self, code: str, address_id: int, *, now: datetime) -> LinkOffer:
        """Return what a code typed at an address leads to; the code is not used up.

        Raises CodeInvalid, and CodesSlowed when too many wrong ones came from there.
        """

    async def has_history(self, contact_id: ContactId) -> bool:
        """Tell whether there is anything of the person that joining them to another would have to keep."""

    async def join(self, link_id: int, contact_id: ContactId, *, now: datetime) -> ContactId:
        """Use the code up and make its owner of the contact, whose addresses and visits move there.

        Raises CodeInvalid.
        """


class Profiles(Protocol):
    """The people who share an address. It has none as long as it is one person's and without a PIN."""

    async def of(self, address_id: int) -> list[Profile]:
        """Return who uses the address, whoever came first first."""

    async def add(self, address_id: int, *, now: datetime) -> ContactId:
        """Let somebody new use the address, who is returned; who used it until now keeps a profile."""

    async def use(self, address_id: int, contact_id: ContactId, *, now: datetime) -> bool:
        """Let somebody of the address use it from now on, and what waited for them leave.

        What is still to leave for who used it before waits for them; True when there is any. Raises
        ProfileUnknown.
        """

    async def leave(self, address_id: int, contact_id: ContactId) -> None:
        """Take somebody off the address, with what was written there; whoever writes next says who they are.

        Nothing changes while nobody else uses it.
        """

    async def set_pin(
        self, address_id: int, contact_id: ContactId, pin: str | None, *, now: datetime
    ) -> None:
        """Ask for a PIN from now on before somebody's profile is used there; None: ask for none."""

    async def check_pin(self, address_id: int, contact_id: ContactId, pin: str, *, now: datetime) -> None:
        """Raises PinWrong, PinsSlowed when too many wrong ones came, ProfileUnknown."""

    async def release(self, contact_id: ContactId, address_id: int, *, now: datetime) -> None:
        """Let what waits for the person leave for an address that they use."""


class Sessions(Protocol):
    async def load(self, contact_id: ContactId) -> Session:
        """Return where the person is, nobody else's turn changing it meanwhile."""

    async def save(self, contact_id: ContactId, session: Session, *, now: datetime) -> None: ...


class Invitations(Protocol):
    async def redeem(self, code: str, contact_id: ContactId, *, now: datetime) -> Invitation:
        """Use up an invitation. Raises InvitationInvalid when unknown, used or past its date."""


class Centres(Protocol):
    async def open(self) -> list[Centre]:
        """Return the open centres by French city name."""

    async def get(self, slug: str) -> Centre:
        """Raises CentreUnknown."""

    async def set_address(self, slug: str, address: str | None) -> None: ...

    async def set_phone(self, slug: str, phone: str | None) -> None: ...

    async def set_point(self, slug: str, point: Point | None) -> None:
        """Set where exactly the centre is; None: it is not known any more."""

    async def set_rules(self, slug: str, rules: VisitRules) -> None:
        """Set the centre's own hours; from now on bookings are confirmed at once."""

    async def set_periods(self, slug: str, periods: Sequence[HoursPeriod]) -> None:
        """Let other hours hold for a while, in place of all that were set before."""

    async def set_landmark(self, slug: str, landmark: str | None) -> None: ...

    async def door_code(self, slug: str) -> str:
        """Return what the code at the centre's door says; one is made when there is none yet."""

    async def new_door_code(self, slug: str) -> str:
        """Have another code made, which voids the one before, and return it."""

    async def at_door(self, code: str) -> Centre | None:
        """Return the centre at whose door the code hangs, None when it hangs nowhere any more."""


class Closures(Protocol):
    async def between(self, centre_slug: str, start: date, end: date) -> list[Closure]:
        """Return one closure a day, both ends included, in order; the centre's own word wins."""

    async def decide(
        self,
        centre_slug: str,
        day: date,
        *,
        closed: bool,
        by: ContactId,
        reason: ClosureReason | None = None,
    ) -> None:
        """Write down the staff's word on a day of their centre: closed, and why, or open after all."""

    async def close_hours(
        self, centre_slug: str, day: date, stretch: Opening, *, reason: ClosureReason, by: ContactId
    ) -> None:
        """Close some hours of a day; the same again changes nothing but the reason."""

    async def open_hours(self, centre_slug: str, day: date) -> None:
        """Open all hours of a day again that had been closed one by one."""


class Appointments(Protocol):
    async def book(
        self,
        *,
        contact_id: ContactId,
        centre_slug: str,
        need: Need,
        day: date,
        at: time,
        capacity: int,
        confirmed: bool,
        now: datetime,
        kind: VisitKind = VisitKind.IN_PERSON,
        length: Length | None = None,
        group_session_id: int | None = None,
        wants_woman: bool = False,
    ) -> Appointment:
        """Take a place at that time; `capacity` is how many visits may begin then.

        Raises SlotTaken when all places are held by live visits, also when two people ask at once:
        the unique index decides, not a look-up.
        """

    async def move(
        self,
        appointment_id: int,
        *,
        day: date,
        at: time,
        capacity: int,
        confirmed: bool,
        now: datetime,
        length: Length | None = None,
        group_session_id: int | None = None,
    ) -> Appointment:
        """Take the new place, then give the old one back. Raises SlotTaken, AppointmentNotLive."""

    async def cancel(
        self, appointment_id: int, *, now: datetime, by: EndedBy = EndedBy.PERSON
    ) -> Appointment:
        """Raises AppointmentNotLive when it was cancelled or is over."""

    async def confirm(self, appointment_id: int, *, version: int, now: datetime) -> Appointment:
        """Confirm a request as it was seen. Raises VisitChanged when it is no longer that request."""

    async def set_coming(self, appointment_id: int) -> Appointment:
        """Note that the person said they are coming. Raises AppointmentNotLive."""

    async def get(self, appointment_id: int) -> Appointment:
        """Raises AppointmentNotLive when there is none."""

    async def upcoming(self, contact_id: ContactId, *, now: datetime) -> list[Appointment]:
        """Return the person's live visits that have not begun, soonest first."""

    async def agenda(self, centre_slug: str, start: date, end: date) -> list[Appointment]:
        """Return the centre's live visits from start to end, both included, by time."""

    async def on_day(self, contact_id: ContactId, day: date) -> list[Appointment]:
        """Return the person's visits of a day at any centre by time, past ones too, not cancelled ones."""

    async def arrived(self, appointment_id: int, *, now: datetime) -> Appointment:
        """Note that the person is there; when they were noted first stays. Raises AppointmentNotLive."""

    async def lock_day(self, centre_slug: str, day: date) -> None:
        """Keep others from taking or holding a time of that day before the transaction ends."""

    async def taken(
        self, centre_slug: str, start: date, end: date, *, now: datetime, but: ContactId = NOBODY
    ) -> Mapping[date, tuple[Taken, ...]]:
        """Return what holds places, for days that have any; what is kept for `but` does not count."""


class Holds(Protocol):
    """Times that are kept for somebody for a while."""

    async def keep(self, hold: Hold) -> None:
        """Keep a time for somebody, in place of what they had for the same purpose and visit."""

    async def release(
        self, contact_id: ContactId, purpose: HoldPurpose, *, appointment_id: int | None = None
    ) -> None:
        """Let others have what was kept. Nothing happens when nothing is."""

    async def of(self, contact_id: ContactId, *, now: datetime) -> list[Hold]:
        """Return what is kept for somebody, oldest first."""


class Schedule(Protocol):
    """Messages that fall due later, and the open notices about a thing."""

    async def plan(
        self,
        *,
        contact_id: ContactId,
        purpose: Purpose,
        subject: str,
        version: int,
        steps: Sequence[tuple[str, datetime]],
    ) -> None:
        """Add a due row a step. Planning the same (subject, step, version) again changes nothing."""

    async def withdraw(self, subject: str) -> None:
        """Drop what is due about the subject, what waits unsent in the outbox, and close its notices."""

    async def withdraw_for(self, contact_id: ContactId, purpose: Purpose) -> None:
        """Drop one person's due rows of a purpose."""


class Tasks(Protocol):
    async def add(
        self,
        *,
        contact_id: ContactId,
        centre_slug: str | None,
        kind: TaskKind,
        text: str,
        urgent: bool,
        now: datetime,
    ) -> Task: ...

    async def get(self, task_id: int) -> Task:
        """Raises TaskUnknown."""

    async def take(self, task_id: int, by: ContactId, *, now: datetime) -> Task:
        """Make it the caseworker's own. Raises TaskTaken when a colleague was first."""

    async def finish(self, task_id: int, by: ContactId, *, now: datetime) -> Task: ...

    async def open(self, centre_slug: str | None) -> list[Task]:
        """Return what is open for a centre and what has no centre, urgent first, then oldest first."""

    async def latest(self, contact_id: ContactId) -> Task | None:
        """Return the person's newest task that is not done."""


class Outbox(Protocol):
    async def obstacle(self, contact_id: ContactId) -> Obstacle | None:
        """Return what kept the newest message from a person; None when it arrived, or none was written."""


class LifeProjects(Protocol):
    """One a person."""

    async def get(self, contact_id: ContactId) -> LifeProject | None:
        """Return the person's project, None when they have begun none."""

    async def answer(self, contact_id: ContactId, question: Question, words: str, *, now: datetime) -> None:
        """Keep one answer in place of what it was; the first one makes the project."""

    async def attach(self, contact_id: ContactId, appointment_id: int | None) -> None:
        """Let the centre of a visit read it; None: nobody any more. Without a project nothing happens."""

    async def delete(self, contact_id: ContactId) -> None: ...


class Announcements(Protocol):
    async def count(self, audience: Audience, languages: Collection[str]) -> int:
        """Return how many would get it: agreed to news, reachable, in the audience, with a text."""

    async def start(
        self, *, author: ContactId, audience: Audience, texts: Mapping[str, str], now: datetime
    ) -> Announcement:
        """Write the announcement and one outbox row a person, in one go."""

    async def stop(self, announcement_id: int, *, now: datetime) -> None:
        """Drop what has not left."""

    async def get(self, announcement_id: int) -> Announcement: ...

    async def progress(self, announcement_id: int) -> Progress: ...


class Billing(Protocol):
    """What platforms charge."""

    async def cost(self, audience: Audience, languages: Collection[str], *, now: datetime) -> Cost:
        """Return what an announcement would cost now, and what today has cost so far."""


class Audit(Protocol):
    async def looked(self, by: ContactId, at_contact: ContactId, what: str, *, now: datetime) -> None:
        """Write down that staff opened something of a person's."""

    async def opened_at(self, at_contact: ContactId) -> list[datetime]:
        """Return when staff opened something of the person's, newest first."""


class UnansweredQuestions(Protocol):
    """What people asked that no answer is written for; nothing of who asked."""

    async def note(self, language: str, words: str, *, day: date) -> None:
        """Count the question. The words are those that `QuestionBook.known_words` leaves, nothing else."""

    async def all(self) -> Sequence[Unanswered]:
        """Return what was asked, the most often asked first."""

    async def remove(self, unanswered_id: int) -> None: ...


class Content(Protocol):
    """What managers change of what is told. See conversations/care/edits.py for what holds when."""

    async def published(self) -> tuple[Change, ...]:
        """Return what holds now over what was shipped, in the order in which it was published."""

    async def drafts(self, by: ContactId) -> list[Edit]:
        """Return what a manager has changed and not published, oldest first."""

    async def draft(self, by: ContactId, change: Change, *, before: object, now: datetime) -> None:
        """Keep a change for its manager alone, in place of an earlier one of theirs to the same."""

    async def drop_draft(self, by: ContactId, target: Target) -> None: ...

    async def drop_drafts(self, by: ContactId) -> None: ...

    async def publish(self, by: ContactId, *, now: datetime) -> int | None:
        """Let a manager's drafts hold from now on, all of them; returns their number, None without drafts.

        Raises ChangedMeanwhile when others touched a field since its draft was written, also when both
        publish at once; nothing is published then, and the next time it is.
        """

    async def history(self) -> list[Revision]:
        """Return what was published and rolled back, newest first."""

    async def roll_back(self, number: int, by: ContactId, *, now: datetime) -> int:
        """Let hold again what held before a publication, and write that down under a number of its own.

        What was changed once more since stays. Raises NothingToRollBack, when somebody was faster, too.
        """


class Desk(Protocol):
    """All stores of one unit of work."""

    @property
    def contacts(self) -> Contacts: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def links(self) -> Links: ...
    @property
    def profiles(self) -> Profiles: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def invitations(self) -> Invitations: ...
    @property
    def centres(self) -> Centres: ...
    @property
    def closures(self) -> Closures: ...
    @property
    def appointments(self) -> Appointments: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def schedule(self) -> Schedule: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def life_projects(self) -> LifeProjects: ...
    @property
    def announcements(self) -> Announcements: ...
    @property
    def billing(self) -> Billing: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def unanswered(self) -> UnansweredQuestions: ...
    @property
    def content(self) -> Content: ...


@dataclass(frozen=True, slots=True)
class World:
    """What does not change while the service runs: places, who covers which province, the zone, the facts.

    `rules` and `questions` are as they were shipped; what people are told is the edition of
    conversations/flows/todays_content.py. `daily_budget` is how many charged messages a day announcements may
    use up; None: any number. `clips` are the recordings there are.
    """

    places: PlaceFinder
    catchment: Catchment
    zone: tzinfo
    zone_name: str
    rules: RuleSet
    questions: QuestionBook
    daily_budget: int | None = None
    clips: Shelf = field(default_factory=Shelf)
    editions: Editions = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "editions", Editions(self.rules, self.questions))
