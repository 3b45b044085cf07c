"""The code at a centre's door: staff have it printed, and have another one made."""

from conversations.care.documents import Document, DocumentKind
from conversations.care.people import Role
from tests.people import Person, Scene


async def code_of(scene: Scene, slug: str = "sale") -> str | None:
    return (await scene.desk.centres.get(slug)).door_code


async def test_the_first_page_makes_the_code(scene: Scene, driss: Person) -> None:
    await driss.commands("centre")
    assert await code_of(scene) is None
    await driss.taps("more", "at_the_door", "door")
    assert driss.ids == ["page", "!back", "!menu"]

    await driss.taps("page")

    assert driss.documents == [Document(DocumentKind.DOOR_PAGE, driss.contact_id, centre_slug="sale")]
    first = await code_of(scene)
    assert first is not None
    await driss.taps("page")
    assert await code_of(scene) == first


async def test_a_new_code_is_asked_about_and_comes_with_its_page(scene: Scene, driss: Person) -> None:
    old = await scene.desk.centres.door_code("sale")
    await driss.commands("centre")
    await driss.taps("more", "at_the_door", "door", "new")
    assert await code_of(scene) == old

    await driss.taps("yes")

    assert await code_of(scene) not in (None, old)
    assert driss.documents == [Document(DocumentKind.DOOR_PAGE, driss.contact_id, centre_slug="sale")]
    assert driss.step == "overview"


async def test_who_thinks_better_of_it_keeps_the_page(scene: Scene, driss: Person) -> None:
    old = await scene.desk.centres.door_code("sale")
    await driss.commands("centre")

    await driss.taps("more", "at_the_door", "door", "new", "keep")

    assert await code_of(scene) == old
    assert driss.documents == []


async def test_a_manager_prints_for_any_centre(scene: Scene, karim: Person) -> None:
    await karim.commands("centre")

    await karim.taps("fes", "more", "at_the_door", "door", "page")

    assert karim.documents == [Document(DocumentKind.DOOR_PAGE, karim.contact_id, centre_slug="fes")]


async def test_who_has_gone_to_another_centre_changes_nothing(scene: Scene, driss: Person) -> None:
    old = await scene.desk.centres.door_code("sale")
    await driss.commands("centre")
    await driss.taps("more", "at_the_door", "door", "new")
    await scene.desk.contacts.make_staff(driss.contact_id, Role.CASEWORKER, "fes")

    await driss.taps("yes")

    assert await code_of(scene) == old
    assert driss.documents == []
