"""Which words always work; danger is heard inside a sentence, the others only alone."""

import pytest

from conversations.engine.words import Word, sounds_like_danger, word_in


@pytest.mark.parametrize(
    "text",
    [
        "bghit nmout",
        "نبغي نموت",
        "راني باغية نموت والله",
        "nebghi nmut",
        "Je suis en danger",
        "au secours, il me frappe",
        "عييت من حياتي",
        "ما بقيتش قادرة نعيش",
        "أفكر في الانتحار كل يوم",
        "kanfekker n9tel rassi had lyam",
        "I WANT TO DIE!!",
        "envie de me tuer",
    ],
)
def test_danger_is_heard_in_a_sentence(text: str) -> None:
    assert word_in(text) is Word.DANGER


@pytest.mark.parametrize(
    "text",
    ["bghit rendez-vous", "je suis content", "شكرا بزاف", "l'endanger", "تاجر", "merci, à demain", "😀"],
)
def test_everyday_words_are_no_danger(text: str) -> None:
    assert not sounds_like_danger(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", Word.STOP),
        ("سطوب", Word.STOP),
        ("Menu", Word.MENU),
        ("القائمة", Word.MENU),
        ("langue", Word.LANGUAGE),
        ("مساعدة", Word.HELP),
        ("personne", Word.PERSON),
        ("رجوع", Word.BACK),
    ],
)
def test_the_others_work_alone(text: str, word: Word) -> None:
    assert word_in(text) is word
    assert word_in(f"{text} wakha nchoufo ghedda inchallah") is None
