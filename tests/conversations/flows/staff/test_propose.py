"""A caseworker proposes another time; the person decides."""

from dataclasses import replace
from datetime import time

from conversations.engine.outbound import Purpose
from tests.conversations.flows.staff.doings import (
    ELEVEN,
    THURSDAY,
    WEDNESDAY,
    books,
    cancels,
    moves,
    sets_hours,
    visit_now,
)
from tests.people import Person, Scene


async def test_another_time_is_proposed_from_the_news(scene: Scene, amina: Person, driss: Person) -> None:
    visit = await books(amina)

    await driss.taps_notice("propose")
    assert "Now it is:\nWednesday, 25 November 2026\n10:00" in driss.screen
    await driss.taps(THURSDAY.isoformat(), "1100")
    assert driss.screen.splitlines()[:3] == ["Propose this time?", "Thursday, 26 November 2026", "11:00"]
    await driss.taps("send")

    assert driss.screen.splitlines()[0] == "Proposed. You will hear when the person answers."
    assert amina.notice.flow == "visit_proposed"
    assert amina.notice.purpose is Purpose.VISIT
    assert amina.notice.subject == f"visit:{visit.id}"
    assert (amina.notice.draft.day, amina.notice.draft.at) == (THURSDAY, ELEVEN)
    assert await visit_now(scene, visit) == visit


async def test_it_begins_where_the_news_stood_and_back_leads_through_it(amina: Person, driss: Person) -> None:
    await books(amina)

    screen = await driss.taps_notice("propose")
    assert screen.in_place
    await driss.taps(THURSDAY.isoformat(), "1100", "!back")
    assert driss.step == "time"
    await driss.taps("!back")

    assert driss.step == "day"


async def test_what_the_caseworker_was_doing_goes_on_afterwards(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await driss.commands("centre")
    await driss.taps("address")
    await books(amina)

    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "1100", "send")

    assert driss.screen.startswith("Proposed.")
    assert (driss.flow, driss.step, driss.draft["slug"]) == ("centre_details", "address", "sale")


async def test_the_times_of_a_long_day_are_turned_like_pages(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await sets_hours(scene, "mon-fri 08:00-18:00")
    await books(amina)
    await driss.taps_notice("propose")

    await driss.taps(THURSDAY.isoformat())
    assert driss.ids[:9] == ["0800", "0830", "0900", "0930", "1000", "1030", "1100", "1130", "later"]
    await driss.taps("later")
    assert driss.ids[0] == "1200"
    await driss.taps("later")

    assert driss.ids[:5] == ["1600", "1630", "1700", "1730", "earlier"]


async def test_a_time_taken_meanwhile_leads_back_to_the_days(
    scene: Scene, amina: Person, brahim: Person, driss: Person
) -> None:
    """While Driss reads, Brahim books the very time he wants to propose to Amina."""
    await books(amina)
    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "1100")
    await books(brahim, THURSDAY, ELEVEN)

    await driss.taps("send")

    assert driss.screen.startswith("That time has just been taken.")
    assert driss.step == "day"
    assert not amina.notices


async def test_a_visit_that_changed_meanwhile_gets_no_proposal(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "1100")
    await moves(amina, visit, THURSDAY, time(15))

    await driss.taps("send")

    assert f"Visit {visit.code} has changed meanwhile" in driss.screen
    assert "Thursday, 26 November 2026\n15:00" in driss.screen
    assert not amina.notices


async def test_a_cancelled_visit_gets_no_proposal(amina: Person, driss: Person) -> None:
    visit = await books(amina)
    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "1100")
    await cancels(amina, visit)

    await driss.taps("send")

    assert f"Visit {visit.code} was cancelled meanwhile." in driss.screen
    assert not amina.notices


async def test_the_same_proposal_twice_reaches_the_person_once(amina: Person, driss: Person) -> None:
    await books(amina)
    await driss.taps_notice("propose")
    await driss.taps(THURSDAY.isoformat(), "1100")
    before = driss.session

    await driss.taps("send")
    driss.session = before
    await driss.taps("send")

    assert [notice.flow for notice in amina.notices] == ["visit_proposed"]


async def test_a_centre_without_a_free_time_says_so(scene: Scene, amina: Person, driss: Person) -> None:
    await books(amina)
    centre = await scene.desk.centres.get("sale")
    await scene.desk.centres.set_rules("sale", replace(centre.rules, horizon_days=0, lead_minutes=2000))

    await driss.taps_notice("propose")

    assert driss.screen == "No free time is left in the coming weeks."


async def test_from_the_agenda_it_leads_back_to_the_agenda(amina: Person, driss: Person) -> None:
    visit = await books(amina)
    await driss.commands("week")
    await driss.taps(str(visit.id), "propose", THURSDAY.isoformat(), "1100", "send")

    assert (driss.flow, driss.draft["days"]) == ("agenda", 7)
    assert driss.screen.startswith("Proposed.")


async def test_the_agenda_is_one_tap_away_when_one_came_from_there(amina: Person, driss: Person) -> None:
    visit = await books(amina, WEDNESDAY)
    await driss.commands("week")

    await driss.taps(str(visit.id), "propose", "agenda")

    assert driss.flow == "agenda"


async def test_nothing_is_proposed_to_somebody_out_of_reach(
    scene: Scene, amina: Person, driss: Person
) -> None:
    visit = await books(amina)
    await driss.taps_notice("propose")
    scene.desk.contacts.unreachable.add(amina.contact_id)

    await driss.taps("2026-11-26", "1000", "send")

    assert driss.screen == (
        f"The person of visit {visit.code} can't be reached here at the moment, so nothing was proposed."
    )
    assert not amina.notices
