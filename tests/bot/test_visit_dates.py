"""The date of a visit on its way out: a file where files of its kind can go, words elsewhere."""

from datetime import date, time

import pytest
from icalendar import Calendar
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.centres_file import read_centres
from bot.documents import Documents
from conversations.care.appointments import Appointment, Need
from conversations.care.documents import Document, DocumentKind
from conversations.care.people import ContactId
from conversations.engine.outbound import OutboundMessage, Purpose
from storage.database import Database
from storage.encryption import KeyRing
from tests.bot.senders import FakeSender
from tests.bot.test_delivery import PostOffice
from tests.fakes import MovableClock, marked_texts
from tests.people import MONDAY

AMINA = "1001"


@pytest.fixture
async def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    return Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)


@pytest.fixture
async def visit(database: Database) -> Appointment:
    async with database.transaction() as unit:
        await unit.centres.load([each for each in read_centres() if each.slug == "sale"])
        contact, _ = await unit.addresses.find_or_create("telegram", AMINA, now=MONDAY)
        return await unit.appointments.book(
            contact_id=contact.id, centre_slug="sale", need=Need.JOB, day=date(2026, 11, 26), at=time(10),
            capacity=1, confirmed=True, now=MONDAY,
        )  # fmt: skip


def date_of(visit: Appointment, whose: ContactId | None = None) -> Document:
    return Document(DocumentKind.VISIT_DATE, whose or visit.contact_id, visit_id=visit.id)


def documents(database: Database) -> Documents:
    return Documents(database, marked_texts(), clock=MovableClock(MONDAY))


async def test_it_is_the_visit_as_it_stands_when_the_file_leaves(
    database: Database, visit: Appointment
) -> None:
    async with database.transaction() as unit:
        await unit.appointments.move(
            visit.id, day=date(2026, 11, 27), at=time(15), capacity=1, confirmed=True, now=MONDAY
        )

    made = await documents(database).make(date_of(visit), "fr")

    assert made.file is not None
    assert (made.file.name, made.file.mime_type) == ("calendar.ics", "text/calendar")
    (event,) = Calendar.from_ical(made.file.content).walk("VEVENT")
    assert (event["sequence"], event["dtstart"].dt.hour, event["dtstamp"].dt) == (1, 15, MONDAY)


async def test_after_a_cancellation_the_same_file_takes_the_visit_out(
    database: Database, visit: Appointment
) -> None:
    async with database.transaction() as unit:
        await unit.appointments.cancel(visit.id, now=MONDAY)

    made = await documents(database).make(date_of(visit), "fr")

    assert made.file is not None
    (event,) = Calendar.from_ical(made.file.content).walk("VEVENT")
    assert (event["status"], event["sequence"]) == ("CANCELLED", 1)


async def test_nobody_gets_the_date_of_another(database: Database, visit: Appointment) -> None:
    made = await documents(database).make(date_of(visit, ContactId(visit.contact_id + 1)), "fr")

    assert made.file is None
    assert made.text == "[fr] It is no longer there."


async def test_of_somebody_who_is_gone_nothing_is_left(database: Database, visit: Appointment) -> None:
    async with database.transaction() as unit:
        await unit.contacts.erase(visit.contact_id, at=MONDAY)

    made = await documents(database).make(date_of(visit), "fr")

    assert made.file is None or b"STATUS:CANCELLED" in made.file.content


class SenderOfPagesAlone(FakeSender):
    """Takes pages, and no calendars, as WhatsApp does."""

    def takes(self, mime_type: str) -> bool:
        return mime_type == "application/pdf"


@pytest.mark.parametrize(("sender", "is_file"), [(FakeSender, True), (SenderOfPagesAlone, False)])
async def test_it_leaves_as_a_file_or_as_words(
    database: Database, visit: Appointment, sender: type[FakeSender], is_file: bool
) -> None:
    office = PostOffice(database, sender=sender(), documents=documents(database))
    async with database.transaction() as unit:
        address = await unit.addresses.preferred(visit.contact_id)
        assert address is not None
        await unit.outbox.add(
            address_id=address.id, channel="telegram", purpose=Purpose.REPLY, key="date",
            message=OutboundMessage("Ouvrez.", "fr", document=date_of(visit)), now=MONDAY,
        )  # fmt: skip
    office.opens()
    await office.until(date=("sent", None))
    await office.breaks_off()

    (arrived,) = office.sender.sent
    assert (arrived.file is not None) == is_file
    if not is_file:
        assert arrived.text.startswith("[fr] 📆 To note: ")
        assert "10:00" in arrived.text
