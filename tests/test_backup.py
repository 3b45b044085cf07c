"""Backing up and restoring on the command line, beside the real service and after its end."""

import asyncio
import base64
import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.backup import DailyBackup
from bot.clock import SystemClock
from bot.zone import NAME, casablanca
from storage.database import Database, create_engine
from storage.encryption import KeyRing, load_or_create_keys
from tests.conftest import PostgresServer
from tests.fake_telegram import FakeTelegram
from tests.service import ROOT, ServiceProcess, as_setting, clean_environment, run_command
from tests.telegram_people import FIRST, KEYS, TOKEN, Phone, calls_to, ids, settings_with

OTHER_KEYS = "other:" + base64.b64encode(b"o" * 32).decode()


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(token=TOKEN) as telegram:
        yield telegram


@pytest.fixture
async def other_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A database that was never used, of the other kind."""
    if backend == "postgresql":
        yield f"sqlite+aiosqlite:///{tmp_path}/moved/jisr.sqlite3"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    yield await server.create("moved", migrated=False)
    await server.drop("moved")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """The folder of the machine on which the backup is restored."""
    (tmp_path / "second").mkdir()
    return tmp_path / "second"


@asynccontextmanager
async def crowd(telegram: FakeTelegram, size: int) -> AsyncIterator[None]:
    """Have people ask for the menu, again and again, while the block runs; everybody is answered."""
    enough = asyncio.Event()

    async def goes_on(phone: Phone) -> None:
        await phone.says("/start")
        await phone.taps("en", "agree")
        while not enough.is_set():
            assert "What can we do for you?" in (await phone.says("/menu")).text

    async with asyncio.TaskGroup() as people:
        for number in range(size):
            people.create_task(goes_on(Phone(telegram, telegram.user(first_name=f"Visitor {number}"))))
        yield
        enough.set()


async def test_after_a_restore_people_go_on_where_they_were(
    telegram: FakeTelegram, database_url: str, other_url: str, second: Path, tmp_path: Path
) -> None:
    settings = settings_with(telegram, database_url)
    brahim = Phone(telegram, telegram.user(first_name="Brahim", language_code="fr"))
    hind = Phone(telegram, telegram.user(first_name="Hind", language_code="fr"))
    async with ServiceProcess(tmp_path, settings) as service:
        for phone in (brahim, hind):
            await phone.says("/start")
            days = await phone.taps("en", "agree", "booking", "job", "Salé")
        async with crowd(telegram, 3):
            code, said, complaint = await run_command(
                "backup", "--to", str(tmp_path / "safe"), settings=service.settings
            )
        assert (code, complaint) == (0, "")
        # After the backup Brahim comes a little further.
        times = await brahim.taps(FIRST)
        assert ids(times) != ids(days)
        assert await service.stop() == 0
    (backup,) = (tmp_path / "safe").iterdir()
    assert str(backup) in said
    assert "keys, which are not in it: keep JISR_KEYS elsewhere" in said
    sent = len(calls_to(hind))

    moved = {**settings, "DATABASE_URL": as_setting(other_url), "JISR_VAR_DIR": str(second / "var")}
    code, said, complaint = await run_command("restore", str(backup), settings=moved)
    assert (code, complaint) == (0, "")
    assert said.startswith("Restored ")

    async with ServiceProcess(second, moved):
        assert "The centre has your request." in (await hind.taps(FIRST, FIRST, "yes")).text
        # His last button is from a time that was lost: he is shown where he was then.
        assert ids(await brahim.taps(FIRST)) == ids(days)
        assert "The centre has your request." in (await brahim.taps(FIRST, 1, "yes")).text
    # One edit and one acknowledgement a tap, and nothing that had been sent before.
    assert len(calls_to(hind)) == sent + 3
    assert telegram.refusals == []


async def test_nothing_is_restored_under_a_running_service(
    telegram: FakeTelegram, database_url: str, tmp_path: Path, backend: str
) -> None:
    async with ServiceProcess(tmp_path, settings_with(telegram, database_url)) as service:
        await run_command("backup", "--to", str(tmp_path / "safe"), settings=service.settings)
        (backup,) = (tmp_path / "safe").iterdir()
        code, said, complaint = await run_command("restore", str(backup), settings=service.settings)

    assert (code, said) == (2, "")
    assert complaint.startswith(
        "Another Jisr is already running" if backend == "sqlite" else "The database is in use"
    )


async def test_the_days_backup_is_made_once(database_url: str, tmp_path: Path) -> None:
    settings = {
        "DATABASE_URL": as_setting(database_url),
        "JISR_KEYS": KEYS,
        "JISR_VAR_DIR": str(tmp_path / "var"),
        "JISR_WEB_CHAT": "on",
        "JISR_BACKUP_DIR": str(tmp_path / "safe"),
    }
    engine = create_engine(database_url)
    database = Database(engine, KeyRing.from_text(KEYS), zone=casablanca(), zone_name=NAME)
    daily = DailyBackup(database, SystemClock(), environ=clean_environment(settings))

    await daily.make_if_due()
    await daily.make_if_due()

    assert len(list((tmp_path / "safe").iterdir())) == 1
    await engine.dispose()


# On SQLite, without a service


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service's folder with a database of some 3 MB and a backup of it."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = {"JISR_VAR_DIR": str(folder), "JISR_WEB_CHAT": "on"}
    run(settings, "migrate")
    keys = load_or_create_keys(folder / "keys")
    text = hashlib.shake_256(b"jisr").hexdigest(1000)
    with sqlite3.connect(folder / "jisr.sqlite3") as connection:
        connection.executemany(
            "INSERT INTO inbox (channel, update_key, lane, payload_enc, received_at) "
            "VALUES ('telegram', ?, x'00', ?, '2026-11-22 00:00:00.000000')",
            ((f"{number}", keys.encrypt(text, about="inbox.payload")) for number in range(1000)),
        )
    connection.close()
    run(settings, "backup")
    return folder


@pytest.fixture
def settings(prepared: Path, tmp_path: Path) -> dict[str, str]:
    """The settings of a service of the test's own."""
    subprocess.run(["cp", "-r", str(prepared), str(tmp_path / "var")], check=True)  # noqa: S603, S607 - our own
    return {"JISR_VAR_DIR": str(tmp_path / "var"), "JISR_WEB_CHAT": "on"}


