"""The web chat over real HTTP and websockets; the test plays the turns."""

import re
from datetime import timedelta

import aiohttp
import pytest
from sqlalchemy import select

from bot.channels.webchat import start_frame
from bot.http.chat import MOST_FRAME_CHARACTERS, MOST_LINES, TOO_BIG, Pace
from conversations.engine.reply import Command, Tap, Text
from storage.database import Database
from storage.tables import inbox
from tests.bot.http.web import NOW, Browser, Page, Serve, Web, say, texts_of
from tests.fakes import MovableClock

# ---- Who is it


async def test_a_new_person_gets_a_secret_of_their_own(web: Web) -> None:
    chama, amina = await web.browser(), await web.browser()

    async with chama.session.get("/chat") as answer:
        cookie = answer.headers["Set-Cookie"]
    await amina.session.get("/chat")

    assert re.fullmatch(
        r"jisr=[A-Za-z0-9_-]{43}; HttpOnly; Max-Age=31536000; Path=/; SameSite=strict", cookie
    )
    assert chama.token != amina.token


async def test_outside_this_machine_the_secret_travels_encrypted_only(web: Web, chama: Browser) -> None:
    async with chama.session.get("/chat", headers={"Host": "jisr.example.org"}) as answer:
        cookie = answer.headers["Set-Cookie"]

    assert cookie.startswith("__Host-jisr=")
    assert "; Secure" in cookie


async def test_a_person_who_comes_back_is_the_same(web: Web, chama: Browser) -> None:
    await chama.session.get("/chat")
    token = chama.token

    await chama.session.get("/chat")

    assert chama.token == token


async def test_a_made_up_secret_of_another_shape_is_replaced(chama: Browser) -> None:
    async with chama.session.get("/chat", cookies={"jisr": "x"}) as answer:
        assert "jisr=" in answer.headers["Set-Cookie"]


async def test_a_link_on_another_site_asks_again_before_anybody_is_new(web: Web, chama: Browser) -> None:
    """Browsers hold strict cookies back from such a link: who follows it may be known all the same."""
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}

    async with chama.session.get("/chat?start=a%22b", headers=from_elsewhere) as answer:
        assert "Set-Cookie" not in answer.headers
        page = await answer.text()

    again = re.search(r'http-equiv="refresh" content="0;url=(/chat\?[^"]*)"', page)
    assert again
    async with chama.session.get(again[1].replace("&amp;", "&"), headers=from_elsewhere) as answer:
        assert "Set-Cookie" in answer.headers
        assert answer.url.query["start"] == 'a"b'


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", ""])
async def test_no_other_sites_page_gets_a_line(origin: str, web: Web, chama: Browser) -> None:
    await chama.session.get("/chat")

    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await chama.session.ws_connect("/ws", headers={"Origin": origin} if origin else {})

    assert refusal.value.status == 403


async def test_without_a_secret_there_is_no_line(chama: Browser) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await chama.connects()

    assert refusal.value.status == 403


async def test_behind_a_proxy_the_public_address_counts(serve: Serve, database: Database) -> None:
    public = {"JISR_WEB_CHAT": "on", "PUBLIC_URL": "https://jisr.example.org"}
    web = await serve(database, MovableClock(NOW), **public)
    chama = await web.browser()
    await chama.session.get("/chat")

    page = await chama.connects(origin="https://jisr.example.org")

    await page.begins()


async def test_after_everything_was_deleted_the_next_to_open_the_page_is_somebody_new(
    web: Web, chama: Browser, page: Page
) -> None:
    """Phones are shared: not even the last word is left for the next to read."""
    token = chama.token
    async with web.database.transaction() as unit:
        contact, address_id = await unit.addresses.find_or_create("webchat", token, now=NOW)
    await web.writes_to(address_id, say("Votre rendez-vous est demain."))
    assert await page.said() == "Votre rendez-vous est demain."
    async with web.database.transaction() as unit:
        await unit.contacts.erase(contact.id, at=NOW)
    await web.writes_to(address_id, say("Tout est effacé."))
    assert await page.said() == "Tout est effacé."
    # The open page is emptied too, but for that word.
    await page.begins()
    assert [item["text"] for item in page.history] == ["Tout est effacé."]

    new_page = await chama.opens()

    assert chama.token != token
    assert new_page.history == []


