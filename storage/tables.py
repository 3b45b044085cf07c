"""The tables. SQLAlchemy Core, no ORM: one statement does one thing, and the hot path stays cheap.

Conventions: `*_enc` columns hold what names a person, encrypted by `storage.encryption` with
"table.column" as associated data; moments are UTC, and visits also keep their wall time and zone, which
are the truth. Names of constraints are spelled out because code recognises them (`uq_...`).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases: SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        # SQLAlchemy's own for SQLite writes the same, digit by digit.
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a moment without a zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


# SQLite only counts up by itself on a plain INTEGER primary key.
Identity = BigInteger().with_variant(Integer(), "sqlite")

# What the partial indexes are about; `is_live` and `is_unsent` ask for it.
LIVE_STATUSES = ("requested", "confirmed")
UNSENT_STATUSES = ("created", "sending", "failed_temporary")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", Identity, primary_key=True, autoincrement=True)


def _contact(name: str = "contact_id", *, nullable: bool = False) -> Column[int]:
    return Column(name, Identity, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=nullable)


def _flag(name: str, default: bool) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(map(repr, values))})"


def _when(condition: str) -> dict[str, Any]:
    """Return the arguments that make an index partial on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# Always true, and part of two indexes that only a question for what comes next fits: see `may_be_next`.
_ANY_ID = "id > 0"

contacts = Table(
    "contacts",
    metadata,
    _id(),
    Column("role", String(20), nullable=False),
    Column("language", String(8)),
    Column("consent", String(10), nullable=False, server_default="unasked"),
    Column("consent_at", Moment),
    _flag("news", False),
    _flag("check_ins", True),
    # A beneficiary's last choice, or where a caseworker works.
    Column("centre_slug", String(40), ForeignKey("centres.slug")),
    Column("province_code", String(10)),
    Column("name_enc", LargeBinary),
    Column("created_at", Moment, nullable=False),
    Column("enrolled_at", Moment),
    Column("erased_at", Moment),
    # The hour, by the clock of the country, at which they want reminders; NULL: each at its usual one.
    Column("reminder_hour", SmallInteger),
    Index("ix_contacts_staff", "role", "centre_slug", **_when("role <> 'beneficiary'")),
    # Whom an announcement reaches.
    Index("ix_contacts_news", "centre_slug", "language", **_when("news")),
    Index("ix_contacts_erased_at", "erased_at", **_when("erased_at IS NOT NULL")),
)

addresses = Table(
    "addresses",
    metadata,
    _id(),
    _contact(),
    Column("channel", String(12), nullable=False),
    # Keyed hash of the external id: finds it without reading it.
    Column("external_index", LargeBinary(32), nullable=False),
    Column("external_enc", LargeBinary, nullable=False),
    _flag("reachable", True),
    Column("unreachable_since", Moment),
    Column("last_used_at", Moment, nullable=False),
    # Where the person wants to be written to; at most one of theirs. Nobody chose: the one last used.
    _flag("preferred", False),
    # The phone number where the external id is another name (a business-scoped id); only for sending.
    Column("phone_enc", LargeBinary),
    # Wrong codes in a row typed there, and from when on the next one counts again.
    Column("link_failures", SmallInteger, nullable=False, server_default="0"),
    Column("link_not_before", Moment),
    # Where profiles are: from then on who writes has to say who they are. NULL: it is one person's.
    Column("locks_at", Moment),
    # The conversation with somebody who has yet to say who they are.
    Column("door_enc", LargeBinary),
    # Since when who uses it now does; what is older is not shown there again.
    Column("shown_from", Moment),
    UniqueConstraint("channel", "external_index"),
    Index("ix_addresses_contact_id", "contact_id"),
)

