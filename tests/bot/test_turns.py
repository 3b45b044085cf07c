import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot import zone
from bot.turns import MOST_ATTEMPTS, show_push
from conversations.care.clips import Clip
from conversations.care.documents import Document, DocumentKind
from conversations.care.tasks import TaskKind
from conversations.engine.outbound import OutboundMessage, Purpose, Venue
from conversations.engine.turn import Push
from conversations.flows.news import TaskNews
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.errors import DatabaseLocked, DatabaseUnreachable
from storage.unit_of_work import UnitOfWork
from tests.bot.small_talk import TEA_HOUSE, Guest, House, News, cut_off, voice

SORRY = "[fr] Something went wrong on our side. Nothing was lost; please try again."
HANDOVER = "[fr] Something keeps going wrong on our side. A person will write to you here."
UNHEARD = (
    "[fr] Something keeps going wrong on our side. No caseworker is here yet; the first to come will see it."
)
OLD_BUTTON = "[fr] That button was from an older message. Here is where we are now."
# Only ends a test that has failed.
PATIENCE_S = 60


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def house(engine: AsyncEngine, keys: KeyRing) -> House:
    return House(Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME))


@pytest.fixture
async def brahim(house: House) -> Guest:
    """Brahim speaks French, and is in the hall."""
    return await house.guest("brahim")


@pytest.fixture
async def driss(house: House) -> Guest:
    """Caseworker Driss, who reads Arabic."""
    return await house.colleague("driss", language="ar")


async def inbox_statuses(house: House) -> list[str]:
    async with house.database.reading() as unit:
        found = await unit.connection.scalars(text("SELECT status FROM inbox ORDER BY id"))
        return list(found)


async def kept_kinds(house: House) -> list[str]:
    """Return of what kind the updates are whose content stands in the inbox."""
    async with house.database.reading() as unit:
        found = await unit.connection.scalars(
            text("SELECT payload_enc FROM inbox WHERE payload_enc IS NOT NULL ORDER BY id")
        )
        return [
            json.loads(house.database.keys.decrypt(each, about="inbox.payload"))["kind"] for each in found
        ]


# The straight way


async def test_a_page_comes_under_the_answer_and_the_outbox_holds_what_it_is_about_alone(
    house: House, brahim: Guest
) -> None:
    await brahim.says("my page")

    answer, page = (shown.message for shown in (await brahim.shown())[-2:])
    assert answer is not None
    assert answer.text.startswith("[fr] It comes.")
    assert answer.document is None
    assert page == OutboundMessage(
        "[fr] 📄 Here is the page, ready to print.",
        "fr",
        document=Document(DocumentKind.LIFE_PROJECT, (await brahim.contact()).id, visit_id=12),
    )


async def test_a_place_comes_as_a_message_of_its_own_under_the_answer(house: House, brahim: Guest) -> None:
    await brahim.says("the map")

    answer, pin = (shown.message for shown in (await brahim.shown())[-2:])
    assert answer is not None
    assert answer.text.startswith("[fr] It comes.")
    assert answer.venue is None
    assert pin == OutboundMessage("Tea house\n12, rue de la Gare", "fr", venue=TEA_HOUSE)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(90.1, 0), (-91, 0), (0, 180.5), (0, -181), (math.nan, 0), (0, math.nan)],
)
def test_no_map_has_a_place_beyond_its_degrees(latitude: float, longitude: float) -> None:
    with pytest.raises(ValueError, match="no place"):
        Venue("Tea house", "", latitude, longitude)


async def test_a_recording_comes_under_the_answer_and_the_outbox_holds_its_name_alone(
    house: House, brahim: Guest
) -> None:
    await brahim.says("my ears")

    answer, recording = (shown.message for shown in (await brahim.shown())[-2:])
    assert answer is not None
    assert answer.text.startswith("[fr] It comes.")
    assert recording == OutboundMessage(
        "[fr] This can't be played here. What it says is written above.", "fr", clip=Clip("fr", "need-job")
    )


