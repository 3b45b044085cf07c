"""How people and staff read why a centre is closed."""

from typing import Any

from conversations.care.closures import ClosureReason
from conversations.engine.turn import Turn


def reason_label(turn: Turn[Any], reason: ClosureReason) -> str:
    """Return a reason as a button's label; staff choose by it."""
    match reason:
        case ClosureReason.HOLIDAY:
            # Translators: label, at most 24 characters. Why a centre closes.
            return turn.pgettext("button", "🎉 Holiday")
        case ClosureReason.MEETING:
            # Translators: label, at most 24 characters. Why a centre closes: the staff meet or are trained.
            return turn.pgettext("button", "👥 Staff meeting")
        case ClosureReason.ILLNESS:
            # Translators: label, at most 24 characters. Why a centre closes: staff are ill.
            return turn.pgettext("button", "🤒 Illness")
        case ClosureReason.WORKS:
            # Translators: label, at most 24 characters. Why a centre closes: work on the building.
            return turn.pgettext("button", "🛠️ Building work")
        case ClosureReason.OTHER:
            # Translators: label, at most 24 characters. Why a centre closes: none of the other reasons.
            return turn.pgettext("button", "❔ Another reason")


def why_closed(turn: Turn[Any], reason: ClosureReason | None) -> str:
    """Return the sentence that tells a person why they can't come then."""
    match reason:
        case ClosureReason.HOLIDAY:
            return turn.gettext("The centre is closed then: it is a holiday.")
        case ClosureReason.MEETING:
            return turn.gettext("The centre is closed then: the staff have a meeting.")
        case ClosureReason.ILLNESS:
            return turn.gettext("The centre is closed then: somebody of the staff is ill.")
        case ClosureReason.WORKS:
            return turn.gettext("The centre is closed then: there is work on the building.")
        case _:
            return turn.gettext("The centre receives nobody then.")
