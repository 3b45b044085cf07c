"""What can go wrong between Jisr and its memory, one class per thing a caller can act on."""


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
