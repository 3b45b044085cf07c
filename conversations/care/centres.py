"""After-care centres: what is known of each, and nothing more."""

from dataclasses import dataclass, field
from enum import StrEnum

from conversations.care.hours import VisitRules


class CentreStatus(StrEnum):
    """Only an open centre is offered to people."""

    OPEN = "open"
    UNDER_CONSTRUCTION = "under_construction"
    UNKNOWN = "unknown"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Point:
    """A spot on the map, in degrees (WGS84)."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Centre:
    """A centre of the Foundation. None means unknown: it is shown as unknown, never guessed.

    `latitude` and `longitude` are those of the city, to find the nearest centre and never to be shown as
    the place; `point` is where the centre itself is, which only its staff tell, and `landmark` what one sees
    before its door, in their words. `door_code` is what the code at the door says, None until one was asked
    for. `rules` holds the hours;
    `hours_confirmed` is False while public-office hours stand in for the centre's own, which makes each
    visit a request that staff must confirm.
    """

    slug: str
    city_fr: str
    city_ar: str
    region_fr: str
    region_ar: str
    status: CentreStatus
    address: str | None
    phone: str | None
    latitude: float
    longitude: float
    rules: VisitRules
    hours_confirmed: bool
    point: Point | None = None
    landmark: str | None = None
    door_code: str | None = field(default=None, repr=False)

    @property
    def is_open(self) -> bool:
        return self.status is CentreStatus.OPEN
