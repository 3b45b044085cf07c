"""Several people with one phone: who is here, switching, somebody new, a short PIN, leaving."""

from dataclasses import dataclass, replace
from typing import Any

from conversations.care.people import BENEFICIARIES, ContactId
from conversations.care.profiles import MOST_PEOPLE, Profile, read_pin
from conversations.care.wall_time import to_local
from conversations.engine.flow import (
    Again,
    Choice,
    Enter,
    Farewell,
    Finish,
    Flow,
    GoOn,
    Goto,
    Home,
    Move,
    Prompt,
    Step,
)
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.errors import PinsSlowed, PinWrong, ProfileUnknown
from conversations.flows.news import MessageWaiting


@dataclass
class Who:
    """Whose profile was chosen; 0: nobody's yet."""

    contact_id: int = 0


class ShowPeople(Step[Who]):
    """The ids of people are those of their contacts."""

    name = "people"

    async def ask(self, turn: Turn[Who]) -> Prompt:
        people = await _people(turn)
        lines = [turn.gettext("👥 Each person who uses this phone has their own conversation here.")]
        for each in people:
            if each.in_use:
                lines.append(turn.gettext("• {name} (you)").format(name=_called(turn, each)))
            else:
                lines.append(f"• {_called(turn, each)}")
        return Prompt("\n".join(lines), _choices(turn, people))

    async def chosen(self, turn: Turn[Who], choice_id: str) -> Move:
        match choice_id:
            case "add":
                return Goto(CheckNew)
            case "pin":
                return Goto(ChoosePin)
            case "no_pin":
                await turn.desk.profiles.set_pin(_here(turn), turn.contact.id, None, now=turn.now)
                return Again(turn.gettext("🔓 The PIN is gone."))
            case "leave":
                return Goto(CheckLeave)
        turn.draft.contact_id = int(choice_id)
        return await switch(turn)


class AskPin(Step[Who]):
    """Asked for by whoever is here now, and while nobody is known to be."""

    name = "ask_pin"
    matches_typed_choices = False
    is_secret = True

    async def ask(self, turn: Turn[Who]) -> Prompt:
        # Translators: label, at most 20 characters.
        forgotten = Choice("forgotten", turn.pgettext("button", "❓ PIN forgotten"))
        return Prompt(turn.gettext("🔒 Please send the PIN."), [forgotten])

    async def chosen(self, turn: Turn[Who], choice_id: str) -> Move:
        return Again(
            turn.gettext(
                "Send your recovery code instead. If you have none, a caseworker can give you a code at the "
                "centre."
            )
        )

    async def answer(self, turn: Turn[Who], reply: Reply) -> Move:
        pin = read_pin(reply.text) if isinstance(reply, Text) else None
        if pin is None:
            return Again(_what_a_pin_is(turn))
        try:
            await turn.desk.profiles.check_pin(
                _here(turn), ContactId(turn.draft.contact_id), pin, now=turn.now
            )
        except PinWrong:
            return Again(turn.gettext("This PIN is wrong."))
        except PinsSlowed as error:
            until = to_local(error.until, turn.world.zone)
            said = turn.gettext("Too many PINs were wrong. Please try again after {time} on {day}.")
            return Again(said.format(time=turn.format_time(until.time()), day=turn.format_day(until.date())))
        except ProfileUnknown:
            return Home(_gone(turn))
        return await come_in(turn, ContactId(turn.draft.contact_id))


class CheckNew(Step[Who]):
    name = "new"

    async def ask(self, turn: Turn[Who]) -> Prompt:
        text = turn.gettext(
            "Somebody else can begin here with a conversation of their own. They see nothing of yours."
        )
        # Translators: label, at most 20 characters. Another person begins to use this phone.
        begin = Choice("begin", turn.pgettext("button", "✅ Begin"))
        return Prompt(text, [begin])

    async def chosen(self, turn: Turn[Who], choice_id: str) -> Move:
        if len(await _people(turn)) >= MOST_PEOPLE:
            return Enter("profiles")
        return await begin_anew(turn)


class ChoosePin(Step[Who]):
    name = "pin"
    matches_typed_choices = False
    is_secret = True

    async def ask(self, turn: Turn[Who]) -> Prompt:
        return Prompt(turn.gettext("🔒 Choose a PIN of 4 to 6 digits and send it."))

    async def answer(self, turn: Turn[Who], reply: Reply) -> Move:
        pin = read_pin(reply.text) if isinstance(reply, Text) else None
        if pin is None:
            return Again(_what_a_pin_is(turn))
        await turn.desk.profiles.set_pin(_here(turn), turn.contact.id, pin, now=turn.now)
        return Enter(
            "profiles",
            notice=turn.gettext("🔒 The PIN is set. Now delete your message with it from this chat."),
        )


class CheckLeave(Step[Who]):
    name = "leave"

    async def ask(self, turn: Turn[Who]) -> Prompt:
        text = turn.gettext(
            "Shall this phone forget you? To come back you need your recovery code or another phone of yours."
        )
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "🚪 Yes, forget me")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "✖️ No, stay")),
        ]
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[Who], choice_id: str) -> Move:
        if choice_id != "yes" or len(await turn.desk.profiles.of(_here(turn))) < 2:
            return Finish(turn.gettext("Nothing was changed."))
        await let_numbers_rise(turn)
        await turn.desk.profiles.leave(_here(turn), turn.contact.id)
        return Farewell(turn.gettext("🚪 This phone has forgotten you."))


