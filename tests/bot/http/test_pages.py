"""Pages that a chat on the web brings: fetched by whom they were shown to, and by nobody else."""

from datetime import timedelta

import aiohttp
import pytest

from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import Question
from conversations.care.people import ContactId
from storage.addresses import AddressId
from tests.bot.http.web import NOW, Browser, Page, Web, say

IDEA = "Ouvrir un atelier de vélos"


async def project_of(web: Web, browser: Browser) -> tuple[ContactId, AddressId]:
    async with web.database.transaction() as unit:
        contact, address_id = await unit.addresses.find_or_create("webchat", browser.token, now=NOW)
        await unit.life_projects.answer(contact.id, Question.IDEA, IDEA, now=NOW)
    return contact.id, address_id


@pytest.fixture
async def link(web: Web, chama: Browser, page: Page) -> str:
    """The link that Chama's chat shows to the page of her project."""
    contact_id, address_id = await project_of(web, chama)
    document = Document(DocumentKind.LIFE_PROJECT, contact_id)
    await web.writes_to(address_id, say("Bonjour."), say("Voici la page.", document=document))
    assert (await page.receives("message"))["document"] is None
    frame = await page.receives("message")
    assert frame["document"]["label"] == "[fr] 📄 Open the page"
    return str(frame["document"]["path"])


async def gets(browser: Browser, path: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with browser.session.get(path) as answer:
        return answer, await answer.read()


async def test_whom_it_was_shown_to_gets_the_page(chama: Browser, link: str) -> None:
    answer, content = await gets(chama, link)

    assert answer.status == 200
    assert content.startswith(b"%PDF-")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="jisr.pdf"'
    # A shared phone keeps no copy of its own accord.
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_who_uses_the_same_browser_afterwards_does_not(web: Web, chama: Browser, link: str) -> None:
    async with web.database.transaction() as unit:
        _, address_id = await unit.addresses.find_or_create("webchat", chama.token, now=NOW)
        await unit.profiles.add(address_id, now=NOW + timedelta(minutes=1))

    answer, content = await gets(chama, link)

    assert answer.status == 404
    assert b"%PDF" not in content


async def test_another_visitor_does_not(web: Web, link: str) -> None:
    amina, stranger = await web.browser(), await web.browser()
    await amina.opens()
    await web.answers()
    await project_of(web, amina)

    for browser in (amina, stranger):
        answer, content = await gets(browser, link)
        assert answer.status == 404
        assert IDEA.encode() not in content


@pytest.mark.parametrize("number", ["1", "0", "-1", "x", "9" * 18, "9" * 5000])
async def test_a_message_without_a_page_leads_nowhere(chama: Browser, link: str, number: str) -> None:
    answer, _ = await gets(chama, f"/page/{number}")

    assert answer.status == 404


async def test_of_a_project_that_was_deleted_a_sentence_is_left(web: Web, chama: Browser, link: str) -> None:
    async with web.database.transaction() as unit:
        contact, _ = await unit.addresses.find_or_create("webchat", chama.token, now=NOW)
        await unit.life_projects.delete(contact.id)

    answer, content = await gets(chama, link)

    assert answer.headers["Content-Type"].startswith("text/html")
    assert "[fr] It is no longer there." in content.decode()
    assert IDEA not in content.decode()


async def test_after_everything_was_deleted_the_link_leads_nowhere(
    web: Web, chama: Browser, link: str
) -> None:
    async with web.database.transaction() as unit:
        contact, _ = await unit.addresses.find_or_create("webchat", chama.token, now=NOW)
        await unit.contacts.erase(contact.id, at=NOW)

    answer, _ = await gets(chama, link)

    assert answer.status == 404


async def test_the_history_still_shows_the_link(chama: Browser, link: str) -> None:
    again = await chama.opens()

    assert [item["document"]["path"] for item in again.history if item.get("document")] == [link]


async def test_words_are_never_read_as_markup(
    web: Web, chama: Browser, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no page can be made, its words are shown."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    async with web.database.transaction() as unit:
        contact, _ = await unit.addresses.find_or_create("webchat", chama.token, now=NOW)
        await unit.life_projects.answer(contact.id, Question.IDEA, "<script>alert(1)</script>", now=NOW)

    _, content = await gets(chama, link)

    assert b"<script>" not in content
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in content.decode()
