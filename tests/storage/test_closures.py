from collections.abc import Awaitable, Callable
from datetime import date, time

from conversations.care.closures import Closure, ClosureReason
from conversations.care.hours import Opening
from conversations.care.people import Contact
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import Town, centre_row

GREEN_MARCH = (date(2026, 11, 6), "Marche verte", "المسيرة الخضراء", False)
INDEPENDENCE = (date(2026, 11, 18), "Indépendance", "الاستقلال", False)
EID = (date(2027, 3, 9), "Aïd el-Fitr", "عيد الفطر", True)
EID_A_DAY_LATER = (date(2027, 3, 10), *EID[1:])
NEW_YEAR = (date(2027, 1, 1), "Nouvel An", "رأس السنة", False)
NEXT_MANIFESTO = (date(2027, 4, 11), "Manifeste", "عريضة", False)

YEAR = (date(2026, 9, 1), date(2027, 8, 31))


def proposed(day: date, name_fr: str, name_ar: str, estimated: bool) -> Closure:
    return Closure(day, closed=True, decided=False, name_fr=name_fr, name_ar=name_ar, estimated=estimated)


async def test_holidays_are_proposed_to_every_centre_in_order(unit: UnitOfWork) -> None:
    await unit.closures.propose([EID, GREEN_MARCH])
    await unit.closures.propose([EID, GREEN_MARCH])

    assert await unit.closures.between("sale", *YEAR) == [proposed(*GREEN_MARCH), proposed(*EID)]


async def test_both_ends_are_included(unit: UnitOfWork) -> None:
    await unit.closures.propose([GREEN_MARCH, INDEPENDENCE, NEW_YEAR])

    found = await unit.closures.between("sale", GREEN_MARCH[0], INDEPENDENCE[0])

    assert [closure.day for closure in found] == [GREEN_MARCH[0], INDEPENDENCE[0]]


async def test_the_centres_word_wins_for_that_centre(unit: UnitOfWork, driss: Contact) -> None:
    await unit.centres.load([centre_row("fes", "Fès")])
    await unit.closures.propose([GREEN_MARCH])

    await unit.closures.decide("sale", GREEN_MARCH[0], closed=False, by=driss.id)

    (open_after_all,) = await unit.closures.between("sale", *YEAR)
    assert (open_after_all.closed, open_after_all.decided) == (False, True)
    assert open_after_all.name_fr == "Marche verte"
    assert await unit.closures.between("fes", *YEAR) == [proposed(*GREEN_MARCH)]


async def test_staff_can_close_any_day_and_think_again(unit: UnitOfWork, driss: Contact) -> None:
    day = date(2026, 12, 2)

    await unit.closures.decide("sale", day, closed=True, by=driss.id)
    assert await unit.closures.between("sale", *YEAR) == [Closure(day, closed=True, decided=True)]

    await unit.closures.decide("sale", day, closed=False, by=driss.id)
    assert await unit.closures.between("sale", *YEAR) == [Closure(day, closed=False, decided=True)]


async def test_a_new_proposal_leaves_what_staff_decided(unit: UnitOfWork, driss: Contact) -> None:
    await unit.closures.propose([GREEN_MARCH, EID])
    await unit.closures.decide("sale", EID[0], closed=False, by=driss.id)

    await unit.closures.propose([GREEN_MARCH, EID])

    assert [closure.closed for closure in await unit.closures.between("sale", *YEAR)] == [True, False]


async def test_a_feast_that_shifts_leaves_its_old_day(unit: UnitOfWork) -> None:
    """What lies before the first and after the last proposed day was proposed earlier and stays."""
    await unit.closures.propose([GREEN_MARCH, NEW_YEAR, EID, NEXT_MANIFESTO])

    await unit.closures.propose([NEW_YEAR, EID_A_DAY_LATER])

    days = [closure.day for closure in await unit.closures.between("sale", *YEAR)]
    assert days == [GREEN_MARCH[0], NEW_YEAR[0], EID_A_DAY_LATER[0], NEXT_MANIFESTO[0]]


async def test_hours_of_a_day_close_and_open_again(unit: UnitOfWork, amina: Contact) -> None:
    day, morning = date(2026, 11, 24), Opening(time(9), time(11))

    async def word() -> list[Closure]:
        return await unit.closures.between("sale", day, day)

    await unit.closures.close_hours(
        "sale", day, Opening(time(14), time(15)), reason=ClosureReason.WORKS, by=amina.id
    )
    await unit.closures.close_hours("sale", day, morning, reason=ClosureReason.MEETING, by=amina.id)
    await unit.closures.close_hours("sale", day, morning, reason=ClosureReason.ILLNESS, by=amina.id)

    assert await word() == [
        Closure(day, closed=False, decided=False, hours=(morning, Opening(time(14), time(15))))
    ]
    await unit.closures.open_hours("sale", day)
    assert await word() == []


async def test_why_a_day_is_closed_is_kept(unit: UnitOfWork, amina: Contact) -> None:
    day = date(2026, 11, 24)
    await unit.closures.decide("sale", day, closed=True, by=amina.id, reason=ClosureReason.MEETING)

    assert [closure.reason for closure in await unit.closures.between("sale", day, day)] == [
        ClosureReason.MEETING
    ]


async def test_of_several_who_answer_at_once_the_first_counts(town: Town) -> None:
    """Two are asked whether the centre closes at the feast, and say different things."""
    await town.alone(lambda unit: unit.closures.propose([EID]))

    def answers(by: Contact, closed: bool) -> Callable[[UnitOfWork], Awaitable[bool]]:
        return lambda unit: unit.closures.decide_once(
            "sale", EID[0], closed=closed, by=by.id, reason=ClosureReason.HOLIDAY
        )

    heard = await town.at_once(answers(town.amina, False), answers(town.brahim, True))

    assert sorted(map(bool, heard)) == [False, True]
    (word,) = await town.alone(lambda unit: unit.closures.between("sale", *YEAR))
    assert (word.decided, word.closed) == (True, heard[1])
    again = await town.alone(answers(town.amina, not word.closed))
    assert not again
    assert await town.alone(lambda unit: unit.closures.between("sale", *YEAR)) == [word]
