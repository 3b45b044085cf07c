"""Finding a centre: by button, by a shared location, by a town in any spelling, or by region and town.

Both booking and looking go this way. Looking leads from a centre to its card, so that flow lists a
`ChooseCentre` of its own; the steps below lead back to whichever bears the name.
"""

from typing import Any

from conversations.care.centres import Centre
from conversations.care.nearest import RankedCentre, rank_centres
from conversations.care.people import Consent
from conversations.care.places import Place, distance_km
from conversations.engine.flow import Again, Choice, Goto, Move, Prompt, Step
from conversations.engine.reply import Location, Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.how import way_on
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.visit_words import city, province, town

# Further ones are a button away: nobody chooses well among eleven.
OFFERED = 4
# Of the twelve or so towns of a region with most people; any other can be typed.
TOWNS = 12


class ChooseCentre(Step[Wish]):
    """Offer the open centres, the one that fits the person first."""

    name = "centre"

    async def found(self, turn: Turn[Wish]) -> Move:
        """Go on with the centre in the draft."""
        turn.draft.page = 0
        return await way_on(turn)

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        centres = await _centres_in_order(turn)
        offered = centres[:OFFERED] if turn.draft.order else centres
        choices = [Choice(centre.slug, city(turn, centre)) for centre in offered]
        if len(offered) < len(centres):
            # Translators: label, at most 24 characters.
            choices.append(Choice("all", turn.pgettext("button", "🏙️ All centres")))
        # Translators: label, at most 24 characters.
        choices.append(Choice("regions", turn.pgettext("button", "🗺️ Choose a region")))
        text = _suggestion(turn, centres)
        if turn.draft.order:
            return Prompt(text, choices)
        how = turn.gettext("You can also share your location or write the name of your town.")
        return Prompt(f"{text}\n\n{how}", choices, wants_location=True)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "regions":
            return Goto(ChooseRegion)
        if choice_id == "all":
            turn.draft.order, turn.draft.place_id = [], ""
            return Again()
        turn.draft.centre = choice_id
        return await self.found(turn)

    async def answer(self, turn: Turn[Wish], reply: Reply) -> Move:
        match reply:
            case Text(text):
                return await _look_up(turn, text) or Again(
                    turn.gettext(
                        "I don't know a place of that name. Try another spelling, or choose a region."
                    )
                )
            case Location(latitude, longitude):
                return await self._located(turn, latitude, longitude)
        return Again(
            turn.gettext("Please choose a centre, share your location or write the name of your town.")
        )

    async def _located(self, turn: Turn[Wish], latitude: float, longitude: float) -> Move:
        code = turn.world.places.nearest_province(latitude, longitude)
        if code is None:
            return Again(
                turn.gettext(
                    "That place seems to be outside the country. Write your town, or choose a region."
                )
            )
        turn.draft.place_id = ""
        await _keep_order(turn, code, (latitude, longitude))
        return Again()


