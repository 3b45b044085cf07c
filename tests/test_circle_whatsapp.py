"""The whole circle on WhatsApp: the real process, a real database and real HTTP, people with phones.

The caseworker has Telegram, as staff may. Run with `--junit-xml` it notes how long a webhook waits for its
200; no test depends on it.
"""

import asyncio
import json
import re
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.channels.whatsapp_templates import templates_of
from bot.texts import load_texts
from bot.zone import NAME, casablanca
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.texts import LANGUAGES
from storage.database import Database
from storage.encryption import KeyRing
from tests.fake_graph import FakeGraph
from tests.fake_telegram import FakeTelegram
from tests.fake_telegram import Shown as TelegramShown
from tests.service import ServiceProcess
from tests.telegram_people import Phone as TelegramPhone
from tests.telegram_people import ids as telegram_ids
from tests.whatsapp_people import (
    FIRST,
    KEYS,
    WAIT_S,
    WEBHOOK_PATH,
    Phone,
    bodies_to,
    ids,
    offered,
    settings_with,
)

# From the menu on: "book a visit", what for, where (the first is Agadir), the second day, what time, yes.
BOOKING: tuple[str | int, ...] = (FIRST, "papers", FIRST, 1, FIRST, "yes")
MAX_BODY_BYTES = 3 * 1024 * 1024

