"""What is told today: rules and questions as shipped, with what managers published since.

One query a call and nothing kept that could be old: another process may have published a moment ago.
"""

from typing import Any

from conversations.care.edition import Edition
from conversations.care.questions import QuestionBook
from conversations.care.rules import RuleSet
from conversations.engine.turn import Turn


async def todays_edition(turn: Turn[Any]) -> Edition:
    return turn.world.editions.of(await turn.desk.content.published())


async def current_rules(turn: Turn[Any]) -> RuleSet:
    return (await todays_edition(turn)).rules


async def current_questions(turn: Turn[Any]) -> QuestionBook:
    return (await todays_edition(turn)).questions
