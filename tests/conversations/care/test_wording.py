"""What managers may not say."""

from dataclasses import replace

import pytest

from bot.questions_file import read_questions
from bot.rules_file import read_rules
from conversations.care.edition import QUESTION_FIELDS
from conversations.care.questions import Question
from conversations.care.rules import LONGEST, Fact, Programme, Service, Tag
from conversations.care.wording import Slot, WordingFault, names_amount, refusal_in, wording_fault

SLOT = Slot(language="en", longest=60, before="Ask at the centre.", tag=Tag.FOUNDATION)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Come to the centre and ask.", None),
        ("", WordingFault.EMPTY),
        ("A " * 31, WordingFault.TOO_LONG),
        ("You get 5 000 dirhams.", WordingFault.MONEY),
        ("You are not eligible.", WordingFault.REFUSAL),
        ("Ask {name} at the centre.", WordingFault.PLACEHOLDER),
        ("Ask at the centre}.", WordingFault.PLACEHOLDER),
        ("اسأل المركز", WordingFault.SCRIPT),
        ("The Foundation says so.", None),
    ],
)
def test_the_first_fault_is_named(text: str, fault: WordingFault | None) -> None:
    assert wording_fault(text.strip(), SLOT) is fault


def test_a_placeholder_has_to_stay() -> None:
    slot = replace(SLOT, before="It opens on {day}.")

    assert wording_fault("From {day} on.", slot) is None
    assert wording_fault("It opens soon.", slot) is WordingFault.PLACEHOLDER


def test_what_nobody_has_said_is_not_made_the_foundations_word() -> None:
    slots = {"en": "The Foundation says yes.", "fr": "La Fondation dit oui.", "ar": "تقول المؤسسة نعم"}
    for language, text in slots.items():
        unsaid = replace(SLOT, language=language, tag=Tag.UNKNOWN)
        assert wording_fault(text, unsaid) is WordingFault.FOUNDATION
        assert wording_fault(text, replace(unsaid, tag=Tag.OFFICIAL)) is None


def test_a_label_is_counted_as_whatsapp_counts() -> None:
    label = replace(SLOT, longest=24, in_units=True)

    assert wording_fault("👪" * 4 + " for the family!", label) is None
    assert wording_fault("👪" * 5 + " for the family!", label) is WordingFault.TOO_LONG


@pytest.mark.parametrize(
    "text",
    [
        "5000 DH",
        "5.000 MAD",
        "٥٠٠٠ درهم",
        "خمسة آلاف درهم",
        "ألف درهم",
        "jusqu'à mille dirhams",
        "MAD 500",
        "500 €",
        "$500",
        "cinq mille petits dirhams",
        "3000dh",
    ],
)
def test_an_amount_is_seen_in_digits_and_in_words(text: str) -> None:
    assert names_amount(text)


@pytest.mark.parametrize(
    "text", ["No amount in dirhams is promised.", "Le 12 décembre", "2027", "بلا حتى درهم"]
)
def test_what_is_no_amount_may_be_said(text: str) -> None:
    assert not names_amount(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Vous n'êtes pas éligible.", "pas eligible"),
        ("Votre demande sera refusée", "sera refuse"),
        ("أنت غير مؤهل", "غير موهل"),
        ("ما عندكش الحق", "ما عندكش الحق"),
        ("You can’t come.", "you can t"),
    ],
)
def test_what_shuts_the_door_is_found(text: str, words: str) -> None:
    assert refusal_in(text) == words


def test_all_that_was_shipped_may_be_said_again() -> None:
    """A manager who changes a word of a text is not stopped by the others."""
    wrong = [
        (entry, name, language, fault)
        for entry, name, language, text, tag, longest in _shipped()
        if (fault := wording_fault(text, Slot(language, longest, text, tag, in_units=name == "label")))
    ]

    assert wrong == []


def _shipped() -> list[tuple[str, str, str, str, Tag, int]]:
    rules = read_rules()
    facts: list[Fact] = [*rules.services, *rules.programmes, *rules.rules, rules.bring]
    found = []
    for fact in facts:
        said = {"text": fact.text}
        if isinstance(fact, Service):
            said["next"] = fact.next
        if isinstance(fact, Programme):
            said["name"] = fact.name
        for name, texts in said.items():
            found += [(fact.id, name, language, text, fact.tag, LONGEST) for language, text in texts.items()]
    questions: tuple[Question, ...] = read_questions().questions
    for question in questions:
        for language, wording in question.wordings.items():
            found += [
                (question.id, name, language, getattr(wording, name), question.tag, longest)
                for name, longest in QUESTION_FIELDS.items()
            ]
    return found
