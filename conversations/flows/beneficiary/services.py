"""What can I get? Who asks, what for, a few questions that nobody must answer, and what comes of it.

What is said here stands in the rules (bot/data/rules.toml), with its sources; this flow leads through it.
"""

from dataclasses import dataclass, field

from conversations.care.appointments import Need
from conversations.care.clips import Script, need_script
from conversations.care.eligibility import UNSAID, Answers, Verdict, evaluate, leading, next_question
from conversations.care.people import BENEFICIARIES
from conversations.care.rules import (
    Fact,
    NextThing,
    Outcome,
    Question,
    Said,
    Service,
)
from conversations.care.visits import VisitNews, may_book
from conversations.engine.flow import JSON, Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.questions import looked_up
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.listening import LISTEN, listen, listen_choices
from conversations.flows.programme_words import programme_words
from conversations.flows.source_words import source_words
from conversations.flows.todays_content import current_rules
from conversations.flows.visit_words import need_choices, need_label, what_to_bring

# Facts with their sources that a small screen shows without scrolling far.
FACTS_A_PAGE = 4
# Beside Back and Menu.
MOST_CHOICES = 7


@dataclass
class Enquiry:
    """What somebody said so far: options by question, in the session alone and gone with it.

    `question` is the one on the screen, `asked` those that were, `page` the part of the sources shown.
    """

    need: Need | None = None
    given: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    question: str = ""
    page: int = 0


class AskWho(Step[Enquiry]):
    """The first question of the rules. Who comes back here begins anew."""

    name = "asker"

    async def ask(self, turn: Turn[Enquiry]) -> Prompt:
        question = turn.world.rules.questions[0]
        # Translators: label, at most 24 characters.
        others = Choice("questions", turn.pgettext("button", "❓ Questions people ask"))
        return Prompt(_say(turn, question.text), [*_options(turn, question), _rather_not(turn), others])

    async def chosen(self, turn: Turn[Enquiry], choice_id: str) -> Move:
        if choice_id == "questions":
            return Enter(choice_id)
        question = turn.world.rules.questions[0]
        turn.draft.given, turn.draft.asked = {question.id: choice_id}, [question.id]
        return Goto(ChooseNeed)

    async def answer(self, turn: Turn[Enquiry], reply: Reply) -> Move:
        return _asked(turn, reply) or await super().answer(turn, reply)


class ChooseNeed(Step[Enquiry]):
    name = "need"

    async def ask(self, turn: Turn[Enquiry]) -> Prompt:
        return Prompt(turn.gettext("What would you like to know more about?"), need_choices(turn))

    async def chosen(self, turn: Turn[Enquiry], choice_id: str) -> Move:
        if choice_id not in list(Need):
            # A button of an earlier version: who can come.
            return Goto(AskWho)
        turn.draft.need = Need(choice_id)
        return _onward(turn)

    async def answer(self, turn: Turn[Enquiry], reply: Reply) -> Move:
        return _asked(turn, reply) or await super().answer(turn, reply)


class AskNext(Step[Enquiry]):
    """One question after the other, as long as an answer would still settle something."""

    name = "question"

    async def ask(self, turn: Turn[Enquiry]) -> Prompt:
        question = _current(turn)
        # Translators: label, at most 24 characters. Leave out the questions that are left.
        enough = Choice("enough", turn.pgettext("button", "⏭️ Answer me now"))
        return Prompt(_say(turn, question.text), [*_options(turn, question), _rather_not(turn), enough])

    async def chosen(self, turn: Turn[Enquiry], choice_id: str) -> Move:
        if choice_id == "enough":
            # Of another need neither.
            turn.draft.asked = [question.id for question in turn.world.rules.questions]
            return Goto(TellOutcome)
        question = _current(turn)
        turn.draft.given[question.id] = choice_id
        if question.id not in turn.draft.asked:
            turn.draft.asked.append(question.id)
        return _onward(turn)


