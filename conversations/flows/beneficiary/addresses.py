"""The phones and apps of one person: joining another, where to be written to, cutting one off."""

from typing import Any

from conversations.care.addresses import KnownAddress, LinkKind, spaced
from conversations.care.people import BENEFICIARIES, EVERYBODY
from conversations.engine.flow import Choice, Enter, Finish, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.language import NoAnswers
from conversations.flows.channel_words import address_names

LAST_USED = "last"
# A WhatsApp list has ten rows, three of which lead back, to the menu and to "wherever I wrote last".
MOST_SHOWN = 7


class ShowAddresses(Step[NoAnswers]):
    name = "addresses"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        known = await _known(turn)
        names = address_names(turn, known)
        lines = [turn.gettext("📱 Here you go on with this conversation:")]
        for address in known:
            if address.id == turn.address_id:
                lines.append(turn.gettext("• {channel} (you are here)").format(channel=names[address.id]))
            else:
                lines.append(f"• {names[address.id]}")
        chosen = next((address for address in known if address.preferred), None)
        if chosen:
            lines.append(turn.gettext("We write to you on {channel}.").format(channel=names[chosen.id]))
        elif len(known) > 1:
            lines.append(turn.gettext("We write to you where you wrote last."))
        return Prompt("\n".join(lines), _choices(turn, has_several=len(known) > 1))

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        match choice_id:
            case "link":
                return Finish(await _link_words(turn))
            case "recovery":
                return Finish(await _recovery_words(turn))
            case "prefer":
                return Goto(ChoosePreferred)
            case "remove":
                return Goto(ChooseRemoved)
        return Enter("not_me")


class ChoosePreferred(Step[NoAnswers]):
    name = "prefer"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        # Translators: label, at most 24 characters.
        last = Choice(LAST_USED, turn.pgettext("button", "🔄 Where I wrote last"))
        known = await _known(turn)
        return Prompt(turn.gettext("Where shall we write to you?"), [last, *_to_choose(turn, known)])

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        address_id = None if choice_id == LAST_USED else int(choice_id)
        await turn.desk.addresses.prefer(turn.contact.id, address_id)
        return Enter("addresses", notice=turn.gettext("✅ It is changed."))


class ChooseRemoved(Step[NoAnswers]):
    name = "remove"

    async def ask(self, turn: Turn[NoAnswers]) -> Prompt:
        known = await _known(turn)
        names = address_names(turn, known)
        others = [address for address in known if address.id != turn.address_id]
        text = turn.gettext("Which one is no longer yours? Nothing of yours will be shown there any more.")
        return Prompt(text, [Choice(str(address.id), names[address.id]) for address in others])

    async def chosen(self, turn: Turn[NoAnswers], choice_id: str) -> Move:
        await turn.desk.addresses.cut(turn.contact.id, int(choice_id), now=turn.now)
        return Enter("addresses", notice=turn.gettext("✂️ It is cut off."))


async def _known(turn: Turn[NoAnswers]) -> list[KnownAddress]:
    return (await turn.desk.addresses.of(turn.contact.id))[:MOST_SHOWN]


def _to_choose(turn: Turn[NoAnswers], known: list[KnownAddress]) -> list[Choice]:
    names = address_names(turn, known)
    return [Choice(str(address.id), names[address.id]) for address in known if address.reachable]


def _choices(turn: Turn[NoAnswers], *, has_several: bool) -> list[Choice]:
    # Staff who lost their phone are invited anew: a code that holds for years would open what they are told.
    is_beneficiary = turn.contact.role in BENEFICIARIES
    choices = [
        # Translators: label, at most 24 characters. Joins another phone or app to this conversation.
        Choice("link", turn.pgettext("button", "➕ Another phone or app")),
    ]
    if is_beneficiary:
        # Translators: label, at most 24 characters. A code to write down, for when the phone is lost.
        choices.append(Choice("recovery", turn.pgettext("button", "🔑 Recovery code")))
    if has_several:
        # Translators: label, at most 24 characters.
        choices.append(Choice("prefer", turn.pgettext("button", "✉️ Where to write")))
        # Translators: label, at most 24 characters. One of the person's phones or apps.
        choices.append(Choice("remove", turn.pgettext("button", "✂️ Remove one")))
    if is_beneficiary:
        # Translators: label, at most 24 characters. Said by somebody who is not the person we write to.
        choices.append(Choice("not_me", turn.pgettext("button", "🚫 This is not me")))
    return choices


async def show_addresses(turn: Turn[Any], argument: str) -> Move:
    """Handle /link."""
    return Enter(ADDRESSES.name)


async def _link_words(turn: Turn[NoAnswers]) -> str:
    code = await turn.desk.links.new_code(turn.contact.id, LinkKind.LINK, now=turn.now)
    lines = [
        turn.gettext("🔗 Your code: {code}").format(code=spaced(code)),
        turn.gettext("Open this service on the other phone or app and send it the code as a message."),
        turn.gettext("It works once, within 15 minutes. Show it to nobody."),
    ]
    return "\n".join(lines)


async def _recovery_words(turn: Turn[NoAnswers]) -> str:
    code = await turn.desk.links.new_code(turn.contact.id, LinkKind.RECOVERY, now=turn.now)
    lines = [
        turn.gettext("🔑 Your code: {code}").format(code=spaced(code)),
        turn.gettext("Write it down. If your phone or number is gone, send it to us from the new one."),
        turn.gettext("It works once and is shown only now; an earlier one no longer works."),
    ]
    return "\n".join(lines)


ADDRESSES = Flow(
    name="addresses",
    draft=NoAnswers,
    steps=[ShowAddresses, ChoosePreferred, ChooseRemoved],
    roles=EVERYBODY,
)
