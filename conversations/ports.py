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
from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need
from conversations.care.centres import Centre, Point
from conversations.care.clips import Shelf
from conversations.care.closures import Closure, ClosureReason
from conversations.care.complaints import Complaint, UnnamedToday
from conversations.care.edition import Editions
from conversations.care.edits import Edit, Revision, Target
from conversations.care.experiments import Experiment, Outcomes, Result, Wording
from conversations.care.group_sessions import GroupSession
from conversations.care.holds import Hold, HoldPurpose
from conversations.care.hours import HoursPeriod, Length, Opening, Taken, VisitKind, VisitRules
from conversations.care.life_projects import LifeProject, Question
from conversations.care.nearest import Catchment
from conversations.care.obstacles import Obstacle
from conversations.care.people import NOBODY, Contact, ContactId, Invitation, Role
from conversations.care.periods import FastingMonth
from conversations.care.places import PlaceFinder
from conversations.care.profiles import Profile
from conversations.care.questions import QuestionBook
from conversations.care.rules import Change, RuleSet
from conversations.care.tasks import Task, TaskKind
from conversations.care.unanswered import Unanswered
from conversations.care.visit_figures import VisitFigures
from conversations.care.waiting import WaitingEntry
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

    async def set_reminder_hour(self, contact_id: ContactId, hour: int | None) -> None:
        """Remind the person of visits at that hour of the day; None: at the usual ones."""

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

    async def to_change(self, slug: str) -> Centre:
        """Return the centre as it now is; others who would change it wait. Raises CentreUnknown."""

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

    async def hours_reasons(self, centre_slug: str, day: date) -> Mapping[Opening, ClosureReason | None]:
        """Return why hours of a day are closed."""

    async def close_hours(
        self, centre_slug: str, day: date, stretch: Opening, *, reason: ClosureReason, by: ContactId
    ) -> None:
        """Close some hours of a day; the same again changes nothing but the reason."""

    async def open_hours(self, centre_slug: str, day: date) -> None:
        """Open all hours of a day again that had been closed one by one."""

    async def decide_once(
        self, centre_slug: str, day: date, *, closed: bool, by: ContactId, reason: ClosureReason | None = None
    ) -> bool:
        """Write down the word on a day unless there is one; return whether this one counts.

        Also when two answer at once: the unique index decides, not a look-up.
        """


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

    async def set_plan(self, appointment_id: int, plan: str) -> Appointment:
        """Note how the person means to come (a TravelPlan's stored form). Raises AppointmentNotLive."""

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

    async def lock_time(self, centre_slug: str, day: date, at: time, length: Length) -> None:
        """Keep others from taking or holding a time that meets this one before the transaction ends."""

    async def taken(
        self, centre_slug: str, start: date, end: date, *, now: datetime, but: ContactId = NOBODY
    ) -> Mapping[date, tuple[Taken, ...]]:
        """Return what holds places, for days that have any; what is kept for `but` does not count."""

    async def displace(self, appointment_id: int, *, version: int, now: datetime) -> Appointment:
        """Note that the centre is closed at the time of a visit as it was seen; it stays where it is.

        Raises VisitChanged when it is not that visit any more, or has begun.
        """

    async def restore(self, appointment_id: int, *, now: datetime) -> Appointment:
        """Note that the centre is open at a visit's time after all. Raises AppointmentNotLive."""

    async def lapse(self, appointment_id: int, *, now: datetime) -> Appointment:
        """Cancel, by the centre, a visit whose time has come while the centre is closed.

        Raises AppointmentNotLive when the person has another time meanwhile.
        """

    async def displaced(self, centre_slug: str, *, now: datetime) -> list[Appointment]:
        """Return the centre's visits ahead at whose time it is closed, by time."""

    async def resettled(self, centre_slug: str, *, now: datetime) -> list[Appointment]:
        """Return the centre's visits ahead that have a time again after a closure, by time."""

    async def lock_closings(self, centre_slug: str) -> None:
        """Keep others from moving the visits of a closed centre before the transaction ends."""

    async def mark(
        self,
        appointment_id: int,
        *,
        version: int,
        status: AppointmentStatus,
        by: EndedBy | None = None,
        now: datetime,
    ) -> Appointment:
        """Write down how a visit went, in place of what was said before; `by` who cancelled it.

        Raises VisitChanged when it is no longer as it was seen, or its time has not come.
        """

    async def move_begun(
        self,
        appointment_id: int,
        *,
        version: int,
        day: date,
        at: time,
        capacity: int,
        length: Length | None = None,
        now: datetime,
    ) -> Appointment:
        """Give a visit whose time has come another one, confirmed, whatever was said of how it went.

        Raises SlotTaken, and VisitChanged as `mark` does.
        """

    async def set_obstacle(self, appointment_id: int, contact_id: ContactId, obstacle: str) -> None:
        """Note what got in the way of a person's own visit; nothing happens unless it was missed."""

    async def set_feedback(self, appointment_id: int, contact_id: ContactId, feedback: int) -> None:
        """Note how a person found their own visit, 1 to 3; nothing happens unless they came."""

    async def with_marks(self, centre_slug: str, start: date, end: date) -> list[Appointment]:
        """Return a centre's visits that are live, and those of which staff said how they went, by time."""

    async def missed_in_a_row(self, contact_id: ContactId) -> list[Appointment]:
        """Return what a person missed since they last came to a visit, at any centre, newest first."""

    async def figures(self, start: date, end: date) -> Mapping[str, VisitFigures]:
        """Return how visits of some days went, by centre."""

    async def set_wants_woman(self, appointment_id: int, wants_woman: bool) -> None:
        """Note whether the person would rather speak with a woman."""

    async def set_phone(self, appointment_id: int, phone: str) -> None:
        """Keep the number to call for a visit by telephone, until the day after it or its end."""

    async def phone(self, appointment_id: int) -> str | None:
        """Return the number to call; None when there is none, or none any more."""


