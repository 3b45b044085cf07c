"""Small stores in memory that keep the promises of conversations/ports.py, and texts without catalogues."""

import gettext
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count, takewhile
from typing import Any

from bot import zone
from bot.centres_file import read_centres
from bot.day_forms import day_forms
from bot.holidays import proposed_closures
from bot.places import load_catchment, load_places
from bot.questions import load_questions
from bot.ramadan import fasting_months
from bot.rules_file import read_rules
from bot.texts import GettextTexts
from conversations.care.addresses import (
    LIFE,
    KnownAddress,
    LinkKind,
    LinkOffer,
    new_code,
    wait_after,
)
from conversations.care.announcements import (
    Announcement,
    AnnouncementStatus,
    Audience,
    Cost,
    Progress,
    text_language,
)
from conversations.care.appointments import Appointment, AppointmentStatus, EndedBy, Need, new_visit_code
from conversations.care.attendance import MARKED_FROM, Mark, mark_of
from conversations.care.centres import Centre, CentreStatus, Point
from conversations.care.closures import Closure, ClosureReason
from conversations.care.complaints import Complaint, ComplaintStatus, day_alone
from conversations.care.door import new_door_code
from conversations.care.edits import (
    Edit,
    EditState,
    Revision,
    Target,
    in_force,
    last_touches,
    revisions,
    target_of,
    touched_meanwhile,
    value_without,
)
from conversations.care.experiments import Experiment, Outcomes, Result, Wording
from conversations.care.group_sessions import GroupSession
from conversations.care.holds import Hold, HoldPurpose
from conversations.care.hours import (
    PUBLIC_OFFICE_RULES,
    HoursPeriod,
    Length,
    Opening,
    Taken,
    VisitKind,
    VisitRules,
)
from conversations.care.life_projects import LifeProject, Question
from conversations.care.obstacles import Obstacle
from conversations.care.people import NOBODY, STAFF, Consent, Contact, ContactId, Invitation, Role
from conversations.care.profiles import LOCKS_AFTER, Profile
from conversations.care.rules import Change
from conversations.care.tasks import Task, TaskKind, TaskStatus
from conversations.care.unanswered import Unanswered, week_of
from conversations.care.visit_figures import VisitFigures
from conversations.care.waiting import WaitingEntry
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel
from conversations.engine.session import Notice, Session
from conversations.errors import (
    AppointmentNotLive,
    CentreUnknown,
    ChangedMeanwhile,
    CodeInvalid,
    CodesSlowed,
    ExperimentRunning,
    GroupSessionGone,
    InvitationInvalid,
    NothingToRollBack,
    NotWaiting,
    PinsSlowed,
    PinWrong,
    ProfileUnknown,
    SlotTaken,
    TaskTaken,
    TaskUnknown,
    VisitChanged,
)
from conversations.ports import World
from conversations.texts import LANGUAGES, Texts


