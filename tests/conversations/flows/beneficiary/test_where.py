"""Finding a centre: by location, by a town in any spelling, by region and town."""

import pytest

from conversations.care.centres import CentreStatus
from conversations.care.people import Consent
from conversations.engine.reply import MediaKind
from tests.people import Person, Scene

# In the medina of Salé, off Las Palmas in the Atlantic, and in Paris.
SALE = (34.0531, -6.7985)
ATLANTIC = (28.1, -25.0)
PARIS = (48.85, 2.35)


@pytest.fixture(params=["booking", "nearest"])
async def seeker(request: pytest.FixtureRequest, scene: Scene) -> Person:
    """Somebody who has told nothing of where they live, and is asked for a centre in either flow."""
    person = scene.beneficiary("Amina", language="en")
    await person.starts()
    await person.taps(request.param)
    if request.param == "booking":
        await person.taps("job")
    return person


async def test_when_nothing_is_known_all_open_centres_stand_by_name(seeker: Person) -> None:
    slugs = [
        "agadir", "beni-mellal", "casablanca", "fes", "marrakech", "meknes", "oujda", "safi", "sale",
        "settat", "tanger", "regions",
    ]  # fmt: skip
    assert [each for each in seeker.ids if not each.startswith("!")] == slugs
    assert seeker.last.wants_location


async def test_only_open_centres_are_offered(scene: Scene, seeker: Person) -> None:
    scene.desk.centres.set_status("fes", CentreStatus.CLOSED)
    await seeker.says("nowhere at all")

    assert "fes" not in seeker.ids
    assert "tetouan" not in seeker.ids


async def test_the_province_that_was_kept_decides_what_comes_first(scene: Scene) -> None:
    person = scene.beneficiary("Amina", province_code="08.201")  # Errachidia
    await person.starts()
    await person.taps("nearest")

    assert person.ids[0] == scene.world.catchment["08.201"]


async def test_cities_are_named_in_the_reader_s_script(scene: Scene, amina: Person, brahim: Person) -> None:
    for person in (amina, brahim):
        await person.starts()
        await person.taps("nearest")

    assert "سلا" in amina.buttons
    assert "Salé" in brahim.buttons


# By location


async def test_a_shared_location_brings_the_centre_of_the_province_first(seeker: Person) -> None:
    await seeker.shares_location(*SALE)

    assert seeker.screen.startswith("The best centre for you: Salé.")
    assert seeker.ids[0] == "sale"
    assert "all" in seeker.ids


async def test_a_position_is_kept_nowhere_only_the_province(seeker: Person) -> None:
    await seeker.shares_location(*SALE)

    assert "34.05" not in seeker.session.to_json()
    assert "-6.79" not in seeker.session.to_json()
    assert (await seeker.contact()).province_code == "04.441"


async def test_without_consent_the_province_is_not_kept_either(scene: Scene) -> None:
    visitor = scene.beneficiary("Zineb", consent=Consent.REFUSED)
    await visitor.starts()
    await visitor.taps("nearest")
    await visitor.shares_location(*SALE)

    assert visitor.ids[0] == "sale"
    assert (await visitor.contact()).province_code is None


@pytest.mark.parametrize("point", [ATLANTIC, PARIS])
async def test_a_place_outside_the_country_gets_a_sentence(
    seeker: Person, point: tuple[float, float]
) -> None:
    await seeker.shares_location(*point)

    assert seeker.screen.startswith("That place seems to be outside the country.")
    assert seeker.step == "centre"


# By name


@pytest.mark.parametrize("typed", ["Tiflet", "tiflet", "تيفلت"])
async def test_a_town_works_right_there_in_any_spelling(seeker: Person, typed: str) -> None:
    await seeker.says(typed)

    assert seeker.screen.startswith("For Tiflet, this centre comes first: Salé.")
    assert "in a straight line from Tiflet" in seeker.screen


async def test_a_guess_is_confirmed_with_buttons(seeker: Person) -> None:
    await seeker.says("Tiflte")

    assert seeker.step == "which_place"
    assert any("Tiflet" in label for label in seeker.buttons)

    await seeker.taps(seeker.ids[0])

    assert seeker.step == "centre"
    assert seeker.screen.startswith("For Tiflet,")


async def test_another_town_can_be_written_where_the_guess_is_wrong(seeker: Person) -> None:
    await seeker.says("Tiflte", "Boznka")
    assert seeker.step == "which_place"
    assert any("Bouznika" in label for label in seeker.buttons)

    await seeker.says("Bouznika")
    assert seeker.screen.startswith("For Bouznika,")


async def test_none_of_them_leads_back_to_the_centres(seeker: Person) -> None:
    await seeker.says("Tiflte")
    await seeker.taps("none")

    assert seeker.step == "centre"
    assert seeker.draft["place_id"] == ""


async def test_a_name_that_several_places_bear_is_asked_about(seeker: Person) -> None:
    """There is an Ajdir near Al Hoceima and one near Taza."""
    await seeker.says("Ajdir")

    assert seeker.step == "which_place"
    assert seeker.buttons[:3] == ["Ajdir (Al Hoceima)", "Ajdir (Taza)", "✖️ Another town"]


async def test_a_word_that_is_no_place_gets_a_way_on(seeker: Person) -> None:
    await seeker.says("merci beaucoup mon frère")

    assert seeker.screen.startswith("I don't know a place of that name.")
    assert "regions" in seeker.ids


async def test_a_town_without_a_point_of_its_own_has_no_distance(scene: Scene, seeker: Person) -> None:
    place = next(
        town
        for region in scene.world.places.regions()
        for town in scene.world.places.towns(region.code, 500)
        if not town.has_own_point and len(scene.world.places.find(town.name_fr)) == 1
    )
    await seeker.says(place.name_fr)

    assert f"For {place.name_fr}, this centre comes first" in seeker.screen
    assert "km" not in seeker.screen


# By region


async def test_region_and_town_lead_to_the_centre_that_receives_the_province(
    scene: Scene, seeker: Person
) -> None:
    await seeker.taps("regions", "08")
    town = seeker.ids[0]
    await seeker.taps(town)

    place = scene.world.places.place(town)
    assert place is not None
    assert seeker.ids[0] == scene.world.catchment[place.province_code]
    assert seeker.step == "centre"


async def test_a_town_that_is_not_in_the_list_can_be_written(seeker: Person) -> None:
    await seeker.taps("regions", "08")
    await seeker.says("Tiflet")

    assert seeker.screen.startswith("For Tiflet,")


async def test_all_centres_come_back_at_a_tap(seeker: Person) -> None:
    await seeker.says("Tiflet")
    assert "oujda" not in seeker.ids

    await seeker.taps("all")

    assert "oujda" in seeker.ids


async def test_back_leads_out_of_the_search_the_way_in(seeker: Person) -> None:
    await seeker.taps("regions", "08", "!back")
    assert seeker.step == "region"

    await seeker.taps("!back")
    assert seeker.step == "centre"


@pytest.mark.parametrize("kind", [MediaKind.VOICE, MediaKind.STICKER, MediaKind.PHOTO])
async def test_a_voice_note_or_picture_gets_the_three_ways_told(seeker: Person, kind: MediaKind) -> None:
    await seeker.sends_media(kind)

    assert "share your location or write the name of your town" in seeker.screen
