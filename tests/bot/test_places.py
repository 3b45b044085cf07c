import csv
import re
from collections import Counter
from importlib import resources

import pytest

from bot.centres_file import read_centres
from bot.places import PlaceIndex, load_catchment, load_places
from conversations.care.centres import CentreStatus
from conversations.care.places import Place, PlaceFinder


@pytest.fixture(scope="module")
def places() -> PlaceFinder:
    return load_places()


# The official French name, then spellings that must lead to it without a doubt.
CERTAIN = """
Casablanca: CASA | lkazablanka | casablanca | kaza | dar lbida | dar el beida
Casablanca: dar lbayda | كزا | كازا | كازابلانكا | الدار البيضاء | دار البيضاء
Rabat: rabat | er-rabat | arrabat | الرباط | رباط | ⵕⵕⴱⴰⵟ
Salé: Sale | salé | sala | slaa | سلا | سلاا | ⵙⵍⴰ
Kénitra: kenitra | 9nitra | l9nitra | القنيطرة | لقنيطرة | القنيطره | ⵇⵏⵉⵟⵔⴰ
Fès: fas | Fes | fez | FÈS | فاس | ⴼⴰⵙ
Meknès: meknes | mknas | مكناس | ⴰⵎⴽⵏⴰⵙ
Marrakech: marrakesh | marakech | merrakech | lmarrakech | مراكش | مراكـش | مُرّاكش | ⵎⵕⵕⴰⴽⵛ
Tanger: tanger | tanja | tangier | 6anja | طنجة | طنجه | طنجا | ⵟⴰⵏⵊⴰ
Tétouan: tetouan | tetwan | titwan | تطوان
Larache: larache | l3rayech | العرائش | لعرايش
Al Hoceima: hoceima | alhoceima | l7oceima | الحسيمة | حسيمة | ⵍⵃⵓⵙⵉⵎⴰ
Oujda: Oujda | ujda | wejda | وجدة | وجده | وجدا | ⵡⵓⵊⴷⴰ
Nador: nadour | ennador | الناضور | ناضور | ⵏⴰⴹⵓⵕ
Guercif: guercif | gersif | كرسيف | ڭرسيف
Taza: taza | تازة | تازا | ⵜⴰⵣⴰ
Sefrou: sefro | sfrou | صفرو
Khémisset: khemisset | 5emisset | الخميسات | لخميسات
Sidi Kacem: sidikacem | sidi 9assem | سيدي قاسم
Mohammadia: lmohammadia | fdala | المحمدية | لمحمدية
El Jadida: el jadida | eljadida | jdida | الجديدة | لجديدة
Béni Mellal: Beni mellal | benimellal | beni melal | bni mellal
Béni Mellal: بني ملال | بنى ملال | بنيملال | ⴱⵏⵉ ⵎⵍⵍⴰⵍ
Khenifra: khenifra | khnifra | 5nifra | خنيفرة | ⵅⵏⵉⴼⵔⴰ
Khouribga: khouribga | 5ribga | خريبكة | خريبڭة
Safi: safi | asfi | آسفي | اسفي | ⴰⵙⴼⵉ
Essaouira: essaouira | swira | souira | الصويرة | ⵜⴰⵚⵚⵓⵔⵜ
Kelâat Sraghna: kelaat sraghna | kelaa sraghna | قلعة سراغنة | القلعة
Errachidia: rachidia | er-rachidia | ar rachidia | الرشيدية | ⵉⵎⵜⵖⵔⵏ
Ouarzazate: warzazat | werzazat | ورزازات | وارزازات | ⵡⴰⵔⵣⴰⵣⴰⵜ
Agadir: agadir | gadir | أكادير | أگادير | أڭادير | اكادير | ⴰⴳⴰⴷⵉⵔ
Inezgane: Inezgane | inezgan | nzgan | إنزكان | انزڭان
Ait Melloul: ait mellul | ayt melloul | أيت ملول | ايت ملول
Guelmim: guelmim | guelmime | كلميم | ڭلميم
Tan-Tan: tantan | tan tan | طانطان | طان طان
Laâyoune: Laayoune | el ayoun | l3youn | la3youne | العيون | لعيون
Es-Semara: smara | es smara | semara | السمارة
Dakhla: dakhla | eddakhla | الداخلة | لداخلة
Fnideq: fnid9 | fnidaq | lfnideq | الفنيدق
M'diq: mdiq | m’diq | المضيق
Hay-Mohammadi: hay mohammadi | hay lmohammadi | الحي المحمدي
"""


