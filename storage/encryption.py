"""Encrypts what names a person, and finds chat ids without storing them readably.

A value is: layout version (1 byte), length of the key id (1 byte), key id,
nonce (12 bytes), AES-256-GCM ciphertext with its tag. The key id makes rotation
possible: put a new key first in the ring and older values stay readable.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.errors import KeyMissing, KeysBroken, ValueTampered

LAYOUT_VERSION = 1
KEY_SIZE = 32
NONCE_SIZE = 12
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)

KEY_FILE_NOTE = """\
# The keys that protect personal data in Jisr's database, as id:key, one a line.
# The first encrypts, the others only read. Keep a copy apart from the database's
# backups: without these lines the data can never be read again.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A key id and 32 secret bytes."""

    id: str
    secret: bytes = field(repr=False)

    def derived(self, purpose: bytes, *, salt: bytes | None = None, size: int = KEY_SIZE) -> bytes:
        """Return bytes for one purpose, so that no secret serves two algorithms; 32 unless told."""
        return HKDF(algorithm=SHA256(), length=size, salt=salt, info=purpose).derive(self.secret)


class KeyRing:
    """The keys in use: the first encrypts, all of them decrypt, the last (the oldest) indexes.

    The index key comes from the oldest key so that adding a key leaves every
    stored index valid. Dropping the oldest key therefore needs all values
    re-encrypted and all indexes computed anew first.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys:
            raise KeysBroken("There is no encryption key: give at least one as id:key.")
        self.current_id = keys[0].id
        self._keys = {key.id: key for key in keys}
        self._ciphers = {key.id: AESGCM(key.derived(b"jisr encrypt 1")) for key in keys}
        self._index_key = keys[-1].derived(b"jisr index 1")
        if len(self._ciphers) < len(keys):
            raise KeysBroken("Two encryption keys have the same id: give each its own.")

    @property
    def ids(self) -> set[str]:
        """The ids of all its keys."""
        return set(self._ciphers)

    @property
    def sign(self) -> str:
        """A word that tells this ring from others, without telling anything of its keys."""
        return self.index("jisr", "keys").hex()

    def file_secret(self, key_id: str, salt: bytes, size: int) -> bytes:
        """Return `size` secret bytes for one file, which its random salt makes its own. Raises KeyMissing."""
        if key_id not in self._keys:
            raise KeyMissing(f"The key {key_id} is not in the ring.")
        return self._keys[key_id].derived(b"jisr file 1", salt=salt, size=size)

    @classmethod
    def from_text(cls, text: str) -> "KeyRing":
        """Read "id:base64 of 32 bytes" entries, newest first, parted by commas or lines.

        Lines that start with "#" are notes. Raises KeysBroken.
        """
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        entries = re.split(r"[,\s]+", "\n".join(lines).strip())
        return cls([_key(entry, place) for place, entry in enumerate(entries, start=1) if entry])

    def encrypt(self, plain: str, *, about: str) -> bytes:
        """Return the value to store; `about` names the column, the only place it can be read from."""
        header = _header(self.current_id)
        nonce = os.urandom(NONCE_SIZE)
        sealed = self._ciphers[self.current_id].encrypt(nonce, _bytes(plain), header + about.encode())
        return header + nonce + sealed

    def decrypt(self, value: bytes, *, about: str) -> str:
        """Return what `encrypt` was given for the same column.

        Raises KeyMissing when the ring lacks the value's key, and ValueTampered
        when the bytes were changed, cut, or moved from another column.
        """
        if len(value) < 2 or value[0] != LAYOUT_VERSION:
            raise ValueTampered("A stored value has no known layout.")
        body_at = 2 + value[1]
        try:
            key_id = value[2:body_at].decode("ascii")
        except UnicodeDecodeError:
            raise ValueTampered("A stored value has a broken key id.") from None
        if not KEY_ID.fullmatch(key_id):
            raise ValueTampered("A stored value has a broken key id.")
        if key_id not in self._ciphers:
            raise KeyMissing(f"A stored value needs the encryption key {key_id}, which is not in the ring.")
        header, nonce, sealed = value[:body_at], value[body_at:][:NONCE_SIZE], value[body_at:][NONCE_SIZE:]
        if len(nonce) < NONCE_SIZE:
            raise ValueTampered("A stored value is cut short.")
        try:
            plain = self._ciphers[key_id].decrypt(nonce, sealed, header + about.encode())
        except InvalidTag:
            raise ValueTampered("A stored value was changed or belongs to another column.") from None
        return plain.decode("utf-8", "surrogatepass")

    def index(self, channel: str, external_id: str) -> bytes:
        """Return 32 bytes by which a channel's id is found: the same for the same id, useless to others."""
        # The length in front keeps ("ab", "c") and ("a", "bc") apart.
        message = _bytes(f"{len(channel)}:{channel}:{external_id}")
        return hmac.new(self._index_key, message, hashlib.sha256).digest()

    def __repr__(self) -> str:
        return f"<KeyRing {', '.join(self._ciphers)}>"


def new_key_entry() -> str:
    """Return a fresh random key as "id:base64", the form that a key ring reads."""
    return f"k{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(KEY_SIZE)).decode()}"


def load_or_create_keys(path: Path) -> KeyRing:
    """Return the ring in the key file; the first start makes the file, readable by its owner only.

    Raises KeysBroken when the file can be read by others, cannot be read or made, or holds no valid keys.
    """
    try:
        try:
            text = _read_private(path)
        except FileNotFoundError:
            _create(path)
            text = _read_private(path)
    except UnicodeDecodeError:
        raise KeysBroken(f"The key file {path} is not text: put your copy of it back.") from None
    except OSError as error:
        raise KeysBroken(
            f"The key file {path} cannot be read or made ({error.strerror}): "
            "give the user that runs Jisr access to it."
        ) from error
    try:
        return KeyRing.from_text(text)
    except KeysBroken as error:
        raise KeysBroken(f"The key file {path} is broken. {error}") from error


def _key(entry: str, place: int) -> Key:
    # Sentences name the place in the list, never the entry: it may be a secret without its id.
    key_id, _, encoded = entry.partition(":")
    if not KEY_ID.fullmatch(key_id) or not encoded:
        raise KeysBroken(
            f"Encryption key {place} is not of the form id:key, with an id of up to 32 letters and digits."
        )
    try:
        secret = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise KeysBroken(f"Encryption key {place} is not base64.") from None
    if len(secret) != KEY_SIZE:
        raise KeysBroken(f"Encryption key {place} has {len(secret)} bytes where {KEY_SIZE} are needed.")
    return Key(key_id, secret)


def _header(key_id: str) -> bytes:
    return bytes([LAYOUT_VERSION, len(key_id)]) + key_id.encode("ascii")


def _bytes(text: str) -> bytes:
    # A phone can send half of an emoji; it must be kept like anything else.
    return text.encode("utf-8", "surrogatepass")


def _read_private(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise KeysBroken(
                f"The key file {path} is open to other users of this machine (mode {mode:04o}): "
                f"run chmod 600 {path}, and replace the keys if others may have read them."
            )
        return file.read()


def _create(path: Path) -> None:
    """Make the key file whole or not at all, also when two processes start at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{KEY_FILE_NOTE}{new_key_entry()}\n")
            file.flush()
            os.fsync(file.fileno())
        # A link never replaces a file, so the process that comes second reads the first one's key.
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
