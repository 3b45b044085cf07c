"""Where exactly a centre is: its staff stand before the door and share their location.

Until it is confirmed the position stands in the conversation alone; what was shared is not kept with what
came in.
"""

from conversations.care.centres import Point
from conversations.care.places import distance_km
from conversations.engine.flow import Again, Choice, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Channel, Location, Reply
from conversations.engine.turn import Turn
from conversations.flows.centre_words import pin_of
from conversations.flows.staff.centre_access import CentreDraft, back_to_centre, centre_in_hand, not_yours
from conversations.flows.visit_words import city

# About a metre: no phone knows better.
DECIMALS = 5
# Further from the middle of the city than this, somebody may have shared where they live.
FAR_KM = 5


class SetPoint(Step[CentreDraft]):
    """Take the place as a shared location, and nothing else: a typed address is somebody's guess."""

    name = "point"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        choices = []
        if centre.point is not None:
            # Translators: label, at most 20 characters. Takes the centre off the map.
            choices.append(Choice("remove", turn.pgettext("button", "🗑️ Remove it")))
        if not _is_exact(turn):
            return Prompt(_only_rough(turn), choices)
        asked = turn.gettext(
            "Stand before the door of the centre and share your location. Everybody will see that point."
        )
        return Prompt(asked, choices, wants_location=True)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        await turn.desk.centres.set_point(centre.slug, None)
        return back_to_centre(centre.slug, turn.gettext("The centre is no longer on the map."))

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        if not isinstance(reply, Location):
            return Again(turn.gettext("Please share your location, there where the centre is."))
        if not _is_exact(turn):
            return Again()
        if turn.world.places.nearest_province(reply.latitude, reply.longitude) is None:
            return Again(turn.gettext("That place seems to be outside the country."))
        turn.draft.latitude = round(reply.latitude, DECIMALS)
        turn.draft.longitude = round(reply.longitude, DECIMALS)
        return Goto(CheckPoint)


class CheckPoint(Step[CentreDraft]):
    """Have the place confirmed before anybody sees it, with how far from the city's middle it is."""

    name = "check_point"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        point = _shared(turn.draft)
        if centre is None or point is None:
            return Prompt(not_yours(turn))
        asked = turn.gettext("Is the door of the centre in {city} where you are now?").format(
            city=city(turn, centre)
        )
        km = round(distance_km(point.latitude, point.longitude, centre.latitude, centre.longitude))
        if km >= FAR_KM:
            far = turn.ngettext(
                "⚠️ That is about {n} km from the middle of the city.",
                "⚠️ That is about {n} km from the middle of the city.",
                km,
            )
            asked = f"{asked}\n{far.format(n=km)}"
        choices = [
            # Translators: label, at most 20 characters.
            Choice("yes", turn.pgettext("button", "✅ Yes, it is here")),
            # Translators: label, at most 20 characters.
            Choice("no", turn.pgettext("button", "❌ No, not here")),
        ]
        return Prompt(asked, choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre, point = await centre_in_hand(turn), _shared(turn.draft)
        if centre is None or point is None:
            return Home(not_yours(turn))
        if choice_id != "yes":
            return back_to_centre(centre.slug, turn.gettext("Nothing was kept of where you are."))
        await turn.desk.centres.set_point(centre.slug, point)
        if pin := pin_of(turn, await turn.desk.centres.get(centre.slug)):
            turn.send_venue(pin)
        return back_to_centre(centre.slug, turn.gettext("Saved. This is what people see:"))


def _is_exact(turn: Turn[CentreDraft]) -> bool:
    # The web page rounds what it sends to some hundred metres, which protects people and finds no door.
    return turn.channel in (Channel.TELEGRAM, Channel.WHATSAPP)


def _only_rough(turn: Turn[CentreDraft]) -> str:
    return turn.gettext("A web page only tells roughly where you are. Set the point on Telegram or WhatsApp.")


def _shared(draft: CentreDraft) -> Point | None:
    if draft.latitude is None or draft.longitude is None:
        return None
    return Point(draft.latitude, draft.longitude)
