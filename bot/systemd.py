"""Tells systemd how the service is, when systemd started it with Type=notify; does nothing elsewhere.

Source: sd_notify(3): a datagram of NAME=value lines to the socket in NOTIFY_SOCKET.
"""

import asyncio
import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger()

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


class Systemd:
    def __init__(self, environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._has_failed = False
        watched = environ.get("WATCHDOG_PID", "")
        is_us = not watched or watched == str(pid or os.getpid())
        usec = environ.get("WATCHDOG_USEC", "")
        self._every_s = int(usec) / 2_000_000 if usec.isdigit() and is_us else None

    def tell(self, state: str) -> None:
        """Send a state. That systemd does not hear it is logged once, and changes nothing else."""
        if not self._address:
            return
        # "@" stands for the abstract namespace's leading zero byte.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto(state.encode(), address)
        except OSError as error:
            if not self._has_failed:
                log.warning("systemd_does_not_hear", error=type(error).__name__)
            self._has_failed = True

    async def keep_alive(self) -> None:
        """Say that the event loop turns, twice in each of the watchdog's periods, until cancelled."""
        if not self._address or not self._every_s:
            await asyncio.Event().wait()
            return
        while True:
            self.tell(ALIVE)
            await asyncio.sleep(self._every_s)
