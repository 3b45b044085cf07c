"""How staff come in."""

from datetime import timedelta

from conversations.care.people import Role
from tests.conversations.flows.staff.doings import books
from tests.people import Person, Scene

CODE = "inv_abc123"


async def test_a_newcomer_becomes_a_caseworker_and_only_chooses_a_language(
    scene: Scene, chama: Person
) -> None:
    _invites(scene, Role.CASEWORKER, "sale")

    await chama.commands("start", CODE)
    assert "Welcome. You are a caseworker at the centre of" in chama.screen
    await chama.taps("en")

    contact = await chama.contact()
    assert (contact.role, contact.centre_slug) == (Role.CASEWORKER, "sale")
    assert chama.flow == "caseworker_menu"
    assert "🏢 Centre of Salé" in chama.screen


async def test_a_manager_comes_in_to_the_managers_menu(scene: Scene, chama: Person) -> None:
    await scene.desk.contacts.set_language(chama.contact_id, "en")
    _invites(scene, Role.MANAGER, None)

    await chama.commands("start", CODE)

    assert chama.flow == "manager_menu"
    assert chama.screen.startswith("Welcome. You are a manager here from now on.")


async def test_a_new_caseworker_hears_of_the_next_booking(scene: Scene, chama: Person, amina: Person) -> None:
    _invites(scene, Role.CASEWORKER, "sale")
    await chama.commands("start", CODE)

    await books(amina)

    assert chama.notice.flow == "visit_news"


async def test_a_new_caseworker_hears_of_the_requests_that_wait(
    scene: Scene, chama: Person, amina: Person
) -> None:
    await books(amina)
    await scene.desk.contacts.set_language(chama.contact_id, "en")
    _invites(scene, Role.CASEWORKER, "sale")

    await chama.commands("start", CODE)

    assert chama.screen.startswith("Welcome. You are a caseworker at the centre of Salé from now on.")
    assert "⏳ 1 request waits to be confirmed" in chama.screen


async def test_an_invitation_works_once(scene: Scene, chama: Person, driss: Person) -> None:
    _invites(scene, Role.MANAGER, None)
    await chama.commands("start", CODE)

    await driss.commands("start", CODE)

    assert driss.screen.startswith("This invitation has expired or was already used.")
    assert (await driss.contact()).role is Role.CASEWORKER


async def test_the_same_update_twice_leaves_a_caseworker(scene: Scene, chama: Person) -> None:
    _invites(scene, Role.CASEWORKER, "sale")

    await chama.commands("start", CODE)
    await chama.commands("start", CODE)

    assert (await chama.contact()).role is Role.CASEWORKER


async def test_an_expired_invitation_leaves_a_chat_where_it_was(scene: Scene, driss: Person) -> None:
    _invites(scene, Role.MANAGER, None)
    await driss.commands("centre")
    await driss.taps("address")
    scene.later(days=8)
    await driss.commands("centre")
    await driss.taps("address")

    await driss.commands("start", CODE)

    assert driss.screen.startswith("This invitation has expired or was already used.")
    assert (driss.flow, driss.step) == ("centre_details", "address")
    assert (await driss.contact()).role is Role.CASEWORKER


async def test_a_caseworker_moves_to_another_centre_by_a_new_invitation(scene: Scene, driss: Person) -> None:
    _invites(scene, Role.CASEWORKER, "agadir")

    await driss.commands("start", CODE)

    assert (await driss.contact()).centre_slug == "agadir"
    assert "🏢 Centre of Agadir" in driss.screen


async def test_somebody_enrolled_is_asked_first_and_may_stay_who_they_are(
    scene: Scene, amina: Person
) -> None:
    _invites(scene, Role.CASEWORKER, "sale")
    visit = await books(amina)

    await amina.commands("start", CODE)
    assert "everything kept about you here is deleted first" in amina.screen
    assert (await amina.contact()).role is Role.BENEFICIARY
    await amina.taps("keep")

    assert "Everything stays as it was." in amina.screen
    assert (await amina.contact()).enrolled_at is not None
    assert scene.desk.appointments.rows[visit.id].is_live
    # The invitation is still good.
    await scene.desk.invitations.redeem(CODE, amina.contact_id, now=scene.now)


async def test_switching_deletes_first_and_tells_the_centre(
    scene: Scene, amina: Person, driss: Person
) -> None:
    _invites(scene, Role.CASEWORKER, "sale")
    await scene.desk.contacts.set_name(amina.contact_id, "Amina")
    visit = await books(amina)

    await amina.commands("start", CODE)
    await amina.taps("switch")

    contact = await amina.contact()
    assert (contact.role, contact.centre_slug, contact.language) == (Role.CASEWORKER, "sale", "ar")
    assert (contact.name, contact.enrolled_at) == (None, None)
    assert amina.contact_id in scene.desk.contacts.erased
    assert not [due for due in scene.desk.schedule.due if due.contact_id == amina.contact_id]
    assert driss.notice.text.startswith("❌ A visit was cancelled.")
    assert f"Code: {visit.code}" in driss.notice.text
    assert amina.flow == "caseworker_menu"


async def test_an_invitation_that_expires_while_one_thinks_deletes_nothing(
    scene: Scene, amina: Person
) -> None:
    _invites(scene, Role.CASEWORKER, "sale", lasts=timedelta(hours=1))
    visit = await books(amina)
    await amina.commands("start", CODE)
    scene.later(hours=2)

    await amina.taps("switch")

    assert "This invitation has expired or was already used." in amina.screen
    contact = await amina.contact()
    assert (contact.role, contact.enrolled_at is not None) == (Role.BENEFICIARY, True)
    assert scene.desk.appointments.rows[visit.id].is_live


def _invites(
    scene: Scene, role: Role, centre_slug: str | None, *, lasts: timedelta = timedelta(days=7)
) -> None:
    scene.desk.invitations.issue(CODE, role, centre_slug, expires_at=scene.now + lasts)
