from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import update

from conversations.care.announcements import Audience, Cost
from conversations.care.people import Contact
from conversations.engine.outbound import OutboundMessage, Purpose
from storage.billing import Billed
from storage.tables import outbox
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)


async def sent(unit: UnitOfWork, contact: Contact, ref: str, purpose: Purpose = Purpose.REMINDER) -> None:
    address = await unit.addresses.preferred(contact.id)
    assert address
    await unit.outbox.add(
        address_id=address.id, channel="whatsapp", purpose=purpose, key=ref,
        message=OutboundMessage("a word", "ar"), now=NOW,
    )  # fmt: skip
    await unit.connection.execute(
        update(outbox).where(outbox.c.unique_key == ref).values(status="sent", message_ref=ref)
    )


async def address_of(unit: UnitOfWork, contact: Contact) -> int:
    address = await unit.addresses.preferred(contact.id)
    assert address
    return address.id


async def test_a_charged_message_counts_once_however_often_it_is_told(
    unit: UnitOfWork, amina: Contact
) -> None:
    await sent(unit, amina, "wamid-1")

    assert await unit.billing.charge("wamid-1", "utility", now=NOW)
    assert not await unit.billing.charge("wamid-1", "utility", now=NOW + DAY)
    assert not await unit.billing.charge("nobody's", "utility", now=NOW)

    assert await unit.billing.billed(TODAY) == [Billed("utility", False, 1)]
    assert await unit.billing.billed(TODAY + DAY) == []


async def test_announcements_are_counted_apart_and_categories_too(unit: UnitOfWork, amina: Contact) -> None:
    for ref in ("a", "b"):
        await sent(unit, amina, ref, Purpose.BROADCAST)
        await unit.billing.charge(ref, "marketing", now=NOW)
    await sent(unit, amina, "c")
    await unit.billing.charge("c", "service", now=NOW)

    assert await unit.billing.billed(TODAY) == [Billed("marketing", True, 2), Billed("service", False, 1)]


async def test_a_day_begins_at_midnight_where_the_people_are(unit: UnitOfWork, amina: Contact) -> None:
    """The tests' zone is an hour ahead of UTC."""
    await sent(unit, amina, "late")

    await unit.billing.charge("late", "utility", now=datetime.fromisoformat("2026-11-23T23:30:00+00:00"))

    assert await unit.billing.billed(TODAY + DAY) == [Billed("utility", False, 1)]


async def test_the_budget_lets_out_so_many_announcements_a_day(unit: UnitOfWork) -> None:
    out = [await unit.billing.let_out(now=NOW, budget=2) for _ in range(3)]

    assert out == [True, True, False]
    assert await unit.billing.spent(TODAY) == 2
    assert await unit.billing.let_out(now=NOW + DAY, budget=2)


async def test_reminders_use_up_the_budget_of_announcements(unit: UnitOfWork, amina: Contact) -> None:
    for ref in ("a", "b"):
        await sent(unit, amina, ref)
        await unit.billing.charge(ref, "utility", now=NOW)

    assert await unit.billing.let_out(now=NOW, budget=3)
    assert not await unit.billing.let_out(now=NOW, budget=3)


async def test_an_announcement_is_not_counted_twice_when_it_is_charged(
    unit: UnitOfWork, amina: Contact
) -> None:
    await unit.billing.let_out(now=NOW, budget=2)
    await sent(unit, amina, "news", Purpose.BROADCAST)
    await unit.billing.charge("news", "marketing", now=NOW)

    assert await unit.billing.spent(TODAY) == 1


async def test_what_did_not_leave_goes_back_to_the_budget(unit: UnitOfWork) -> None:
    await unit.billing.let_out(now=NOW, budget=1)

    await unit.billing.give_back(let_out_at=NOW)

    assert await unit.billing.let_out(now=NOW, budget=1)


@pytest.mark.parametrize("budget", [1, 3])
async def test_several_at_once_do_not_overdraw_the_budget(town: Town, budget: int) -> None:
    async def one(unit: UnitOfWork) -> bool:
        return await unit.billing.let_out(now=NOW, budget=budget)

    out = await town.at_once(*[one] * 5)

    assert [taken for taken in out if taken is not True and taken is not False] == []
    assert out.count(True) == budget


async def test_only_so_many_people_are_written_to_first_within_a_day(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    first, second = await address_of(unit, amina), await address_of(unit, brahim)

    assert await unit.billing.open(first, now=NOW, limit=1) is None
    # Whoever has a place keeps it.
    assert await unit.billing.open(first, now=NOW + timedelta(hours=1), limit=1) is None
    free_at = await unit.billing.open(second, now=NOW + timedelta(hours=2), limit=1)

    assert free_at == NOW + timedelta(hours=25)
    assert await unit.billing.open(second, now=free_at, limit=1) is None


async def test_two_at_once_do_not_get_the_last_place(town: Town) -> None:
    async def opened(unit: UnitOfWork, contact: Contact) -> datetime | None:
        return await unit.billing.open(await address_of(unit, contact), now=NOW, limit=1)

    free_at = await town.at_once(
        lambda unit: opened(unit, town.amina), lambda unit: opened(unit, town.brahim)
    )

    assert sorted(free_at, key=str) == [NOW + DAY, None]


async def test_what_an_announcement_would_cost_is_counted_by_where_people_read(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    """Amina is on WhatsApp, Brahim on Telegram."""
    await sent(unit, amina, "before")
    await unit.billing.charge("before", "utility", now=NOW)

    everybody = await unit.billing.cost(Audience(), {"ar", "fr"}, now=NOW)
    french = await unit.billing.cost(Audience(language="fr"), {"ar", "fr"}, now=NOW)
    tomorrow = await unit.billing.cost(Audience(), {"ar"}, now=NOW + DAY)

    assert (everybody, french) == (Cost(1, 1, 1), Cost(0, 1, 1))
    assert tomorrow == Cost(1, 0, unreachable=1)


async def test_who_can_be_sent_an_approved_template_is_reached(unit: UnitOfWork, amina: Contact) -> None:
    """Amina's last message is a day old."""

    async def unreachable() -> int:
        return (await unit.billing.cost(Audience(), {"ar"}, now=NOW + DAY)).unreachable

    for name, status in (
        ("jisr_broadcast_ar_deadbeef", "paused"),
        ("jisr_broadcast_fr_deadbeef", "approved"),
        ("jisr_visit_ar_deadbeef", "approved"),
    ):
        await unit.templates.note(name, name[-11:-9], at=NOW, status=status)
    assert await unreachable() == 1

    await unit.templates.note("jisr_broadcast_ar_abcdefgh", "ar", at=NOW, status="approved")
    assert await unreachable() == 0


async def test_places_that_no_limit_counts_any_more_are_forgotten(
    unit: UnitOfWork, amina: Contact, brahim: Contact
) -> None:
    await unit.billing.open(await address_of(unit, amina), now=NOW, limit=5)
    await unit.billing.open(await address_of(unit, brahim), now=NOW + timedelta(hours=3), limit=5)

    assert await unit.billing.forget_openings(now=NOW + DAY) == 1
    assert await unit.billing.forget_openings(now=NOW + DAY) == 0
