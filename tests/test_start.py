"""A start that goes wrong says in one sentence what to do, ends with exit code 2 and changes nothing."""

import asyncio
import base64
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from bot.alerts import LOOKER_MARK, WATCHED_MARK
from bot.texts import load_texts
from bot.zone import NAME, casablanca
from conversations.care.people import Role
from storage.database import Database, create_engine
from storage.encryption import load_or_create_keys
from storage.schema import OLDEST_CODE_MARK
from storage.vitals import TICKED_MARK
from tests.bot.http.web import Browser
from tests.fake_telegram import FakeTelegram
from tests.service import ROOT, ServiceProcess, clean_environment, run_command

TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"
OTHER_KEYS = "other:" + base64.b64encode(b"o" * 32).decode()
DATABASE = Path("var") / "jisr.sqlite3"
# What SQLite counts, and what a running service notes of itself each minute.
PASSING = ('"sqlite_sequence"', *(f"VALUES('{mark}'" for mark in (TICKED_MARK, LOOKER_MARK, WATCHED_MARK)))
# The close code that tells a page to come back. Source: IANA, WebSocket close code numbers.
# Either brings the page back: the service goes, or what the line was writing was cut off with it.
COME_BACK = {1012, 1013}
INVALID = "This invitation has expired or was already used. Please ask for a new one."


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the service was started once, to copy."""
    folder = tmp_path_factory.mktemp("prepared")
    subprocess.run(
        [sys.executable, "-m", "bot", "migrate"],
        cwd=ROOT,
        env=clean_environment({"JISR_VAR_DIR": str(folder / "var")}),
        check=True,
    )
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A service's folder of the test's own: keys and a database without people."""
    shutil.copytree(prepared, tmp_path / "service")
    return tmp_path / "service"


async def refusal(folder: Path, *arguments: str, **settings: str) -> str:
    """Run the command, which must refuse and leave the folder as it is; return its sentence."""
    before = contents(folder)

    code, out, err = await run_command(*arguments, settings=in_folder(folder, **settings))

    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1, err
    assert err.endswith((".\n", "?\n"))
    assert contents(folder) == before
    return err.strip()


def in_folder(folder: Path, **settings: str) -> dict[str, str]:
    return {"JISR_VAR_DIR": str(folder / "var"), "JISR_PORT": "0", **settings}


def contents(folder: Path) -> dict[str, object]:
    """Return what the files hold. A lock file and SQLite's own bookkeeping tell of nobody."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): rows_of(path)
        for path in files
        if not path.name.endswith((".lock", "-wal", "-shm"))
    }


def rows_of(path: Path) -> object:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return [line for line in connection.iterdump() if not any(each in line for each in PASSING)]
    except sqlite3.DatabaseError:
        return path.read_bytes()


# The first start, with nothing there yet


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"TELEGRAM_TOKEN": "secret-stuff"}, "TELEGRAM_TOKEN does not look like a bot token"),
        ({"JISR_PROT": "9090"}, "JISR_PROT is not a setting: did you mean JISR_PORT?"),
        ({"JISR_ROLES": "web"}, "JISR_ROLES divides the work between processes, which SQLite cannot"),
        (
            {"JISR_CENTRES_FILE": "/nowhere/centres.csv"},
            "/nowhere/centres.csv cannot be read; check the path",
        ),
        ({"DATABASE_URL": "postgresql://jisr:secret-stuff@127.0.0.1:1/jisr"}, "The database does not answer"),
    ],
    ids=["token", "unknown", "roles", "centres", "postgresql"],
)
async def test_a_wrong_setting_is_said_before_anything_is_made(
    settings: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    said = await refusal(tmp_path, "run", **settings)

    assert said.startswith(sentence)
    assert "secret-stuff" not in said


async def test_a_folder_that_cannot_be_made_is_named_as_it_is_written(tmp_path: Path) -> None:
    """Brackets are no markup of the terminal's."""
    (tmp_path / "[red]notes").write_text("a file")

    for settings in (
        {"DATABASE_URL": f"sqlite:///{tmp_path}/[red]notes/jisr.sqlite3"},
        {"JISR_VAR_DIR": f"{tmp_path}/[red]notes/var", "DATABASE_URL": f"sqlite:///{tmp_path}/jisr.sqlite3"},
    ):
        said = await refusal(tmp_path, "run", **settings)

        assert f"{tmp_path}/[red]notes" in said


