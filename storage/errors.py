"""What can go wrong between Jisr and its memory, one class per thing a caller can act on."""

import sys
from functools import cache
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.exc import IntegrityError

from storage.tables import metadata


class StorageError(Exception):
    """The root of all of them. No message here ever holds a stored value or a key."""


class KeysBroken(StorageError):
    """The encryption keys cannot be used; the message is a sentence for the operator."""


class KeyMissing(StorageError):
    """The value was encrypted with a key that the ring no longer, or does not yet, hold."""


class ValueTampered(StorageError):
    """The stored bytes are not what was encrypted for this column."""


class DatabaseUnreachable(StorageError):
    """The database server or file does not answer; the message is a sentence for the operator."""


class DatabaseLocked(StorageError):
    """Another connection holds the database for longer than we wait; trying again can help."""


class TransactionFailed(StorageError):
    """A statement had failed before the commit, so the database kept nothing of the transaction."""


class ProcessAlreadyRunning(StorageError):
    """Another Jisr process serves this SQLite database; the message is a sentence for the operator."""


class SchemaOutdated(StorageError):
    """The database's tables are not those of this version; the message is a sentence for the operator."""


class MigrationBroken(StorageError):
    """A migration would have left rows that point to nothing, so nothing was changed."""


class BackupUnusable(StorageError):
    """A file is no backup, or not a whole one; the message is a sentence for the operator."""


SILENT = "The database does not answer: check that it runs and that its address (JISR_DATABASE_URL) is right."
_REFUSED = "The database refuses the user, the password or the name in its address (JISR_DATABASE_URL)."
UNUSABLE = (
    "The database file can't be opened or written: check its folder, its owner and the disk's free space."
)
_DAMAGED = "The database file is damaged or no SQLite database: restore a backup, or choose another file."
_LOCKED = "The database is locked by another program: close that program, or try again later."

# SQLite's primary result codes. Source: sqlite.org, Result and Error Codes.
_SQLITE: dict[int, tuple[type[StorageError], str]] = {
    5: (DatabaseLocked, _LOCKED),  # BUSY
    6: (DatabaseLocked, _LOCKED),  # LOCKED
    8: (DatabaseUnreachable, UNUSABLE),  # READONLY
    10: (DatabaseUnreachable, UNUSABLE),  # IOERR
    11: (DatabaseUnreachable, _DAMAGED),  # CORRUPT
    13: (DatabaseUnreachable, UNUSABLE),  # FULL
    14: (DatabaseUnreachable, UNUSABLE),  # CANTOPEN
    26: (DatabaseUnreachable, _DAMAGED),  # NOTADB
}
# Beginnings of PostgreSQL's SQLSTATE. Source: its manual, appendix A.
_POSTGRESQL: dict[str, tuple[type[StorageError], str]] = {
    "08": (DatabaseUnreachable, SILENT),  # connection lost
    "28": (DatabaseUnreachable, _REFUSED),  # user or password
    "3D000": (DatabaseUnreachable, _REFUSED),  # no such database
    "40001": (DatabaseLocked, _LOCKED),  # serialization failure
    "40P01": (DatabaseLocked, _LOCKED),  # deadlock
    "53": (DatabaseUnreachable, SILENT),  # disk full, out of memory, too many connections
    "55P03": (DatabaseLocked, _LOCKED),  # lock not available
    "57P": (DatabaseUnreachable, SILENT),  # shutting down, starting up
}


def ours(error: BaseException) -> StorageError | None:
    """Return what a driver's "can't reach" and "is locked" are here; None for everything else."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        found = _SQLITE.get(code & 0xFF)
    else:
        state = getattr(error, "sqlstate", None) or ""
        found = next((kind for begins, kind in _POSTGRESQL.items() if state.startswith(begins)), None)
    if found is None:
        return DatabaseUnreachable(SILENT) if _is_lost_connection(error) else None
    kind, sentence = found
    return kind(sentence)


def _is_lost_connection(error: BaseException) -> bool:
    """Whether the connection went away under the driver, which has no code of its own for it.

    A server that stops in the middle of a statement leaves asyncpg's protocol in no state to go on.
    """
    asyncpg = loaded_asyncpg()
    if asyncpg is not None and isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    return isinstance(error, OSError) or (
        asyncpg is not None and isinstance(error, asyncpg.InternalClientError)
    )


def loaded_asyncpg() -> Any:
    """Return PostgreSQL's driver, None on SQLite: whoever has no use for it has no place for it either."""
    return sys.modules.get("asyncpg")


def violates(error: IntegrityError, name: str) -> bool:
    """Whether it was this unique constraint or index of `storage.tables` that refused the row.

    PostgreSQL tells the name, SQLite the columns.
    """
    refused = getattr(error.orig, "constraint_name", None) or getattr(
        error.orig and error.orig.__cause__, "constraint_name", None
    )
    if refused is not None:
        return bool(refused == name)
    return str(error.orig) == f"UNIQUE constraint failed: {_columns_of(name)}"


@cache
def _columns_of(name: str) -> str:
    for table in metadata.tables.values():
        for rule in (*table.indexes, *table.constraints):
            if isinstance(rule, Index | UniqueConstraint) and rule.name == name:
                return ", ".join(f"{table.name}.{column.name}" for column in rule.columns)
    raise LookupError(name)
