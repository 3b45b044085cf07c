"""Templates are what the platform approves, and messages fit into them."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.channels.plain_text import units
from bot.channels.whatsapp_templates import (
    FORMS,
    MAX_BODY,
    MAX_BUTTON,
    PLACE,
    Template,
    TemplateUse,
    template_use,
    templates_of,
    without_emoji,
)
from bot.texts import load_texts
from conversations.engine.engine import SHOW
from conversations.engine.flow import Choice
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.flows.staff.announcement import announcement_prompt
from conversations.flows.staff.broadcast import LONGEST_TEXT
from storage.templates import TemplateState
from tests.graph_bodies import filled_in, judge_template
from tests.people import MONDAY

ALL = templates_of(load_texts())
COMING = (Choice("coming", "👍 Je viens"), Choice("change", "🔄 Changer"), Choice("cancel", "❌ Annuler"))
REMINDER = OutboundMessage("📅 Un rappel\n\nMardi\n09:30", "fr", choices=COMING, prompt_ref="n12")


def named(key: str, language: str = "fr") -> Template:
    (found,) = [each for each in ALL if (each.form.key, each.language) == (key, language)]
    return found


def approved(*templates: Template, status: str = "approved") -> list[TemplateState]:
    return [
        TemplateState(each.name, each.platform_language, status, "utility", None, MONDAY)
        for each in templates
    ]


def used(
    message: OutboundMessage, purpose: Purpose = Purpose.REMINDER, states: list[TemplateState] | None = None
) -> TemplateUse | None:
    return template_use(message, purpose, ALL, approved(*ALL) if states is None else states)


def ids(template: Template) -> str:
    return f"{template.form.key}-{template.language}"


@pytest.mark.parametrize("template", ALL, ids=ids)
def test_each_is_one_that_the_platform_takes(template: Template) -> None:
    judge_template(template.submission())

    assert template.body.count(PLACE) == 1
    assert all(0 < len(label) <= MAX_BUTTON for label in template.buttons)
    # Source: WhatsApp Manager: buttons hold no emoji, variables or line ends.
    assert not re.search(r"[^\w\s'’.\-]", " ".join(template.buttons))
    assert len(template.buttons) == len(template.form.choices)
    assert len(template.name) <= 80
    assert re.fullmatch(r"[a-z_]+", template.name), "digits in a row are hidden from logs"


def test_there_is_one_of_each_form_in_each_language_and_no_two_share_a_name() -> None:
    assert len({(each.name, each.platform_language) for each in ALL}) == len(ALL) == len(FORMS) * 4


@pytest.mark.parametrize("purpose", [each for each in Purpose if each is not Purpose.REPLY])
def test_what_is_pushed_has_a_template(purpose: Purpose) -> None:
    assert any(form.purpose is purpose for form in FORMS)


def test_other_words_are_another_template() -> None:
    template = named("reminder_coming")

    assert replace(template, body=template.body + "!").name != template.name
    assert replace(template, buttons=("A", "B", "C")).name != template.name
    assert replace(template, example="another").name == template.name


def test_a_message_goes_as_the_template_with_its_own_choices() -> None:
    use = used(REMINDER)

    assert use is not None
    assert (use.name, use.platform_language) == (named("reminder_coming").name, "fr")
    text, buttons = filled_in(named("reminder_coming").submission(), use.body()["template"])
    assert "📅 Un rappel · Mardi · 09:30" in text
    assert [payload for _, payload in buttons] == ["n12:coming", "n12:change", "n12:cancel"]


def test_somebody_long_silent_has_the_same_template() -> None:
    """Their message has one more button: "This is not me"."""
    asked = (Choice("fine", "Bien"), Choice("so_so", "Moyen"), Choice("help", "Aide"))
    use = used(replace(REMINDER, choices=(*asked, Choice("!not_me", "Ce n'est pas moi"))), Purpose.CHECK_IN)

    assert use is not None
    assert use.name == named("check_in").name


def test_other_choices_are_shown_after_a_tap() -> None:
    use = used(replace(REMINDER, choices=(Choice("call", "Appelez-moi"),)), Purpose.VISIT)

    assert use is not None
    assert use.name == named("visit").name
    assert use.payloads == (f"n12:{SHOW}",)


def test_what_asks_nothing_leads_to_the_menu() -> None:
    use = used(OutboundMessage("⚠️ Le disque est plein.", "fr"), Purpose.STAFF)

    assert use is not None
    assert use.payloads == ("g:!menu",)


def test_a_long_text_is_cut_and_shown_whole_after_a_tap() -> None:
    choices = (Choice("answer", "Répondre"), Choice("thanks", "Merci"))
    use = used(replace(REMINDER, text="mot " * 500, choices=choices), Purpose.HANDOVER)

    assert use is not None
    assert use.name == named("handover").name
    text, _ = filled_in(named("handover").submission(), use.body()["template"])
    assert units(text) <= MAX_BODY
    assert use.value.endswith("mot…")


@pytest.mark.parametrize("language", ["ary", "ar", "fr", "en"])
def test_an_announcement_is_what_people_see_elsewhere(language: str) -> None:
    texts = load_texts()[language]
    prompt = announcement_prompt(texts, "ا" * LONGEST_TEXT)
    message = OutboundMessage(prompt.text, language, choices=tuple(prompt.choices))

    use = used(message, Purpose.BROADCAST)

    assert use is not None
    text, buttons = filled_in(named("broadcast", language).submission(), use.body()["template"])
    assert text == prompt.text
    assert [payload for _, payload in buttons] == ["g:!stop"]


def test_darija_has_templates_of_its_own_that_go_as_arabic() -> None:
    use = used(replace(REMINDER, language="ary"))

    assert use is not None
    assert (use.name, use.platform_language) == (named("reminder_coming", "ary").name, "ar")
    assert use.name != named("reminder_coming", "ar").name


@pytest.mark.parametrize("status", ["pending", "rejected", "paused", "disabled"])
def test_only_what_is_approved_is_sent(status: str) -> None:
    assert used(REMINDER, states=approved(*ALL, status=status)) is None
    assert used(REMINDER, states=[]) is None


def test_one_approved_in_another_language_is_no_help() -> None:
    assert used(REMINDER, states=approved(named("reminder_coming", "ar"))) is None


def test_while_its_own_waits_the_one_for_all_is_sent() -> None:
    states = approved(named("reminder_coming"), status="paused") + approved(named("reminder"))
    use = used(REMINDER, states=states)

    assert use is not None
    assert use.name == named("reminder").name


def test_the_version_before_is_sent_until_todays_is_approved() -> None:
    today = named("reminder_coming")
    old = f"{today.name[:-8]}00000000"
    before = TemplateState(old, "fr", "approved", "utility", None, MONDAY + timedelta(days=1))

    waiting = used(REMINDER, states=[before, *approved(today, status="pending")])
    both = used(REMINDER, states=[before, *approved(today)])

    assert waiting is not None
    assert both is not None
    assert (waiting.name, both.name) == (old, today.name)


def test_an_answer_has_no_template() -> None:
    assert used(REMINDER, Purpose.REPLY) is None


def test_a_value_has_no_line_ends_and_is_never_empty() -> None:
    for text in ("a\n\nb\tc\r\nd          e", "", "\n \n"):
        use = used(replace(REMINDER, text=text))
        assert use is not None
        filled_in(named("reminder_coming").submission(), use.body()["template"])
        assert use.value.strip()


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("👍 I am coming", "I am coming"),
        ("🆘 محتاج مساعدة", "محتاج مساعدة"),
        ("Fine", "Fine"),
        ("✍️ Answer", "Answer"),
    ],
)
def test_labels_lose_their_emoji(label: str, words: str) -> None:
    assert without_emoji(label) == words
