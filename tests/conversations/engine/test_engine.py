"""What the engine promises of every flow, shown in a tea house."""

from dataclasses import replace
from typing import Any

import pytest

from conversations.engine.engine import SHOW
from conversations.engine.flow import Choice, Flow, Goto, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.reply import MediaKind, Tap, Text
from conversations.engine.turn import Push, Turn
from tests.conversations.engine.tea_house import (
    ORDER,
    ChooseCups,
    ChooseTea,
    Confirm,
    Order,
    Ring,
    TellTable,
    next_version,
    tea_house,
)
from tests.people import Person, Scene


async def rings(scene: Scene, person: Person, key: int = 1) -> None:
    await scene.pushes_out(
        Push(person.contact_id, "bell", Ring(key), Purpose.STAFF, key=f"bell:{key}", subject=f"bell:{key}")
    )


# The straight way


async def test_an_order_goes_from_the_first_question_to_the_last_word(amina: Person) -> None:
    await amina.taps("mint", "2")
    await amina.says("by the door")

    assert amina.screen == "2 cups of mint for table by the door?"

    await amina.taps("yes")

    assert amina.screen == "Your tea is coming."
    assert amina.buttons == ["🏠 Menu"]
    assert amina.flow is None


async def test_a_newcomer_meets_the_gate_then_the_hall(chama: Person) -> None:
    await chama.says("good morning")

    assert chama.screen == "English? Français? العربية؟"

    await chama.taps("en")

    assert chama.screen == "Fine."

    await chama.taps("!menu")

    assert chama.screen == "Welcome."


async def test_a_tap_is_answered_in_place_and_words_are_answered_below(amina: Person) -> None:
    tapped = await amina.taps("mint", "2")
    typed = await amina.says("terrace")

    assert tapped.in_place
    assert not typed.in_place


async def test_the_location_keyboard_is_taken_away_with_the_next_prompt(amina: Person) -> None:
    asking = await amina.taps("mint", "2")
    next_one = await amina.says("terrace")

    assert asking.wants_location
    assert next_one.takes_keyboard_away


async def test_a_position_is_an_answer_where_one_was_asked_for(amina: Person) -> None:
    await amina.taps("mint", "2")
    await amina.shares_location(34.05, -6.79)

    assert amina.screen == "2 cups of mint for table outside?"


async def test_a_flow_of_other_roles_stays_shut(amina: Person, driss: Person) -> None:
    await amina.commands("cupboard")
    await driss.commands("cupboard", "Quick.")

    assert amina.screen == "You can't do that here.\n\nWelcome."
    assert driss.screen == "Quick.\n\nSugar, cups, spoons."


# What was meant


@pytest.mark.parametrize("typed", ["1", "١", "۱", " 1. ", "🌿 Mint", "mint", "MINT!"])
async def test_a_choice_can_be_typed_as_number_or_label(amina: Person, typed: str) -> None:
    await amina.says(typed)

    assert amina.step == "cups"
    assert amina.draft["tea"] == "mint"


async def test_a_label_typed_in_another_language_means_the_same(scene: Scene) -> None:
    brahim = scene.beneficiary("Brahim", language="fr")
    await brahim.starts()
    await brahim.says("☕ Order")
    await brahim.says("[ar] black")

    assert brahim.draft["tea"] == "black"
    assert brahim.screen == "[fr] How many cups?"


async def test_free_text_is_taken_as_it_is_where_a_step_asks_for_it(amina: Person) -> None:
    await amina.taps("mint", "2")
    await amina.says("1")

    assert amina.draft["table"] == "1"


async def test_replies_are_matched_against_what_was_shown_not_against_what_would_be(amina: Person) -> None:
    """Meanwhile the house offers its teas in another order."""

    class Reversed(ChooseTea):
        async def ask(self, turn: Turn[Order]) -> Prompt:
            prompt = await super().ask(turn)
            return replace(prompt, choices=list(reversed(prompt.choices)))

    amina.scene.routes = tea_house(replace(ORDER, steps=[Reversed, *ORDER.steps[1:]]))
    await amina.says("1")

    assert amina.draft["tea"] == "mint"


async def test_a_choice_that_was_not_offered_does_nothing(amina: Person) -> None:
    await amina.sends(Tap(amina.prompt_ref, "poison"))

    assert amina.step == "tea"
    assert "Which tea?" in amina.screen


async def test_what_is_not_understood_is_said_and_asked_again(amina: Person) -> None:
    await amina.says("coffee")

    assert amina.screen == "I did not understand. Please choose one of the buttons.\n\nWhich tea?"


async def test_a_voice_note_gets_an_honest_word(amina: Person) -> None:
    await amina.sends_media(MediaKind.VOICE)

    assert "I can't listen or look here yet." in amina.screen
    assert amina.step == "tea"


