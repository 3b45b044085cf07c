"""What is sealed in a file comes back whole to who has the keys, and not at all in any other case."""

import base64
import hashlib
import io
import tracemalloc
from collections.abc import Callable

import pytest

from storage.encryption import KeyRing
from storage.errors import BackupUnusable, KeysBroken
from storage.sealed import CHECK_SIZE, CHUNK_SIZE, SALT_SIZE, TAG_SIZE, SealedWriter, unsealed

OLD = "2025:" + base64.b64encode(b"o" * 32).decode()
NEW = "2026:" + base64.b64encode(b"n" * 32).decode()
KEYS = KeyRing.from_text(OLD)
HEADER_SIZE = 8 + 2 + len("2025") + SALT_SIZE + CHECK_SIZE
SEALED_SIZE = CHUNK_SIZE + TAG_SIZE
# Nothing that can be compressed, so that it fills several chunks.
LONG = hashlib.shake_256(b"jisr").digest(5 * CHUNK_SIZE)


def sealed(*pieces: bytes, keys: KeyRing = KEYS) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, keys)
    for piece in pieces:
        writer.write(piece)
    writer.close()
    return file.getvalue()


def opened(file: bytes, keys: KeyRing = KEYS) -> bytes:
    return b"".join(unsealed(io.BytesIO(file), keys))


def chunks(file: bytes) -> list[bytes]:
    body = file[HEADER_SIZE:]
    return [body[at : at + SEALED_SIZE] for at in range(0, len(body), SEALED_SIZE)]


@pytest.mark.parametrize(
    "pieces",
    [(), (b"",), (b"Amina",), (b"a" * 10_000_000,), (LONG, b"", LONG[:7])],
    ids=["nothing", "empty", "short", "compressible", "long"],
)
def test_what_was_written_is_read_again(pieces: tuple[bytes, ...]) -> None:
    assert opened(sealed(*pieces)) == b"".join(pieces)


@pytest.mark.parametrize("packed_size", range(4 * CHUNK_SIZE - 12, 4 * CHUNK_SIZE + 12))
def test_an_end_near_the_end_of_a_chunk_is_no_other_end(packed_size: int) -> None:
    # Packing adds these bytes to what can't be compressed.
    data = LONG[: packed_size - 86]

    assert opened(sealed(data)) == data


def test_it_is_compressed_and_tells_nothing() -> None:
    file = sealed(b"Amina " * 100_000)

    assert len(file) < 10_000
    assert b"Amina" not in file
    assert sealed(b"Amina") != sealed(b"Amina")


def test_a_key_that_was_replaced_since_still_opens_it() -> None:
    file = sealed(LONG)

    assert opened(file, KeyRing.from_text(f"{NEW},{OLD}")) == LONG


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (NEW, "The backup was made with the key 2025, which is not among these"),
        ("2025:" + base64.b64encode(b"x" * 32).decode(), "The backup was made with other keys than these"),
    ],
    ids=["another id", "the same id"],
)
def test_other_keys_are_refused_before_anything_is_read(keys: str, sentence: str) -> None:
    with pytest.raises(KeysBroken, match=sentence):
        next(unsealed(io.BytesIO(sealed(LONG)), KeyRing.from_text(keys)))


def _without(number: int) -> Callable[[bytes], bytes]:
    return lambda file: (
        file[:HEADER_SIZE] + b"".join(chunk for place, chunk in enumerate(chunks(file)) if place != number)
    )


def _swapped(file: bytes) -> bytes:
    first, second, *rest = chunks(file)
    return file[:HEADER_SIZE] + b"".join([second, first, *rest])


def _repeated(file: bytes) -> bytes:
    first, *rest = chunks(file)
    return file[:HEADER_SIZE] + b"".join([first, first, *rest])


def _from_another_file(file: bytes) -> bytes:
    return file[:HEADER_SIZE] + sealed(LONG)[HEADER_SIZE:]


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file[: HEADER_SIZE + SEALED_SIZE],
        lambda file: file[: HEADER_SIZE + 2 * SEALED_SIZE],
        lambda file: file[:HEADER_SIZE],
        lambda file: file[: HEADER_SIZE - 1],
        lambda file: file[:-1],
        lambda file: file + b"\0",
        _without(0),
        _without(2),
        _without(5),
        _swapped,
        _repeated,
        _from_another_file,
    ],
    ids=[
        *("after a chunk", "after two", "after the header", "in the header", "a byte short", "a byte long"),
        *("without the first", "without one", "without the last", "swapped", "repeated", "another file's"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BackupUnusable, match="cut off, damaged or was changed"):
        opened(change(sealed(LONG)))


def test_a_bit_that_flips_anywhere_is_noticed() -> None:
    file = sealed(LONG[:1000])

    for place in range(len(file)):
        flipped = file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :]
        with pytest.raises((BackupUnusable, KeysBroken)):
            opened(flipped)


@pytest.mark.parametrize(
    "file", [b"", b"PK\x03\x04", b"SQLite format 3\0" * 99], ids=["empty", "zip", "sqlite"]
)
def test_another_programs_file_is_said_to_be_no_backup(file: bytes) -> None:
    with pytest.raises(BackupUnusable, match="no backup of Jisr"):
        opened(file)


def test_however_long_it_is_it_takes_no_more_memory() -> None:
    file = sealed(*[b"jisr" * 25_000] * 500)
    tracemalloc.start()
    read = sum(len(piece) for piece in unsealed(io.BytesIO(file), KEYS))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert read == 50_000_000
    assert peak < 8_000_000
