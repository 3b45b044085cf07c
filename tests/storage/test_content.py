"""What managers change: drafts, publications under one number, roll backs; in the store and in its fake."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from conversations.care.edits import EditState, Target
from conversations.care.people import Contact, ContactId, Role
from conversations.care.rules import Change
from conversations.errors import ChangedMeanwhile, NothingToRollBack
from conversations.ports import Content
from storage.tables import content_changes
from storage.unit_of_work import UnitOfWork
from tests.fakes import FakeContent
from tests.storage.conftest import NOW, Town

NAME_FR = Change("P1", "name", "Petits projets", "fr")
OPEN = Change("P1", "open", True)


@dataclass
class Office:
    """Where two managers change things; `before` stands for what was shipped."""

    content: Content
    karim: ContactId
    latifa: ContactId

    async def drafts(self, by: ContactId, *changes: Change, before: object = "shipped") -> None:
        for change in changes:
            await self.content.draft(by, change, before=before, now=NOW)

    async def publishes(self, by: ContactId, *changes: Change, before: object = "shipped") -> int | None:
        await self.drafts(by, *changes, before=before)
        return await self.content.publish(by, now=NOW)

    async def values(self) -> dict[Target, object]:
        return {
            Target(each.entry, each.field, each.language): each.value
            for each in await self.content.published()
        }


async def manager(unit: UnitOfWork, name: str) -> Contact:
    contact, _ = await unit.addresses.find_or_create("telegram", name, now=NOW)
    await unit.contacts.make_staff(contact.id, Role.MANAGER, None)
    return await unit.contacts.get(contact.id)


@pytest.fixture(params=["store", "fake"])
async def office(request: pytest.FixtureRequest, unit: UnitOfWork) -> Office:
    if request.param == "fake":
        return Office(FakeContent(), ContactId(1), ContactId(2))
    return Office(unit.content, (await manager(unit, "karim")).id, (await manager(unit, "latifa")).id)


async def test_a_draft_holds_for_nobody_until_it_is_published_with_all_the_others(office: Office) -> None:
    await office.drafts(office.karim, NAME_FR, OPEN)
    assert await office.content.published() == ()
    assert [draft.change for draft in await office.content.drafts(office.karim)] == [NAME_FR, OPEN]
    assert await office.content.drafts(office.latifa) == []

    assert await office.content.publish(office.karim, now=NOW) == 1

    assert await office.values() == {Target("P1", "name", "fr"): "Petits projets", Target("P1", "open"): True}
    assert await office.content.drafts(office.karim) == []
    assert await office.content.publish(office.karim, now=NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        Change("P1", "from", date(2027, 2, 8)),
        Change("P1", "until", None),
        Change("P1", "regions", ("09", "10")),
        Change("P1", "open", None),
        Change("money", "answer", "مشاريع « صغيرة »", "ary"),
    ],
    ids=lambda change: change.field,
)
async def test_every_kind_of_value_comes_back_as_it_was(office: Office, change: Change) -> None:
    await office.publishes(office.karim, change, before=change.value)

    (held,) = await office.content.published()
    assert held.value == change.value
    assert type(held.value) is type(change.value)
    (revision,) = await office.content.history()
    assert revision.edits[0].before == change.value


async def test_a_wording_counts_as_reviewed_on_the_day_it_was_published(office: Office) -> None:
    await office.publishes(office.karim, NAME_FR, OPEN)

    assert [change.reviewed for change in await office.content.published()] == [date(2026, 11, 23), None]


async def test_a_second_draft_of_a_field_takes_the_place_of_the_first(office: Office) -> None:
    await office.drafts(office.karim, NAME_FR, Change("P1", "name", "Projets", "fr"))
    await office.drafts(office.karim, Change("P1", "name", "مشاريع", "ar"))

    assert [draft.change.value for draft in await office.content.drafts(office.karim)] == [
        "Projets",
        "مشاريع",
    ]

    await office.content.drop_draft(office.karim, Target("P1", "name", "fr"))
    assert [draft.change.value for draft in await office.content.drafts(office.karim)] == ["مشاريع"]

    await office.content.drop_drafts(office.karim)
    assert await office.content.drafts(office.karim) == []


async def test_what_another_published_meanwhile_is_told_once_and_then_replaced(office: Office) -> None:
    await office.drafts(office.karim, NAME_FR, OPEN)
    await office.publishes(office.latifa, Change("P1", "name", "Nos projets", "fr"))

    with pytest.raises(ChangedMeanwhile) as told:
        await office.content.publish(office.karim, now=NOW)

    (touch,) = told.value.touches
    assert (touch.by, touch.change.value) == (office.latifa, "Nos projets")
    assert await office.values() == {Target("P1", "name", "fr"): "Nos projets"}
    first, _ = await office.content.drafts(office.karim)
    assert first.before == "Nos projets"

    assert await office.content.publish(office.karim, now=NOW) == 2
    assert (await office.values())[Target("P1", "name", "fr")] == "Petits projets"


async def test_other_fields_of_the_same_entry_do_not_stand_in_the_way(office: Office) -> None:
    await office.drafts(office.karim, NAME_FR)
    await office.publishes(office.latifa, OPEN, Change("P1", "name", "مشاريع", "ar"))

    assert await office.content.publish(office.karim, now=NOW) == 2


async def test_rolling_back_lets_hold_what_held_before_and_deletes_nothing(office: Office) -> None:
    await office.publishes(office.karim, NAME_FR)
    await office.publishes(office.latifa, Change("P1", "name", "Nos projets", "fr"), OPEN)

    assert await office.content.roll_back(2, office.karim, now=NOW + timedelta(hours=1)) == 3

    assert await office.values() == {Target("P1", "name", "fr"): "Petits projets"}
    back, second, first = await office.content.history()
    assert (back.number, back.by, back.takes_back) == (3, office.karim, 2)
    assert back.at == NOW + timedelta(hours=1)
    assert [(edit.before, edit.change.value) for edit in back.edits] == [
        ("Nos projets", "Petits projets"),
        (True, "shipped"),
    ]
    assert {edit.state for edit in second.edits} == {EditState.ROLLED_BACK}
    assert (first.by, first.can_be_rolled_back) == (office.karim, True)
    assert not back.can_be_rolled_back
    assert not second.can_be_rolled_back

    assert await office.content.roll_back(1, office.karim, now=NOW) == 4
    assert await office.values() == {}


async def test_rolling_back_an_older_publication_leaves_what_was_changed_since(office: Office) -> None:
    await office.publishes(office.karim, NAME_FR, OPEN)
    await office.publishes(office.latifa, Change("P1", "name", "Nos projets", "fr"))

    await office.content.roll_back(1, office.karim, now=NOW)

    assert await office.values() == {Target("P1", "name", "fr"): "Nos projets"}
    await office.content.roll_back(2, office.karim, now=NOW)
    assert await office.values() == {}


async def test_a_publication_is_rolled_back_once(office: Office) -> None:
    await office.publishes(office.karim, NAME_FR)
    await office.content.roll_back(1, office.karim, now=NOW)

    for number in (1, 2, 77):
        with pytest.raises(NothingToRollBack):
            await office.content.roll_back(number, office.latifa, now=NOW)


async def test_a_roll_back_is_a_change_that_others_are_told_of(office: Office) -> None:
    await office.publishes(office.karim, NAME_FR)
    await office.drafts(office.latifa, Change("P1", "name", "Nos projets", "fr"), before="Petits projets")
    await office.content.roll_back(1, office.karim, now=NOW)

    with pytest.raises(ChangedMeanwhile):
        await office.content.publish(office.latifa, now=NOW)

    (draft,) = await office.content.drafts(office.latifa)
    assert draft.before == "shipped"


async def two_managers(town: Town) -> tuple[Contact, Contact]:
    async def both(unit: UnitOfWork) -> tuple[Contact, Contact]:
        return await manager(unit, "karim"), await manager(unit, "latifa")

    return await town.alone(both)


async def test_of_two_who_publish_the_same_field_at_once_one_is_told(town: Town) -> None:
    karim, latifa = await two_managers(town)
    for by, value in ((karim, "Petits projets"), (latifa, "Nos projets")):
        change = Change("P1", "name", value, "fr")
        await town.alone(
            lambda unit, by=by, change=change: unit.content.draft(by.id, change, before="", now=NOW)
        )

    async def publishes(unit: UnitOfWork, by: Contact) -> int | None:
        try:
            return await unit.content.publish(by.id, now=NOW)
        except ChangedMeanwhile:
            return None

    outcomes = await town.at_once(lambda unit: publishes(unit, karim), lambda unit: publishes(unit, latifa))

    assert sorted(map(str, outcomes)) == ["1", "None"]
    assert len(await town.alone(lambda unit: unit.content.published())) == 1


async def test_two_who_publish_different_things_at_once_get_different_numbers(town: Town) -> None:
    karim, latifa = await two_managers(town)
    await town.alone(lambda unit: unit.content.draft(karim.id, NAME_FR, before="", now=NOW))
    await town.alone(lambda unit: unit.content.draft(latifa.id, OPEN, before=None, now=NOW))

    outcomes = await town.at_once(
        lambda unit: unit.content.publish(karim.id, now=NOW),
        lambda unit: unit.content.publish(latifa.id, now=NOW),
    )

    assert set(outcomes) == {1, 2}


async def test_one_publication_is_rolled_back_by_one_of_two(town: Town) -> None:
    karim, latifa = await two_managers(town)
    await town.alone(lambda unit: unit.content.draft(karim.id, NAME_FR, before="", now=NOW))
    await town.alone(lambda unit: unit.content.publish(karim.id, now=NOW))

    outcomes = await town.at_once(
        lambda unit: unit.content.roll_back(1, karim.id, now=NOW),
        lambda unit: unit.content.roll_back(1, latifa.id, now=NOW),
    )

    assert sorted(type(outcome) is NothingToRollBack for outcome in outcomes) == [False, True]


async def test_a_manager_who_is_erased_takes_their_drafts_along_and_leaves_what_was_published(
    unit: UnitOfWork,
) -> None:
    karim = await manager(unit, "karim")
    await unit.content.draft(karim.id, NAME_FR, before="", now=NOW)
    await unit.content.publish(karim.id, now=NOW)
    await unit.content.draft(karim.id, OPEN, before=None, now=NOW)

    await unit.contacts.erase(karim.id, at=NOW)

    (row,) = await unit.connection.execute(select(content_changes))
    assert (row.field, row.by_contact_id) == ("name", None)
    assert len(await unit.content.published()) == 1
