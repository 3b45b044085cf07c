"""Questions people ask: by topic or in one's own words; the answer, where it is from and what to do next.

What is said stands in the questions (bot/data/questions.toml). Words that may mean several questions are
never answered by a guess: the person chooses.
"""

from dataclasses import dataclass, field
from typing import Any

from conversations.care.clips import question_script
from conversations.care.people import BENEFICIARIES, Consent
from conversations.care.questions import Next, Question, Topic, Wording
from conversations.care.rules import UNSAID
from conversations.care.visits import may_book
from conversations.engine.flow import Choice, Enter, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.listening import LISTEN, listen, listen_choices
from conversations.flows.source_words import source_words
from conversations.flows.todays_content import current_questions


@dataclass
class Asking:
    """Where somebody is among the questions. `guesses` are what their words may mean, the likeliest first.

    `words` are theirs as they may be kept, should none of the guesses be right: without names or numbers.
    """

    topic: str = ""
    question: str = ""
    guesses: list[str] = field(default_factory=list)
    words: str = ""


class _TakesQuestions(Step[Asking]):
    """Whatever is on the screen, a question may be written instead of tapping."""

    async def answer(self, turn: Turn[Asking], reply: Reply) -> Move:
        if not isinstance(reply, Text):
            return await super().answer(turn, reply)
        asking = answered(turn, reply.text) or guessed(turn, reply.text)
        if asking is None:
            await note_unanswered(turn, reply.text)
            return Goto(TellUnknown)
        turn.draft = asking
        return Goto(TellAnswer if asking.question else ChooseMeant)


class ChooseTopic(_TakesQuestions):
    name = "topic"

    async def ask(self, turn: Turn[Asking]) -> Prompt:
        text = turn.gettext("What is your question about? You can also write it here in your own words.")
        return Prompt(text, [Choice(topic, topic_label(turn, topic)) for topic in Topic])

    async def chosen(self, turn: Turn[Asking], choice_id: str) -> Move:
        about = turn.world.questions.about(Topic(choice_id))
        if len(about) == 1:
            return _tell(turn, about[0].id)
        turn.draft.topic = choice_id
        return Goto(ChooseQuestion)


class ChooseQuestion(_TakesQuestions):
    name = "question"

    async def ask(self, turn: Turn[Asking]) -> Prompt:
        topic = _topic(turn)
        hint = turn.gettext("Choose a question, or write your own.")
        about = (await current_questions(turn)).about(topic)
        return Prompt(
            f"{topic_label(turn, topic)}\n\n{hint}",
            [Choice(question.id, _wording(turn, question).label) for question in about],
        )

    async def chosen(self, turn: Turn[Asking], choice_id: str) -> Move:
        return _tell(turn, choice_id)


class TellAnswer(_TakesQuestions):
    name = "answer"

    async def ask(self, turn: Turn[Asking]) -> Prompt:
        question = (await current_questions(turn)).question(turn.draft.question)
        if question is None:
            return Prompt(_gone(turn), [_others(turn)])
        choices = listen_choices(turn, question_script(question))
        choices += [Choice(thing, _next_label(turn, thing)) for thing in question.next]
        # Translators: label, at most 24 characters. Shows where an answer comes from.
        choices.append(Choice("sources", turn.pgettext("button", "🔎 Sources")))
        if Next.PERSON not in question.next:
            choices.append(_person(turn))
        return Prompt(answer_words(turn, question), [*choices, _others(turn)])

    async def chosen(self, turn: Turn[Asking], choice_id: str) -> Move:
        question = (await current_questions(turn)).question(turn.draft.question)
        if choice_id == "others" or question is None:
            return Goto(ChooseTopic)
        if choice_id == LISTEN:
            return listen(turn, question_script(question))
        if choice_id == "sources":
            return Goto(TellSources)
        if choice_id == Next.BOOK:
            # Who has enough visits reads so at the first step.
            step = "centre" if await may_book(turn) else None
            return Enter("booking", Wish(need=question.need), step=step)
        return Enter(choice_id)