async def test_a_stranger_is_asked_in_the_language_their_phone_speaks(house: House) -> None:
    amina, chama, brahim = (house.stranger(name) for name in ("amina", "chama", "brahim"))
    await amina.says("salam", hint="fr-MA")
    await chama.says("salam", hint="ar")
    await brahim.says("salam")

    assert [await guest.screen() for guest in (amina, chama, brahim)] == [
        "[fr] Which language?",
        "[ary] Which language?",
        "[ary] Which language?",
    ]


async def test_what_follows_a_choice_of_language_is_in_it(house: House) -> None:
    amina = house.stranger("amina")
    await amina.says("salam")
    await amina.taps("ar")

    message = await amina.last()
    assert message.text == "[ar] Fine."
    assert (message.language, message.direction) == ("ar", "rtl")
    assert (await amina.contact()).language == "ar"


async def test_a_reply_leads_on_from_where_the_last_one_ended(brahim: Guest) -> None:
    await brahim.taps("count")
    await brahim.says("one")
    await brahim.taps("up")

    assert (await brahim.texts())[-3:] == ["0", "1", "2"]


async def test_the_answer_to_a_tap_is_written_in_its_place_and_to_words_anew(brahim: Guest) -> None:
    await brahim.taps("count", message="m7", tap="t1")
    tapped = await brahim.last()
    await brahim.says("one")
    said = await brahim.last()

    assert (tapped.edits, tapped.tap_ref) == ("m7", "t1")
    assert (said.edits, said.tap_ref) == (None, None)


async def test_a_tap_on_an_old_button_is_answered_below(brahim: Guest) -> None:
    await brahim.taps("count", message="m7")
    old = (await brahim.last()).prompt_ref
    await brahim.says("one")
    brahim.house.clock.moves_on(timedelta(minutes=1))

    await brahim.taps("up", old, message="m7", tap="t2")

    message = await brahim.last()
    assert message.text == f"{OLD_BUTTON}\n\n1"
    assert (message.edits, message.tap_ref) == (None, "t2")


async def test_a_second_tap_of_a_trembling_finger_is_only_acknowledged(brahim: Guest) -> None:
    first = (await brahim.last()).prompt_ref
    await brahim.taps("count", tap="t1")
    await brahim.taps("count", first, tap="t2")

    shown, acknowledged = (await brahim.messages())[-2:]
    assert (shown.text, shown.tap_ref) == ("0", "t1")
    assert (acknowledged.text, acknowledged.choices, acknowledged.tap_ref) == ("", (), "t2")


async def test_the_same_update_twice_is_one(brahim: Guest) -> None:
    await brahim.taps("count")
    await brahim.says("one", key="4711")
    await brahim.says("one", key="4711")

    assert (await brahim.texts())[-2:] == ["0", "1"]


async def test_what_is_no_message_is_passed_over(house: House, brahim: Guest) -> None:
    before = await brahim.texts()
    await brahim.sends("noise")
    await house.store(house.stranger("chama", "whatsapp"), {"kind": "text", "text": "hello"})
    await house.handles_all()

    assert await brahim.texts() == before
    assert await inbox_statuses(house) == ["done"] * 3


# Two addresses


async def test_where_somebody_is_stays_nowhere_however_the_turn_went(house: House, brahim: Guest) -> None:
    await brahim.sends("place")
    with cut_off(house.database.engine, RuntimeError("a fault"), after=0, only="INSERT INTO sessions"):
        await brahim.sends("place")
    fault = RuntimeError("a fault")
    with cut_off(house.database.engine, fault, after=0, only="INSERT INTO sessions", times=100):
        await brahim.sends("place")
        for _ in range(MOST_ATTEMPTS):
            house.clock.moves_on(timedelta(hours=1))
            await house.handles_all()

    assert await inbox_statuses(house) == ["done", "done", "failed", "failed"]
    assert await kept_kinds(house) == ["text"]


