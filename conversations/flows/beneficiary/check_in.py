"""How are you? Asked a few times in the first week, and whoever needs help gets a person at once."""

from typing import Any

from conversations.care.check_ins import CheckInStep, plan_check_ins, still_useful
from conversations.care.helplines import AMBULANCE, POLICE
from conversations.care.people import BENEFICIARIES, Consent
from conversations.care.tasks import Said, TaskKind
from conversations.care.wall_time import to_local, to_utc
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.handover import hand_over
from conversations.flows.news import CheckInNews


async def plan_questions(turn: Turn[Any]) -> None:
    """Plan what is still to come of the check-ins that belong to the person's enrolment."""
    contact = turn.contact
    if contact.enrolled_at is None or not contact.check_ins:
        return
    planned = plan_check_ins(to_local(contact.enrolled_at, turn.world.zone))
    steps = [(each.step.value, to_utc(each.due_local, turn.world.zone)) for each in planned]
    await turn.desk.schedule.plan(
        contact_id=contact.id,
        purpose=Purpose.CHECK_IN,
        subject=f"check_in:{contact.id}",
        # What was planned and withdrawn is never planned again under the same version.
        version=1 + int((turn.now - contact.enrolled_at).total_seconds()),
        steps=[(step, due_at) for step, due_at in steps if due_at > turn.now],
    )


async def withdraw_questions(turn: Turn[Any]) -> None:
    await turn.desk.schedule.withdraw_for(turn.contact.id, Purpose.CHECK_IN)


class AskHowTheyAre(Step[CheckInNews]):
    name = "how"

    async def holds(self, turn: Turn[CheckInNews]) -> bool:
        contact, step = turn.contact, turn.draft.step
        if contact.enrolled_at is None or contact.consent is not Consent.AGREED or not contact.check_ins:
            return False
        planned = plan_check_ins(to_local(contact.enrolled_at, turn.world.zone))
        due_local = next(each.due_local for each in planned if each.step is step)
        return still_useful(step, due_local=due_local, now_local=turn.local_now)

    async def ask(self, turn: Turn[CheckInNews]) -> Prompt:
        choices = [
            # Translators: label, at most 20 characters.
            Choice("fine", turn.pgettext("button", "🙂 Fine")),
            # Translators: label, at most 20 characters.
            Choice("so_so", turn.pgettext("button", "😐 So-so")),
            # Translators: label, at most 20 characters.
            Choice("help", turn.pgettext("button", "🆘 I need help")),
        ]
        return Prompt(_question(turn), choices)

    async def chosen(self, turn: Turn[CheckInNews], choice_id: str) -> Move:
        # Translators: label, at most 20 characters.
        person = Choice(Word.PERSON, turn.pgettext("button", "💬 Talk to a person"))
        match choice_id:
            case "fine":
                return Finish(turn.gettext("🙂 That is good to hear. We are here when you need us."))
            case "so_so":
                return Finish(
                    turn.gettext("Thank you for saying it. If you would like to talk, somebody will listen."),
                    [person],
                )
        # Whoever asks for help goes on typing: their words must reach the caseworker too.
        return Enter("person", notice=await _call_for_help(turn))


def _question(turn: Turn[CheckInNews]) -> str:
    match turn.draft.step:
        case CheckInStep.FIRST_DAY:
            # Translators: first line seen on a locked screen.
            return turn.gettext("👋 How are you today?")
        case CheckInStep.THIRD_DAY:
            # Translators: first line seen on a locked screen.
            return turn.gettext("👋 How are things going?")
        case CheckInStep.SEVENTH_DAY:
            # Translators: first line seen on a locked screen.
            return turn.gettext("👋 A week has gone by. How are you?")


async def _call_for_help(turn: Turn[CheckInNews]) -> str:
    handover = await hand_over(turn, TaskKind.HELP, Said(), urgent=True)
    if handover.heard:
        said = turn.gettext("Thank you for saying it. A person will write to you here.")
    else:
        said = turn.gettext(
            "Thank you for saying it. A person will write to you here as soon as one is there."
        )
    emergency = turn.gettext("If it can't wait, call the ambulance or the police:")
    return f"{said}\n\n{emergency}\n{AMBULANCE.numbers[0]}\n{POLICE.numbers[0]}"


CHECK_IN = Flow(name="check_in", draft=CheckInNews, steps=[AskHowTheyAre], roles=BENEFICIARIES)