one_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
async def service(graph: FakeGraph, database_url: str, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """A service with WhatsApp alone."""
    async with ServiceProcess(tmp_path, settings_with(graph, database_url)) as service:
        await graph.subscribe(service.url + WEBHOOK_PATH)
        yield service


@pytest.fixture
def amina(graph: FakeGraph) -> Phone:
    return Phone(graph, graph.person("Amina"))


async def enrolled(graph: FakeGraph, language: str = "en") -> Phone:
    """Return somebody who has come as far as the menu."""
    phone = Phone(graph, graph.person("Amina"))
    await phone.says("سلام")
    await phone.taps(language, "agree")
    return phone


@pytest.mark.parametrize(
    ("backend", "language"), [("sqlite", "fr"), ("postgresql", "ar")], indirect=["backend"]
)
async def test_a_visit_goes_round_the_circle(
    graph: FakeGraph,
    on_both: ServiceProcess,
    driss: TelegramPhone,
    language: str,
    amina: Phone,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    texts = load_texts()[language]
    languages = await amina.says("سلام")
    assert ids(languages) == [each.code for each in LANGUAGES]
    consent = await amina.taps(language)
    assert {"agree", "refuse"} <= set(ids(consent))
    menu = await amina.taps("agree")
    assert texts.pgettext("button", "📅 Book a visit") in offered(menu)
    booked = await amina.taps(*BOOKING)

    assert amina.taps_done == 8
    assert booked.text.startswith(texts.gettext("✅ The centre has your request."))
    news = await driss.finds("📥 Somebody asks for a visit.")
    assert telegram_ids(news) == ["confirm", "propose", "call"]
    assert (await driss.taps_in(news, "confirm")).text.startswith("Confirmed: visit ")
    confirmed = await amina.sees()
    assert confirmed.text.startswith(texts.gettext("✅ Your time is confirmed."))

    await graph.drained(WAIT_S)
    assert {answer.status for answer in graph.webhook_answers} == {200}
    median_ms = statistics.median(answer.took_s for answer in graph.webhook_answers) * 1000
    record_testsuite_property(f"whatsapp_webhook_median_ms_{language}", round(median_ms, 1))


async def with_code(phone: TelegramPhone) -> str:
    """Come as far as the menu on Telegram, and return a code that joins another app."""
    await phone.says("/start")
    await phone.taps("en", "agree")
    told = await phone.taps("settings", "addresses", "link")
    code = re.search(r"\d[\d ]+\d", told.text)
    assert code is not None
    return code[0]


@one_database
async def test_a_conversation_begun_on_telegram_is_finished_on_whatsapp(
    graph: FakeGraph, telegram: FakeTelegram, on_both: ServiceProcess
) -> None:
    on_telegram = TelegramPhone(telegram, telegram.user(first_name="Brahim"))
    code = await with_code(on_telegram)
    await on_telegram.says("/menu")
    question = await on_telegram.taps("booking", "job")

    on_whatsapp = Phone(graph, graph.person("Brahim"))
    await on_whatsapp.says(code)
    joined = await on_whatsapp.taps("yes")
    assert question.text in joined.text
    booked = await on_whatsapp.taps("Salé", 1, FIRST, "yes")

    assert booked.text.startswith("✅ The centre has your request.")
    await on_telegram.finds("Your conversation now goes on elsewhere, too")
    await on_telegram.says("/menu")
    assert "You have 1 visit ahead." in (await on_telegram.taps("my_visits")).text


@one_database
async def test_eight_taps_lead_to_a_visit_in_every_language(
    graph: FakeGraph, service: ServiceProcess
) -> None:
    async def books(language: str, at: int) -> None:
        phone = Phone(graph, graph.person("Amina"))
        texts = load_texts()[language]
        await phone.says("سلام")

        booked = await phone.taps(language, "agree", FIRST, "papers", FIRST, 1, at, "yes")

        assert phone.taps_done == 8
        assert booked.text.partition("\n")[0] == texts.gettext("✅ The centre has your request.")
        assert booked.labels == [
            texts.pgettext("button", label) for label in ("📆 To my calendar", "🏠 Menu")
        ]

    await asyncio.gather(*(books(language.code, at) for at, language in enumerate(LANGUAGES)))


# After 24 hours


async def with_request(graph: FakeGraph, driss: TelegramPhone) -> tuple[Phone, TelegramShown]:
    """Return somebody who asked for a visit, wrote nothing for 25 hours, and what the caseworker was told.

    Only Meta knows of the hours, so the service learns of them by the error.
    """
    amina = await enrolled(graph, "fr")
    await amina.taps(*BOOKING)
    news = await driss.finds("📥 Somebody asks for a visit.")
    await graph.drained(WAIT_S)
    assert amina.person.wrote_at is not None
    amina.person.wrote_at -= timedelta(hours=25)
    return amina, news


def forgives_the_window(graph: FakeGraph) -> None:
    """Take off the list that a message came once too late, as it must when only Meta knew."""
    assert [refusal.code for refusal in graph.refusals] == [131047]
    graph.refusals.clear()


@one_database
async def test_a_template_brings_the_news_and_its_button_leads_back(
    graph: FakeGraph, on_both: ServiceProcess, driss: TelegramPhone
) -> None:
    for template in templates_of(load_texts()):
        graph.add_template(dict(template.submission()), "PENDING")
    async with graph.together():
        for name, language in graph.templates:
            await graph.set_template_status(name, language, "APPROVED")
    amina, news = await with_request(graph, driss)
    french = load_texts()["fr"]

    await driss.taps_in(news, "confirm")
    told = await amina.sees()

    assert told.kind == "template"
    assert french.gettext("✅ Your time is confirmed.") in told.text
    assert ids(told) == ["coming", "change", "cancel"]
    forgives_the_window(graph)
    assert (await amina.taps("coming")).text.startswith("👍")
    assert "coming" in (await driss.finds("👍 Somebody says they are coming.")).text


@one_database
async def test_without_a_template_a_caseworker_gets_a_task(
    graph: FakeGraph, on_both: ServiceProcess, driss: TelegramPhone
) -> None:
    amina, news = await with_request(graph, driss)
    seen = len(amina.person.chat)

    await driss.taps_in(news, "confirm")

    task = await driss.finds("📵 A message can't reach somebody.")
    assert load_texts()["fr"].gettext("✅ Your time is confirmed.") in task.text
    assert len(amina.person.chat) == seen
    forgives_the_window(graph)


@one_database
async def test_what_meta_could_not_bring_goes_to_the_persons_other_app(
    graph: FakeGraph, telegram: FakeTelegram, on_both: ServiceProcess, driss: TelegramPhone
) -> None:
    on_telegram = TelegramPhone(telegram, telegram.user(first_name="Brahim"))
    code = await with_code(on_telegram)
    on_whatsapp = Phone(graph, graph.person("Brahim"))
    await on_whatsapp.says(code)
    await on_whatsapp.taps("yes")
    await on_whatsapp.says("menu")
    await on_whatsapp.taps(*BOOKING)
    news = await driss.finds("📥 Somebody asks for a visit.")
    on_whatsapp.person.is_unreachable = True

    await driss.taps_in(news, "confirm")

    assert "Your time is confirmed." in (await on_telegram.finds("✅")).text


# What is wrong at the door


@one_database
async def test_the_door_is_shut_to_what_meta_did_not_sign(
    graph: FakeGraph, service: ServiceProcess, amina: Phone
) -> None:
    forged = json.dumps({"object": "whatsapp_business_account", "entry": []}).encode()

    assert await graph.post(forged, signature="") == 401
    assert await graph.post(forged, signature="sha256=" + "0" * 64) == 401
    assert await graph.post(forged + b" ", signature=graph.sign(forged)) == 401
    assert await graph.post(forged, signature=graph.sign(forged).removeprefix("sha256=")) == 401

    assert "👋" in (await amina.says("سلام")).text
    assert "whatsapp_webhook_refused" in service.logs


@one_database
async def test_what_is_too_large_or_broken_stops_nothing(
    graph: FakeGraph, service: ServiceProcess, amina: Phone
) -> None:
    # Meta's own limit for a call; a letter more is not Meta's.
    assert await graph.post(b"[" + b" " * (MAX_BODY_BYTES - 2) + b"]") == 200
    assert await graph.post(b"x" * (MAX_BODY_BYTES + 1)) == 413
    for broken in (b"", b"{", b"\xff\xfe", b"null", b"[[1]]", b'{"entry": 7}', b"[" * 100_000):
        assert await graph.post(broken) == 200

    assert "👋" in (await amina.says("سلام")).text


@one_database
async def test_another_numbers_messages_are_not_answered(
    graph: FakeGraph, service: ServiceProcess, amina: Phone
) -> None:
    ours, graph.phone_number_id = graph.phone_number_id, "999"
    await amina.person.says("سلام")
    await graph.drained(WAIT_S)
    graph.phone_number_id = ours

    assert "👋" in (await amina.says("سلام")).text
    assert len(bodies_to(amina)) == 1


# What platforms do


@one_database
async def test_the_same_message_twice_is_answered_once(graph: FakeGraph, service: ServiceProcess) -> None:
    amina = await enrolled(graph)
    *before_yes, _ = BOOKING
    await amina.taps(*before_yes)
    tap = await amina.presses("yes")
    await amina.finds("✅ The centre has your request.")
    sent = len(bodies_to(amina))

    await graph.deliver_again(tap)
    await graph.drained(WAIT_S)
    menu = await amina.says("menu")

    assert len(bodies_to(amina)) == sent + 1
    assert "my_visits" in ids(menu)
    assert "You have 1 visit ahead." in (await amina.taps("my_visits")).text


@one_database
async def test_many_messages_in_one_post_are_all_answered(graph: FakeGraph, service: ServiceProcess) -> None:
    phones = [Phone(graph, graph.person("Amina")) for _ in range(12)]

    async with graph.in_one_change():
        for phone in phones:
            await phone.person.says("سلام")

    for phone in phones:
        assert "👋" in (await phone.sees()).text
    assert [answer.items for answer in graph.webhook_answers if answer.items > 1] == [12]


@one_database
async def test_statuses_in_any_order_and_for_nobody_stop_nothing(
    graph: FakeGraph, service: ServiceProcess, amina: Phone
) -> None:
    graph.automatic = ()
    shown = await amina.says("سلام")

    async with graph.out_of_order():
        for status in ("sent", "delivered", "read"):
            await graph.tell_status(shown.message_id, status)
    unknown = {"id": "wamid.404", "status": "delivered", "timestamp": graph.timestamp(), "recipient_id": "1"}
    await graph.push("messages", {"statuses": [unknown, {"id": "wamid.404", "status": "played"}]})
    await graph.push("a_field_of_next_year", {"event": "NEW"})
    await graph.drained(WAIT_S)

    assert {answer.status for answer in graph.webhook_answers} == {200}
    assert "agree" in ids(await amina.taps("en"))


async def test_what_was_answered_200_outlives_a_kill(
    graph: FakeGraph, service: ServiceProcess, amina: Phone
) -> None:
    graph.hang_next()
    await amina.person.says("سلام")
    await graph.called("messages", timeout_s=WAIT_S)

    await service.kill()
    await service.start()

    assert "👋" in (await amina.sees()).text
    await graph.drained(WAIT_S)
    assert [answer.status for answer in graph.webhook_answers].count(200) >= 1


@one_database
async def test_an_answer_that_meta_could_not_take_comes_later(
    graph: FakeGraph, service: ServiceProcess, amina: Phone
) -> None:
    graph.fail_next(code=131016)
    graph.fail_next(code=130429)

    assert "👋" in (await amina.says("سلام")).text
    assert len(graph.calls_of("messages")) == 3


# What people do


@one_database
async def test_somebody_without_a_number_is_served(graph: FakeGraph, service: ServiceProcess) -> None:
    nameless = Phone(graph, graph.person("Amina", user_id="MA.13491208655302741918"))
    old = Phone(graph, graph.person("Amina", phone="212600000077"))

    await nameless.says("سلام")
    await old.says("سلام")

    assert "agree" in ids(await nameless.taps("en"))
    assert "agree" in ids(await old.taps("en"))
    assert {call.body.get("recipient") for call in bodies_to(nameless)} == {"MA.13491208655302741918"}
    assert {call.body.get("to") for call in bodies_to(old)} == {"212600000077"}


@one_database
async def test_a_shared_location_puts_the_right_centre_first(
    graph: FakeGraph, service: ServiceProcess
) -> None:
    amina = await enrolled(graph)
    asked = await amina.taps("nearest")
    assert asked.kind == "location_request"

    shown = await amina.shares_location(34.26, -6.58)

    assert "Salé" in shown.text.partition("\n")[0]
    assert offered(shown)[0] == "Salé"


@one_database
async def test_anything_at_all_gets_an_answer_in_ones_language(
    graph: FakeGraph, service: ServiceProcess
) -> None:
    french = load_texts()["fr"]
    not_heard = french.gettext(
        "I can't listen or look here yet. Choose a button, or “Talk to a person” and send it there."
    )
    not_understood = french.gettext("I did not understand. Please choose one of the buttons.")

    async def shows(answer: str, send: Callable[[Phone], Awaitable[str]]) -> None:
        phone = await enrolled(graph, "fr")
        await send(phone)
        shown = await phone.sees()
        assert shown.text.startswith(answer)
        assert french.pgettext("button", "📅 Book a visit") in offered(shown)

    await asyncio.gather(
        shows(not_heard, lambda phone: phone.person.sends_sticker()),
        shows(not_heard, lambda phone: phone.sends_voice()),
        shows(not_heard, lambda phone: phone.person.sends_photo()),
        shows(not_heard, lambda phone: phone.person.sends_document()),
        shows(not_heard, lambda phone: phone.person.sends_unsupported()),
        shows(not_understood, lambda phone: phone.person.says("ب" * 4096)),
        shows(not_understood, lambda phone: phone.person.says("🙏🏽👨‍👩‍👧")),
    )


@one_database
async def test_what_asks_for_no_answer_gets_none(graph: FakeGraph, service: ServiceProcess) -> None:
    amina = await enrolled(graph)
    menu = next(shown for shown in reversed(amina.person.chat) if shown.from_service)
    sent = len(bodies_to(amina))

    await amina.person.reacts(menu.message_id)
    await amina.person.sends_unknown()
    await graph.drained(WAIT_S)
    await amina.says("menu")

    assert len(bodies_to(amina)) == sent + 1


@one_database
async def test_a_language_switched_half_way_leads_back_to_the_same_question(
    graph: FakeGraph, service: ServiceProcess
) -> None:
    amina = await enrolled(graph, "fr")
    in_french = await amina.taps(*BOOKING[:3])

    await amina.says("langue")
    in_arabic = await amina.taps("ar")

    question = "Which day suits you? Centre: {city}"
    for shown, language in [(in_french, "fr"), (in_arabic, "ar")]:
        assert load_texts()[language].gettext(question).partition("{city}")[0] in shown.text
    assert len(offered(in_arabic)) == len(offered(in_french))


@one_database
async def test_a_tap_on_an_old_list_shows_where_we_are(graph: FakeGraph, service: ServiceProcess) -> None:
    amina = await enrolled(graph, "ar")
    arabic = load_texts()["ar"]
    what_for = await amina.taps(FIRST)
    times = await amina.taps("papers", FIRST, 1)

    shown = await amina.taps_in(what_for, "health")

    older = "That button was from an older message. Here is where we are now."
    assert shown.text.startswith(arabic.gettext(older))
    assert ids(shown) == ids(times)


@one_database
async def test_choices_that_stand_in_the_text_may_be_typed_in_any_digits(
    graph: FakeGraph, service: ServiceProcess
) -> None:
    amina = await enrolled(graph, "ar")
    where = await amina.taps(FIRST, "papers")
    assert where.buttons == ()

    days = await amina.says("٩")

    assert offered(where)[8] in days.text


@one_database
async def test_no_text_number_or_token_stands_in_the_logs(
    graph: FakeGraph, service: ServiceProcess, amina: Phone
) -> None:
    await amina.says("mot-secret-de-personne")
    graph.fail_next(code=190)
    await amina.says("encore")
    await graph.drained(WAIT_S)
    await service.stop()

    assert "service_started" in service.logs
    secrets = [graph.token, graph.app_secret, graph.verify_token, "mot-secret-de-personne", "wamid."]
    for secret in [*secrets, amina.person.phone, amina.person.user_id]:
        assert secret is not None
        assert secret not in service.logs


async def test_a_crowd_is_written_to_no_faster_than_the_number_may(
    graph: FakeGraph, engine: AsyncEngine, database_url: str, tmp_path: Path
) -> None:
    """Twenty are due at once. The server judges by when messages arrive, not by when they left."""
    graph.per_second = 8
    crowd = [Phone(graph, graph.person(f"Amina {number}")) for number in range(20)]
    database = Database(engine, KeyRing.from_text(KEYS), zone=casablanca(), zone_name=NAME)
    async with database.transaction() as unit:
        for phone in crowd:
            phone.person.wrote_at = now = datetime.now(UTC)
            _, address_id = await unit.addresses.find_or_create("whatsapp", phone.external_id, now=now)
            await unit.outbox.add(
                address_id=address_id, channel="whatsapp", purpose=Purpose.VISIT, now=now,
                key=phone.external_id, message=OutboundMessage("Rendez-vous", "fr"),
            )  # fmt: skip

    settings = {**settings_with(graph, database_url), "WHATSAPP_PER_SECOND": "5"}
    async with ServiceProcess(tmp_path, settings):
        for phone in crowd:
            assert (await phone.sees()).text == "Rendez-vous"

    # The fixture asserts that nothing was refused: neither with 130429 nor otherwise.
    assert len(graph.calls_of("messages")) == len(crowd)


@one_database
@pytest.mark.parametrize(("setting", "changes"), [({}, [2000]), ({"WHATSAPP_DAILY_PEOPLE": "7"}, [])])
async def test_the_platform_says_how_many_people_unless_the_setting_does(
    graph: FakeGraph, database_url: str, tmp_path: Path, setting: dict[str, str], changes: list[int]
) -> None:
    graph.tier_name = "TIER_2K"
    settings = {**settings_with(graph, database_url), **setting}
    async with ServiceProcess(tmp_path, settings) as service:
        await graph.subscribe(service.url + WEBHOOK_PATH)
        await Phone(graph, graph.person("Amina")).says("سلام")
        assert await service.stop() == 0

    lines = [json.loads(line) for line in service.logs.splitlines() if "whatsapp_limit_changed" in line]
    assert [line["people"] for line in lines] == changes
