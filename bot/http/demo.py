"""What only the demo has: three seats at one table, and a hand on the service's clock."""

from datetime import timedelta
from enum import StrEnum

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.clock import ShiftedClock
from bot.http.origin import is_own_page
from bot.turns import Voice
from conversations.care.people import Role
from conversations.care.wall_time import to_local
from storage.database import Database
from storage.unit_of_work import UnitOfWork

# Where the skipped time is kept, in seconds, so that a restart does not take it back.
OFFSET_MARK = "demo_clock_offset_s"
# Says that the people of this database are invented.
DEMO_MARK = "demo"
# Rung when the clock was moved.
CLOCK_TOPIC = "clock"
CASEWORKERS_CENTRE = "sale"
INVITATION_LIFE = timedelta(hours=1)


class Seat(StrEnum):
    """Who sits at a tab of the demo."""

    BENEFICIARY = "beneficiary"
    CASEWORKER = "caseworker"
    MANAGER = "manager"


def seat_of(request: HTTPConnection) -> Seat:
    """Return the seat a page was opened for; without one, the beneficiary's."""
    asked = request.query_params.get("seat")
    return Seat(asked) if asked in set(Seat) else Seat.BENEFICIARY


class Demo:
    """The demo's own routes, and what its seats begin with."""

    def __init__(self, database: Database, clock: ShiftedClock, voice: Voice) -> None:
        self._database = database
        self._clock = clock
        self._voice = voice

    @property
    def offset(self) -> timedelta:
        """How much time was skipped so far."""
        return self._clock.offset

    def routes(self) -> list[Route]:
        return [
            Route("/demo/clock", self._tell_clock),
            Route("/demo/skip", self._skip, methods=["POST"]),
        ]

    async def first_words(self, unit: UnitOfWork, seat: Seat) -> str:
        """Return what somebody comes in with: staff have a fresh invitation, as in real life."""
        await unit.marks.set(DEMO_MARK, "1")
        now = self._clock.now()
        expires_at = now + INVITATION_LIFE
        match seat:
            case Seat.CASEWORKER:
                centre = await self._centre(unit)
                return await unit.invitations.create(Role.CASEWORKER, centre, now=now, expires_at=expires_at)
            case Seat.MANAGER:
                return await unit.invitations.create(Role.MANAGER, None, now=now, expires_at=expires_at)
        return ""

    def clock(self) -> dict[str, str]:
        """Return the service's wall time, for machines ("now") and for eyes ("clock")."""
        zone = self._voice.world.zone
        now = self._clock.now()
        local = to_local(now, zone)
        english = self._voice.of("en")
        return {
            "now": now.astimezone(zone).isoformat(timespec="seconds"),
            "clock": f"{english.format_day(local.date())}, {english.format_time(local.time())}",
        }

    async def _tell_clock(self, _: Request) -> Response:
        return JSONResponse(self.clock())

    async def _skip(self, request: Request) -> Response:
        """Make the moment after the next due message the present; "skipped_to" is null when there is none."""
        if "origin" in request.headers and not is_own_page(request, None):
            return Response(status_code=403)
        async with self._database.transaction() as unit:
            due_at = await unit.schedule.next_due_at()
            if due_at is not None:
                self._clock.shift_to(due_at + timedelta(seconds=1))
                await unit.marks.set(OFFSET_MARK, str(self._clock.offset.total_seconds()))
            unit.topics.update(("due", "inbox", "outbox", CLOCK_TOPIC))
        clock = self.clock()
        return JSONResponse({**clock, "skipped_to": clock["clock"] if due_at else None})

    async def _centre(self, unit: UnitOfWork) -> str | None:
        slugs = [centre.slug for centre in await unit.centres.open()]
        return CASEWORKERS_CENTRE if CASEWORKERS_CENTRE in slugs else next(iter(slugs), None)
