"""A visit as a calendar file (iCalendar, RFC 5545), for the calendars of telephones.

It says no more than that there is an appointment: a calendar is seen by whoever shares the phone, and often
copied to a server.
"""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event

from conversations.care.appointments import Appointment, AppointmentStatus
from conversations.care.centres import Centre
from conversations.care.hours import VisitKind
from conversations.texts import Texts
from storage.encryption import KeyRing

# The name lies open among somebody's downloads.
FILE_NAME = "calendar.ics"
MIME_TYPE = "text/calendar"
ALARM_BEFORE = timedelta(hours=2)


def calendar_file(
    visit: Appointment, centre: Centre, texts: Texts, *, zone: ZoneInfo, keys: KeyRing, now: datetime
) -> bytes:
    """Return the file of a visit as it now stands; `zone` is the centre's, `now` aware.

    The same visit always has the same UID and a change a higher SEQUENCE, so a calendar that has it already
    moves it, or takes it out when it was cancelled.
    """
    event = Event()
    event.add("uid", str(uid_of(visit.id, keys)))
    event.add("sequence", visit.version - 1)
    event.add("dtstamp", now)
    starts = visit.starts_local
    event.add("dtstart", starts.replace(tzinfo=zone))
    event.add("dtend", (starts + timedelta(minutes=_minutes(visit, centre))).replace(tzinfo=zone))
    event.add("summary", texts.pgettext("calendar", "Appointment"))
    event.add("status", _status(visit))
    event.add("class", "PRIVATE")
    if where := _where(visit, centre):
        event.add("location", where)
    if visit.status is not AppointmentStatus.CANCELLED:
        event.add_component(_alarm(texts))
    file = Calendar()
    file.add("version", "2.0")
    file.add("prodid", "-//Jisr//Jisr//EN")
    file.add("method", "PUBLISH")
    file.add_component(event)
    # Most phones still put Morocco at UTC+1, so the file brings the zone's true hours with it.
    file.add_missing_timezones(
        first_date=date(visit.day.year - 1, 1, 1), last_date=date(visit.day.year + 1, 12, 31)
    )
    content: bytes = file.to_ical()
    return content


def uid_of(visit_id: int, keys: KeyRing) -> UUID:
    """Return the name of a visit in calendars: the same for ever, and no number that others could count."""
    return UUID(bytes=keys.index("calendar", f"visit:{visit_id}")[:16], version=4)


def _status(visit: Appointment) -> str:
    if visit.status is AppointmentStatus.CANCELLED:
        return "CANCELLED"
    # What the centre has not said yes to, or is closed for.
    is_open = visit.status is AppointmentStatus.REQUESTED or visit.displaced_at is not None
    return "TENTATIVE" if is_open else "CONFIRMED"


def _minutes(visit: Appointment, centre: Centre) -> int:
    return visit.minutes or centre.rules.length(visit.kind).minutes


def _where(visit: Appointment, centre: Centre) -> str:
    """Return what is known of the place; nothing for a visit by telephone, and nothing is guessed."""
    if visit.kind is VisitKind.PHONE:
        return ""
    return ", ".join(filter(None, (centre.address, centre.landmark)))


def _alarm(texts: Texts) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -ALARM_BEFORE)
    alarm.add("description", texts.pgettext("calendar", "Appointment"))
    return alarm
