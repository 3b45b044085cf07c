"""What somebody asks for in their own words opens the right door, and nothing else does."""

import pytest

from conversations.flows.beneficiary.asked_for import asked_for
from tests.people import Person


@pytest.mark.parametrize(
    ("words", "flow"),
    [
        ("بغيت رنديفو", "booking"),
        ("bghit nakhod maw3id 3afak", "booking"),
        ("Je voudrais un rendez-vous", "booking"),
        ("I need an appointment", "booking"),
        ("أريد حجز موعد", "booking"),
        ("بغيت نبدل الموعد", "my_visits"),
        ("annuler mon rdv svp", "my_visits"),
        ("فين كاين المركز؟", "nearest"),
        ("quelle est l'adresse du centre", "nearest"),
        ("واش عندي الحق", "services"),
        ("bghit nkhdem", "services"),
        ("je cherche une formation", "services"),
        ("projet de vie", "life_project"),
        ("بغيت نوجد مشروع الحياة ديالي", "life_project"),
        ("je veux changer mon projet de vie", "life_project"),
        ("عندي مشروع", "services"),
    ],
)
async def test_words_open_the_door_they_name(amina: Person, words: str, flow: str) -> None:
    await amina.starts()
    await amina.says(words)

    assert amina.flow == flow


async def test_the_door_opens_after_a_last_word_too(amina: Person) -> None:
    await amina.starts()
    await amina.taps("person")
    await amina.says("سلام")
    await amina.taps("done")
    assert amina.flow is None
    await amina.says("بغيت رنديفو")

    assert amina.flow == "booking"


async def test_the_door_opens_to_who_comes_back_after_days(amina: Person) -> None:
    await amina.starts()
    await amina.taps("booking")
    amina.scene.later(days=3)
    await amina.says("فين كاين المركز؟")

    assert amina.flow == "nearest"


async def test_thanks_are_answered_kindly(amina: Person) -> None:
    await amina.starts()
    await amina.says("شكرا بزاف الله يرحم الوالدين")

    assert "🙏 You are welcome." in amina.screen
    assert amina.flow == "menu"


@pytest.mark.parametrize("words", ["salam", "merci", "شكرا", "ok", "😀", "safi", "123", "لاباس عليكم"])
async def test_other_words_ask_for_nothing(amina: Person, words: str) -> None:
    assert asked_for(words) is None

    await amina.starts()
    await amina.says(words)

    assert amina.flow == "menu"