class TellOutcome(Step[Enquiry]):
    """What the need's first service is for this person, why, what comes next and what to bring."""

    name = "outcome"

    async def ask(self, turn: Turn[Enquiry]) -> Prompt:
        verdicts = await _verdicts(turn)
        verdict = leading(verdicts)
        headline = _say(turn, turn.world.rules.outcomes[verdict.outcome])
        parts = [
            need_label(turn, _need(turn)),
            f"{headline}\n{_why(turn, verdict)}",
            "\n".join(_say(turn, rule.text) for rule in verdict.reassurances),
            _say(turn, (verdict.see or (verdict.service,))[0].next),
            await what_to_bring(turn) if NextThing.BOOK in verdict.then else "",
        ]
        choices = [*_next_things(turn, verdict), *_ways_on(turn)]
        # Where there is no room it stands under "Read more".
        hearing = await _hearing(turn, verdicts) if len(choices) < MOST_CHOICES else []
        return Prompt("\n\n".join(filter(None, parts)), [*hearing, *choices])

    async def chosen(self, turn: Turn[Enquiry], choice_id: str) -> Move:
        match choice_id:
            case NextThing.BOOK:
                return await _book(turn)
            case NextThing.CALL_BACK:
                return Enter("call_request", VisitNews(), step="number")
            case NextThing.NEAREST | NextThing.LIFE_PROJECT | "person":
                return Enter(choice_id)
            case "more":
                return Goto(TellMore)
            case _ if choice_id == LISTEN:
                return listen(turn, await _script(turn))
            case "why":
                turn.draft.page = 0
                return Goto(TellSources)
        return Goto(ChooseNeed)


class TellMore(Step[Enquiry]):
    """All services for the need, and how their programmes stand."""

    name = "more"

    async def ask(self, turn: Turn[Enquiry]) -> Prompt:
        verdicts = await _verdicts(turn)
        services = _open_services(verdicts)
        known = {service.id for service in services}
        parts = [need_label(turn, _need(turn))]
        parts += [f"{_say(turn, service.text)} {_say(turn, service.next)}" for service in services]
        parts += [
            programme_words(turn, programme, _region(turn))
            for programme in (await current_rules(turn)).programmes
            if known.intersection(programme.services)
        ]
        return Prompt("\n\n".join(parts), [*await _hearing(turn, verdicts), _sources(turn)])

    async def chosen(self, turn: Turn[Enquiry], choice_id: str) -> Move:
        if choice_id == LISTEN:
            return listen(turn, await _script(turn))
        turn.draft.page = 0
        return Goto(TellSources)


class TellSources(Step[Enquiry]):
    """Each thing that was said, how we know it and when somebody last looked."""

    name = "sources"

    async def ask(self, turn: Turn[Enquiry]) -> Prompt:
        facts = _facts(leading(await _verdicts(turn)))
        pages = -(-len(facts) // FACTS_A_PAGE)
        start = turn.draft.page % pages * FACTS_A_PAGE
        parts = [turn.gettext("Where this comes from. We read public pages; the centre has the last word.")]
        parts += [_with_sources(turn, fact) for fact in facts[start : start + FACTS_A_PAGE]]
        # Translators: label, at most 20 characters. The next page of a list.
        further = Choice("further", turn.pgettext("button", "➡️ Further"))
        return Prompt("\n\n".join(parts), [further] if pages > 1 else [])

    async def chosen(self, turn: Turn[Enquiry], choice_id: str) -> Move:
        turn.draft.page += 1
        return Again()


async def why(turn: Turn[Enquiry], argument: str) -> Move:
    """Show where it comes from: what the person has just read, else what is true for everybody."""
    session = await turn.desk.sessions.load(turn.contact.id)
    is_over = session.expires_at is not None and session.expires_at < turn.now
    if session.frame is not None and session.frame.flow == SERVICES.name and not is_over:
        return Goto(TellSources)
    return Enter(SERVICES.name, step=TellSources.name)


def _asked(turn: Turn[Enquiry], reply: Reply) -> Move | None:
    """Return the way to the answer of a question that is written instead of tapping."""
    return looked_up(turn, reply.text) if isinstance(reply, Text) else None


def _say(turn: Turn[Enquiry], said: Said) -> str:
    return said[turn.texts.language]


def _options(turn: Turn[Enquiry], question: Question) -> list[Choice]:
    return [Choice(option.id, _say(turn, option.label)) for option in question.options]


def _rather_not(turn: Turn[Enquiry]) -> Choice:
    # Translators: label, at most 24 characters.
    return Choice(UNSAID, turn.pgettext("button", "🤐 Rather not say"))


def _need(turn: Turn[Enquiry]) -> Need:
    return turn.draft.need or Need.OTHER


def _answers(turn: Turn[Enquiry]) -> Answers:
    return Answers((_need(turn),), turn.draft.given)


async def _verdicts(turn: Turn[Enquiry]) -> list[Verdict]:
    return evaluate(await current_rules(turn), _answers(turn))


def _onward(turn: Turn[Enquiry]) -> Move:
    question = next_question(turn.world.rules, _answers(turn), turn.draft.asked)
    if question is None:
        return Goto(TellOutcome)
    turn.draft.question = question.id
    return Goto(AskNext)


def _current(turn: Turn[Enquiry]) -> Question:
    """Return the question on the screen; the first one when the rules no longer have it."""
    rules = turn.world.rules
    return rules.question(turn.draft.question) or rules.questions[0]


def _why(turn: Turn[Enquiry], verdict: Verdict) -> str:
    """Return one sentence: of what decided, the rule that speaks of this person first."""
    if verdict.outcome is Outcome.ELSEWHERE:
        return _say(turn, verdict.see[0].text)
    return _say(turn, verdict.named[0].text)


def _next_things(turn: Turn[Enquiry], verdict: Verdict) -> list[Choice]:
    return [Choice(thing, _next_label(turn, thing)) for thing in verdict.then]


def _next_label(turn: Turn[Enquiry], thing: NextThing) -> str:
    match thing:
        case NextThing.BOOK:
            # Translators: label, at most 20 characters.
            return turn.pgettext("button", "📅 Book for this")
        case NextThing.CALL_BACK:
            # Translators: label, at most 20 characters. The centre shall call the person.
            return turn.pgettext("button", "📞 Call me")
        case NextThing.NEAREST:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "📍 Nearest centre")
        case NextThing.LIFE_PROJECT:
            # Translators: label, at most 24 characters. Prepare one's life project before the visit.
            return turn.pgettext("button", "📝 Prepare my project")


