import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.encryption import KeyRing, load_or_create_keys, new_key_entry
from storage.errors import KeyMissing, KeysBroken, ValueTampered

OLD = "2025:" + base64.b64encode(b"o" * 32).decode()
NEW = "2026:" + base64.b64encode(b"n" * 32).decode()
RING = KeyRing.from_text(OLD)
ROTATED = KeyRing.from_text(f"{NEW},{OLD}")
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too: phones send them


@given(plain=ANY_TEXT, about=st.text())
def test_what_was_encrypted_comes_back(plain: str, about: str) -> None:
    assert RING.decrypt(RING.encrypt(plain, about=about), about=about) == plain


def test_the_stored_value_shows_nothing_and_never_repeats() -> None:
    first, second = (RING.encrypt("Amina", about="contact.name") for _ in range(2))

    assert b"Amina" not in first
    assert first != second


def test_the_layout_is_compact_and_names_the_key() -> None:
    value = RING.encrypt("Amina", about="contact.name")

    assert value[:6] == b"\x01\x042025"
    assert len(value) == 6 + 12 + len("Amina") + 16


def test_a_value_cannot_be_moved_to_another_column() -> None:
    value = RING.encrypt("Amina", about="contact.name")

    with pytest.raises(ValueTampered):
        RING.decrypt(value, about="message.text")


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    value = bytearray(RING.encrypt("Amina", about="contact.name"))
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises((ValueTampered, KeyMissing)):
        RING.decrypt(bytes(value), about="contact.name")


def test_a_value_cut_anywhere_is_noticed() -> None:
    value = RING.encrypt("Amina", about="contact.name")

    for length in range(len(value)):
        with pytest.raises((ValueTampered, KeyMissing)):
            RING.decrypt(value[:length], about="contact.name")


@given(st.binary())
def test_bytes_from_elsewhere_are_refused(value: bytes) -> None:
    with pytest.raises((ValueTampered, KeyMissing)):
        RING.decrypt(value, about="contact.name")


def test_after_a_rotation_old_values_are_read_and_new_ones_use_the_new_key() -> None:
    old_value = RING.encrypt("Amina", about="contact.name")
    new_value = ROTATED.encrypt("Brahim", about="contact.name")

    assert ROTATED.decrypt(old_value, about="contact.name") == "Amina"
    assert b"2026" in new_value
    with pytest.raises(KeyMissing, match="2026"):
        RING.decrypt(new_value, about="contact.name")


def test_an_address_is_found_again_after_a_rotation() -> None:
    assert RING.index("telegram", "4242") == ROTATED.index("telegram", "4242")


def test_an_index_depends_on_channel_id_and_key() -> None:
    indexes = {
        RING.index("telegram", "4242"),
        RING.index("telegram", "4243"),
        RING.index("telegram4", "242"),
        RING.index("whatsapp", "4242"),
        KeyRing.from_text(NEW).index("telegram", "4242"),
    }

    assert len(indexes) == 5
    assert {len(index) for index in indexes} == {32}


def test_no_repr_shows_a_key() -> None:
    assert repr(ROTATED) == "<KeyRing 2026, 2025>"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least one"),
        ("SECRETWITHOUTID", "key 1 is not of the form"),
        (f"{OLD},bad id:abc", "key 2 is not of the form"),
        (f"{OLD},b:SECRET!!", "key 2 is not base64"),
        ("a:U0VDUkVU", "6 bytes where 32"),
        (f"{OLD},{OLD}", "same id"),
    ],
)
def test_broken_keys_are_explained_without_showing_them(text: str, sentence: str) -> None:
    with pytest.raises(KeysBroken, match=sentence) as caught:
        KeyRing.from_text(text)

    assert "SECRET" not in str(caught.value)
    assert "U0VD" not in str(caught.value)


def test_the_first_start_makes_a_key_file_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "keys"
    value = load_or_create_keys(path).encrypt("Amina", about="contact.name")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys"]
    assert load_or_create_keys(path).decrypt(value, about="contact.name") == "Amina"


def test_starting_many_times_at_once_makes_one_key(tmp_path: Path) -> None:
    path = tmp_path / "keys"

    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(load_or_create_keys, [path] * 32))

    assert len({ring.index("telegram", "4242") for ring in rings}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["keys"]


def test_a_key_added_on_top_of_the_file_becomes_the_current_one(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    old = load_or_create_keys(path)
    entry = new_key_entry()
    path.write_text(f"{entry}\n{path.read_text()}")

    ring = load_or_create_keys(path)

    assert entry.partition(":")[0].encode() in ring.encrypt("Amina", about="contact.name")
    assert ring.decrypt(old.encrypt("Amina", about="contact.name"), about="contact.name") == "Amina"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    load_or_create_keys(path)
    path.chmod(mode)

    with pytest.raises(KeysBroken, match=f"chmod 600 {path}"):
        load_or_create_keys(path)


@pytest.mark.parametrize("content", [b"", b"# only a note\n", b"nonsense", b"\xff\xfe"])
def test_a_broken_key_file_is_explained_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(KeysBroken, match=f"The key file {path} is"):
        load_or_create_keys(path)
    assert path.read_bytes() == content


def test_a_key_file_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(KeysBroken, match="cannot be read or made"):
        load_or_create_keys(tmp_path / "file" / "keys")