class TellSources(_TakesQuestions):
    name = "sources"

    async def ask(self, turn: Turn[Asking]) -> Prompt:
        question = (await current_questions(turn)).question(turn.draft.question)
        if question is None:
            return Prompt(_gone(turn), [_others(turn)])
        lead = turn.gettext("Where this comes from. We read public pages; the centre has the last word.")
        named = [source_words(turn, source) for source in question.sources]
        return Prompt("\n\n".join([lead, *named, _reviewed(turn, question)]), [_others(turn)])

    async def chosen(self, turn: Turn[Asking], choice_id: str) -> Move:
        return Goto(ChooseTopic)


class ChooseMeant(_TakesQuestions):
    """Offer what somebody's words may mean. None of it is answered before they say so."""

    name = "meant"

    async def ask(self, turn: Turn[Asking]) -> Prompt:
        questions = await current_questions(turn)
        found = [questions.question(question_id) for question_id in turn.draft.guesses]
        choices = [Choice(each.id, _wording(turn, each).label) for each in found if each is not None]
        # Translators: label, at most 24 characters. None of the questions above is the one meant.
        none = Choice("none", turn.pgettext("button", "🙅 None of these"))
        return Prompt(turn.gettext("Do you mean one of these?"), [*choices, _person(turn), none])

    async def chosen(self, turn: Turn[Asking], choice_id: str) -> Move:
        if choice_id == "person":
            return Enter(choice_id)
        if choice_id == "none":
            await _note(turn, turn.draft.words)
            return Goto(TellUnknown)
        return _tell(turn, choice_id)


class TellUnknown(_TakesQuestions):
    name = "unknown"

    async def ask(self, turn: Turn[Asking]) -> Prompt:
        text = turn.gettext("We have no answer to this yet. A person can help you, or try in other words.")
        return Prompt(text, [_person(turn), _others(turn)])

    async def chosen(self, turn: Turn[Asking], choice_id: str) -> Move:
        return Enter(choice_id) if choice_id == "person" else Goto(ChooseTopic)


def answered(turn: Turn[Any], text: str) -> Asking | None:
    """Return the draft for the answer that a text surely asks for."""
    found = turn.world.questions.find(text)
    return Asking(question=found.questions[0].id) if found.sure else None


def guessed(turn: Turn[Any], text: str) -> Asking | None:
    """Return the draft for choosing among what a text may ask."""
    found = turn.world.questions.find(text)
    if found.sure or not found.questions:
        return None
    words = turn.world.questions.known_words(text) if _may_keep(turn) else ""
    return Asking(guesses=[question.id for question in found.questions], words=words)


def looked_up(turn: Turn[Any], text: str) -> Move | None:
    """Return the way to the answer, or to what may be meant; None when it asks nothing that is known."""
    if asking := answered(turn, text):
        return Enter(QUESTIONS.name, asking, step=TellAnswer.name)
    if asking := guessed(turn, text):
        return Enter(QUESTIONS.name, asking, step=ChooseMeant.name)
    return None


async def note_unanswered(turn: Turn[Any], text: str) -> None:
    """Count a question without an answer for editors, in words that tell nothing of who asks."""
    await _note(turn, turn.world.questions.known_words(text))


async def _note(turn: Turn[Any], words: str) -> None:
    if words and _may_keep(turn):
        await turn.desk.unanswered.note(turn.texts.language, words, day=turn.today)


def _may_keep(turn: Turn[Any]) -> bool:
    """Tell whether anything may be kept: of those who refused nothing is, not even this."""
    return turn.contact.consent is Consent.AGREED


def answer_words(turn: Turn[Any], question: Question) -> str:
    """Return the question with its answer, and how sure that is."""
    wording = _wording(turn, question)
    parts = [
        topic_label(turn, question.topic),
        f"{wording.question}\n{wording.answer}",
        _how_sure(turn, question),
    ]
    return "\n\n".join(parts)