def _ways_on(turn: Turn[Enquiry]) -> list[Choice]:
    return [
        # Translators: label, at most 24 characters.
        Choice("more", turn.pgettext("button", "📖 Read more")),
        _sources(turn),
        # Translators: label, at most 24 characters. Ask about another need.
        Choice("another", turn.pgettext("button", "➕ Another question")),
        # Translators: label, at most 24 characters.
        Choice("person", turn.pgettext("button", "💬 Talk to a person")),
    ]


async def _script(turn: Turn[Enquiry]) -> Script:
    return need_script(await current_rules(turn), _need(turn))


async def _hearing(turn: Turn[Enquiry], verdicts: list[Verdict]) -> list[Choice]:
    """Return the button to listen to all services of the need; none where one of them is for others."""
    if any(each.outcome is Outcome.ELSEWHERE for each in verdicts):
        return []
    return listen_choices(turn, await _script(turn))


def _sources(turn: Turn[Enquiry]) -> Choice:
    # Translators: label, at most 24 characters. Shows where what was said comes from.
    return Choice("why", turn.pgettext("button", "🔎 Why? Sources"))


async def _book(turn: Turn[Enquiry]) -> Move:
    if turn.draft.need is None:
        return Enter("booking")
    # Who has enough visits reads so at the first step.
    step = "centre" if await may_book(turn) else None
    return Enter("booking", Wish(need=turn.draft.need), step=step)


def _open_services(verdicts: list[Verdict]) -> list[Service]:
    """Return the need's services that are not for others; where all are, those to look at instead."""
    services = [each.service for each in verdicts if each.outcome is not Outcome.ELSEWHERE]
    return services or list(leading(verdicts).see)


def _region(turn: Turn[Enquiry]) -> str | None:
    """Return the region the person said they live in."""
    return turn.contact.province_code.partition(".")[0] if turn.contact.province_code else None


def _facts(verdict: Verdict) -> list[Fact]:
    """Return what the verdict says, each once, what decided it first."""
    said: tuple[Fact, ...] = (*verdict.named, verdict.service, *verdict.see, *verdict.notes)
    return list({fact.id: fact for fact in said}.values())


def _with_sources(turn: Turn[Enquiry], fact: Fact) -> str:
    known = [source_words(turn, turn.world.rules.sources[key]) for key in fact.sources]
    return "\n".join(
        [_say(turn, fact.text), *(known or [turn.gettext("We found no public source for this.")])]
    )


def _upgraded(version: int, draft: JSON) -> JSON:
    """Keep the need of a draft from before the questions."""
    return {"need": draft["need"]} if "need" in draft else {}


SERVICES = Flow(
    name="services",
    draft=Enquiry,
    steps=[AskWho, ChooseNeed, AskNext, TellOutcome, TellMore, TellSources],
    roles=BENEFICIARIES,
    version=2,
    renamed={"services": "need", "service": "outcome", "who": "outcome"},
    upgrade=_upgraded,
)
