"""What becomes of text messages: the gateway calls back with our own number of the message.

The address it calls goes out with each text (`report_url_of`), so the gateway's access log holds the secret.
Source: Kannel user's guide, delivery reports: %d is 1 delivered, 2 not delivered, 4 and 8 on its way,
16 rejected.
"""

import hmac
from urllib.parse import urlencode

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels.channel import File, Sent
from bot.channels.sms import SmsSender
from bot.clock import Clock
from bot.fallback import Fallback
from bot.metrics import metrics
from conversations.engine.outbound import OutboundMessage
from conversations.engine.reply import Channel
from storage.database import Database, rung
from storage.errors import StorageError
from storage.outbox import OutboxRow

log = structlog.get_logger()

REPORT_PATH = "/sms/report"
NOT_DELIVERED = "not_delivered"
_STATUSES = {"1": "delivered", "2": "failed_permanent", "16": "failed_permanent"}
_ON_ITS_WAY = frozenset({"4", "8"})
# A report may be here before the gateway's own answer is written down.
WAIT_S, WAITS = 1.0, 5
# Longer numbers than the database counts are no row's.
MOST_DIGITS = 18


def report_url_of(url: str, row_id: int, secret: str) -> str:
    """Return the address that the gateway calls about one message, `%d` standing for what became of it."""
    asked = urlencode({"row": row_id, "secret": secret})
    return f"{url}{'&' if '?' in url else '?'}{asked}&status=%d"


class SmsGate:
    """Sends texts with the address under which the gateway tells what became of each."""

    def __init__(self, sender: SmsSender, url: str, secret: str) -> None:
        self._sender = sender
        self._url = url
        self._secret = secret

    async def send(self, row: OutboxRow, message: OutboundMessage, file: File | None = None) -> Sent:
        """Send a text, which carries no file. Raises SendFailed in one of its kinds."""
        report_url = report_url_of(self._url, row.id, self._secret)
        return Sent(await self._sender.send(row.external_id, message, report_url=report_url))


class SmsReports:
    """Puts the gateway's reports to the messages they are about; one that failed goes another way."""

    def __init__(self, database: Database, clock: Clock, *, secret: str, fallback: Fallback) -> None:
        self._database = database
        self._clock = clock
        self._secret = secret.encode()
        self._fallback = fallback

    def routes(self) -> list[Route]:
        return [Route(REPORT_PATH, self._receive, methods=["GET", "POST"])]

    async def _receive(self, request: Request) -> Response:
        query = request.query_params
        if not hmac.compare_digest(query.get("secret", "").encode(), self._secret):
            return Response(status_code=401)
        row, said = query.get("row", ""), query.get("status", "")
        if said in _ON_ITS_WAY:
            return Response()
        status = _STATUSES.get(said)
        try:
            is_known = (
                status is not None
                and row.isascii()
                and row.isdecimal()
                and len(row) <= MOST_DIGITS
                and await self._tell(int(row), status)
            )
        except (StorageError, SQLAlchemyError) as error:
            log.warning("sms_report_not_stored", error=type(error).__name__)
            return Response(status_code=503)
        if not is_known:
            metrics.status_told(Channel.SMS, "unknown")
        return Response()

    async def _tell(self, row_id: int, status: str) -> bool:
        """Write down what became of a text; False when there is none that waits for a report."""
        async with self._database.wakes.bell("delivered") as bell:
            for _ in range(WAITS):
                async with self._database.transaction() as unit:
                    now = self._clock.now()
                    reason = None if status == "delivered" else NOT_DELIVERED
                    told = await unit.outbox.tell_of(row_id, Channel.SMS, status, reason)
                    if told is None:
                        return False
                    if told:
                        metrics.status_told(Channel.SMS, status)
                        unit.topics.add("delivered")
                        if reason is not None:
                            await self._fallback.find_another_way(unit, row_id, now=now)
                        return True
                await rung(bell, timeout_s=WAIT_S)
        return False
