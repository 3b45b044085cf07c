"""Places on their way out: as the channel shows places, and in words with a link where that is refused."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.channels.channel import MessageRefused, TryLater
from conversations.engine.outbound import OutboundMessage, Purpose, Venue
from storage.database import Database
from storage.encryption import KeyRing
from tests.bot.test_delivery import PostOffice
from tests.people import MONDAY

AMINA = "1001"
HOUR = timedelta(hours=1)
PLACE = Venue("📍 Le centre à Salé", "12, rue de la Gare", 34.05312, -6.79854)
PIN = OutboundMessage("📍 Le centre à Salé\n12, rue de la Gare", "fr", venue=PLACE)


@pytest.fixture
async def office(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[PostOffice]:
    """Amina has asked where the centre is, and then for something else."""
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    office = PostOffice(database)
    await office.joins(AMINA)
    async with database.transaction() as unit:
        address = await unit.addresses.preferred(office.contacts[AMINA].id)
        assert address is not None
        await unit.outbox.add(
            address_id=address.id, channel="telegram", purpose=Purpose.REPLY, key="pin",
            message=PIN, now=MONDAY,
        )  # fmt: skip
    await office.write(AMINA, "next")
    yield office
    await office.breaks_off()


async def test_a_place_leaves_as_it_was_written(office: PostOffice) -> None:
    office.opens()
    await office.until(pin=("sent", None), next=("sent", None))

    assert office.sender.sent[0].message == PIN


async def test_a_place_that_is_refused_comes_in_words_with_a_link(office: PostOffice) -> None:
    office.sender.fails(AMINA, MessageRefused("bad_request"))

    office.opens()
    await office.until(pin=("sent", None), next=("sent", None))

    first = office.sender.sent[0].message
    assert first.venue is None
    assert first.text.splitlines() == [
        "📍 Le centre à Salé",
        "12, rue de la Gare",
        "https://www.openstreetmap.org/?mlat=34.05312&mlon=-6.79854#map=18/34.05312/-6.79854",
    ]


async def test_a_place_that_was_put_off_comes_as_a_place(office: PostOffice) -> None:
    office.sender.fails(AMINA, TryLater("not_sent"))

    office.opens()
    await office.until(pin=("failed_temporary", "not_sent"))
    office.moves_on(by=HOUR)
    await office.until(pin=("sent", None))

    assert office.sender.sent[0].message == PIN
