"""A week of opening hours as people type it.

"mon-fri 08:30-12:00 13:00-16:30", "lundi au jeudi 8h30-16h30" and "من الاثنين حتى الخميس 9-12" all
become the form that WeeklyHours.parse reads.
"""

import re

from conversations.care.hours import DAY_NAMES, WeeklyHours
from conversations.engine.matching import fold_words

# Monday first. Darija writes some of these as they sound.
_DAYS = (
    ("monday", "mon", "lundi", "lun", "الاثنين", "الإثنين", "اثنين", "الاتنين", "التنين", "لتنين"),
    ("tuesday", "tue", "tues", "mardi", "mar", "الثلاثاء", "ثلاثاء", "الثلثاء", "التلات", "الثلاث"),
    ("wednesday", "wed", "mercredi", "mer", "الأربعاء", "أربعاء", "الاربع", "لاربع", "لأربعاء"),
    ("thursday", "thu", "thur", "thurs", "jeudi", "jeu", "الخميس", "خميس", "لخميس"),
    ("friday", "fri", "vendredi", "ven", "الجمعة", "جمعة", "الجمعه"),
    ("saturday", "sat", "samedi", "sam", "السبت", "سبت"),
    ("sunday", "sun", "dimanche", "dim", "الأحد", "أحد", "الحد", "لحد"),
)
_UNTIL = ("to", "until", "till", "à", "a", "au", "jusqu", "حتى", "الى", "إلى", "ل", "تال", "-")
_IGNORED = ("from", "and", "de", "du", "et", "les", "le", "من", "و", "أيام", "يوم")

_MEANINGS = {
    **{fold_words(name): day for names, day in zip(_DAYS, DAY_NAMES, strict=True) for name in names},
    **{fold_words(word): "-" for word in _UNTIL if word != "-"},
    **{fold_words(word): " " for word in _IGNORED},
}

_WORD = re.compile(r"[^\W\d_]+")
_FRENCH_TIME = re.compile(r"(\d{1,2})(?:[hH](\d{2})?| [hH](?: (\d{2}))?)(?!\w)")
_BARE_HOUR = re.compile(r"(?<![\d:])\d{1,2}(?![\d:])")
_ROUND_DASH = re.compile(r"\s*-\s*")
_PUNCTUATION = str.maketrans({"\n": ";", "؛": ";", ",": " ", "،": " ", "–": "-", "—": "-", "−": "-"})


def parse_typed(text: str) -> WeeklyHours:
    """Return the week somebody typed; days that are not named are closed in it.

    Raises HoursUnreadable.
    """
    text = text.translate(_PUNCTUATION)
    text = _FRENCH_TIME.sub(lambda found: f"{found[1]}:{found[2] or found[3] or '00'}", text)
    text = _WORD.sub(lambda found: _meaning(found[0]), text)
    text = _BARE_HOUR.sub(lambda found: f"{found[0]}:00", text)
    # A stretch of days and its hours may be kept apart by a colon.
    return WeeklyHours.parse(_ROUND_DASH.sub("-", re.sub(r"(?<=[a-z])\s*:", " ", text)))


def _meaning(word: str) -> str:
    return _MEANINGS.get(fold_words(word), word)
