"""Every flow there is, walked on WhatsApp: the real process, a real database, a strict Graph API over HTTP.

All walks run side by side against one process, on a good day and on a bad one.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from bot.app import load_voice
from bot.clock import Clock, ShiftedClock
from bot.staff_questions import StaffQuestions
from bot.ticks import Ticks
from bot.waiting_ticks import WaitingTicks
from conversations.care.check_ins import CheckInStep
from conversations.care.people import Role
from conversations.care.periods import FastingMonth
from conversations.flows.beneficiary import BENEFICIARY_FLOWS
from conversations.flows.beneficiary.door import DOOR
from conversations.flows.staff import STAFF_FLOWS
from storage.tables import appointments, due_messages, is_live, is_waiting, outbox
from tests.bot.channels.whatsapp_service import at_work
from tests.fault_proxy import Kind, scenario
from tests.graph_bodies import judge_message
from tests.invariants import broken
from tests.whatsapp_town import Town, Walker, town, unanswered
from tests.whatsapp_walks import (
    WALKS,
    Walk,
    book_one_after_the_other,
    is_asked_how_it_was,
    is_marked,
    is_missed,
    visitors,
)

ALL_FLOWS = {flow.name for flow in (DOOR, *BENEFICIARY_FLOWS, *STAFF_FLOWS)}


async def walk_all(town: Town) -> None:
    """Have all walks walked at once, beside an administrator who waits for bad news."""
    salim = town.walker("Salim", of="administers")
    await salim.comes_as(Role.ADMINISTRATOR)
    failed = await asyncio.gather(*(_walked(town, walk) for walk in WALKS), return_exceptions=True)
    failures = [f"{walk.name}: {error!r}" for walk, error in zip(WALKS, failed, strict=True) if error]
    assert not failures, "\n\n".join(failures)


async def _walked(town: Town, walk: Walk) -> None:
    await walk.goes(town)
    missing = walk.flows - town.seen[walk.name]
    assert not missing, f"the database did not show {sorted(missing)}"


async def is_killed(town: Town) -> None:
    """The service dies without a word, and its administrator hears of it."""
    salim = next(walker for walker in town.walkers if walker.person.name == "Salim")
    await town.settled()
    await town.service.kill()
    await town.service.start()
    await salim.is_told("alert", "ℹ️ The process that sent reminders was suddenly gone.")


async def is_asked_next_morning(town: Town) -> None:
    """Somebody is asked how they are on the day after they agreed, and asks for help; staff are asked, too.

    Whoever comes at night is asked by day, and no setting moves the service's clock: so its own parts go on
    with the database that the process leaves behind.
    """
    rachid = town.walker("Rachid", of="is_asked")
    await rachid.agrees()
    safae = town.walker("Safae", of="is_asked")
    await safae.comes_as(Role.CASEWORKER, "beni-mellal")
    due_at = await rachid.due_at(CheckInStep.FIRST_DAY)
    # Nobody repeats tomorrow what came today.
    await town.gets_tidy()
    await town.settled()
    assert await town.service.stop() == 0
    clock = ShiftedClock()
    clock.shift_to(due_at - timedelta(minutes=30))
    async with at_work(town.database, town.graph, clock, api_url=town.api_url):
        await rachid.says("menu")
        await rachid.is_in("menu")
        clock.shift_to(due_at)
        await Ticks(town.database, load_voice(), clock).turn_due()
        question = await rachid.is_told("check_in", "👋 How are you today?")
        await rachid.taps_in(question, "help")
        await rachid.is_in("person")
        await is_offered_a_place(town, clock)
        await staff_are_asked(town, safae, clock)
        town.proxy.day.end()
        await town.settled()


async def is_offered_a_place(town: Town, clock: Clock) -> None:
    """Somebody waits where nothing is free, until it is. By day, too: nobody is written to at night."""
    hamid = town.walker("Hamid", of="is_offered")
    await town.opens("oujda", lead_days=60)
    await hamid.agrees()
    await hamid.waits_at("oujda")
    await town.opens("oujda")
    await WaitingTicks(town.database, load_voice(), clock).look()
    offer = await hamid.is_told("place_offered", "🕐 A time is free for you:")
    await hamid.taps_in(offer, "take")
    await hamid.hears("✅ Your visit is booked.")


async def staff_are_asked(town: Town, safae: Walker, clock: ShiftedClock) -> None:
    """A caseworker is asked about Ramadan and about a feast, both as near as they have to be."""
    await safae.says("menu")
    await safae.is_in("caseworker_menu")
    voice, today = load_voice(), clock.now().date()
    month = FastingMonth(today + timedelta(days=10), today + timedelta(days=38))
    near = replace(voice, world=replace(voice.world, fasting_months=(month,)))
    async with town.database.transaction() as unit:
        await unit.closures.propose([(today + timedelta(days=3), "Fête", "عيد", True)])
    await StaffQuestions(town.database, near, clock).ask_staff()
    ramadan = await safae.is_told("ramadan_question", "🌙 Do other hours hold at your centre in Ramadan?")
    feast = await safae.is_told("moon_day", "🌙 Fête: when do you close?")
    await safae.taps_in(feast, "later")
    await safae.hears("Saved. You can change each day here.")
    await safae.taps_in(ramadan, "set")
    await safae.is_in("centre_details")


async def see_visits_through(town: Town) -> None:
    """Visits take place, and what is to be said and asked afterwards is; their day comes by another clock."""
    clock = ShiftedClock()
    clock.shift_to(await _next_morning(town))
    async with at_work(town.database, town.graph, clock, api_url=town.api_url):
        ticks = Ticks(town.database, load_voice(), clock)

        async def tick() -> None:
            while await ticks.turn_due():
                pass

        await book_one_after_the_other(town)
        last = await _last_visit(town)
        await _is_over_for_others(town)
        # What is on its way when hours pass would leave twice.
        await town.settled()
        clock.shift_to(last + timedelta(minutes=5))
        here = visitors(town)
        for walker in (here.ilham, here.mounir, *here.people):
            await walker.says("menu")
        await is_marked(town, tick)
        await town.settled()
        clock.shift_to(last.replace(hour=18, minute=1))
        await ticks.ask_for_marks()
        await is_missed(town, tick)
        await town.settled()
        clock.shift_to(last.replace(hour=18, minute=40))
        await tick()
        await is_asked_how_it_was(town, tick)
        await town.settled()


async def _next_morning(town: Town) -> datetime:
    """Return nine o'clock on a day after everything so far; Casablanca is on UTC."""
    query = select(func.max(outbox.c.created_at, type_=outbox.c.created_at.type).label("at"))
    (row,) = await town.rows(query)
    day: datetime = row.at + timedelta(days=1)
    return day.replace(hour=9, minute=0)


