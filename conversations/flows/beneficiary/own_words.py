"""What somebody writes where a menu waits for a tap: a question, a thing they want, thanks."""

from typing import Any

from conversations.engine.flow import Again, Enter, Move
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.asked_for import asked_for, thanks
from conversations.flows.beneficiary.questions import looked_up, note_unanswered


async def understood(turn: Turn[Any], text: str) -> Move | None:
    """Return where the words lead, None when they can't be understood.

    A question that is surely known comes first, then everyday words that name a flow, then questions that may
    be meant. Whose answer would lead to the very flow that is named gets there at once.
    """
    found, flow = turn.world.questions.find(text), asked_for(text)
    if found.sure and found.questions[0].next[0] != flow:
        return looked_up(turn, text)
    if flow is not None:
        return Enter(flow)
    if thanks(text):
        return Again(turn.gettext("🙏 You are welcome."))
    if move := looked_up(turn, text):
        return move
    await note_unanswered(turn, text)
    return None
