"""What the wiring refuses before anything is served, and what it warns of."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.app import opened
from bot.settings import Settings, load_settings
from conversations.care.rules import Change
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


async def test_a_published_change_that_no_longer_fits_is_logged_at_the_start(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    async with opened(settings(tmp_path, OLD)) as service, service.database.transaction() as unit:
        karim, _ = await unit.addresses.find_or_create("telegram", "karim", now=now)
        for entry in ("P2", "P99"):
            await unit.content.draft(karim.id, Change(entry, "open", True), before=None, now=now)
        await unit.content.publish(karim.id, now=now)

    with capture_logs() as logs:
        async with opened(settings(tmp_path, OLD)) as service, service.database.transaction() as unit:
            edition = service.voice.world.editions.of(await unit.content.published())

    assert [each["entries"] for each in logs if each["event"] == "changes_skipped"] == ["P99"]
    assert {each.id: each.open for each in edition.rules.programmes}["P2"] is True
