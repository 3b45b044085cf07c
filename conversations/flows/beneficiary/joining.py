"""A code from another phone or app was typed here: the conversation goes on where it was there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conversations.care.addresses import KnownAddress, LinkKind, LinkOffer, code_in
from conversations.care.people import BENEFICIARIES, STAFF, ContactId, Role
from conversations.care.profiles import Profile
from conversations.care.wall_time import to_local
from conversations.engine.flow import Again, Choice, Enter, Flow, GoOn, Goto, Home, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.turn import Turn
from conversations.errors import CodeInvalid, CodesSlowed
from conversations.flows.beneficiary.profiles import come_in
from conversations.flows.channel_words import channel_name
from conversations.flows.news import AddressNews


@dataclass
class Joining:
    """The code that was found, and whose it is."""

    link_id: int = 0
    owner: int = 0


class CheckJoin(Step[Joining]):
    """Ask before anything of the other place is shown here."""

    name = "join"

    async def ask(self, turn: Turn[Joining]) -> Prompt:
        lines = [turn.gettext("🔗 The code is right. Shall your conversation go on here, too?")]
        if await turn.desk.links.has_history(turn.contact.id):
            lines.append(
                turn.gettext(
                    "You have begun here as well: the visits of both stay, the settings are those of the "
                    "place the code comes from."
                )
            )
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "✅ Yes, go on here")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "✖️ No")),
        ]
        return Prompt("\n\n".join(lines), choices, navigation=False)

    async def chosen(self, turn: Turn[Joining], choice_id: str) -> Move:
        if choice_id != "yes":
            return Home(turn.gettext("Nothing was changed."))
        return Goto(AskOldOne) if await _others_alike(turn) else await _join(turn, replaces_old=False)


class AskOldOne(Step[Joining]):
    """A number that was given up goes to somebody else one day, who must read nothing of this person's."""

    name = "old_one"

    async def ask(self, turn: Turn[Joining]) -> Prompt:
        channel = channel_name(turn, turn.channel) if turn.channel else ""
        text = turn.gettext("You already write from {channel} elsewhere. Is that one still yours?")
        choices = [
            # Translators: label, at most 20 characters. The old phone or number is still the person's.
            Choice("keep", turn.pgettext("button", "✅ Yes, keep both")),
            # Translators: label, at most 20 characters. The old phone or number is gone.
            Choice("gone", turn.pgettext("button", "🚫 No, only this")),
        ]
        return Prompt(text.format(channel=channel), choices)

    async def chosen(self, turn: Turn[Joining], choice_id: str) -> Move:
        return await _join(turn, replaces_old=choice_id == "gone")


async def typed_code(turn: Turn[Any], text: str) -> Move | None:
    """Act on a code that somebody sends; None when the text is none."""
    offer = await offer_of(turn, text)
    if offer is None or isinstance(offer, Again):
        return offer
    if offer.contact_id == turn.contact.id:
        return Home(turn.gettext("You are here already. Send the code from the other phone or app."))
    # Who has a profile here comes back to it; who uses the phone now stays who they are.
    if move := await comes_back(turn, offer) or await _refused_to_staff(turn, offer):
        return move
    return Enter(JOINING.name, Joining(offer.id, offer.contact_id))


async def offer_of(turn: Turn[Any], text: str) -> LinkOffer | Again | None:
    """Return what a code leads to that somebody sends; None when the text is none, Again for a wrong one."""
    code = code_in(text)
    if code is None or turn.contact.role is not Role.BENEFICIARY or turn.address_id is None:
        return None
    try:
        return await turn.desk.links.find(code, turn.address_id, now=turn.now)
    except CodesSlowed as error:
        until = to_local(error.until, turn.world.zone)
        said = turn.gettext("Too many codes were wrong. Please try again after {time} on {day}.")
        return Again(said.format(time=turn.format_time(until.time()), day=turn.format_day(until.date())))
    except CodeInvalid:
        return Again(_wrong(turn))


async def comes_back(turn: Turn[Any], offer: LinkOffer) -> Move | None:
    """Let in somebody of this phone who has a code of theirs, and forget their PIN; None for anybody else."""
    people = await _people_here(turn)
    if turn.address_id is None or all(each.contact_id != offer.contact_id for each in people):
        return None
    await turn.desk.links.join(offer.id, offer.contact_id, now=turn.now)
    move = await come_in(turn, offer.contact_id)
    await turn.desk.profiles.set_pin(turn.address_id, offer.contact_id, None, now=turn.now)
    return move


async def _refused_to_staff(turn: Turn[Any], offer: LinkOffer) -> Move | None:
    """Return why a code of somebody of the staff does not work here; None when it does, or is no such code.

    Staff come by the code that lasts minutes, to a phone or app of their own.
    """
    owner = await turn.desk.contacts.get(offer.contact_id)
    if owner.role not in STAFF:
        return None
    if offer.kind is not LinkKind.LINK:
        return Again(_wrong(turn))
    if await turn.desk.links.has_history(turn.contact.id) or await _people_here(turn):
        return Home(turn.gettext("This code only works on a phone or app that is new here."))
    return None


async def _people_here(turn: Turn[Any]) -> Sequence[Profile]:
    return await turn.desk.profiles.of(turn.address_id) if turn.address_id is not None else []


def _wrong(turn: Turn[Any]) -> str:
    return turn.gettext("This code is wrong or too old. You can get a new one under “Settings”.")


async def _join(turn: Turn[Joining], *, replaces_old: bool) -> Move:
    earlier = await turn.desk.addresses.of(ContactId(turn.draft.owner))
    gone = await _others_alike(turn) if replaces_old else []
    try:
        owner = await turn.desk.links.join(turn.draft.link_id, turn.contact.id, now=turn.now)
    except CodeInvalid:
        return Home(turn.gettext("This code is too old. You can get a new one under “Settings”."))
    if (await turn.desk.contacts.get(owner)).role in STAFF:
        await turn.desk.audit.looked(owner, owner, "address_joined", now=turn.now)
    for address in gone:
        await turn.desk.addresses.cut(owner, address.id, now=turn.now)
    for address in earlier:
        if address.reachable and address not in gone:
            _tell(turn, owner, address)
    await turn.becomes(owner)
    if turn.address_id is not None:
        await turn.desk.profiles.release(owner, turn.address_id, now=turn.now)
    return GoOn(turn.gettext("✅ Your conversation goes on here."))


async def _others_alike(turn: Turn[Joining]) -> list[KnownAddress]:
    """Return the owner's addresses on the channel of this one."""
    known = await turn.desk.addresses.of(ContactId(turn.draft.owner))
    return [address for address in known if address.channel is turn.channel and address.id != turn.address_id]


def _tell(turn: Turn[Joining], owner: ContactId, address: KnownAddress) -> None:
    turn.push(
        owner,
        "address_added",
        AddressNews(turn.address_id or 0),
        purpose=Purpose.ADDRESS,
        key=f"joined:{turn.draft.link_id}:{address.id}",
        subject=f"address:{turn.address_id}",
        address_id=address.id,
    )


JOINING = Flow(name="join", draft=Joining, steps=[CheckJoin, AskOldOne], roles=BENEFICIARIES)
