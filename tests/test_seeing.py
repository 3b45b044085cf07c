"""The real service seen from outside: health, figures, the dead man's check, systemd and the doctor."""

import asyncio
import json
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from bot.systemd import READY, STOPPING
from tests.fake_telegram import FakeTelegram
from tests.service import ServiceProcess, free_port, run_command
from tests.telegram_people import TOKEN, Phone, invited, settings_with

# Only ends a test that has failed.
PATIENCE_S = 60


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(token=TOKEN) as telegram:
        yield telegram


@pytest.fixture
async def beats() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A monitoring service: its address, and what is set when it is called."""
    heard = asyncio.Event()

    async def take(_: web.Request) -> web.Response:
        heard.set()
        return web.Response()

    app = web.Application()
    app.router.add_get("/check", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/check", heard
    await runner.cleanup()


@pytest.fixture
def systemd() -> Iterator[tuple[str, socket.socket]]:
    folder = Path(f"/tmp/jisr-{os.getpid()}-notify")  # noqa: S108 - a socket's path holds 108 bytes at most
    folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(folder / "line"))
        line.settimeout(PATIENCE_S)
        yield str(folder / "line"), line
    shutil.rmtree(folder)


async def figures(url: str, **headers: str) -> dict[str, float]:
    async with aiohttp.ClientSession(headers=headers) as client, client.get(f"{url}/metrics") as answer:
        assert answer.status == 200
        page = await answer.text()
    return {
        "/".join([sample.name, *(value for _, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


async def figures_with(name: str, least: float, *, url: str) -> dict[str, float]:
    """Look until a figure is there and large enough, and return all of them."""
    while True:
        seen = await figures(url)
        if seen.get(name, -1) >= least:
            return seen
        # Nothing tells from outside that a figure has changed but asking for it.
        await asyncio.sleep(0.05)


async def status(url: str, path: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(f"{url}{path}") as answer:
        return answer.status


async def test_a_service_that_works_can_be_seen_to(
    telegram: FakeTelegram,
    database_url: str,
    tmp_path: Path,
    beats: tuple[str, asyncio.Event],
    systemd: tuple[str, socket.socket],
) -> None:
    """Brahim says hello; whoever runs the service sees it from every side, and it ends as it was told to."""
    beat_url, heard = beats
    notify, line = systemd
    health_port = free_port()
    settings = {
        **settings_with(telegram, database_url),
        "JISR_HEALTH_PORT": str(health_port),
        "JISR_HEARTBEAT_URL": beat_url,
        "NOTIFY_SOCKET": notify,
    }
    async with ServiceProcess(tmp_path, settings) as service:
        brahim = Phone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
        await brahim.says("/start")
        await brahim.taps("fr")
        async with asyncio.timeout(PATIENCE_S):
            await heard.wait()
            # What was shown may not have been answered for.
            seen = await figures_with("jisr_sends_total/telegram/sent", 2, url=service.url)

        assert seen["jisr_updates_stored_total/telegram"] == 2
        assert seen["jisr_turns_total/answered"] == 2
        assert seen["jisr_turn_seconds_count"] == 2
        assert seen["jisr_answer_sent_seconds_count"] == 2
        assert seen["jisr_send_seconds_count/interactive"] == 2
        assert seen["jisr_leader/ticks"] == 1
        assert seen["jisr_database_up"] == 1
        assert seen["jisr_inbox_waiting"] == 0
        assert seen["jisr_last_tick_age_seconds"] < PATIENCE_S
        for url in (service.url, f"http://127.0.0.1:{health_port}"):
            assert [await status(url, path) for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        assert await status(f"http://127.0.0.1:{health_port}", "/chat") == 404

        environment = {"JISR_VAR_DIR": str(tmp_path / "var"), **settings, "JISR_PORT": str(service.port)}
        code, out, err = await run_command("doctor", "--json", settings=environment)
        found = {each["about"]: each["grade"] for each in json.loads(out)["findings"]}
        assert code == 1, err  # nobody of the staff has come in
        assert (found["service"], found["telegram"], found["webhook"]) == ("good", "good", "good")
        assert found["staff"] == "warning"
        assert "bad" not in found.values()

        assert await service.stop() == 0
    said = [line.recv(100).decode() for _ in range(2)]
    assert said == [READY, STOPPING]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_bad_moment_stands_among_the_figures(
    telegram: FakeTelegram, database_url: str, tmp_path: Path
) -> None:
    """The platform says "too fast" once, and once cuts its answer off."""
    async with ServiceProcess(tmp_path, settings_with(telegram, database_url)) as service:
        brahim = Phone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
        telegram.fail_next("sendMessage", 429, retry_after=1)
        await brahim.says("/start")
        telegram.accept_then_reset_next("sendMessage")
        await brahim.says("/start")
        async with asyncio.timeout(PATIENCE_S):
            seen = await figures_with("jisr_sends_total/telegram/sent", 2, url=service.url)

    assert seen["jisr_rate_limit_hits_total/telegram"] == 1
    assert seen["jisr_unclear_sends_total/telegram"] == 1
    assert seen["jisr_sends_total/telegram/failed_temporary"] >= 2


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_behind_a_public_address_the_figures_need_the_token(
    telegram: FakeTelegram, database_url: str, tmp_path: Path
) -> None:
    """Somebody tries the webhook without its secret; only who knows the token can see that."""
    token = "a-token-for-tests-only"
    settings = {**settings_with(telegram, database_url), "JISR_METRICS_TOKEN": token}
    async with ServiceProcess(tmp_path, {**settings, "PUBLIC_URL": "https://jisr.example.org"}) as service:
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{service.url}/telegram/webhook", data=b"{}") as answer,
        ):
            assert answer.status == 401
        assert await status(service.url, "/metrics") == 401
        seen = await figures(service.url, Authorization=f"Bearer {token}")

    assert seen["jisr_webhook_refused_total/telegram/wrong_secret"] == 1
    assert token not in service.logs


async def test_an_administrator_hears_of_a_standstill(
    telegram: FakeTelegram, database_url: str, tmp_path: Path
) -> None:
    """Idriss runs the service; the process is killed, and he hears of it from the next one."""
    settings = settings_with(telegram, database_url)
    idriss = Phone(telegram, telegram.user(first_name="Idriss", language_code="en"))
    environment = {"JISR_VAR_DIR": str(tmp_path / "var"), **settings}
    async with ServiceProcess(tmp_path, settings) as service:
        await idriss.says(await invited("administrator", settings=environment))
        await idriss.taps("en")
        async with asyncio.timeout(PATIENCE_S):
            await figures_with("jisr_last_tick_age_seconds", 0, url=service.url)
        await service.kill()

        await service.start()

        await idriss.finds("The process that sent reminders was suddenly gone. Another one has taken over.")


async def test_a_service_that_is_told_to_stop_says_so_before_it_is_gone(
    telegram: FakeTelegram, database_url: str, tmp_path: Path
) -> None:
    """A message is on its way and takes its time: meanwhile nobody may be sent to this process."""
    async with ServiceProcess(tmp_path, settings_with(telegram, database_url)) as service:
        telegram.hang_next("sendMessage")
        brahim = Phone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
        await brahim.person.says("/start")
        await telegram.called("sendMessage", timeout_s=PATIENCE_S)
        os.kill(service.pid, signal.SIGTERM)

        async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as client:
            while True:
                async with client.get(f"{service.url}/readyz") as answer:
                    if answer.status == 503:
                        assert "stopping" in (await answer.json())["reasons"]
                        break
        assert await status(service.url, "/healthz") == 200