def topic_label(turn: Turn[Any], topic: Topic) -> str:
    """Return the topic as a button's label; it is the first line of its answers as well."""
    match topic:
        case Topic.COMING:
            # Translators: label, at most 24 characters. Also a first line seen on a locked screen.
            return turn.pgettext("button", "🚪 Coming to the centre")
        case Topic.WORK:
            # Translators: label, at most 24 characters. Also a first line seen on a locked screen.
            return turn.pgettext("button", "🧰 Work and projects")
        case Topic.PEOPLE:
            # Translators: label, at most 24 characters. Also a first line seen on a locked screen.
            return turn.pgettext("button", "👪 For whom it is")
        case Topic.LAW:
            # Translators: label, at most 24 characters. Also a first line seen on a locked screen.
            return turn.pgettext("button", "⚖️ Papers and the law")
        case Topic.HELP:
            # Translators: label, at most 24 characters. Also a first line seen on a locked screen.
            return turn.pgettext("button", "☎️ Whom to call")


def _next_label(turn: Turn[Asking], thing: Next) -> str:
    match thing:
        case Next.BOOK:
            # Translators: label, at most 20 characters.
            return turn.pgettext("button", "📅 Book a visit")
        case Next.NEAREST:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "📍 Nearest centre")
        case Next.PERSON:
            return _person(turn).label
        case Next.SERVICES:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "💡 What can I get?")
        case Next.LIFE_PROJECT:
            # Translators: label, at most 24 characters. Prepare one's life project before the visit.
            return turn.pgettext("button", "📝 Prepare my project")
        case Next.HELP_NUMBERS:
            # Translators: label, at most 24 characters.
            return turn.pgettext("button", "☎️ Help numbers")


def _person(turn: Turn[Asking]) -> Choice:
    # Translators: label, at most 24 characters.
    return Choice("person", turn.pgettext("button", "💬 Talk to a person"))


def _others(turn: Turn[Asking]) -> Choice:
    # Translators: label, at most 24 characters.
    return Choice("others", turn.pgettext("button", "❓ Other questions"))


def _topic(turn: Turn[Asking]) -> Topic:
    return Topic(turn.draft.topic) if turn.draft.topic in list(Topic) else Topic.COMING


def _wording(turn: Turn[Any], question: Question) -> Wording:
    return question.wordings[turn.texts.language]


def _how_sure(turn: Turn[Any], question: Question) -> str:
    reviewed = _reviewed(turn, question)
    if question.tag not in UNSAID:
        return reviewed
    return f"{turn.gettext('No public text settles this: the centre decides.')}\n{reviewed}"


def _reviewed(turn: Turn[Any], question: Question) -> str:
    return turn.gettext("Last reviewed: {day}").format(day=turn.format_day(question.reviewed))


def _gone(turn: Turn[Asking]) -> str:
    return turn.gettext("This question is no longer there.")


def _tell(turn: Turn[Asking], question_id: str) -> Move:
    if turn.world.questions.question(question_id) is None:
        return Home(_gone(turn))
    turn.draft.question = question_id
    return Goto(TellAnswer)


async def why(turn: Turn[Any]) -> Move | None:
    """Show the sources of the answer that the person has just read; None when it is none of these."""
    session = await turn.desk.sessions.load(turn.contact.id)
    is_over = session.expires_at is not None and session.expires_at < turn.now
    frame = session.frame
    if frame is None or is_over or frame.flow != QUESTIONS.name or not frame.draft.get("question"):
        return None
    return Goto(TellSources)


QUESTIONS = Flow(
    name="questions",
    draft=Asking,
    steps=[ChooseTopic, ChooseQuestion, TellAnswer, TellSources, ChooseMeant, TellUnknown],
    roles=BENEFICIARIES,
)
