"""What a person can get: asked little, told why, led on."""

import re
from dataclasses import replace
from datetime import date

import pytest

from conversations.care.appointments import Need
from conversations.care.people import Consent
from conversations.care.rules import Change
from conversations.care.tasks import TaskKind
from conversations.engine.reply import Command
from conversations.engine.session import Frame
from tests.people import Person, Scene

# Nothing public supports a refusal, a sum or a promise.
NEVER_SAID = re.compile(
    r"eligible|éligible|\bMAD\b|dirham|درهم|free of charge|gratuit|مجان|guarantee|garanti|offence|délit|جريم",
    re.IGNORECASE,
)
# Two buttons that each question has beside its answers.
UNSAID, ENOUGH = "unsaid", "enough"


async def asks(person: Person, asker: str, need: str, *answers: str) -> None:
    """Open "What can I get?" and answer; the rest of the questions are left out."""
    await person.starts()
    await person.taps("services", asker, need, *answers)
    if person.step == "question":
        await person.taps(ENOUGH)
    assert person.step == "outcome"


@pytest.mark.parametrize("need", list(Need))
@pytest.mark.parametrize("person", ["amina", "brahim"])
async def test_each_need_has_an_answer_and_leads_to_a_visit_for_it(
    request: pytest.FixtureRequest, person: str, need: Need
) -> None:
    who: Person = request.getfixturevalue(person)
    await asks(who, "self", need, "out", "morocco")

    assert not NEVER_SAID.search(who.screen)
    assert "centre" in who.screen or "المركز" in who.screen
    assert {"book", "more", "why", "another", "person"} <= set(who.ids)

    await who.taps("book")

    assert (who.flow, who.step) == ("booking", "centre")
    assert who.draft["need"] == need


async def test_who_was_there_shortly_and_learned_nothing_reads_that_it_does_not_matter(
    brahim: Person,
) -> None:
    """The reader's question that this part of the service began with."""
    await brahim.starts()
    await brahim.taps("services", "self", "job", "out", "morocco", "month", "nothing")

    assert brahim.step == "outcome"
    assert "C’est probablement pour vous" in brahim.screen
    assert "Toute personne sortie peut demander de l’aide" in brahim.screen
    assert "Pas de métier appris là-bas ?" in brahim.screen
    assert "Peu de temps ou longtemps" in brahim.screen
    assert "venez même s’il manque quelque chose" in brahim.screen


async def test_it_speaks_arabic_to_who_reads_arabic(amina: Person) -> None:
    await amina.starts()
    await amina.taps("services")
    assert amina.screen == "من يخص هذا الأمر؟"
    assert "🙋 لي أنا" in amina.buttons

    await amina.taps("self", "training", "out", "morocco", "years", "nothing")

    assert amina.step == "outcome"
    assert "كل من خرج يمكنه طلب المساعدة من مركز" in amina.screen
    assert "لم تتعلم حرفة هناك؟" in amina.screen
    assert "حتى لو كان شيء ناقصا" in amina.screen


