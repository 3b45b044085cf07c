"""A visit to a centre: what it is for, when it is, how it stands."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from enum import StrEnum

from conversations.care.hours import VisitKind
from conversations.care.people import ContactId
from conversations.care.wall_time import to_utc

# I and O, 0 and 1 are left out: they are mistaken for each other when read out or written down.
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_DIGITS = "23456789"
_CODE_ALPHABETS = (_CODE_LETTERS, _CODE_LETTERS, _CODE_DIGITS, _CODE_DIGITS, _CODE_DIGITS)


class Need(StrEnum):
    """Why people come to a centre; the values are stored and are the ids of choices.

    The reasons are the centres' own services, except the last two.
    Source: http://aujourdhui.ma/regions/azzeddine-belmahi-nous-comptons-realiser-douze-centres-post-carceraux-regionaux-a-la-fin-2012-77873
    """

    PAPERS = "papers"  # an administrative or judicial matter
    FAMILY = "family"  # a family or social matter
    HEALTH = "health"
    JOB = "job"
    PROJECT = "project"  # a business of one's own
    TRAINING = "training"  # or studies
    OTHER = "other"


class AppointmentStatus(StrEnum):
    """`REQUESTED` waits for the centre's word on the time; `MISSED` is the person's absence alone.

    Who came, came: `ATTENDED` or, after the hour, `LATE`.
    """

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    ATTENDED = "attended"
    LATE = "late"
    MISSED = "missed"


class EndedBy(StrEnum):
    """Who cancelled a visit. What a centre cancels is counted apart from what people do."""

    PERSON = "person"
    CENTRE = "centre"


LIVE = frozenset({AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Appointment:
    """One visit. `day`, `at` and `zone` (an IANA name) are the truth about its time.

    A visit is moved in place: each change of time or status raises `version`,
    so that messages about an earlier one are known to be stale. `code` is what
    the person says at the door, `coming` whether they answered that they come, `booked_at` (aware
    UTC) when the visit was first asked for. `minutes` and `buffer_minutes` are None for visits booked before
    lengths were written down. `displaced_at` is when the centre closed at the visit's time, as long as the
    person has no other time; `plan` how they mean to come and when they leave; `obstacle` and `feedback`
    (1 to 3) what they said afterwards. What the person comes for, their code and their words stay out of
    `repr`, and so out of logs.
    """

    id: int
    contact_id: ContactId
    centre_slug: str
    need: Need = field(repr=False)
    day: date
    at: time
    zone: str
    status: AppointmentStatus
    version: int
    code: str = field(repr=False)
    coming: bool
    booked_at: datetime
    kind: VisitKind = VisitKind.IN_PERSON
    minutes: int | None = None
    buffer_minutes: int | None = None
    group_session_id: int | None = None
    wants_woman: bool = field(default=False, repr=False)
    displaced_at: datetime | None = None
    ended_by: EndedBy | None = None
    arrived_at: datetime | None = None
    plan: str | None = field(default=None, repr=False)
    obstacle: str | None = field(default=None, repr=False)
    feedback: int | None = field(default=None, repr=False)

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def starts_local(self) -> datetime:
        """The start as naive wall time in `zone`."""
        return datetime.combine(self.day, self.at)

    def starts_at(self, tz: tzinfo) -> datetime:
        """Return the start in UTC; `tz` is the zone that `zone` names, by the caller's zone data."""
        return to_utc(self.starts_local, tz)


def new_visit_code(random_bits: int) -> str:
    """Return two letters and three digits, such as "KD472", drawn from the random bits.

    32 bits are enough: there are 294,912 codes. They tell visits of a day apart
    and protect nothing, so one may come up twice.
    """
    code = ""
    for alphabet in _CODE_ALPHABETS:
        random_bits, index = divmod(random_bits, len(alphabet))
        code += alphabet[index]
    return code
