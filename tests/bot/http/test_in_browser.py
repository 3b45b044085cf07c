"""What only a real browser can tell: which cookies it sends, and what its page says first."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect

from conversations.engine.reply import Command, Tap
from tests.bot.http.web import Web, say
from tests.web_page.chromium import launch

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture
async def tab(web: Web) -> AsyncIterator[Page]:
    """An empty tab; no page may have complained at the end."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        chromium = await launch(playwright)
        page = await (await chromium.new_context(base_url=web.url, locale="fr-MA")).new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        yield page
        await chromium.close()
    assert complaints == []


async def test_who_comes_back_by_a_link_on_another_site_is_known(web: Web, tab: Page) -> None:
    await tab.goto("/chat")
    await expect(tab.get_by_role("textbox")).to_have_attribute("placeholder", "[fr] Write here…")
    await web.answers(say("Bonjour Chama"), language="fr")
    await expect(tab.get_by_text("Bonjour Chama")).to_be_visible()

    # For a browser these two names of the machine are two sites.
    elsewhere = f"http://localhost:{web.port}/elsewhere"
    await tab.route(elsewhere, lambda asked: asked.fulfill(body="<link rel=icon href=data:,>"))
    await tab.goto(elsewhere)
    await tab.evaluate(f"location.href = 'http://127.0.0.1:{web.port}/chat'")

    await expect(tab.get_by_text("Bonjour Chama")).to_be_visible()
    assert await web.next_inbound() is None


async def test_an_invitation_is_the_first_thing_its_page_says(web: Web, tab: Page) -> None:
    await tab.goto("/chat?start=invite-1")
    await expect(tab.get_by_role("textbox")).to_have_attribute("placeholder", "[fr] Write here…")

    inbound = await web.inbound()

    assert inbound.reply == Command("start", "invite-1")
    assert await web.next_inbound() is None


async def test_a_tap_is_answered_in_its_own_bubble(web: Web, tab: Page) -> None:
    await tab.goto("/chat")
    token = (await web.inbound()).external_id
    await web.says(token, say("D’accord ?", "Oui", prompt="p1"), language="fr")

    await tab.get_by_role("button", name="Oui").click()
    await expect(tab.locator(".mine.received .text")).to_have_text(["Oui"])

    inbound = await web.inbound()
    assert inbound.reply == Tap("p1", "c1")
    await web.says(token, say("Quel jour ?", edits=inbound.message_ref))
    await expect(tab.locator(".entry .text")).to_have_text(["Quel jour ?"])
