"""Phone numbers as people write them."""

import re
import unicodedata

# Spaces, dots, dashes and brackets that people put between groups of digits.
_BETWEEN = re.compile(r"[\s.\-‐-―_()/]+")
# Fixed lines begin with 05, mobiles with 06 and 07, services with 08; nine digits follow the country's code.
_MOROCCAN = re.compile(r"(?:(?:\+|00)?2120?|0)?([5-8]\d{8})")
# Source: ITU-T E.164, at most fifteen digits with the country code.
_FOREIGN = re.compile(r"(?:\+|00)([1-9]\d{7,14})")


def read_phone(text: str) -> str | None:
    """Return the number as one dials it, "0612345678" or "+33612345678"; None when it is no number.

    Digits of any script count, and so do the ways of writing the country code.
    """
    plain = _BETWEEN.sub("", "".join(map(_plain_digit, text.strip())))
    if moroccan := _MOROCCAN.fullmatch(plain):
        return f"0{moroccan[1]}"
    if (foreign := _FOREIGN.fullmatch(plain)) and not foreign[1].startswith("212"):
        return f"+{foreign[1]}"
    return None


def _plain_digit(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)
