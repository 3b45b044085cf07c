"""What can go wrong between Jisr and its memory, one class per thing a caller can act on."""

from functools import cache

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


class ProcessAlreadyRunning(StorageError):
    """Another Jisr process serves this SQLite database; the message is a sentence for the operator."""


class SchemaOutdated(StorageError):
    """The database's tables are not those of this version; the message is a sentence for the operator."""


class MigrationBroken(StorageError):
    """A migration would have left rows that point to nothing, so nothing was changed."""


class BackupUnusable(StorageError):
    """A file is no backup, or not a whole one; the message is a sentence for the operator."""


def violates(error: IntegrityError, name: str) -> bool:
    """Whether it was this unique constraint or index of `storage.tables` that refused the row.

    PostgreSQL tells the name, SQLite the columns.
    """
    refused = getattr(error.orig and error.orig.__cause__, "constraint_name", None)
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
