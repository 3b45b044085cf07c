"""A life project, prepared before the visit: one short question after the other, each answer kept at once.

The person leaves at any point and goes on later, changes every answer, takes the whole along to a visit,
and deletes it. The centre studies the project; nothing is promised here, and no amount is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conversations.care.appointments import Appointment, Need
from conversations.care.documents import Document, DocumentKind
from conversations.care.life_projects import (
    LEFT_OUT,
    LONGEST_ANSWER,
    Helper,
    LifeProject,
    Question,
    Sector,
)
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import MOST_AHEAD
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.matching import fold_words
from conversations.engine.reply import Media, Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.attached_project import attached_visit
from conversations.flows.beneficiary.asked_for import is_life_project, says_yes
from conversations.flows.beneficiary.wish import Wish, live_visit
from conversations.flows.life_project_words import (
    answer_words,
    apart,
    helper_label,
    question_choice,
    sector_label,
    told,
)
from conversations.flows.visit_words import city

NAME = "life_project"
# With skip, later and what leads back, as many rows as a list may have.
SECTORS_AT_ONCE = 4


@dataclass
class Preparing:
    """`changing`: one answer is being changed, and then the whole is shown again.

    `more` shows the second half of the sectors. `appointment_id` is the visit the project may go along
    with, 0 for one that has yet to be booked.
    """

    changing: bool = False
    more: bool = False
    appointment_id: int = 0


class ShowProject(Step[Preparing]):
    """Show what is there in the person's own words, and what can be done with it."""

    name = "project"

    async def ask(self, turn: Turn[Preparing]) -> Prompt:
        project = await turn.desk.life_projects.get(turn.contact.id)
        if project is None:
            text = turn.gettext(
                "📝 Here you prepare your project before the visit, one question at a time. Each answer is "
                "kept at once, and the centre studies the project with you."
            )
            # Translators: label, at most 20 characters.
            return Prompt(text, [Choice("go_on", turn.pgettext("button", "▶️ Let's begin"))])
        parts = [turn.gettext("📝 Your project, in your own words:"), told(turn.texts, project)]
        if line := _still_open(turn, project):
            parts.append(line)
        if line := await _goes_along(turn, project):
            parts.append(line)
        return Prompt("\n\n".join(filter(None, parts)), await _project_choices(turn, project))

    async def chosen(self, turn: Turn[Preparing], choice_id: str) -> Move:
        match choice_id:
            case "go_on":
                turn.draft.changing = False
                return await _onward(turn)
            case "change":
                return Goto(ChooseAnswer)
            case "page":
                turn.send_document(Document(DocumentKind.LIFE_PROJECT, turn.contact.id))
                return Enter(NAME, notice=turn.gettext("📄 Your page comes in a moment."))
            case "attach":
                ahead = await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now)
                turn.draft.appointment_id = 0
                return Goto(ChooseVisit if ahead else CheckAttach)
            case "detach":
                await turn.desk.life_projects.attach(turn.contact.id, None)
                return Enter(NAME, notice=turn.gettext("✂️ Nobody but you can read it from now on."))
        return Goto(CheckDelete)

    async def answer(self, turn: Turn[Preparing], reply: Reply) -> Move:
        """Take what is written before anything is there as the idea: many don't wait to be asked."""
        if not isinstance(reply, Text) or await turn.desk.life_projects.get(turn.contact.id):
            return await super().answer(turn, reply)
        turn.draft.changing = False
        return await _onward(turn) if says_yes(reply.text) else await TellIdea().answer(turn, reply)


