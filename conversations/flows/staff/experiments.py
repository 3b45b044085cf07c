"""Comparing two wordings of a reminder: for managers, who start and stop it and see what it shows.

The comparisons are those that ship (care/experiments.py); their words are in the reminder's own flow.
"""

from dataclasses import dataclass
from datetime import timedelta

from conversations.care.experiments import (
    COMPARISONS,
    SIZES,
    Experiment,
    attendance_of,
    comparison_of,
    detectable,
)
from conversations.care.people import MANAGERS
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.errors import ExperimentRunning
from conversations.flows.staff.experiment_end import end_experiment
from conversations.flows.staff.experiment_words import (
    comparison_label,
    points,
    result_words,
    since_words,
    what_is_compared,
)

NAME = "experiments"
OFFERED_SIZES = (100, 200, 400, 800)
# Visits of this past say how often people come.
ATTENDANCE_OF = timedelta(days=365)


@dataclass
class ExperimentDraft:
    """Which comparison is on the screen, and how many visits are to be counted."""

    name: str = COMPARISONS[0].name
    size: int = OFFERED_SIZES[0]


class ShowComparisons(Step[ExperimentDraft]):
    name = "comparisons"

    async def ask(self, turn: Turn[ExperimentDraft]) -> Prompt:
        running = {each.name: each for each in await turn.desk.experiments.running()}
        lines = [
            turn.gettext("Two wordings of a reminder can be compared: about half of the people get each."),
            "",
        ]
        for comparison in COMPARISONS:
            now = running.get(comparison.name)
            state = since_words(turn, now) if now else turn.gettext("Not compared now.")
            lines.append(f"{comparison_label(turn, comparison)}: {state}")
        choices = [Choice(each.name, comparison_label(turn, each)) for each in COMPARISONS]
        return Prompt("\n".join(lines), choices)

    async def chosen(self, turn: Turn[ExperimentDraft], choice_id: str) -> Move:
        turn.draft.name = choice_id
        return Goto(ShowComparison)


class ShowComparison(Step[ExperimentDraft]):
    """Show what is compared, and what the run under way or the last one has shown."""

    name = "comparison"

    async def ask(self, turn: Turn[ExperimentDraft]) -> Prompt:
        comparison = comparison_of(turn.draft.name)
        latest = await turn.desk.experiments.latest(comparison.name)
        parts = [f"{comparison_label(turn, comparison)}\n{what_is_compared(turn, comparison)}"]
        if latest is not None:
            result = await turn.desk.experiments.result(latest.id)
            parts.append(f"{since_words(turn, latest)}\n{result_words(turn, latest, result)}")
        if latest is not None and latest.is_running:
            # Translators: label, at most 20 characters. Ends a comparison.
            act = Choice("stop", turn.pgettext("button", "⏹️ Stop"))
        else:
            # Translators: label, at most 20 characters. Begins a comparison.
            act = Choice("start", turn.pgettext("button", "▶️ Compare"))
        return Prompt("\n\n".join(parts), [act])

    async def chosen(self, turn: Turn[ExperimentDraft], choice_id: str) -> Move:
        return Goto(CheckStop if choice_id == "stop" else ChooseSize)


class ChooseSize(Step[ExperimentDraft]):
    """Ask how many visits are to be counted, and say what each number can show."""

    name = "size"
    # A number that is typed is how many visits, not a place in the list.
    matches_typed_choices = False

    async def ask(self, turn: Turn[ExperimentDraft]) -> Prompt:
        attendance = await _attendance(turn)
        lines = [turn.gettext("How many visits are to be counted? Choose, or write a number."), ""]
        for size in OFFERED_SIZES:
            line = turn.gettext("{n}: shows a difference of {points} points or more")
            lines.append(line.format(n=size, points=points(detectable(size, attendance))))
        return Prompt("\n".join(lines), [Choice(str(size), str(size)) for size in OFFERED_SIZES])

    async def chosen(self, turn: Turn[ExperimentDraft], choice_id: str) -> Move:
        turn.draft.size = int(choice_id)
        return Goto(CheckStart)

    async def answer(self, turn: Turn[ExperimentDraft], reply: Reply) -> Move:
        typed = reply.text.strip() if isinstance(reply, Text) else ""
        # Longer numbers than this are none of visits.
        if not typed.isdecimal() or len(typed) > 9 or int(typed) not in SIZES:
            wanted = turn.gettext("Please write a number from {least} to {most}.")
            return Again(wanted.format(least=SIZES[0], most=SIZES[-1]))
        turn.draft.size = int(typed)
        return Goto(CheckStart)


