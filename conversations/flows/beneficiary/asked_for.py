"""What somebody asks for in their own words, where the menu waits for a tap.

A short list of everyday words, whole words only, and of phrases that mean more than their words. It opens a
door and never acts: who is misunderstood taps Menu. Darija entries await a native reader.
"""

from conversations.engine.matching import fold_words

_PHRASES = {
    "life_project": (
        "life project", "projet de vie", "مشروع الحياة", "مشروع حياتي", "مشروع حياة", "مشروعي الشخصي",
        "mchro3 l7ayat", "machrou3 l7ayat", "mchrou3 lhayat", "mchro3 dyal l7ayat",
    ),
}  # fmt: skip
# The first that has a word of the message wins: "change my appointment" is no new booking.
_WORDS = {
    "my_visits": """
        change changer modifier deplacer reporter cancel annuler annulation
        نبدل بدل تغيير تغير الغاء نلغي تاجيل تأجيل ناجل
        nbeddel nbdel nbedel nlghi nlgi
    """,
    "booking": """
        appointment book booking visit rendez rdv rendezvous reserver
        رنديفو الرنديفو رونديفو موعد الموعد موعدا حجز نحجز
        maw3id mow3id lmaw3id rondivo randivo rendivo
    """,
    "services": """
        right rights help work job training school project papers documents loan
        droit droits travail emploi boulot formation projet papiers documents pieces stage
        حق الحق حقوق الحقوق حقوقي نستافد نستفيد استفادة دعم مساعدة خدمة الخدمة نخدم عمل
        تكوين تكوينا التكوين مشروع وثائق الوثائق وراق الوراق الاوراق
        l7a9 7a9 l7o9o9 7o9o9i nstafed nstafd nkhdem khdma khedma tkwin wra9 lwata2i9 mosa3ada mchro3 projet
    """,
    "nearest": """
        where centre center address nearest adresse centre bureau proche
        فين اين عنوان العنوان عنوانكم المركز مركز المكتب
        fin fayn l3onwan 3onwan lmarkaz markaz
    """,
}
_FLOW_OF_PHRASE = {
    f" {fold_words(phrase)} ": flow for flow, phrases in _PHRASES.items() for phrase in phrases
}
_FLOW_OF = {
    word: flow
    for flow, words in reversed(_WORDS.items())
    for word in (fold_words(each) for each in words.split())
}
# Words that say what is wanted and nothing of who wants it.
EVERYDAY_WORDS = frozenset(_FLOW_OF)


_THANKS = frozenset(
    map(fold_words, ("شكرا", "شكر", "merci", "thanks", "thank", "choukran", "chokran", "chukran", "shukran"))
)


def thanks(text: str) -> bool:
    """Tell whether somebody says thank you, whatever else they say with it."""
    return not _THANKS.isdisjoint(fold_words(text).split())


_YES = frozenset(
    map(
        fold_words,
        (
            "yes", "ok", "okay", "go", "oui", "d'accord", "allons-y",
            "نعم", "موافق", "اه", "ايه", "اييه", "واخا", "يالاه", "wakha", "yallah", "iyeh", "ah",
        ),
    )
)  # fmt: skip


def says_yes(text: str) -> bool:
    """Tell whether the message agrees to go on and says nothing else."""
    return fold_words(text) in _YES


def is_life_project(text: str) -> bool:
    """Tell whether the message is the life project's name and nothing else."""
    return f" {fold_words(text)} " in _FLOW_OF_PHRASE


def asked_for(text: str) -> str | None:
    """Return the name of the flow that the words ask for; None when they name none."""
    folded = f" {fold_words(text)} "
    if meant := next((flow for phrase, flow in _FLOW_OF_PHRASE.items() if phrase in folded), None):
        return meant
    found = {flow for word in folded.split() if (flow := _FLOW_OF.get(word))}
    return next((flow for flow in _WORDS if flow in found), None)
