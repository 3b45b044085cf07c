"""What falls due after visits, in a real database: words to people, the evening's question, complaints."""

from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.turns import Voice, act_for
from conversations.care import attendance
from conversations.care.appointments import Appointment
from conversations.care.attendance import Mark
from conversations.care.people import Contact, Role
from conversations.engine.turn import Turn
from conversations.flows import routes
from storage.database import Database
from storage.encryption import KeyRing
from storage.tables import addresses, contacts, metadata, outbox
from tests.bot.small_talk import Guest, House, parse, turns_of
from tests.bot.test_ticks import Town
from tests.fakes import marked_texts, real_world
from tests.people import MONDAY

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)
# The packaged hours have a visit at 10:30.
AT, NOON, EVENING = time(10, 30), MONDAY.replace(hour=12), MONDAY.replace(hour=18)
WORDS = "The door stayed shut zq-77."


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def town(engine: AsyncEngine, keys: KeyRing) -> Town:
    return Town(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))


@pytest.fixture
async def amina(town: Town) -> Contact:
    return await town.joins("amina", language="ar")


@pytest.fixture
async def driss(town: Town) -> Contact:
    return await caseworker(town, "driss")


async def caseworker(town: Town, name: str) -> Contact:
    contact = await town.joins(name)
    async with town.database.transaction() as unit:
        await unit.contacts.make_staff(contact.id, Role.CASEWORKER, "sale")
        return await unit.contacts.get(contact.id)


async def mark(town: Town, by: Contact, visit: Appointment, said: Mark) -> Appointment:
    async def act(turn: Turn[Any]) -> Appointment:
        return (await attendance.mark(turn, await turn.desk.appointments.get(visit.id), said)).visit

    async with town.database.transaction() as unit:
        return await act_for(unit, by.id, town.voice, act, now=town.clock.now())


async def missed_words(town: Town, contact: Contact) -> list[str]:
    return [words for words in await town.texts(contact) if "A word about" in words]


async def test_a_miss_is_told_at_once_and_once(town: Town, amina: Contact, driss: Contact) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    town.clock.moves_to(NOON)
    await mark(town, driss, visit, Mark.MISSED)
    await town.ticks_at(NOON)
    (message,) = [each for each in await town.messages(amina) if "A word about" in each.text]
    assert "These things happen" in message.text
    assert [choice.id for choice in message.choices] == [
        "s20261123T1300", "s20261123T1330", "s20261123T1400", "another", "!person", "why"
    ]  # fmt: skip
    await town.sends(town.sent)

    for said in (Mark.CAME, Mark.MISSED):
        await mark(town, driss, visit, said)
        await town.ticks_at(town.clock.now())

    assert len(await missed_words(town, amina)) == 1


