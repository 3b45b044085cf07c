"""How managers read about comparisons: what is compared, what was counted, and whether that is enough."""

from typing import Any

from conversations.care.experiments import Comparison, Experiment, Outcomes, Result
from conversations.care.reminders import ReminderStep
from conversations.care.wall_time import to_local
from conversations.engine.turn import Turn
from conversations.flows.staff.small_numbers import shown


def comparison_label(turn: Turn[Any], comparison: Comparison) -> str:
    """Return which reminder it is, as a button's label; it fits a line of a text as well."""
    match comparison.step:
        case ReminderStep.THREE_DAYS_BEFORE:
            # Translators: label, at most 24 characters. A reminder three days before a visit.
            return turn.pgettext("button", "📅 Three days before")
        case ReminderStep.DAY_BEFORE:
            # Translators: label, at most 24 characters. A reminder on the evening before a visit.
            return turn.pgettext("button", "🌙 On the eve")
        case ReminderStep.TWO_HOURS_BEFORE:
            # Translators: label, at most 24 characters. A reminder two hours before a visit.
            return turn.pgettext("button", "⏰ Two hours before")
    raise LookupError(comparison.name)


def what_is_compared(turn: Turn[Any], comparison: Comparison) -> str:
    """Return what each of the two wordings says, A first, which everybody gets while nothing is compared."""
    match comparison.step:
        case ReminderStep.THREE_DAYS_BEFORE:
            a = turn.gettext("A: asks how the person will get there and when they leave.")
            b = turn.gettext("B: only asks whether they can come.")
        case ReminderStep.DAY_BEFORE:
            a = turn.gettext("A: who expects the person, for what, and that the hour is kept for them.")
            b = turn.gettext("B: the way and what to bring.")
        case _:
            a = turn.gettext("A: the way and what to bring.")
            b = turn.gettext("B: the way and who expects the person.")
    return f"{a}\n{b}"


def result_words(turn: Turn[Any], experiment: Experiment, result: Result) -> str:
    """Return what was counted; numbers below five are hidden, and what they could be found out by."""
    lines = [
        # Translators: the name of a wording; stands in the other sentences about A and B, too.
        _counted(turn, turn.pgettext("wording", "A"), result.a),
        _counted(turn, turn.pgettext("wording", "B"), result.b),
    ]
    found = result.difference
    if found is None:
        lines.append(turn.gettext("How often people came is shown once none of these numbers is below 5."))
        return "\n".join(lines)
    rates = turn.gettext("Came: {a} % with A, {b} % with B.")
    lines.append(rates.format(a=points(result.a.rate), b=points(result.b.rate)))
    lines.append(
        turn.gettext("B less A: {difference} points, with 95 % certainty from {low} to {high}.").format(
            difference=_signed(found.value),
            low=_signed(found.interval.low),
            high=_signed(found.interval.high),
        )
    )
    lines.append(_verdict(turn, experiment, result))
    return "\n".join(lines)


def since_words(turn: Turn[Any], experiment: Experiment) -> str:
    """Return since when it runs, or from when to when it ran."""
    since = turn.format_day(to_local(experiment.started_at, turn.world.zone).date())
    if experiment.stopped_at is None:
        return turn.gettext("Compared since {day}.").format(day=since)
    until = turn.format_day(to_local(experiment.stopped_at, turn.world.zone).date())
    return turn.gettext("Compared from {day} to {until}.").format(day=since, until=until)


def points(part: float) -> str:
    """Return a part, 0 to 1, in per cent."""
    return f"{100 * part:.1f}"


def _counted(turn: Turn[Any], wording: str, outcomes: Outcomes) -> str:
    line = turn.gettext("{wording}: came {came}, missed {missed}, cancelled {cancelled}")
    return line.format(
        wording=wording,
        came=shown(turn, outcomes.came),
        missed=shown(turn, outcomes.missed),
        cancelled=shown(turn, outcomes.cancelled),
    )


def _verdict(turn: Turn[Any], experiment: Experiment, result: Result) -> str:
    counted = turn.gettext("Visits counted: {n} of {of}.").format(n=result.counted, of=experiment.sample_size)
    return f"{counted} {_judged(turn, experiment, result)}"


def _judged(turn: Turn[Any], experiment: Experiment, result: Result) -> str:
    found = result.difference
    if result.counted < experiment.sample_size:
        return turn.gettext("That is not enough to judge.")
    if found is None or not found.is_clear:
        return turn.gettext("That is enough: no difference shows.")
    if found.value > 0:
        return turn.gettext("That is enough: people come more often with B.")
    return turn.gettext("That is enough: people come more often with A.")


def _signed(part: float) -> str:
    return f"{100 * part:+.1f}"
