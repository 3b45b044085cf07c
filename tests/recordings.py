"""Recordings made here: tiny files of Ogg Opus, a page at a time, and folders that hold them."""

from dataclasses import dataclass
from pathlib import Path

from bot.clips import Place, Recordings, read_recordings
from conversations.care.clips import Script, words_hash

# Opus' own sign for a frame without sound: 20 ms of silence, 960 samples.
SILENCE = b"\xf8\xff\xfe"
FRAME_SAMPLES = 960
FIRST, LAST = 2, 4


def page(body: bytes, *, kind: int = 0, granule: int = 0, number: int = 0, serial: int = 7) -> bytes:
    """Return a page of Ogg that holds one packet of less than 65 kB. Source: RFC 3533, section 6."""
    lengths = [255] * (len(body) // 255) + [len(body) % 255]
    parts = [
        b"OggS\0" + bytes([kind]),
        granule.to_bytes(8, "little"),
        serial.to_bytes(4, "little"),
        number.to_bytes(4, "little"),
    ]
    before, after = b"".join(parts), bytes([len(lengths), *lengths]) + body
    return before + _checksum(before + bytes(4) + after).to_bytes(4, "little") + after


def _checksum(content: bytes) -> int:
    value = 0
    for byte in content:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ 0x104C11DB7 if value & 0x80000000 else value << 1
    return value & 0xFFFFFFFF


def opus_head(*, channels: int = 1, serial: int = 7) -> bytes:
    """Return the page that a stream begins with. Source: RFC 7845, section 5.1."""
    head = b"OpusHead" + bytes([1, channels]) + (312).to_bytes(2, "little") + (48_000).to_bytes(4, "little")
    return page(head + bytes(3), kind=FIRST, serial=serial)


def opus_tags() -> bytes:
    vendor = b"jisr"
    return page(b"OpusTags" + len(vendor).to_bytes(4, "little") + vendor + bytes(4), number=1)


def opus(*, channels: int = 1, frames: int = 50) -> bytes:
    """Return a whole recording, by default of a second of silence."""
    sound = [
        page(SILENCE, kind=LAST if n == frames else 0, granule=n * FRAME_SAMPLES, number=n + 1)
        for n in range(1, frames + 1)
    ]
    return opus_head(channels=channels) + opus_tags() + b"".join(sound)


@dataclass(frozen=True)
class Studio:
    """A folder laid out as an operator's place."""

    folder: Path

    @property
    def place(self) -> Place:
        return Place.own(self.folder)

    def holds(self, language: str, script: Script, content: bytes | None = None) -> Path:
        """Put a recording there that reads the text as it now is, with its entry."""
        path = self.file(f"{language}/{script.name}.ogg", opus() if content is None else content)
        self.lists(language, script.name, reads=words_hash(script.said[language]))
        return path

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def lists(self, language: str, name: str, *, reads: str = "0" * 16, more: str = "") -> None:
        path = self.folder / "clips" / "clips.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(
            f'{before}[[clip]]\nname = "{name}"\nlanguage = "{language}"\nreader = "Chama"\n'
            f'date = 2026-11-22\nreads = "{reads}"\n{more}\n',
            encoding="utf-8",
        )

    def read(self) -> Recordings:
        return read_recordings(self.place)
