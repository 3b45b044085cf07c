"""The pages of the web chat, in a real browser, against a service that says what each test needs."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)

from tests.web_page.chromium import launch
from tests.web_page.fake_service import FakeService, echo, hello, message

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = {"width": 390, "height": 844}
SMALLEST_PHONE = {"width": 320, "height": 568}
WIDE = {"width": 1400, "height": 860}

Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await launch(playwright)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def service() -> AsyncIterator[FakeService]:
    async with FakeService() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser, service: FakeService) -> AsyncIterator[Open]:
    """Open a page on a phone of its own; at the end no page may have complained or left its host."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(said: ConsoleMessage) -> None:
        # A refused websocket is what some tests arrange, and the browser always reports it.
        if said.type in {"error", "warning"} and "WebSocket connection" not in said.text:
            complaints.append(said.text)

    def note_strangers(request: Request) -> None:
        if not request.url.startswith(service.url):
            complaints.append(request.url)

    async def open_page(path: str = "/chat", viewport: dict[str, int] = PHONE, **options: Any) -> Page:
        context = await browser.new_context(viewport=viewport, reduced_motion="reduce", **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = await context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", note_strangers)
        await page.goto(service.url + path)
        await service.connected()
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []


def bubbles(page: Page) -> Locator:
    return page.locator(".entry .text")


async def is_wider_than_its_window(page: Page) -> bool:
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth > innerWidth || scroller.scrollWidth > scroller.clientWidth"
        )
    )


async def test_darija_runs_from_right_to_left(service: FakeService, open_page: Open) -> None:
    service.greeting = hello("ary")
    service.history = [message(1, "شنو بغيتي؟", "ناخد رنديفو", "نهضر مع شي حد", lang="ary"), echo("سلام")]

    page = await open_page()

    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(page.locator("html")).to_have_attribute("lang", "ary")
    await expect(page.get_by_placeholder("كتب هنا…")).to_be_visible()
    said, own = page.locator(".service .bubble"), page.locator(".mine .bubble")
    await expect(said).to_have_attribute("dir", "rtl")
    said_box, own_box = await said.bounding_box(), await own.bounding_box()
    assert said_box is not None
    assert own_box is not None
    assert said_box["x"] + said_box["width"] > PHONE["width"] - 30
    assert own_box["x"] < 30


async def test_french_runs_from_left_to_right(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "Que voulez-vous faire ?", "Prendre rendez-vous"), echo("Bonjour")]

    page = await open_page()

    await expect(page.locator("html")).to_have_attribute("dir", "ltr")
    said_box = await page.locator(".service .bubble").bounding_box()
    own_box = await page.locator(".mine .bubble").bounding_box()
    assert said_box is not None
    assert own_box is not None
    assert said_box["x"] < 30
    assert own_box["x"] + own_box["width"] > PHONE["width"] - 30


async def test_a_line_in_another_script_runs_its_own_way_and_a_time_stays_with_its_message(
    service: FakeService, open_page: Open
) -> None:
    service.history = [
        message(1, "مرحبا! اختار اللغة\nBonjour !"),
        message(2, "الثلاثاء\n10:00\nAvenue Hassan II", lang="ary"),
    ]

    page = await open_page()

    lines = await page.locator(".text span").evaluate_all(
        "all => all.map((one) => [one.dir, one.textContent])"
    )
    assert lines == [["rtl", "مرحبا! اختار اللغة"], ["ltr", "Avenue Hassan II"]]
    await expect(bubbles(page).nth(1)).to_have_text("الثلاثاء\n10:00\nAvenue Hassan II")


async def test_another_language_turns_the_page_and_leaves_old_bubbles_as_they_were(
    service: FakeService, open_page: Open
) -> None:
    service.history = [message(1, "Choisissez votre langue.", "Français", "الدارجة")]
    page = await open_page()
    await expect(bubbles(page)).to_have_text(["Choisissez votre langue."])

    await service.say(hello("ary"), message(2, "مرحبا!", lang="ary"))

    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(page.get_by_role("button", name="صيفط", exact=True)).to_be_visible()
    directions = await page.locator(".bubble").evaluate_all("all => all.map((one) => one.dir)")
    assert directions == ["ltr", "rtl"]


