"""The nearest centre: find it, and read what is known of it."""

from conversations.care.centres import Centre
from conversations.care.hours import Opening
from conversations.care.people import BENEFICIARIES
from conversations.engine.flow import Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.visit_words import address_and_phone, city
from conversations.flows.beneficiary.where import SEARCH_STEPS, ChooseCentre, about_distance
from conversations.flows.beneficiary.wish import Wish


class CentreToSee(ChooseCentre):
    """Offer the same centres, to look at."""

    async def found(self, turn: Turn[Wish]) -> Move:
        return Goto(ShowCentre)


class ShowCentre(Step[Wish]):
    name = "card"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        centre = await turn.desk.centres.get(turn.draft.centre)
        parts = [
            turn.gettext("📍 The centre in {city}").format(city=city(turn, centre)),
            about_distance(turn, centre),
            address_and_phone(turn, centre),
            _hours(turn, centre),
        ]
        choices = [
            # Translators: label, at most 20 characters.
            Choice("book", turn.pgettext("button", "📅 Book here")),
            # Translators: label, at most 20 characters.
            Choice("others", turn.pgettext("button", "🏙️ Other centres")),
        ]
        return Prompt("\n\n".join(part for part in parts if part), choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "others":
            return Goto(CentreToSee)
        return Enter("booking", Wish(centre=turn.draft.centre))


def _hours(turn: Turn[Wish], centre: Centre) -> str:
    if not centre.hours_confirmed:
        return turn.gettext("The opening hours are not known to us yet.")
    week = zip(_weekdays(turn), centre.rules.hours.days, strict=True)
    lines = [
        turn.gettext("{weekday}: {hours}").format(
            weekday=weekday, hours=", ".join(_opening(turn, opening) for opening in openings)
        )
        for weekday, openings in week
        if openings
    ]
    return "\n".join([turn.gettext("Opening hours:"), *lines])


def _opening(turn: Turn[Wish], opening: Opening) -> str:
    # Words instead of a dash, which would show start and end the other way round in Arabic.
    return turn.gettext("from {opens} to {closes}").format(
        opens=turn.format_time(opening.opens), closes=turn.format_time(opening.closes)
    )


def _weekdays(turn: Turn[Wish]) -> tuple[str, ...]:
    return (
        turn.pgettext("weekday", "Monday"),
        turn.pgettext("weekday", "Tuesday"),
        turn.pgettext("weekday", "Wednesday"),
        turn.pgettext("weekday", "Thursday"),
        turn.pgettext("weekday", "Friday"),
        turn.pgettext("weekday", "Saturday"),
        turn.pgettext("weekday", "Sunday"),
    )


NEAREST = Flow(
    name="nearest", draft=Wish, steps=[CentreToSee, *SEARCH_STEPS, ShowCentre], roles=BENEFICIARIES
)
