"""What is known of a centre, and that what is not is said to be unknown."""

from conversations.care.hours import VisitRules, WeeklyHours
from tests.people import Person


async def test_a_centre_nobody_described_says_what_is_unknown(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest", "sale")

    assert "The centre in سلا" in amina.screen
    assert "We don't have the address or the phone number yet" in amina.screen
    assert "The opening hours are not known to us yet." in amina.screen


async def test_what_staff_filled_in_is_shown(amina: Person) -> None:
    centres = amina.scene.desk.centres
    await centres.set_address("sale", "12, rue de la Gare")
    await centres.set_phone("sale", "05 37 00 00 00")
    await centres.set_rules(
        "sale", VisitRules(WeeklyHours.parse("mon 09:00-12:00 13:00-16:00; fri 09:00-11:00"))
    )
    await amina.starts()
    await amina.taps("nearest", "sale")

    assert "Address: 12, rue de la Gare" in amina.screen
    assert "05 37 00 00 00" in amina.screen.splitlines()
    assert "Friday: " in amina.screen
    assert "Tuesday" not in amina.screen
    assert "not known" not in amina.screen


async def test_the_card_tells_how_far_the_town_is(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest")
    await amina.says("Tiflet")
    await amina.taps("sale")

    assert "km in a straight line" in amina.screen


async def test_a_visit_can_be_booked_right_there(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest", "sale", "book", "health")

    assert amina.flow == "booking"
    assert amina.step == "day"
    assert amina.draft["centre"] == "sale"


async def test_other_centres_are_a_tap_away_and_so_is_back(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest", "sale", "others")
    assert amina.step == "centre"

    await amina.taps("fes", "!back")
    assert amina.step == "centre"


async def test_a_language_chosen_half_way_shows_the_same_centre(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest", "sale")
    await amina.says("langue")
    await amina.taps("fr")

    assert "[fr] 📍 The centre in Salé" in amina.screen


async def test_an_old_button_and_silence_lead_where_they_should(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest")
    old = amina.prompt_ref
    await amina.taps("sale")
    await amina.taps_old(old, "fes")
    assert "The centre in سلا" in amina.screen

    amina.scene.later(hours=25)
    await amina.says("1")
    assert amina.flow == "menu"


async def test_stop_lets_the_search_go_on(amina: Person) -> None:
    await amina.starts()
    await amina.taps("nearest", "sale")
    await amina.says("توقف")
    await amina.taps("undo")

    assert amina.step == "card"