# Slips: found, but to be confirmed.
GUESSED = """
Agadir: agadire
Kelâat Sraghna: kelaa des sraghnas
Casablanca: cassablanka | casablnaca | كازابلنكا
Marrakech: marraketch | مراكيش
Tanger: tangers
Oujda: oudjda
Khouribga: khourigba | khouribgha
Errachidia: الراشيدية
Taroudannt: ترودانت
Laâyoune: laayoun
Boujdour: boujdoure | بوجدر
Berkane: birkane
Es-Semara: essmarah
"""


def spellings(table: str) -> list[tuple[str, str]]:
    lines = (line.split(": ", 1) for line in table.strip().splitlines())
    return [(name, spelling) for name, texts in lines for spelling in texts.split(" | ")]


@pytest.mark.parametrize(("name", "spelling"), spellings(CERTAIN))
def test_a_usual_spelling_is_found_without_a_doubt(places: PlaceFinder, name: str, spelling: str) -> None:
    first = places.find(spelling)[0]

    assert (first.place.name_fr, first.certain) == (name, True)


@pytest.mark.parametrize(("name", "spelling"), spellings(GUESSED))
def test_a_slip_is_guessed_and_left_to_confirm(places: PlaceFinder, name: str, spelling: str) -> None:
    first = places.find(spelling)[0]

    assert (first.place.name_fr, first.certain) == (name, False)


def test_every_official_name_finds_its_place(places: PlaceFinder) -> None:
    lost = [
        row["place_id"]
        for row in rows("places_ma.csv")
        for name in (row["name_fr"], row["name_ar"])
        if name and row["place_id"] not in {match.place.place_id for match in places.find(name)}
    ]

    assert lost == []


# What people also write when asked where they live, or before they have read the question.
EVERYDAY = """
salam | labas | السلام | السلام عليكم | مرحبا | بغيت موعد | موعد | merci | شكرا | chokran
afak | عافاك | ok | oui | non | نعم | لا | واخا | wakha | بزاف | bonjour | bonsoir
bghit rendez-vous | rdv | بطاقة | البطاقة | carte nationale | خدمة | khedma | travail
formation | famille | عائلة | aide | stop | menu | شنو | فين | mnin | اليوم | غدا | ghedda
demain | inchallah | الحمد لله | ana | أنا | smiti | هنا | حبس | السجن | prison | الوراق | wra9
téléphone | هاتف | adresse | ville | rue | quartier | شارع | retour | رجوع | langue | français
عربية | je ne sais pas | ma3rftch | معرفتش | khoya | خويا | santé | طبيب | flous | فلوس | lundi
الخميس | 0612345678 | 10:00 | ٠٦١٢٣٤٥٦٧٨ | بعيد | قريب | lyoum | صباح الخير | بخير | hello
sahbi | lalla | papier | البحر
"""
EVERYDAY_WORDS = re.split(r" \| |\n", EVERYDAY.strip())


@pytest.mark.parametrize("word", EVERYDAY_WORDS)
def test_an_everyday_word_is_never_surely_a_place(places: PlaceFinder, word: str) -> None:
    assert not any(match.certain for match in places.find(word))