async def test_nothing_is_kept_of_what_somebody_says_who_refused(house: House, brahim: Guest) -> None:
    async with house.database.transaction() as unit:
        await unit.contacts.refuse((await brahim.contact()).id, at=house.clock.now())

    await brahim.says("one")
    await brahim.taps("count")
    await brahim.says("stumble")

    assert await inbox_statuses(house) == ["done", "done", "done", "failed"]
    assert len(await kept_kinds(house)) == 1


async def test_somebody_goes_on_where_they_were_from_another_address(house: House, brahim: Guest) -> None:
    web = house.stranger("brahim-at-home", "webchat")
    await web.says("hello")
    await web.is_the_same_as(brahim)
    await brahim.taps("count")
    await brahim.says("one")
    before = await brahim.texts()

    await web.says("two")

    assert await web.screen() == "2"
    assert await brahim.texts() == before


async def test_a_push_goes_to_the_address_last_used(house: House, brahim: Guest, driss: Guest) -> None:
    web = house.stranger("driss-at-work", "webchat")
    house.clock.moves_on(timedelta(minutes=1))
    await web.says("hello")
    await web.is_the_same_as(driss)
    await brahim.taps("count")

    await brahim.taps("up")
    assert await web.screen() == "[ar] Somebody is at 1."

    house.clock.moves_on(timedelta(minutes=1))
    await driss.says("hello")
    await brahim.taps("up")
    assert await driss.screen() == "[ar] Somebody is at 2."


# Pushes


async def test_somebody_else_is_told_in_their_own_language(brahim: Guest, driss: Guest) -> None:
    await brahim.taps("count")
    await brahim.says("one")

    message = await driss.last()
    assert (message.text, message.language, message.direction) == ("[ar] Somebody is at 1.", "ar", "rtl")
    assert [choice.label for choice in message.choices] == ["[ar] Thanks"]  # without marks that isolate


async def test_a_pushed_message_has_buttons_of_its_own(brahim: Guest, driss: Guest) -> None:
    await driss.says("hello")
    await driss.taps("count")
    await brahim.taps("count")
    await brahim.says("one")
    news = (await driss.last()).prompt_ref

    await driss.taps("thanks", message="m9", tap="t1")

    message = await driss.last()
    assert message.text == "[ar] You are welcome."
    assert (message.edits, message.tap_ref) == ("m9", "t1")
    # What he was doing goes on, and the notice is spent.
    await driss.says("mine")
    # His own count, and under it the news that all staff get of it.
    assert (await driss.texts())[-2:] == ["1", "[ar] Somebody is at 1."]
    driss.house.clock.moves_on(timedelta(minutes=1))
    await driss.taps("thanks", news)
    assert "That button was from an older message" in await driss.screen()


async def test_a_pushed_message_can_be_answered_in_words(brahim: Guest, driss: Guest) -> None:
    await driss.says("hello")
    driss.house.clock.moves_on(timedelta(minutes=1))
    await brahim.taps("count")
    await brahim.says("one")

    await driss.says("thanks")
    assert await driss.screen() != "[ar] You are welcome."  # the label is Arabic
    await brahim.says("two")
    driss.house.clock.moves_on(timedelta(minutes=1))
    await brahim.says("three")
    await driss.says("[ar] Thanks")

    assert await driss.screen() == "[ar] You are welcome."


@pytest.mark.parametrize("ref", ["n1", "n999999999999999999999999", "n٣", "n", "n-1"])
async def test_nobody_taps_somebody_elses_notice(brahim: Guest, driss: Guest, ref: str) -> None:
    await brahim.taps("count")
    await brahim.says("one")

    await brahim.taps("thanks", ref)

    assert await brahim.screen() == f"{OLD_BUTTON}\n\n1"
    await driss.taps("thanks")
    assert await driss.screen() == "[ar] You are welcome."