async def test_a_message_takes_over_the_bubble_it_replaces(service: FakeService, open_page: Open) -> None:
    service.history = [
        message(1, "Bonjour"),
        message(2, "Menu", "Rendez-vous", "Aide"),
        message(3, "Rappel : demain"),
    ]
    page = await open_page()
    await page.get_by_role("button", name="Rendez-vous").click()
    await expect(bubbles(page)).to_have_text(["Bonjour", "Menu", "Rappel : demain", "Rendez-vous"])

    await service.say(message(4, "Quel jour ?", "Lundi", replaces=2))

    await expect(bubbles(page)).to_have_text(["Bonjour", "Quel jour ?", "Rappel : demain"])

    await service.say(message(5, "Quelle heure ?", "10:00", replaces=2))

    await expect(bubbles(page)).to_have_text(["Bonjour", "Quelle heure ?", "Rappel : demain"])


async def test_the_history_replaces_all_that_was_drawn(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "Bonjour"), echo("Salut")]
    page = await open_page()
    await expect(bubbles(page)).to_have_text(["Bonjour", "Salut"])

    await service.say({"type": "history", "items": [message(7, "Tout est effacé.")]})

    await expect(bubbles(page)).to_have_text(["Tout est effacé."])


async def test_a_reload_draws_the_same_talk_with_its_choices(service: FakeService, open_page: Open) -> None:
    service.history = [
        message(1, "D’accord ?", "Oui", "Non", at="2026-11-20T10:00:00+00:00"),
        echo("Oui", "ref-1"),
        message(2, "Quel jour ?", "Lundi", "Mardi"),
    ]

    page = await open_page()

    await expect(bubbles(page)).to_have_text(["D’accord ?", "Oui", "Quel jour ?"])
    await expect(page.get_by_role("button", name="Oui")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".newest .choice")).to_have_text(["Lundi", "Mardi"])
    await expect(page.locator(".day").first).to_have_text("vendredi 20 novembre")


async def test_each_message_is_reported_as_shown_once(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "Bonjour")]
    page = await open_page()
    assert (await service.received("shown"))["id"] == 1

    await service.say(message(2, "Rappel"), message(2, "Rappel"))

    assert (await service.received("shown"))["id"] == 2
    await expect(bubbles(page)).to_have_text(["Bonjour", "Rappel"])
    assert service.unread("shown") == []


async def test_an_echo_of_words_from_another_window_is_drawn(service: FakeService, open_page: Open) -> None:
    page = await open_page()

    await service.say(echo("Je suis Chama", "ref-of-the-other-window"))

    await expect(page.locator(".mine.received .text")).to_have_text(["Je suis Chama"])


async def test_markup_in_a_message_stays_text(service: FakeService, open_page: Open) -> None:
    attack = "<img src=x onerror=alert(1)>\n<b>gras</b>"
    service.history = [message(1, attack, "<i>bouton</i>"), echo("<script>alert(2)</script>")]

    page = await open_page()

    await expect(bubbles(page).first).to_have_text(attack)
    await expect(page.get_by_role("button", name="<i>bouton</i>")).to_be_visible()
    assert await page.locator("#log :is(img, b, i, script)").count() == 0
    assert "\n" in await bubbles(page).first.inner_text()


async def test_web_addresses_and_telephone_numbers_can_be_followed(
    service: FakeService, open_page: Open
) -> None:
    text = (
        "Voir (https://exemple.ma/a?b=1).\nTél. : +212 537-12-34-56 ou 05 37 12 34 56, le 05.10.2026 10:00, "
        "dossier AB0537123456, javascript:alert(1)"
    )
    service.history = [message(1, text)]

    page = await open_page()

    links = page.locator("#log a")
    await expect(links).to_have_text(["https://exemple.ma/a?b=1", "+212 537-12-34-56", "05 37 12 34 56"])
    targets = await links.evaluate_all("all => all.map((one) => one.href)")
    assert targets == ["https://exemple.ma/a?b=1", "tel:+212537123456", "tel:0537123456"]
    assert await links.first.get_attribute("rel") == "noopener noreferrer"
    await expect(bubbles(page)).to_have_text([text])