def test_few_everyday_words_are_even_guessed(places: PlaceFinder) -> None:
    """A guess costs the person one more question."""
    guessed = [word for word in EVERYDAY_WORDS if places.find(word)]

    assert len(guessed) <= len(EVERYDAY_WORDS) * 0.06


@pytest.mark.parametrize("text", ["", "?", "3", "😀", "x" * 4096, "ا" * 4096])
def test_what_is_no_name_finds_nothing(places: PlaceFinder, text: str) -> None:
    assert places.find(text) == []


def a_place(place_id: str, **changes: object) -> Place:
    """Return a rural commune that is named, and lies, like every other one here."""
    values: dict[str, object] = {
        "place_id": place_id,
        "kind": "commune",
        "name_fr": "Agdal",
        "name_ar": "",
        "aliases": (),
        "latitude": 34.0,
        "longitude": -6.8,
        "coord": "place",
        "urban": False,
        "population": 100,
        "province_code": "04.421",
        "province_fr": "Rabat",
        "province_ar": "الرباط",
        "region_code": "04",
        "region_fr": "Rabat-Salé-Kénitra",
        "region_ar": "الرباط-سلا-القنيطرة",
        "name_zgh": "",
    }
    return Place(**(values | changes))  # type: ignore[arg-type]


NAMESAKES = [
    a_place("alias", name_fr="Hassan", aliases=("agdal",), urban=True, population=900_000),
    a_place("locality", kind="locality", population=0),
    a_place("quarter", kind="arrondissement", urban=True, population=800_000),
    a_place("small", population=50),
    a_place("large"),
    a_place("town", urban=True, population=10),
]


def test_of_namesakes_the_likeliest_comes_first() -> None:
    """Own name before alias, commune before quarter, urban before rural, then the larger one."""
    index = PlaceIndex(NAMESAKES)

    found = [match.place.place_id for match in index.find("agdal", limit=6)]

    assert found == ["town", "large", "small", "quarter", "locality", "alias"]


def test_at_most_three_are_offered() -> None:
    assert len(PlaceIndex(NAMESAKES).find("agdal")) == 3


def test_a_place_found_by_several_of_its_names_is_offered_once() -> None:
    index = PlaceIndex([a_place("one", name_ar="Agdal", aliases=("agdall", "Agdal"))])

    assert [match.place.place_id for match in index.find("agdal")] == ["one"]


def test_the_nearest_spelling_hides_the_farther_ones() -> None:
    index = PlaceIndex([a_place("near", name_fr="Khouribga"), a_place("far", name_fr="Khoribta")])

    assert [match.place.place_id for match in index.find("khouribgha")] == ["near"]


@pytest.mark.parametrize(
    ("name", "spelling", "is_found"),
    [
        ("Taza", "taaza", True),  # a doubled letter is no slip
        ("Taza", "tazi", False),  # four letters: no slip allowed
        ("Nador", "nodor", True),  # five: one
        ("Nador", "nadro", True),  # swapped neighbours are one slip
        ("Nador", "nidir", False),
        ("Agadir", "agaditte", False),  # seven: two slips are too many
        ("Khouribga", "pkhouribgha", True),  # more than seven: two
        ("Khouribga", "pkhouribghta", False),
    ],
)
def test_longer_names_forgive_more_slips(name: str, spelling: str, is_found: bool) -> None:
    index = PlaceIndex([a_place("one", name_fr=name)])

    assert bool(index.find(spelling)) is is_found


def test_a_place_comes_back_by_its_id(places: PlaceFinder) -> None:
    agadir = places.find("agadir")[0].place

    assert places.place(agadir.place_id) == agadir
    assert places.place("00.000.00.00") is None


def test_there_are_twelve_regions_each_with_towns(places: PlaceFinder) -> None:
    regions = places.regions()

    assert [region.code for region in regions] == [f"{number:02}" for number in range(1, 13)]
    assert all(region.name_fr and region.name_ar and places.towns(region.code) for region in regions)


