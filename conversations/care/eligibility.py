"""What a person can get, by what they answered, and what to ask next: rules and answers in, verdicts out.

Every answer may be missing. Nobody is turned away: where a service is for others, its verdict says where
else to look, and each verdict holds at least one thing to do next.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from conversations.care.appointments import Need
from conversations.care.rules import OPENING, Effect, NextThing, Outcome, Question, Rule, RuleSet, Service
from conversations.care.truth import Truth, any_of

# With the first, who it is about.
MOST_QUESTIONS = 6
# What somebody answers who would rather not say. No condition knows it, so everything stays open.
UNSAID = "unsaid"
# More reassurance than this would hide what to do.
MOST_REASSURANCES = 2

_LOOKS = frozenset({Effect.ASSESS, Effect.CAUTION})


@dataclass(frozen=True, slots=True, repr=False)
class Answers:
    """What a person wants to know about, and what they said: the ids of options by those of questions.

    A question that was not asked or not answered is missing, or `UNSAID`.
    """

    needs: tuple[Need, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "<Answers>"

    def with_answer(self, question_id: str, option_id: str) -> "Answers":
        return Answers(self.needs, {**self.given, question_id: option_id})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a service is for a person, and why.

    `named` are the rules that decided, what speaks of this person first: those that are true, else those that
    the answers leave open, else, where the service is for others, those that say for whom it is. `notes` are
    true as well and decide nothing. `see` are the services to look at instead, empty unless the outcome is
    ELSEWHERE. `then` is never empty.
    """

    service: Service
    outcome: Outcome
    named: tuple[Rule, ...]
    notes: tuple[Rule, ...]
    see: tuple[Service, ...]
    then: tuple[NextThing, ...]

    @property
    def reassurances(self) -> tuple[Rule, ...]:
        """Return what takes away a worry that the answers show, what matters most first."""
        found = sorted((rule for rule in self.notes if rule.reassures), key=lambda rule: rule.reassures)
        return tuple(found[:MOST_REASSURANCES])

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the keys of all sources of what the verdict says, each once."""
        facts = (self.service, *self.see, *self.named, *self.notes)
        return tuple(dict.fromkeys(key for fact in facts for key in fact.sources))


def evaluate(rules: RuleSet, answers: Answers) -> list[Verdict]:
    """Return a verdict for each service of the needs, in the rules' order."""
    return [_verdict(rules, service, answers) for service in _services(rules, answers)]


def leading(verdicts: Collection[Verdict]) -> Verdict:
    """Return the verdict that an answer is about: of the first service that is not for others."""
    for_them = (each for each in verdicts if each.outcome is not Outcome.ELSEWHERE)
    return next(for_them, None) or next(iter(verdicts))


def next_question(rules: RuleSet, answers: Answers, asked: Collection[str]) -> Question | None:
    """Return the question whose answer settles most of what is open.

    None when nothing is open, or enough was asked.
    """
    if len(asked) >= MOST_QUESTIONS:
        return None
    ahead = [each for each in rules.questions if each.id not in asked and each.id not in answers.given]
    weighed = [(_settles(rules, answers, question), question) for question in ahead]
    most = max((weight for weight, _ in weighed), default=0)
    # Of two that settle as much, the earlier one in the file.
    return next((question for weight, question in weighed if weight == most), None) if most else None


def _services(rules: RuleSet, answers: Answers) -> Iterable[Service]:
    return (each for each in rules.services if not answers.needs or set(each.needs) & set(answers.needs))


def _verdict(rules: RuleSet, service: Service, answers: Answers) -> Verdict:
    found = [
        (rule, effect, rule.when.truth(answers.given))
        for rule in rules.rules
        if (effect := rule.effect(service.id)) is not None
    ]
    opening = [(rule, truth) for rule, effect, truth in found if effect in OPENING]
    notes = tuple(rule for rule, effect, truth in found if effect is Effect.NOTE and truth is Truth.YES)
    looked_at = tuple(
        sorted(
            (rule for rule, effect, truth in found if effect in _LOOKS and truth is Truth.YES),
            # What is true of everybody says less than what speaks of this person.
            key=lambda rule: not rule.when.questions,
        )
    )
    opened = _opened(rules, service, answers)
    if opened is Truth.NO:
        see = tuple(rules.service(each) for each in service.see)
        named = tuple(rule for rule, _ in opening)
        return Verdict(service, Outcome.ELSEWHERE, named, notes, see, _then_elsewhere(rules, see, answers))
    true = tuple(rule for rule, truth in opening if truth is Truth.YES)
    if opened is Truth.YES and not looked_at:
        return Verdict(service, Outcome.LIKELY, true, notes, (), _then(service, true))
    unsettled = tuple(rule for rule, truth in opening if truth is Truth.UNKNOWN)
    named = looked_at or unsettled
    return Verdict(service, Outcome.ASSESS, named, notes, (), _then(service, (*true, *looked_at)))


def _then(service: Service, rules: Iterable[Rule]) -> tuple[NextThing, ...]:
    """Return what to do next: as the rule says that speaks of the person, else as the service says."""
    own = tuple(dict.fromkeys(thing for rule in rules if rule.when.questions for thing in rule.next))
    return own or service.then


def _then_elsewhere(rules: RuleSet, see: tuple[Service, ...], answers: Answers) -> tuple[NextThing, ...]:
    things: dict[NextThing, None] = {}
    for service in see:
        true = [rule for rule in rules.rules if rule.when.truth(answers.given) is Truth.YES]
        opened = [rule for rule in true if rule.effect(service.id) in OPENING]
        things.update(dict.fromkeys(_then(service, opened)))
    return tuple(things)


# What decides whether a service is for somebody weighs more than what is only told.
_WEIGHT = {Effect.FOR: 3, Effect.ASSESS: 3, Effect.CAUTION: 3, Effect.NOTE: 1}


def _settles(rules: RuleSet, answers: Answers, question: Question) -> float:
    """Return how much of what is open an answer settles, on average over the options."""
    left = [_open(rules, answers.with_answer(question.id, option.id)) for option in question.options]
    return _open(rules, answers) - sum(left) / len(left)


def _open(rules: RuleSet, answers: Answers) -> int:
    """Return how much is open: the rules whose condition is not known, for the services that may still be."""
    return sum(
        _WEIGHT[effect]
        for service in _services(rules, answers)
        if _opened(rules, service, answers) is not Truth.NO
        for rule in rules.rules
        if (effect := rule.effect(service.id)) and rule.when.truth(answers.given) is Truth.UNKNOWN
    )


def _opened(rules: RuleSet, service: Service, answers: Answers) -> Truth:
    """Return whether the service is for the person."""
    opening = (rule for rule in rules.rules if rule.effect(service.id) in OPENING)
    return any_of(rule.when.truth(answers.given) for rule in opening)
