"""Numbers to call in need. Their names and hours are texts of the flows, found by `id`.

No suicide line is listed: Stop Silence ended in February 2025 and no other was
found, so distress leads to the ambulance and to a caseworker.
"""

from dataclasses import dataclass

_EMERGENCIES = "https://www.challenge.ma/maroc-ces-numeros-quil-faut-avoir-en-cas-durgence-243599/"


@dataclass(frozen=True, slots=True)
class Helpline:
    """`numbers` are as people dial and read them, the best one first; never validated or reformatted."""

    id: str
    numbers: tuple[str, ...]
    source: str


# 112 is for mobile phones.
POLICE = Helpline("police", ("19", "112"), _EMERGENCIES)
# Outside the towns.
GENDARMERIE = Helpline("gendarmerie", ("177",), _EMERGENCIES)
AMBULANCE = Helpline("ambulance", ("15", "150"), _EMERGENCIES)
# Day and night.
VIOLENCE_AGAINST_WOMEN = Helpline(
    "violence_against_women",
    ("8350",),
    "https://www.lebrief.ma/4493-kolonamaak-nouvelle-plateforme-dediee-aux-femmes-victimes-de-violence",
)
# Calls are answered 8:30-18:00; another source says day and night, the narrower hours are the safe ones.
CHILDREN_IN_DANGER = Helpline(
    "children_in_danger", ("2511",), "https://familleactuelle.ma/2511-parler-cest-proteger"
)
HUMAN_TRAFFICKING = Helpline(
    "human_trafficking",
    ("0800 00 47 47",),
    "https://fr.le360.ma/societe/seisme-le-cndh-suit-la-situation-des-enfants-orphelins-et-veuves-victimes-du-seisme_422FL6RTARB75C7QECZNRUWPME/",
)
POISON_CENTRE = Helpline(
    "poison_centre",
    ("08 01 00 01 80",),
    "https://expat.com/fr/guide/afrique/maroc/34923-accidents-et-urgences-medicales-au-maroc.html",
)
# The human-rights council's commission for Casablanca-Settat; the numbers of other regions are not known.
HUMAN_RIGHTS_CASABLANCA_SETTAT = Helpline(
    "human_rights_casablanca_settat", ("05 22 40 03 99",), "https://cndh.ma/en/crdh-casablanca-settat"
)

# In the order in which they are shown: danger to life first.
HELPLINES = (
    AMBULANCE,
    POLICE,
    GENDARMERIE,
    VIOLENCE_AGAINST_WOMEN,
    CHILDREN_IN_DANGER,
    POISON_CENTRE,
    HUMAN_TRAFFICKING,
    HUMAN_RIGHTS_CASABLANCA_SETTAT,
)