async def test_only_the_newest_question_looks_primary_and_old_buttons_still_work(
    service: FakeService, open_page: Open
) -> None:
    service.history = [message(1, "Menu", "Rendez-vous"), message(2, "Quel jour ?", "Lundi")]
    page = await open_page()
    await expect(page.locator(".newest .choice")).to_have_text(["Lundi"])

    await page.get_by_role("button", name="Rendez-vous").click()

    tap = await service.received("tap")
    assert (tap["prompt_no"], tap["message"], tap["choice"], tap["label"]) == (1, 1, "c1", "Rendez-vous")


async def test_a_tap_shows_at_once_and_counts_once(service: FakeService, open_page: Open) -> None:
    """The service is slow, and the finger is nervous."""
    service.is_confirming = False
    service.history = [message(1, "D’accord ?", "Oui", "Non")]
    page = await open_page()

    await page.get_by_role("button", name="Oui").dblclick()

    await expect(page.get_by_role("button", name="Oui")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".mine:not(.received) .text")).to_have_text(["Oui"])
    tap = await service.received("tap")
    assert service.unread("tap") == []

    await service.say({"type": "stored", "ref": tap["ref"]})

    await expect(page.locator(".mine.received .text")).to_have_text(["Oui"])


async def test_the_second_touch_of_a_double_tap_does_not_press_the_next_question(
    service: FakeService, open_page: Open
) -> None:
    """The next question came between the two touches, with its button under the same finger."""
    service.history = [message(1, "D’accord ?", "Oui"), message(2, "Effacer ?", "Effacer", "Garder")]
    page = await open_page()
    await expect(page.locator(".choice")).to_have_count(3)

    await page.evaluate(
        """() => {
            const touch = (button, clientY) =>
                button.dispatchEvent(
                    new PointerEvent("click", {pointerType: "touch", detail: 1, clientX: 90, clientY}));
            const [yes, erase, keep] = document.querySelectorAll(".choice");
            touch(yes, 300);
            touch(erase, 305);
            touch(keep, 400);
        }"""
    )

    assert (await service.received("tap"))["label"] == "Oui"
    assert (await service.received("tap"))["label"] == "Garder"
    await expect(page.locator(".mine.received .text")).to_have_text(["Oui", "Garder"])
    assert service.unread("tap") == []


async def test_what_was_written_without_a_connection_arrives_once_with_the_same_ref(
    service: FakeService, open_page: Open
) -> None:
    both = ["Je ne peux pas venir", "Appelez-moi"]
    service.is_confirming = False
    page = await open_page()
    await page.get_by_role("textbox").fill("Je ne peux pas venir")
    await page.keyboard.press("Enter")
    first = await service.received("text")
    service.is_refusing = True
    await service.drop()
    await expect(page.get_by_role("status")).to_have_text("Pas de connexion. Nous réessayons…")
    await page.get_by_role("textbox").fill("Appelez-moi")
    await page.keyboard.press("Enter")
    await expect(page.locator(".mine:not(.received) .text")).to_have_text(both)

    service.is_refusing, service.is_confirming = False, True

    again, second = await service.received("text"), await service.received("text")
    assert again == first
    assert second["text"] == "Appelez-moi"
    await expect(page.locator(".mine.received .text")).to_have_text(both)
    await expect(page.locator("html")).not_to_have_class(re.compile("offline"))


async def test_words_the_history_knows_are_neither_sent_nor_drawn_again(
    service: FakeService, open_page: Open
) -> None:
    """The service stored the words, and the line broke before it could say so."""
    service.is_confirming = False
    page = await open_page()
    await page.get_by_role("textbox").fill("Bonjour")
    await page.keyboard.press("Enter")
    stored = await service.received("text")
    service.history = [echo("Bonjour", stored["ref"]), message(1, "Bonjour Chama")]

    await service.drop()
    await service.connected()

    await expect(bubbles(page)).to_have_text(["Bonjour", "Bonjour Chama"])
    await expect(page.locator(".mine.received")).to_have_count(1)
    assert (await service.received("shown"))["id"] == 1
    assert service.unread("text") == []


