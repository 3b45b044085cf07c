"""Tells a person, where they were before, that another phone or app was joined to their conversation."""

from conversations.care.addresses import KnownAddress
from conversations.care.people import EVERYBODY
from conversations.engine.flow import Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.channel_words import channel_name
from conversations.flows.news import AddressNews


class TellAdded(Step[AddressNews]):
    name = "added"

    async def holds(self, turn: Turn[AddressNews]) -> bool:
        return await _added(turn) is not None

    async def ask(self, turn: Turn[AddressNews]) -> Prompt:
        added = await _added(turn)
        if added is None:
            return Prompt(turn.gettext("✂️ It is cut off."))
        # Translators: first line seen on a locked screen.
        text = turn.gettext("📱 Your conversation now goes on elsewhere, too: {channel}")
        # Translators: label, at most 20 characters. Cuts the other phone or app off.
        not_me = Choice("cut", turn.pgettext("button", "🚫 That was not me"))
        return Prompt(text.format(channel=channel_name(turn, added.channel)), [not_me])

    async def chosen(self, turn: Turn[AddressNews], choice_id: str) -> Move:
        await turn.desk.addresses.cut(turn.contact.id, turn.draft.address_id, now=turn.now)
        return Finish(turn.gettext("✂️ It is cut off. Nothing of yours is shown there any more."))


async def _added(turn: Turn[AddressNews]) -> KnownAddress | None:
    known = await turn.desk.addresses.of(turn.contact.id)
    return next((address for address in known if address.id == turn.draft.address_id), None)


ADDRESS_ADDED = Flow(name="address_added", draft=AddressNews, steps=[TellAdded], roles=EVERYBODY)
