from collections.abc import Collection
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.announcements import (
    NEAREST_LANGUAGE,
    Announcement,
    AnnouncementStatus,
    Audience,
    Progress,
)
from conversations.care.people import Contact
from conversations.texts import LANGUAGES
from storage.announcements import NOBODY
from storage.tables import addresses, outbox
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, centre_row, joins

EVERYBODY = Audience()
FRENCH, ARABIC = "Formation gratuite", "تكوين مجاني"


@pytest.fixture
async def chama(unit: UnitOfWork) -> Contact:
    return await joins(unit, "webchat", "chama", language="ary", name="Chama")


async def start(unit: UnitOfWork, author: Contact, audience: Audience = EVERYBODY) -> Announcement:
    return await unit.announcements.start(
        author=author.id, audience=audience, texts={"fr": FRENCH, "ar": ARABIC}, now=NOW
    )


async def receivers(connection: AsyncConnection, announcement: Announcement) -> dict[str, str]:
    """Return the language of each receiver's text by their channel."""
    query = select(outbox).where(outbox.c.announcement_id == announcement.id)
    return {row.channel: row.language for row in await connection.execute(query)}


async def fares(connection: AsyncConnection, channel: str, status: str, reason: str | None = None) -> None:
    """Note what became of the message that went to a channel."""
    await connection.execute(
        update(outbox).where(outbox.c.channel == channel).values(status=status, reason=reason)
    )


async def test_everybody_gets_the_text_nearest_to_their_language(
    unit: UnitOfWork,
    connection: AsyncConnection,
    amina: Contact,
    brahim: Contact,
    chama: Contact,
    driss: Contact,
) -> None:
    announcement = await start(unit, driss)

    assert await receivers(connection, announcement) == {"whatsapp": "ar", "telegram": "fr", "webchat": "ar"}
    assert announcement.total == 3
    assert await unit.announcements.get(announcement.id) == announcement
    assert (announcement.author, announcement.audience) == (driss.id, EVERYBODY)
    assert (announcement.texts, announcement.started_at) == ({"fr": FRENCH, "ar": ARABIC}, NOW)


def test_every_language_people_can_choose_has_a_nearest_one() -> None:
    assert {language.code for language in LANGUAGES} == set(NEAREST_LANGUAGE)


async def test_its_rows_are_ready_to_leave_behind_everything_else(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact, driss: Contact
) -> None:
    announcement = await start(unit, driss)

    (row,) = (await connection.execute(select(outbox))).all()
    address = await unit.addresses.preferred(brahim.id)
    assert address
    assert (row.address_id, row.purpose, row.lane, row.status) == (address.id, "broadcast", "3", "created")
    assert row.unique_key == f"announcement:{announcement.id}:{brahim.id}"
    assert (row.payload_enc, row.attempts, row.due_at, row.created_at) == (None, 0, NOW, NOW)


@pytest.mark.parametrize(
    ("languages", "expected"), [({"fr"}, 1), ({"ar"}, 2), ({"ary"}, 2), ({"en"}, 0), (set(), 0)]
)
async def test_nobody_is_counted_for_whom_there_is_no_text(
    unit: UnitOfWork,
    amina: Contact,
    brahim: Contact,
    chama: Contact,
    driss: Contact,
    languages: Collection[str],
    expected: int,
) -> None:
    assert await unit.announcements.count(EVERYBODY, languages) == expected
    texts = dict.fromkeys(languages, FRENCH)
    announcement = await unit.announcements.start(author=driss.id, audience=EVERYBODY, texts=texts, now=NOW)
    assert announcement.total == expected


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        (EVERYBODY, {"whatsapp", "telegram", "webchat"}),
        (Audience(language="ary"), {"webchat"}),
        (Audience(centre_slug="sale"), {"telegram"}),
        # Amina lives there, Brahim's centre is there; "040" is not "04".
        (Audience(region_code="04"), {"whatsapp", "telegram"}),
        (Audience(region_code="04", language="fr"), {"telegram"}),
        (Audience(region_code="0_"), set()),
    ],
)
async def test_an_audience_is_a_region_a_centre_or_a_language(
    unit: UnitOfWork,
    connection: AsyncConnection,
    amina: Contact,
    brahim: Contact,
    chama: Contact,
    driss: Contact,
    audience: Audience,
    expected: set[str],
) -> None:
    await unit.centres.load([centre_row("fes", "Fès", "03")])
    await unit.contacts.set_home(amina.id, centre_slug="fes", province_code="04.441")
    await unit.contacts.set_home(brahim.id, centre_slug="sale")
    await unit.contacts.set_home(chama.id, centre_slug="fes", province_code="040.1")

    announcement = await start(unit, driss, audience)

    assert set(await receivers(connection, announcement)) == expected
    assert await unit.announcements.count(audience, announcement.texts) == announcement.total == len(expected)
    assert (await unit.announcements.get(announcement.id)).audience == audience


async def test_only_who_agreed_and_can_be_reached_gets_it(
    unit: UnitOfWork, amina: Contact, brahim: Contact, chama: Contact, driss: Contact
) -> None:
    assert await unit.announcements.count(EVERYBODY, {"fr", "ar"}) == 3

    await unit.contacts.set_news(amina.id, False)
    assert await unit.announcements.count(EVERYBODY, {"fr", "ar"}) == 2

    address = await unit.addresses.preferred(brahim.id)
    assert address
    await unit.addresses.mark_unreachable(address.id, NOW)
    assert await unit.announcements.count(EVERYBODY, {"fr", "ar"}) == 1

    await unit.contacts.refuse(chama.id, at=NOW)
    await unit.contacts.set_news(chama.id, True)
    assert await unit.announcements.count(EVERYBODY, {"fr", "ar"}) == 0