async def test_an_invitation_is_sent_once_and_leaves_the_address(
    service: FakeService, open_page: Open
) -> None:
    page = await open_page("/chat?seat=caseworker&start=INVITE-1")
    assert (await service.received("start"))["payload"] == "INVITE-1"
    assert service.seats == ["caseworker"]

    await service.say(message(1, "Bonjour Driss"), seat="caseworker")
    await expect(page).to_have_url(re.compile(r"/chat\?seat=caseworker$"))
    await service.drop()
    await service.connected()
    await service.say(message(2, "De retour"), seat="caseworker")

    await expect(bubbles(page).last).to_have_text("De retour")
    assert service.unread("start") == []


async def test_the_position_is_shared_to_a_hundred_metres(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "Où êtes-vous ?", wants_location=True)]
    page = await open_page(
        permissions=["geolocation"], geolocation={"latitude": 34.012345, "longitude": -6.834567}
    )

    await page.get_by_role("button", name="Envoyer ma position").click()

    sent = await service.received("location")
    assert (sent["latitude"], sent["longitude"]) == (34.012, -6.835)
    await expect(page.locator(".mine.received .text")).to_have_text(["📍 Envoyer ma position"])


async def test_a_refused_position_is_answered_with_another_way(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "Où êtes-vous ?", wants_location=True)]
    page = await open_page()

    await page.get_by_role("button", name="Envoyer ma position").click()

    await expect(page.get_by_text("Position introuvable. Écrivez le nom de votre ville.")).to_be_visible()
    await expect(page.get_by_role("button", name="Envoyer ma position")).to_be_enabled()


async def test_the_keyboard_alone_is_enough(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "Menu", "Rendez-vous", "Aide", "Réglages")]
    page = await open_page()
    await expect(page.locator(".choice")).to_have_count(3)

    for _ in range(2):
        await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Rendez-vous")).to_be_focused()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("2")
    await page.keyboard.press("Enter")
    assert (await service.received("tap"))["choice"] == "c2"

    await service.say(message(2, "Quelle ville ?", "Salé", "Fès"))
    await expect(page.get_by_role("button", name="Salé")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("textbox")).to_be_focused()
    await page.keyboard.type("12 Rabat")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("Agdal")
    await page.keyboard.press("Enter")

    assert (await service.received("text"))["text"] == "12 Rabat\nAgdal"
    assert service.unread("tap") == []
    await expect(page.get_by_role("textbox")).to_have_value("")


async def test_a_key_held_down_answers_one_question_only(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "D’accord ?", "Oui")]
    page = await open_page()
    await page.get_by_role("button", name="Oui").focus()
    await page.keyboard.down("Enter")
    assert (await service.received("tap"))["prompt_no"] == 1
    await service.say(message(2, "Effacer ?", "Effacer", replaces=1))
    await expect(page.get_by_role("button", name="Effacer")).to_be_focused()

    await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")

    await expect(page.get_by_role("button", name="Effacer")).to_have_attribute("aria-pressed", "false")
    await page.keyboard.press("Enter")
    assert (await service.received("tap"))["prompt_no"] == 2


async def test_arrows_follow_the_eye_from_right_to_left(service: FakeService, open_page: Open) -> None:
    service.greeting = hello("ary")
    service.history = [message(1, "واش؟", "إيه", "لا", lang="ary")]
    page = await open_page()
    await page.get_by_role("button", name="إيه").focus()

    await page.keyboard.press("ArrowLeft")

    await expect(page.get_by_role("button", name="لا")).to_be_focused()


