"""Links that open a place on a map, for where a channel has no pin of its own."""

from conversations.engine.outbound import Venue

# As near as one sees single houses.
ZOOM = 18


def map_link(venue: Venue) -> str:
    """Return the address of a map of the world with the place on it. Source: OpenStreetMap wiki, Browsing."""
    at, beside = _degrees(venue)
    return f"https://www.openstreetmap.org/?mlat={at}&mlon={beside}#map={ZOOM}/{at}/{beside}"


def geo_link(venue: Venue) -> str:
    """Return a link that a phone opens with its own map. Source: RFC 5870; `q` puts a pin on Android's."""
    point = ",".join(_degrees(venue))
    return f"geo:{point}?q={point}"


def _degrees(venue: Venue) -> tuple[str, str]:
    """Return both as plain decimals: five of them are a metre, and none is written with an exponent."""
    return f"{venue.latitude:.5f}", f"{venue.longitude:.5f}"