async def test_a_miss_that_has_not_left_is_withdrawn_when_it_is_put_right(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    town.clock.moves_to(NOON)
    await mark(town, driss, visit, Mark.MISSED)
    await town.ticks_at(NOON)

    await mark(town, driss, visit, Mark.CAME)

    assert await missed_words(town, amina) == []
    assert (await town.due())["visit:1", "feedback"] == ("waiting", NOON + timedelta(hours=2))


async def test_in_the_night_nobody_is_told(town: Town, amina: Contact, driss: Contact) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    town.clock.moves_to(MONDAY.replace(hour=22))
    await mark(town, driss, visit, Mark.CALLED_OFF)
    await town.ticks_at(MONDAY.replace(hour=23))
    assert await missed_words(town, amina) == []

    await town.ticks_at(MONDAY.replace(day=24, hour=8))

    (words,) = await missed_words(town, amina)
    assert "It was us, and we are sorry." in words


async def test_after_a_long_outage_the_miss_is_no_longer_told(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    town.clock.moves_to(NOON)
    await mark(town, driss, visit, Mark.MISSED)

    await town.ticks_at(NOON + timedelta(days=3))

    assert await missed_words(town, amina) == []
    assert (await town.due())["visit:1", "missed"][0] == "dropped"


async def test_the_word_says_itself_until_when_it_helps(town: Town, amina: Contact, driss: Contact) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    town.clock.moves_to(NOON)
    await mark(town, driss, visit, Mark.MISSED)
    await town.ticks_at(NOON)

    async with town.database.reading() as unit:
        query = select(outbox.c.useful_until, outbox.c.keeps_quiet).where(
            outbox.c.unique_key == "visit:1:missed:20261123T1030"
        )
        row = (await unit.connection.execute(query)).one()
    assert tuple(row) == (datetime.combine(TODAY, AT, MONDAY.tzinfo) + timedelta(days=3), True)


async def test_who_is_forgotten_hears_nothing_and_breaks_nothing(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    town.clock.moves_to(NOON)
    await mark(town, driss, visit, Mark.CAME)
    async with town.database.transaction() as unit:
        await unit.contacts.erase(amina.id, at=NOON)

    await town.ticks_at(NOON + timedelta(hours=3))

    assert await town.texts(amina) == []


async def test_a_moved_visit_that_is_missed_again_is_told_again(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    town.clock.moves_to(NOON)
    await mark(town, driss, visit, Mark.MISSED)
    await town.ticks_at(NOON)
    await town.sends(town.sent)
    async with town.database.transaction() as unit:
        seen = await unit.appointments.get(visit.id)
        await unit.appointments.move_begun(
            visit.id, version=seen.version, day=TOMORROW, at=AT, capacity=1, now=NOON
        )
    town.clock.moves_to(NOON + timedelta(days=1))
    await mark(town, driss, visit, Mark.MISSED)
    await town.ticks_at(NOON + timedelta(days=1))

    assert len(await missed_words(town, amina)) == 2


async def test_in_the_evening_each_caseworker_hears_once_what_is_not_noted(
    town: Town, amina: Contact, driss: Contact
) -> None:
    hind = await caseworker(town, "hind")
    brahim = await town.joins("brahim")
    first = await town.books(amina, day=TODAY, at=AT)
    await town.books(brahim, day=TODAY, at=time(11))
    town.clock.moves_to(NOON)
    await mark(town, driss, first, Mark.CAME)
    town.clock.moves_to(EVENING)

    await town.ticks.ask_for_marks()
    await town.ticks.ask_for_marks()

    for contact in (driss, hind):
        told = [each for each in await town.messages(contact) if "it is not noted" in each.text]
        assert [each.text.splitlines()[0] for each in told] == [
            "[fr] 📋 Of 1 visit it is not noted how it went."
        ]
        assert [choice.id for choice in told[0].choices] == ["agenda"]


async def test_nobody_hears_of_an_evening_on_which_all_is_noted(
    town: Town, amina: Contact, driss: Contact
) -> None:
    visit = await town.books(amina, day=TODAY, at=AT)
    await town.books(amina, day=TOMORROW, at=AT)
    town.clock.moves_to(NOON)
    await mark(town, driss, visit, Mark.MISSED)
    town.clock.moves_to(EVENING)

    await town.ticks.ask_for_marks()

    assert not [words for words in await town.texts(driss) if "it is not noted" in words]


def test_it_is_asked_at_six(town: Town) -> None:
    (trigger,) = [trigger for job, trigger in town.ticks.timers() if job == town.ticks.ask_for_marks]

    following = trigger.get_next_fire_time(None, NOON)
    assert following == EVENING


# Complaints


@pytest.fixture
async def house(engine: AsyncEngine, keys: KeyRing) -> House:
    """The real flows; ids of people begin where no other number is."""
    house = House(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))
    house.turns = turns_of(
        house.database,
        # Who complained in other tests is nobody's here.
        Voice(routes(), marked_texts(), replace(real_world())),
        house.clock,
        {"telegram": parse},
    )
    async with house.database.transaction() as unit:
        first = {"id": 7_654_321, "role": "beneficiary", "created_at": MONDAY}
        await unit.connection.execute(insert(contacts).values(**first))
        if engine.dialect.name == "postgresql":
            await unit.connection.execute(
                text("SELECT setval(pg_get_serial_sequence('contacts', 'id'), 7654321)")
            )
        await unit.connection.execute(delete(contacts))
    return house


async def decrypted(house: House) -> dict[str, list[dict[str, Any]]]:
    """Return all that is in the database, readable: what a thief with the keys would read."""
    keys = house.database.keys
    found: dict[str, list[dict[str, Any]]] = {}
    async with house.database.reading() as unit:
        for table in metadata.sorted_tables:
            rows = []
            for row in (await unit.connection.execute(select(table))).mappings():
                readable = dict(row)
                for name, value in row.items():
                    if name.endswith("_enc") and value is not None:
                        readable[name] = keys.decrypt(
                            value, about=f"{table.name}.{name.removesuffix('_enc')}"
                        )
                rows.append(readable)
            found[table.name] = rows
    return found


def tables_with(found: dict[str, list[dict[str, Any]]], mark: str) -> set[str]:
    return {name for name, rows in found.items() if any(mark in repr(row) for row in rows)}


async def agreed(house: House, name: str) -> Guest:
    guest = house.stranger(name)
    await house.make(guest, language="fr")
    async with house.database.transaction() as unit:
        await unit.contacts.agree((await guest.contact()).id, news=False, at=house.clock.now())
    return guest


async def manager(house: House) -> Guest:
    guest = await agreed(house, "karim")
    async with house.database.transaction() as unit:
        await unit.contacts.make_staff((await guest.contact()).id, Role.MANAGER, None)
    return guest


async def complains(guest: Guest, choice: str) -> None:
    await guest.says("menu")
    await guest.taps("person")
    await guest.taps("complaint")
    await guest.taps(choice)
    await guest.says(WORDS)


async def test_nothing_kept_says_who_complained_without_a_name(
    house: House, logs: list[MutableMapping[str, Any]]
) -> None:
    karim, brahim = await manager(house), await agreed(house, "brahim")
    his_id = str((await brahim.contact()).id)
    house.clock.moves_to(MONDAY.replace(hour=10, minute=17))
    already = len(logs)

    await complains(brahim, "unnamed")

    found = await decrypted(house)
    assert tables_with(found, "zq-77") == {"complaints"}
    (complaint,) = found["complaints"]
    assert complaint["contact_id"] is None
    assert complaint["created_at"] == complaint["changed_at"] == MONDAY.replace(hour=0)
    assert his_id not in repr(complaint)
    # What he is by himself, and nothing of a complaint in it.
    assert tables_with(found, his_id) <= {"contacts", "addresses", "sessions"}
    (session,) = [row for row in found["sessions"] if str(row["contact_id"]) == his_id]
    assert "complaint" not in repr(session)
    # The updates with the choice and the words are not kept.
    assert not [row for row in found["inbox"] if row["payload_enc"] and "unnamed" in row["payload_enc"]]
    assert found["tasks"] == found["audit"] == found["notices"] == []
    assert not [line for line in logs[already:] if his_id in repr(line)]
    # Managers hear of it at another time.
    due = {row["due_at"] for row in found["due_messages"]}
    assert due == {MONDAY.replace(hour=12)}
    assert [row["contact_id"] for row in found["due_messages"]] == [(await karim.contact()).id]


async def test_who_reads_it_leads_nobody_to_who_wrote_it(house: House) -> None:
    karim, brahim = await manager(house), await agreed(house, "brahim")
    his_id, hers = str((await brahim.contact()).id), (await karim.contact()).id
    await complains(brahim, "unnamed")

    await karim.says("menu")
    await karim.taps("complaints")
    await karim.taps("c1")
    assert "zq-77" in await karim.screen()

    found = await decrypted(house)
    async with house.database.reading() as unit:
        query = select(addresses.c.id).where(addresses.c.contact_id == hers)
        addressed = await unit.connection.scalar(query)
    with_words = [row for row in found["outbox"] if row["payload_enc"] and "zq-77" in row["payload_enc"]]
    assert {row["address_id"] for row in with_words} == {addressed}
    assert found["audit"] == []
    assert tables_with(found, his_id) <= {"contacts", "addresses", "sessions"}


async def test_with_a_name_it_is_known_who_wrote_and_read(house: House) -> None:
    karim, brahim = await manager(house), await agreed(house, "brahim")
    await complains(brahim, "named")
    await karim.says("menu")
    await karim.taps("complaints")
    await karim.taps("c1")

    found = await decrypted(house)

    assert [row["contact_id"] for row in found["complaints"]] == [(await brahim.contact()).id]
    assert [(row["by_contact_id"], row["what"]) for row in found["audit"]] == [
        ((await karim.contact()).id, "complaint")
    ]
