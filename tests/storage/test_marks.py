from storage.unit_of_work import UnitOfWork


async def test_a_mark_keeps_the_last_value(unit: UnitOfWork) -> None:
    await unit.marks.set("clock", "60")
    await unit.marks.set("keys", "abc")
    await unit.marks.set("clock", "90")

    assert await unit.marks.get("clock") == "90"
    assert await unit.marks.get("keys") == "abc"


async def test_a_mark_that_was_never_set_is_none(unit: UnitOfWork) -> None:
    assert await unit.marks.get("clock") is None
