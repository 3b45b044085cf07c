"""Templates go to the platform for approval, and what it says of them reaches the service and its staff."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import whatsapp_commands, zone
from bot.app import load_voice
from bot.channels.whatsapp_approvals import template_fields
from bot.channels.whatsapp_templates import Template, templates_of
from bot.settings import Settings, SettingsWrong, load_settings
from conversations.care.people import Role
from storage.database import Database
from storage.encryption import KeyRing
from storage.outbox import Shown
from storage.templates import TemplateState
from tests.bot.channels.whatsapp_service import make_intake, served
from tests.fake_graph import FakeGraph
from tests.fakes import MovableClock
from tests.people import MONDAY

VOICE = load_voice()
ALL = templates_of(VOICE.texts)
ONE = ALL[0]
KEYS = "test:" + base64.b64encode(b"k" * 32).decode()
WEBHOOK_PATH = "/whatsapp/webhook"
HOUR = timedelta(hours=1)


def settings_for(graph: FakeGraph, folder: Path, **more: str) -> Settings:
    return load_settings(
        {
            "WHATSAPP_TOKEN": graph.token,
            "WHATSAPP_PHONE_NUMBER_ID": graph.phone_number_id,
            "WHATSAPP_BUSINESS_ACCOUNT_ID": graph.business_account_id,
            "WHATSAPP_APP_SECRET": graph.app_secret,
            "WHATSAPP_VERIFY_TOKEN": graph.verify_token,
            "WHATSAPP_API_URL": graph.base_url,
            "JISR_VAR_DIR": str(folder),
            "JISR_KEYS": KEYS,
            **more,
        }
    )


# The commands


def test_the_list_shows_each_template_as_people_read_it() -> None:
    lines = whatsapp_commands.list_templates()

    for template in ALL:
        assert f"{template.name}  ({template.platform_language}, {template.form.purpose})" in lines
    assert "    [I am coming]" in lines


async def test_what_is_missing_is_submitted_once(graph: FakeGraph, tmp_path: Path) -> None:
    settings = settings_for(graph, tmp_path)
    graph.add_template(ONE.submission())

    before = await whatsapp_commands.diff(settings)
    submitted = await whatsapp_commands.submit(settings)
    again = await whatsapp_commands.submit(settings)
    after = await whatsapp_commands.diff(settings)

    assert len(before) == len(submitted) == len(ALL) - 1
    assert all(line.startswith("+ jisr_") for line in before)
    assert all(line.endswith(": pending") for line in submitted)
    assert set(graph.templates) == {(each.name, each.platform_language) for each in ALL}
    assert again == ["Nothing to submit: WhatsApp holds today's templates."]
    assert after == ["WhatsApp holds today's templates, and no others of ours."]
    assert graph.refusals == []


async def test_the_status_tells_of_today_and_of_earlier_versions(graph: FakeGraph, tmp_path: Path) -> None:
    earlier = {**ONE.submission(), "name": f"{ONE.name[:-8]}00000000"}
    graph.add_template(earlier)
    graph.add_template(ONE.submission(), status="REJECTED")
    graph.add_template({**ONE.submission(), "name": "of_somebody_else"})

    lines = await whatsapp_commands.status(settings_for(graph, tmp_path))

    assert lines[0].split() == [ONE.name, "rejected", "utility"]
    assert lines[1].split() == [ALL[1].name, "not", "submitted"]
    assert lines[-1].split() == [earlier["name"], "approved", "utility", "(earlier)"]
    assert len(lines) == len(ALL) + 1
    assert "- " + earlier["name"] in " ".join(await whatsapp_commands.diff(settings_for(graph, tmp_path)))


async def test_without_a_business_account_there_is_a_sentence(graph: FakeGraph, tmp_path: Path) -> None:
    settings = settings_for(graph, tmp_path).model_copy(update={"whatsapp_business_account_id": None})

    with pytest.raises(SettingsWrong, match="WHATSAPP_BUSINESS_ACCOUNT_ID"):
        await whatsapp_commands.diff(settings)


async def test_a_refusal_is_told_with_its_code(graph: FakeGraph, tmp_path: Path) -> None:
    settings = settings_for(graph, tmp_path, WHATSAPP_TOKEN="wrong-token")

    with pytest.raises(SettingsWrong, match="code 190"):
        await whatsapp_commands.status(settings)


# The webhook


@pytest.fixture
async def database(engine: AsyncEngine, keys: KeyRing) -> Database:
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    async with database.transaction() as unit:
        for number, role in (("1", Role.MANAGER), ("2", Role.ADMINISTRATOR), ("3", Role.BENEFICIARY)):
            contact, _ = await unit.addresses.find_or_create("telegram", number, now=MONDAY)
            if role is not Role.BENEFICIARY:
                await unit.contacts.make_staff(contact.id, role, None)
            await unit.contacts.set_language(contact.id, "en")
    return database


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(MONDAY)


@pytest.fixture
async def told(graph: FakeGraph, database: Database, clock: MovableClock) -> AsyncIterator[FakeGraph]:
    """A platform that tells the service of its templates."""
    graph.now = clock.now
    graph.add_template(ONE.submission())
    async with served(make_intake(database, graph, clock, **template_fields(VOICE))) as url:
        await graph.subscribe(f"{url}{WEBHOOK_PATH}")
        yield graph


async def becomes(graph: FakeGraph, status: str, template: Template = ONE) -> None:
    await graph.set_template_status(template.name, template.platform_language, status)
    await graph.drained()


async def known(database: Database) -> list[TemplateState]:
    async with database.reading() as unit:
        return await unit.templates.all()


async def news(database: Database, external_id: str) -> list[str]:
    async with database.reading() as unit:
        reader = await unit.addresses.reader("telegram", external_id, now=MONDAY)
        assert reader is not None
        shown: list[Shown] = await unit.outbox.history(reader.address_id, limit=9, now=MONDAY + 9 * HOUR)
    return [each.message.text for each in shown if each.message]


async def test_a_pause_is_followed_and_told_to_those_who_lead(told: FakeGraph, database: Database) -> None:
    await becomes(told, "APPROVED")
    assert await news(database, "1") == []

    await becomes(told, "PAUSED")

    assert [state.status for state in await known(database)] == ["paused"]
    for member in ("1", "2"):
        (text,) = await news(database, member)
        assert text.startswith("⏸️ WhatsApp has paused the template")
        assert ONE.name in text
    assert await news(database, "3") == []


async def test_it_is_told_when_it_may_be_sent_again_and_when_it_is_paused_again(
    told: FakeGraph, database: Database, clock: MovableClock
) -> None:
    """The same webhook twice, an hour apart, is two pauses."""
    for status in ("APPROVED", "PAUSED", "APPROVED", "PAUSED"):
        await becomes(told, status)
        clock.moves_on(HOUR)

    assert [text[0] for text in await news(database, "1")] == ["⏸", "✅", "⏸"]


async def test_another_category_is_told_since_it_costs_more(told: FakeGraph, database: Database) -> None:
    async with database.transaction() as unit:
        await unit.templates.note(
            ONE.name, ONE.platform_language, at=MONDAY, status="approved", category="utility"
        )

    await told.set_template_category(ONE.name, ONE.platform_language, "MARKETING")
    await told.drained()

    assert [state.category for state in await known(database)] == ["marketing"]
    (text,) = await news(database, "2")
    assert "as “marketing”" in text


async def test_templates_of_others_are_nobodys_news(told: FakeGraph, database: Database) -> None:
    about = {"message_template_name": "of_somebody_else", "message_template_language": "fr"}

    await told.push("message_template_status_update", {"event": "PAUSED", **about, "reason": "NONE"})
    await told.push("message_template_status_update", {"event": "PAUSED"})
    await told.drained()

    assert await known(database) == []
    assert await news(database, "1") == []