class _Marked(gettext.NullTranslations):
    """Stands for a translation: the English text behind the language's code, "[fr] Menu"."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._mark = "" if language == "en" else f"[{language}] "

    def gettext(self, message: str) -> str:
        return self._mark + message

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self._mark + super().ngettext(singular, plural, n)

    def pgettext(self, context: str, message: str) -> str:
        return self._mark + message


def marked_texts() -> dict[str, Texts]:
    """Return texts of every language that show which one they are in, whatever the catalogues hold."""
    return {
        language.code: GettextTexts(
            language.code, language.direction, _Marked(language.code), day_forms()[language.code]
        )
        for language in LANGUAGES
    }


@cache
def real_world() -> World:
    """Return the packaged places, catchment, zone, rules and questions, and when Ramadan is expected."""
    places = load_places()
    return World(
        places,
        load_catchment(),
        zone.casablanca(),
        zone.NAME,
        read_rules(),
        load_questions(places),
        fasting_months=fasting_months(),
    )


class FakeContacts:
    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        self._contacts: dict[ContactId, Contact] = {}
        # Who blocked the service; everybody else has an address.
        self.unreachable: set[ContactId] = set()
        self.erased: set[ContactId] = set()

    def new(
        self,
        *,
        now: datetime,
        role: Role = Role.BENEFICIARY,
        language: str | None = None,
        consent: Consent = Consent.UNASKED,
        news: bool = False,
        centre_slug: str | None = None,
        province_code: str | None = None,
        name: str | None = None,
    ) -> Contact:
        contact = Contact(
            id=ContactId(len(self._contacts) + 1),
            role=role,
            language=language,
            consent=consent,
            news=news,
            check_ins=True,
            centre_slug=centre_slug,
            province_code=province_code,
            name=name,
            created_at=now,
            enrolled_at=now if consent is Consent.AGREED else None,
        )
        self._contacts[contact.id] = contact
        return contact

    def all(self) -> list[Contact]:
        return list(self._contacts.values())

    async def get(self, contact_id: ContactId) -> Contact:
        return self._contacts[contact_id]

    async def set_language(self, contact_id: ContactId, language: str) -> None:
        self._change(contact_id, language=language)

    async def agree(self, contact_id: ContactId, *, news: bool, at: datetime) -> None:
        enrolled_at = self._contacts[contact_id].enrolled_at or at
        self._change(contact_id, consent=Consent.AGREED, news=news, enrolled_at=enrolled_at)

    async def refuse(self, contact_id: ContactId, *, at: datetime) -> None:
        self._change(contact_id, consent=Consent.REFUSED, news=False)

    async def set_news(self, contact_id: ContactId, news: bool) -> None:
        self._change(contact_id, news=news)

    async def set_check_ins(self, contact_id: ContactId, check_ins: bool) -> None:
        self._change(contact_id, check_ins=check_ins)

    async def set_name(self, contact_id: ContactId, name: str | None) -> None:
        self._change(contact_id, name=name)

    async def set_home(
        self, contact_id: ContactId, *, centre_slug: str | None = None, province_code: str | None = None
    ) -> None:
        kept = self._contacts[contact_id]
        self._change(
            contact_id,
            centre_slug=centre_slug or kept.centre_slug,
            province_code=province_code or kept.province_code,
        )

    async def set_reminder_hour(self, contact_id: ContactId, hour: int | None) -> None:
        self._change(contact_id, reminder_hour=hour)

    async def staff(self, role: Role, centre_slug: str | None = None) -> list[Contact]:
        return [
            contact
            for contact in self._contacts.values()
            if contact.role is role
            and centre_slug in (None, contact.centre_slug)
            and contact.id not in self.unreachable
        ]

    async def is_reachable(self, contact_id: ContactId) -> bool:
        return contact_id in self._contacts and contact_id not in self.unreachable

    async def make_staff(self, contact_id: ContactId, role: Role, centre_slug: str | None) -> None:
        if role not in STAFF:
            raise ValueError("only staff are made staff")
        self._change(contact_id, role=role, centre_slug=centre_slug)

    async def erase(self, contact_id: ContactId, *, at: datetime) -> None:
        desk, kept = self._desk, self._contacts[contact_id]
        desk.appointments.lose(contact_id)
        desk.tasks.rows = {id: task for id, task in desk.tasks.rows.items() if task.contact_id != contact_id}
        desk.schedule.due = [due for due in desk.schedule.due if due.contact_id != contact_id]
        desk.notices = [(owner, notice) for owner, notice in desk.notices if owner != contact_id]
        for address_id, owner in list(desk.addresses.owners.items()):
            if owner == contact_id:
                await desk.profiles.leave(address_id, contact_id)
        desk.life_projects.rows.pop(contact_id, None)
        desk.waiting.lose(contact_id)
        desk.complaints.hand_over(contact_id, None)
        self._contacts[contact_id] = Contact(
            id=contact_id,
            role=Role.BENEFICIARY,
            language=None,
            consent=Consent.UNASKED,
            news=False,
            check_ins=True,
            centre_slug=None,
            province_code=None,
            name=None,
            created_at=kept.created_at,
            enrolled_at=None,
        )
        self.erased.add(contact_id)

    def _change(self, contact_id: ContactId, **changes: object) -> None:
        self._contacts[contact_id] = replace(self._contacts[contact_id], **changes)  # type: ignore[arg-type]


class FakeAddresses:
    """Whose each address is. The one last used comes first."""

    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        self.owners: dict[int, ContactId] = {}
        self.rows: dict[int, KnownAddress] = {}
        self.phones: dict[ContactId, str] = {}

    async def phone(self, contact_id: ContactId) -> str | None:
        return self.phones.get(contact_id)

    def new(self, contact_id: ContactId, channel: Channel, *, now: datetime) -> int:
        number = len(self.rows) + 1
        self.owners[number] = contact_id
        self.rows[number] = KnownAddress(number, channel, reachable=True, preferred=False, last_used_at=now)
        return number

    def used(self, address_id: int, *, now: datetime) -> None:
        self.rows[address_id] = replace(self.rows[address_id], last_used_at=now)

    def preferred(self, contact_id: ContactId) -> int | None:
        own = [self.rows[number] for number, owner in self.owners.items() if owner == contact_id]
        best = max(own, key=lambda row: (row.preferred, row.last_used_at, row.id), default=None)
        return None if best is None else best.id

    async def of(self, contact_id: ContactId) -> list[KnownAddress]:
        own = [self.rows[number] for number, owner in self.owners.items() if owner == contact_id]
        return sorted(own, key=lambda row: (row.last_used_at, row.id), reverse=True)

    async def prefer(self, contact_id: ContactId, address_id: int | None) -> None:
        for row in await self.of(contact_id):
            self.rows[row.id] = replace(row, preferred=row.id == address_id)

    async def cut(self, contact_id: ContactId, address_id: int, *, now: datetime) -> ContactId:
        if self.owners.get(address_id) != contact_id:
            return contact_id
        self.owners[address_id] = self._desk.contacts.new(now=now).id
        self.rows[address_id] = replace(self.rows[address_id], preferred=False)
        return self.owners[address_id]


class FakeLinks:
    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        self._numbers = count(1)
        self._open: dict[str, tuple[LinkOffer, datetime | None]] = {}
        self._wrong: Counter[int] = Counter()
        self._not_before: dict[int, datetime] = {}

    async def new_code(self, contact_id: ContactId, kind: LinkKind, *, now: datetime) -> str:
        self._open = {
            code: (offer, until)
            for code, (offer, until) in self._open.items()
            if (offer.contact_id, offer.kind) != (contact_id, kind)
        }
        number, life = next(self._numbers), LIFE[kind]
        code = new_code(kind, lambda below: number * 7919 % below)
        self._open[code] = (LinkOffer(number, kind, contact_id), None if life is None else now + life)
        return code

    async def find(self, code: str, address_id: int, *, now: datetime) -> LinkOffer:
        not_before = self._not_before.get(address_id, now)
        if not_before > now:
            raise CodesSlowed(not_before)
        offer, until = self._open.get(code, (None, None))
        if offer is None or (until is not None and until <= now):
            self._wrong[address_id] += 1
            self._not_before[address_id] = now + wait_after(self._wrong[address_id])
            raise CodeInvalid
        return offer

    async def has_history(self, contact_id: ContactId) -> bool:
        desk = self._desk
        return (
            (await desk.contacts.get(contact_id)).enrolled_at is not None
            or any(visit.contact_id == contact_id for visit in desk.appointments.rows.values())
            or any(task.contact_id == contact_id for task in desk.tasks.rows.values())
        )

    async def join(self, link_id: int, contact_id: ContactId, *, now: datetime) -> ContactId:
        for code, (offer, until) in self._open.items():
            if offer.id == link_id and (until is None or until > now):
                del self._open[code]
                people = self._desk.contacts
                if (await people.get(contact_id)).role in STAFF:
                    raise CodeInvalid
                is_staffs = (await people.get(offer.contact_id)).role in STAFF
                if is_staffs and (offer.kind is not LinkKind.LINK or await self.has_history(contact_id)):
                    raise CodeInvalid
                self._merge(contact_id, offer.contact_id)
                return offer.contact_id
        raise CodeInvalid

    def _merge(self, other: ContactId, owner: ContactId) -> None:
        desk = self._desk
        for address_id, contact_id in desk.addresses.owners.items():
            if contact_id == other:
                desk.addresses.owners[address_id] = owner
        for visit in desk.appointments.rows.values():
            if visit.contact_id == other:
                desk.appointments.rows[visit.id] = replace(visit, contact_id=owner)
        for task in desk.tasks.rows.values():
            if task.contact_id == other:
                desk.tasks.rows[task.id] = replace(task, contact_id=owner)
        desk.waiting.merge(other, owner)
        if theirs := desk.life_projects.rows.pop(other, None):
            desk.life_projects.rows.setdefault(owner, theirs)
        desk.complaints.hand_over(other, owner)
        desk.schedule.due = [
            replace(due, contact_id=owner) if due.contact_id == other else due
            for due in desk.schedule.due
            if due.contact_id != other or due.purpose is not Purpose.CHECK_IN
        ]


@dataclass
class FakeProfile:
    """One row: somebody at an address."""

    contact_id: ContactId
    pin: str | None = None
    failures: int = 0
    not_before: datetime | None = None


class FakeProfiles:
    """Who shares each address, when it locks, and the conversation at its door."""

    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        self.rows: dict[int, list[FakeProfile]] = defaultdict(list)
        self.locks_at: dict[int, datetime] = {}
        self.doors: dict[int, Session] = {}
        self.released: list[tuple[ContactId, int]] = []

    def is_locked(self, address_id: int, *, now: datetime) -> bool:
        """Tell whether an address has locked; when it has not, its time counts anew."""
        locks_at = self.locks_at.get(address_id)
        if locks_at is not None and locks_at > now:
            self.locks_at[address_id] = now + LOCKS_AFTER
        return locks_at is not None and locks_at <= now

    async def of(self, address_id: int) -> list[Profile]:
        names = {contact.id: contact.name for contact in self._desk.contacts.all()}
        user = self._desk.addresses.owners[address_id]
        return [
            Profile(
                row.contact_id, number, names[row.contact_id], row.pin is not None, row.contact_id == user
            )
            for number, row in enumerate(self.rows[address_id], start=1)
        ]

    async def add(self, address_id: int, *, now: datetime) -> ContactId:
        self._keep_user(address_id, now)
        contact_id = self._desk.contacts.new(now=now).id
        self.rows[address_id].append(FakeProfile(contact_id))
        await self.use(address_id, contact_id, now=now)
        return contact_id

    async def use(self, address_id: int, contact_id: ContactId, *, now: datetime) -> bool:
        row = self._row(address_id, contact_id)
        row.failures, row.not_before = 0, None
        self._desk.addresses.owners[address_id] = contact_id
        self.locks_at[address_id] = now + LOCKS_AFTER
        self.doors.pop(address_id, None)
        await self.release(contact_id, address_id, now=now)
        self._tidy(address_id)
        return False

    async def leave(self, address_id: int, contact_id: ContactId) -> None:
        rest = [row for row in self.rows[address_id] if row.contact_id != contact_id]
        if rest:
            self.rows[address_id] = rest
            self._desk.addresses.owners[address_id] = rest[-1].contact_id
            self.locks_at[address_id] = datetime(1970, 1, 1, tzinfo=UTC)

    async def set_pin(
        self, address_id: int, contact_id: ContactId, pin: str | None, *, now: datetime
    ) -> None:
        if pin is not None:
            self._keep_user(address_id, now)
        for row in self.rows[address_id]:
            if row.contact_id == contact_id:
                row.pin, row.failures, row.not_before = pin, 0, None
        self._tidy(address_id)

    async def check_pin(self, address_id: int, contact_id: ContactId, pin: str, *, now: datetime) -> None:
        row = self._row(address_id, contact_id)
        if row.not_before is not None and row.not_before > now:
            raise PinsSlowed(row.not_before)
        if row.pin not in (None, pin):
            row.failures += 1
            row.not_before = now + wait_after(row.failures)
            raise PinWrong

    async def release(self, contact_id: ContactId, address_id: int, *, now: datetime) -> None:
        self.released.append((contact_id, address_id))

    def _row(self, address_id: int, contact_id: ContactId) -> FakeProfile:
        for row in self.rows[address_id]:
            if row.contact_id == contact_id:
                return row
        raise ProfileUnknown

    def _keep_user(self, address_id: int, now: datetime) -> None:
        user = self._desk.addresses.owners[address_id]
        if all(row.contact_id != user for row in self.rows[address_id]):
            self.rows[address_id].append(FakeProfile(user))
        self.locks_at.setdefault(address_id, now + LOCKS_AFTER)

    def _tidy(self, address_id: int) -> None:
        rows = self.rows[address_id]
        if len(rows) < 2 and all(row.pin is None for row in rows):
            self.rows.pop(address_id)
            self.locks_at.pop(address_id, None)
            self.doors.pop(address_id, None)


class FakeSessions:
    def __init__(self) -> None:
        self.rows: dict[ContactId, Session] = {}

    async def load(self, contact_id: ContactId) -> Session:
        return self.rows.get(contact_id, Session())

    async def save(self, contact_id: ContactId, session: Session, *, now: datetime) -> None:
        self.rows[contact_id] = session


class FakeInvitations:
    def __init__(self) -> None:
        self._open: dict[str, Invitation] = {}

    def issue(self, code: str, role: Role, centre_slug: str | None, *, expires_at: datetime) -> None:
        self._open[code] = Invitation(len(self._open) + 1, role, centre_slug, expires_at)

    async def redeem(self, code: str, contact_id: ContactId, *, now: datetime) -> Invitation:
        invitation = self._open.pop(code, None)
        if invitation is None or invitation.expires_at <= now:
            raise InvitationInvalid
        return invitation


class FakeCentres:
    """The packaged centres: no address, phone or hours is known until a test sets them."""

    def __init__(self) -> None:
        self._door_codes = 0
        self._centres = {
            seed.slug: Centre(
                slug=seed.slug,
                city_fr=seed.city_fr,
                city_ar=seed.city_ar,
                region_fr=seed.region_fr,
                region_ar=seed.region_ar,
                status=seed.status,
                address=seed.address,
                phone=seed.phone,
                latitude=seed.latitude,
                longitude=seed.longitude,
                rules=PUBLIC_OFFICE_RULES,
                hours_confirmed=False,
            )
            for seed in read_centres()
        }

    async def open(self) -> list[Centre]:
        open_ones = [centre for centre in self._centres.values() if centre.status is CentreStatus.OPEN]
        return sorted(open_ones, key=lambda centre: centre.city_fr)

    async def get(self, slug: str) -> Centre:
        try:
            return self._centres[slug]
        except KeyError as error:
            raise CentreUnknown(slug) from error

    async def set_address(self, slug: str, address: str | None) -> None:
        self._centres[slug] = replace(await self.get(slug), address=address)

    async def set_phone(self, slug: str, phone: str | None) -> None:
        self._centres[slug] = replace(await self.get(slug), phone=phone)

    async def set_point(self, slug: str, point: Point | None) -> None:
        self._centres[slug] = replace(await self.get(slug), point=point)

    async def set_rules(self, slug: str, rules: VisitRules) -> None:
        self._centres[slug] = replace(await self.get(slug), rules=rules, hours_confirmed=True)

    async def set_periods(self, slug: str, periods: Sequence[HoursPeriod]) -> None:
        centre = await self.get(slug)
        self._centres[slug] = replace(centre, rules=replace(centre.rules, periods=tuple(periods)))

    async def set_landmark(self, slug: str, landmark: str | None) -> None:
        self._centres[slug] = replace(await self.get(slug), landmark=landmark)

    async def to_change(self, slug: str) -> Centre:
        return await self.get(slug)

    async def door_code(self, slug: str) -> str:
        centre = await self.get(slug)
        return centre.door_code or await self.new_door_code(slug)

    async def new_door_code(self, slug: str) -> str:
        self._door_codes += 1
        code = new_door_code(lambda bits: self._door_codes * 10**15)
        self._centres[slug] = replace(await self.get(slug), door_code=code)
        return code

    async def at_door(self, code: str) -> Centre | None:
        return next((centre for centre in self._centres.values() if centre.door_code == code), None)

    def region_code(self, slug: str) -> str:
        centre = self._centres[slug]
        province = real_world().places.nearest_province(centre.latitude, centre.longitude)
        return (province or "").partition(".")[0]

    def set_status(self, slug: str, status: CentreStatus) -> None:
        self._centres[slug] = replace(self._centres[slug], status=status)


class FakeClosures:
    """The public holidays as proposed, unless a centre decided otherwise."""

    def __init__(self) -> None:
        self._decided: dict[tuple[str, date], tuple[bool, ClosureReason | None]] = {}
        self._hours: dict[tuple[str, date], dict[Opening, ClosureReason]] = defaultdict(dict)

    async def between(self, centre_slug: str, start: date, end: date) -> list[Closure]:
        found = {
            holiday.day: Closure(
                holiday.day,
                closed=True,
                decided=False,
                name_fr=holiday.name_fr,
                name_ar=holiday.name_ar,
                estimated=holiday.estimated,
            )
            for holiday in proposed_closures(start, end)
        }
        for (slug, day), (closed, reason) in self._decided.items():
            if slug == centre_slug and start <= day <= end:
                known = found.get(day, Closure(day, closed=closed, decided=True))
                found[day] = replace(known, closed=closed, decided=True, reason=reason)
        for (slug, day), hours in self._hours.items():
            if slug == centre_slug and start <= day <= end and hours:
                known = found.get(day, Closure(day, closed=False, decided=False))
                found[day] = replace(known, hours=tuple(sorted(hours)))
        return [found[day] for day in sorted(found)]

    async def decide(
        self,
        centre_slug: str,
        day: date,
        *,
        closed: bool,
        by: ContactId,
        reason: ClosureReason | None = None,
    ) -> None:
        self._decided[centre_slug, day] = closed, reason

    async def close_hours(
        self, centre_slug: str, day: date, stretch: Opening, *, reason: ClosureReason, by: ContactId
    ) -> None:
        self._hours[centre_slug, day][stretch] = reason

    async def hours_reasons(self, centre_slug: str, day: date) -> Mapping[Opening, ClosureReason | None]:
        return dict(self._hours.get((centre_slug, day), {}))

    async def open_hours(self, centre_slug: str, day: date) -> None:
        self._hours.pop((centre_slug, day), None)

    async def decide_once(
        self, centre_slug: str, day: date, *, closed: bool, by: ContactId, reason: ClosureReason | None = None
    ) -> bool:
        if (centre_slug, day) in self._decided:
            return False
        await self.decide(centre_slug, day, closed=closed, by=by, reason=reason)
        return True


class FakeHolds:
    def __init__(self) -> None:
        self.rows: list[Hold] = []

    async def keep(self, hold: Hold) -> None:
        await self.release(hold.contact_id, hold.purpose, appointment_id=hold.appointment_id)
        self.rows.append(hold)

    async def release(
        self, contact_id: ContactId, purpose: HoldPurpose, *, appointment_id: int | None = None
    ) -> None:
        asked = (contact_id, purpose, appointment_id)
        self.rows = [
            hold for hold in self.rows if (hold.contact_id, hold.purpose, hold.appointment_id) != asked
        ]

    async def in_groups(self, centre_slug: str, *, now: datetime, but: ContactId) -> Mapping[int, int]:
        held = self.of_others(centre_slug, date.min, date.max, now=now, but=but)
        return Counter(hold.group_session_id for hold in held if hold.group_session_id is not None)

    async def of(self, contact_id: ContactId, *, now: datetime) -> list[Hold]:
        return [hold for hold in self.rows if hold.contact_id == contact_id and hold.until > now]

    async def moved(self, centre_slug: str, *, now: datetime) -> list[Hold]:
        asked = centre_slug, HoldPurpose.MOVED
        return [hold for hold in self.rows if (hold.centre_slug, hold.purpose) == asked and hold.until > now]

    def of_others(
        self, centre_slug: str, start: date, end: date, *, now: datetime, but: ContactId
    ) -> list[Hold]:
        return [
            hold
            for hold in self.rows
            if hold.centre_slug == centre_slug
            and start <= hold.day <= end
            and hold.until > now
            and hold.contact_id != but
        ]


class FakeGroupSessions:
    def __init__(self, desk: "FakeDesk") -> None:
        self.rows: dict[int, GroupSession] = {}
        self._desk = desk

    async def between(self, centre_slug: str, start: date, end: date) -> list[GroupSession]:
        found = [
            await self.get(session.id)
            for session in self.rows.values()
            if session.is_open and session.centre_slug == centre_slug and start <= session.day <= end
        ]
        return sorted(found, key=lambda session: session.starts_local)

    async def get(self, session_id: int) -> GroupSession:
        if session_id not in self.rows:
            raise GroupSessionGone
        taken = [
            visit
            for visit in self._desk.appointments.rows.values()
            if visit.is_live and visit.group_session_id == session_id
        ]
        return replace(self.rows[session_id], taken=len(taken))

    async def create(self, session: GroupSession, *, by: ContactId, now: datetime) -> GroupSession:
        for other in self.rows.values():
            same = (other.centre_slug, other.starts_local) == (session.centre_slug, session.starts_local)
            if other.is_open and same:
                raise SlotTaken
        number = len(self.rows) + 1
        self.rows[number] = replace(session, id=number, taken=0, is_open=True)
        return self.rows[number]

    async def call_off(self, session_id: int) -> None:
        self.rows[session_id] = replace(self.rows[session_id], is_open=False)


class FakeWaiting:
    """`wakes` counts how often somebody was to look whether a place can be offered."""

    def __init__(self) -> None:
        self.rows: dict[int, WaitingEntry] = {}
        self.wakes = 0
        self._numbers = count(1)

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
        for entry in self.rows.values():
            if (entry.contact_id, entry.centre_slug, entry.kind) == (contact_id, centre_slug, kind):
                return entry
        number = next(self._numbers)
        self.rows[number] = WaitingEntry(
            id=number,
            contact_id=contact_id,
            centre_slug=centre_slug,
            kind=kind,
            need=need,
            joined_at=now,
            wants_woman=wants_woman,
            phone=phone,
            appointment_id=appointment_id,
        )
        return self.rows[number]

    async def leave(self, entry_id: int) -> bool:
        entry = self.rows.pop(entry_id, None)
        return entry is not None and entry.offered_until is not None

    async def get(self, entry_id: int) -> WaitingEntry | None:
        return self.rows.get(entry_id)

    async def of(self, contact_id: ContactId) -> list[WaitingEntry]:
        return [entry for entry in self.rows.values() if entry.contact_id == contact_id]

    async def lines(self) -> list[tuple[str, VisitKind]]:
        return sorted({(entry.centre_slug, entry.kind) for entry in self.rows.values()})

    async def line(self, centre_slug: str, kind: VisitKind, *, now: datetime) -> list[WaitingEntry]:
        return [
            entry
            for entry in self.rows.values()
            if (entry.centre_slug, entry.kind) == (centre_slug, kind)
            and not self._thinks_about_another(entry.contact_id)
        ]

    async def count(self, centre_slug: str) -> int:
        return len({row.contact_id for row in self.rows.values() if row.centre_slug == centre_slug})

    async def offer(self, entry_id: int, start: datetime, *, until: datetime, now: datetime) -> None:
        entry = self.rows.get(entry_id)
        if entry is None or self._thinks_about_another(entry.contact_id):
            raise NotWaiting
        self.rows[entry_id] = replace(
            entry, offered=start, offered_until=until, passed=entry.passed | {start}
        )

    async def decline(self, entry_id: int) -> None:
        self.rows[entry_id] = replace(self.rows[entry_id], offered_until=None, unanswered=0)

    async def not_answered(self, entry_id: int, *, now: datetime) -> int | None:
        entry = self.rows.get(entry_id)
        if entry is None or entry.offered_until is None or entry.offered_until > now:
            return None
        self.rows[entry_id] = replace(entry, offered_until=None, unanswered=entry.unanswered + 1)
        return entry.unanswered + 1

    async def gone_by(self, now: datetime) -> list[WaitingEntry]:
        return [row for row in self.rows.values() if row.offered_until and row.offered_until <= now]

    async def pass_over(self, entry_id: int, start: datetime, *, now: datetime) -> None:
        entry = self.rows[entry_id]
        self.rows[entry_id] = replace(entry, passed=entry.passed | {start})

    def wake(self) -> None:
        self.wakes += 1

    def lose(self, contact_id: ContactId) -> None:
        """Forget where somebody waits."""
        self.rows = {id: entry for id, entry in self.rows.items() if entry.contact_id != contact_id}

    def merge(self, other: ContactId, owner: ContactId) -> None:
        """Let the owner wait where the other does, unless they do already."""
        theirs = {(row.centre_slug, row.kind) for row in self.rows.values() if row.contact_id == owner}
        for entry in list(self.rows.values()):
            if entry.contact_id == other and (entry.centre_slug, entry.kind) not in theirs:
                self.rows[entry.id] = replace(entry, contact_id=owner)
        self.lose(other)

    def _thinks_about_another(self, contact_id: ContactId) -> bool:
        return any(row.contact_id == contact_id and row.offered_until for row in self.rows.values())


class FakeAppointments:
    def __init__(self, holds: FakeHolds, group_sessions: FakeGroupSessions) -> None:
        self.rows: dict[int, Appointment] = {}
        self.phones: dict[int, str] = {}
        self._holds = holds
        self._group_sessions = group_sessions
        self._once_displaced: set[int] = set()

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
        self._take_place(centre_slug, day, at, capacity, kind)
        number = len(self.rows) + 1
        appointment = Appointment(
            id=number,
            contact_id=contact_id,
            centre_slug=centre_slug,
            need=need,
            day=day,
            at=at,
            zone=zone.NAME,
            status=_status(confirmed),
            version=1,
            code=new_visit_code(number * 7919),
            coming=False,
            booked_at=now,
            kind=kind,
            minutes=length and length.minutes,
            buffer_minutes=length and length.buffer_minutes,
            group_session_id=group_session_id,
            wants_woman=wants_woman,
        )
        self.rows[number] = appointment
        return appointment

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
        kept = self._live(appointment_id, now)
        self._take_place(kept.centre_slug, day, at, capacity, kept.kind)
        moved = replace(
            kept,
            day=day,
            at=at,
            status=_status(confirmed),
            version=kept.version + 1,
            coming=False,
            minutes=length and length.minutes,
            buffer_minutes=length and length.buffer_minutes,
            group_session_id=group_session_id,
            displaced_at=None,
            arrived_at=None,
            plan=None,
        )
        self.rows[kept.id] = moved
        return moved

    async def cancel(
        self, appointment_id: int, *, now: datetime, by: EndedBy = EndedBy.PERSON
    ) -> Appointment:
        self._set_status(self._live(appointment_id, now), AppointmentStatus.CANCELLED)
        self.rows[appointment_id] = replace(self.rows[appointment_id], displaced_at=None, ended_by=by)
        self.phones.pop(appointment_id, None)
        return self.rows[appointment_id]

    async def confirm(self, appointment_id: int, *, version: int, now: datetime) -> Appointment:
        visit = self.rows.get(appointment_id)
        as_seen = visit is not None and (visit.version, visit.status) == (
            version,
            AppointmentStatus.REQUESTED,
        )
        if visit is None or not as_seen or _has_begun(visit, now):
            raise VisitChanged
        return self._set_status(visit, AppointmentStatus.CONFIRMED)

    async def set_coming(self, appointment_id: int) -> Appointment:
        kept = await self.get(appointment_id)
        if not kept.is_live:
            raise AppointmentNotLive
        self.rows[appointment_id] = replace(kept, coming=True)
        return self.rows[appointment_id]

    async def set_plan(self, appointment_id: int, plan: str) -> Appointment:
        kept = await self.get(appointment_id)
        if not kept.is_live:
            raise AppointmentNotLive
        self.rows[appointment_id] = replace(kept, plan=plan)
        return self.rows[appointment_id]

    async def set_wants_woman(self, appointment_id: int, wants_woman: bool) -> None:
        self.rows[appointment_id] = replace(self.rows[appointment_id], wants_woman=wants_woman)

    async def set_phone(self, appointment_id: int, phone: str) -> None:
        self.phones[appointment_id] = phone

    async def phone(self, appointment_id: int) -> str | None:
        return self.phones.get(appointment_id)

    async def get(self, appointment_id: int) -> Appointment:
        if appointment_id not in self.rows:
            raise AppointmentNotLive
        return self.rows[appointment_id]

    async def upcoming(self, contact_id: ContactId, *, now: datetime) -> list[Appointment]:
        return [
            visit
            for visit in self._by_time()
            if visit.contact_id == contact_id and visit.is_live and not _has_begun(visit, now)
        ]

    async def agenda(self, centre_slug: str, start: date, end: date) -> list[Appointment]:
        return [
            visit
            for visit in self._by_time()
            if visit.centre_slug == centre_slug and visit.is_live and start <= visit.day <= end
        ]

    async def on_day(self, contact_id: ContactId, day: date) -> list[Appointment]:
        return [
            visit
            for visit in self._by_time()
            if (visit.contact_id, visit.day) == (contact_id, day)
            and visit.status is not AppointmentStatus.CANCELLED
        ]

    async def arrived(self, appointment_id: int, *, now: datetime) -> Appointment:
        kept = await self.get(appointment_id)
        if not kept.is_live:
            raise AppointmentNotLive
        self.rows[appointment_id] = replace(kept, arrived_at=kept.arrived_at or now)
        return self.rows[appointment_id]

    async def lock_day(self, centre_slug: str, day: date) -> None:
        """One test does one thing at a time."""

    async def lock_time(self, centre_slug: str, day: date, at: time, length: Length) -> None:
        """One test does one thing at a time."""

    async def taken(
        self, centre_slug: str, start: date, end: date, *, now: datetime, but: ContactId = NOBODY
    ) -> Mapping[date, tuple[Taken, ...]]:
        rows: list[Appointment | Hold] = [*await self.agenda(centre_slug, start, end)]
        rows += self._holds.of_others(centre_slug, start, end, now=now, but=but)
        found: dict[date, list[Taken]] = defaultdict(list)
        for row in rows:
            if row.kind is not VisitKind.GROUP:
                found[row.day].append(Taken(row.at, 1, row.minutes, row.buffer_minutes))
        for session in await self._group_sessions.between(centre_slug, start, end):
            found[session.day].append(Taken(session.at, 1, session.minutes, 0))
        return {day: tuple(taken) for day, taken in found.items()}

    async def displace(self, appointment_id: int, *, version: int, now: datetime) -> Appointment:
        visit = self.rows.get(appointment_id)
        if visit is None or not visit.is_live or visit.version != version or _has_begun(visit, now):
            raise VisitChanged
        self._once_displaced.add(appointment_id)
        self.rows[visit.id] = replace(visit, version=visit.version + 1, displaced_at=now, coming=False)
        return self.rows[visit.id]

    async def restore(self, appointment_id: int, *, now: datetime) -> Appointment:
        visit = self._live(appointment_id, now)
        if visit.displaced_at is None:
            raise AppointmentNotLive
        self.rows[visit.id] = replace(visit, version=visit.version + 1, displaced_at=None)
        return self.rows[visit.id]

    async def lapse(self, appointment_id: int, *, now: datetime) -> Appointment:
        visit = await self.get(appointment_id)
        if not visit.is_live or visit.displaced_at is None or not _has_begun(visit, now):
            raise AppointmentNotLive
        cancelled = self._set_status(visit, AppointmentStatus.CANCELLED)
        self.rows[visit.id] = replace(cancelled, displaced_at=None, ended_by=EndedBy.CENTRE, coming=False)
        return self.rows[visit.id]

    async def displaced(self, centre_slug: str, *, now: datetime) -> list[Appointment]:
        return [visit for visit in self._ahead(centre_slug, now) if visit.displaced_at]

    async def resettled(self, centre_slug: str, *, now: datetime) -> list[Appointment]:
        return [
            visit
            for visit in self._ahead(centre_slug, now)
            if visit.displaced_at is None and visit.id in self._once_displaced
        ]

    async def lock_closings(self, centre_slug: str) -> None:
        """One test does one thing at a time."""

    def _ahead(self, centre_slug: str, now: datetime) -> list[Appointment]:
        return [
            visit
            for visit in self._by_time()
            if visit.centre_slug == centre_slug and visit.is_live and not _has_begun(visit, now)
        ]

    async def mark(
        self,
        appointment_id: int,
        *,
        version: int,
        status: AppointmentStatus,
        by: EndedBy | None = None,
        now: datetime,
    ) -> Appointment:
        seen = self._as_seen(appointment_id, version, now)
        obstacle = seen.obstacle if status is AppointmentStatus.MISSED else None
        self._set_status(replace(seen, ended_by=by, displaced_at=None, obstacle=obstacle), status)
        return self.rows[appointment_id]

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
        seen = self._as_seen(appointment_id, version, now)
        self._take_place(seen.centre_slug, day, at, capacity, seen.kind)
        fresh = replace(
            seen,
            day=day,
            at=at,
            coming=False,
            minutes=length and length.minutes,
            buffer_minutes=length and length.buffer_minutes,
            ended_by=None,
            displaced_at=None,
            arrived_at=None,
            plan=None,
            obstacle=None,
            feedback=None,
        )
        return self._set_status(fresh, AppointmentStatus.CONFIRMED)

    async def set_obstacle(self, appointment_id: int, contact_id: ContactId, obstacle: str) -> None:
        visit = self.rows.get(appointment_id)
        if visit and visit.contact_id == contact_id and visit.status is AppointmentStatus.MISSED:
            self.rows[visit.id] = replace(visit, obstacle=obstacle)

    async def set_feedback(self, appointment_id: int, contact_id: ContactId, feedback: int) -> None:
        visit = self.rows.get(appointment_id)
        if visit and visit.contact_id == contact_id and mark_of(visit) in (Mark.CAME, Mark.LATE):
            self.rows[visit.id] = replace(visit, feedback=feedback)

    async def with_marks(self, centre_slug: str, start: date, end: date) -> list[Appointment]:
        return [
            visit
            for visit in self._by_time()
            if visit.centre_slug == centre_slug
            and start <= visit.day <= end
            and (visit.is_live or mark_of(visit))
            and visit.contact_id != NOBODY
        ]

    async def missed_in_a_row(self, contact_id: ContactId) -> list[Appointment]:
        said = (Mark.CAME, Mark.LATE, Mark.MISSED)
        past = [
            visit
            for visit in reversed(self._by_time())
            if visit.contact_id == contact_id and mark_of(visit) in said
        ]
        return list(takewhile(lambda visit: visit.status is AppointmentStatus.MISSED, past))

    async def figures(self, start: date, end: date) -> Mapping[str, VisitFigures]:
        found: dict[str, VisitFigures] = defaultdict(VisitFigures)
        for visit in self.rows.values():
            if start <= visit.day <= end and not visit.is_live:
                found[visit.centre_slug] += _figures_of(visit)
        return found

    def _as_seen(self, appointment_id: int, version: int, now: datetime) -> Appointment:
        visit = self.rows.get(appointment_id)
        if (
            visit is None
            or visit.version != version
            or not (visit.is_live or mark_of(visit))
            or not _has_begun(visit, now + MARKED_FROM)
        ):
            raise VisitChanged
        return visit

    def lose(self, contact_id: ContactId) -> None:
        """Cancel the visits of somebody whose data are erased, and forget whose they were."""
        for visit in list(self.rows.values()):
            if visit.contact_id == contact_id:
                status = AppointmentStatus.CANCELLED if visit.is_live else visit.status
                self.rows[visit.id] = replace(visit, contact_id=ContactId(0), status=status)
                self.phones.pop(visit.id, None)

    def _by_time(self) -> list[Appointment]:
        return sorted(self.rows.values(), key=lambda visit: visit.starts_local)

    def _take_place(self, centre_slug: str, day: date, at: time, capacity: int, kind: VisitKind) -> None:
        is_group = kind is VisitKind.GROUP
        holders = [
            visit
            for visit in self.rows.values()
            if visit.is_live
            and (visit.centre_slug, visit.day, visit.at) == (centre_slug, day, at)
            and (visit.kind is VisitKind.GROUP) == is_group
        ]
        if len(holders) >= capacity:
            raise SlotTaken

    def _live(self, appointment_id: int, now: datetime) -> Appointment:
        visit = self.rows.get(appointment_id)
        if visit is None or not visit.is_live or _has_begun(visit, now):
            raise AppointmentNotLive
        return visit

    def _set_status(self, visit: Appointment, status: AppointmentStatus) -> Appointment:
        self.rows[visit.id] = replace(visit, status=status, version=visit.version + 1)
        return self.rows[visit.id]


def _status(confirmed: bool) -> AppointmentStatus:
    return AppointmentStatus.CONFIRMED if confirmed else AppointmentStatus.REQUESTED


def _figures_of(visit: Appointment) -> VisitFigures:
    graded = {1: VisitFigures(bad=1), 2: VisitFigures(so_so=1), 3: VisitFigures(good=1)}
    kept = {
        Mark.CAME: VisitFigures(came=1),
        Mark.LATE: VisitFigures(late=1),
        Mark.MISSED: VisitFigures(missed=1),
        Mark.CALLED_OFF: VisitFigures(cancelled_by_centre=1),
        None: VisitFigures(cancelled_by_people=1),
    }
    return kept[mark_of(visit)] + graded.get(visit.feedback or 0, VisitFigures())


def _has_begun(visit: Appointment, now: datetime) -> bool:
    return visit.starts_at(zone.casablanca()) <= now


@dataclass(frozen=True)
class Due:
    """One planned message."""

    contact_id: ContactId
    purpose: Purpose
    subject: str
    version: int
    step: str
    due_at: datetime


class FakeSchedule:
    """`due` is what is still to come; what was withdrawn or sent is gone from it."""

    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        self._planned: set[tuple[str, str, int]] = set()
        self._told: set[tuple[str, str, int]] = set()
        self.due: list[Due] = []

    async def plan(
        self,
        *,
        contact_id: ContactId,
        purpose: Purpose,
        subject: str,
        version: int,
        steps: Sequence[tuple[str, datetime]],
    ) -> None:
        for step, due_at in steps:
            if (subject, step, version) not in self._planned:
                self._planned.add((subject, step, version))
                self.due.append(Due(contact_id, purpose, subject, version, step, due_at))

    async def withdraw(self, subject: str) -> None:
        self.due = [due for due in self.due if due.subject != subject]
        self._desk.notices = [
            (owner, notice) for owner, notice in self._desk.notices if notice.subject != subject
        ]

    async def withdraw_for(self, contact_id: ContactId, purpose: Purpose) -> None:
        self.due = [due for due in self.due if (due.contact_id, due.purpose) != (contact_id, purpose)]

    async def move(self, subject: str, steps: Sequence[tuple[str, datetime]]) -> None:
        moments = dict(steps)
        self.due = [
            replace(due, due_at=moments.get(due.step, due.due_at)) if due.subject == subject else due
            for due in self.due
        ]

    async def told(self, subjects: Collection[str]) -> set[tuple[str, str, int]]:
        return {told for told in self._told if told[0] in subjects}

    def pop_until(self, now: datetime) -> list[Due]:
        """Return what has fallen due, earliest first, and forget it."""
        ready = sorted((due for due in self.due if due.due_at <= now), key=lambda due: due.due_at)
        self._told.update((due.subject, due.step, due.version) for due in ready)
        self.due = [due for due in self.due if due.due_at > now]
        return ready


class FakeTasks:
    def __init__(self) -> None:
        self._numbers = count(1)
        self.rows: dict[int, Task] = {}

    async def add(
        self,
        *,
        contact_id: ContactId,
        centre_slug: str | None,
        kind: TaskKind,
        text: str,
        urgent: bool,
        now: datetime,
    ) -> Task:
        number = next(self._numbers)
        task = Task(number, contact_id, centre_slug, kind, text, urgent, TaskStatus.OPEN, None, now)
        self.rows[number] = task
        return task

    async def get(self, task_id: int) -> Task:
        if task_id not in self.rows:
            raise TaskUnknown
        return self.rows[task_id]

    async def take(self, task_id: int, by: ContactId, *, now: datetime) -> Task:
        task = await self.get(task_id)
        if task.status is TaskStatus.DONE or task.taken_by not in (None, by):
            raise TaskTaken
        self.rows[task_id] = replace(task, status=TaskStatus.TAKEN, taken_by=by)
        return self.rows[task_id]

    async def finish(self, task_id: int, by: ContactId, *, now: datetime) -> Task:
        task = await self.get(task_id)
        self.rows[task_id] = replace(task, status=TaskStatus.DONE, taken_by=by)
        return self.rows[task_id]

    async def open(self, centre_slug: str | None) -> list[Task]:
        found = [
            task
            for task in self.rows.values()
            if task.status is not TaskStatus.DONE and task.centre_slug in (None, centre_slug)
        ]
        return sorted(found, key=lambda task: (not task.urgent, task.created_at, task.id))

    async def latest(self, contact_id: ContactId) -> Task | None:
        own = [task for task in self.rows.values() if task.contact_id == contact_id]
        return next((task for task in reversed(own) if task.status is not TaskStatus.DONE), None)

    async def newest(self, contact_id: ContactId, kind: TaskKind) -> Task | None:
        own = [task for task in self.rows.values() if (task.contact_id, task.kind) == (contact_id, kind)]
        return own[-1] if own else None


class FakeComplaints:
    def __init__(self) -> None:
        self.rows: dict[int, Complaint] = {}

    async def file(
        self, text: str, *, contact_id: ContactId | None, centre_slug: str | None, now: datetime
    ) -> Complaint:
        number = len(self.rows) + 1
        at = now if contact_id is not None else day_alone(now)
        self.rows[number] = Complaint(number, contact_id, centre_slug, text, ComplaintStatus.OPEN, at)
        return self.rows[number]

    async def get(self, complaint_id: int) -> Complaint | None:
        return self.rows.get(complaint_id)

    async def open(self) -> list[Complaint]:
        found = [row for row in self.rows.values() if row.status is ComplaintStatus.OPEN]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    async def count_open(self, contact_id: ContactId) -> int:
        return len([row for row in await self.open() if row.contact_id == contact_id])

    async def close(self, complaint_id: int, *, now: datetime) -> None:
        if kept := self.rows.get(complaint_id):
            self.rows[complaint_id] = replace(kept, status=ComplaintStatus.DONE)

    def hand_over(self, contact_id: ContactId, to: ContactId | None) -> None:
        """Let the complaints of somebody be somebody else's; None: they go with their person."""
        for row in list(self.rows.values()):
            if row.contact_id == contact_id:
                del self.rows[row.id]
                if to is not None:
                    self.rows[row.id] = replace(row, contact_id=to)


