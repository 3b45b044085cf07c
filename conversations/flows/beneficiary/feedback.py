"""How was it? Asked once after a visit, one tap; who was not well received can complain."""

from conversations.care.attendance import GRADES, Feeling, Mark, mark_of
from conversations.care.people import BENEFICIARIES, Consent
from conversations.care.visits import VisitNews
from conversations.engine.flow import Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.beneficiary.complaint import ComplaintDraft
from conversations.flows.beneficiary.rebooking import own_visit
from conversations.flows.visit_words import over


class AskHowItWas(Step[VisitNews]):
    name = "how"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        contact, visit = turn.contact, await own_visit(turn)
        # Who has stopped our questions has stopped this one.
        if contact.consent is not Consent.AGREED or not contact.check_ins or visit is None:
            return False
        return mark_of(visit) in (Mark.CAME, Mark.LATE) and visit.feedback is None

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await own_visit(turn)
        if visit is None:
            return Prompt(over(turn))
        choices = [
            # Translators: label, at most 20 characters. How the visit was.
            Choice(Feeling.GOOD, turn.pgettext("button", "🙂 Good")),
            # Translators: label, at most 20 characters.
            Choice(Feeling.SO_SO, turn.pgettext("button", "😐 So-so")),
            # Translators: label, at most 20 characters. How the visit was.
            Choice(Feeling.BAD, turn.pgettext("button", "🙁 Not good")),
        ]
        # Translators: first line seen on a locked screen.
        text = turn.gettext("👋 How was it on {day}?").format(day=turn.format_day(visit.day))
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        feeling = Feeling(choice_id)
        await turn.desk.appointments.set_feedback(turn.draft.appointment_id, turn.contact.id, GRADES[feeling])
        # Translators: label, at most 20 characters.
        person = Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person"))
        match feeling:
            case Feeling.GOOD:
                return Finish(turn.gettext("🙏 Thank you. We are glad."))
            case Feeling.SO_SO:
                return Finish(turn.gettext("🙏 Thank you for saying it."), [person])
        return Goto(OfferComplaint)


class OfferComplaint(Step[VisitNews]):
    name = "sorry"

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        text = turn.gettext(
            "Thank you for saying it; we are sorry. You can tell the managers what went wrong: "
            "the centre's caseworkers don't see it."
        )
        choices = [
            # Translators: label, at most 20 characters.
            Choice("complain", turn.pgettext("button", "📮 Complaint")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "👌 Leave it")),
        ]
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        if choice_id == "no":
            return Finish(turn.gettext("🙏 Thank you for saying it."))
        visit = await own_visit(turn)
        return Enter("complaint", ComplaintDraft(centre_slug=visit.centre_slug if visit else None))


FEEDBACK = Flow(name="feedback", draft=VisitNews, steps=[AskHowItWas, OfferComplaint], roles=BENEFICIARIES)