# ---- What a page sends


async def test_the_first_connection_says_that_somebody_came_in(web: Web, chama: Browser) -> None:
    page = await chama.opens()
    await page.leaves()
    await chama.opens()

    inbound = await web.next_inbound()

    assert inbound
    assert (inbound.external_id, inbound.reply, inbound.language_hint) == (
        chama.token,
        Command("start", ""),
        "fr-MA",
    )
    assert await web.next_inbound() is None


async def test_who_brings_an_invitation_comes_in_with_it_alone(web: Web, chama: Browser) -> None:
    page = await chama.opens(start="")
    await page.sends({"type": "start", "payload": "invite-1"})
    assert (await page.receives("stored"))["ref"] == start_frame("invite-1")["ref"]

    inbound = await web.next_inbound()

    assert inbound
    assert inbound.reply == Command("start", "invite-1")
    assert await web.next_inbound() is None


async def test_words_are_stored_before_they_are_acknowledged(web: Web, chama: Browser, page: Page) -> None:
    await page.types("Je ne peux pas venir")

    inbound = await web.next_inbound()

    assert inbound
    assert (inbound.external_id, inbound.reply) == (chama.token, Text("Je ne peux pas venir"))


async def test_what_names_a_person_is_not_readable_in_the_inbox(web: Web, chama: Browser, page: Page) -> None:
    await page.types("Je suis Chama", ref="r1")

    async with web.database.reading() as unit:
        rows = (await unit.connection.execute(select(inbox))).all()

    assert rows[-1].update_key.endswith(":r1")
    assert chama.token not in repr(rows)
    assert "Chama" not in repr(rows)


async def test_the_same_ref_again_is_acknowledged_and_stored_once(web: Web, chama: Browser) -> None:
    page = await chama.opens()
    await page.types("Bonjour", ref="r1")
    await page.leaves()

    page = await chama.opens()
    await page.types("Bonjour", ref="r1")

    assert texts_of(page.history) == ["Bonjour"]
    assert [await web.next_inbound() is None for _ in range(3)] == [False, False, True]


async def test_a_tap_comes_with_the_message_it_was_on(web: Web, page: Page, chama: Browser) -> None:
    await web.says(chama.token, say("D’accord ?", "Oui", prompt="p2"))
    shown = await page.receives("message")
    assert shown["choices"] == [{"id": "c1", "label": "Oui"}]

    await page.sends(
        {
            "type": "tap", "prompt_no": shown["prompt_no"], "message": shown["id"],
            "choice": "c1", "label": "Oui", "ref": "r1",
        }
    )  # fmt: skip

    echo = await page.receives("echo")
    assert (echo["text"], echo["clock"], echo["ref"]) == ("Oui", "09:00", "r1")
    inbound = await web.next_inbound()
    assert inbound
    assert (inbound.reply, inbound.message_ref) == (Tap("p2", "c1"), str(shown["id"]))
    await web.says(chama.token, say("Quel jour ?", edits=inbound.message_ref))
    assert (await page.receives("message"))["replaces"] == shown["id"]


async def test_a_frame_that_makes_no_sense_costs_nothing(web: Web, page: Page) -> None:
    for nonsense in ("{", "[]", '{"type":"text","ref":1}'):
        await page.line.send_str(nonsense)
        await page.receives("refused")
    await page.line.send_bytes(b"\x00")
    await page.receives("refused")

    await page.types("Bonjour")

    inbound = await web.next_inbound()
    assert inbound
    assert inbound.reply == Text("Bonjour")


async def test_a_frame_beyond_all_measure_ends_the_line(page: Page) -> None:
    await page.line.send_str("x" * (MOST_FRAME_CHARACTERS + 1))

    assert await page.ends() == TOO_BIG


async def test_one_person_has_so_many_lines_and_no_more(chama: Browser) -> None:
    pages = [await chama.opens() for _ in range(MOST_LINES)]

    with pytest.raises(aiohttp.WSServerHandshakeError):
        await chama.connects()

    await pages[0].leaves()
    await pages[1].types("Encore là")