async def test_staff_and_the_erased_do_not_get_it(unit: UnitOfWork, amina: Contact, driss: Contact) -> None:
    await unit.contacts.set_language(driss.id, "fr")
    await unit.contacts.agree(driss.id, news=True, at=NOW)
    await unit.contacts.erase(amina.id, at=NOW)

    assert await unit.announcements.count(EVERYBODY, {"fr", "ar"}) == 0


async def test_who_has_two_addresses_gets_it_once_where_they_wrote_last(
    unit: UnitOfWork, connection: AsyncConnection, brahim: Contact, driss: Contact
) -> None:
    second, address = await unit.addresses.find_or_create("webchat", "b", now=NOW + timedelta(minutes=1))
    await connection.execute(update(addresses).where(addresses.c.id == address).values(contact_id=brahim.id))

    assert await receivers(connection, await start(unit, driss)) == {"webchat": "fr"}
    assert second.id != brahim.id


async def test_progress_tells_what_became_of_each_message(
    unit: UnitOfWork, connection: AsyncConnection, driss: Contact
) -> None:
    fates = {
        "c1": ("created", None),
        "c2": ("sending", None),
        "c3": ("failed_temporary", "flood"),
        "c4": ("sent", None),
        "c5": ("delivered", None),
        "c6": ("read", None),
        "c7": ("failed_permanent", "blocked"),
        "c8": ("failed_permanent", "opted_out"),
        "c9": ("failed_permanent", "too_long"),
        "c10": ("failed_permanent", None),
        "c11": ("failed_technical", "no_text"),
    }
    for channel in fates:
        await joins(unit, channel, "4242", language="fr", name="Brahim")
    announcement = await start(unit, driss)
    assert await unit.announcements.progress(announcement.id) == Progress(
        11, sent=0, failed=0, blocked=0, dropped=0
    )

    for channel, (status, reason) in fates.items():
        await fares(connection, channel, status, reason)

    progress = await unit.announcements.progress(announcement.id)
    assert progress == Progress(11, sent=3, failed=3, blocked=1, dropped=1)
    assert progress.waiting == 3


async def test_counted_once_it_stays_so_until_the_transaction_changes_it(
    unit: UnitOfWork,
    connection: AsyncConnection,
    amina: Contact,
    brahim: Contact,
    chama: Contact,
    driss: Contact,
) -> None:
    announcement = await start(unit, driss)
    counted = await unit.announcements.count_once(announcement.id)

    await fares(connection, "whatsapp", "sent")
    assert await unit.announcements.progress(announcement.id) == counted

    await unit.announcements.stop(announcement.id, now=NOW)
    assert await unit.announcements.progress(announcement.id) == Progress(
        3, sent=1, failed=0, blocked=0, dropped=2
    )


async def test_stopping_drops_what_has_not_left(
    unit: UnitOfWork,
    connection: AsyncConnection,
    amina: Contact,
    brahim: Contact,
    chama: Contact,
    driss: Contact,
) -> None:
    announcement = await start(unit, driss)
    other = await start(unit, driss, Audience(language="fr"))
    await fares(connection, "whatsapp", "sent")

    await unit.announcements.stop(announcement.id, now=NOW)

    assert await unit.announcements.progress(announcement.id) == Progress(
        3, sent=1, failed=0, blocked=0, dropped=2
    )
    assert (await unit.announcements.get(announcement.id)).status is AnnouncementStatus.STOPPED
    assert (await unit.announcements.progress(other.id)).waiting == 1


async def test_an_announcement_runs_until_it_is_finished_or_stopped(
    unit: UnitOfWork, brahim: Contact, driss: Contact
) -> None:
    first, second, third = [await start(unit, driss) for _ in range(3)]
    assert await unit.announcements.running() == [first, second, third]

    await unit.announcements.finish(first.id, NOW)
    await unit.announcements.stop(second.id, now=NOW)
    await unit.announcements.finish(second.id, NOW)

    assert await unit.announcements.running() == [third]
    assert (await unit.announcements.get(first.id)).status is AnnouncementStatus.DONE
    assert (await unit.announcements.get(second.id)).status is AnnouncementStatus.STOPPED


async def test_whoever_was_forgotten_meanwhile_is_dropped(
    unit: UnitOfWork, connection: AsyncConnection, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    announcement = await start(unit, driss)
    await fares(connection, "telegram", "sent")

    await unit.contacts.erase(amina.id, at=NOW)
    erased = await unit.announcements.progress(announcement.id)
    await unit.contacts.forget_erased(NOW + timedelta(days=1))
    forgotten = await unit.announcements.progress(announcement.id)

    assert erased == forgotten == Progress(2, sent=1, failed=0, blocked=0, dropped=1)


async def test_the_author_is_kept_while_it_runs_and_nobody_afterwards(
    unit: UnitOfWork, brahim: Contact, driss: Contact
) -> None:
    announcement = await start(unit, driss)
    await unit.contacts.erase(driss.id, at=NOW)

    assert await unit.contacts.forget_erased(NOW + timedelta(days=1)) == 0
    assert (await unit.announcements.get(announcement.id)).author == driss.id

    await unit.announcements.finish(announcement.id, NOW)
    assert await unit.contacts.forget_erased(NOW + timedelta(days=1)) == 1
    assert (await unit.announcements.get(announcement.id)).author == NOBODY
