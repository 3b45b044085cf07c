"""The nearest centre: find it, and read what is known of it."""

from datetime import timedelta

from conversations.care.centres import Centre
from conversations.care.people import BENEFICIARIES
from conversations.care.periods import still
from conversations.engine.flow import Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.where import SEARCH_STEPS, ChooseCentre, about_distance
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.centre_words import MAP, map_choices, period_line, show_on_map, week_lines
from conversations.flows.visit_words import address_and_phone, city

# Other hours are told of from so long before they hold.
SOON = timedelta(days=30)


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
            *map_choices(turn, centre),
            # Translators: label, at most 20 characters.
            Choice("others", turn.pgettext("button", "🏙️ Other centres")),
        ]
        return Prompt("\n\n".join(part for part in parts if part), choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "others":
            return Goto(CentreToSee)
        if choice_id == MAP:
            return show_on_map(turn, await turn.desk.centres.get(turn.draft.centre))
        return Enter("booking", Wish(centre=turn.draft.centre))


def _hours(turn: Turn[Wish], centre: Centre) -> str:
    if not centre.hours_confirmed:
        return turn.gettext("The opening hours are not known to us yet.")
    lines = [turn.gettext("Opening hours:"), *week_lines(turn, centre.rules.hours)]
    for period in still(centre.rules.periods, turn.today):
        if period.first_day <= turn.today + SOON:
            lines += ["", f"{period_line(turn, period)}:", *week_lines(turn, period.hours)]
    return "\n".join(lines)


NEAREST = Flow(
    name="nearest", draft=Wish, steps=[CentreToSee, *SEARCH_STEPS, ShowCentre], roles=BENEFICIARIES
)
