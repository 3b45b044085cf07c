"""A life project (مشروع الحياة الفردي): what a person would like to live from, in their own words.

It prepares a visit. The centre studies the project, and what is written here promises nothing. Amounts are
not asked for.
Source: the Foundation's communiqués on its programme of income-generating projects, which name the personal
life project, the sectors, and experience, training and equipment as what is looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# Seven answers of this length, with what they answer, still fit one message and one page.
LONGEST_ANSWER = 400
# What stands for a question that was left out.
LEFT_OUT = ""


class Question(StrEnum):
    """What is asked, in the order in which it is; the values are stored."""

    IDEA = "idea"
    SECTOR = "sector"
    EXPERIENCE = "experience"
    TRAINING = "training"
    EQUIPMENT = "equipment"
    PRESENT = "present"  # what is already there
    HELPERS = "helpers"


class Sector(StrEnum):
    """Where projects were helped so far; the values are stored as answers, beside people's own words.

    Source: the communiqué on the programme of 27 May 2019; sea fishing: that of Agadir, 2022.
    """

    TRADE = "trade"
    SERVICES = "services"  # and industry
    CRAFTS = "crafts"
    CATERING = "catering"
    FARMING = "farming"
    BUILDING = "building"
    FISHING = "fishing"


class Helper(StrEnum):
    """Who helps, where a button says it; the values are stored as answers."""

    FAMILY = "family"
    FRIENDS = "friends"
    ALONE = "alone"


@dataclass(frozen=True, slots=True, repr=False)
class LifeProject:
    """`appointment_id` is the visit whose centre the person lets read it, None for nobody.

    An answer is the person's own words, the value of a Sector or a Helper, or LEFT_OUT.
    """

    answers: Mapping[Question, str]
    appointment_id: int | None
    created_at: datetime
    changed_at: datetime = field(compare=False)

    def __repr__(self) -> str:
        return "<LifeProject>"

    @property
    def next_question(self) -> Question | None:
        """The first question that was neither answered nor left out; None when there is none."""
        return next((question for question in Question if question not in self.answers), None)