# Who uses an address that several people share, or that has a PIN; `addresses.contact_id` is who does now.
profiles = Table(
    "profiles",
    metadata,
    _id(),
    Column("address_id", Identity, ForeignKey("addresses.id", ondelete="CASCADE"), nullable=False),
    _contact(),
    # Salt, and slow hash of a keyed one: few digits could be tried out on a plain one. NULL: no PIN.
    Column("pin_hash", LargeBinary),
    # Wrong PINs in a row, and from when on the next one counts again.
    Column("pin_failures", SmallInteger, nullable=False, server_default="0"),
    Column("pin_not_before", Moment),
    Column("last_used_at", Moment, nullable=False),
    UniqueConstraint("address_id", "contact_id"),
    Index("ix_profiles_contact_id", "contact_id"),
)

invitations = Table(
    "invitations",
    metadata,
    _id(),
    Column("code_hash", LargeBinary(32), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("centre_slug", String(40), ForeignKey("centres.slug")),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    _contact("used_by", nullable=True),
)

# What joins another address to a person.
link_codes = Table(
    "link_codes",
    metadata,
    _id(),
    _contact(),
    # link (for minutes), recovery (until used or replaced)
    Column("kind", String(10), nullable=False),
    # Keyed hash: few digits could be tried out on a plain one.
    Column("code_hash", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    # NULL: never
    Column("expires_at", Moment),
    Column("used_at", Moment),
    Index("ix_link_codes_contact_id", "contact_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("contact_id", Identity, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True),
    Column("state_enc", LargeBinary, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    _id(),
    _contact(),
    Column("subject", String(60)),
    Column("state_enc", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_notices_contact_id", "contact_id", "id"),
    Index("ix_notices_subject", "subject"),
    Index("ix_notices_created_at", "created_at"),
)

centres = Table(
    "centres",
    metadata,
    Column("slug", String(40), primary_key=True),
    Column("city_fr", String(80), nullable=False),
    Column("city_ar", String(80), nullable=False),
    Column("region_fr", String(80), nullable=False),
    Column("region_ar", String(80), nullable=False),
    # HCP code of the region, for announcements by region.
    Column("region_code", String(4)),
    Column("status", String(20), nullable=False),
    Column("address", String(300)),
    Column("phone", String(40)),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    # Where the centre itself is, as its staff say; the two above are the city's. NULL: not known.
    Column("point_latitude", Float),
    Column("point_longitude", Float),
    # NULL: public-office hours stand in.
    Column("hours", Text),
    Column("slot_minutes", SmallInteger),
    Column("capacity", SmallInteger),
    Column("lead_minutes", Integer),
    Column("horizon_days", SmallInteger),
    # The rest a caseworker has after a visit; NULL: none.
    Column("buffer_minutes", SmallInteger),
    # How long a visit by telephone takes, and the rest after it; NULL: there are none.
    Column("phone_minutes", SmallInteger),
    Column("phone_buffer_minutes", SmallInteger),
    # How many of a hundred places of a day are kept for those who come without a visit; NULL: none.
    Column("walk_in_percent", SmallInteger),
    # Other hours for a while, such as those of Ramadan: JSON of kind, first_day, last_day and hours.
    Column("periods", Text),
    # What one sees before the door, in the staff's words.
    Column("landmark", String(200)),
    # What the code at the door says, until staff have another one made.
    Column("door_code", String(16)),
    # False once staff have changed address or phone: a new centres file no longer overwrites them.
    _flag("from_file", True),
    Index("uq_centres_door_code", "door_code", unique=True),
)

closures = Table(
    "closures",
    metadata,
    _id(),
    # NULL: the whole country (a public holiday as proposed by the calendar).
    Column("centre_slug", String(40), ForeignKey("centres.slug")),
    Column("day", Date, nullable=False),
    Column("closed", Boolean, nullable=False),
    # Why, as staff chose it (conversations/care/closures.py); NULL: nothing was said.
    Column("reason", String(12)),
    Column("name_fr", String(120)),
    Column("name_ar", String(120)),
    _flag("estimated", False),
    Column("decided_by", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    Index("uq_closures_centre_day", "centre_slug", "day", unique=True, **_when("centre_slug IS NOT NULL")),
    Index("uq_closures_country_day", "day", unique=True, **_when("centre_slug IS NULL")),
)

# A talk or course with places for several, held by a centre's staff. It takes one of the centre's places side
# by side.
group_sessions = Table(
    "group_sessions",
    metadata,
    _id(),
    Column("centre_slug", String(40), ForeignKey("centres.slug"), nullable=False),
    Column("need", String(20), nullable=False),
    Column("day", Date, nullable=False),
    Column("at", Time, nullable=False),
    Column("minutes", SmallInteger, nullable=False),
    Column("places", SmallInteger, nullable=False),
    # open, cancelled
    Column("status", String(10), nullable=False, server_default="open"),
    Column("created_by", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("created_at", Moment, nullable=False),
    Index("uq_group_sessions_open", "centre_slug", "day", "at", unique=True, **_when("status = 'open'")),
)

# Hours of a day on which a centre is closed, by its staff.
closed_hours = Table(
    "closed_hours",
    metadata,
    _id(),
    Column("centre_slug", String(40), ForeignKey("centres.slug"), nullable=False),
    Column("day", Date, nullable=False),
    Column("from_at", Time, nullable=False),
    Column("until_at", Time, nullable=False),
    Column("reason", String(12)),
    Column("decided_by", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    Index("ix_closed_hours_centre_slug", "centre_slug", "day"),
)

appointments = Table(
    "appointments",
    metadata,
    _id(),
    # NULL once the person is forgotten: the centre's count stays.
    Column("contact_id", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("centre_slug", String(40), ForeignKey("centres.slug"), nullable=False),
    Column("need", String(20), nullable=False),
    # Wall time and zone are the truth; starts_at can be computed again when zone data change.
    Column("day", Date, nullable=False),
    Column("at", Time, nullable=False),
    Column("zone", String(40), nullable=False),
    Column("starts_at", Moment, nullable=False),
    # Which of the centre's places at that time, from 1.
    Column("place_no", SmallInteger, nullable=False),
    Column("status", String(12), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("code", String(10), nullable=False),
    _flag("coming", False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("kind", String(8), nullable=False, server_default="visit"),
    # How long it takes and the rest after it; NULL: as long as visits to the centre take today.
    Column("minutes", SmallInteger),
    Column("buffer_minutes", SmallInteger),
    # The group session it is a place of; none is ever deleted.
    Column("group_session_id", Identity),
    # They would rather speak with a woman.
    _flag("wants_woman", False),
    # Where to call, for a visit by telephone; kept no longer than that day.
    Column("phone_enc", LargeBinary),
    # The centre closed at that time and the person has not taken another one yet.
    Column("displaced_at", Moment),
    # Who cancelled it: "person" or "centre"; NULL on cancelled visits: the person.
    Column("ended_by", String(8)),
    Column("arrived_at", Moment),
    # How the person means to get there and when they leave ("bus 0830"), as they chose it from buttons.
    Column("plan", String(20)),
    # What got in the way of a missed visit, and how the person found a visit (1 to 3), as they chose it.
    Column("obstacle", String(12)),
    Column("feedback", SmallInteger),
    CheckConstraint("place_no >= 1", name="place_no"),
    # Two people never get the same place.
    Index(
        "uq_appointments_live_place",
        "centre_slug",
        "day",
        "at",
        "place_no",
        unique=True,
        **_when(_one_of("status", LIVE_STATUSES)),
    ),
    # Two people at the door never say the same code.
    Index(
        "uq_appointments_live_code",
        "centre_slug",
        "day",
        "code",
        unique=True,
        **_when(_one_of("status", LIVE_STATUSES)),
    ),
    Index("ix_appointments_contact_id", "contact_id", "starts_at"),
    # What is marked, asked and counted after visits.
    Index("ix_appointments_starts_at", "starts_at"),
    # Who has no time yet: few at any moment.
    Index("ix_appointments_displaced", "centre_slug", **_when("displaced_at IS NOT NULL")),
)

# A time that is kept for somebody for a while: what they are confirming, what a closure or the waiting list
# offers them. It takes a place like a visit until then.
slot_holds = Table(
    "slot_holds",
    metadata,
    _id(),
    _contact(),
    Column("centre_slug", String(40), ForeignKey("centres.slug"), nullable=False),
    # confirming, moved, offered
    Column("purpose", String(10), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("day", Date, nullable=False),
    Column("at", Time, nullable=False),
    Column("minutes", SmallInteger),
    Column("buffer_minutes", SmallInteger),
    Column("group_session_id", Identity, ForeignKey("group_sessions.id", ondelete="CASCADE")),
    # The visit that would move there; NULL for a new one.
    Column("appointment_id", Identity, ForeignKey("appointments.id", ondelete="CASCADE")),
    Column("until", Moment, nullable=False),
    Index("ix_slot_holds_centre_slug", "centre_slug", "day"),
    Index("ix_slot_holds_contact_id", "contact_id"),
    Index("ix_slot_holds_until", "until"),
)

# Who waits for a place at a centre, or for an earlier one than their visit's, in the order they came in.
waiting_list = Table(
    "waiting_list",
    metadata,
    _id(),
    _contact(),
    Column("centre_slug", String(40), ForeignKey("centres.slug"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("need", String(20), nullable=False),
    _flag("wants_woman", False),
    Column("phone_enc", LargeBinary),
    # The visit for which an earlier time is wanted; NULL: they have none.
    Column("appointment_id", Identity, ForeignKey("appointments.id", ondelete="CASCADE")),
    Column("joined_at", Moment, nullable=False),
    # The time offered last, and until when it is kept; the latter NULL: nothing is on offer.
    Column("offered_day", Date),
    Column("offered_time", Time),
    Column("offered_until", Moment),
    # How many offers in a row went by without a word.
    Column("unanswered", SmallInteger, nullable=False, server_default="0"),
    # The times still ahead that they were offered before or gave back themselves (JSON): never offered again.
    Column("passed", Text),
    UniqueConstraint("contact_id", "centre_slug", "kind", name="uq_waiting_list_person"),
    Index("ix_waiting_list_centre_slug", "centre_slug", "kind", "id"),
    Index("ix_waiting_list_offered_until", "offered_until"),
)

# Two wordings of one reminder, compared. Which of them a person gets follows from experiment and person.
experiments = Table(
    "experiments",
    metadata,
    _id(),
    # Which comparison it is (conversations/care/experiments.py).
    Column("name", String(20), nullable=False),
    # How many visits are to be counted, said before the start.
    Column("sample_size", Integer, nullable=False),
    Column("started_by", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("started_at", Moment, nullable=False),
    Column("stopped_at", Moment),
    Index("uq_experiments_running", "name", unique=True, **_when("stopped_at IS NULL")),
)

# Which wording was sent about which visit; how the visit ended stands with the visit.
experiment_visits = Table(
    "experiment_visits",
    metadata,
    Column("experiment_id", Identity, ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("appointment_id", Identity, ForeignKey("appointments.id", ondelete="CASCADE"), primary_key=True),
    # a, b
    Column("wording", String(1), nullable=False),
)

# What somebody was not content with, for managers. NULL `contact_id`: they did not want to be named.
complaints = Table(
    "complaints",
    metadata,
    _id(),
    _contact(nullable=True),
    Column("centre_slug", String(40), ForeignKey("centres.slug")),
    Column("text_enc", LargeBinary, nullable=False),
    # open, done
    Column("status", String(8), nullable=False, server_default="open"),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index("ix_complaints_open", "created_at", **_when("status <> 'done'")),
    Index("ix_complaints_contact_id", "contact_id"),
)

due_messages = Table(
    "due_messages",
    metadata,
    _id(),
    _contact(),
    Column("purpose", String(12), nullable=False),
    Column("subject", String(60), nullable=False),
    Column("step", String(12), nullable=False),
    Column("version", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    # waiting, turned (into an outbox row), dropped (withdrawn or stale)
    Column("status", String(10), nullable=False, server_default="waiting"),
    UniqueConstraint("subject", "step", "version"),
    Index("ix_due_messages_due_at", "due_at", **_when("status = 'waiting'")),
    Index("ix_due_messages_contact_id", "contact_id"),
    # What may be forgotten.
    Index("ix_due_messages_over", "due_at", **_when("status <> 'waiting'")),
)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    Column("channel", String(12), nullable=False),
    # The platform's own id of the update: the same one twice is stored once.
    Column("update_key", String(80), nullable=False),
    # Whose turn it is part of: keyed hash of the sender. Turns of one lane run in order.
    Column("lane", LargeBinary(32), nullable=False),
    Column("payload_enc", LargeBinary),
    Column("received_at", Moment, nullable=False),
    # waiting, done, failed
    Column("status", String(8), nullable=False, server_default="waiting"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("not_before", Moment),
    Column("handled_at", Moment),
    UniqueConstraint("channel", "update_key"),
    Index("ix_inbox_heads", "id", **_when(f"status = 'waiting' AND {_ANY_ID}")),
    Index("ix_inbox_waiting_lane", "lane", "id", **_when("status = 'waiting'")),
    Index("ix_inbox_lane", "lane", "id"),
)

_UNSENT = _one_of("status", UNSENT_STATUSES)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("address_id", Identity, ForeignKey("addresses.id", ondelete="CASCADE"), nullable=False),
    Column("channel", String(12), nullable=False),
    Column("purpose", String(12), nullable=False),
    # "1" interactive, "2" due, "3" bulk: who goes first.
    Column("lane", String(1), nullable=False),
    # (subject, step, version) in one word: a message is written once.
    Column("unique_key", String(120), nullable=False, unique=True),
    Column("subject", String(60)),
    # NULL for an announcement's row, whose text stands in announcements.
    Column("payload_enc", LargeBinary),
    Column("announcement_id", Identity, ForeignKey("announcements.id", ondelete="CASCADE")),
    Column("language", String(8)),
    # The row whose message this one is written over.
    Column("replaces_id", Identity),
    # Must not arrive at night, even when the platform could not take it by day.
    _flag("keeps_quiet", False),
    # From then on it says nothing useful any more, and is not sent; NULL: always.
    Column("useful_until", Moment),
    Column("due_at", Moment, nullable=False),
    Column("status", String(20), nullable=False, server_default="created"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("lease_until", Moment),
    # How the channel names the message once sent.
    Column("message_ref", String(80)),
    Column("reason", String(60)),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    # The WhatsApp template it was sent as; NULL: in its own words.
    Column("template", String(80)),
    # The category that the platform charges it under; NULL: nothing, or not yet told.
    Column("billed_as", String(24)),
    # What may leave next, however much waits for the other channels.
    Index("ix_outbox_heads", "channel", "lane", "due_at", **_when(f"{_UNSENT} AND {_ANY_ID}")),
    Index(
        "ix_outbox_waiting_address",
        "address_id",
        "lane",
        "id",
        **_when(_UNSENT),
    ),
    Index("ix_outbox_address_id", "address_id", "id"),
    Index("ix_outbox_announcement_id", "announcement_id", "status", **_when("announcement_id IS NOT NULL")),
    Index("ix_outbox_subject", "subject", **_when("subject IS NOT NULL")),
    # Statuses come by the channel's reference. Only WhatsApp's rows, so that the others' cost nothing.
    Index(
        "ix_outbox_message_ref",
        "message_ref",
        **_when("channel = 'whatsapp' AND message_ref IS NOT NULL"),
    ),
    # What was on its way when a process ended.
    Index("ix_outbox_leased", "lease_until", **_when("lease_until IS NOT NULL")),
)

# Messages of the outbox (status "held") that wait until whom they are for uses a shared address.
held_messages = Table(
    "held_messages",
    metadata,
    Column(
        "outbox_id",
        Identity,
        ForeignKey("outbox.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    _contact(),
    Index("ix_held_messages_contact_id", "contact_id"),
)

# WhatsApp's templates as the platform last said they are; their texts are in the catalogues.
templates = Table(
    "templates",
    metadata,
    _id(),
    Column("name", String(80), nullable=False),
    # The platform's code of the language; Darija has none, so its templates have names of their own.
    Column("language", String(8), nullable=False),
    # The platform's word in lower case: approved, pending, rejected, paused, disabled, ...
    Column("status", String(24), nullable=False),
    Column("category", String(24)),
    Column("reason", String(120)),
    Column("changed_at", Moment, nullable=False),
    UniqueConstraint("name", "language"),
)

# When somebody was last written to first, outside their window: so many people in 24 hours may be.
openings = Table(
    "openings",
    metadata,
    Column(
        "address_id",
        Identity,
        ForeignKey("addresses.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("opened_at", Moment, nullable=False),
    Index("ix_openings_opened_at", "opened_at"),
)

# Messages charged, by day in the country's zone; nobody is named, so they stay.
billed_days = Table(
    "billed_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("category", String(24), primary_key=True),
    Column("bulk", Boolean, primary_key=True),
    Column("messages", Integer, nullable=False),
)

# Announcements' messages that the day's budget has let out.
budget_days = Table(
    "budget_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("messages", Integer, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    _id(),
    _contact(),
    Column("centre_slug", String(40), ForeignKey("centres.slug")),
    Column("kind", String(16), nullable=False),
    Column("text_enc", LargeBinary, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("status", String(8), nullable=False, server_default="open"),
    Column("taken_by", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Index("ix_tasks_open", "centre_slug", "created_at", **_when("status <> 'done'")),
    Index("ix_tasks_contact_id", "contact_id"),
)

announcements = Table(
    "announcements",
    metadata,
    _id(),
    Column("author", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    # JSON of the audience and of language -> text: news for everybody, nobody is named.
    Column("audience", Text, nullable=False),
    Column("texts", Text, nullable=False),
    Column("status", String(8), nullable=False),
    Column("total", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    # JSON of outcome -> how many, written when the outbox forgets the announcement's rows; until then NULL.
    Column("outcomes", Text),
    Index("ix_announcements_running", "id", **_when("status = 'running'")),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    Column("by_contact_id", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    _contact("at_contact_id"),
    Column("what", String(60), nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_audit_at_contact_id", "at_contact_id", "at"),
)

# What a person prepares for a visit about a business of their own, in their own words.
life_projects = Table(
    "life_projects",
    metadata,
    Column(
        "contact_id",
        Identity,
        ForeignKey("contacts.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    # JSON of question -> words; "" for one that was left out.
    Column("answers_enc", LargeBinary, nullable=False),
    # The visit whose centre may read it; NULL: nobody may.
    Column("appointment_id", Identity, ForeignKey("appointments.id", ondelete="SET NULL")),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

# Managers' changes to rules and answers, over what the packaged files say; nothing of a person.
content_changes = Table(
    "content_changes",
    metadata,
    _id(),
    Column("entry", Text, nullable=False),
    Column("field", Text, nullable=False),
    # NULL: what the field says is the same in every language.
    Column("language", Text),
    # JSON, as is what stood there when it was written.
    Column("value", Text, nullable=False),
    Column("before", Text, nullable=False),
    # draft, published, rolled_back, taken_back
    Column("state", String(12), nullable=False, server_default="draft"),
    Column("by_contact_id", Identity, ForeignKey("contacts.id", ondelete="SET NULL")),
    Column("at", Moment, nullable=False),
    Column("published_at", Moment),
    # What was published together has one number.
    Column("revision", Integer),
    # Of a draft the revision that had last touched its field, of what a roll back wrote the one it took back.
    Column("based_on", Integer),
    Index("ix_content_changes_state", "state"),
)

# Questions that found no answer, in words that the service itself knows; the others stand as "…".
unanswered_questions = Table(
    "unanswered_questions",
    metadata,
    _id(),
    Column("language", String(8), nullable=False),
    Column("words", Text, nullable=False),
    Column("count", Integer, nullable=False, server_default="1"),
    # Mondays.
    Column("first_week", Date, nullable=False),
    Column("last_week", Date, nullable=False),
    UniqueConstraint("language", "words"),
)

# Single values the service keeps for itself: the demo's clock, the last closures proposal.
marks = Table(
    "marks",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)

# What only one process does at a time, and who does it until when: seconds since 1970 by the database's
# clock, since the clocks of several machines differ.
leaderships = Table(
    "leaderships",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(40), nullable=False),
    Column("until_s", Float, nullable=False),
)

# What several processes may still send, as one token bucket an account and one a chat: `full_at_s` is when
# the bucket will be full again. Seconds as above. PostgreSQL keeps both in tables that it does not log: after
# a crash of the server they are empty, and every bucket is full.
rate_budgets = Table(
    "rate_budgets",
    metadata,
    Column("account", String(60), primary_key=True),
    Column("full_at_s", Float, nullable=False),
    # The platform said "too fast": no announcement leaves before.
    Column("bulk_from_s", Float, nullable=False),
)

rate_chats = Table(
    "rate_chats",
    metadata,
    Column("address_id", Identity, primary_key=True, autoincrement=False),
    Column("full_at_s", Float, nullable=False),
    # The platform said "too fast" to this chat: nothing leaves for it before.
    Column("held_until_s", Float, nullable=False),
)

# What running processes agree on among themselves: worth nothing to the next ones, so no backup holds it.
PASSING = (leaderships, rate_budgets, rate_chats)

# Buttons and keys outlive the rows they name, so a number once given must never be given again. SQLite gives
# the highest one again when its row is gone, unless it is told not to.
for _table in metadata.sorted_tables:
    if "id" in _table.c:
        _table.dialect_options["sqlite"]["autoincrement"] = True


def is_live(visits: FromClause = appointments) -> ColumnElement[bool]:
    """Return the condition of a live visit."""
    return _is_one_of(visits.c.status, LIVE_STATUSES)


def is_unsent(messages: FromClause = outbox) -> ColumnElement[bool]:
    """Return the condition of a message that may still leave."""
    return _is_one_of(messages.c.status, UNSENT_STATUSES)


def may_be_next(rows: FromClause) -> ColumnElement[bool]:
    """Return the condition, true of every row, of whoever looks through what waits in order, oldest first.

    The index in that order asks for it, so that the other question, what waits before a row for the same
    person, never finds that index fitting. PostgreSQL would take it while its figures are of an hour when
    nothing waited, and go through all that waits for each row.
    """
    return rows.c.id > literal_column("0")


def is_none(rows: Select[Any]) -> ColumnElement[bool]:
    """Return the condition that there is none of these rows, looked for anew for each row around them.

    As NOT EXISTS it would be PostgreSQL's choice to read all of them first.
    """
    return rows.limit(1).scalar_subquery().is_(None)


def is_held(messages: FromClause = outbox) -> ColumnElement[bool]:
    """Return the condition of a message that waits until whom it is for uses its address."""
    return messages.c.status == _literally("held")


def is_waiting(rows: FromClause) -> ColumnElement[bool]:
    """Return the condition of a due message or an update nobody has dealt with."""
    return rows.c.status == _literally("waiting")


def is_not_done() -> ColumnElement[bool]:
    """Return the condition of a task that somebody still has to do."""
    return tasks.c.status != _literally("done")


def _is_one_of(column: ColumnElement[Any], values: tuple[str, ...]) -> ColumnElement[bool]:
    return column.in_([_literally(value) for value in values])


def _literally(value: str) -> ColumnElement[Any]:
    # Written out in the statement: with bound values neither database can tell that a partial index fits.
    return literal_column(f"'{value}'")
