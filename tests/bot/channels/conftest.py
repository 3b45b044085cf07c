"""The platforms of Telegram and WhatsApp, each anew for every test, which may ask for what they refuse."""

from collections.abc import AsyncIterator

import pytest

from tests.fake_graph import FakeGraph
from tests.fake_telegram import FakeTelegram


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as telegram:
        yield telegram


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    async with FakeGraph() as graph:
        yield graph
