"""What a person can get, honestly."""

import pytest

from conversations.care.appointments import Need
from tests.people import Person

# Nothing public supports a refusal, a sum or a promise.
NEVER_SAID = (
    "eligible",
    "MAD",
    "dirham",
    "free of charge",
    "guarantee",
    "you will get",
    "convict",
    "offence",
)


@pytest.mark.parametrize("need", list(Need))
async def test_each_need_is_explained_and_leads_to_a_visit_for_it(amina: Person, need: Need) -> None:
    await amina.starts()
    await amina.taps("services", need)

    assert not any(words in amina.screen for words in NEVER_SAID)
    assert "centre" in amina.screen

    await amina.taps("book")

    assert (amina.flow, amina.step) == ("booking", "centre")
    assert amina.draft["need"] == need


async def test_it_says_who_can_come_and_what_to_bring(amina: Person) -> None:
    await amina.starts()
    await amina.taps("services", "who")

    assert "A short time or long ago, it does not matter" in amina.screen
    assert "come even if something is missing." in amina.screen
    assert not any(words in amina.screen for words in NEVER_SAID)

    await amina.taps("book")
    assert (amina.flow, amina.step) == ("booking", "need")


async def test_back_language_old_button_silence_and_stop(amina: Person) -> None:
    await amina.starts()
    await amina.taps("services")
    old = amina.prompt_ref
    await amina.taps("job")
    await amina.taps_old(old, "health")
    assert amina.draft["need"] == "job"

    await amina.says("langue")
    await amina.taps("fr")
    assert "[fr] 🧰 Work" in amina.screen

    await amina.says("stop")
    await amina.taps("undo", "!back")
    assert amina.step == "services"

    amina.scene.later(hours=25)
    await amina.says("1")
    assert amina.flow == "menu"