async def _last_visit(town: Town) -> datetime:
    moment = func.max(appointments.c.starts_at, type_=appointments.c.starts_at.type).label("at")
    (row,) = await town.rows(select(moment).where(appointments.c.centre_slug == "settat", is_live()))
    last: datetime = row.at
    return last


async def _is_over_for_others(town: Town) -> None:
    """Drop what is planned for everybody until then: who has not written lately would need templates."""
    async with town.database.transaction() as unit:
        await unit.connection.execute(
            update(due_messages).where(is_waiting(due_messages)).values(status="dropped")
        )


async def check(town: Town) -> None:
    """Everybody was answered, and once unless an answer was cut off; no body was beyond a limit."""
    assert await broken(town.database, now=town.graph.now()) == []
    assert await unanswered(town) == []
    for walker in town.walkers:
        assert walker.doubled <= town.proxy.cut_off[walker.person.user_id or ""], walker.person.name
    for call in town.graph.calls_of("messages"):
        judge_message(call.body)
    assert town.graph.refusals == []
    assert town.kannel.refused == []
    assert {answer.status for answer in town.graph.webhook_answers} <= {200, None}
    failures = ("turn_failed", "delivery_failed", "push_failed", "due_failed", "tick_failed", "crashed")
    assert [event for event in town.events if event in failures] == []


async def test_every_flow_is_walked(database_url: str, tmp_path: Path) -> None:
    async with town(tmp_path, database_url) as here:
        await walk_all(here)
        await is_killed(here)
        await is_asked_next_morning(here)
        await see_visits_through(here)

        await check(here)
        assert here.proxy.cut_off.total() == 0
        assert set().union(*here.seen.values()) == ALL_FLOWS


async def test_on_a_bad_day_everybody_gets_there(database_url: str, tmp_path: Path) -> None:
    async with town(tmp_path, database_url, scenario("bad_graph")) as here:
        await here.gets_messy()
        await walk_all(here)
        await is_killed(here)
        await is_asked_next_morning(here)
        await see_visits_through(here)

        await check(here)
        assert set().union(*here.seen.values()) == ALL_FLOWS
        had = {done.kind for done in here.proxy.day.done}
        assert had == {Kind.HANG, Kind.TOO_FAST, Kind.SERVER_ERROR, Kind.RESET, Kind.CUT_SHORT, Kind.SLOW}
        assert here.proxy.cut_off.total() > 5
        assert max(answer.items for answer in here.graph.webhook_answers) > 1
