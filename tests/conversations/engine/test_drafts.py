"""Drafts survive the way through JSON, whatever the answers were."""

import json
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.engine.drafts import draft_from_json, draft_to_json


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Answers:
    words: str = ""
    number: int = 0
    agreed: bool = False
    colour: Colour = Colour.RED
    colour_or_none: Colour | None = None
    day: date | None = None
    at: time | None = None
    words_or_none: str | None = None
    names: list[str] = field(default_factory=list)
    days: list[date] = field(default_factory=list)


answers = st.builds(
    Answers,
    words=st.text(),
    number=st.integers(),
    agreed=st.booleans(),
    colour=st.sampled_from(Colour),
    colour_or_none=st.none() | st.sampled_from(Colour),
    day=st.none() | st.dates(),
    at=st.none() | st.times(),
    words_or_none=st.none() | st.text(),
    names=st.lists(st.text()),
    days=st.lists(st.dates()),
)


@given(answers)
def test_a_draft_comes_back_as_it_was(draft: Answers) -> None:
    stored = json.dumps(draft_to_json(draft))

    assert draft_from_json(Answers, json.loads(stored)) == draft


def test_fields_that_no_longer_exist_are_left_aside() -> None:
    assert draft_from_json(Answers, {"number": 3, "size": "large"}) == Answers(number=3)


@pytest.mark.parametrize("body", [{"colour": "green"}, {"day": "tomorrow"}, {"days": 7}])
def test_a_value_that_no_longer_fits_is_refused(body: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        draft_from_json(Answers, body)


def test_only_a_dataclass_is_a_draft() -> None:
    with pytest.raises(TypeError):
        draft_to_json({"words": "hello"})
