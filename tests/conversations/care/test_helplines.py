from conversations.care.helplines import HELPLINES


def test_every_number_is_the_one_its_service_published() -> None:
    assert {line.id: line.numbers for line in HELPLINES} == {
        "police": ("19", "112"),
        "gendarmerie": ("177",),
        "ambulance": ("15", "150"),
        "violence_against_women": ("8350",),
        "children_in_danger": ("2511",),
        "human_trafficking": ("0800 00 47 47",),
        "poison_centre": ("08 01 00 01 80",),
        "human_rights_casablanca_settat": ("05 22 40 03 99",),
    }
    assert all(line.source.startswith("https://") for line in HELPLINES)


def test_danger_to_life_comes_first() -> None:
    assert HELPLINES[0].id == "ambulance"