@pytest.fixture
def backup(settings: dict[str, str]) -> Path:
    """The one that was made before the test."""
    (made,) = Path(settings["JISR_VAR_DIR"], "backups").iterdir()
    return made


def run(settings: dict[str, str], *arguments: str, largest_kib: int | None = None) -> tuple[int, str, str]:
    """Run a command, when told with a disk that takes no larger file; return exit code, output and error."""
    limit = f"ulimit -f {largest_kib}; " if largest_kib else ""
    done = subprocess.run(  # noqa: S603 - our own
        ["/bin/bash", "-c", f'{limit}exec "$@"', "jisr", sys.executable, "-m", "bot", *arguments],
        cwd=ROOT, env=clean_environment(settings), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def backups_in(folder: Path) -> list[Path]:
    return sorted((folder / "var" / "backups").iterdir())


def updates_in(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        return int(connection.execute("SELECT count(*) FROM inbox").fetchone()[0])


def rows_in(database: Path) -> list[str]:
    with sqlite3.connect(database) as connection:
        return [line for line in connection.iterdump() if "sqlite_sequence" not in line]


def test_a_backup_goes_to_the_services_folder_and_old_ones_leave_it(
    settings: dict[str, str], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    for days in (1, 13, 15, 40):
        name = f"jisr-{now - timedelta(days=days):%Y-%m-%dT%H-%M-%S}Z.backup"
        (tmp_path / "var" / "backups" / name).touch()
    before = set(backups_in(tmp_path))

    code, said, complaint = run(settings, "backup")

    assert (code, complaint) == (0, "")
    assert len(backups_in(tmp_path)) == 4
    (newest,) = set(backups_in(tmp_path)) - before
    assert str(newest) in said
    assert f"keep a copy of {tmp_path}/var/keys elsewhere" in said
    assert stat.S_IMODE(newest.stat().st_mode) == 0o600


def test_the_days_backup_says_in_the_log_what_became_of_it(settings: dict[str, str], tmp_path: Path) -> None:
    code, said, line = run(settings, "backup", "--daily")

    assert (code, said, line.count("\n")) == (0, "", 1)
    assert '"event": "backup_made"' in line
    assert "[hidden]" not in line

    code, said, line = run({**settings, "JISR_BACKUP_DIR": "/proc/nowhere"}, "backup", "--daily")

    assert (code, said, line.count("\n")) == (2, "", 1)
    assert '"event": "backup_failed"' in line
    assert "can't be written in /proc/nowhere" in line


@pytest.mark.parametrize(
    ("largest_kib", "sentence"),
    [(600, "The backup can't be written in"), (2300, "The backup could not be checked, and was not kept")],
    ids=["the backup", "its check"],
)
def test_a_full_disk_leaves_the_last_backup_as_it_is(
    settings: dict[str, str], backup: Path, tmp_path: Path, largest_kib: int, sentence: str
) -> None:
    before = backup.read_bytes()
    assert 600 < len(before) // 1024 < 2300 < (tmp_path / "var" / "jisr.sqlite3").stat().st_size // 1024

    code, said, complaint = run(settings, "backup", largest_kib=largest_kib)

    assert (code, said) == (2, "")
    assert complaint.startswith(sentence)
    assert complaint.count("\n") == 1
    assert backups_in(tmp_path) == [backup]
    assert backup.read_bytes() == before
    assert not list((tmp_path / "var").glob(".jisr*"))


def test_a_full_disk_leaves_the_database_as_it_is(
    settings: dict[str, str], backup: Path, tmp_path: Path
) -> None:
    before, files = rows_in(tmp_path / "var" / "jisr.sqlite3"), os.listdir(tmp_path / "var")

    code, said, complaint = run(settings, "restore", str(backup), "--replace", largest_kib=2300)

    assert (code, said) == (2, "")
    assert complaint.startswith(f"The folder {tmp_path}/var can't be written")
    assert rows_in(tmp_path / "var" / "jisr.sqlite3") == before
    assert sorted(os.listdir(tmp_path / "var")) == sorted({*files, "jisr.lock"})


def test_a_database_in_use_is_replaced_when_told_to_and_kept(
    settings: dict[str, str], backup: Path, tmp_path: Path
) -> None:
    database = tmp_path / "var" / "jisr.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM inbox WHERE id > 10")
    connection.close()

    assert run(settings, "restore", str(backup))[0] == 2
    code, said, complaint = run(settings, "restore", str(backup), "--replace")

    assert (code, complaint) == (0, "")
    (kept,) = (tmp_path / "var").glob("jisr-until-*.sqlite3")
    assert f"The database before is kept as {kept}:" in said
    assert (updates_in(database), updates_in(kept)) == (1000, 10)
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert run(settings, "staff")[0] == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"JISR_KEYS": OTHER_KEYS}, "The backup was made with the key "),
        (
            {"JISR_VAR_DIR": "{folder}/elsewhere"},
            "There is no key file {folder}/elsewhere/keys, and a backup holds",
        ),
    ],
    ids=["other keys", "no keys"],
)
def test_without_the_keys_nothing_is_restored_and_none_are_made(
    settings: dict[str, str], backup: Path, tmp_path: Path, changed: dict[str, str], sentence: str
) -> None:
    before = rows_in(tmp_path / "var" / "jisr.sqlite3")
    changed = {name: value.format(folder=tmp_path) for name, value in changed.items()}

    code, said, complaint = run({**settings, **changed}, "restore", str(backup), "--replace")

    assert (code, said) == (2, "")
    assert complaint.startswith(sentence.format(folder=tmp_path))
    assert rows_in(tmp_path / "var" / "jisr.sqlite3") == before
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("settings_given", "sentence"),
    [
        ({}, "There is no database {folder}/nowhere/jisr.sqlite3: set JISR_VAR_DIR or DATABASE_URL"),
        (
            {"DATABASE_URL": "postgresql://127.0.0.1:1/jisr"},
            "Say where to, with --to FOLDER or JISR_BACKUP_DIR.",
        ),
        ({"JISR_BACKUP_KEEP": "400"}, "JISR_BACKUP_KEEP must be less than or equal to 60."),
    ],
    ids=["no database", "nowhere to go", "kept for too long"],
)
def test_a_backup_that_makes_no_sense_is_refused_in_a_sentence(
    tmp_path: Path, settings_given: dict[str, str], sentence: str
) -> None:
    settings = {"JISR_VAR_DIR": str(tmp_path / "nowhere"), "JISR_WEB_CHAT": "on", **settings_given}

    code, said, complaint = run(settings, "backup")

    assert (code, said) == (2, "")
    assert complaint.startswith(sentence.format(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []
