"""The fault proxy does what its scenario says: it is asked over HTTP, before a strict platform."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fake_telegram import FakeTelegram, Person
from tests.fault_proxy import SCENARIOS, TELEGRAM, Fault, FaultProxy, Kind, Phase, Scenario, is_json

WAIT_S = 10.0


class Line:
    """A service as the platform sees one: it calls methods, and takes webhooks."""

    def __init__(self, client: aiohttp.ClientSession, telegram: FakeTelegram, proxy: FaultProxy) -> None:
        self.client = client
        self.telegram = telegram
        self.proxy = proxy

    async def calls(self, method: str, **params: Any) -> tuple[int, Any]:
        """Return the status and what was said, as JSON or else as text."""
        url = f"{self.proxy.url}/bot{self.telegram.token}/{method}"
        async with self.client.post(url, data=params) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def sends(self, person: Person, text: str = "hello") -> tuple[int, Any]:
        return await self.calls("sendMessage", chat_id=str(person.id), text=text)

    async def polls(self, offset: int = 0) -> list[Any]:
        _, said = await self.calls("getUpdates", offset=str(offset), timeout="5")
        return list(said["result"])


def day(*faults: Fault, calls: int | None = None) -> Scenario:
    return Scenario(seed=1, phases=(Phase("bad", calls, None, faults),))


@pytest.fixture
def bad() -> Scenario:
    return Scenario()


@pytest.fixture
async def line(bad: Scenario) -> AsyncIterator[Line]:
    async with (
        FakeTelegram() as telegram,
        FaultProxy(telegram.base_url, bad) as proxy,
        aiohttp.ClientSession() as client,
    ):
        yield Line(client, telegram, proxy)


def shown_to(person: Person) -> list[str]:
    return [shown.text for shown in person.chat if shown.from_bot]


@pytest.mark.parametrize("bad", [Scenario()])
async def test_on_a_good_day_nothing_is_changed(line: Line) -> None:
    brahim = line.telegram.user()

    status, said = await line.sends(brahim, "été")
    update_id = await brahim.says("/start")
    updates = await line.polls()

    assert (status, said["result"]["text"]) == (200, "été")
    assert [update["update_id"] for update in updates] == [update_id]
    assert not line.proxy.cut_off


@pytest.mark.parametrize(
    ("bad", "status", "parameters"),
    [
        (day(Fault(Kind.TOO_FAST, retry_after_s=7)), 429, {"retry_after": 7}),
        (day(Fault(Kind.TOO_FAST)), 429, None),
        (day(Fault(Kind.BLOCKED)), 403, None),
        (day(Fault(Kind.MIGRATED, migrate_to=-5)), 400, {"migrate_to_chat_id": -5}),
    ],
)
async def test_the_platform_says_no_in_its_own_way(line: Line, status: int, parameters: Any) -> None:
    brahim = line.telegram.user()

    answered, said = await line.sends(brahim)

    assert (answered, said["error_code"], said.get("parameters")) == (status, status, parameters)
    assert shown_to(brahim) == []


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("kind", [Kind.RESET, Kind.SERVER_ERROR, Kind.NOT_JSON, Kind.HANG])
async def test_an_answer_is_lost_before_or_after_the_platform_has_acted(kind: Kind, accepted: bool) -> None:
    bad = day(Fault(kind, accepted=accepted, most=1))
    limit = aiohttp.ClientTimeout(total=0.5)
    async with (
        FakeTelegram() as telegram,
        FaultProxy(telegram.base_url, bad) as proxy,
        aiohttp.ClientSession(timeout=limit) as client,
    ):
        line, brahim = Line(client, telegram, proxy), telegram.user()
        if kind in (Kind.RESET, Kind.HANG):
            with pytest.raises((aiohttp.ClientError, TimeoutError)):
                await line.sends(brahim)
        else:
            _, said = await line.sends(brahim)
            assert isinstance(said, str)
        assert (await line.sends(brahim, "again"))[0] == 200

        assert shown_to(brahim) == (["hello", "again"] if accepted else ["again"])
        assert proxy.cut_off == ({str(brahim.id): 1} if accepted else {})


@pytest.mark.parametrize("bad", [day(Fault(Kind.CUT_SHORT))])
async def test_an_answer_ends_in_the_middle(line: Line) -> None:
    brahim = line.telegram.user()

    with pytest.raises(aiohttp.ClientPayloadError):
        await line.sends(brahim)

    assert shown_to(brahim) == ["hello"]
    assert line.proxy.cut_off == {str(brahim.id): 1}


@pytest.mark.parametrize("bad", [day(Fault(Kind.SLOW, delay_s=30))])
async def test_who_does_not_wait_for_a_slow_answer_is_counted(line: Line) -> None:
    brahim = line.telegram.user()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(line.sends(brahim), 0.5)

    await line.proxy.until(lambda: bool(line.proxy.cut_off), WAIT_S, "the end of the call")
    assert shown_to(brahim) == ["hello"]


@pytest.mark.parametrize("bad", [day(Fault(Kind.BLOCKED, chats=frozenset({"1002"}), nth=frozenset({2, 3})))])
async def test_a_fault_befalls_those_it_is_for(line: Line) -> None:
    brahim, amina = line.telegram.user(), line.telegram.user(first_name="Amina")

    brahims = [(await line.sends(brahim))[0] for _ in range(4)]
    aminas = [(await line.sends(amina))[0] for _ in range(4)]

    assert brahims == [200] * 4
    assert aminas == [200, 403, 403, 200]


@pytest.mark.parametrize("bad", [day(Fault(Kind.SERVER_ERROR), calls=2)])
async def test_a_phase_ends_after_its_calls(line: Line) -> None:
    brahim = line.telegram.user()

    assert [(await line.sends(brahim))[0] for _ in range(4)] == [502, 502, 200, 200]
    assert line.proxy.day.phase == ""


async def test_the_same_day_can_be_had_again_in_another_order() -> None:
    bad = day(Fault(Kind.SERVER_ERROR, share=0.5))

    async def had(*chats: int) -> dict[int, list[int]]:
        async with (
            FakeTelegram() as telegram,
            FaultProxy(telegram.base_url, bad) as proxy,
            aiohttp.ClientSession() as client,
        ):
            line = Line(client, telegram, proxy)
            people = {number: telegram.user(number) for number in sorted(set(chats))}
            got: dict[int, list[int]] = {number: [] for number in people}
            for number in chats:
                got[number].append((await line.sends(people[number]))[0])
            return got

    one, other = await had(*[1, 2] * 12), await had(*[1] * 12, *[2] * 12)

    assert one == other
    assert set(one[1]) == set(one[2]) == {200, 502}
    assert one[1] != one[2]


@pytest.mark.parametrize("bad", [day(Fault(Kind.DUPLICATE, most=1), Fault(Kind.LATE, most=1, after=2))])
async def test_an_update_comes_twice_and_later_once_more(line: Line) -> None:
    brahim = line.telegram.user()
    update_id = await brahim.says("/start")

    came: list[list[int]] = []
    for _ in range(4):
        came.append([update["update_id"] for update in await line.polls(update_id + 1 if came else 0)])

    assert came == [[update_id, update_id], [], [], [update_id]]


@pytest.mark.parametrize("bad", [day(Fault(Kind.GAP, nth=frozenset({1}), after=1))])
async def test_an_update_is_left_out_and_comes_later(line: Line) -> None:
    brahim = line.telegram.user()
    first, second = await brahim.says("one"), await brahim.says("two")

    came: list[list[int]] = []
    for _ in range(3):
        came.append([update["update_id"] for update in await line.polls(second + 1 if came else 0)])

    assert came == [[second], [], [first]]


@pytest.mark.parametrize("bad", [day(Fault(Kind.GAP, nth=frozenset({1}), after=2))])
async def test_a_lone_update_left_out_is_not_handed_out_meanwhile(line: Line) -> None:
    update_id = await line.telegram.user().says("one")

    came = [[update["update_id"] for update in await line.polls()] for _ in range(4)]

    assert came == [[], [], [], [update_id]]


@pytest.mark.parametrize("bad", [day(Fault(Kind.POISON))])
async def test_every_poison_comes_by_polling_that_can(line: Line) -> None:
    brahim = line.telegram.user()
    names = [name for name, text in TELEGRAM.poison.items() if is_json(text)]
    for name in names:
        await brahim.says(name)
    url = f"{line.proxy.url}/bot{line.telegram.token}/getUpdates"

    async with line.client.post(url) as answer:
        text = await answer.text()

    assert [done.poison for done in line.proxy.done(Kind.POISON)] == names
    assert text.count('"text": "') == len(names)
    assert "hologram" in text


async def test_the_webhook_is_led_here_and_what_it_does_not_take_is_offered_again() -> None:
    taken: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        taken.append((request.headers["X-Telegram-Bot-Api-Secret-Token"], await request.read()))
        return web.Response(status=200 if len(taken) != 2 else 503)

    app = web.Application()
    app.router.add_post("/telegram/webhook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bad = day(Fault(Kind.REORDER, nth=frozenset({1})), Fault(Kind.POISON, nth=frozenset({3})))
    async with (
        FakeTelegram() as telegram,
        FaultProxy(telegram.base_url, bad) as proxy,
        aiohttp.ClientSession() as client,
    ):
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/telegram/webhook"
        line, brahim = Line(client, telegram, proxy), telegram.user()
        async with telegram.out_of_order():
            third, second, first = await brahim.says("3"), await brahim.says("2"), await brahim.says("1")
        await line.calls("setWebhook", url=url, secret_token="s")
        await telegram.drained(WAIT_S)
        await proxy.drained(WAIT_S)
    await runner.cleanup()

    ids = [json.loads(body).get("update_id") for _, body in taken]
    assert {secret for secret, _ in taken} == {"s"}
    assert sorted(set(ids)) == [1, third, second, first]
    assert len(ids) == 5
    assert proxy.inbound_answers == {200: 4, 503: 1}
    assert telegram.refusals == []


@pytest.mark.parametrize("bad", [Scenario()])
async def test_it_goes_down_and_comes_up_at_the_same_place(line: Line) -> None:
    brahim = line.telegram.user()
    await line.sends(brahim)

    await line.proxy.goes_down()
    with pytest.raises(aiohttp.ClientConnectionError):
        await line.sends(brahim)
    await line.proxy.comes_up()

    assert (await line.sends(brahim))[0] == 200


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_scenario_can_be_read(path: Path) -> None:
    scenario = Scenario.read(path)

    assert scenario.seed
    assert any(phase.faults for phase in scenario.phases)


@pytest.mark.parametrize("line_of_toml", ['kind = "comet"', 'kind = "hang"\nsahre = 0.5'])
def test_a_mistake_in_a_scenario_is_refused(line_of_toml: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f'[[phase]]\nname = "x"\n[[phase.fault]]\n{line_of_toml}\n')

    with pytest.raises((TypeError, ValueError)):
        Scenario.read(path)
