import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.care.people import Contact, Invitation, Role
from conversations.errors import InvitationInvalid
from storage.tables import invitations
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW, Town

NEXT_WEEK = NOW + timedelta(days=7)


async def test_an_invitation_says_what_it_makes_of_somebody(unit: UnitOfWork, brahim: Contact) -> None:
    code = await unit.invitations.create(Role.CASEWORKER, "sale", now=NOW, expires_at=NEXT_WEEK)

    invitation = await unit.invitations.redeem(f" {code} ", brahim.id, now=NOW)

    assert (invitation.role, invitation.centre_slug) == (Role.CASEWORKER, "sale")
    assert invitation.expires_at == NEXT_WEEK


async def test_an_invitation_works_once(unit: UnitOfWork, amina: Contact, brahim: Contact) -> None:
    code = await unit.invitations.create(Role.MANAGER, None, now=NOW, expires_at=NEXT_WEEK)
    await unit.invitations.redeem(code, brahim.id, now=NOW)

    with pytest.raises(InvitationInvalid):
        await unit.invitations.redeem(code, amina.id, now=NOW)


async def test_of_two_who_use_an_invitation_at_once_one_comes_in(town: Town) -> None:
    code = await town.alone(
        lambda unit: unit.invitations.create(Role.MANAGER, None, now=NOW, expires_at=NEXT_WEEK)
    )

    results = await town.at_once(
        lambda unit: unit.invitations.redeem(code, town.amina.id, now=NOW),
        lambda unit: unit.invitations.redeem(code, town.brahim.id, now=NOW),
    )

    assert sorted(type(result).__name__ for result in results) == [
        Invitation.__name__,
        InvitationInvalid.__name__,
    ]


async def test_an_invitation_expires(unit: UnitOfWork, brahim: Contact) -> None:
    code = await unit.invitations.create(Role.MANAGER, None, now=NOW, expires_at=NEXT_WEEK)

    with pytest.raises(InvitationInvalid):
        await unit.invitations.redeem(code, brahim.id, now=NEXT_WEEK)


@pytest.mark.parametrize("code", ["", "guessed", "\ud83d"])
async def test_an_unknown_code_is_refused(unit: UnitOfWork, brahim: Contact, code: str) -> None:
    with pytest.raises(InvitationInvalid):
        await unit.invitations.redeem(code, brahim.id, now=NOW)


async def test_the_code_is_not_kept(unit: UnitOfWork, connection: AsyncConnection) -> None:
    code = await unit.invitations.create(Role.MANAGER, None, now=NOW, expires_at=NEXT_WEEK)

    row = (await connection.execute(select(invitations))).one()
    assert code.encode() not in row.code_hash
    assert code not in map(str, row)


async def test_codes_fit_a_telegram_link_and_differ(unit: UnitOfWork) -> None:
    codes = {
        await unit.invitations.create(Role.MANAGER, None, now=NOW, expires_at=NEXT_WEEK) for _ in range(3)
    }

    assert len(codes) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32,64}", code) for code in codes)


async def test_beneficiaries_are_not_invited(unit: UnitOfWork) -> None:
    with pytest.raises(ValueError, match="only staff"):
        await unit.invitations.create(Role.BENEFICIARY, None, now=NOW, expires_at=NEXT_WEEK)
