"""Recordings on their way out: the outbox names them, and words stand in for what can't be played."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.channels.channel import MessageRefused
from conversations.care.appointments import Need
from conversations.care.clips import Clip, need_script
from conversations.engine.outbound import OutboundMessage, Purpose
from storage.database import Database
from storage.encryption import KeyRing
from tests.bot.senders import Sent
from tests.bot.test_delivery import PostOffice
from tests.fakes import real_world
from tests.people import MONDAY
from tests.recordings import Studio, opus

BRAHIM = "1002"
WORDS = "Impossible de le faire écouter ici."
CLIP = Clip("fr", "need-job")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    studio = Studio(tmp_path)
    studio.holds("fr", need_script(real_world().rules, Need.JOB))
    return studio


@pytest.fixture
async def office(engine: AsyncEngine, keys: KeyRing, studio: Studio) -> AsyncIterator[PostOffice]:
    """Brahim wants to hear something, and asks for something else."""
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    office = PostOffice(database, recordings=studio.read())
    await office.joins(BRAHIM)
    async with database.transaction() as unit:
        address = await unit.addresses.preferred(office.contacts[BRAHIM].id)
        assert address is not None
        await unit.outbox.add(
            address_id=address.id, channel="telegram", purpose=Purpose.REPLY, key="clip",
            message=OutboundMessage(WORDS, "fr", clip=CLIP), now=MONDAY,
        )  # fmt: skip
    await office.write(BRAHIM, "next")
    yield office
    await office.breaks_off()


async def arrived(office: PostOffice) -> Sent:
    """Start delivering, and return what came in the recording's place."""
    office.opens()
    await office.until(clip=("sent", None), next=("sent", None))
    return office.sender.sent[0]


async def test_the_outbox_holds_its_name_alone(office: PostOffice) -> None:
    async with office.database.reading() as unit:
        address = await unit.addresses.preferred(office.contacts[BRAHIM].id)
        assert address is not None
        kept = await unit.outbox.history(address.id, limit=10, now=MONDAY)

    assert OutboundMessage(WORDS, "fr", clip=CLIP) in [each.message for each in kept]


async def test_it_leaves_as_a_file(office: PostOffice) -> None:
    clip = await arrived(office)

    assert clip.file is not None
    assert clip.file.content == opus()
    assert clip.message.clip == CLIP


async def test_what_is_gone_since_the_start_leaves_words(office: PostOffice, studio: Studio) -> None:
    studio.file("fr/need-job.ogg", b"OggS something else")

    clip = await arrived(office)

    assert (clip.file, clip.text, clip.message.clip) == (None, WORDS, None)


async def test_what_the_platform_refuses_leaves_words_at_once(office: PostOffice) -> None:
    office.sender.fails(BRAHIM, MessageRefused("voice_forbidden"))

    clip = await arrived(office)

    assert (clip.file, clip.text) == (None, WORDS)