class FakeUnanswered:
    def __init__(self) -> None:
        self.rows: list[Unanswered] = []
        self._numbers = count(1)

    async def note(self, language: str, words: str, *, day: date) -> None:
        week = week_of(day)
        for number, row in enumerate(self.rows):
            if (row.language, row.words) == (language, words):
                self.rows[number] = replace(row, count=row.count + 1, last_week=week)
                return
        self.rows.append(Unanswered(next(self._numbers), language, words, 1, week, week))

    async def all(self) -> list[Unanswered]:
        return sorted(self.rows, key=lambda row: (-row.count, -row.last_week.toordinal(), row.id))

    async def remove(self, unanswered_id: int) -> None:
        self.rows = [row for row in self.rows if row.id != unanswered_id]


class FakeLifeProjects:
    def __init__(self) -> None:
        self.rows: dict[ContactId, LifeProject] = {}

    async def get(self, contact_id: ContactId) -> LifeProject | None:
        return self.rows.get(contact_id)

    async def answer(self, contact_id: ContactId, question: Question, words: str, *, now: datetime) -> None:
        kept = self.rows.get(contact_id) or LifeProject({}, None, now, now)
        answers = {**kept.answers, question: words}
        self.rows[contact_id] = replace(kept, answers=answers, changed_at=now)

    async def attach(self, contact_id: ContactId, appointment_id: int | None) -> None:
        if kept := self.rows.get(contact_id):
            self.rows[contact_id] = replace(kept, appointment_id=appointment_id)

    async def delete(self, contact_id: ContactId) -> None:
        self.rows.pop(contact_id, None)


