"""What every test of the body starts with."""

from weakref import WeakSet

import pytest

from bot.turns import Trouble


@pytest.fixture(autouse=True)
def nobody_has_told_of_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of an earlier test, still in memory, has not told of this one's lost database."""
    monkeypatch.setattr(Trouble, "_told", WeakSet())
