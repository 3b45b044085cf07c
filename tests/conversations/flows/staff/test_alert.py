"""What administrators see: alerts, and nothing of anybody."""

import pytest

from conversations.care.people import Role
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.news import AlertKind, AlertNews
from tests.people import Person, Scene

CODE = "inv_abc123"


async def alerts(scene: Scene, person: Person, news: AlertNews) -> str:
    await scene.pushes_out(Push(person.contact_id, "alert", news, Purpose.STAFF, f"alert:{news}"))
    return person.notice.text


@pytest.mark.parametrize(
    ("news", "words"),
    [
        (AlertNews(AlertKind.UPDATES_WAITING, number=1), "have waited for 1 minute without"),
        (AlertNews(AlertKind.UPDATES_WAITING, number=3), "have waited for 3 minutes without"),
        (AlertNews(AlertKind.UPDATES_WAITING, is_over=True), "answered without delay again"),
        (AlertNews(AlertKind.SENDS_FAILING), "can't be sent"),
        (AlertNews(AlertKind.SENDS_FAILING, is_over=True), "being sent again"),
        (AlertNews(AlertKind.DISK_FULL, number=120), "almost full: 120 MB are left"),
        (AlertNews(AlertKind.DISK_FULL, is_over=True), "has room again"),
        (AlertNews(AlertKind.BACKUP_OLD, number=40), "no backup for 40 hours"),
        (AlertNews(AlertKind.BACKUP_OLD, is_over=True), "a new backup"),
        (AlertNews(AlertKind.STOOD_STILL, number=12), "stood still for 12 minutes"),
        (AlertNews(AlertKind.TAKEN_OVER), "Another one has taken over"),
    ],
)
async def test_an_alert_says_what_is_wrong_or_well_again(news: AlertNews, words: str, scene: Scene) -> None:
    said = await alerts(scene, scene.administrator("idriss"), news)

    assert words in said


async def test_an_alert_says_where_to_look(scene: Scene) -> None:
    idriss = scene.administrator("idriss")

    assert "jisr doctor" in await alerts(scene, idriss, AlertNews(AlertKind.SENDS_FAILING))
    assert "jisr doctor" not in await alerts(scene, idriss, AlertNews(AlertKind.SENDS_FAILING, is_over=True))


async def test_an_administrator_comes_in_by_invitation(scene: Scene, chama: Person) -> None:
    await scene.desk.contacts.set_language(chama.contact_id, "en")
    expires_at = scene.now.replace(year=scene.now.year + 1)
    scene.desk.invitations.issue(CODE, Role.ADMINISTRATOR, None, expires_at=expires_at)

    await chama.commands("start", CODE)

    assert chama.flow == "administrator_menu"
    assert chama.screen.startswith("Welcome. You are an administrator here from now on.")
    assert chama.buttons == ["📱 Phones and apps", "🌐 Language"]


@pytest.mark.parametrize("command", ["centre", "today", "week", "tasks", "broadcast"])
async def test_an_administrator_reads_and_changes_nothing_of_centres_or_people(
    command: str, scene: Scene
) -> None:
    idriss = scene.administrator("idriss")

    await idriss.commands(command)

    assert idriss.flow == "administrator_menu"