class WhichPlace(Step[Wish]):
    """Ask which of the places is meant; a guess is never taken for granted."""

    name = "which_place"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        places = [place for each in turn.draft.hits if (place := turn.world.places.place(each))]
        choices = [
            Choice(
                place.place_id,
                turn.gettext("{town} ({province})").format(
                    town=town(turn, place), province=province(turn, place)
                ),
            )
            for place in places
        ]
        # Translators: label, at most 20 characters. None of the towns above is meant.
        choices.append(Choice("none", turn.pgettext("button", "✖️ Another town")))
        return Prompt(turn.gettext("Which place do you mean?"), choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        place = turn.world.places.place(choice_id)
        if place is not None:
            await _look_from(turn, place)
        return Goto(ChooseCentre)

    async def answer(self, turn: Turn[Wish], reply: Reply) -> Move:
        found = await _look_up(turn, reply.text) if isinstance(reply, Text) else None
        return found or Again(turn.not_understood(reply))


class ChooseRegion(Step[Wish]):
    name = "region"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        arabic = turn.texts.direction == "rtl"
        regions = turn.world.places.regions()
        choices = [Choice(each.code, each.name_ar if arabic else each.name_fr) for each in regions]
        return Prompt(turn.gettext("In which region do you live?"), choices)

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        turn.draft.region = choice_id
        return Goto(ChooseTown)


class ChooseTown(Step[Wish]):
    """Offer the towns with most people; any other place can be written."""

    name = "town"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        towns = turn.world.places.towns(turn.draft.region, TOWNS)
        choices = [Choice(place.place_id, town(turn, place)) for place in towns]
        return Prompt(
            turn.gettext("Which town is nearest to you? You can also write the name of another one."), choices
        )

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if place := turn.world.places.place(choice_id):
            await _look_from(turn, place)
        return Goto(ChooseCentre)

    async def answer(self, turn: Turn[Wish], reply: Reply) -> Move:
        found = await _look_up(turn, reply.text) if isinstance(reply, Text) else None
        return found or Again(turn.not_understood(reply))


SEARCH_STEPS = (WhichPlace, ChooseRegion, ChooseTown)


def about_distance(turn: Turn[Any], centre: Centre) -> str | None:
    """Return how far the centre is from the town looked from; None when that would be a guess."""
    place = turn.world.places.place(turn.draft.place_id)
    if place is None or not place.has_own_point:
        return None
    km = round(distance_km(place.latitude, place.longitude, centre.latitude, centre.longitude))
    if km < 5:
        return None
    far = turn.ngettext(
        "That is about {n} km in a straight line from {town}.",
        "That is about {n} km in a straight line from {town}.",
        km,
    )
    return far.format(n=km, town=town(turn, place))


def _suggestion(turn: Turn[Wish], centres: list[Centre]) -> str:
    place = turn.world.places.place(turn.draft.place_id)
    if not turn.draft.order or not centres:
        return turn.gettext("Which centre suits you?")
    first = city(turn, centres[0])
    if place is None:
        return turn.gettext("The best centre for you: {city}.").format(city=first)
    said = turn.gettext("For {town}, this centre comes first: {city}.").format(
        town=town(turn, place), city=first
    )
    far = about_distance(turn, centres[0])
    return f"{said}\n{far}" if far else said


async def _centres_in_order(turn: Turn[Wish]) -> list[Centre]:
    """Return the open centres: as found for the place, else the person's own one first."""
    centres = await turn.desk.centres.open()
    if turn.draft.order:
        known = {centre.slug: centre for centre in centres}
        return [known[slug] for slug in turn.draft.order if slug in known]
    ranked = _ranked(turn, centres, turn.contact.province_code, None)
    return sorted((each.centre for each in ranked), key=lambda each: each.slug != turn.contact.centre_slug)


async def _look_up(turn: Turn[Wish], text: str) -> Move | None:
    """Go on from the place that the words name; None when they name none."""
    matches = turn.world.places.find(text)
    if not matches:
        return None
    if len(matches) == 1 and matches[0].certain:
        await _look_from(turn, matches[0].place)
        return Goto(ChooseCentre)
    turn.draft.hits = [match.place.place_id for match in matches]
    return Goto(WhichPlace)


async def _look_from(turn: Turn[Wish], place: Place) -> None:
    turn.draft.place_id = place.place_id
    point = (place.latitude, place.longitude) if place.has_own_point else None
    await _keep_order(turn, place.province_code, point)


async def _keep_order(turn: Turn[Wish], province_code: str, point: tuple[float, float] | None) -> None:
    """Keep which centres come first, and the province where the person agreed to that; never the point."""
    turn.draft.province = province_code
    ranked = _ranked(turn, await turn.desk.centres.open(), province_code, point)
    turn.draft.order = [each.centre.slug for each in ranked]
    if turn.contact.consent is Consent.AGREED:
        await turn.desk.contacts.set_home(turn.contact.id, province_code=province_code)
        await turn.reload()


def _ranked(
    turn: Turn[Wish], centres: list[Centre], province_code: str | None, point: tuple[float, float] | None
) -> list[RankedCentre]:
    return rank_centres(centres, province_code=province_code, point=point, catchment=turn.world.catchment)
