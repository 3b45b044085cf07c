"""How many people may be written to first, as the platform says it."""

import pytest
from structlog.testing import capture_logs

from bot.channels.whatsapp_client import GraphClient
from bot.channels.whatsapp_limit import LOWEST, PeopleLimit
from tests.fake_graph import FakeGraph


async def test_the_platform_is_asked_and_each_change_is_told_once() -> None:
    told: list[int | None] = []
    async with (
        FakeGraph() as graph,
        GraphClient(graph.base_url, graph.token, graph.phone_number_id) as client,
    ):
        limit = PeopleLimit(client, told.append)
        with capture_logs() as logs:
            for tier in ("TIER_250", "TIER_2K", "TIER_2K", "TIER_UNLIMITED"):
                graph.tier_name = tier
                assert await limit.ask()

    assert graph.refusals == []
    assert told == [2000, None]
    assert [(line["event"], line["people"]) for line in logs] == [
        ("whatsapp_limit_changed", 2000),
        ("whatsapp_limit_changed", None),
    ]


@pytest.mark.parametrize("tier", ["TIER_OF_TOMORROW", None])
async def test_what_is_not_understood_changes_nothing(tier: str | None) -> None:
    told: list[int | None] = []
    async with (
        FakeGraph() as graph,
        GraphClient(graph.base_url, graph.token, graph.phone_number_id) as client,
    ):
        graph.tier_name = tier
        limit = PeopleLimit(client, told.append)

        assert not await limit.ask()

    assert (limit.people, told) == (LOWEST, [])


async def test_without_an_answer_it_is_asked_again() -> None:
    async with GraphClient("http://127.0.0.1:1/v26.0", "secret", "1") as client:
        limit = PeopleLimit(client, pytest.fail)

        assert not await limit.ask()
