from datetime import timedelta

import pytest

from conversations.care.addresses import FREE_TRIES, LinkKind, code_in, new_code, spaced, wait_after


@pytest.mark.parametrize("kind", LinkKind)
@pytest.mark.parametrize("drawn", ["smallest", "largest"])
def test_every_code_is_one_when_it_is_read_back(kind: LinkKind, drawn: str) -> None:
    code = new_code(kind, lambda below: 0 if drawn == "smallest" else below - 1)

    assert code_in(code) == code
    assert code_in(f" {spaced(code)}. ") == code
    assert len(code) == {LinkKind.LINK: 10, LinkKind.RECOVERY: 16}[kind]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("12 3456 7890", "1234567890"),
        ("١٢٣٤٥٦٧٨٩٠", "1234567890"),
        ("1234-5678-9012-3456", "1234567890123456"),
        ("0612345678", None),
        ("+212612345678", None),
        ("my number is 1234567890", None),
        ("7", None),
        ("", None),
    ],
)
def test_a_code_is_told_from_other_digits(typed: str, code: str | None) -> None:
    assert code_in(typed) == code


def test_codes_are_read_out_in_fours() -> None:
    assert (spaced("1234567890"), spaced("1234567890123456")) == ("12 3456 7890", "1234 5678 9012 3456")


def test_the_wait_doubles_up_to_a_day() -> None:
    waits = [wait_after(failures) for failures in (1, FREE_TRIES, FREE_TRIES + 1, FREE_TRIES + 3, 10**6)]

    assert waits == [
        timedelta(),
        timedelta(),
        timedelta(minutes=1),
        timedelta(minutes=4),
        timedelta(days=1),
    ]
