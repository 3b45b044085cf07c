"""The stores, on one connection, and the people of the cast as they stand in a database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from conversations.care.centres import CentreStatus
from conversations.care.people import Contact, Role
from storage.centres import CentreRow
from storage.encryption import KeyRing
from storage.unit_of_work import UnitOfWork

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
# Not Casablanca, where wall time and UTC are the same today: a forgotten conversion would not show.
ZONE, ZONE_NAME = timezone(timedelta(hours=1)), "Test/One_Hour_Ahead"

Result = TypeVar("Result")


def centre_row(slug: str = "sale", city_fr: str = "Salé", region_code: str | None = "04") -> CentreRow:
    return CentreRow(
        slug=slug,
        city_fr=city_fr,
        city_ar="سلا",
        region_fr="Rabat-Salé-Kénitra",
        region_ar="الرباط - سلا - القنيطرة",
        status=CentreStatus.OPEN,
        address=None,
        phone=None,
        latitude=34.05,
        longitude=-6.8,
        region_code=region_code,
    )


def stores(connection: AsyncConnection, keys: KeyRing) -> UnitOfWork:
    return UnitOfWork(connection, keys, zone=ZONE, zone_name=ZONE_NAME)


async def joins(unit: UnitOfWork, channel: str, external_id: str, *, language: str, name: str) -> Contact:
    """Make somebody who has chosen a language, agreed to everything and said what to be called."""
    contact, _ = await unit.addresses.find_or_create(channel, external_id, now=NOW)
    await unit.contacts.set_language(contact.id, language)
    await unit.contacts.agree(contact.id, news=True, at=NOW)
    await unit.contacts.set_name(contact.id, name)
    return await unit.contacts.get(contact.id)


@dataclass
class Town:
    """A committed database with a centre and two people, for tests in which several act at once."""

    engine: AsyncEngine
    keys: KeyRing
    amina: Contact
    brahim: Contact

    async def alone(self, work: Callable[[UnitOfWork], Awaitable[Result]]) -> Result:
        """Do a piece of work in a transaction of its own."""
        async with self.engine.begin() as connection:
            return await work(stores(connection, self.keys))

    async def at_once(
        self, *works: Callable[[UnitOfWork], Awaitable[Result]]
    ) -> list[Result | BaseException]:
        """Do the pieces of work each in a transaction of its own, all begun before any goes on.

        SQLite lets one writer in after the other; the rest of the promise is the same.
        """
        begun = asyncio.Barrier(1 if self.engine.dialect.name == "sqlite" else len(works))

        async def one(work: Callable[[UnitOfWork], Awaitable[Result]]) -> Result:
            async with self.engine.begin() as connection:
                await begun.wait()
                return await work(stores(connection, self.keys))

        return await asyncio.gather(*map(one, works), return_exceptions=True)


@pytest.fixture
async def unit(connection: AsyncConnection, keys: KeyRing) -> UnitOfWork:
    """All stores on one connection; the centre of Salé is there."""
    unit = stores(connection, keys)
    await unit.centres.load([centre_row()])
    return unit


@pytest.fixture
async def amina(unit: UnitOfWork) -> Contact:
    return await joins(unit, "whatsapp", "212600000001", language="ar", name="Amina")


@pytest.fixture
async def brahim(unit: UnitOfWork) -> Contact:
    return await joins(unit, "telegram", "4242", language="fr", name="Brahim")


@pytest.fixture
async def driss(unit: UnitOfWork) -> Contact:
    contact, _ = await unit.addresses.find_or_create("telegram", "7777", now=NOW)
    await unit.contacts.make_staff(contact.id, Role.CASEWORKER, "sale")
    return await unit.contacts.get(contact.id)


@pytest.fixture
async def town(engine: AsyncEngine, keys: KeyRing) -> Town:
    async with engine.begin() as connection:
        unit = stores(connection, keys)
        await unit.centres.load([centre_row()])
        amina = await joins(unit, "whatsapp", "212600000001", language="ar", name="Amina")
        brahim = await joins(unit, "telegram", "4242", language="fr", name="Brahim")
    return Town(engine, keys, amina, brahim)
