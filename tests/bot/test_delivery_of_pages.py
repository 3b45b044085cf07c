"""Pages on their way out: made when they leave, and words in their place when no file arrives."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.channels.channel import MessageRefused, TooFast, TryLater
from bot.delivery import MOST_FILE_ATTEMPTS
from bot.documents import Documents, Page, PageNotSet
from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import Question
from conversations.engine.outbound import OutboundMessage, Purpose
from storage.database import Database
from storage.encryption import KeyRing
from tests.bot.senders import Sent
from tests.bot.test_delivery import PostOffice
from tests.fakes import marked_texts
from tests.people import MONDAY

AMINA = "1001"
IDEA = "باغي نحل محل ديال الحلويات"


async def as_json(page: Page) -> bytes:
    return json.dumps(asdict(page), ensure_ascii=False).encode()


@pytest.fixture
async def office(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[PostOffice]:
    """Amina has asked for the page of her project, and then for something else."""
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    office = PostOffice(database, documents=Documents(database, marked_texts(), typeset=as_json))
    await office.joins(AMINA)
    async with database.transaction() as unit:
        contact = office.contacts[AMINA]
        await unit.life_projects.answer(contact.id, Question.IDEA, IDEA, now=MONDAY)
        address = await unit.addresses.preferred(contact.id)
        assert address is not None
        document = Document(DocumentKind.LIFE_PROJECT, contact.id)
        await unit.outbox.add(
            address_id=address.id, channel="telegram", purpose=Purpose.REPLY, key="page",
            message=OutboundMessage("Voici la page.", "fr", document=document), now=MONDAY,
        )  # fmt: skip
    await office.write(AMINA, "next")
    yield office
    await office.breaks_off()


async def arrived(office: PostOffice) -> Sent:
    """Start delivering, and return what came in the page's place."""
    office.opens()
    await office.until(page=("sent", None), next=("sent", None))
    return office.sender.sent[0]


async def test_a_page_leaves_as_a_file_with_its_caption(office: PostOffice) -> None:
    page = await arrived(office)

    assert page.text == "Voici la page."
    assert page.file is not None
    assert (page.file.name, page.file.mime_type) == ("jisr.pdf", "application/pdf")
    assert IDEA in page.file.content.decode()


async def test_it_says_what_stands_there_when_it_leaves(office: PostOffice) -> None:
    async with office.database.transaction() as unit:
        await unit.life_projects.answer(office.contacts[AMINA].id, Question.IDEA, "شي حاجة خرى", now=MONDAY)

    page = await arrived(office)

    assert page.file is not None
    assert "شي حاجة خرى" in page.file.content.decode()
    assert IDEA not in page.file.content.decode()


async def test_the_outbox_holds_no_copy_of_it(office: PostOffice, keys: KeyRing) -> None:
    async with office.database.reading() as unit:
        address = await unit.addresses.preferred(office.contacts[AMINA].id)
        assert address is not None
        kept = await unit.outbox.history(address.id, limit=10, now=MONDAY)

    assert [IDEA in message.message.to_json() for message in kept if message.message] == [False, False]


async def test_of_what_was_deleted_meanwhile_a_sentence_is_left(office: PostOffice) -> None:
    async with office.database.transaction() as unit:
        await unit.life_projects.delete(office.contacts[AMINA].id)

    page = await arrived(office)

    assert (page.text, page.file) == ("[fr] It is no longer there.", None)


async def test_a_page_that_can_not_be_made_comes_as_words(office: PostOffice) -> None:
    async def fails(page: Page) -> bytes:
        raise PageNotSet("ended with 1")

    office.documents = Documents(office.database, marked_texts(), typeset=fails)

    page = await arrived(office)

    assert page.file is None
    assert IDEA in page.text


async def test_a_file_that_the_platform_refuses_comes_as_words_at_once(office: PostOffice) -> None:
    office.sender.fails(AMINA, MessageRefused("media"))

    page = await arrived(office)

    assert page.file is None
    assert IDEA in page.text


async def test_a_file_that_can_not_go_now_goes_later(office: PostOffice) -> None:
    office.sender.fails(AMINA, TryLater("not_sent"))
    office.opens()
    await office.until(page=("failed_temporary", "not_sent"))

    office.moves_on(timedelta(minutes=1))
    await office.until(page=("sent", None), next=("sent", None))

    assert office.sender.sent[0].file is not None


async def test_a_file_does_not_hold_up_the_answers_behind_it_for_long(office: PostOffice) -> None:
    office.sender.fails(AMINA, *[TryLater("platform")] * MOST_FILE_ATTEMPTS)
    office.opens()
    for attempt in range(1, MOST_FILE_ATTEMPTS + 1):
        await office.sender.until(lambda sender, attempt=attempt: len(sender.begun) >= attempt)  # type: ignore[misc]
        await office.until(page=("failed_temporary", "platform"))
        office.moves_on(timedelta(minutes=1))

    await office.until(page=("sent", None), next=("sent", None))

    assert office.sender.sent[0].file is None
    assert IDEA in office.sender.sent[0].text


async def test_the_platforms_wish_to_wait_is_heard_for_files_too(office: PostOffice) -> None:
    office.sender.fails(AMINA, TooFast(7))
    office.opens()

    await office.until(page=("failed_temporary", "too_fast"))
