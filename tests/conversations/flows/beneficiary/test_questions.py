"""Questions people ask: by topic and in one's own words, answered with their sources, never by a guess."""

from dataclasses import replace

import pytest

from conversations.care.people import Consent
from conversations.care.questions import Next, Question, Topic
from conversations.engine.reply import MediaKind
from tests.fakes import real_world
from tests.people import Person, Scene

ALL = [question for topic in Topic for question in real_world().questions.about(topic)]


async def opens(person: Person) -> None:
    await person.starts()
    await person.taps("services", "questions")


@pytest.fixture
def visitor(scene: Scene) -> Person:
    """Somebody who refused that anything is kept."""
    return scene.beneficiary("Zineb", language="fr", consent=Consent.REFUSED)


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.id)
async def test_every_question_is_reached_by_buttons_and_leads_on(brahim: Person, question: Question) -> None:
    await opens(brahim)
    await brahim.taps(question.topic)
    if brahim.step == "question":
        assert brahim.ids == [
            *(each.id for each in brahim.scene.world.questions.about(question.topic)),
            *("!back", "!menu"),
        ]
        await brahim.taps(question.id)

    assert brahim.step == "answer"
    assert question.wordings["fr"].answer in brahim.screen
    assert "[fr] Last reviewed: dimanche 22 novembre 2026" in brahim.screen
    for thing in question.next:
        assert thing in brahim.ids
    assert {"sources", "person", "others"} <= set(brahim.ids)
    assert len(brahim.ids) <= 9

    await brahim.taps("sources")
    for source in question.sources:
        assert source.title in brahim.screen
        assert source.url in brahim.screen
    await brahim.taps("!back")
    assert brahim.step == "answer"


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.id)
async def test_where_no_text_settles_it_the_centre_decides(amina: Person, question: Question) -> None:
    await opens(amina)
    await amina.says(question.wordings["ar"].question)

    assert (amina.flow, amina.step) == ("questions", "answer")
    assert question.wordings["ar"].answer in amina.screen
    is_open = question.tag in ("I", "U")
    assert ("[ar] No public text settles this: the centre decides." in amina.screen) is is_open


@pytest.mark.parametrize("thing", [thing for thing in Next if thing is not Next.BOOK])
async def test_each_next_thing_opens_its_flow(brahim: Person, thing: Next) -> None:
    question = next(each for each in ALL if thing in each.next)
    await brahim.starts()
    await brahim.says(question.wordings["fr"].question)
    await brahim.taps(thing)

    assert brahim.flow == thing


async def test_a_visit_is_booked_for_the_need_of_the_question(brahim: Person) -> None:
    await brahim.starts()
    await brahim.says("Puis-je reprendre mes études ?")
    await brahim.taps("book")

    assert (brahim.flow, brahim.step) == ("booking", "centre")
    assert brahim.draft["need"] == "training"


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("دوزت غير شهرين فالحبس واش نقدر نجي عندكم للمركز؟", "short_time"),
        ("kont ghir chwiya f lhabs wach ne9der nji lmarkaz", "short_time"),
        ("quels papiers dois-je apporter pour le rendez-vous", "papers"),
        ("ch7al dyal lflous kat3tiw", "money"),
    ],
)
async def test_a_question_in_own_words_is_answered_before_any_everyday_word(
    brahim: Person, said: str, question: str
) -> None:
    """ "Rendez-vous" alone would lead to booking."""
    await brahim.starts()
    await brahim.says(said)

    if brahim.step == "meant":
        assert question in brahim.ids
    else:
        assert (brahim.step, brahim.draft["question"]) == ("answer", question)


@pytest.mark.parametrize(
    ("said", "flow"),
    [("فين كاين المركز؟", "nearest"), ("بغيت رنديفو", "booking"), ("bghit nkhdem", "services")],
)
async def test_everyday_words_still_open_their_doors(amina: Person, said: str, flow: str) -> None:
    await amina.starts()
    await amina.says(said)

    assert amina.flow == flow


async def test_what_may_mean_several_questions_is_never_answered_by_a_guess(brahim: Person) -> None:
    await opens(brahim)
    await brahim.says("mon casier")

    assert brahim.step == "meant"
    assert brahim.screen == "[fr] Do you mean one of these?"
    *guesses, person, none, back, menu = brahim.ids
    assert 1 <= len(guesses) <= 3
    assert (person, none, back, menu) == ("person", "none", "!back", "!menu")

    await brahim.taps(guesses[0])
    assert (brahim.step, brahim.draft["question"]) == ("answer", guesses[0])


