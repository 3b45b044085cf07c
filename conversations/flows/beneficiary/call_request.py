"""The centre would like to speak with a person: they call, are called, or write."""

from conversations.care.people import BENEFICIARIES
from conversations.care.phones import read_phone
from conversations.care.tasks import Said, TaskKind
from conversations.care.visits import VisitNews
from conversations.engine.flow import Again, Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.reply import Reply, SharedPhone, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.handover import hand_over


class TellRequest(Step[VisitNews]):
    name = "request"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        return await live_visit(turn, turn.draft.appointment_id) is not None

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        # Translators: first line seen on a locked screen.
        said = turn.gettext("📞 Somebody would like to speak with you.")
        choices = [
            # Translators: label, at most 20 characters. The centre shall call the person.
            Choice("call", turn.pgettext("button", "📞 Call me")),
            # Translators: label, at most 20 characters. Write to the centre rather than speak.
            Choice("write", turn.pgettext("button", "✍️ I'd rather write")),
        ]
        return Prompt(f"{said}\n\n{await _how(turn)}", choices)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        return Enter("person") if choice_id == "write" else Goto(TellNumber)


class TellNumber(Step[VisitNews]):
    """The number is kept in the task alone."""

    name = "number"
    matches_typed_choices = False

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        return Prompt(turn.gettext("On which number may we call you? It is only used for this call."))

    async def answer(self, turn: Turn[VisitNews], reply: Reply) -> Move:
        match reply:
            case Text(text) | SharedPhone(text) if number := read_phone(text):
                return await _ask_for_call(turn, number)
            case Text():
                return Again(
                    turn.gettext("I can't read that as a phone number. Please write it like 06 12 34 56 78.")
                )
        return Again(turn.gettext("Please write the number like 06 12 34 56 78."))


async def _how(turn: Turn[VisitNews]) -> str:
    visit = await live_visit(turn, turn.draft.appointment_id)
    centre = await turn.desk.centres.get(visit.centre_slug) if visit else None
    if centre is None or centre.phone is None:
        return turn.gettext("It is about your visit. May the centre call you?")
    about = turn.gettext("It is about your visit. You can call the centre, or be called:")
    return f"{about}\n{turn.texts.isolate(centre.phone)}"


async def _ask_for_call(turn: Turn[VisitNews], number: str) -> Move:
    handover = await hand_over(turn, TaskKind.CALL_BACK, Said(phone=number))
    if handover.heard:
        said = turn.gettext("Thank you. A caseworker will call you on this number:")
    else:
        said = turn.gettext("Thank you. The first caseworker to come will call you on this number:")
    return Finish(f"{said}\n{turn.texts.isolate(number)}")


CALL_REQUEST = Flow(
    name="call_request", draft=VisitNews, steps=[TellRequest, TellNumber], roles=BENEFICIARIES
)