class GroupSessions(Protocol):
    async def between(self, centre_slug: str, start: date, end: date) -> list[GroupSession]:
        """Return a centre's open sessions from start to end, both included, by time."""

    async def get(self, session_id: int) -> GroupSession:
        """Return a session, open or not. Raises GroupSessionGone when there is none."""

    async def create(self, session: GroupSession, *, by: ContactId, now: datetime) -> GroupSession:
        """Write a new session; its id is given here. Raises SlotTaken when another one begins then."""

    async def call_off(self, session_id: int) -> None:
        """Let nobody book it any more; calling it off again changes nothing."""


class Complaints(Protocol):
    """For managers alone."""

    async def file(
        self, text: str, *, contact_id: ContactId | None, centre_slug: str | None, now: datetime
    ) -> Complaint:
        """Keep a complaint; without a contact nothing of it says who wrote it."""

    async def get(self, complaint_id: int) -> Complaint | None:
        """Return a complaint; None when there is none, or its person had their data erased."""

    async def open(self) -> list[Complaint]:
        """Return what nobody has closed yet, oldest first."""

    async def count_open(self, contact_id: ContactId) -> int:
        """Return how many of a person's own, with their name, are open."""

    async def close(self, complaint_id: int, *, now: datetime) -> None: ...


class Holds(Protocol):
    """Times that are kept for somebody for a while."""

    async def in_groups(self, centre_slug: str, *, now: datetime, but: ContactId) -> Mapping[int, int]:
        """Return how many places of a centre's group sessions are kept for others than `but`, by session."""

    async def keep(self, hold: Hold) -> None:
        """Keep a time for somebody, in place of what they had for the same purpose and visit."""

    async def release(
        self, contact_id: ContactId, purpose: HoldPurpose, *, appointment_id: int | None = None
    ) -> None:
        """Let others have what was kept. Nothing happens when nothing is."""

    async def of(self, contact_id: ContactId, *, now: datetime) -> list[Hold]:
        """Return what is kept for somebody, oldest first."""

    async def moved(self, centre_slug: str, *, now: datetime) -> list[Hold]:
        """Return the times that are kept for people at whose visit's time the centre is closed."""