async def test_three_misses_in_a_row_offer_a_person(amina: Person) -> None:
    await amina.says("coffee", "milk")
    assert "to reach somebody" not in amina.screen

    await amina.says("juice")

    assert "to reach somebody" in amina.screen


async def test_an_answer_in_between_ends_the_row_of_misses(amina: Person) -> None:
    await amina.says("coffee", "milk", "mint", "a bucket")

    assert "to reach somebody" not in amina.screen


# Back, menu, old buttons


async def test_back_asks_the_question_before_and_keeps_the_answers(amina: Person) -> None:
    await amina.taps("mint", "4", "!back")

    assert amina.step == "cups"
    assert amina.draft == {"tea": "mint", "cups": 4, "table": ""}

    await amina.taps("!back")

    assert amina.step == "tea"
    assert "⬅️ Back" not in amina.buttons


async def test_going_on_to_an_earlier_question_is_going_back(amina: Person) -> None:
    """A step may offer "another tea": the way there and round again must not pile up."""

    class Undecided(Confirm):
        async def chosen(self, turn: Turn[Order], choice_id: str) -> Move:
            return Goto(ChooseCups)

    amina.scene.routes = tea_house(replace(ORDER, steps=[*ORDER.steps[:3], Undecided]))
    await amina.taps("mint")
    for _ in range(3):
        await amina.taps("2")
        await amina.says("terrace")
        await amina.taps("yes")

    assert amina.session.frame is not None
    assert amina.session.frame.history == ("tea",)


async def test_back_from_the_first_question_leads_to_the_hall(amina: Person) -> None:
    await amina.says("back")

    assert amina.flow == "hall"


async def test_menu_leads_to_the_hall_and_the_order_is_forgotten(amina: Person) -> None:
    await amina.taps("mint", "!menu")
    assert amina.flow == "hall"

    await amina.taps("order")

    assert amina.draft["cups"] == 0
    assert "tea" not in amina.draft


async def test_a_tap_on_an_old_button_changes_nothing_and_shows_where_we_are(amina: Person) -> None:
    old = amina.prompt_ref
    await amina.taps("mint", "2")

    answer = await amina.taps_old(old, "black")

    assert answer.text.startswith("That button was from an older message.")
    assert "At which table?" in answer.text
    assert not answer.in_place
    assert amina.draft["tea"] == "mint"


async def test_the_second_of_two_quick_taps_is_not_answered(amina: Person) -> None:
    old = amina.prompt_ref
    before = await amina.taps("mint")
    await amina.sends(Tap(old, "mint"))

    assert amina.last is before
    assert amina.step == "cups"


async def test_menu_on_an_old_message_still_works(amina: Person) -> None:
    old = amina.prompt_ref
    await amina.taps("mint", "2")
    await amina.taps_old(old, "!menu")

    assert amina.screen == "Welcome."


# Languages


async def test_a_language_chosen_half_way_goes_on_at_the_same_question(amina: Person) -> None:
    await amina.taps("mint")
    await amina.says("Français")
    assert amina.flow == "tongue"

    await amina.taps("fr")

    assert amina.screen == "[fr] Fine.\n\n[fr] How many cups?"
    assert amina.draft["tea"] == "mint"

    await amina.taps("2")
    await amina.says("terrasse")

    assert amina.screen == "[fr] 2 cups of mint for table terrasse?"


async def test_asking_for_languages_twice_asks_once(amina: Person) -> None:
    await amina.says("menu", "language", "language")
    await amina.taps("fr")

    assert amina.flow is None
    assert amina.screen == "[fr] Fine."


async def test_values_keep_their_direction_in_arabic_and_labels_carry_no_marks(scene: Scene) -> None:
    amina = scene.beneficiary("Amina", language="ar")
    await amina.starts()
    await amina.taps("order", "mint", "2")
    await amina.says("Terrace")

    assert "\u2068Terrace\u2069" in amina.last.raw
    assert not any("\u2068" in label for label in amina.buttons)


# Words that always work


@pytest.mark.parametrize("word", ["stop", "STOP", "توقف", "arrêtez", "help", "الاتصال بموظف"])
async def test_a_word_interrupts_and_the_order_goes_on_afterwards(amina: Person, word: str) -> None:
    await amina.taps("mint")
    await amina.says(word)
    assert amina.flow == "bell"

    await amina.taps("hush")

    assert amina.screen == "It is quiet now.\n\nHow many cups?"


async def test_danger_is_heard_anywhere_also_where_free_text_is_asked_for(amina: Person) -> None:
    await amina.taps("mint", "2")
    await amina.says("I want to die tonight")

    assert amina.screen.startswith("Somebody is coming.")