class FakeContent:
    def __init__(self) -> None:
        self.rows: list[Edit] = []
        self._numbers = count(1)

    async def published(self) -> tuple[Change, ...]:
        return tuple(
            replace(edit.change, reviewed=edit.published_at.date() if edit.change.language else None)
            for edit in in_force(self.rows).values()
            if edit.published_at
        )

    async def drafts(self, by: ContactId) -> list[Edit]:
        return [edit for edit in self.rows if edit.state is EditState.DRAFT and edit.by == by]

    async def draft(self, by: ContactId, change: Change, *, before: object, now: datetime) -> None:
        await self.drop_draft(by, target_of(change))
        touch = last_touches(self.rows).get(target_of(change))
        based_on = touch.revision if touch else None
        self.rows.append(
            Edit(next(self._numbers), change, before, EditState.DRAFT, by, now, based_on=based_on)
        )

    async def drop_draft(self, by: ContactId, target: Target) -> None:
        gone = [draft for draft in await self.drafts(by) if draft.target == target]
        self.rows = [edit for edit in self.rows if edit not in gone]

    async def drop_drafts(self, by: ContactId) -> None:
        gone = await self.drafts(by)
        self.rows = [edit for edit in self.rows if edit not in gone]

    async def publish(self, by: ContactId, *, now: datetime) -> int | None:
        drafts = await self.drafts(by)
        if touches := touched_meanwhile(drafts, self.rows):
            for touch in touches:
                held = in_force(self.rows).get(touch.target, touch)
                self._change(
                    [draft for draft in drafts if draft.target == touch.target],
                    based_on=touch.revision,
                    before=held.change.value,
                )
            raise ChangedMeanwhile(touches)
        number = self._next_number()
        self._change(drafts, state=EditState.PUBLISHED, published_at=now, revision=number)
        return number if drafts else None

    async def history(self) -> list[Revision]:
        return revisions(self.rows)

    async def roll_back(self, number: int, by: ContactId, *, now: datetime) -> int:
        gone = [each for each in self.rows if (each.revision, each.state) == (number, EditState.PUBLISHED)]
        if not gone:
            raise NothingToRollBack(number)
        following, holding = self._next_number(), in_force(self.rows)
        back = [
            Edit(
                id=next(self._numbers),
                change=replace(edit.change, value=value_without(edit.target, number, self.rows)),
                before=holding[edit.target].change.value,
                state=EditState.TAKEN_BACK,
                by=by,
                at=now,
                published_at=now,
                revision=following,
                based_on=number,
            )
            for edit in gone
        ]
        self._change(gone, state=EditState.ROLLED_BACK)
        self.rows += back
        return following

    def _next_number(self) -> int:
        return 1 + max((edit.revision or 0 for edit in self.rows), default=0)

    def _change(self, edits: Sequence[Edit], **values: Any) -> None:
        self.rows = [replace(edit, **values) if edit in edits else edit for edit in self.rows]


