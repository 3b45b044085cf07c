"""Encrypts a stream into a file and back, chunk by chunk, in constant memory.

A file is: MAGIC, layout version (1 byte), length of the key id (1 byte), key id, salt (32 bytes), key check
(16 bytes), then chunks of 64 KiB and one last, shorter one, each AES-256-GCM with its tag. What is inside is
compressed. The salt makes a key of the file's own; a chunk's nonce is its number and whether it is the last,
and the header is every chunk's associated data. So a chunk that was changed, moved, repeated, left out or
brought from another file is noticed, and so is an end cut off. Only who holds the keys can make or read one.
"""

import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq

from storage.encryption import KEY_ID, KEY_SIZE, KeyRing
from storage.errors import BackupUnusable, KeyMissing, KeysBroken

MAGIC = b"JISRBACK"
LAYOUT_VERSION = 1
SALT_SIZE = 32
# Tells a wrong key from a damaged file.
CHECK_SIZE = 16
CHUNK_SIZE = 64 * 1024
TAG_SIZE = 16
# At most so much is unpacked at a time, however well it was compressed.
PIECE_SIZE = 1024 * 1024
# Half of what is written is encrypted and does not get smaller: more effort only takes longer.
COMPRESSION = 1

_NO_BACKUP = "This file is no backup of Jisr."
_BROKEN = "The backup is cut off, damaged or was changed: use another one."


class SealedWriter:
    """Writes to a file what only the same keys can read. Without `close` the file is worth nothing."""

    def __init__(self, file: BinaryIO, keys: KeyRing) -> None:
        self._file = file
        salt = os.urandom(SALT_SIZE)
        start = _start(keys.current_id, salt)
        self._cipher, self._header = _opened_with(keys, keys.current_id, salt, start)
        self._packer = zlib.compressobj(COMPRESSION)
        self._packed = bytearray()
        self._number = 0
        file.write(self._header)

    def write(self, data: bytes) -> None:
        self._packed += self._packer.compress(data)
        # One that is full waits for the next: it may be the last.
        while len(self._packed) > CHUNK_SIZE:
            self._seal(is_last=False)

    def close(self) -> None:
        """Write what is left and the mark of the end."""
        self._packed += self._packer.flush()
        while len(self._packed) > CHUNK_SIZE:
            self._seal(is_last=False)
        self._seal(is_last=True)

    def _seal(self, *, is_last: bool) -> None:
        chunk = bytes(self._packed[:CHUNK_SIZE])
        del self._packed[:CHUNK_SIZE]
        self._file.write(self._cipher.encrypt(_nonce(self._number, is_last), chunk, self._header))
        self._number += 1


def unsealed(file: BinaryIO, keys: KeyRing) -> Iterator[bytes]:
    """Yield what was written, in pieces; nothing of a chunk that is not as it was written.

    Raises BackupUnusable, and KeysBroken for a file that other keys are needed for.
    """
    start, key_id, salt = _read_start(file)
    try:
        cipher, header = _opened_with(keys, key_id, salt, start)
    except KeyMissing:
        raise KeysBroken(
            f"The backup was made with the key {key_id}, which is not among these: put back the key file "
            "(or JISR_KEYS) that belongs to it."
        ) from None
    if not bytes_eq(_read(file, CHECK_SIZE), header[len(start) :]):
        raise KeysBroken(
            "The backup was made with other keys than these, or its beginning is damaged: put back the key "
            "file (or JISR_KEYS) that belongs to it, or use another backup."
        )
    unpacker = zlib.decompressobj()
    for chunk in _chunks(file, cipher, header):
        rest = chunk
        while rest:
            if piece := unpacker.decompress(rest, PIECE_SIZE):
                yield piece
            rest = unpacker.unconsumed_tail
    yield unpacker.flush()


def _chunks(file: BinaryIO, cipher: AESGCM, header: bytes) -> Iterator[bytes]:
    number = 0
    sealed = file.read(CHUNK_SIZE + TAG_SIZE)
    while sealed:
        following = file.read(CHUNK_SIZE + TAG_SIZE)
        try:
            yield cipher.decrypt(_nonce(number, not following), sealed, header)
        except InvalidTag:
            raise BackupUnusable(_BROKEN) from None
        number += 1
        sealed = following
    if number == 0:
        raise BackupUnusable(_BROKEN)


def _start(key_id: str, salt: bytes) -> bytes:
    return MAGIC + bytes([LAYOUT_VERSION, len(key_id)]) + key_id.encode("ascii") + salt


def _read_start(file: BinaryIO) -> tuple[bytes, str, bytes]:
    """Return the header's beginning, down to its key id and its salt."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BackupUnusable(_NO_BACKUP)
    version, size = _read(file, 2)
    if version != LAYOUT_VERSION:
        raise BackupUnusable("The backup was made by another version of Jisr: restore it with that version.")
    try:
        key_id = _read(file, size).decode("ascii")
    except UnicodeDecodeError:
        raise BackupUnusable(_BROKEN) from None
    if not KEY_ID.fullmatch(key_id):
        raise BackupUnusable(_BROKEN)
    salt = _read(file, SALT_SIZE)
    return _start(key_id, salt), key_id, salt


def _read(file: BinaryIO, size: int) -> bytes:
    found = file.read(size)
    if len(found) < size:
        raise BackupUnusable(_BROKEN)
    return found


def _opened_with(keys: KeyRing, key_id: str, salt: bytes, start: bytes) -> tuple[AESGCM, bytes]:
    """Return the file's cipher and its whole header."""
    secret = keys.file_secret(key_id, salt, KEY_SIZE + CHECK_SIZE)
    return AESGCM(secret[:KEY_SIZE]), start + secret[KEY_SIZE:]


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11) + bytes([is_last])