async def test_danger_is_heard_under_a_picture_too(amina: Person) -> None:
    await amina.sends_media(MediaKind.PHOTO, caption="I want to die tonight")

    assert amina.screen.startswith("Somebody is coming.")


async def test_staff_may_write_about_danger(driss: Person) -> None:
    await driss.starts()
    await driss.taps("order", "mint", "2")
    await driss.says("no suicide talk")

    assert driss.draft["table"] == "no suicide talk"


# Versions


async def test_a_renamed_step_goes_on_where_the_person_was(amina: Person) -> None:
    class ChooseGlasses(ChooseCups):
        name = "glasses"

    await amina.taps("mint")
    amina.scene.routes = tea_house(
        replace(ORDER, steps=[ChooseTea, ChooseGlasses, TellTable, Confirm], renamed={"cups": "glasses"})
    )
    await amina.taps("4")

    assert amina.step == "table"
    assert amina.draft["cups"] == 4


async def test_a_step_that_is_gone_leads_back_politely(amina: Person) -> None:
    await amina.taps("mint")
    amina.scene.routes = tea_house(replace(ORDER, steps=[ChooseTea, TellTable, Confirm]))
    await amina.taps("4")

    assert amina.screen == "We have improved this part meanwhile. Let us start it again.\n\nWelcome."


async def test_a_new_version_without_upgrade_starts_again_politely(amina: Person) -> None:
    await amina.taps("mint")
    amina.scene.routes = tea_house(next_version(upgrades=False))
    await amina.taps("4")

    assert amina.screen == "We have improved this part meanwhile. Let us start it again.\n\nWelcome."


async def test_a_new_version_upgrades_a_draft_once(amina: Person) -> None:
    await amina.taps("mint", "4")
    amina.scene.routes = tea_house(next_version(upgrades=True))
    await amina.says("terrace")
    assert amina.screen == "2 cups of mint for table terrace?"

    await amina.says("perhaps")

    assert amina.screen.endswith("2 cups of mint for table terrace?")


async def test_a_draft_that_no_longer_fits_starts_again_politely(amina: Person) -> None:
    frame = amina.session.frame
    assert frame is not None
    amina.session = replace(amina.session, frame=replace(frame, draft={"tea": "coffee"}))
    await amina.taps("mint")

    assert amina.screen.startswith("We have improved this part meanwhile.")


# Silence


async def test_after_a_day_of_silence_the_order_is_over(amina: Person) -> None:
    await amina.taps("mint")
    amina.scene.later(hours=25)
    await amina.taps_old(amina.prompt_ref, "4")

    assert amina.flow == "hall"
    assert "Here is where we are now." in amina.screen


async def test_within_the_day_the_order_waits(amina: Person) -> None:
    await amina.taps("mint")
    amina.scene.later(hours=23)
    await amina.taps("4")

    assert amina.step == "table"


async def test_the_hall_waits_for_ever(amina: Person) -> None:
    await amina.taps("!menu")
    amina.scene.later(days=300)
    await amina.taps("order")

    assert amina.screen == "Which tea?"


# Notices


async def test_a_trembling_finger_on_a_notice_is_only_acknowledged(amina: Person) -> None:
    await amina.taps("mint")
    await rings(amina.scene, amina)
    notice = amina.notice
    await amina.taps_notice("hush")
    done = amina.last

    await amina.sends(Tap(notice.prompt_ref, "hush"))
    assert amina.last is done

    await amina.taps_notice("hush", notice)
    assert "older message" in amina.screen


async def test_another_button_of_the_same_list_is_a_wish_at_once(amina: Person) -> None:
    old = amina.prompt_ref
    await amina.taps("mint")
    order = amina.last

    await amina.sends(Tap(old, "mint"))
    assert amina.last is order

    await amina.sends(Tap(old, "black"))
    assert amina.screen.startswith("That button was from an older message. Here is where we are now.")
    assert amina.step == "cups"


async def test_after_the_clock_was_put_back_a_tap_is_not_taken_for_a_trembling_finger(amina: Person) -> None:
    old = amina.prompt_ref
    await amina.taps("mint")
    amina.scene.later(hours=-1)

    await amina.sends(Tap(old, "mint"))

    assert "older message" in amina.screen


async def test_a_notice_that_ends_at_once_leaves_the_session_as_it_was(amina: Person) -> None:
    await amina.taps("mint")
    before = amina.session
    await rings(amina.scene, amina)
    await amina.taps_notice("hush")

    assert amina.last.text == "It is quiet now."
    assert amina.last.in_place
    assert amina.session.frame == before.frame
    assert amina.session.prompt_ref == before.prompt_ref
    assert amina.session.choices == before.choices
    assert not amina.notice.is_open

    await amina.taps("4")

    assert amina.step == "table"


