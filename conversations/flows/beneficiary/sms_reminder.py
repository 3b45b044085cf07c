"""A reminder as a text message: the last resort, when no app reaches the person any more.

A text may be read by anybody on a locked screen and can't be answered. So it says day, hour and town, and
neither who writes nor what for; no name, no code, nothing of prison or of a centre.
"""

from conversations.care.hours import VisitKind
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import VisitNews
from conversations.engine.flow import Flow, Prompt
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.reminder import Remind
from conversations.flows.beneficiary.wish import live_visit
from conversations.flows.visit_words import city, over


class RemindByText(Remind):
    name = "sms"

    async def ask(self, turn: Turn[VisitNews]) -> Prompt:
        visit = await live_visit(turn, turn.draft.appointment_id)
        if visit is None:
            return Prompt(over(turn))
        centre = await turn.desk.centres.get(visit.centre_slug)
        if visit.kind is VisitKind.PHONE:
            # Translators: a text message; short, and without a word of who writes.
            call = turn.gettext("Reminder: you will be called on {day} at {time}.")
            return Prompt(call.format(day=turn.format_day(visit.day), time=turn.format_time(visit.at)))
        # Translators: a text message; short, since each 70 characters cost, and without a word of who writes.
        text = turn.gettext("Reminder: your appointment is on {day} at {time}, {city}.")
        return Prompt(
            text.format(
                day=turn.format_day(visit.day), time=turn.format_time(visit.at), city=city(turn, centre)
            )
        )

    async def pushed(self, turn: Turn[VisitNews]) -> None:
        """A text has one wording, and brings no map."""


SMS_REMINDER = Flow(name="sms_reminder", draft=VisitNews, steps=[RemindByText], roles=BENEFICIARIES)
