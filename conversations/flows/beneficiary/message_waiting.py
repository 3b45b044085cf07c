"""Tells whoever uses a phone that a message waits for somebody else who does: nothing of what it says."""

from conversations.care.people import BENEFICIARIES
from conversations.care.profiles import Profile
from conversations.engine.flow import Choice, Enter, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.profiles import AskPin, Who, come_in
from conversations.flows.news import MessageWaiting


class TellWaiting(Step[MessageWaiting]):
    name = "waiting"

    async def holds(self, turn: Turn[MessageWaiting]) -> bool:
        return await _meant(turn) is not None

    async def ask(self, turn: Turn[MessageWaiting]) -> Prompt:
        profile = await _meant(turn)
        if profile is not None and profile.name:
            # Translators: first line seen on a locked screen.
            text = turn.gettext("✉️ A message is waiting for {name}.").format(name=profile.name)
        else:
            # Translators: first line seen on a locked screen.
            text = turn.gettext("✉️ A message is waiting for the other person who uses this phone.")
        # Translators: label, at most 20 characters. Said by whom the message is for.
        return Prompt(text, [Choice("switch", turn.pgettext("button", "👤 That is me"))])

    async def chosen(self, turn: Turn[MessageWaiting], choice_id: str) -> Move:
        profile = await _meant(turn)
        if profile is None:
            return Finish(turn.gettext("That person no longer uses this phone."))
        if profile.has_pin:
            return Enter("profiles", Who(profile.contact_id), step=AskPin.name)
        return await come_in(turn, profile.contact_id)


async def _meant(turn: Turn[MessageWaiting]) -> Profile | None:
    people = await turn.desk.profiles.of(turn.address_id) if turn.address_id is not None else []
    return next((each for each in people if each.contact_id == turn.draft.contact_id), None)


MESSAGE_WAITING = Flow(name="message_waiting", draft=MessageWaiting, steps=[TellWaiting], roles=BENEFICIARIES)