async def test_a_notice_can_lead_on_and_the_order_goes_on_afterwards(amina: Person) -> None:
    await amina.taps("mint")
    await rings(amina.scene, amina)
    await amina.taps_notice("tell")
    assert amina.screen == "What shall the cook know?"

    await amina.says("more sugar")

    assert amina.screen == "The cook knows: more sugar\n\nHow many cups?"
    assert amina.draft == {"tea": "mint", "cups": 0, "table": ""}


async def test_a_notice_stays_open_while_it_is_only_looked_at_again(amina: Person) -> None:
    await rings(amina.scene, amina)
    answer = await amina.taps_notice("again")

    assert answer.text == "It still sings.\n\nThe kettle sings."
    assert answer.in_place
    assert amina.notice.is_open

    await amina.taps_notice("hush")

    assert amina.screen == "It is quiet now."


async def test_a_notice_that_was_announced_in_short_is_shown_whole_with_the_choices_stored(
    amina: Person,
) -> None:
    await amina.taps("mint")
    before = amina.session
    await rings(amina.scene, amina)

    await amina.sends(Tap(amina.notice.prompt_ref, SHOW))

    assert amina.last.text == "The kettle sings."
    assert amina.last.prompt_ref == amina.notice.prompt_ref
    assert not amina.last.in_place
    assert amina.notice.is_open
    assert (amina.session.frame, amina.session.prompt_ref) == (before.frame, before.prompt_ref)

    await amina.taps_notice("hush")

    assert amina.screen == "It is quiet now."


async def test_a_spent_notice_is_not_shown_again(amina: Person) -> None:
    await rings(amina.scene, amina)
    await amina.taps_notice("hush")
    amina.scene.later(minutes=1)

    await amina.sends(Tap(amina.notice.prompt_ref, SHOW))

    assert amina.screen.startswith("That button was from an older message.")


async def test_a_spent_notice_does_nothing_more(amina: Person) -> None:
    await rings(amina.scene, amina)
    await amina.taps_notice("hush")
    await amina.taps_notice("hush")

    assert amina.screen.startswith("That button was from an older message.")
    assert amina.step == "tea"


async def test_a_notice_that_no_longer_holds_is_not_shown(amina: Person) -> None:
    await rings(amina.scene, amina, key=13)

    assert amina.notices == []


async def test_words_typed_after_a_notice_answer_it(amina: Person) -> None:
    amina.scene.later(minutes=1)
    await rings(amina.scene, amina)
    await amina.says("Hush it")

    assert amina.screen == "It is quiet now."
    assert amina.step == "tea"


async def test_words_typed_after_a_newer_prompt_are_meant_for_that(amina: Person) -> None:
    """An unanswered notice must not catch the "1" that answers the question below it."""
    await rings(amina.scene, amina)
    amina.scene.later(minutes=1)
    await amina.taps("!menu", "order")
    await amina.says("1")

    assert amina.step == "cups"
    assert amina.notice.is_open


async def test_a_notice_of_a_flow_that_is_gone_says_so(amina: Person) -> None:
    await rings(amina.scene, amina)
    amina.scene.routes = replace(
        amina.scene.routes,
        flows={name: flow for name, flow in amina.scene.routes.flows.items() if name != "bell"},
    )
    await amina.taps_notice("hush")

    assert amina.screen == "That message is too old.\n\nWhich tea?"


# Erased, long texts


async def test_after_a_farewell_nothing_is_remembered(amina: Person) -> None:
    await amina.taps("!menu", "leave")

    assert amina.screen == "Goodbye."
    assert amina.session.frame is None
    assert amina.session.choices == ()


async def test_a_very_long_message_is_answered_within_what_a_channel_takes(amina: Person) -> None:
    class Endless(ChooseTea):
        async def ask(self, turn: Turn[Order]) -> Prompt:
            return Prompt("\n".join(f"Tea number {number}." for number in range(1000)))

        async def chosen(self, turn: Turn[Order], choice_id: str) -> Move:
            return Goto(ChooseCups)

    amina.scene.routes = tea_house(replace(ORDER, steps=[Endless, *ORDER.steps[1:]]))
    await amina.sends(Text("x" * 4096))

    assert len(amina.screen) < 4096
    assert amina.screen.endswith("\n…")


def test_a_flow_finds_its_steps_by_today_s_names_and_old_ones() -> None:
    flow: Flow[Any] = replace(ORDER, renamed={"glasses": "cups"})

    assert flow.step("glasses") is ChooseCups
    assert flow.step("cups") is ChooseCups
    assert flow.step("spoons") is None


def test_steps_are_abstract_about_asking_only() -> None:
    class Mute(Step[Order]):
        name = "mute"

    with pytest.raises(TypeError):
        Mute()  # type: ignore[abstract]

    assert Choice("a", "A") == Choice("a", "A")
