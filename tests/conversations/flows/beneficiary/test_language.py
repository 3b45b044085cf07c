"""The first thing anybody meets, in four languages at once."""

import pytest

from conversations.engine.reply import MediaKind
from tests.people import Person


async def test_a_newcomer_is_greeted_in_four_languages(chama: Person) -> None:
    await chama.starts()

    assert [line[:9] for line in chama.screen.splitlines()] == [
        "👋 مرحبا! ",
        "👋 مرحبًا!",
        "👋 Bonjour",
        "👋 Hello! ",
    ]
    assert chama.buttons == ["الدارجة", "العربية", "Français", "English"]


@pytest.mark.parametrize(("choice", "mark"), [("ary", "[ary]"), ("ar", "[ar]"), ("fr", "[fr]"), ("en", "")])
async def test_the_chosen_language_is_spoken_from_there_on(chama: Person, choice: str, mark: str) -> None:
    await chama.starts()
    await chama.taps(choice)

    assert (await chama.contact()).language == choice
    assert chama.screen.startswith(f"{mark} ✅ We will".strip())
    assert chama.step == "consent"


async def test_a_language_can_be_typed_by_name_or_number(chama: Person) -> None:
    await chama.says("salam", "٣")

    assert (await chama.contact()).language == "fr"


async def test_whatever_comes_first_the_question_of_language_comes_back(chama: Person) -> None:
    await chama.says("hello?")
    await chama.sends_media(MediaKind.STICKER)
    await chama.shares_location(34.0, -6.8)

    assert chama.step == "language"
    assert chama.screen.startswith("👋")


async def test_the_language_can_be_changed_from_anywhere_and_the_person_goes_on(amina: Person) -> None:
    await amina.starts()
    await amina.taps("booking", "job")
    await amina.says("Français")
    await amina.taps("fr")

    assert amina.screen.startswith("[fr] ✅ We will write to you in this language.\n\n[fr] Which centre")
    assert amina.draft["need"] == "job"


async def test_staff_change_their_language_too(driss: Person) -> None:
    await driss.says("language")
    await driss.taps("fr", "!menu")

    assert driss.flow == "caseworker_menu"
    assert "[fr]" in driss.screen
