"""The dead man's check: a monitoring service is called while all is well, and raises the alarm on silence."""

import aiohttp
import structlog

log = structlog.get_logger()

WITHIN_S = 10.0


class Heartbeat:
    """Calls one address, without any content. The address is a secret: whoever has it can hide an outage."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._is_heard = True

    async def beat(self) -> bool:
        """Call; False when nobody took the call. A change is logged, and the next minute tries again."""
        problem = await self._problem()
        if (problem is None) != self._is_heard:
            if problem:
                log.warning("heartbeat_not_heard", reason=problem)
            else:
                log.info("heartbeat_heard_again")
        self._is_heard = problem is None
        return self._is_heard

    async def _problem(self) -> str | None:
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                client.get(self._url, allow_redirects=False) as answer,
            ):
                return None if answer.status < 400 else f"status_{answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Its text may hold the address.
            return type(error).__name__