async def test_a_picture_is_passed_on_to_the_same_channel_only(house: House, brahim: Guest) -> None:
    driss = await house.colleague("driss")
    other = await house.colleague("khadija", channel="webchat")
    await brahim.sends("photo", ref="file-1")

    assert ((await driss.last()).media_kind, (await driss.last()).media_ref) == ("photo", "file-1")
    assert ((await other.last()).media_kind, (await other.last()).media_ref) == (None, None)


async def push(house: House, guest: Guest, words: str, key: str, *, replaces: str | None = None) -> bool:
    contact = await guest.contact()
    async with house.database.transaction() as unit:
        news = Push(contact.id, "news", News(words), Purpose.STAFF, key, "visit:1", replaces)
        return await show_push(unit, news, voice(), now=house.clock.now())


async def test_what_no_longer_holds_is_not_pushed(house: House, brahim: Guest) -> None:
    before = await house.rows()

    assert not await push(house, brahim, "old", "key:1")

    assert await house.rows() == before


async def test_the_buttons_of_a_message_work_while_it_is_being_written_over(
    house: House, driss: Guest
) -> None:
    assert await push(house, driss, "Five of nine.", "progress:0")
    first = (await driss.last()).prompt_ref
    assert await push(house, driss, "Seven of nine.", "progress:7", replaces="progress:0")
    second = (await driss.last()).prompt_ref
    shown = await driss.shown()

    assert [message.replaces_id for message in shown] == [None, shown[0].id]
    assert first == second
    await driss.taps("thanks", first)
    assert await driss.screen() == "[ar] You are welcome."


async def test_a_message_written_over_by_one_without_buttons_has_none(house: House, driss: Guest) -> None:
    await push(house, driss, "Five of nine.", "progress:0")
    first = (await driss.last()).prompt_ref
    await push(house, driss, "done", "progress:9", replaces="progress:0")

    assert (await driss.last()).prompt_ref is None
    await driss.taps("thanks", first)

    assert "That button was from an older message" in await driss.screen()


async def test_pushing_the_same_again_leaves_the_buttons_people_have(house: House, driss: Guest) -> None:
    await push(house, driss, "Five of nine.", "progress:0")
    await push(house, driss, "Seven of nine.", "progress:7", replaces="progress:0")
    before = await house.rows()

    assert not await push(house, driss, "Seven of nine.", "progress:7", replaces="progress:0")

    assert await house.rows() == before
    await driss.taps("thanks")
    assert await driss.screen() == "[ar] You are welcome."


# Blocked


async def test_whoever_blocks_the_service_is_left_alone_until_they_let_it_in_again(
    house: House, brahim: Guest, driss: Guest
) -> None:
    await brahim.taps("count")
    await push(house, driss, "One.", "key:1")
    await driss.sends("block")

    assert await driss.texts() == []  # what waited is dropped
    assert not await push(house, driss, "Two.", "key:2")
    await brahim.says("one")
    assert await brahim.screen() == "1"

    await driss.sends("unblock")
    assert await driss.texts() == []
    assert await push(house, driss, "Three.", "key:3")
    assert await driss.screen() == "[ar] Three."


# What goes wrong


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("error", [Killed(), DatabaseLocked("held"), DatabaseUnreachable("gone")])
async def test_a_turn_cut_off_anywhere_leaves_nothing_and_is_done_later(
    house: House, brahim: Guest, driss: Guest, error: BaseException
) -> None:
    await brahim.taps("count")
    cut_after = 0
    while True:
        number = cut_after + 1
        await house.store(brahim, {"kind": "text", "text": "up", "tap": f"t{number}"})
        before = await house.rows()
        with cut_off(house.database.engine, error, after=cut_after) as cut:
            try:
                await house.turns.handle_next()
            except type(error):
                assert cut.came
        if not cut.came:
            break
        assert await house.rows() == before

        await house.handles_all()
        assert (await brahim.texts())[-1:] == [str(number)]
        assert (await driss.texts())[-1:] == [f"[ar] Somebody is at {number}."]
        cut_after += 1

    # Every statement of the turn was cut once, and each update was answered once.
    assert cut_after >= 8
    assert (await brahim.texts())[-number - 1 :] == [str(each) for each in range(number + 1)]
    assert await driss.texts() == [f"[ar] Somebody is at {each}." for each in range(1, number + 1)]