async def test_a_port_in_use_is_noticed_first(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        said = await refusal(tmp_path, "run", JISR_PORT=str(port))

    assert said.startswith(f"Port {port} on 127.0.0.1 can't be used")
    assert "set JISR_PORT to another port" in said


async def test_a_token_the_server_refuses_is_noticed_first(tmp_path: Path) -> None:
    async with FakeTelegram() as telegram:
        settings = {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": telegram.base_url}

        started = await refusal(tmp_path, "run", **settings)
        invited = await refusal(tmp_path, "invite", "--role", "manager", **settings)

    assert started.startswith("TELEGRAM_TOKEN is not accepted by the Telegram server")
    assert invited == started


async def test_without_compiled_catalogues_it_says_how_to_compile_them(tmp_path: Path) -> None:
    copy_of_the_service(tmp_path, "*.mo")

    said = await refusal_of_the_copy(tmp_path)

    assert said.endswith("Run: python -m bot.catalogues compile\n")


async def test_broken_rules_are_refused_with_the_line(tmp_path: Path) -> None:
    copy_of_the_service(tmp_path)
    rules = tmp_path / "bot" / "data" / "rules.toml"
    lines = rules.read_text(encoding="utf-8").split("\n")
    at = lines.index('id = "E1"') + 1
    lines[at] = 'tag = "sure"'
    rules.write_text("\n".join(lines), encoding="utf-8")

    said = await refusal_of_the_copy(tmp_path)

    assert f'rules.toml, line {at + 1}: "sure" is not known; write one of F, O, P, I, U.' in said


def copy_of_the_service(folder: Path, *left_out: str) -> None:
    for name in ("bot", "storage", "conversations", "locales"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", *left_out))


async def refusal_of_the_copy(folder: Path) -> str:
    """Run the copy, which must refuse before there is a database; return its sentence."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run",
        cwd=folder, env=clean_environment(in_folder(folder)), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip

    _, err = await process.communicate()

    assert process.returncode == 2
    assert err.decode().count("\n") == 1
    assert not (folder / DATABASE).exists()
    return err.decode()


# A service that has been at work


async def test_a_broken_centres_file_leaves_the_centres_as_they_are(folder: Path, tmp_path: Path) -> None:
    centres = tmp_path / "centres.csv"
    centres.write_text((ROOT / "bot" / "data" / "centres.csv").read_text().replace(",open,", ",opened,", 1))

    said = await refusal(folder, "run", JISR_CENTRES_FILE=str(centres))

    assert said.startswith(f"{centres}, line 2")


async def test_a_locked_database_is_said_at_every_door(folder: Path) -> None:
    with sqlite3.connect(folder / DATABASE, isolation_level=None) as other_program:
        other_program.execute("BEGIN EXCLUSIVE")
        commands = (("run",), ("migrate",), ("invite", "--role", "manager"))
        ended = await asyncio.gather(
            *(run_command(*command, settings=in_folder(folder)) for command in commands)
        )

    sentence = "The database is locked by another program: close that program, or try again later.\n"
    assert ended == [(2, "", sentence)] * 3


async def test_a_second_process_on_the_same_database_is_refused(folder: Path, tmp_path: Path) -> None:
    async with ServiceProcess(tmp_path, {"JISR_VAR_DIR": str(folder / "var")}) as service:
        said = await refusal(folder, "run", JISR_PORT=str(service.port))

    assert said.startswith("Another Jisr is already running on this database")


@pytest.mark.parametrize("damage", ["other bytes", "cut"])
async def test_a_damaged_database_is_left_for_a_backup(folder: Path, damage: str) -> None:
    file = folder / DATABASE
    whole = file.read_bytes()
    file.write_bytes(b"no database at all" * 500 if damage == "other bytes" else whole[: len(whole) // 3])

    said = await refusal(folder, "run")

    assert said.startswith("The database file is damaged or no SQLite database: restore a backup")


async def test_a_database_of_a_newer_version_is_left_to_it(folder: Path) -> None:
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("DELETE FROM marks WHERE name = ?", [OLDEST_CODE_MARK])

    said = await refusal(folder, "run")

    assert said.startswith("The database was changed by a newer version of Jisr")


async def test_keys_of_another_database_are_refused(folder: Path) -> None:
    said = await refusal(folder, "run", JISR_KEYS=OTHER_KEYS)

    assert said.startswith("The database was written with other keys than these: restore the key file")


async def test_a_lost_key_file_is_asked_for_and_not_made_anew(folder: Path) -> None:
    """A new one would stand in the way of the copy, and look as if it were the right one."""
    (folder / "var" / "keys").unlink()

    said = await refusal(folder, "run")

    assert said.startswith(f"The key file {folder}/var/keys is missing: put back the database's copy")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--role", "caseworker", "--centre", "atlantis"),
            "There is no centre 'atlantis': use one of",
        ),
        (("--role", "beneficiary"), "Beneficiaries need no invitation"),
        (("--role", "caseworker"), "A caseworker's invitation needs --centre"),
    ],
)
async def test_an_invitation_that_makes_no_sense_is_not_made(
    arguments: tuple[str, ...], sentence: str, folder: Path
) -> None:
    said = await refusal(folder, "invite", *arguments)

    assert said.startswith(sentence)


# A service that runs


@pytest.fixture
async def service(folder: Path, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    """The web chat for real people."""
    settings = {"JISR_VAR_DIR": str(folder / "var"), "JISR_WEB_CHAT": "on"}
    async with ServiceProcess(tmp_path, settings) as service:
        yield service


async def test_an_invitation_works_once_and_only_before_its_date(
    service: ServiceProcess, folder: Path
) -> None:
    french = load_texts()["fr"]
    code, out, _ = await run_command(
        "invite", "--role", "manager", settings=in_folder(folder, JISR_WEB_CHAT="on")
    )
    assert code == 0
    fresh, expired = out.strip().rpartition("start=")[2], await expired_invitation(folder)

    first = await answer_to(service, fresh)
    second = await answer_to(service, fresh)
    third = await answer_to(service, expired)

    assert french.gettext("Welcome. You are a manager here from now on.") in first
    assert french.gettext(INVALID) in second
    assert french.gettext(INVALID) in third


async def expired_invitation(folder: Path) -> str:
    engine = create_engine(f"sqlite+aiosqlite:///{folder / DATABASE}")
    keys = load_or_create_keys(folder / "var" / "keys")
    database = Database(engine, keys, zone=casablanca(), zone_name=NAME)
    now = datetime.now(UTC)
    async with database.transaction() as unit:
        code = await unit.invitations.create(
            Role.CASEWORKER, "sale", now=now - timedelta(days=8), expires_at=now - timedelta(days=1)
        )
    await database.close()
    return code


async def answer_to(service: ServiceProcess, code: str) -> str:
    """Open the link in a browser of its own and return what the chat says, down to its second message."""
    async with aiohttp.ClientSession(
        service.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Accept-Language": "fr"}
    ) as session:
        page = await Browser(session, service.url).opens(start=code)
        await page.sends({"type": "start", "payload": code})
        return await page.said()


async def test_what_it_writes_is_its_users_alone(service: ServiceProcess, folder: Path) -> None:
    await answer_to(service, "")

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder / "var", *(folder / "var").iterdir())
    }

    assert modes == {
        "var": 0o700,
        "keys": 0o600,
        "jisr.lock": 0o600,
        "jisr.sqlite3": 0o600,
        "jisr.sqlite3-wal": 0o600,
        "jisr.sqlite3-shm": 0o600,
    }


async def test_it_stops_when_asked_while_pages_and_a_long_poll_are_open(tmp_path: Path) -> None:
    async with FakeTelegram(token=TOKEN) as telegram:
        settings = {
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": telegram.base_url,
            "JISR_WEB_CHAT": "on",
        }
        async with (
            ServiceProcess(tmp_path, settings) as service,
            aiohttp.ClientSession(service.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        ):
            page = await Browser(session, service.url).opens()
            await page.said()
            await telegram.called("getUpdates")

            async with asyncio.timeout(10):
                code = await service.stop()
            closing = await page.line.receive()
            while closing.type is aiohttp.WSMsgType.TEXT:
                closing = await page.line.receive()

    assert code == 0
    assert closing.type is aiohttp.WSMsgType.CLOSE
    assert closing.data in COME_BACK
    assert '"service_stopped"' in service.logs.splitlines()[-1]
    assert '"level": "error"' not in service.logs


@pytest.mark.parametrize(
    "unused",
    [
        pytest.param("rich pygments", id="what only a terminal needs"),
        pytest.param("sqlalchemy.orm", id="the ORM"),
        pytest.param("babel holidays alembic", id="what tables and catalogues are made with"),
    ],
)
def test_a_service_does_not_carry_what_it_never_uses(unused: str) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, bot.__main__; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(unused.split()).isdisjoint(loaded.stdout.split())


def test_who_asks_sqlalchemy_for_the_orm_gets_it() -> None:
    wanted = subprocess.run(
        [
            sys.executable,
            "-c",
            "import bot.__main__\n"
            "from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine\n"
            "from storage.database import AsyncEngine as ours\n"
            "print(AsyncSession.__name__, ours is AsyncEngine)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert wanted.stdout.split() == ["AsyncSession", "True"]