def test_who_writes_too_fast_waits_and_is_heard() -> None:
    pace = Pace()

    at_once = [pace.wait_s(100.0) for _ in range(Pace.INPUTS)]
    too_fast = [pace.wait_s(104.0), pace.wait_s(104.0)]
    later = pace.wait_s(125.0)

    assert at_once == [0.0] * Pace.INPUTS
    assert too_fast == [6.0, 6.0]
    assert later == 0.0


# ---- What a page is shown


async def test_a_message_arrives_at_once_and_is_delivered_when_seen(
    web: Web, chama: Browser, page: Page
) -> None:
    address_id = await web.says(chama.token, say("Bonjour Chama"))

    message = await page.receives("message")
    assert (message["text"], message["at"], message["clock"]) == (
        "Bonjour Chama",
        "2026-11-23T09:00:00+00:00",
        "09:00",
    )
    await page.sends({"type": "shown", "id": message["id"]})
    await web.reports(address_id, "delivered")


async def test_nobody_reports_on_anothers_messages(web: Web, chama: Browser, page: Page) -> None:
    amina = await web.browser()
    her_page = await amina.opens()
    hers = await web.answers(say("Bonjour Amina"))
    foreign = (await her_page.receives("message"))["id"]
    await web.reports(hers, "sent")
    address_id = await web.says(chama.token, say("Bonjour Chama"))
    shown = await page.receives("message")

    await page.sends({"type": "shown", "id": foreign})
    await page.sends({"type": "shown", "id": shown["id"]})

    await web.reports(address_id, "delivered")
    assert await web.statuses(hers) == ["sent"]


async def test_what_was_said_while_nobody_looked_stands_in_the_history(
    web: Web, chama: Browser, page: Page
) -> None:
    await page.leaves()
    address_id = await web.says(chama.token, say("Rappel"), say("Encore un rappel"))
    assert await web.statuses(address_id) == ["created", "created"]

    page = await chama.opens()

    assert texts_of(page.history) == ["Rappel", "Encore un rappel"]
    await web.says(chama.token, say("Le dernier"))
    assert await page.said() == "Le dernier"
    await web.reports(address_id, "sent", "sent", "sent")


async def test_the_history_keeps_the_order_in_which_things_were_said(
    serve: Serve, database: Database
) -> None:
    clock = MovableClock(NOW)
    web = await serve(database, clock, JISR_WEB_CHAT="on")
    chama = await web.browser()
    page = await chama.opens()
    await web.answers(say("Bonjour", "Aide", prompt="p1"), language="fr")
    question = await page.receives("message")
    clock.moves_on(timedelta(minutes=1))
    await page.sends({"type": "tap", "prompt_no": "p1", "choice": "c1", "label": "Aide", "ref": "r1"})
    await page.receives("stored")
    clock.moves_on(timedelta(seconds=1))
    await web.answers(say("Quelle ville ?"))
    assert await page.said() == "Quelle ville ?"
    clock.moves_on(timedelta(minutes=1))
    await page.types("Salé", ref="r2")
    await page.sends({"type": "location", "latitude": 34.0, "longitude": -6.8, "ref": "r3"})
    await page.receives("stored")
    await page.leaves()

    page = await chama.opens()

    assert texts_of(page.history) == [
        "Bonjour", "Aide", "Quelle ville ?", "Salé", "[fr] 📍 Share my location"
    ]  # fmt: skip
    assert page.history[0] == question
    assert page.history[1] == {"type": "echo", "text": "Aide", "clock": "09:01", "ref": "r1"}


async def test_two_windows_of_one_person_show_the_same(web: Web, chama: Browser, page: Page) -> None:
    other = await chama.opens()

    await page.types("Bonjour", ref="r1")
    await web.says(chama.token, say("Bonjour Chama"))

    assert (await other.receives("echo"))["ref"] == "r1"
    assert await page.said() == "Bonjour Chama"
    assert await other.said() == "Bonjour Chama"


async def test_the_page_speaks_the_browsers_language_until_another_is_chosen(
    web: Web, chama: Browser, page: Page
) -> None:
    assert (page.hello["language"], page.hello["direction"], page.hello["demo"]) == ("fr", "ltr", False)

    await web.says(chama.token, say("مرحبا", language="ary"), language="ary")

    hello = await page.receives("hello")
    assert (hello["language"], hello["direction"]) == ("ary", "rtl")
    assert hello["ui"]["today"] == "[ary] Today"
    assert await page.said() == "مرحبا"


