"""The demo's three seats and its clock."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import ShiftedClock
from bot.http.demo import OFFSET_MARK
from conversations.care.people import Role
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Command
from storage.centres import CentreRow
from storage.database import Database
from tests.bot.http.web import NOW, Browser, Serve, Web, say
from tests.fakes import MovableClock

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

TUESDAY_EIGHT = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
async def web(serve: Serve, database: Database) -> Web:
    """The demo, with a clock that stands at Monday nine until somebody skips."""
    async with database.transaction() as unit:
        await unit.centres.load([centre("fes", "Fès"), centre("sale", "Salé")])
    return await serve(database, ShiftedClock(base=MovableClock(NOW)))


def centre(slug: str, city: str) -> CentreRow:
    return CentreRow(
        slug=slug,
        city_fr=city,
        city_ar="سلا",
        region_fr="Rabat-Salé-Kénitra",
        region_ar="الرباط - سلا - القنيطرة",
        status="open",
        address=None,
        phone=None,
        latitude=34.05,
        longitude=-6.8,
        region_code="04",
    )


async def plan(web: Web, due_at: datetime) -> None:
    """Plan a reminder for Chama."""
    async with web.database.transaction() as unit:
        contact, _ = await unit.addresses.find_or_create("webchat", "chama", now=NOW)
        await unit.schedule.plan(
            contact_id=contact.id,
            purpose=Purpose.REMINDER,
            subject=f"visit:{due_at.day}",
            version=1,
            steps=[("d1", due_at)],
        )


async def skip(browser: Browser, origin: str | None = None) -> dict[str, str | None]:
    headers = {"Origin": origin or browser.url}
    async with browser.session.post("/demo/skip", headers=headers) as answer:
        assert answer.status == 200
        body: dict[str, str | None] = await answer.json()
        return body


async def test_three_tabs_of_one_browser_are_three_people(web: Web, chama: Browser) -> None:
    for seat in ("beneficiary", "caseworker", "manager"):
        page = await chama.opens(seat=seat)
        assert page.hello["demo"] is True
    await chama.opens(seat="beneficiary")

    secrets = {chama.cookie(seat) for seat in ("beneficiary", "caseworker", "manager")}
    came_in = {inbound.external_id for _ in range(3) if (inbound := await web.next_inbound())}

    assert len(secrets) == 3
    assert came_in == secrets
    assert await web.next_inbound() is None


@pytest.mark.parametrize(
    ("seat", "role", "centre_slug"),
    [("caseworker", Role.CASEWORKER, "sale"), ("manager", Role.MANAGER, None)],
)
async def test_staff_come_in_by_an_invitation_as_in_real_life(
    seat: str, role: Role, centre_slug: str | None, web: Web, chama: Browser
) -> None:
    await chama.opens(seat=seat)

    inbound = await web.next_inbound()

    assert inbound
    assert isinstance(inbound.reply, Command)
    assert inbound.reply.name == "start"
    async with web.database.transaction() as unit:
        driss, _ = await unit.addresses.find_or_create("webchat", inbound.external_id, now=NOW)
        invitation = await unit.invitations.redeem(inbound.reply.argument, driss.id, now=NOW)
    assert (invitation.role, invitation.centre_slug) == (role, centre_slug)


async def test_a_beneficiary_needs_no_invitation(web: Web, chama: Browser) -> None:
    await chama.opens(seat="nobody knows")

    inbound = await web.next_inbound()

    assert inbound
    assert inbound.reply == Command("start", "")
    assert inbound.external_id == chama.cookie("beneficiary")


async def test_skipping_makes_the_next_event_the_present(web: Web, chama: Browser) -> None:
    await plan(web, TUESDAY_EIGHT)
    await plan(web, TUESDAY_EIGHT + timedelta(days=2))

    async with web.database.wakes.bell("due") as due:
        answer = await skip(chama)
        assert due.is_set()

    assert answer == {
        "now": "2026-11-24T08:00:01+00:00",
        "clock": "Tuesday, 24 November 2026, 08:00",
        "skipped_to": "Tuesday, 24 November 2026, 08:00",
    }
    assert web.clock.now() == TUESDAY_EIGHT + timedelta(seconds=1)
    async with web.database.reading() as unit:
        offset = await unit.marks.get(OFFSET_MARK)
    assert offset == str((web.clock.now() - NOW).total_seconds())


async def test_with_nothing_planned_the_clock_stays(web: Web, chama: Browser) -> None:
    answer = await skip(chama)

    assert answer["skipped_to"] is None
    assert web.clock.now() == NOW
    async with chama.session.get("/demo/clock") as read:
        assert await read.json() == {
            "now": "2026-11-23T09:00:00+00:00",
            "clock": "Monday, 23 November 2026, 09:00",
        }


async def test_every_open_chat_hears_that_the_clock_was_moved(web: Web, chama: Browser) -> None:
    page = await chama.opens()
    assert (await page.receives("clock"))["now"] == "2026-11-23T09:00:00+00:00"
    await web.answers(say("Bonjour"))
    assert await page.said() == "Bonjour"
    await plan(web, TUESDAY_EIGHT)

    await skip(chama)

    clock = await page.receives("clock")
    assert (clock["now"], clock["text"]) == ("2026-11-24T08:00:01+00:00", "Tuesday, 24 November 2026, 08:00")


async def test_another_sites_page_cannot_move_the_clock(web: Web, chama: Browser) -> None:
    await plan(web, TUESDAY_EIGHT)

    async with chama.session.post("/demo/skip", headers={"Origin": "https://evil.example"}) as answer:
        assert answer.status == 403
    async with chama.session.get("/demo/skip") as answer:
        assert answer.status == 405

    assert web.clock.now() == NOW
