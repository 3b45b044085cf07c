"""A caseworker reads the life project of a visit at their centre while it goes along with it."""

from conversations.care.appointments import Appointment, Need
from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import Question
from tests.conversations.flows.staff.doings import THURSDAY, WEDNESDAY, books, cancels
from tests.people import Person, Scene

WORDS = "مخبزة صغيرة\nف السويقة"


async def brings(person: Person, *, attached: bool = True, centre: str = "sale") -> Appointment:
    """Book a visit of the person's, with what they prepared."""
    projects = person.scene.desk.life_projects
    visit = await books(person, THURSDAY, need=Need.PROJECT, centre=centre)
    await projects.answer(person.contact_id, Question.IDEA, WORDS, now=person.scene.now)
    await projects.answer(person.contact_id, Question.SECTOR, "catering", now=person.scene.now)
    if attached:
        await projects.attach(person.contact_id, visit.id)
    return visit


async def opens_card(driss: Person, visit: Appointment) -> None:
    await driss.commands("week")
    await driss.taps(str(visit.id))


def looks(scene: Scene) -> list[str]:
    return [look.what for look in scene.desk.audit.looks]


async def test_the_card_leads_to_the_persons_own_words(scene: Scene, amina: Person, driss: Person) -> None:
    visit = await brings(amina)
    await opens_card(driss, visit)
    assert "life_project" not in looks(scene)
    await driss.taps("project")

    assert visit.code in driss.screen
    assert "My idea\n" in driss.screen
    assert WORDS in driss.screen
    assert "Catering, food" in driss.screen
    assert "\u2068مخبزة صغيرة\u2069\n\u2068ف السويقة\u2069" in driss.last.raw, "each line runs its own way"
    assert looks(scene).count("life_project") == 1
    look = scene.desk.audit.looks[-1]
    assert (look.by, look.at_contact) == (driss.contact_id, amina.contact_id)

    await driss.taps("visit")
    assert (driss.flow, driss.step) == ("agenda", "visit")


async def test_the_page_is_written_down_too(scene: Scene, amina: Person, driss: Person) -> None:
    visit = await brings(amina)
    await opens_card(driss, visit)
    await driss.taps("project", "page")

    assert driss.documents == [Document(DocumentKind.LIFE_PROJECT, amina.contact_id, visit_id=visit.id)]
    assert looks(scene).count("life_project") == 2


async def test_what_was_not_attached_is_offered_to_nobody(amina: Person, driss: Person) -> None:
    visit = await brings(amina, attached=False)
    await opens_card(driss, visit)

    assert "project" not in driss.ids


async def test_it_goes_along_with_that_visit_alone(amina: Person, driss: Person) -> None:
    await brings(amina)
    other = await books(amina, WEDNESDAY)
    await opens_card(driss, other)

    assert "project" not in driss.ids


async def test_what_is_taken_back_is_gone_at_once(scene: Scene, amina: Person, driss: Person) -> None:
    visit = await brings(amina)
    await opens_card(driss, visit)
    await scene.desk.life_projects.attach(amina.contact_id, None)
    await driss.taps("project")
    assert f"The life project is no longer with visit {visit.code}." in driss.screen
    assert "life_project" not in looks(scene)

    await scene.desk.life_projects.attach(amina.contact_id, visit.id)
    await opens_card(driss, visit)
    await driss.taps("project")
    await scene.desk.life_projects.delete(amina.contact_id)
    await driss.taps("page")
    assert driss.documents == []
    assert "no longer" in driss.screen


async def test_it_can_be_read_until_the_day_of_the_visit_is_over(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await brings(amina)
    scene.later(days=3, hours=6)
    assert scene.now.date() == visit.day
    await opens_card(driss, visit)
    await driss.taps("project")
    assert WORDS in driss.screen

    scene.later(days=1)
    await driss.taps("page")
    assert driss.documents == []


async def test_a_cancelled_visit_shows_nothing(scene: Scene, amina: Person, driss: Person) -> None:
    visit = await brings(amina)
    await opens_card(driss, visit)
    await cancels(amina, visit)
    await driss.taps("project")

    assert WORDS not in driss.screen
    assert "life_project" not in looks(scene)


async def test_another_centres_caseworker_does_not_read_it(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await brings(amina)
    await opens_card(driss, visit)
    await driss.taps("project")
    await scene.desk.contacts.make_staff(driss.contact_id, (await driss.contact()).role, "fes")
    await driss.taps("page")

    assert driss.documents == []
    assert WORDS not in driss.screen


async def test_news_of_a_booking_that_brings_it_leads_there(
    scene: Scene, brahim: Person, driss: Person
) -> None:
    await scene.desk.life_projects.answer(brahim.contact_id, Question.IDEA, "Un snack", now=scene.now)
    await brahim.starts()
    await brahim.says("projet de vie")
    await brahim.taps("attach", "book")
    await brahim.says("Salé")
    while brahim.step != "confirm":
        await brahim.taps(brahim.ids[0])
    await brahim.taps("yes")
    assert "project" in driss.notice.ids
    await driss.taps_notice("project")

    assert "Un snack" in driss.screen
    assert looks(scene)[-1] == "life_project"
    await driss.taps("visit")
    assert "confirm" in driss.ids
