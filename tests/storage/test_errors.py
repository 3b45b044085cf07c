import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.errors import DatabaseUnreachable, ours, violates
from storage.tables import addresses, contacts
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW

ADDRESS = {
    "channel": "telegram",
    "external_index": b"i" * 32,
    "external_enc": b"e",
    "last_used_at": NOW,
}


async def test_a_refused_row_is_told_apart_by_what_refused_it(
    unit: UnitOfWork, connection: AsyncConnection
) -> None:
    contact, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)
    await connection.execute(insert(addresses).values(contact_id=contact.id, **ADDRESS))

    with pytest.raises(IntegrityError) as taken:
        async with connection.begin_nested():
            await connection.execute(insert(addresses).values(contact_id=contact.id, **ADDRESS))
    with pytest.raises(IntegrityError) as nobodys:
        async with connection.begin_nested():
            await connection.execute(insert(contacts).values(role="beneficiary"))

    name = "uq_addresses_channel_external_index"
    assert violates(taken.value, name)
    assert not violates(taken.value, "uq_outbox_unique_key")
    assert not violates(nobodys.value, name)


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (
            asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
            True,
        ),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InterfaceError("the server expects 1 argument for this query, 2 were passed"), False),
        (ConnectionResetError(), True),
        (ValueError(), False),
    ],
)
def test_a_connection_that_breaks_under_the_driver_is_a_database_out_of_reach(
    error: Exception, is_lost: bool
) -> None:
    assert isinstance(ours(error), DatabaseUnreachable) is is_lost


def test_a_misspelled_constraint_is_found_out() -> None:
    error = IntegrityError("", {}, Exception("UNIQUE constraint failed: x.y"))

    with pytest.raises(LookupError):
        violates(error, "uq_misspelled")