class CheckStart(Step[ExperimentDraft]):
    """Say, before anything begins, which difference the number can show."""

    name = "check"

    async def ask(self, turn: Turn[ExperimentDraft]) -> Prompt:
        draft = turn.draft
        attendance = await _attendance(turn)
        comparison = comparison_of(draft.name)
        counts = turn.gettext(
            "Visits to be counted: {n}. Then it ends by itself; you can stop it at any time."
        )
        shows = turn.gettext(
            "Where people come to {rate} % of their visits, that shows a difference of {points} points or "
            "more, four times out of five."
        )
        parts = [
            f"{comparison_label(turn, comparison)}\n{what_is_compared(turn, comparison)}",
            counts.format(n=draft.size),
            shows.format(rate=points(attendance), points=points(detectable(draft.size, attendance))),
        ]
        choices = [
            # Translators: label, at most 20 characters. Begins a comparison.
            Choice("yes", turn.pgettext("button", "▶️ Start")),
            # Translators: label, at most 20 characters.
            Choice("other", turn.pgettext("button", "🔢 Another number")),
        ]
        return Prompt("\n\n".join(parts), choices)

    async def chosen(self, turn: Turn[ExperimentDraft], choice_id: str) -> Move:
        if choice_id == "other":
            return Goto(ChooseSize)
        draft = turn.draft
        try:
            await turn.desk.experiments.start(
                draft.name, sample_size=draft.size, by=turn.contact.id, now=turn.now
            )
        except ExperimentRunning:
            return _back(draft, turn.gettext("A colleague has started it meanwhile."))
        return _back(draft, turn.gettext("📊 It has begun. You hear of it when it ends."))


class CheckStop(Step[ExperimentDraft]):
    name = "stop"

    async def ask(self, turn: Turn[ExperimentDraft]) -> Prompt:
        choices = [
            # Translators: label, at most 20 characters. Ends a comparison.
            Choice("yes", turn.pgettext("button", "⏹️ Stop")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "↩️ Go on")),
        ]
        asked = turn.gettext("Stop the comparison? Everybody gets wording A again, and it can't go on later.")
        return Prompt(asked, choices)

    async def chosen(self, turn: Turn[ExperimentDraft], choice_id: str) -> Move:
        running = await _running(turn)
        if choice_id == "no":
            return _back(turn.draft, None)
        if running is None or not await end_experiment(
            turn, running, told=running.started_by != turn.contact.id
        ):
            return _back(turn.draft, turn.gettext("It had ended already."))
        return _back(turn.draft, turn.gettext("Stopped. Everybody gets wording A again."))


async def show_experiments(turn: Turn[ExperimentDraft], argument: str) -> Move:
    """Handle /experiments."""
    return Enter(NAME)


def _back(draft: ExperimentDraft, said: str | None) -> Move:
    return Enter(NAME, ExperimentDraft(draft.name), ShowComparison.name, notice=said)


async def _running(turn: Turn[ExperimentDraft]) -> Experiment | None:
    running = await turn.desk.experiments.running()
    return next((each for each in running if each.name == turn.draft.name), None)


async def _attendance(turn: Turn[ExperimentDraft]) -> float:
    return attendance_of(await turn.desk.experiments.attendance(since=turn.now - ATTENDANCE_OF))


EXPERIMENTS = Flow(
    NAME,
    ExperimentDraft,
    (ShowComparisons, ShowComparison, ChooseSize, CheckStart, CheckStop),
    roles=MANAGERS,
)
