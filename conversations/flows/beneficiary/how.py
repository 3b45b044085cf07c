"""How a person and the centre meet: asked only where the centre also calls people.

Who lives far from every centre is offered the call first.
"""

from conversations.care.hours import VisitKind
from conversations.care.phones import read_phone
from conversations.care.places import Place, distance_km
from conversations.engine.flow import Again, Choice, Goto, Move, Prompt, Step
from conversations.engine.reply import Reply, SharedPhone, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.when import ChooseDay
from conversations.flows.beneficiary.wish import Wish

# A way that takes most of a day, there and back.
FAR_KM = 100
# More towns than any region has.
_ALL_TOWNS = 1000


async def way_on(turn: Turn[Wish]) -> Move:
    """Lead on from the centre in the draft: to how to meet where there is a choice, else to the days."""
    turn.draft.kind, turn.draft.phone = VisitKind.IN_PERSON, ""
    centre = await turn.desk.centres.get(turn.draft.centre)
    return Goto(ChooseHow if centre.is_open and centre.rules.phone else ChooseDay)


class ChooseHow(Step[Wish]):
    name = "how"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        choices = [
            # Translators: label, at most 20 characters. The person goes to the centre.
            Choice(VisitKind.IN_PERSON, turn.pgettext("button", "🏢 In person")),
            # Translators: label, at most 20 characters. The centre calls the person.
            Choice(VisitKind.PHONE, turn.pgettext("button", "📞 By phone")),
        ]
        question = turn.gettext("Would you like to come to the centre, or shall it call you?")
        if not await _lives_far(turn):
            return Prompt(question, choices)
        why = turn.gettext("The nearest centre is far from where you live: a call spares you the way.")
        return Prompt(f"{why}\n\n{question}", choices[::-1])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        turn.draft.kind = VisitKind(choice_id)
        return Goto(AskNumber if turn.draft.kind is VisitKind.PHONE else ChooseDay)


class AskNumber(Step[Wish]):
    """The number stays in the session until the visit is booked, and from then on with the visit."""

    name = "number"
    matches_typed_choices = False

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        asked = turn.gettext(
            "On which number shall the centre call you? Write it like 06 12 34 56 78; "
            "it is only used for this visit."
        )
        if await _known_number(turn) is None:
            return Prompt(asked)
        # Translators: label, at most 20 characters. The person is called on their WhatsApp number.
        return Prompt(asked, [Choice("own", turn.pgettext("button", "📱 WhatsApp number"))])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        number = await _known_number(turn)
        return _keep(turn, number) if number else Again(_unreadable(turn))

    async def answer(self, turn: Turn[Wish], reply: Reply) -> Move:
        match reply:
            case Text(text) | SharedPhone(text) if number := read_phone(text):
                return _keep(turn, number)
        return Again(_unreadable(turn))


def _keep(turn: Turn[Wish], number: str) -> Move:
    turn.draft.phone = number
    return Goto(ChooseDay)


def _unreadable(turn: Turn[Wish]) -> str:
    return turn.gettext(
        "I can't read that as a phone number. Please write it like 06 12 34 56 78, "
        "or with + and the country's code."
    )


async def _known_number(turn: Turn[Wish]) -> str | None:
    digits = await turn.desk.addresses.phone(turn.contact.id)
    return read_phone(f"+{digits}") if digits else None


async def _lives_far(turn: Turn[Wish]) -> bool:
    """Tell whether every open centre is far from where the person lives; not when that is unknown."""
    home = _home(turn)
    if home is None:
        return False
    centres = await turn.desk.centres.open()
    return all(
        distance_km(home.latitude, home.longitude, centre.latitude, centre.longitude) > FAR_KM
        for centre in centres
    )


def _home(turn: Turn[Wish]) -> Place | None:
    """Return the place the person looked from, else the largest town of their province."""
    places = turn.world.places
    if place := places.place(turn.draft.place_id):
        return place
    code = turn.draft.province or turn.contact.province_code or ""
    towns = places.towns(code.partition(".")[0], _ALL_TOWNS)
    return next((town for town in towns if town.province_code == code), None)
