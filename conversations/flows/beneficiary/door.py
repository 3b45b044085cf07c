"""Who is there? All that is open on a phone that has locked: saying who one is, and help in need."""

from dataclasses import replace
from typing import Any

from conversations.care.profiles import MOST_PEOPLE
from conversations.engine.drafts import draft_to_json
from conversations.engine.engine import Routes
from conversations.engine.flow import Again, Choice, Flow, Home, Move, Prompt, Step
from conversations.engine.reply import Reply
from conversations.engine.session import Frame, Session
from conversations.engine.turn import Turn
from conversations.engine.words import Word
from conversations.flows.beneficiary.help_numbers import HELP_NUMBERS
from conversations.flows.beneficiary.joining import comes_back, offer_of
from conversations.flows.beneficiary.profiles import AskPin, Who, begin_anew, labels, switch
from conversations.flows.words import WORD_HANDLERS


class AskWho(Step[Who]):
    """The ids of people are those of their contacts."""

    name = "who"

    async def ask(self, turn: Turn[Who]) -> Prompt:
        people = await turn.desk.profiles.of(turn.address_id) if turn.address_id is not None else []
        choices = labels(turn, people)
        if len(people) < MOST_PEOPLE:
            # Translators: label, at most 24 characters. Another person begins to use this phone.
            choices.append(Choice("new", turn.pgettext("button", "➕ Somebody else")))
        return Prompt(turn.gettext("👋 Who is there?"), choices, navigation=False)

    async def chosen(self, turn: Turn[Who], choice_id: str) -> Move:
        if choice_id == "new":
            return await begin_anew(turn)
        turn.draft.contact_id = int(choice_id)
        return await switch(turn)

    async def answer(self, turn: Turn[Who], reply: Reply) -> Move:
        return Again()


# For everybody: one of the phone's people may have become staff since.
DOOR = Flow(name="door", draft=Who, steps=[AskWho, AskPin])


def at_the_door(prompt_no: int) -> Session:
    """Return where somebody is who has yet to say who they are.

    Buttons of what was shown before, under numbers up to this one, fit none of the next prompts.
    """
    return Session(Frame(DOOR.name, DOOR.version, AskWho.name, draft_to_json(Who())), prompt_no)


def with_door(inside: Routes) -> Routes:
    """Return the routes with a door before them, for phones that have locked."""
    door = Routes(
        flows={flow.name: flow for flow in (DOOR, HELP_NUMBERS)},
        home=lambda turn: DOOR,
        gate=lambda turn, name: None,
        words={word: WORD_HANDLERS[word] if word in _OPEN else _ask_who for word in Word},
        commands={"start": _start},
        codes=_typed_code,
        beyond=inside,
    )
    return replace(inside, door=door)


# Nobody has to say who they are to get help in need.
_OPEN = (Word.HELP, Word.DANGER)


async def _ask_who(turn: Turn[Any]) -> Move:
    return Home()


async def _start(turn: Turn[Any], payload: str) -> Move:
    return await _typed_code(turn, payload) or Home()


async def _typed_code(turn: Turn[Any], text: str) -> Move | None:
    """Let in who has a code of their own; nobody is joined to anybody here."""
    found = await offer_of(turn, text)
    if found is None or isinstance(found, Again):
        return found
    return await comes_back(turn, found) or Again(turn.gettext("That person does not use this phone."))
