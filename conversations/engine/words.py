"""Words that always work, in every language and script, before any flow.

Lists for folded text (`matching.fold_words`). The everyday words must be the whole message; danger is
looked for anywhere in it: a false alarm costs a kind sentence, a missed one may cost a life.
Darija entries await a native reader.
"""

from enum import StrEnum

from conversations.engine.matching import fold_words


class Word(StrEnum):
    """What the words mean; also the ids of choices that are valid under every prompt."""

    STOP = "!stop"
    MENU = "!menu"
    LANGUAGE = "!language"
    HELP = "!help"
    PERSON = "!person"
    BACK = "!back"
    NOT_ME = "!not_me"
    DANGER = "!danger"


_WHOLE = {
    Word.STOP: (
        "stop", "arret", "arrêter", "arretez", "stop news", "unsubscribe", "désinscription", "desabonner",
        "توقف", "إيقاف", "ايقاف", "قف", "وقف", "سطوب", "بغيت نحبس", "لا أريد رسائل بعد الآن",
        "ما بقيتش بغيت هاد الميساجات", "bghit n7bess", "7bess", "hbess", "ma b9itch bghit had lmessages",
        "حيدوني من اللائحة", "7aydouni men la liste", "arrêter les messages", "je veux arrêter",
        "supprimez mes données", "effacer mon compte", "احذف معلوماتي", "مسحو المعلومات ديالي",
        "mess7o lma3loumat dyali", "لا ترسلوا لي شيئا",
    ),
    Word.MENU: (
        "menu", "start", "home", "accueil", "début", "القائمة", "قائمة", "الرئيسية", "المنيو", "لمنيو",
        "البداية", "la7a", "lmenu", "0",
    ),
    Word.LANGUAGE: (
        "language", "lang", "langue", "langues", "اللغة", "لغة", "اللغات", "lougha", "logha", "lugha",
        "français", "francais", "english", "anglais", "arabic", "arabe", "العربية", "عربية", "الدارجة",
        "دارجة", "darija", "الفرنسية", "الإنجليزية",
    ),
    Word.HELP: (
        "help", "aide", "sos", "secours", "urgence", "urgences", "numéros", "help numbers", "مساعدة",
        "النجدة", "نجدة", "طوارئ", "عاونوني", "عتقوني", "3awnouni", "3te9ouni", "mosa3ada",
        "أرقام المساعدة",
    ),
    Word.PERSON: (
        "person", "human", "agent", "talk to a person", "personne", "humain", "un humain svp", "conseiller",
        "parler à quelqu'un", "je veux parler à quelqu'un", "parler à un conseiller", "appelez-moi",
        "rappelez moi s'il vous plaît", "شخص", "موظف", "أريد موظفا", "أريد التحدث مع شخص", "الاتصال بموظف",
        "عيطو ليا", "عيطو ليا عافاكم", "بغيت نهضر مع شي واحد", "بغيت نتكلم مع المسؤول",
        "bghit nhder m3a chi wa7ed", "3ayto liya", "bghit l mas2oul", "واش كاين شي حد يجاوبني",
        "wach kayn chi had yjawbni",
    ),
    Word.BACK: ("back", "retour", "رجوع", "الرجوع", "رجع", "rje3", "rja3", "للخلف"),
    Word.NOT_ME: (
        "not me", "this is not me", "wrong number", "wrong person", "pas moi", "ce n'est pas moi",
        "c'est pas moi", "faux numéro", "mauvais numéro", "erreur de numéro", "لست أنا", "هذا ليس أنا",
        "رقم خاطئ", "الرقم غلط", "ماشي أنا", "ماشي انا هذا", "نمرة غالطة", "النمرة غالطة", "machi ana",
        "machi ana hada", "nemra ghalta", "nmra ghalta",
    ),
}  # fmt: skip

_DANGER = (
    # wanting to die, to kill oneself
    "suicide", "suicider", "suicidal", "kill myself", "end my life", "want to die", "me tuer", "veux mourir",
    "envie de mourir", "finir avec la vie", "en finir", "je n'en peux plus", "plus envie de vivre",
    "me faire du mal", "hurt myself",
    "انتحار", "الانتحار", "أنتحر", "ننتحر", "نتاحر", "بغيت نموت", "نقتل راسي", "أقتل نفسي", "أريد أن أموت",
    "أنهي حياتي", "عييت من حياتي", "عييت من الحياة", "ما بقيتش قادر نعيش", "ما بقيتش باغي نعيش",
    "مابقيتش قادر نعيش", "لم أعد أحتمل", "نأذي راسي",
    "ما بقيتش قادرة نعيش", "مابقيتش قادرة نعيش", "كرهت حياتي", "كرهت راسي", "غادي نرمي راسي", "نرمي راسي",
    "bghit nmout", "bghit nmot", "n9tel rassi", "n9tel rasi", "n9tel raasi", "nqtel rassi",
    "ntahar", "nta7er", "ntaher", "3yit men 7yati", "3yit mn 7yati", "mab9itch 9ader n3ich", "mab9itch 9ader",
    "ma b9itch 9ader n3ich",
    # being hurt now
    "en danger", "in danger", "au secours", "فخطر", "في خطر", "f khatar", "fkhatar",
    "on me frappe", "il me frappe", "il va me tuer", "being beaten", "he hits me", "going to kill me",
    "كيضربني", "غادي يقتلني", "يضربني", "يهددني بالقتل", "كيهددني", "kaydrebni", "kaydarbni", "ghadi yqtelni",
    "ghadi y9telni",
)  # fmt: skip

# "I want to die" in the ways Moroccans say and spell it.
_I_WANT = ("بغيت", "نبغي", "باغي", "باغية", "كنبغي", "ابغى", "بغينا", "bghit", "bghite", "nebghi", "nbghi",
           "baghi", "baghya", "kanbghi")  # fmt: skip
_TO_DIE = ("نموت", "نتحر", "ننتحر", "نقتل راسي", "نقتل روحي", "nmout", "nmot", "nmoute", "nmut", "nmoot",
           "n9tel rassi", "n9tel rasi", "nqtel rassi", "n9tel ro7i", "ntahar", "nta7er")  # fmt: skip

_BY_TEXT = {fold_words(text): word for word, texts in _WHOLE.items() for text in texts}
_DANGER_FOLDED = tuple(
    f" {fold_words(text)} " for text in (*_DANGER, *(f"{want} {die}" for want in _I_WANT for die in _TO_DIE))
)

COMMANDS = {
    "start": Word.MENU,
    "menu": Word.MENU,
    "language": Word.LANGUAGE,
    "langue": Word.LANGUAGE,
    "help": Word.HELP,
    "stop": Word.STOP,
    "person": Word.PERSON,
}


def word_in(text: str) -> Word | None:
    """Return the word a message means, danger first; None for anything else."""
    folded = fold_words(text)
    if sounds_like_danger(text):
        return Word.DANGER
    return _BY_TEXT.get(folded)


def sounds_like_danger(text: str) -> bool:
    """Tell whether the message holds a phrase of danger to life."""
    padded = f" {fold_words(text)} "
    return any(phrase in padded for phrase in _DANGER_FOLDED)


def word_of_choice(choice_id: str) -> Word | None:
    """Return the word a button of every prompt stands for."""
    return Word(choice_id) if choice_id in set(Word) else None
