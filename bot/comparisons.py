"""Comparisons of two wordings that have counted enough visits end by themselves."""

import structlog

from bot.clock import Clock
from bot.turns import Voice, act_for
from conversations.care.experiments import Experiment
from conversations.flows.staff.experiment_end import end_experiment
from storage.database import Database
from storage.unit_of_work import UnitOfWork

log = structlog.get_logger()


async def end_comparisons(database: Database, voice: Voice, clock: Clock) -> None:
    """End those whose number of visits is reached; whoever started them hears what they have shown."""
    async with database.reading() as unit:
        running = await unit.experiments.running()
    for experiment in running:
        async with database.transaction() as unit:
            if (await unit.experiments.result(experiment.id)).counted >= experiment.sample_size:
                await _end(unit, experiment, voice, clock)


async def _end(unit: UnitOfWork, experiment: Experiment, voice: Voice, clock: Clock) -> None:
    log.info("experiment_done", experiment=experiment.id)
    starter = experiment.started_by
    if starter is None:
        await unit.experiments.stop(experiment.id, now=clock.now())
        return
    await act_for(
        unit, starter, voice, lambda turn: end_experiment(turn, experiment, told=True), now=clock.now()
    )