@pytest.mark.parametrize("language", ["ary", "fr"])
async def test_the_smallest_phone_shows_everything_large_enough(
    language: str, service: FakeService, open_page: Open
) -> None:
    service.greeting = hello(language)
    service.history = [
        message(1, "A" * 120 + " https://exemple.ma/" + "b" * 80, "Oui", "Non", "Plus tard", lang=language),
        message(
            2, "الموعد", "كنحتاج نهضر مع شي حد من المركز دابا", "m" * 60, lang="ary", wants_location=True
        ),
        echo("x" * 200),
    ]

    page = await open_page(viewport=SMALLEST_PHONE)

    await expect(page.locator(".choice")).to_have_count(6)
    assert not await is_wider_than_its_window(page)
    sizes = await page.locator("button:visible").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map((box) => Math.min(box.width, box.height))"
    )
    assert min(sizes) >= 44
    letters = await page.locator(".text, .choice, textarea").evaluate_all(
        "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(letters) >= 18


async def test_new_words_are_read_out_and_the_past_is_not(service: FakeService, open_page: Open) -> None:
    service.history = [message(1, "Bonjour")]

    page = await open_page()

    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    first = await page.locator(".service").first.evaluate_handle("one => one")
    service.history = [message(1, "Bonjour"), message(2, "Rappel")]
    await service.drop()
    await expect(bubbles(page)).to_have_text(["Bonjour", "Rappel"])
    # The same node, not a copy: a screen reader reads out what is new.
    assert await first.evaluate("one => one === document.querySelector('.service')")


async def test_a_new_message_comes_into_sight_unless_the_past_is_being_read(
    service: FakeService, open_page: Open
) -> None:
    service.history = [message(n, f"Nouvelle {n}\n" * 6) for n in range(1, 9)]
    page = await open_page()
    await expect(bubbles(page).last).to_be_in_viewport()

    await service.say(message(20, "Rappel"))
    await expect(page.get_by_text("Rappel")).to_be_in_viewport()
    await page.evaluate("scroller.scrollTop = 0")
    await expect(page.locator("#down")).to_be_visible()
    await service.say(message(21, "Encore"))
    await expect(bubbles(page).last).to_have_text("Encore")

    await expect(page.get_by_text("Encore")).not_to_be_in_viewport()
    await page.locator("#down").click()
    await expect(page.get_by_text("Encore")).to_be_in_viewport()


async def test_the_page_keeps_nothing_on_the_phone_and_tells_nothing(
    service: FakeService, open_page: Open
) -> None:
    service.history = [message(1, "Bonjour", "Oui")]
    page = await open_page()
    await page.get_by_role("button", name="Oui").click()
    await page.get_by_role("textbox").fill("Je suis Chama")
    await page.keyboard.press("Enter")
    await service.received("text")

    assert await page.title() == "Jisr"
    assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert await page.evaluate("document.cookie") == ""


def seat(page: Page, name: str) -> FrameLocator:
    return page.frame_locator(f"#seat-{name} iframe")


async def test_the_demo_shows_one_seat_at_a_time_on_a_phone(service: FakeService, open_page: Open) -> None:
    page = await open_page("/")
    await expect(page.get_by_text("Demo, on this computer only.")).to_be_visible()
    beneficiary, caseworker, manager = (
        page.get_by_role("tab", name=name) for name in ("Beneficiary", "Caseworker", "Manager")
    )
    for name in ("beneficiary", "caseworker", "manager"):
        await expect(seat(page, name).get_by_placeholder("Écrivez ici…")).to_be_attached()
    assert sorted(filter(None, service.seats)) == ["beneficiary", "caseworker", "manager"]

    await service.say(message(1, "Nouvelle demande", "Confirmer"), seat="caseworker")

    await expect(caseworker.locator(".dot")).to_be_visible()
    await expect(manager.locator(".dot")).to_be_hidden()
    await beneficiary.focus()
    await page.keyboard.press("ArrowRight")
    await expect(caseworker).to_be_focused()
    await expect(caseworker).to_have_attribute("aria-selected", "true")
    await expect(caseworker.locator(".dot")).to_be_hidden()
    await expect(page.locator("#seat-beneficiary")).to_be_hidden()
    await seat(page, "caseworker").get_by_role("button", name="Confirmer").click()
    assert (await service.received("tap"))["choice"] == "c1"


async def test_the_demo_stands_side_by_side_on_a_wide_screen(service: FakeService, open_page: Open) -> None:
    page = await open_page("/", WIDE)

    for name in ("Beneficiary", "Caseworker", "Manager"):
        await expect(page.get_by_role("region", name=name)).to_be_visible()
    await expect(page.get_by_role("tablist")).to_be_hidden()


async def test_skipping_shows_the_new_hour_and_what_comes(service: FakeService, open_page: Open) -> None:
    page = await open_page("/")
    await expect(page.locator("#clock")).to_have_text("Sat 21 November, 10:00")

    await page.get_by_role("button", name="Skip to the next event").click()

    await expect(page.locator("#clock")).to_have_text("Tue 24 November, 09:00")
    await expect(page.get_by_role("status").first).to_have_text("Reminder for Chama")

    service.next_event = None
    await page.get_by_role("button", name="Skip to the next event").click()

    await expect(page.get_by_role("status").first).to_contain_text("Nothing is planned.")


async def test_a_clock_moved_elsewhere_shows_in_the_demo(service: FakeService, open_page: Open) -> None:
    page = await open_page("/")
    await expect(seat(page, "manager").get_by_placeholder("Écrivez ici…")).to_be_attached()

    clock = {"type": "clock", "now": "2026-11-25T08:00:00+00:00", "text": "Wed 25 November, 08:00"}
    await service.say(clock, seat="manager")

    await expect(page.locator("#clock")).to_have_text("Wed 25 November, 08:00")


async def test_the_demo_fits_the_smallest_phone(service: FakeService, open_page: Open) -> None:
    page = await open_page("/", SMALLEST_PHONE)

    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = await page.locator("button:visible").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44


@pytest.mark.parametrize("path", ["/chat", "/chat?seat=caseworker"])
async def test_a_page_to_print_is_had_by_keyboard(service: FakeService, open_page: Open, path: str) -> None:
    service.history = [message(7, "هذه هي الصفحة.", lang="ary", document="📄 حل الصفحة")]
    page = await open_page(path)
    link = page.get_by_role("link", name="📄 حل الصفحة")

    await link.focus()
    async with page.expect_download() as downloading:
        await page.keyboard.press("Enter")
    download = await downloading.value

    assert download.suggested_filename == "jisr.pdf"
    seat = "caseworker" if "seat" in path else None
    assert (await download.path()).read_text() == f"%PDF- 7 {seat}"
    # The chat is where it was.
    await expect(bubbles(page)).to_have_text(["هذه هي الصفحة."])
    box = await link.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert not await is_wider_than_its_window(page)


async def test_a_place_is_two_links_that_tell_nobody_where_one_comes_from(
    service: FakeService, open_page: Open
) -> None:
    """Nothing is asked of anybody else before a link is pressed."""
    web = "https://www.openstreetmap.org/?mlat=34.05312&mlon=-6.79854#map=18/34.05312/-6.79854"
    geo = "geo:34.05312,-6.79854?q=34.05312,-6.79854"
    links = ((geo, "📱 فتطبيق الخرائط"), (web, "🗺️ فصفحة ويب"))
    service.history = [message(7, "📍 مركز سلا", lang="ary", map_links=links)]

    page = await open_page("/chat", SMALLEST_PHONE)

    on_phone = page.get_by_role("link", name="📱 فتطبيق الخرائط")
    on_web = page.get_by_role("link", name="🗺️ فصفحة ويب")
    await expect(on_phone).to_have_attribute("href", geo)
    await expect(on_web).to_have_attribute("href", web)
    await expect(on_web).to_have_attribute("rel", "noopener noreferrer")
    await expect(on_web).to_have_attribute("target", "_blank")
    for link in (on_phone, on_web):
        box = await link.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    assert not await is_wider_than_its_window(page)
    asked = await page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert asked
    assert all(address.startswith((service.url, service.url.replace("http", "ws"))) for address in asked)


@pytest.mark.parametrize("path", ["/chat", "/chat?seat=caseworker"])
async def test_a_recording_has_a_player_that_fetches_nothing_by_itself(
    service: FakeService, open_page: Open, path: str
) -> None:
    service.history = [message(7, "🔊 النص اللي الفوق", lang="ary", clip="🔊 النص اللي الفوق")]
    page = await open_page(path)
    player = page.get_by_label("🔊 النص اللي الفوق").locator("visible=true").and_(page.locator("audio"))

    await expect(player).to_have_count(1)
    assert await player.evaluate("one => [one.controls, one.preload, one.networkState]") == [True, "none", 1]
    address = f"{service.url}/clip/7" + ("?seat=caseworker" if "seat" in path else "")
    assert await player.evaluate("one => one.currentSrc || one.src") == address
    assert not await is_wider_than_its_window(page)