class FakeAnnouncements:
    """Counts who would get one; `delivers` moves the progress on."""

    def __init__(self, desk: "FakeDesk") -> None:
        self._desk = desk
        self.rows: dict[int, Announcement] = {}
        self.receivers: dict[int, list[ContactId]] = {}
        self._progress: dict[int, Progress] = {}

    async def count(self, audience: Audience, languages: Collection[str]) -> int:
        return len(list(self._receivers(audience, languages)))

    async def start(
        self, *, author: ContactId, audience: Audience, texts: Mapping[str, str], now: datetime
    ) -> Announcement:
        number = len(self.rows) + 1
        receivers = list(self._receivers(audience, texts))
        self.receivers[number] = receivers
        self.rows[number] = Announcement(
            number, author, audience, dict(texts), AnnouncementStatus.RUNNING, len(receivers), now
        )
        self._progress[number] = Progress(len(receivers), sent=0, failed=0, blocked=0, dropped=0)
        return self.rows[number]

    async def stop(self, announcement_id: int, *, now: datetime) -> None:
        progress = self._progress[announcement_id]
        self._progress[announcement_id] = replace(progress, dropped=progress.dropped + progress.waiting)
        self.rows[announcement_id] = replace(self.rows[announcement_id], status=AnnouncementStatus.STOPPED)

    async def get(self, announcement_id: int) -> Announcement:
        return self.rows[announcement_id]

    async def progress(self, announcement_id: int) -> Progress:
        return self._progress[announcement_id]

    def delivers(self, announcement_id: int, *, sent: int, failed: int = 0, blocked: int = 0) -> None:
        """Set how far the sending has come; with nobody left waiting it is done."""
        progress = replace(self._progress[announcement_id], sent=sent, failed=failed, blocked=blocked)
        self._progress[announcement_id] = progress
        if progress.waiting == 0:
            self.rows[announcement_id] = replace(self.rows[announcement_id], status=AnnouncementStatus.DONE)

    def _receivers(self, audience: Audience, languages: Collection[str]) -> Iterable[ContactId]:
        for contact in self._desk.contacts.all():
            if (
                contact.news
                and contact.role is Role.BENEFICIARY
                and contact.consent is Consent.AGREED
                and contact.id not in self._desk.contacts.unreachable
                and text_language(contact.language or "", languages)
                and audience.language in (None, contact.language)
                and audience.centre_slug in (None, contact.centre_slug)
                and audience.region_code in (None, *self._desk.regions_of(contact))
            ):
                yield contact.id