def test_the_towns_of_a_region_are_its_urban_communes_the_largest_first(places: PlaceFinder) -> None:
    towns = places.towns("04", limit=4)

    assert [town.name_fr for town in towns] == ["Salé", "Rabat", "Kénitra", "Témara"]
    assert all(town.urban and town.kind == "commune" for town in places.towns("06"))
    assert len(places.towns("06")) == 12
    assert places.towns("99") == []


@pytest.mark.parametrize(
    ("where", "latitude", "longitude", "province_code"),
    [
        ("Casablanca, by the sea", 33.60, -7.65, "06.141"),
        ("the hills behind Tétouan", 35.55, -5.35, "01.571"),
        ("Zagora", 30.33, -5.84, "08.587"),
        ("Dakhla", 23.70, -15.94, "12.391"),
    ],
)
def test_a_sent_location_gives_the_province(
    places: PlaceFinder, where: str, latitude: float, longitude: float, province_code: str
) -> None:
    assert places.nearest_province(latitude, longitude) == province_code


@pytest.mark.parametrize(
    ("where", "latitude", "longitude"),
    [("Paris", 48.86, 2.35), ("Dakar", 14.69, -17.45), ("the Gulf of Guinea", 0, 0)],
)
def test_a_location_abroad_gives_no_province(
    places: PlaceFinder, where: str, latitude: float, longitude: float
) -> None:
    assert places.nearest_province(latitude, longitude) is None


def test_only_places_with_their_own_point_say_where_a_province_is() -> None:
    """A commune that borrows the point of a far town would draw its province there."""
    index = PlaceIndex(
        [
            a_place("borrowed", coord="province", latitude=30.0, longitude=-9.0, province_code="09.001"),
            a_place("own", latitude=30.5, longitude=-9.0, province_code="09.273"),
        ]
    )

    assert index.nearest_province(30.0, -9.0) == "09.273"


def rows(name: str) -> list[dict[str, str]]:
    text = resources.files("bot").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_every_province_is_received_by_an_open_centre() -> None:
    provinces = {row["province_code"] for row in rows("places_ma.csv")}
    open_slugs = {centre.slug for centre in read_centres() if centre.status is CentreStatus.OPEN}

    catchment = load_catchment()

    assert set(catchment) == provinces
    assert set(catchment.values()) <= open_slugs


@pytest.mark.parametrize(
    ("town", "slug"),
    [
        ("Sidi Slimane", "meknes"),
        ("Laâyoune", "agadir"),
        ("Es-Semara", "agadir"),
        ("Assa", "agadir"),
        ("Sidi Ifni", "agadir"),
        ("Tétouan", "tanger"),
        ("Larache", "tanger"),
        ("Errachidia", "meknes"),
        ("Mohammadia", "casablanca"),
        ("Témara", "sale"),
    ],
)
def test_the_catchment_follows_what_is_known_of_the_centres(
    places: PlaceFinder, town: str, slug: str
) -> None:
    province_code = places.find(town)[0].place.province_code

    assert load_catchment()[province_code] == slug


def test_each_entry_of_the_catchment_says_how_well_it_is_known() -> None:
    entries = rows("catchment.csv")
    names = {row["province_code"]: row["province_fr"] for row in rows("places_ma.csv")}

    assert [
        code for code, times in Counter(entry["province_code"] for entry in entries).items() if times > 1
    ] == []
    assert all(entry["basis"] in {"F", "P", "I"} and entry["reason"] for entry in entries)
    assert all(entry["province_fr"] == names[entry["province_code"]] for entry in entries)


def test_the_sources_of_the_places_are_named() -> None:
    notice = resources.files("bot").joinpath("data", "NOTICE").read_text(encoding="utf-8")

    assert "Contains data of the Haut-Commissariat au Plan (RGPH 2024)" in notice
    assert "and of GeoNames (geonames.org), CC BY 4.0, joined and changed." in notice