class _Tell(Step[Preparing]):
    """One question; the answer is kept before the next one is asked."""

    question: ClassVar[Question]

    async def ask(self, turn: Turn[Preparing]) -> Prompt:
        words = await self._kept(turn)
        text = self.words(turn)
        if words:
            now = turn.gettext("You said:")
            text = f"{text}\n\n{now}\n{apart(turn.texts, answer_words(turn.texts, self.question, words))}"
        return Prompt(text, [*self.choices(turn), *_ways_on(turn, words)])

    async def chosen(self, turn: Turn[Preparing], choice_id: str) -> Move:
        match choice_id:
            case "keep":
                return await _onward(turn)
            case "skip":
                return await self._keep(turn, LEFT_OUT)
            case "later":
                return Home(
                    turn.gettext("💾 It is kept. Write “life project” here whenever you want to go on.")
                )
        return await self._keep(turn, choice_id)

    async def answer(self, turn: Turn[Preparing], reply: Reply) -> Move:
        match reply:
            case Text(text) if is_life_project(text):
                # Who comes back after days asks for it where they had stopped.
                return Goto(ShowProject)
            case Text(text) if words := text.strip():
                if len(words) <= LONGEST_ANSWER:
                    return await self._keep(turn, self.meant(turn, words))
                return Again(_too_long(turn))
            case Media():
                return Again(
                    turn.gettext(
                        "I can't listen or look here yet. Please write it in a few words, or write “person”: "
                        "a caseworker can note it for you."
                    )
                )
        return Again(turn.gettext("Please write it in a few words."))

    def words(self, turn: Turn[Preparing]) -> str:
        """Return the question."""
        raise NotImplementedError

    def choices(self, turn: Turn[Preparing]) -> Sequence[Choice]:
        """Return answers that a tap can give."""
        return ()

    def meant(self, turn: Turn[Preparing], words: str) -> str:
        """Return what is kept of typed words: they themselves, or the answer whose button says so."""
        return words

    async def _keep(self, turn: Turn[Preparing], words: str) -> Move:
        await turn.desk.life_projects.answer(turn.contact.id, self.question, words, now=turn.now)
        return await _onward(turn)

    async def _kept(self, turn: Turn[Preparing]) -> str:
        project = await turn.desk.life_projects.get(turn.contact.id)
        return project.answers.get(self.question, LEFT_OUT) if project else LEFT_OUT


class TellIdea(_Tell):
    name = "idea"
    question = Question.IDEA

    def words(self, turn: Turn[Preparing]) -> str:
        return turn.gettext("What would you like to do? One or two sentences are enough.")


class TellSector(_Tell):
    name = "sector"
    question = Question.SECTOR

    def words(self, turn: Turn[Preparing]) -> str:
        return turn.gettext("Which kind of work is it? Choose, or write it in your own words.")

    def choices(self, turn: Turn[Preparing]) -> Sequence[Choice]:
        sectors = list(Sector)
        shown = sectors[SECTORS_AT_ONCE:] if turn.draft.more else sectors[:SECTORS_AT_ONCE]
        # Translators: label, at most 24 characters. Shows the other kinds of work.
        more = Choice("more", turn.pgettext("button", "🔁 Other kinds"))
        return [*(Choice(sector, sector_label(turn.texts, sector)) for sector in shown), more]

    async def chosen(self, turn: Turn[Preparing], choice_id: str) -> Move:
        if choice_id == "more":
            turn.draft.more = not turn.draft.more
            return Again()
        return await super().chosen(turn, choice_id)

    def meant(self, turn: Turn[Preparing], words: str) -> str:
        labels = {fold_words(sector_label(turn.texts, sector)): sector for sector in Sector}
        return labels.get(fold_words(words), words)


class TellExperience(_Tell):
    name = "experience"
    question = Question.EXPERIENCE

    def words(self, turn: Turn[Preparing]) -> str:
        return turn.gettext("What have you already done or learned that helps you with it?")


class TellTraining(_Tell):
    name = "training"
    question = Question.TRAINING

    def words(self, turn: Turn[Preparing]) -> str:
        return turn.gettext("What would you like to learn for it? If nothing, skip it.")


class TellEquipment(_Tell):
    name = "equipment"
    question = Question.EQUIPMENT

    def words(self, turn: Turn[Preparing]) -> str:
        return turn.gettext("Which tools and things do you need for it? Prices are not needed here.")


