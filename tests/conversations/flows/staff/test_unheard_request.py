"""Managers hear of requests at a centre where no caseworker is."""

from tests.conversations.flows.staff.doings import ELEVEN, TEN, THURSDAY, WEDNESDAY, books, sets_hours
from tests.people import Person, Scene


async def test_managers_hear_that_a_request_waits_where_nobody_is(
    scene: Scene, amina: Person, karim: Person
) -> None:
    """No name, no need and no code: those are for the centre."""
    await scene.desk.contacts.set_name(amina.contact_id, "Amina")

    visit = await books(amina)

    assert karim.notice.text.splitlines() == [
        "📥 A request for a visit waits for an answer.",
        "",
        "No caseworker of the centre of Salé can be reached here yet. Please have one invited.",
    ]
    assert visit.code not in karim.notice.text
    screen = await karim.taps_notice("ok")
    assert screen.text == karim.notice.text
    assert not karim.notice.is_open


async def test_managers_hear_once_a_centre_and_day(
    scene: Scene, amina: Person, brahim: Person, karim: Person
) -> None:
    await books(amina)
    await books(brahim, WEDNESDAY, ELEVEN)
    assert len(karim.notices) == 1

    await books(amina, THURSDAY, TEN, centre="fes")
    assert len(karim.notices) == 2
    assert "Fès" in karim.notice.text

    scene.later(days=1)
    await books(brahim, THURSDAY, ELEVEN)
    assert len(karim.notices) == 3


async def test_caseworkers_who_blocked_the_service_hear_nothing_so_managers_do(
    scene: Scene, amina: Person, driss: Person, karim: Person
) -> None:
    scene.desk.contacts.unreachable.add(driss.contact_id)

    await books(amina)

    assert not driss.notices
    assert karim.notice.flow == "unheard_request"


async def test_managers_hear_nothing_where_a_caseworker_does(
    amina: Person, driss: Person, karim: Person
) -> None:
    await books(amina)

    assert driss.notice.flow == "visit_news"
    assert not karim.notices


async def test_a_visit_confirmed_by_the_centres_hours_waits_for_nobody(
    scene: Scene, amina: Person, karim: Person
) -> None:
    await sets_hours(scene, "mon-fri 09:00-12:00")

    await books(amina)

    assert not karim.notices
