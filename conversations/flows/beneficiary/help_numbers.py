"""Numbers to call in need: who answers, and the number alone on its line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conversations.care.helplines import AMBULANCE, HELPLINES, POLICE, Helpline
from conversations.engine.flow import Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word


@dataclass
class Call:
    """`danger`: the person's words sounded like danger to life. `heard`: a caseworker was told of it."""

    danger: bool = False
    heard: bool = False


class ShowNumbers(Step[Call]):
    name = "numbers"

    async def ask(self, turn: Turn[Call]) -> Prompt:
        choices = [
            # Translators: label, at most 20 characters.
            Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person")),
            # Translators: label, at most 20 characters.
            Choice("ok", turn.pgettext("button", "👌 OK")),
        ]
        if turn.draft.danger:
            return Prompt(_in_danger(turn), choices)
        lead = turn.gettext("☎️ These numbers answer. In danger, call at once.")
        return Prompt(f"{lead}\n\n{_numbers(turn, HELPLINES)}", choices)

    async def chosen(self, turn: Turn[Call], choice_id: str) -> Move:
        return Finish(turn.gettext("Take good care of yourself."))


def _in_danger(turn: Turn[Call]) -> str:
    # No suicide line answers in Morocco, so the ambulance comes first.
    parts = [
        turn.gettext("💛 You matter, and you are not alone in this. Please call now:"),
        _numbers(turn, (AMBULANCE, POLICE)),
    ]
    if turn.draft.heard:
        parts.append(turn.gettext("A caseworker has been told and will write to you here on reading it."))
    else:
        parts.append(turn.gettext("Stay with somebody you trust until help is there."))
    return "\n\n".join(parts)


def _numbers(turn: Turn[Any], helplines: Sequence[Helpline]) -> str:
    return "\n\n".join(
        "\n".join((_who_answers(turn, helpline), *map(turn.texts.isolate, helpline.numbers)))
        for helpline in helplines
    )


def _who_answers(turn: Turn[Any], helpline: Helpline) -> str:
    match helpline.id:
        case "ambulance":
            return turn.gettext("Ambulance and fire brigade")
        case "police":
            return turn.gettext("Police (112 from a mobile phone)")
        case "gendarmerie":
            return turn.gettext("Gendarmerie, outside the towns")
        case "violence_against_women":
            return turn.gettext("Violence against women, day and night")
        case "children_in_danger":
            return turn.gettext("Children in danger, from 8:30 to 18:00")
        case "poison_centre":
            return turn.gettext("Poison centre")
        case "human_trafficking":
            return turn.gettext("Against human trafficking")
        case "human_rights_casablanca_settat":
            return turn.gettext("Human rights council, Casablanca-Settat")
    raise LookupError(helpline.id)


HELP_NUMBERS = Flow(name="help_numbers", draft=Call, steps=[ShowNumbers])
