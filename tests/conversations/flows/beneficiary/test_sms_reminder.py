"""What a text message tells: when and in which town, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest

from bot.channels.sms import text_of
from bot.texts import load_texts
from conversations.care.reminders import ReminderStep
from conversations.care.visits import VisitNews
from conversations.engine.engine import Engine
from conversations.engine.flow import Prompt
from conversations.texts import LANGUAGES, strip_isolates
from tests.conversations.flows.staff.doings import books, cancels
from tests.people import Person

# Who reads it over a shoulder must not learn who writes, nor why: in any of the languages.
TELLING = (
    "jisr", "prison", "détention", "foundation", "fondation", "mohammed", "centre", "center", "libération",
    "release", "caseworker", "سجن", "مؤسسة", "مركز", "إفراج", "حبس", "جسر", "محمد",
)  # fmt: skip


async def texted(amina: Person, language: str, *, late: timedelta = timedelta()) -> Prompt | None:
    """Return what Amina, who has a visit on Wednesday at ten, would be texted."""
    visit = (await amina.scene.desk.appointments.upcoming(amina.contact_id, now=amina.scene.now))[0]
    turn: Any = await amina.scene.turn_for(amina.contact_id)
    turn.texts, turn.now = load_texts()[language], amina.scene.now + late
    draft = VisitNews(visit.id, visit.version, step=ReminderStep.DAY_BEFORE)
    flow = amina.scene.routes.flows["sms_reminder"]
    presented = await Engine(amina.scene.routes).present(flow, draft, turn)
    return presented[1] if presented else None


@pytest.mark.parametrize("language", [language.code for language in LANGUAGES])
async def test_no_language_tells_who_writes(amina: Person, language: str) -> None:
    visit = await books(amina)
    await amina.scene.desk.contacts.set_name(amina.contact_id, "Lalla Amina")

    prompt = await texted(amina, language)

    assert prompt
    words = strip_isolates(prompt.text).casefold()
    assert "10:00" in words
    assert "salé" in words or "سلا" in words
    assert not [each for each in (*TELLING, visit.code.casefold(), "amina") if each in words]
    assert prompt.choices == ()
    assert text_of(prompt.text).segments == 1, "one segment is enough, in Arabic too"


async def test_a_visit_that_was_cancelled_is_not_told_of(amina: Person) -> None:
    visit = await books(amina)
    turn = await amina.scene.turn_for(amina.contact_id)
    draft = VisitNews(visit.id, visit.version, step=ReminderStep.DAY_BEFORE)
    await cancels(amina, visit)

    flow = amina.scene.routes.flows["sms_reminder"]
    assert await Engine(amina.scene.routes).present(flow, draft, turn) is None


async def test_it_comes_in_time_or_not_at_all(amina: Person) -> None:
    await books(amina)

    assert await texted(amina, "fr", late=timedelta(days=1))
    assert await texted(amina, "fr", late=timedelta(days=1, hours=21)) is None