class TellPresent(_Tell):
    name = "present"
    question = Question.PRESENT

    def words(self, turn: Turn[Preparing]) -> str:
        return turn.gettext("What do you already have for it? Tools, a place, people who would buy from you?")


class TellHelpers(_Tell):
    """In French "personne" asks for a person, but is the word of a button here, which wins."""

    name = "helpers"
    question = Question.HELPERS

    def words(self, turn: Turn[Preparing]) -> str:
        return turn.gettext("Who can help you with it? Choose, or write it in your own words.")

    def choices(self, turn: Turn[Preparing]) -> Sequence[Choice]:
        return [Choice(helper, helper_label(turn.texts, helper)) for helper in Helper]


class ChooseAnswer(Step[Preparing]):
    name = "change"

    async def ask(self, turn: Turn[Preparing]) -> Prompt:
        choices = [question_choice(turn.texts, question) for question in Question]
        return Prompt(turn.gettext("What would you like to change?"), choices)

    async def chosen(self, turn: Turn[Preparing], choice_id: str) -> Move:
        turn.draft.changing = True
        return Goto(_STEPS[Question(choice_id)])


class ChooseVisit(Step[Preparing]):
    """Offer the visits ahead, and one for this alone."""

    name = "visit"

    async def ask(self, turn: Turn[Preparing]) -> Prompt:
        ahead = await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now)
        choices = [Choice(str(visit.id), _day(turn, visit, ahead)) for visit in ahead]
        if len(ahead) < MOST_AHEAD:
            # Translators: label, at most 24 characters.
            choices.append(Choice("book", turn.pgettext("button", "📅 Book a visit")))
        return Prompt(turn.gettext("Which visit shall your project go along with?"), choices)

    async def chosen(self, turn: Turn[Preparing], choice_id: str) -> Move:
        turn.draft.appointment_id = 0 if choice_id == "book" else int(choice_id)
        return Goto(CheckAttach)


class CheckAttach(Step[Preparing]):
    """Ask whether others may read it: nobody can before the person says yes here."""

    name = "attach"

    async def ask(self, turn: Turn[Preparing]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            text = turn.gettext(
                "Shall we book a visit for it? The caseworkers of that centre may then read your project; "
                "you can take it back at any time."
            )
            # Translators: label, at most 20 characters.
            yes = Choice("book", turn.pgettext("button", "📅 Yes, book it"))
        else:
            centre = await turn.desk.centres.get(visit.centre_slug)
            text = turn.gettext(
                "May the caseworkers of the centre in {city} read your project for the visit on {day}? "
                "You can take it back at any time."
            ).format(city=city(turn, centre), day=turn.format_day(visit.day))
            # Translators: label, at most 20 characters. The caseworkers may read the project.
            yes = Choice("yes", turn.pgettext("button", "📎 Yes, they may"))
        # Translators: label, at most 20 characters. Nobody may read the project.
        return Prompt(text, [yes, Choice("no", turn.pgettext("button", "✖️ No, not now"))])

    async def chosen(self, turn: Turn[Preparing], choice_id: str) -> Move:
        match choice_id:
            case "book":
                return Enter("booking", Wish(need=Need.PROJECT, brings_project=True), step="centre")
            case "yes" if visit := await live_visit(turn, turn.draft.appointment_id):
                await turn.desk.life_projects.attach(turn.contact.id, visit.id)
        return Enter(NAME)


class CheckDelete(Step[Preparing]):
    name = "delete"

    async def ask(self, turn: Turn[Preparing]) -> Prompt:
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "🗑️ Yes, delete it")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "✖️ No, keep it")),
        ]
        return Prompt(turn.gettext("🗑️ Delete your project? This can't be undone."), choices)

    async def chosen(self, turn: Turn[Preparing], choice_id: str) -> Move:
        if choice_id != "yes":
            return Goto(ShowProject)
        await turn.desk.life_projects.delete(turn.contact.id)
        return Home(turn.gettext("🗑️ Your project is deleted."))


