"""Who has not written for a day is asked by template, and a tap on it leads back into the conversation."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import zone
from bot.app import load_voice
from bot.channels.whatsapp_templates import templates_of
from bot.channels.whatsapp_window import Limits
from bot.turns import show_push
from conversations.care.check_ins import CheckInStep
from conversations.care.people import ContactId
from conversations.care.tasks import Said, TaskKind
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Push
from conversations.flows.news import CheckInNews
from storage.billing import Billed
from storage.database import Database, rung
from storage.encryption import KeyRing
from storage.tables import outbox
from tests.bot.channels.whatsapp_service import WhatsAppService, running
from tests.fake_graph import FakeGraph
from tests.people import MONDAY
from tests.whatsapp_people import WAIT_S, Phone

VOICE = load_voice()


@pytest.fixture
async def service(engine: AsyncEngine, keys: KeyRing) -> AsyncIterator[WhatsAppService]:
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    async with FakeGraph() as graph, running(database, graph) as service:
        yield service


async def arrives(service: WhatsAppService) -> tuple[Phone, ContactId]:
    """Let Amina come in and agree, in Arabic."""
    amina = Phone(service.graph, service.graph.person("Amina"))
    await amina.says("سلام")
    await amina.taps("ar", "agree")
    async with service.database.reading() as unit:
        reader = await unit.addresses.reader("whatsapp", amina.external_id, now=MONDAY)
        assert reader is not None
        address = await unit.addresses.get(reader.address_id)
        assert address is not None
    return amina, address.contact_id


async def are_approved(service: WhatsAppService) -> None:
    async with service.database.transaction() as unit:
        for template in templates_of(VOICE.texts):
            service.graph.add_template(template.submission())
            await unit.templates.note(
                template.name, template.platform_language, at=service.clock.now(), status="approved"
            )


async def is_asked(service: WhatsAppService, contact_id: ContactId, key: str = "how") -> None:
    async with service.database.transaction() as unit:
        push = Push(contact_id, "check_in", CheckInNews(CheckInStep.THIRD_DAY), Purpose.CHECK_IN, key=key)
        assert await show_push(unit, push, VOICE, now=service.clock.now())


async def test_a_tap_on_a_template_answers_the_question_it_stood_for(service: WhatsAppService) -> None:
    await are_approved(service)
    amina, contact_id = await arrives(service)
    service.clock.moves_on(timedelta(days=2, hours=3))
    await is_asked(service, contact_id)

    asked = await amina.sees()
    answer = await amina.taps(asked.buttons[0].title)

    arabic = VOICE.texts["ar"]
    assert asked.kind == "template"
    assert arabic.gettext("👋 How are things going?") in asked.text
    assert answer.kind != "template"
    assert arabic.gettext("🙂 That is good to hear. We are here when you need us.") in answer.text
    assert service.graph.refusals == []


async def test_what_was_sent_by_template_is_counted_as_charged(service: WhatsAppService) -> None:
    await are_approved(service)
    amina, contact_id = await arrives(service)
    service.clock.moves_on(timedelta(days=2, hours=3))
    await is_asked(service, contact_id)
    await amina.sees()
    await amina.person.reads()
    await service.graph.drained()

    today = service.clock.now()
    async with service.database.reading() as unit:
        billed = await unit.billing.billed(unit.billing.day_of(today))
    assert Billed("utility", False, 1) in billed


@pytest.mark.parametrize("code", [131026, 131049, 132015])
async def test_what_the_platform_could_not_bring_after_all_is_a_caseworkers_task_once(
    service: WhatsAppService, code: int
) -> None:
    """Amina has no other address, and has written to a caseworker in between."""
    amina, contact_id = await arrives(service)
    asked = []
    for key in ("how", "how again"):
        await is_asked(service, contact_id, key)
        asked.append(await amina.sees())
    await service.graph.drained()
    service.graph.automatic = ()
    async with service.database.transaction() as unit:
        await unit.connection.execute(update(outbox).values(status="sent"))

    await service.graph.tell_status(asked[0].message_id, "failed", code)
    await service.graph.drained()
    async with service.database.transaction() as unit:
        await unit.tasks.add(
            contact_id=contact_id, centre_slug=None, kind=TaskKind.MESSAGE, text="", urgent=False,
            now=service.clock.now(),
        )  # fmt: skip
    await service.graph.tell_status(asked[1].message_id, "failed", code)
    await service.graph.drained()

    async with service.database.reading() as unit:
        tasks = [task for task in await unit.tasks.open(None) if task.kind is TaskKind.UNREACHED]
    assert [(task.contact_id, Said.from_text(task.text).words) for task in tasks] == [
        (contact_id, asked[0].text)
    ]


async def test_what_a_limit_held_back_leaves_at_once_when_the_person_writes(
    engine: AsyncEngine, keys: KeyRing
) -> None:
    database = Database(engine, keys, zone=zone.casablanca(), zone_name=zone.NAME)
    async with FakeGraph() as graph, running(database, graph, Limits(people=0)) as service:
        await are_approved(service)
        amina, contact_id = await arrives(service)
        service.clock.moves_on(timedelta(days=2, hours=3))
        await is_asked(service, contact_id)
        async with asyncio.timeout(WAIT_S), database.wakes.bell("delivered") as bell:
            while (await service.sent())[-1].reason != "people_limit":
                await rung(bell, timeout_s=WAIT_S)

        await amina.person.says("سلام")

        asked = await amina.finds(VOICE.texts["ar"].gettext("👋 How are things going?"))
        assert asked.kind != "template"
        assert graph.refusals == []