async def test_a_turn_that_fails_anywhere_apologises_once_and_keeps_nothing_else(
    house: House, brahim: Guest, driss: Guest
) -> None:
    await brahim.taps("count")
    # From the statement on that comes after the update was found.
    fails_after = 2 if house.database.is_sqlite else 1
    untold = 0
    while True:
        await brahim.says("up")
        number = int(await brahim.screen())
        seen, told = await brahim.texts(), await driss.texts()
        await house.store(brahim, {"kind": "text", "text": "up"})
        with cut_off(house.database.engine, RuntimeError("a slip of ours"), after=fails_after) as cut:
            await house.turns.handle_next()
        if not cut.came:
            break
        if await brahim.texts() == [*seen, str(number + 1)]:
            # Telling staff failed, and that alone is undone: what the person did stands.
            untold += await driss.texts() == told
        else:
            assert await brahim.texts() == [*seen, SORRY]
            assert await driss.texts() == told
            await brahim.says("up")
            assert await brahim.screen() == str(number + 1)
        fails_after += 1

    assert fails_after >= 8
    assert untold >= 1


@pytest.mark.parametrize("words", ["stumble", "stumble over a file"])
async def test_a_turn_that_fails_changes_nothing_and_says_sorry_once(
    house: House, brahim: Guest, driss: Guest, words: str
) -> None:
    await brahim.taps("count")
    await brahim.says("one")
    told = await driss.texts()

    await brahim.says(words, tap="t1")

    message = await brahim.last()
    assert (await brahim.texts())[-2:] == ["1", SORRY]
    assert message.tap_ref == "t1"
    assert await driss.texts() == told
    await brahim.says("two")
    assert await brahim.screen() == "2"
    assert set(await inbox_statuses(house)) == {"done", "failed"}


async def test_the_button_below_an_apology_leads_to_the_menu(brahim: Guest) -> None:
    await brahim.taps("count")
    await brahim.says("stumble")
    (menu,) = (await brahim.last()).choices

    await brahim.taps(menu.id)

    assert await brahim.screen() == "[fr] Welcome."


async def test_after_three_failures_in_a_row_a_person_looks_after_them(
    house: House, brahim: Guest, driss: Guest
) -> None:
    await brahim.taps("count")
    for _ in range(3):
        await brahim.says("stumble")

    assert (await brahim.texts())[-3:] == [SORRY, SORRY, HANDOVER]
    assert await driss.screen() == "[ar] Somebody needs you."
    async with house.database.reading() as unit:
        (task,) = await unit.tasks.open("sale")
    assert (task.kind, task.contact_id) == (TaskKind.NOT_UNDERSTOOD, (await brahim.contact()).id)

    await brahim.says("stumble")
    assert await brahim.screen() == SORRY


async def test_what_is_pushed_counts_as_opened_once_whoever_it_is_for_can_read_it(
    house: House, brahim: Guest, driss: Guest
) -> None:
    brahim_id, driss_id = (await brahim.contact()).id, (await driss.contact()).id
    async with house.database.transaction() as unit:
        task = await unit.tasks.add(
            contact_id=brahim_id,
            centre_slug=None,
            kind=TaskKind.MESSAGE,
            text="hello",
            urgent=False,
            now=house.clock.now(),
        )
    push = Push(driss_id, "task_news", TaskNews(task.id), Purpose.STAFF, "task")
    for _ in range(2):
        async with house.database.transaction() as unit:
            await show_push(unit, push, voice(), now=house.clock.now())

    async with house.database.reading() as unit:
        (look,) = await unit.audit.looks(brahim_id)
    assert (look.by, look.what) == (driss_id, "task")