async def let_numbers_rise(turn: Turn[Any]) -> None:
    """Before somebody goes for good, see that none of their buttons fits a prompt of the others to come."""
    sessions = turn.desk.sessions
    # This turn's own prompt among them.
    last = (await sessions.load(turn.contact.id)).prompt_no + 1
    for each in await _people(turn):
        session = await sessions.load(each.contact_id)
        if not each.in_use and session.prompt_no < last:
            await sessions.save(each.contact_id, replace(session, prompt_no=last, choices=()), now=turn.now)


async def switch(turn: Turn[Who]) -> Move:
    """Let the draft's person use the phone, once their PIN was given where they have one."""
    contact_id = ContactId(turn.draft.contact_id)
    profile = next((each for each in await _people(turn) if each.contact_id == contact_id), None)
    if profile is None:
        return Home(_gone(turn))
    return Goto(AskPin) if profile.has_pin else await come_in(turn, contact_id)


async def come_in(turn: Turn[Any], contact_id: ContactId) -> Move:
    """Let somebody of this phone use it now, and go on where they were."""
    await _go_out(turn)
    former = turn.contact.id
    try:
        left_waiting = await turn.desk.profiles.use(_here(turn), contact_id, now=turn.now)
    except ProfileUnknown:
        return Home(_gone(turn))
    await turn.becomes(contact_id)
    if left_waiting:
        _tell_of_waiting(turn, former)
    return GoOn(turn.gettext("✅ Now this is your conversation."))


async def begin_anew(turn: Turn[Any]) -> Move:
    """Let somebody new use the phone, who is asked for language and consent as anybody."""
    await _go_out(turn)
    await turn.becomes(await turn.desk.profiles.add(_here(turn), now=turn.now))
    return GoOn("")


def labels(turn: Turn[Any], people: list[Profile]) -> list[Choice]:
    """Return a choice for each, called as they chose to be."""
    return [Choice(str(each.contact_id), _called(turn, each)) for each in people]


def _called(turn: Turn[Any], profile: Profile) -> str:
    if profile.name:
        return profile.name
    # Translators: label, at most 20 characters. Somebody who uses this phone and gave no name.
    return turn.pgettext("button", "Person {n}").format(n=profile.number)


def _choices(turn: Turn[Who], people: list[Profile]) -> list[Choice]:
    choices = labels(turn, [each for each in people if not each.in_use])
    if len(people) < MOST_PEOPLE:
        # Translators: label, at most 24 characters. Another person begins to use this phone.
        choices.append(Choice("add", turn.pgettext("button", "➕ Somebody else")))
    if any(each.in_use and each.has_pin for each in people):
        # Translators: label, at most 24 characters.
        choices.append(Choice("pin", turn.pgettext("button", "🔒 Change my PIN")))
        # Translators: label, at most 24 characters.
        choices.append(Choice("no_pin", turn.pgettext("button", "🔓 Remove my PIN")))
    else:
        # Translators: label, at most 24 characters.
        choices.append(Choice("pin", turn.pgettext("button", "🔒 Set a PIN")))
    if len(people) > 1:
        # Translators: label, at most 24 characters. The person no longer uses this phone; others do.
        choices.append(Choice("leave", turn.pgettext("button", "🚪 Leave this phone")))
    return choices


async def _people(turn: Turn[Any]) -> list[Profile]:
    """Return who uses the phone; where it is one person's, them alone."""
    alone = Profile(turn.contact.id, 1, turn.contact.name, has_pin=False, in_use=True)
    return await turn.desk.profiles.of(_here(turn)) or [alone]


async def _go_out(turn: Turn[Any]) -> None:
    """Leave who used the phone where they were before they came to switch."""
    sessions, me = turn.desk.sessions, turn.contact.id
    session = await sessions.load(me)
    if session.frame is not None and session.frame.flow == PROFILES.name:
        await sessions.save(me, replace(session, frame=session.resume, choices=(), resume=None), now=turn.now)


def _tell_of_waiting(turn: Turn[Any], whom: ContactId) -> None:
    turn.push(
        turn.contact.id,
        "message_waiting",
        MessageWaiting(whom),
        purpose=Purpose.ADDRESS,
        key=f"left:{whom}:{_here(turn)}:{turn.now.timestamp():.0f}",
        address_id=_here(turn),
    )


def _here(turn: Turn[Any]) -> int:
    if turn.address_id is None:
        raise LookupError("nobody writes from nowhere")
    return turn.address_id


def _gone(turn: Turn[Any]) -> str:
    return turn.gettext("That person no longer uses this phone.")


def _what_a_pin_is(turn: Turn[Any]) -> str:
    return turn.gettext("A PIN has 4 to 6 digits.")


PROFILES = Flow(
    name="profiles",
    draft=Who,
    steps=[ShowPeople, AskPin, CheckNew, ChoosePin, CheckLeave],
    roles=BENEFICIARIES,
)
