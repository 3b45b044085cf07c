"""How many people Meta lets the account write to first in a moving day: asked at the start and once a day."""

import asyncio
from collections.abc import Callable

import structlog

from bot.channels.whatsapp_client import GraphClient, GraphFailed

log = structlog.get_logger()

# Source: developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits, 2026-05-08:
# a field of the business number, from version 24.0 on; `messaging_limit_tier` is its forerunner.
FIELD = "whatsapp_business_manager_messaging_limit"
# By the platform's word for them; None: as many as we like.
TIERS = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
# What new accounts may, until the platform has said more.
LOWEST = 250
ASK_EVERY_S = 24 * 3600.0
ASK_AGAIN_AFTER_S = 600.0


class PeopleLimit:
    """Keeps the limit as the platform last said it. `changed` is told of each new one."""

    def __init__(self, client: GraphClient, changed: Callable[[int | None], None]) -> None:
        self._client = client
        self._changed = changed
        self.people: int | None = LOWEST

    async def keep(self) -> None:
        """Ask at once and every day, until cancelled; sooner when there was no answer."""
        while True:
            is_told = await self.ask()
            await asyncio.sleep(ASK_EVERY_S if is_told else ASK_AGAIN_AFTER_S)

    async def ask(self) -> bool:
        """Ask the platform; False when it gave no answer that we know, and the limit stays as it was."""
        try:
            number = await self._client.call("GET", self._client.phone_number_id, query={"fields": FIELD})
        except GraphFailed as error:
            log.warning("whatsapp_limit_not_told", error=type(error).__name__)
            return False
        tier = number.get(FIELD)
        if not isinstance(tier, str) or tier not in TIERS:
            log.warning("whatsapp_limit_not_told", error="unknown_tier")
            return False
        people = TIERS[tier]
        if people != self.people:
            self.people = people
            log.info("whatsapp_limit_changed", people=people)
            self._changed(people)
        return True