async def test_when_no_caseworker_of_the_centre_can_be_reached_the_others_look_after_them(
    house: House, brahim: Guest, driss: Guest
) -> None:
    ilham = await house.colleague("ilham", language="ar", centre_slug="fes")
    await driss.sends("block")
    async with house.database.transaction() as unit:
        await unit.contacts.set_home((await brahim.contact()).id, centre_slug="sale")

    await brahim.taps("count")
    for _ in range(3):
        await brahim.says("stumble")

    assert await brahim.screen() == HANDOVER
    assert await ilham.screen() == "[ar] Somebody needs you."
    async with house.database.reading() as unit:
        (task,) = await unit.tasks.open("fes")
    assert task.centre_slug is None


async def test_nobody_is_promised_an_answer_while_no_caseworker_is_there(house: House, brahim: Guest) -> None:
    await brahim.taps("count")
    for _ in range(3):
        await brahim.says("stumble")

    assert await brahim.screen() == UNHEARD
    async with house.database.reading() as unit:
        assert len(await unit.tasks.open(None)) == 1


async def test_nothing_is_handed_over_of_who_refused(house: House, brahim: Guest, driss: Guest) -> None:
    async with house.database.transaction() as unit:
        await unit.contacts.refuse((await brahim.contact()).id, at=house.clock.now())
    await brahim.taps("count")
    for _ in range(4):
        await brahim.says("stumble")

    assert (await brahim.texts())[-4:] == [SORRY] * 4
    assert await driss.messages() == []
    async with house.database.reading() as unit:
        assert await unit.tasks.open("sale") == []


async def test_a_turn_that_goes_well_begins_the_count_of_failures_anew(
    house: House, brahim: Guest, driss: Guest
) -> None:
    await brahim.taps("count")
    for words in ("stumble", "stumble", "one", "stumble", "stumble"):
        await brahim.says(words)

    assert await brahim.screen() == SORRY
    async with house.database.reading() as unit:
        assert await unit.tasks.open("sale") == []


async def test_staff_are_not_handed_over_to_staff(house: House, driss: Guest) -> None:
    await driss.says("hello")
    await driss.taps("count")
    for _ in range(4):
        await driss.says("stumble")

    assert (await driss.texts())[-4:] == [SORRY.replace("[fr]", "[ar]")] * 4


async def test_an_update_that_cannot_even_be_apologised_for_holds_up_its_sender_alone_and_not_for_ever(
    house: House, brahim: Guest
) -> None:
    amina = await house.guest("amina", language="ar")
    await brahim.taps("count")
    await brahim.sends("poison")
    for attempt in range(MOST_ATTEMPTS - 1):
        await brahim.says(f"word {attempt}")
        await amina.says("hello")
        assert await brahim.screen() == "0"
        assert (await inbox_statuses(house)).count("waiting") == attempt + 2

        house.clock.moves_on(timedelta(seconds=2**attempt))
        await house.handles_all()

    assert (await brahim.texts())[-MOST_ATTEMPTS:] == [str(number) for number in range(MOST_ATTEMPTS)]
    assert (await inbox_statuses(house)).count("failed") == 1
    assert len(await amina.texts()) == MOST_ATTEMPTS


async def test_an_update_that_can_no_longer_be_read_is_set_aside(house: House, brahim: Guest) -> None:
    await brahim.taps("count")
    await house.store(brahim, {"kind": "text", "text": "one"})
    async with house.database.transaction() as unit:
        await unit.connection.execute(
            text("UPDATE inbox SET payload_enc = :broken WHERE status = 'waiting'"),
            {"broken": b"\x01\x04testbroken"},
        )

    await brahim.says("two")

    assert await brahim.screen() == "1"
    assert await inbox_statuses(house) == ["done", "done", "failed", "done"]


async def test_a_session_that_can_no_longer_be_read_leads_to_the_menu(house: House, brahim: Guest) -> None:
    await brahim.taps("count")
    async with house.database.transaction() as unit:
        await unit.connection.execute(
            text("UPDATE sessions SET state_enc = :broken"), {"broken": b"\x01\x04testbroken"}
        )

    await brahim.says("one")

    assert await brahim.screen() == "[fr] Welcome."


