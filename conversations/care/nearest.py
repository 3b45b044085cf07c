"""Which centre receives a person, and which others to offer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from conversations.care.centres import Centre, CentreStatus
from conversations.care.places import distance_km

# Province code to the slug of the centre that receives its people. Staff keep it: a straight
# line does not know that the Atlas lies between Errachidia and Béni Mellal.
Catchment: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RankedCentre:
    """A centre to offer; `distance_km` is the straight line, None when the person's own point is unknown."""

    centre: Centre
    distance_km: float | None


def rank_centres(
    centres: Sequence[Centre],
    *,
    province_code: str | None,
    point: tuple[float, float] | None,
    catchment: Catchment,
) -> list[RankedCentre]:
    """Return the open centres: the one that receives the province, then the others, nearest first.

    `point` is latitude and longitude in degrees of where the person lives, and None when only
    the province is known: then the others stand in the order of their distance from the first
    centre, or in the given order when there is none, and no distance is told.
    """
    open_centres = [centre for centre in centres if centre.status is CentreStatus.OPEN]
    receiving_slug = catchment.get(province_code) if province_code else None
    receiving = next((centre for centre in open_centres if centre.slug == receiving_slug), None)
    seen_from = point
    if point is None and receiving is not None:
        seen_from = receiving.latitude, receiving.longitude

    def order(centre: Centre) -> tuple[bool, float]:
        return centre is not receiving, _distance(centre, seen_from) or 0.0

    return [RankedCentre(centre, _distance(centre, point)) for centre in sorted(open_centres, key=order)]


def _distance(centre: Centre, point: tuple[float, float] | None) -> float | None:
    return distance_km(*point, centre.latitude, centre.longitude) if point else None