_STEPS: dict[Question, type[_Tell]] = {
    step.question: step
    for step in (
        TellIdea,
        TellSector,
        TellExperience,
        TellTraining,
        TellEquipment,
        TellPresent,
        TellHelpers,
    )
}


def _day(turn: Turn[Preparing], visit: Appointment, ahead: Sequence[Appointment]) -> str:
    """Return the visit's day for a button, with its time only where the day does not tell it from others."""
    day = turn.label_day(visit.day)
    if sum(other.day == visit.day for other in ahead) == 1:
        return day
    return turn.gettext("{day}, {time}").format(day=day, time=turn.format_time(visit.at))


async def _onward(turn: Turn[Preparing]) -> Move:
    """Go to the first question that is still open; to the whole when none is, or one was only changed."""
    project = await turn.desk.life_projects.get(turn.contact.id)
    question = project.next_question if project else Question.IDEA
    turn.draft.more = False
    return Goto(ShowProject if question is None or turn.draft.changing else _STEPS[question])


def _ways_on(turn: Turn[Preparing], words: str) -> list[Choice]:
    """Return the buttons that answer nothing: an answer that is there may stay or go."""
    choices = []
    if words:
        # Translators: label, at most 20 characters. The answer stays as it is.
        choices.append(Choice("keep", turn.pgettext("button", "👍 Leave it so")))
        # Translators: label, at most 20 characters. Takes the answer out.
        choices.append(Choice("skip", turn.pgettext("button", "✖️ Take it out")))
    else:
        # Translators: label, at most 20 characters. Goes on without an answer.
        choices.append(Choice("skip", turn.pgettext("button", "⏭️ Skip")))
    # Translators: label, at most 20 characters. Everything said so far is kept.
    choices.append(Choice("later", turn.pgettext("button", "💾 Go on later")))
    return choices


async def _project_choices(turn: Turn[Preparing], project: LifeProject) -> list[Choice]:
    # Translators: label, at most 20 characters. Change an answer.
    choices = [Choice("change", turn.pgettext("button", "✏️ Change something"))]
    if project.next_question is not None:
        # Translators: label, at most 20 characters. Goes on with the questions.
        choices.insert(0, Choice("go_on", turn.pgettext("button", "▶️ Go on")))
    # Translators: label, at most 20 characters. The project as a page to print.
    choices.append(Choice("page", turn.pgettext("button", "📄 Get it as a page")))
    if await attached_visit(turn, project):
        # Translators: label, at most 20 characters. Nobody else may read it any more.
        choices.append(Choice("detach", turn.pgettext("button", "✂️ Take it back")))
    else:
        # Translators: label, at most 20 characters. The project goes along with a visit.
        choices.append(Choice("attach", turn.pgettext("button", "📎 Add to my visit")))
    # Translators: label, at most 20 characters.
    choices.append(Choice("delete", turn.pgettext("button", "🗑️ Delete")))
    return choices


def _still_open(turn: Turn[Preparing], project: LifeProject) -> str | None:
    missing = sum(question not in project.answers for question in Question)
    if not missing:
        return None
    words = turn.ngettext("{n} question is still open.", "{n} questions are still open.", missing)
    return words.format(n=missing)


async def _goes_along(turn: Turn[Preparing], project: LifeProject) -> str | None:
    visit = await attached_visit(turn, project)
    if visit is None:
        return None
    centre = await turn.desk.centres.get(visit.centre_slug)
    return turn.gettext("📎 The caseworkers in {city} can read it for your visit on {day}.").format(
        city=city(turn, centre), day=turn.format_day(visit.day)
    )


def _too_long(turn: Turn[Preparing]) -> str:
    said = turn.gettext(
        "That is longer than the page has room for. Please say it in at most {most} characters; what you "
        "told me before is kept."
    )
    return said.format(most=LONGEST_ANSWER)


LIFE_PROJECT = Flow(
    name=NAME,
    draft=Preparing,
    steps=[ShowProject, *_STEPS.values(), ChooseAnswer, ChooseVisit, CheckAttach, CheckDelete],
    roles=BENEFICIARIES,
)
