"""The whole circle on Telegram: the real process, a real database and real HTTP, people with phones.

Run with `--junit-xml` it notes how long a booking takes to reach the caseworker; no test depends on it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from bot.channels.telegram_commands import EVERYBODYS, PHONE_LANGUAGES, STAFFS
from bot.channels.telegram_groups import PRIVATE_CHATS_ONLY
from bot.texts import load_texts
from conversations.care.people import Role
from conversations.texts import LANGUAGES
from storage.database import Database
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess
from tests.telegram_people import (
    AT_TELEGRAMS_PACE,
    FIRST,
    WAIT_S,
    Phone,
    calls_to,
    ids,
    invitation,
    settings_with,
)

# From the first screen: language, consent, "book a visit", what for, where, which day, what time, yes.
BOOKING: tuple[str | int, ...] = ("en", "agree", "booking", "job", "Salé", FIRST, FIRST, "yes")

one_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
def by_webhook() -> bool:
    """Whether Telegram delivers by webhook; else the service polls."""
    return False


@pytest.fixture
def pace() -> Mapping[str, str]:
    """The settings of the service's own pace, none where people shall not wait."""
    return {}


@pytest.fixture
async def service(
    telegram: FakeTelegram, database_url: str, tmp_path: Path, by_webhook: bool, pace: Mapping[str, str]
) -> AsyncIterator[ServiceProcess]:
    service = ServiceProcess(tmp_path, {**settings_with(telegram, database_url), **pace})
    if by_webhook:
        service.settings["PUBLIC_URL"] = service.url
    async with service:
        yield service


@pytest.fixture
def brahim(telegram: FakeTelegram) -> Phone:
    return Phone(telegram, telegram.user(first_name="Brahim", language_code="fr"))


@pytest.fixture
async def driss(telegram: FakeTelegram, service: ServiceProcess, database: Database) -> Phone:
    """A caseworker of Salé, who came in by a link."""
    phone = Phone(telegram, telegram.user(first_name="Driss", language_code="en"))
    await phone.says(await invitation(database, Role.CASEWORKER, "sale"))
    await phone.taps("en")
    return phone


@pytest.fixture
async def karim(telegram: FakeTelegram, service: ServiceProcess, database: Database) -> Phone:
    """A manager, who came in the same way."""
    phone = Phone(telegram, telegram.user(first_name="Karim", language_code="en"))
    await phone.says(await invitation(database, Role.MANAGER))
    await phone.taps("en")
    return phone


async def enrolled(
    telegram: FakeTelegram, name: str, *, language: str = "en", consent: str = "agree"
) -> Phone:
    """Return somebody who has come as far as the menu."""
    phone = Phone(telegram, telegram.user(first_name=name, language_code="fr"))
    await phone.says("/start")
    await phone.taps(language, consent)
    return phone


async def with_visit(telegram: FakeTelegram, name: str) -> Phone:
    phone = Phone(telegram, telegram.user(first_name=name, language_code="fr"))
    await phone.says("/start")
    await phone.taps(*BOOKING)
    return phone