class WaitingList(Protocol):
    """Who waits for a place, by centre and kind of visit, in the order in which they came."""

    async def join(
        self,
        *,
        contact_id: ContactId,
        centre_slug: str,
        kind: VisitKind,
        need: Need,
        now: datetime,
        wants_woman: bool = False,
        phone: str | None = None,
        appointment_id: int | None = None,
    ) -> WaitingEntry:
        """Put somebody at the end of a list and return their entry; who is in it stays as they are."""

    async def leave(self, entry_id: int) -> bool:
        """Take an entry off its list and tell whether anything was on offer to it; False when it is gone."""

    async def get(self, entry_id: int) -> WaitingEntry | None:
        """Return an entry, None when it has ended."""

    async def of(self, contact_id: ContactId) -> list[WaitingEntry]:
        """Return where somebody waits, the longest first."""

    async def lines(self) -> list[tuple[str, VisitKind]]:
        """Return the centres and kinds of visits for which somebody waits."""

    async def line(self, centre_slug: str, kind: VisitKind, *, now: datetime) -> list[WaitingEntry]:
        """Return a list in its order, without those to whom anything is on offer, there or elsewhere."""

    async def count(self, centre_slug: str) -> int:
        """Return how many people wait at a centre."""

    async def offer(self, entry_id: int, start: datetime, *, until: datetime, now: datetime) -> None:
        """Note that a start (naive wall time) is on offer until then, and is never to be again.

        Raises NotWaiting when the entry has ended or something is on offer to its person, also when two
        offer at once.
        """

    async def decline(self, entry_id: int) -> None:
        """Note an answer that was no: nothing is on offer any more, and the silences count anew."""

    async def not_answered(self, entry_id: int, *, now: datetime) -> int | None:
        """Note that an offer went by without a word and return how many did in a row.

        None when nothing went by: it was answered, is still on offer, or somebody else noted it.
        """

    async def gone_by(self, now: datetime) -> list[WaitingEntry]:
        """Return the entries whose offers are over and were not answered."""

    async def pass_over(self, entry_id: int, start: datetime, *, now: datetime) -> None:
        """Note a start (naive wall time) that is not to be offered to an entry."""

    def wake(self) -> None:
        """Have somebody look, as soon as the turn has ended well, whether a place can be offered."""


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

    async def move(self, subject: str, steps: Sequence[tuple[str, datetime]]) -> None:
        """Let steps about the subject that still wait fall due at other moments; all else stays as it is."""

    async def told(self, subjects: Collection[str]) -> set[tuple[str, str, int]]:
        """Return subject, step and version of what has become a message about the subjects."""


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

    async def newest(self, contact_id: ContactId, kind: TaskKind) -> Task | None:
        """Return the person's newest task of a kind, done or not."""


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


class Experiments(Protocol):
    """Comparisons of two wordings of a reminder."""

    async def running(self) -> list[Experiment]:
        """Return what is being compared now, the oldest first."""

    async def get(self, experiment_id: int) -> Experiment: ...

    async def latest(self, name: str) -> Experiment | None:
        """Return the newest run of a comparison, None when there was none."""

    async def start(self, name: str, *, sample_size: int, by: ContactId, now: datetime) -> Experiment:
        """Begin a comparison. Raises ExperimentRunning, also when two begin it at once."""

    async def stop(self, experiment_id: int, *, now: datetime) -> bool:
        """End a comparison; False when it had ended before."""

    async def note(self, experiment_id: int, appointment_id: int, wording: Wording) -> None:
        """Note which wording was sent about a visit; the first one counts."""

    async def result(self, experiment_id: int) -> Result:
        """Return how the visits of each wording have ended so far."""

    async def attendance(self, *, since: datetime) -> Outcomes:
        """Return how the visits of all centres have ended that began since then."""


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
    def group_sessions(self) -> GroupSessions: ...
    @property
    def holds(self) -> Holds: ...
    @property
    def waiting(self) -> WaitingList: ...
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
    @property
    def experiments(self) -> Experiments: ...
    @property
    def complaints(self) -> Complaints: ...


@dataclass(frozen=True, slots=True)
class World:
    """What does not change while the service runs: places, who covers which province, the zone, the facts.

    `rules` and `questions` are as they were shipped; what people are told is the edition of
    conversations/flows/todays_content.py. `daily_budget` is how many charged messages a day announcements may
    use up; None: any number. `clips` are the recordings there are, `fasting_months` when Ramadan is
    expected.
    """

    places: PlaceFinder
    catchment: Catchment
    zone: tzinfo
    zone_name: str
    rules: RuleSet
    questions: QuestionBook
    daily_budget: int | None = None
    clips: Shelf = field(default_factory=Shelf)
    fasting_months: tuple[FastingMonth, ...] = ()
    editions: Editions = field(init=False, repr=False, compare=False)
    unnamed_complaints: UnnamedToday = field(
        init=False, repr=False, compare=False, default_factory=UnnamedToday
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "editions", Editions(self.rules, self.questions))
