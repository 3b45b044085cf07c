"""Numbers are read as people write them, and what is no number is left alone."""

import pytest

from conversations.care.phones import read_phone


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0612345678", "0612345678"),
        (" 06 12 34 56 78 ", "0612345678"),
        ("06-12-34-56-78", "0612345678"),
        ("06.12.34.56.78", "0612345678"),
        ("612345678", "0612345678"),
        ("+212612345678", "0612345678"),
        ("+212 (0) 6 12 34 56 78", "0612345678"),
        ("00212 5 37 12 34 56", "0537123456"),
        ("212712345678", "0712345678"),
        ("٠٦١٢٣٤٥٦٧٨", "0612345678"),
        ("۰۶۱۲۳۴۵۶۷۸", "0612345678"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("0034612345678", "+34612345678"),
    ],
)
def test_a_number_is_read_in_every_form(text: str, number: str) -> None:
    assert read_phone(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "19",
        "0612",
        "06123456789",
        "0112345678",
        "+2126123",
        "call me",
        "0612345678 at 10",
        "+0612345678",
        "²",
    ],
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_phone(text) is None