@pytest.mark.parametrize(
    ("backend", "by_webhook"),
    [("sqlite", False), ("postgresql", False), ("postgresql", True)],
    indirect=["backend"],
)
async def test_a_visit_goes_round_the_circle(
    telegram: FakeTelegram,
    brahim: Phone,
    driss: Phone,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    await brahim.says("/start")
    *before_yes, yes = BOOKING
    question = await brahim.taps(*before_yes)
    assert question.text.startswith("Shall we book this visit?")

    tapped_at_s = time.monotonic()
    booked = await brahim.taps(yes)

    assert brahim.taps_done <= 8
    assert booked.text.startswith("✅ The centre has your request.")
    assert "⏳ The centre will confirm the time." in booked.text
    assert (booked.message_id, booked.edits) == (question.message_id, question.edits + 1)

    news = await driss.finds("📥 Somebody asks for a visit.")
    told_at_s = next(call.received_at_s for call in calls_to(driss) if "📥" in call.params["text"])
    record_testsuite_property("booking_to_caseworker_s", round(told_at_s - tapped_at_s, 3))
    assert ids(news) == ["confirm", "propose", "call"]
    done = await driss.taps_in(news, "confirm")
    assert done.text.startswith("Confirmed: visit ")
    assert done.message_id == news.message_id
    assert (await brahim.sees()).text.startswith("✅ Your time is confirmed.")

    await driss.says("/week")
    card = await driss.taps(FIRST)
    assert "✔️ confirmed" in card.text
    proposed = await driss.taps("propose", 1, FIRST, "send")
    assert proposed.text.startswith("Proposed.")
    proposal = await brahim.sees()
    assert proposal.text.startswith("🕐 Another time is proposed to you:")
    assert (await brahim.taps_in(proposal, "accept")).text.startswith("✅ Your visit is moved.")
    moved = await driss.finds("🔄 A visit was moved to this time.")
    assert "✔️ confirmed" in moved.text

    await brahim.says("/menu")
    cancelled = await brahim.taps("my_visits", FIRST, "cancel", "yes")
    assert cancelled.text.startswith("Your visit is cancelled.")
    await driss.finds("❌ A visit was cancelled.")
    week = await driss.says("/week")
    assert "confirmed" not in week.text
    assert not [choice for choice in ids(week) if choice.isdecimal()]


@one_database
async def test_people_are_served_while_telegram_is_slow_with_the_list_of_commands(
    telegram: FakeTelegram, database_url: str, tmp_path: Path, brahim: Phone
) -> None:
    for _ in range(10):
        telegram.hang_next("setMyCommands")
    async with ServiceProcess(tmp_path, settings_with(telegram, database_url)):
        assert "👋" in (await brahim.says("/start")).text


@one_database
async def test_a_caseworker_hears_of_a_booking_while_the_answer_to_it_hangs(
    telegram: FakeTelegram, brahim: Phone, driss: Phone
) -> None:
    await brahim.says("/start")
    *before_yes, yes = BOOKING
    await brahim.taps(*before_yes)
    telegram.hang_next("editMessageText")

    await brahim.presses(yes)

    assert "📥" in (await driss.sees()).text


@one_database
async def test_a_call_asked_for_and_words_go_there_and_back(telegram: FakeTelegram, driss: Phone) -> None:
    brahim = await with_visit(telegram, "Brahim")
    news = await driss.finds("📥")

    await driss.taps_in(news, "call")

    request = await brahim.sees()
    assert request.text.startswith("📞 Somebody would like to speak with you.")
    await brahim.taps_in(request, "call")
    thanks = await brahim.says("06 12 34 56 78")
    assert thanks.text.startswith("Thank you. A caseworker will call you")
    to_call = await driss.finds("📞 Somebody wants to be called.")
    assert "Number to call:\n0612345678" in to_call.text

    await brahim.says("person")
    assert "Your message is kept." in (await brahim.says("J'ai perdu mes papiers")).text
    task = await driss.finds("💬 Somebody wrote to you.")
    assert "“J'ai perdu mes papiers”" in task.text
    await driss.taps_in(task, "answer")
    await driss.says("Venez mercredi.")
    answer = await brahim.sees()
    assert answer.text.startswith("💬 An answer for you:\n\nVenez mercredi.")

    await brahim.taps_in(answer, "answer")
    await brahim.person.sends_voice(b"OggS, d'accord")
    voice = await driss.finds("🎧 A voice note came with it.")
    assert telegram.content_of(voice) == b"OggS, d'accord"


@one_database
async def test_eight_taps_lead_to_a_visit_in_every_language(
    telegram: FakeTelegram, service: ServiceProcess
) -> None:
    async def books(language: str, at: int) -> None:
        amina = Phone(telegram, telegram.user(first_name="Amina", language_code="ar"))
        texts = load_texts()[language]
        await amina.says("/start")

        # The second day has all its times, whatever the hour is now.
        booked = await amina.taps(language, "agree", "booking", "papers", FIRST, 1, at, "yes")

        assert amina.taps_done == 8
        said = booked.text.partition("\n")[0]
        assert said == texts.gettext("✅ The centre has your request.")
        assert booked.labels == [
            texts.pgettext("button", label) for label in ("📆 To my calendar", "🏠 Menu")
        ]

    await asyncio.gather(*(books(language.code, at) for at, language in enumerate(LANGUAGES)))


async def test_the_same_update_twice_is_answered_once(
    telegram: FakeTelegram, service: ServiceProcess
) -> None:
    brahim = Phone(telegram, telegram.user(first_name="Brahim"))
    await brahim.says("/start")
    *before_yes, _ = BOOKING
    await brahim.taps(*before_yes)
    tap = await brahim.presses("yes")
    await brahim.finds("✅ The centre has your request.")
    sent = len(calls_to(brahim))

    await telegram.deliver_again(tap.update_id)
    await telegram.drained()
    menu = await brahim.says("/menu")

    assert len(calls_to(brahim)) == sent + 1
    assert "What can we do for you?" in menu.text
    assert "You have 1 visit ahead." in (await brahim.taps("my_visits")).text


@one_database
async def test_a_language_switched_half_way_leads_back_to_the_same_question(
    telegram: FakeTelegram, service: ServiceProcess
) -> None:
    brahim = await enrolled(telegram, "Brahim")
    in_english = await brahim.taps("booking", "job", "Salé")

    await brahim.says("/language")
    in_french = await brahim.taps("fr")

    assert "Which day suits you?" in in_english.text
    french = load_texts()["fr"]
    assert french.gettext("Which day suits you? Centre: {city}").format(city="Salé") in in_french.text
    assert ids(in_french) == ids(in_english)
    assert in_french.labels != in_english.labels


@one_database
async def test_anything_at_all_gets_an_answer_in_ones_language(
    telegram: FakeTelegram, service: ServiceProcess
) -> None:
    french = load_texts()["fr"]
    not_heard = french.gettext(
        "I can't listen or look here yet. Choose a button, or “Talk to a person” and send it there."
    )
    not_understood = french.gettext("I did not understand. Please choose one of the buttons.")

    async def shows(answer: str, send: Callable[[Phone], Awaitable[int]]) -> None:
        phone = await enrolled(telegram, "Brahim", language="fr")
        await send(phone)
        shown = await phone.sees()
        assert shown.text.startswith(answer)
        assert "booking" in ids(shown)

    await asyncio.gather(
        shows(not_heard, lambda phone: phone.person.sends_sticker()),
        shows(not_heard, lambda phone: phone.person.sends_voice()),
        shows(not_heard, lambda phone: phone.person.sends_photo(forwarded=True)),
        shows(not_understood, lambda phone: phone.person.says("ب" * 4096)),
        shows(not_understood, lambda phone: phone.person.says("🙏🏽👨‍👩‍👧")),
    )


@one_database
async def test_a_shared_location_puts_the_right_centre_first(
    telegram: FakeTelegram, service: ServiceProcess
) -> None:
    brahim = await enrolled(telegram, "Brahim")
    await brahim.taps("nearest")
    share = brahim.person.reply_keyboard[0]
    with pytest.raises(LookupError, match="shares a location"):
        await brahim.person.taps(share)

    await brahim.person.sends_location(34.26, -6.58)

    shown = await brahim.sees()
    assert "Salé" in shown.text.partition("\n")[0]
    assert shown.labels[0] == "Salé"
    assert brahim.person.reply_keyboard == []


@one_database
async def test_menus_are_written_in_place(telegram: FakeTelegram, service: ServiceProcess) -> None:
    brahim = await enrolled(telegram, "Brahim")
    menu = (await brahim.says("/menu")).message_id

    for button in ("settings", "kept", "!back", "!menu"):
        assert (await brahim.taps(button)).message_id == menu

    assert len([shown for shown in brahim.person.chat if shown.from_bot]) == 2


@one_database
async def test_who_blocks_the_bot_is_left_in_peace_until_they_come_back(
    telegram: FakeTelegram, driss: Phone
) -> None:
    brahim = await with_visit(telegram, "Brahim")
    news = await driss.finds("📥")
    await brahim.person.blocks()
    await telegram.drained()
    sent = len(calls_to(brahim))

    assert (await driss.taps_in(news, "confirm")).text.startswith("Confirmed:")
    await brahim.person.unblocks()
    await brahim.says("/start")
    card = await brahim.taps("my_visits", FIRST)

    assert "⏳" not in card.text
    assert len(calls_to(brahim)) == sent + 3


@one_database
async def test_commands_are_listed_by_language_and_by_role(
    telegram: FakeTelegram, service: ServiceProcess, driss: Phone, karim: Phone
) -> None:
    texts = load_texts()
    everybodys = {("default", phone_language) for phone_language in PHONE_LANGUAGES}
    await telegram.until(lambda: everybodys <= telegram.commands.keys(), WAIT_S, "everybody's commands")
    for phone_language, language in PHONE_LANGUAGES.items():
        listed = dict(telegram.commands["default", phone_language])
        assert tuple(listed) == EVERYBODYS
        assert listed["menu"] == texts[language].gettext("Show the menu")

    def listed_for(phone: Phone) -> dict[str, str]:
        return dict(telegram.commands.get((f"chat:{phone.id}", ""), ()))

    def all_listed() -> bool:
        mine, his = tuple(listed_for(karim)), tuple(listed_for(driss))
        return (mine, his) == (STAFFS[Role.MANAGER], STAFFS[Role.CASEWORKER])

    await telegram.until(all_listed, WAIT_S, "the commands of both roles")
    await driss.says("/language")
    await driss.taps("fr")
    in_french = texts["fr"].gettext("Today's visits")
    await telegram.until(lambda: listed_for(driss)["today"] == in_french, WAIT_S, "the commands in French")


@one_database
async def test_a_group_is_answered_politely_and_nothing_of_it_is_kept(
    telegram: FakeTelegram, service: ServiceProcess, brahim: Phone
) -> None:
    in_group = telegram.group().member(brahim.person)

    await in_group.says("/start")

    answer = await in_group.next_message(WAIT_S)
    assert answer.text.startswith(PRIVATE_CHATS_ONLY)
    assert answer.rows == ()
    assert "👋" in (await brahim.says("/start")).text


@pytest.mark.parametrize("pace", [AT_TELEGRAMS_PACE], ids=["paced"])
async def test_an_announcement_is_counted_sent_watched_and_stopped(
    telegram: FakeTelegram, karim: Phone
) -> None:
    wanting, blocked, unasked = await asyncio.gather(
        asyncio.gather(*(enrolled(telegram, f"Reader {n}", consent="agree_news") for n in range(4))),
        enrolled(telegram, "Amina", consent="agree_news"),
        enrolled(telegram, "Chama"),
    )
    await blocked.person.blocks()
    await telegram.drained()
    await karim.says("/broadcast")
    await karim.taps("everyone", "en")
    preview = await karim.says("Training begins on Monday.")
    assert "It goes to 4 people." in preview.text
    wanting[0].person.blocks_unnoticed()
    untouched = len(calls_to(blocked)), len(calls_to(unasked))

    watched = [await karim.taps("send")]
    while not watched[-1].text.startswith("✅ The announcement has gone to everybody."):
        watched.append(await karim.sees())

    progress = [shown for shown in watched if "Sent:" in shown.text]
    assert len({shown.message_id for shown in progress}) == 1
    assert progress[0].edits == 0
    assert progress[-1].edits >= 1
    assert "Sent: 3 of 4\nBlocked the service: 1" in progress[-1].text
    assert (len(calls_to(blocked)), len(calls_to(unasked))) == untouched

    for reader in wanting[1:]:
        assert "Training begins on Monday." in (await reader.sees()).text
    assert (await wanting[1].taps("!stop")).text.startswith("🔕 Done.")
    await karim.says("/broadcast")
    await karim.taps("everyone", "en")
    assert "It goes to 2 people." in (await karim.says("More news.")).text
