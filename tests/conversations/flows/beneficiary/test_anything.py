"""Anything at all, at every step of every flow, gets a helpful answer in the person's language."""

import re
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from conversations.care.appointments import Appointment, Need
from conversations.care.check_ins import CheckInStep
from conversations.care.offers import PlaceOffer, WaitingNews
from conversations.care.reminders import ReminderStep
from conversations.care.visits import VisitNews
from conversations.engine.drafts import draft_from_json, draft_to_json
from conversations.engine.engine import LONGEST_TEXT
from conversations.engine.flow import Flow, Prompt, Step
from conversations.engine.reply import Location, Media, MediaKind, Reply, SharedPhone, Text
from conversations.engine.session import Frame
from conversations.flows.beneficiary import BENEFICIARY_FLOWS
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.news import CheckInNews, Words
from tests.conversations.flows.staff.doings import TEN, THURSDAY, books
from tests.people import Person

STEPS = [
    pytest.param(flow, step, id=f"{flow.name}-{step.name}")
    for flow in BENEFICIARY_FLOWS
    for step in flow.steps
]
REPLIES = [
    Text("🤷🏽‍♀️"),
    Text("ا" * 4096),
    Text("%s {0} </b> *_~ \\ \u0000"),
    Text("..."),
    Text("forwarded: see you"),
    Media(MediaKind.STICKER, "ref"),
    Media(MediaKind.VOICE, "ref"),
    Media(MediaKind.PHOTO, "ref", caption="شوف"),
    Media(MediaKind.OTHER),
    Location(34.05, -6.79),
    Location(0.0, 0.0),
    SharedPhone("+212612345678"),
]
A_CHOICE_ID = re.compile(r"[!-9;-~]{1,40}")  # ASCII without the colon


@pytest.fixture
async def visit(amina: Person) -> Appointment:
    await amina.starts()
    return await books(amina)


def draft_at(flow: Flow[Any], visit: Appointment) -> dict[str, Any]:
    """Return a draft as somebody far into the flow would have it."""
    drafts: dict[type[Any], Any] = {
        Wish: Wish(visit.id, Need.JOB, "sale", date(2026, 11, 27), time(10), region="04"),
        VisitNews: VisitNews(visit.id, visit.version, step=ReminderStep.DAY_BEFORE, day=THURSDAY, at=TEN),
        CheckInNews: CheckInNews(CheckInStep.FIRST_DAY),
        Words: Words(1, "Come on Wednesday."),
        PlaceOffer: PlaceOffer("sale", appointment_id=visit.id, entry_id=1, day=date(2026, 11, 26), at=TEN),
        WaitingNews: WaitingNews("sale", phone="0612345678", appointment_id=visit.id),
    }
    return draft_to_json(drafts.get(flow.draft) or flow.draft())


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: type(reply).__name__)
@pytest.mark.parametrize(("flow", "step"), STEPS)
async def test_anything_gets_an_answer(
    amina: Person, visit: Appointment, flow: Flow[Any], step: type[Step[Any]], reply: Reply
) -> None:
    frame = Frame(flow.name, flow.version, step.name, draft_at(flow, visit))
    amina.session = replace(amina.session, frame=frame, choices=())
    answered = await amina.sends(reply)

    assert answered.choices, "there is always a way on"
    assert "[ar]" in answered.text or flow.name == "language"
    assert len(answered.text) <= LONGEST_TEXT


@pytest.mark.parametrize(("flow", "step"), STEPS)
async def test_asking_has_no_effects_in_any_language(
    amina: Person, visit: Appointment, flow: Flow[Any], step: type[Step[Any]]
) -> None:
    async def asked(language: str) -> Prompt:
        turn = await amina.scene.turn_for(amina.contact_id)
        turn.texts = amina.scene.texts[language]
        turn.draft = draft_from_json(flow.draft, draft_at(flow, visit))
        prompt = await step().ask(turn)
        assert turn.effects == []
        assert draft_to_json(turn.draft) == draft_at(flow, visit)
        return prompt

    for language in amina.scene.texts:
        prompt = await asked(language)

        assert await asked(language) == prompt
        assert all(A_CHOICE_ID.fullmatch(choice.id) for choice in prompt.choices)
        assert not re.search(r"\{\w*\}|…", prompt.text), "a value is missing"
