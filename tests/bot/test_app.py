"""What the wiring refuses before anything is served."""

import base64
from pathlib import Path

import pytest

from bot.app import opened
from bot.settings import Settings, load_settings
from storage.errors import KeysBroken

OLD = "old:" + base64.b64encode(b"o" * 32).decode()
NEW = "new:" + base64.b64encode(b"n" * 32).decode()


def settings(folder: Path, keys: str) -> Settings:
    return load_settings({"JISR_VAR_DIR": str(folder / "var"), "JISR_KEYS": keys}, env_file=None)


async def test_a_key_that_wrote_values_is_asked_for(tmp_path: Path) -> None:
    """The oldest key alone finds everybody, but can't read what the newer one wrote."""
    for keys in (OLD, f"{NEW},{OLD}", f"{NEW},{OLD}"):
        async with opened(settings(tmp_path, keys)):
            pass

    with pytest.raises(KeysBroken, match="the key new, which is not among these"):
        async with opened(settings(tmp_path, OLD)):
            pass