@dataclass(frozen=True)
class Look:
    """Staff looked at something of a person's."""

    by: ContactId
    at_contact: ContactId
    what: str
    now: datetime


class FakeOutbox:
    """Brings everything, unless told whom nothing reaches."""

    def __init__(self) -> None:
        self.obstacles: dict[ContactId, Obstacle] = {}

    async def obstacle(self, contact_id: ContactId) -> Obstacle | None:
        return self.obstacles.get(contact_id)


class FakeAudit:
    def __init__(self) -> None:
        self.looks: list[Look] = []

    async def looked(self, by: ContactId, at_contact: ContactId, what: str, *, now: datetime) -> None:
        self.looks.append(Look(by, at_contact, what, now))

    async def opened_at(self, at_contact: ContactId) -> list[datetime]:
        return sorted((look.now for look in self.looks if look.at_contact == at_contact), reverse=True)


class FakeBilling:
    """Charges what a test says; nothing unless told."""

    def __init__(self) -> None:
        self.next = Cost()

    async def cost(self, audience: Audience, languages: Collection[str], *, now: datetime) -> Cost:
        return self.next


class FakeExperiments:
    """`noted` is which wording was sent about which visit, by experiment and visit."""

    def __init__(self, appointments: FakeAppointments) -> None:
        self._appointments = appointments
        self.rows: dict[int, Experiment] = {}
        self.noted: dict[tuple[int, int], Wording] = {}

    async def running(self) -> list[Experiment]:
        return [experiment for experiment in self.rows.values() if experiment.is_running]

    async def get(self, experiment_id: int) -> Experiment:
        return self.rows[experiment_id]

    async def latest(self, name: str) -> Experiment | None:
        runs = [experiment for experiment in self.rows.values() if experiment.name == name]
        return runs[-1] if runs else None

    async def start(self, name: str, *, sample_size: int, by: ContactId, now: datetime) -> Experiment:
        if any(experiment.name == name for experiment in await self.running()):
            raise ExperimentRunning
        number = len(self.rows) + 1
        self.rows[number] = Experiment(number, name, sample_size, by, now)
        return self.rows[number]

    async def stop(self, experiment_id: int, *, now: datetime) -> bool:
        if not self.rows[experiment_id].is_running:
            return False
        self.rows[experiment_id] = replace(self.rows[experiment_id], stopped_at=now)
        return True

    async def note(self, experiment_id: int, appointment_id: int, wording: Wording) -> None:
        self.noted.setdefault((experiment_id, appointment_id), wording)

    async def result(self, experiment_id: int) -> Result:
        return Result(
            *(
                self._outcomes(
                    visit_id
                    for (number, visit_id), noted in self.noted.items()
                    if number == experiment_id and noted is wording
                )
                for wording in Wording
            )
        )

    async def attendance(self, *, since: datetime) -> Outcomes:
        visits = self._appointments.rows.values()
        return self._outcomes(v.id for v in visits if v.starts_at(zone.casablanca()) >= since)

    def _outcomes(self, visit_ids: Iterable[int]) -> Outcomes:
        statuses = Counter(self._appointments.rows[visit_id].status for visit_id in visit_ids)
        return Outcomes(
            statuses[AppointmentStatus.ATTENDED] + statuses[AppointmentStatus.LATE],
            statuses[AppointmentStatus.MISSED],
            statuses[AppointmentStatus.CANCELLED],
        )