async def test_an_announcement_stands_in_the_chat_with_a_button_to_stop_them(
    web: Web, chama: Browser, page: Page
) -> None:
    await web.agrees_to_news(chama.token)
    await page.leaves()

    await web.announces(fr="Nouvel atelier à Salé", ary="ورشة جديدة")
    page = await chama.opens()

    (message,) = page.history
    assert "Nouvel atelier à Salé" in message["text"]
    assert [choice["id"] for choice in message["choices"]] == ["!stop"]
    assert message["prompt_no"] is None


async def test_an_announcement_reaches_an_open_page(web: Web, chama: Browser, page: Page) -> None:
    await web.agrees_to_news(chama.token)
    await web.says(chama.token, say("Bonjour"))
    assert await page.said() == "Bonjour"

    await web.announces(fr="Nouvel atelier à Salé")

    assert "Nouvel atelier à Salé" in await page.said()


async def test_news_that_came_before_stop_are_no_longer_shown(web: Web, chama: Browser, page: Page) -> None:
    contact_id = await web.agrees_to_news(chama.token)
    await page.leaves()
    announcement_id = await web.announces(fr="Nouvel atelier à Salé")
    async with web.database.transaction() as unit:
        await unit.contacts.set_news(contact_id, False)

    page = await chama.opens()

    assert page.history == []
    await web.says(chama.token, say("Bonjour"))
    assert await page.said() == "Bonjour"
    async with web.database.reading() as unit:
        assert (await unit.announcements.progress(announcement_id)).dropped == 1


async def test_a_reminder_nobody_opened_the_page_for_in_time_is_not_shown(
    web: Web, chama: Browser, page: Page
) -> None:
    address_id = await web.says(chama.token, say("Bonjour"))
    assert await page.said() == "Bonjour"
    await page.leaves()
    await web.writes_to(address_id, say("Rendez-vous demain"), useful_until=web.clock.now())

    page = await chama.opens()

    assert texts_of(page.history) == ["Bonjour"]


async def test_a_line_ends_when_the_database_is_away_and_nothing_is_acknowledged(
    web: Web, page: Page
) -> None:
    web.loses_its_database()

    await page.sends({"type": "text", "text": "Bonjour", "ref": "r1"})

    assert await page.ends() == 1013


# ---- A page that several people use


async def test_who_takes_over_sees_nothing_of_who_was_there(serve: Serve, database: Database) -> None:
    clock = MovableClock(NOW)
    web = await serve(database, clock, JISR_WEB_CHAT="on")
    chama = await web.browser()
    page = await chama.opens()
    address_id = await web.answers(say("Bonjour Chama"), language="fr")
    assert await page.said() == "Bonjour Chama"
    await page.types("mes mots")
    await web.answers()
    clock.moves_on(timedelta(minutes=1))

    async with database.transaction() as unit:
        await unit.profiles.add(address_id, now=clock.now())
    await web.writes_to(address_id, say("Bonjour Zahra"))

    assert await page.said() == "Bonjour Zahra"
    # What stands on the open page goes, too.
    await page.begins()
    assert texts_of(page.history) == ["Bonjour Zahra"]
    assert texts_of((await chama.opens()).history) == ["Bonjour Zahra"]


async def test_a_page_that_has_locked_shows_nothing_again(serve: Serve, database: Database) -> None:
    clock = MovableClock(NOW)
    web = await serve(database, clock, JISR_WEB_CHAT="on")
    chama = await web.browser()
    page = await chama.opens()
    address_id = await web.answers(say("Bonjour Chama"), language="fr")
    assert await page.said() == "Bonjour Chama"
    async with database.transaction() as unit:
        contact, _ = await unit.addresses.find_or_create("webchat", chama.token, now=clock.now())
        await unit.profiles.set_pin(address_id, contact.id, "2468", now=clock.now())
    assert texts_of((await chama.opens()).history) == ["Bonjour Chama"]

    clock.moves_on(timedelta(minutes=16))

    assert texts_of((await chama.opens()).history) == []