# Workers


async def until_shown(guest: Guest, words: str) -> None:
    wakes = guest.house.database.wakes
    async with asyncio.timeout(PATIENCE_S), wakes.bell("outbox") as bell:
        while words not in await guest.texts():
            await rung(bell, timeout_s=PATIENCE_S)


async def ends(*workers: "asyncio.Task[None]") -> None:
    for worker in workers:
        worker.cancel()
    for outcome in await asyncio.gather(*workers, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError)


async def test_a_worker_wakes_when_something_comes_in_and_outlives_a_locked_database(
    house: House, brahim: Guest
) -> None:
    worker = asyncio.create_task(house.turns.work())
    await house.store(brahim, {"kind": "text", "text": "hello"})
    await until_shown(brahim, "[fr] What?\n\n[fr] Welcome.")

    prompt = (await brahim.last()).prompt_ref
    with cut_off(house.database.engine, DatabaseLocked("held"), after=0, only="UPDATE inbox", times=2) as cut:
        await house.store(brahim, {"kind": "tap", "prompt": prompt, "choice": "count"})
        await until_shown(brahim, "0")
    assert cut.came

    await ends(worker)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_many_workers_keep_each_persons_order(house: House, driss: Guest) -> None:
    guests = [await house.guest(f"guest {number}") for number in range(6)]
    for guest in guests:
        await guest.taps("count")
    workers = [asyncio.create_task(house.turns.work()) for _ in range(5)]
    for number in range(8):
        for guest in guests:
            await house.store(guest, {"kind": "text", "text": f"word {number}"})
    for guest in guests:
        await until_shown(guest, "8")
    await ends(*workers)

    for guest in guests:
        assert (await guest.texts())[-9:] == [str(number) for number in range(9)]
    assert len(await driss.texts()) == 48


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_many_workers_count_each_failure_once(house: House, driss: Guest) -> None:
    guests = [await house.guest(f"guest {number}") for number in range(6)]
    for guest in guests:
        await guest.taps("count")
        for words in ("stumble", "stumble", "one", "stumble", "two"):
            await house.store(guest, {"kind": "text", "text": words})
    workers = [asyncio.create_task(house.turns.work()) for _ in range(5)]
    for guest in guests:
        await until_shown(guest, "2")
    await ends(*workers)

    for guest in guests:
        assert (await guest.texts())[-6:] == ["0", SORRY, SORRY, "1", SORRY, "2"]
    async with house.database.reading() as unit:
        assert await unit.tasks.open("sale") == []


class Interrupted(Database):
    """A database before whose second transaction something else happens."""

    def __init__(self, database: Database, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(database.engine, database.keys, zone=zone.casablanca(), zone_name=zone.NAME)
        self._meanwhile = meanwhile
        self._transactions = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[UnitOfWork]:
        self._transactions += 1
        if self._transactions == 2:
            await self._meanwhile()
        async with super().transaction() as unit:
            yield unit


@pytest.mark.parametrize("kind", ["stumble", "poison"])
async def test_a_failed_update_that_another_worker_takes_up_is_left_to_it(
    house: House, brahim: Guest, kind: str
) -> None:
    """Between the failure and the apology the update waits for anybody."""
    await brahim.taps("count")
    body = {"kind": "poison"} if kind == "poison" else {"kind": "text", "text": "stumble"}
    await house.store(brahim, body)
    unlucky = House(Interrupted(house.database, house.turns.handle_next))

    assert await unlucky.turns.handle_next()

    async with house.database.reading() as unit:
        session = await unit.sessions.load((await brahim.contact()).id)
        attempts = await unit.connection.scalar(text("SELECT sum(attempts) FROM inbox"))
    if kind == "poison":
        assert attempts == 1
    else:
        assert (await brahim.texts())[-2:] == ["0", SORRY]
        assert session.failures == 1


async def test_there_is_nothing_to_handle_while_nobody_wrote(house: House) -> None:
    assert not await house.turns.handle_next()