async def test_at_most_six_questions_and_each_may_be_left_unanswered(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("services")
    asked = 1
    assert UNSAID in brahim.ids
    await brahim.taps(UNSAID, "project")
    while brahim.step == "question":
        asked += 1
        assert {UNSAID, ENOUGH} <= set(brahim.ids)
        await brahim.taps(UNSAID)

    assert 1 < asked <= 6
    assert brahim.step == "outcome"
    assert "le centre regarde cela avec vous" in brahim.screen


async def test_a_relative_is_asked_nothing_more_and_may_be_called(scene: Scene, brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("services", "relative", "job")

    assert brahim.step == "outcome"
    assert "il y a un autre chemin pour vous" in brahim.screen.casefold()
    assert "La famille peut demander pour elle-même" in brahim.screen
    assert brahim.ids[:2] == ["call_back", "nearest"]
    assert "le papier reçu à la sortie" not in brahim.screen

    await brahim.taps("call_back")
    await brahim.says("06 12 34 56 78")

    (task,) = scene.desk.tasks.rows.values()
    assert task.kind is TaskKind.CALL_BACK


@pytest.mark.parametrize("asker", ["relative", "inside", "young"])
async def test_families_and_the_young_find_the_nearest_centre(amina: Person, asker: str) -> None:
    await asks(amina, asker, "family")
    await amina.taps("nearest")

    assert amina.flow == "nearest"


async def test_who_has_an_alternative_sentence_reads_that_the_centre_decides(brahim: Person) -> None:
    await asks(brahim, "self", "job", "alternative")

    assert (
        "Pour une peine alternative, rien n’est encore public : c’est le centre qui décide." in brahim.screen
    )
    assert "book" in brahim.ids


async def test_a_project_can_be_prepared_before_the_visit(brahim: Person) -> None:
    await asks(brahim, "self", "project", "out")
    await brahim.taps("life_project")

    assert brahim.flow == "life_project"


async def test_another_need_asks_nothing_twice(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("services", "self", "health", "out", "morocco", "month")
    assert brahim.step == "outcome"

    await brahim.taps("another", "papers")

    assert brahim.step == "outcome"
    assert "administratives et judiciaires" not in brahim.screen
    assert "[fr] 📄 Papers, legal matters" in brahim.screen


async def test_who_wanted_no_more_questions_is_asked_none_about_another_need(brahim: Person) -> None:
    await asks(brahim, "self", "health", ENOUGH)
    await brahim.taps("another", "job")

    assert brahim.step == "outcome"


async def test_back_from_the_answer_leads_to_the_last_question_and_to_another_answer(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("services", "self", "health", "out", "morocco", "month", "!back")
    assert (brahim.step, "month" in brahim.ids) == ("question", True)

    await brahim.taps("years")

    assert brahim.step == "outcome"
    assert "Nous ne connaissons aucun délai" in brahim.screen


async def test_who_goes_back_to_the_beginning_begins_anew(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("services", "relative", "job", "!back", "!back")
    assert brahim.step == "asker"

    await brahim.taps("self", "job")

    assert brahim.step == "question"
    assert brahim.draft["given"] == {"asker": "self"}


async def test_it_tells_more_and_how_programmes_stand(brahim: Person) -> None:
    await asks(brahim, "self", "project", "out")
    await brahim.taps("more")

    assert "De petits crédits" in brahim.screen
    assert "Intégration économique" in brahim.screen
    assert "Whether it is open now, the centre tells you." in brahim.screen
    assert not NEVER_SAID.search(brahim.screen)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([Change("P2", "open", False)], "It is not open now; the centre tells you of the next one."),
        ([Change("P2", "open", True)], "It is open now."),
        ([Change("P2", "until", date(2026, 12, 31))], "It is open now, until jeudi 31 décembre 2026."),
        (
            [Change("P2", "open", True), Change("P2", "regions", ["04"])],
            "It is open in these regions: Rabat-Salé-Kénitra. For yours, ask your centre.",
        ),
    ],
)
async def test_a_programme_that_managers_open_or_close_is_told_of(
    scene: Scene, changes: list[Change], told: str
) -> None:
    karim = scene.manager("Karim").contact_id
    for change in changes:
        await scene.desk.content.draft(karim, change, before=None, now=scene.now)
    await scene.desk.content.publish(karim, now=scene.now)
    brahim = scene.beneficiary("Brahim", language="fr", province_code="06.141")

    await asks(brahim, "self", "project", "out")
    await brahim.taps("more")

    assert told in brahim.screen
    # The other way of a programme: nobody is refused.
    assert "why" in brahim.ids


async def test_each_thing_said_shows_its_source_and_date(brahim: Person) -> None:
    await asks(brahim, "self", "job", "out")
    await brahim.taps("why")

    assert brahim.step == "sources"
    assert "Toute personne sortie peut demander de l’aide à un centre." in brahim.screen
    assert "Source: maroc.ma, 2025 (interview), read in 2026-11" in brahim.screen
    assert "https://www.maroc.ma/" in brahim.screen

    first = brahim.screen
    await brahim.taps("further")
    assert brahim.screen != first
    await brahim.taps("!back")
    assert brahim.step == "outcome"


async def test_every_page_of_sources_is_reached_and_then_the_first_again(brahim: Person) -> None:
    await asks(brahim, "self", "other", "conditional")
    await brahim.taps("why")
    seen = [brahim.screen]
    for _ in range(10):
        await brahim.taps("further")
        if brahim.screen == seen[0]:
            break
        seen.append(brahim.screen)

    assert brahim.screen == seen[0]
    assert len(set(seen)) == len(seen) > 2
    assert any("We found no public source for this." in page for page in seen)
    assert all(len(page) < 3500 for page in seen)


async def test_why_shows_the_sources_of_what_was_just_read(brahim: Person) -> None:
    await asks(brahim, "self", "job", "alternative")
    await brahim.commands("why")

    assert brahim.step == "sources"
    assert brahim.screen.split("\n\n")[1].startswith("Pour une peine alternative")
    await brahim.taps("!back")
    assert brahim.step == "outcome"


async def test_why_from_anywhere_shows_what_is_true_for_everybody(amina: Person) -> None:
    await amina.starts()
    await amina.commands("why")

    assert (amina.flow, amina.step) == ("services", "sources")


async def test_why_after_a_day_of_silence_begins_afresh(brahim: Person) -> None:
    await asks(brahim, "self", "job", "out")
    brahim.scene.later(hours=25)

    await brahim.commands("why")

    assert (brahim.flow, brahim.step) == ("services", "sources")
    assert brahim.draft["given"] == {}


async def test_why_is_not_for_staff(driss: Person) -> None:
    await driss.starts()
    await driss.sends(Command("why"))

    assert driss.flow == "caseworker_menu"


async def test_who_refused_that_anything_is_kept_may_ask_too(scene: Scene) -> None:
    chama = scene.beneficiary("Chama", language="fr", consent=Consent.REFUSED)
    await chama.starts()
    await chama.taps("services", "self", "papers", "out", ENOUGH)

    assert chama.step == "outcome"

    await chama.taps("book")
    assert chama.flow == "consent"


@pytest.mark.parametrize(
    ("step", "draft", "button"),
    [("services", {"order": [], "page": 0}, "job"), ("service", {"need": "job", "page": 0}, "book")],
)
async def test_who_stands_in_the_earlier_version_goes_on(
    brahim: Person, step: str, draft: dict[str, object], button: str
) -> None:
    await brahim.starts()
    await brahim.taps("services")
    session = brahim.session
    choices = tuple(replace(session.choices[0], id=each) for each in (button, "who"))
    brahim.session = replace(session, frame=Frame("services", 1, step, draft), choices=choices)

    await brahim.taps(button)

    assert (brahim.flow, brahim.step) == (
        ("services", "question") if button == "job" else ("booking", "centre")
    )
    assert brahim.draft["need"] == "job"


async def test_the_button_who_can_come_of_the_earlier_version_asks_who(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("services")
    session = brahim.session
    choices = (replace(session.choices[0], id="who"),)
    brahim.session = replace(session, frame=Frame("services", 1, "services", {"page": 0}), choices=choices)

    await brahim.taps("who")

    assert (brahim.flow, brahim.step) == ("services", "asker")


async def test_a_question_that_the_rules_no_longer_have_strands_nobody(brahim: Person) -> None:
    await brahim.starts()
    await brahim.taps("services", "self", "job")
    session = brahim.session
    assert session.frame is not None
    gone = replace(session.frame, draft={**session.frame.draft, "question": "gone"})
    brahim.session = replace(session, frame=gone)

    await brahim.taps(UNSAID)

    assert brahim.step in ("question", "outcome")


async def test_language_old_button_silence_and_stop(amina: Person) -> None:
    await amina.starts()
    await amina.taps("services", "self")
    old = amina.prompt_ref
    await amina.taps("job")
    await amina.taps_old(old, "health")
    assert amina.draft["need"] == "job"

    await amina.says("langue")
    await amina.taps("fr")
    assert "Quelle est votre situation ?" in amina.screen

    await amina.says("stop")
    await amina.taps("undo", "!back")
    assert amina.step == "need"

    amina.scene.later(hours=25)
    await amina.says("1")
    assert amina.flow == "menu"