class FakeDesk:
    """All stores, and the notices still open, each with the one it was pushed to."""

    def __init__(self) -> None:
        self.notices: list[tuple[ContactId, Notice]] = []
        self.contacts = FakeContacts(self)
        self.addresses = FakeAddresses(self)
        self.links = FakeLinks(self)
        self.profiles = FakeProfiles(self)
        self.sessions = FakeSessions()
        self.invitations = FakeInvitations()
        self.centres = FakeCentres()
        self.closures = FakeClosures()
        self.holds = FakeHolds()
        self.group_sessions = FakeGroupSessions(self)
        self.appointments = FakeAppointments(self.holds, self.group_sessions)
        self.waiting = FakeWaiting()
        self.schedule = FakeSchedule(self)
        self.tasks = FakeTasks()
        self.life_projects = FakeLifeProjects()
        self.announcements = FakeAnnouncements(self)
        self.billing = FakeBilling()
        self.audit = FakeAudit()
        self.outbox = FakeOutbox()
        self.unanswered = FakeUnanswered()
        self.content = FakeContent()
        self.experiments = FakeExperiments(self.appointments)
        self.complaints = FakeComplaints()

    def regions_of(self, contact: Contact) -> set[str]:
        """Return the codes of the regions a person lives in or has their centre in."""
        codes = {contact.province_code.partition(".")[0]} if contact.province_code else set()
        if contact.centre_slug:
            codes.add(self.centres.region_code(contact.centre_slug))
        return codes


class MovableClock:
    """Says what a test sets; aware UTC."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def moves_to(self, moment: datetime) -> None:
        self._now = moment.astimezone(UTC)

    def moves_on(self, by: timedelta) -> None:
        self._now += by