async def test_none_of_these_is_counted_and_a_person_is_offered(brahim: Person) -> None:
    await opens(brahim)
    await brahim.says("mon casier, Driss")
    assert brahim.scene.desk.unanswered.rows == []
    await brahim.taps("none")

    assert brahim.step == "unknown"
    (kept,) = brahim.scene.desk.unanswered.rows
    assert (kept.language, kept.words, kept.count) == ("fr", "mon casier …", 1)

    await brahim.taps("person")
    assert brahim.flow == "person"


async def test_a_question_without_an_answer_is_counted_without_its_name_and_number(brahim: Person) -> None:
    await opens(brahim)
    await brahim.says("Je suis Hassan Benali 0612345678, comment avoir un passeport ?")

    assert brahim.step == "unknown"
    assert "We have no answer to this yet." in brahim.screen
    assert [row.words for row in brahim.scene.desk.unanswered.rows] == [
        "je suis … comment avoir un passeport"
    ]

    await brahim.starts()
    await brahim.says("Je suis Samira Alaoui 0698765432, comment avoir un passeport ?")
    (row,) = brahim.scene.desk.unanswered.rows
    assert row.count == 2


async def test_small_talk_at_the_menu_is_no_question(brahim: Person) -> None:
    await brahim.starts()
    await brahim.says("Salam Hassan")

    assert brahim.flow == "menu"
    assert "I did not understand" in brahim.screen
    assert brahim.scene.desk.unanswered.rows == []


async def test_who_refused_may_ask_and_nothing_is_kept(visitor: Person) -> None:
    await visitor.starts()
    await visitor.taps("questions", "coming", "papers")
    assert visitor.step == "answer"

    await visitor.starts()
    await visitor.says("Puis-je reprendre mes études ?")
    assert (visitor.flow, visitor.step) == ("questions", "answer")

    await visitor.says("comment avoir un passeport")
    assert visitor.step == "unknown"
    await visitor.says("mon casier")
    assert visitor.draft["words"] == ""
    await visitor.taps("none")
    assert visitor.scene.desk.unanswered.rows == []


async def test_where_services_ask_a_question_may_be_written(amina: Person) -> None:
    await amina.starts()
    await amina.taps("services")
    await amina.says("شحال ديال الفلوس غادي ناخد")

    assert (amina.flow, amina.draft["question"]) == ("questions", "money")


async def test_why_shows_the_sources_of_this_answer(brahim: Person) -> None:
    await brahim.starts()
    await brahim.says("Puis-je reprendre mes études ?")
    await brahim.commands("why")

    assert (brahim.flow, brahim.step) == ("questions", "sources")
    assert "MAP Express, 07/2024" in brahim.screen


async def test_the_first_line_tells_nothing_to_a_bystander(brahim: Person) -> None:
    """It is the topic's name, which the catalogues' check reads for what it tells; never the question."""
    labels = (
        "🚪 Coming to the centre",
        "🧰 Work and projects",
        "👪 For whom it is",
        "⚖️ Papers and the law",
        "☎️ Whom to call",
    )
    for question in ALL:
        await opens(brahim)
        await brahim.says(question.wordings["en"].question)
        assert brahim.screen.splitlines()[0] in [f"[fr] {label}" for label in labels]


async def test_back_language_old_button_restart_silence_voice_and_stop(amina: Person) -> None:
    await opens(amina)
    old = amina.prompt_ref
    await amina.taps("work", "money")
    await amina.taps_old(old, "coming")
    assert (amina.step, amina.draft["question"]) == ("answer", "money")

    await amina.says("langue")
    await amina.taps("fr")
    assert "Aucun montant fixe n'est public." in amina.screen

    await amina.sends_media(MediaKind.VOICE)
    assert "I can't listen or look here yet." in amina.screen

    await amina.taps("!back")
    assert amina.step == "question"
    await amina.taps("!back")
    assert amina.step == "topic"

    amina.scene.later(days=2)
    await amina.says("stop")
    assert amina.flow == "stop"


async def test_a_question_that_is_gone_strands_nobody(brahim: Person) -> None:
    await opens(brahim)
    await brahim.taps("work", "money")
    frame = brahim.session.frame
    assert frame
    brahim.session = replace(brahim.session, frame=replace(frame, draft={**frame.draft, "question": "old"}))
    await brahim.says("langue")
    await brahim.taps("fr")

    assert "This question is no longer there." in brahim.screen
    await brahim.taps("others")
    assert brahim.step == "topic"
