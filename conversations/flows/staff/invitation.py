"""How staff come in: by a one-time invitation."""

from dataclasses import dataclass

from conversations.care import visits
from conversations.care.people import BENEFICIARIES, Invitation, Role
from conversations.engine.flow import Again, Choice, Enter, Flow, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.errors import InvitationInvalid
from conversations.flows.visit_words import city


@dataclass
class InvitationDraft:
    """The code, which is only used up when the person says yes."""

    code: str = ""


class ConfirmSwitch(Step[InvitationDraft]):
    """Ask somebody who is enrolled whether this account shall be staff's from now on.

    The two never mix: what is kept about the person goes first.
    """

    name = "switch"

    async def ask(self, turn: Turn[InvitationDraft]) -> Prompt:
        text = turn.gettext(
            "This account is used to get help. If it becomes a staff account, everything kept about you "
            "here is deleted first and your visits are cancelled."
        )
        choices = [
            # Translators: label, at most 20 characters. Everything stays as it is.
            Choice("keep", turn.pgettext("button", "↩️ Leave as it is")),
            # Translators: label, at most 20 characters. Delete my data and become staff.
            Choice("switch", turn.pgettext("button", "🗑️ Delete, switch")),
        ]
        return Prompt(text, choices, navigation=False)

    async def chosen(self, turn: Turn[InvitationDraft], choice_id: str) -> Move:
        if choice_id == "keep":
            return Home(turn.gettext("Everything stays as it was."))
        try:
            invitation = await _use(turn, turn.draft.code)
        except InvitationInvalid:
            return Home(_invalid(turn))
        await _forget(turn)
        return await _welcome(turn, invitation)


async def redeem(turn: Turn[InvitationDraft], code: str) -> Move:
    """Let the holder of an invitation in as staff; a link that is no good leaves everything as it was."""
    if turn.contact.role is Role.BENEFICIARY and turn.contact.enrolled_at is not None:
        return Enter(INVITATION.name, InvitationDraft(code))
    try:
        return await _welcome(turn, await _use(turn, code))
    except InvitationInvalid:
        return Again(_invalid(turn))


async def _use(turn: Turn[InvitationDraft], code: str) -> Invitation:
    return await turn.desk.invitations.redeem(code, turn.contact.id, now=turn.now)


async def _forget(turn: Turn[InvitationDraft]) -> None:
    """Delete what is kept of the person; their centre hears of the cancelled visits."""
    for visit in await turn.desk.appointments.upcoming(turn.contact.id, now=turn.now):
        await visits.cancel(turn, visit)
    language = turn.texts.language
    await turn.desk.contacts.erase(turn.contact.id, at=turn.now)
    await turn.desk.contacts.set_language(turn.contact.id, language)


async def _welcome(turn: Turn[InvitationDraft], invitation: Invitation) -> Move:
    await turn.desk.contacts.make_staff(turn.contact.id, invitation.role, invitation.centre_slug)
    await turn.reload()
    if invitation.role is Role.MANAGER:
        return Home(turn.gettext("Welcome. You are a manager here from now on."))
    if invitation.role is Role.ADMINISTRATOR:
        return Home(turn.gettext("Welcome. You are an administrator here from now on."))
    if invitation.centre_slug is None:
        return Home(turn.gettext("Welcome. You are a caseworker here from now on."))
    centre = await turn.desk.centres.get(invitation.centre_slug)
    welcome = turn.gettext("Welcome. You are a caseworker at the centre of {city} from now on.")
    return Home(welcome.format(city=city(turn, centre)))


def _invalid(turn: Turn[InvitationDraft]) -> str:
    return turn.gettext("This invitation has expired or was already used. Please ask for a new one.")


INVITATION = Flow("invitation", InvitationDraft, (ConfirmSwitch,), roles=BENEFICIARIES)
