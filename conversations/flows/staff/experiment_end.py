"""A comparison has ended: whoever started it hears what it has shown."""

from typing import Any

from conversations.care.experiments import Experiment, comparison_of
from conversations.care.people import MANAGERS
from conversations.engine.flow import Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.flows.news import ExperimentNews
from conversations.flows.staff.experiment_words import comparison_label, result_words, since_words

NAME = "experiment_end"


async def end_experiment(turn: Turn[Any], experiment: Experiment, *, told: bool) -> bool:
    """Let everybody get the shipped wording again; False when that was so already.

    `told`: whoever started it hears of it.
    """
    if not await turn.desk.experiments.stop(experiment.id, now=turn.now):
        return False
    if told and experiment.started_by is not None:
        turn.push(
            experiment.started_by,
            NAME,
            ExperimentNews(experiment.id),
            purpose=Purpose.STAFF,
            key=f"experiment:{experiment.id}:end",
            keeps_quiet=True,
        )
    return True


class TellEnd(Step[ExperimentNews]):
    name = "end"

    async def holds(self, turn: Turn[ExperimentNews]) -> bool:
        # They may have left meanwhile.
        return turn.contact.role in MANAGERS

    async def ask(self, turn: Turn[ExperimentNews]) -> Prompt:
        # Translators: label, at most 20 characters.
        return Prompt(await _told(turn), [Choice("ok", turn.pgettext("button", "👌 OK"))])

    async def chosen(self, turn: Turn[ExperimentNews], choice_id: str) -> Move:
        return Finish(await _told(turn))


async def _told(turn: Turn[ExperimentNews]) -> str:
    experiment = await turn.desk.experiments.get(turn.draft.experiment_id)
    lines = [
        # Translators: first line seen on a locked screen.
        turn.gettext("📊 A comparison of two wordings has ended."),
        comparison_label(turn, comparison_of(experiment.name)),
        since_words(turn, experiment),
        "",
        result_words(turn, experiment, await turn.desk.experiments.result(experiment.id)),
    ]
    return "\n".join(lines)


EXPERIMENT_END = Flow(NAME, ExperimentNews, (TellEnd,), roles=MANAGERS)
