"""The centre proposes another time for a visit; until the person says yes, the visit stays where it is."""

from datetime import date, time

from conversations.care import visits
from conversations.care.appointments import Appointment
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import VisitNews
from conversations.engine.flow import Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.errors import SlotTaken
from conversations.flows.beneficiary.visit_date import visit_date_choice
from conversations.flows.beneficiary.visit_notice import act_on_visit, visit_told_of
from conversations.flows.beneficiary.when import gone, moved
from conversations.flows.beneficiary.wish import wish_to_change
from conversations.flows.visit_words import over


class TellProposal(Step[VisitNews]):
    name = "proposal"

    async def holds(self, turn: Turn[VisitNews]) -> bool:
        visit, draft = await visit_told_of(turn), turn.draft
        if visit is None or draft.day is None or draft.at is None:
            return False
        return draft.at in await visits.open_times(turn, visit.centre_slug, draft.day, kind=visit.kind)

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit, draft = await visit_told_of(turn), turn.draft
        if visit is None or draft.day is None or draft.at is None:
            return Prompt(over(turn))
        choices = [
            # Translators: label, at most 20 characters. Takes the time that the centre proposes.
            Choice("accept", turn.pgettext("button", "✅ That suits me")),
            # Translators: label, at most 20 characters.
            Choice("change", turn.pgettext("button", "🔄 Another time")),
            # Translators: label, at most 20 characters.
            Choice("cancel", turn.pgettext("button", "❌ Cancel")),
        ]
        return Prompt(_proposal(turn, visit, draft.day, draft.at), choices)

    async def chosen(self, turn: Turn[VisitNews], choice_id: str) -> Move:
        if choice_id != "accept":
            return await act_on_visit(turn, choice_id)
        visit, draft = await visit_told_of(turn), turn.draft
        if visit is None or draft.day is None or draft.at is None:
            return Finish(turn.gettext("Your visit has changed meanwhile. You find it under “My visits”."))
        try:
            accepted = await visits.move(turn, visit, day=draft.day, at=draft.at, by_staff=True)
        except SlotTaken:
            wish = wish_to_change(visit)
            wish.day, wish.at = draft.day, draft.at
            return await gone(turn, wish)
        return Finish(await moved(turn, accepted), [visit_date_choice(turn, accepted)])


def _proposal(turn: Turn[VisitNews], visit: Appointment, day: date, at: time) -> str:
    # Translators: first line seen on a locked screen.
    said = turn.gettext("🕐 Another time is proposed to you:")
    until_now = turn.gettext("Until now:")
    return "\n".join(
        (
            said,
            turn.format_day(day),
            turn.format_time(at),
            "",
            until_now,
            turn.format_day(visit.day),
            turn.format_time(visit.at),
        )
    )


VISIT_PROPOSED = Flow(name="visit_proposed", draft=VisitNews, steps=[TellProposal], roles=BENEFICIARIES)
