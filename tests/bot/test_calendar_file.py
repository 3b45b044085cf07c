"""Visits as calendar files: read back as a calendar would, and true about Morocco's hour."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from icalendar import Calendar, Event

from bot.calendar_file import calendar_file, uid_of
from bot.texts import load_texts
from bot.zone import NAME, casablanca
from conversations.care.appointments import Appointment, AppointmentStatus, Need
from conversations.care.centres import Centre
from conversations.care.hours import VisitKind
from conversations.care.people import ContactId
from storage.encryption import KeyRing, new_key_entry
from tests.fakes import FakeCentres

TEXTS = load_texts()
KEYS = KeyRing.from_text(new_key_entry())
NOW = datetime(2026, 8, 3, 9, tzinfo=UTC)
# What must stand nowhere in a file that whoever shares the phone can open.
TELLING = (
    "prison",
    "sijn",
    "سجن",
    "jisr.",
    "fondation",
    "foundation",
    "مؤسسة",
    "mohammed",
    "kd472",
    "sale",
    "health",
)


def visit_on(day: date, at: time = time(10), **more: Any) -> Appointment:
    visit = Appointment(
        id=12, contact_id=ContactId(7), centre_slug="sale", need=Need.HEALTH, day=day, at=at, zone=NAME,
        status=AppointmentStatus.CONFIRMED, version=1, code="KD472", coming=False, booked_at=NOW, minutes=30,
    )  # fmt: skip
    return replace(visit, **more)


async def sale(**known: str) -> Centre:
    return replace(await FakeCentres().get("sale"), **known)


async def raw(visit: Appointment, language: str = "fr", centre: Centre | None = None) -> bytes:
    centre = centre or await sale()
    return calendar_file(visit, centre, TEXTS[language], zone=casablanca(), keys=KEYS, now=NOW)


async def read(visit: Appointment, language: str = "fr", centre: Centre | None = None) -> Event:
    """Return the one event of a visit's file, as a calendar reads it."""
    calendar = Calendar.from_ical(await raw(visit, language, centre))
    assert (calendar["version"], calendar["method"]) == ("2.0", "PUBLISH")
    (event,) = calendar.walk("VEVENT")
    return event


def offset_told(file: bytes, moment: datetime) -> timedelta:
    """Return the offset that holds at a wall time, by the rules that the file itself brings along."""
    (zone,) = Calendar.from_ical(file).walk("VTIMEZONE")
    assert zone["tzid"] == "Africa/Casablanca"
    begins = [(part["dtstart"].dt, part["tzoffsetto"].td) for part in zone.subcomponents]
    return max(each for each in begins if each[0] <= moment)[1]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 9, 18), 1),  # the last Friday of the old hour
        (date(2026, 9, 21), 0),
        (date(2026, 12, 31), 0),
        (date(2027, 2, 10), 0),  # Ramadan, in which the clock was changed before
        (date(2028, 2, 29), 0),
    ],
)
async def test_the_hour_is_moroccos_before_and_after_september_2026(day: date, hours: int) -> None:
    file = await raw(visit_on(day))
    event = await read(visit_on(day))

    assert f"DTSTART;TZID=Africa/Casablanca:{day:%Y%m%d}T100000\r\n".encode() in file
    assert f"DTEND;TZID=Africa/Casablanca:{day:%Y%m%d}T103000\r\n".encode() in file
    assert offset_told(file, datetime.combine(day, time(10))) == timedelta(hours=hours)
    assert event["dtstart"].dt.astimezone(UTC) == datetime.combine(day, time(10 - hours), UTC)


async def test_a_visit_keeps_its_name_and_a_change_counts_up() -> None:
    booked = await read(visit_on(date(2026, 11, 25)))
    moved = await read(visit_on(date(2026, 11, 27), time(11), version=2))

    assert booked["uid"] == moved["uid"]
    assert (booked["sequence"], moved["sequence"]) == (0, 1)
    assert moved["dtstart"].dt.hour == 11


async def test_a_cancelled_visit_takes_itself_out_and_rings_no_more() -> None:
    event = await read(visit_on(date(2026, 11, 25), status=AppointmentStatus.CANCELLED, version=3))

    assert (event["status"], event["sequence"]) == ("CANCELLED", 2)
    assert event.walk("VALARM") == []


@pytest.mark.parametrize("open_for", [{"status": AppointmentStatus.REQUESTED}, {"displaced_at": NOW}])
async def test_what_the_centre_has_not_said_yes_to_is_not_certain_yet(open_for: dict[str, Any]) -> None:
    asked = await read(visit_on(date(2026, 11, 25), **open_for))

    assert asked["status"] == "TENTATIVE"
    assert (await read(visit_on(date(2026, 11, 25))))["status"] == "CONFIRMED"


async def test_it_rings_two_hours_before() -> None:
    (alarm,) = (await read(visit_on(date(2026, 11, 25)))).walk("VALARM")

    assert (alarm["action"], alarm["trigger"].dt) == ("DISPLAY", timedelta(hours=-2))
    assert alarm["description"]


@pytest.mark.parametrize("language", sorted(TEXTS))
async def test_it_says_nothing_to_whoever_shares_the_phone(language: str) -> None:
    file = (await raw(visit_on(date(2026, 11, 25)), language)).decode().replace("\r\n ", "").lower()

    assert not [word for word in TELLING if word in file]
    assert "class:private" in file


async def test_the_place_stands_there_when_it_is_known() -> None:
    known = await sale(address="12, rue des Orangers; Tabriquet", landmark="أمام البريد")

    assert "location" not in await read(visit_on(date(2026, 11, 25)))
    event = await read(visit_on(date(2026, 11, 25)), centre=known)
    assert event["location"] == "12, rue des Orangers; Tabriquet, أمام البريد"
    by_phone = visit_on(date(2026, 11, 25), kind=VisitKind.PHONE)
    assert "location" not in await read(by_phone, centre=known)


async def test_lines_are_as_calendars_want_them() -> None:
    file = await raw(visit_on(date(2026, 11, 25)), "ar", await sale(address="شارع، " * 40))

    lines = file.split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line for line in lines)
    assert lines[-1] == b""
    for line in lines:
        line.decode()


async def test_a_visit_without_a_length_of_its_own_takes_what_its_centre_says() -> None:
    event = await read(visit_on(date(2026, 11, 25), minutes=None))

    minutes = (await sale()).rules.slot_minutes
    assert event["dtend"].dt - event["dtstart"].dt == timedelta(minutes=minutes)


def test_names_can_not_be_counted_up() -> None:
    mine, next_one = uid_of(12, KEYS), uid_of(13, KEYS)

    assert mine == uid_of(12, KEYS) != next_one
    assert uid_of(12, KeyRing.from_text(new_key_entry())) != mine
    assert mine.version == 4
