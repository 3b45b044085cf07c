"""What `jisr doctor` finds, and what it says to do about it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot import doctor
from bot.doctor import Finding, Grade, as_json, as_lines, examine, worst
from bot.settings import Settings, load_settings
from bot.zone import NAME, ZoneDataWrong, casablanca
from conversations.care.clips import question_script
from conversations.care.hours import PUBLIC_OFFICE_RULES
from conversations.care.people import Role
from conversations.care.rules import Change
from storage.database import Database, create_engine
from storage.encryption import KeyRing
from storage.errors import DatabaseUnreachable
from storage.inbox import NewUpdate
from storage.vitals import BACKUP_MARK, TICKED_MARK
from tests.fake_graph import FakeGraph
from tests.fakes import real_world
from tests.recordings import Studio
from tests.service import as_setting
from tests.storage.conftest import centre_row
from tests.telegram_people import KEYS, TOKEN
from tests.whatsapp_people import settings_with

PUBLIC = "https://jisr.example.org"
OTHER_KEYS = "other:b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28="


@dataclass
class Clinic:
    """A service's database and settings, as the doctor finds them."""

    url: str
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        own = {
            "DATABASE_URL": as_setting(self.url),
            "JISR_VAR_DIR": str(self.folder),
            "JISR_KEYS": KEYS,
            "JISR_WEB_CHAT": "on",
        }
        return load_settings({**own, **self.environ}, env_file=None)

    async def finds(self, about: str) -> list[tuple[Grade, str]]:
        """Return what is found about one thing."""
        return [(each.grade, each.sentence) for each in await examine(self.settings) if each.about == about]

    async def has(self, **marks: str | datetime) -> None:
        engine = create_engine(self.url)
        keys = KeyRing.from_text(KEYS)
        async with Database(engine, keys, zone=casablanca(), zone_name=NAME).transaction() as unit:
            for name, value in marks.items():
                await unit.marks.set(name, value if isinstance(value, str) else value.isoformat())
        await engine.dispose()

    def database(self) -> Database:
        return Database(create_engine(self.url), KeyRing.from_text(KEYS), zone=casablanca(), zone_name=NAME)


@pytest.fixture
def clinic(database_url: str, tmp_path: Path) -> Clinic:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o700)
    return Clinic(database_url, folder)


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


async def test_a_service_that_is_well_has_nothing_but_good_findings(clinic: Clinic) -> None:
    clinic.folder.parent.chmod(0o700)
    keys = KeyRing.from_text(KEYS)
    await clinic.has(**{TICKED_MARK: ago(seconds=20), BACKUP_MARK: ago(hours=3), "keys": keys.sign})
    database = clinic.database()
    async with database.transaction() as unit:
        await unit.centres.load([centre_row()])
        await unit.centres.set_address("sale", "12, rue de l'Exemple")
        await unit.centres.set_phone("sale", "+212 5 00 00 00 00")
        await unit.centres.set_rules("sale", PUBLIC_OFFICE_RULES)
        for name, role, centre in (("driss", Role.CASEWORKER, "sale"), ("idriss", Role.ADMINISTRATOR, None)):
            contact, _ = await unit.addresses.find_or_create("telegram", name, now=ago(days=1))
            await unit.contacts.make_staff(contact.id, role, centre)
    await database.engine.dispose()

    findings = await examine(clinic.settings)

    assert [line for line in as_lines(findings) if not line.startswith("✓ ")] == []
    assert worst(findings) is Grade.GOOD


async def test_nothing_is_written(clinic: Clinic) -> None:
    before = sorted(clinic.folder.rglob("*"))

    await examine(clinic.settings)

    assert sorted(clinic.folder.rglob("*")) == before
    async with doctor._opened(clinic.settings) as connection:
        with pytest.raises((DatabaseUnreachable, DBAPIError)):
            await connection.execute(text("DELETE FROM marks"))


async def test_a_machine_where_nothing_ever_ran_is_told_what_is_missing(tmp_path: Path) -> None:
    settings = load_settings({"JISR_VAR_DIR": str(tmp_path / "var")}, env_file=None)

    said = [each.sentence for each in await examine(settings) if each.grade is Grade.WARNING]

    assert said[0].startswith(f"There is no key file {tmp_path}/var/keys")
    assert said[1].startswith(f"There is no database {tmp_path}/var/jisr.sqlite3 yet")
    assert not (tmp_path / "var").exists()


async def test_a_database_nobody_prepared_is_empty(empty_database_url: str, tmp_path: Path) -> None:
    if "sqlite" in empty_database_url:
        engine = create_engine(empty_database_url)
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        await engine.dispose()

    ((grade, sentence),) = await Clinic(empty_database_url, tmp_path).finds("database")

    assert (grade, sentence) == (Grade.WARNING, "The database is empty: the first start prepares it.")


async def test_a_database_that_does_not_answer_is_bad(clinic: Clinic) -> None:
    clinic.environ["DATABASE_URL"] = "postgresql://jisr:s3cret@127.0.0.1:1/jisr"

    ((grade, sentence),) = await clinic.finds("database")

    assert grade is Grade.BAD
    assert sentence.startswith("The database does not answer: check that it runs")
    assert "s3cret" not in sentence


async def test_a_schema_of_another_version_is_named(clinic: Clinic) -> None:
    engine = create_engine(clinic.url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("DELETE FROM marks WHERE name = 'oldest_code'"))
    await engine.dispose()

    ((grade, sentence),) = await clinic.finds("schema")

    assert grade is Grade.BAD
    assert "newer version" in sentence


async def test_other_keys_than_the_databases_are_bad(clinic: Clinic) -> None:
    await clinic.has(keys=KeyRing.from_text(KEYS).sign)
    clinic.environ["JISR_KEYS"] = OTHER_KEYS

    *_, (grade, sentence) = await clinic.finds("keys")

    assert grade is Grade.BAD
    assert "written with other keys" in sentence


async def test_a_key_file_others_can_read_is_bad(clinic: Clinic) -> None:
    clinic.environ["JISR_KEYS"] = ""
    (clinic.folder / "keys").write_text(KEYS)
    (clinic.folder / "keys").chmod(0o644)

    (grade, sentence), *_ = await clinic.finds("keys")

    assert grade is Grade.BAD
    assert f"chmod 600 {clinic.folder}/keys" in sentence
    assert KEYS.partition(":")[2] not in sentence


@pytest.mark.parametrize(
    ("free", "grade"), [(50_000_000_000, "good"), (1_000_000_000, "warning"), (300_000_000, "bad")]
)
async def test_a_disk_that_fills_up_is_noticed(
    free: int, grade: str, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "free_bytes_of", lambda _: free)

    assert [found for found, _ in await clinic.finds("disk")] == [grade]


async def test_wrong_time_zone_data_are_bad(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        raise ZoneDataWrong("The time zone data are out of date: install tzdata 2026.3.")

    monkeypatch.setattr(doctor, "check_zone", check)

    assert await clinic.finds("time_zone") == [
        (Grade.BAD, "The time zone data are out of date: install tzdata 2026.3.")
    ]


async def test_a_service_that_does_not_run_is_noticed(clinic: Clinic) -> None:
    ((never, _),) = await clinic.finds("service")
    await clinic.has(**{TICKED_MARK: ago(hours=5)})
    ((stopped, sentence),) = await clinic.finds("service")

    assert (never, stopped) == (Grade.WARNING, Grade.BAD)
    assert sentence.startswith("No process has ticked for 5 hours: start the service")


async def test_updates_that_wait_are_noticed(clinic: Clinic) -> None:
    database = clinic.database()
    async with database.transaction() as unit:
        await unit.inbox.add([NewUpdate("telegram", "1", b"l" * 32, "{}")], now=ago(minutes=10))
    await database.engine.dispose()

    ((grade, sentence),) = await clinic.finds("updates")

    assert grade is Grade.BAD
    assert sentence.startswith("1 updates wait, the oldest for 10 minutes")


async def test_a_backups_age_is_told(clinic: Clinic) -> None:
    clinic.environ["JISR_BACKUP_DIR"] = str(clinic.folder / "backups")
    ((none, _),) = await clinic.finds("backup")
    await clinic.has(**{BACKUP_MARK: ago(hours=3)})
    ((good, told),) = await clinic.finds("backup")
    await clinic.has(**{BACKUP_MARK: ago(hours=37)})
    ((old, _),) = await clinic.finds("backup")

    assert (none, good, old) == (Grade.WARNING, Grade.GOOD, Grade.BAD)
    assert told == "The last verified backup is 3 hours old."


async def test_a_published_change_that_no_longer_fits_is_named(clinic: Clinic) -> None:
    database = clinic.database()
    async with database.transaction() as unit:
        karim, _ = await unit.addresses.find_or_create("telegram", "karim", now=ago(days=1))
        for change in (Change("P2", "open", True), Change("P99", "name", "Projets", "fr")):
            await unit.content.draft(karim.id, change, before=None, now=ago(hours=2))
        await unit.content.publish(karim.id, now=ago(hours=1))
    await database.engine.dispose()

    ((grade, sentence),) = await clinic.finds("content")

    assert grade is Grade.WARNING
    assert "not shown (P99 is nothing that can be changed): they write it again" in sentence


async def test_recordings_are_counted_and_those_of_other_words_named(clinic: Clinic) -> None:
    questions = real_world().questions
    for question_id in ("short_time", "how_late"):
        question = questions.question(question_id)
        assert question is not None
        Studio(clinic.folder).holds("fr", question_script(question))
    database = clinic.database()
    async with database.transaction() as unit:
        karim, _ = await unit.addresses.find_or_create("telegram", "karim", now=ago(days=1))
        change = Change("short_time", "answer", "Oui, venez au centre.", "fr")
        await unit.content.draft(karim.id, change, before=None, now=ago(hours=2))
        await unit.content.publish(karim.id, now=ago(hours=1))
    await database.engine.dispose()

    (_, counted), (grade, named) = await clinic.finds("clips")

    assert counted == "2 recordings can be listened to."
    assert grade is Grade.WARNING
    assert named.startswith("The recording fr/question-short_time is not played")
    assert "jisr clips script --language fr" in named


async def test_a_recording_that_can_not_be_played_is_named(clinic: Clinic) -> None:
    Studio(clinic.folder).file("ary/need-job.ogg", b"RIFF")

    ((grade, sentence),) = await clinic.finds("clips")

    assert grade is Grade.BAD
    assert "ary/need-job.ogg" in sentence


async def test_centres_with_caseworkers_but_without_details_are_named(clinic: Clinic) -> None:
    database = clinic.database()
    async with database.transaction() as unit:
        await unit.centres.load([centre_row(), centre_row("fes", "Fès")])
        contact, _ = await unit.addresses.find_or_create("telegram", "driss", now=ago(days=1))
        await unit.contacts.make_staff(contact.id, Role.CASEWORKER, "sale")
    await database.engine.dispose()

    assert await clinic.finds("centres") == [
        (
            Grade.WARNING,
            "The centre sale has caseworkers but no address and no telephone and no hours of its own: "
            "they set it in their chat with /centre.",
        )
    ]
    assert (Grade.WARNING, "Nobody gets alerts: run jisr invite --role administrator.") in await clinic.finds(
        "staff"
    )


# Telegram


@dataclass
class Platform:
    """A Bot API server that answers what it is told to."""

    url: str = ""
    status: int = 200
    webhook: dict[str, Any] = field(default_factory=lambda: {"url": "", "pending_update_count": 0})
    ahead: timedelta = timedelta(0)
    others_poll: bool = False
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        method = request.path.rpartition("/")[2]
        self.asked.append(method)
        if self.status != 200:
            return web.json_response({"ok": False, "description": "Unauthorized"}, status=self.status)
        if method == "getUpdates" and self.others_poll:
            return web.json_response({"ok": False, "description": "Conflict"}, status=409)
        results: dict[str, object] = {"getMe": {"username": "jisr_bot"}, "getWebhookInfo": self.webhook}
        date = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        return web.json_response({"ok": True, "result": results.get(method, [])}, headers={"Date": date})


@pytest.fixture
async def platform(clinic: Clinic) -> AsyncIterator[Platform]:
    platform = Platform()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", platform.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    clinic.environ.update(TELEGRAM_TOKEN=TOKEN, TELEGRAM_API_URL=platform.url)
    yield platform
    await runner.cleanup()


# Nothing here depends on the database.
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@on_sqlite
async def test_a_bot_that_polls_is_well(clinic: Clinic, platform: Platform) -> None:
    await clinic.has(**{TICKED_MARK: ago(seconds=5)})

    assert await clinic.finds("telegram") == [(Grade.GOOD, "Telegram knows the bot: @jisr_bot.")]
    assert await clinic.finds("webhook") == [(Grade.GOOD, "No webhook is set, as it should be with polling.")]
    # That would take the running service's poll away.
    assert "getUpdates" not in platform.asked


@on_sqlite
async def test_somebody_else_who_polls_is_noticed_while_the_service_does_not(
    clinic: Clinic, platform: Platform
) -> None:
    platform.others_poll = True

    assert (await clinic.finds("telegram"))[-1] == (
        Grade.BAD,
        "Another process polls with this token: stop it, or use another bot.",
    )


@on_sqlite
async def test_a_token_that_is_not_accepted_is_bad_and_not_told(clinic: Clinic, platform: Platform) -> None:
    platform.status = 401

    ((grade, sentence),) = await clinic.finds("telegram")

    assert (grade, sentence) == (
        Grade.BAD,
        "Telegram does not accept TELEGRAM_TOKEN: copy it again from @BotFather.",
    )


@on_sqlite
async def test_a_server_that_can_not_be_reached_is_bad_and_the_token_not_told(clinic: Clinic) -> None:
    clinic.environ.update(TELEGRAM_TOKEN=TOKEN, TELEGRAM_API_URL="http://127.0.0.1:1")

    said = str(await examine(clinic.settings))

    assert "The Telegram server can't be reached (ClientConnectorError)" in said
    assert TOKEN not in said
    assert TOKEN.partition(":")[2] not in said


@on_sqlite
@pytest.mark.parametrize(
    ("public", "url", "grade", "words"),
    [
        (PUBLIC, f"{PUBLIC}/telegram/webhook", Grade.GOOD, "Telegram delivers to PUBLIC_URL."),
        (PUBLIC, "", Grade.BAD, "no webhook is set"),
        (PUBLIC, "https://elsewhere.example/secret-path", Grade.BAD, "but to elsewhere.example"),
        (
            "",
            "https://elsewhere.example/secret-path",
            Grade.BAD,
            "delivers to elsewhere.example by webhook, but",
        ),
    ],
)
async def test_a_webhook_must_be_where_updates_are_taken(
    public: str, url: str, grade: Grade, words: str, clinic: Clinic, platform: Platform
) -> None:
    clinic.environ["PUBLIC_URL"] = public
    platform.webhook["url"] = url

    ((found, sentence),) = await clinic.finds("webhook")

    assert found is grade
    assert words in sentence
    assert "secret-path" not in sentence


@on_sqlite
async def test_what_the_webhook_suffered_lately_is_told(clinic: Clinic, platform: Platform) -> None:
    clinic.environ["PUBLIC_URL"] = PUBLIC
    platform.webhook.update(
        url=f"{PUBLIC}/telegram/webhook",
        last_error_date=int(ago(minutes=5).timestamp()),
        last_error_message="Wrong response from the webhook: 503",
        pending_update_count=512,
    )

    warnings = [sentence for grade, sentence in await clinic.finds("webhook") if grade is Grade.WARNING]

    assert "5 minutes ago (Wrong response from the webhook: 503)" in warnings[0]
    assert warnings[1].startswith("512 updates wait at Telegram")


@on_sqlite
@pytest.mark.parametrize(
    ("ahead_s", "grade", "words"),
    [(0, Grade.GOOD, "agrees"), (20, Grade.WARNING, "behind"), (-600, Grade.BAD, "ahead of")],
)
async def test_a_clock_that_differs_from_telegrams_is_noticed(
    ahead_s: int, grade: Grade, words: str, clinic: Clinic, platform: Platform
) -> None:
    platform.ahead = timedelta(seconds=ahead_s)

    ((found, sentence),) = await clinic.finds("clock")

    assert found is grade
    assert words in sentence


# How it is told


def test_the_worst_finding_decides() -> None:
    good, warning, bad = (Finding(grade, "x", "Y.") for grade in Grade)

    assert worst([good, warning, good]) is Grade.WARNING
    assert worst([bad, warning]) is Grade.BAD
    assert worst([]) is Grade.GOOD
    assert as_lines([good, warning, bad]) == ["✓ Y.", "! Y.", "✗ Y."]


def test_programs_get_json() -> None:
    told = json.loads(json.dumps(as_json([Finding(Grade.WARNING, "disk", "Make room.")])))

    assert told == {
        "status": "warning",
        "findings": [{"grade": "warning", "about": "disk", "sentence": "Make room."}],
    }


@on_sqlite
async def test_a_whatsapp_number_is_asked_after(clinic: Clinic) -> None:
    off = await clinic.finds("whatsapp")
    async with FakeGraph() as graph:
        clinic.environ |= settings_with(graph, clinic.url)
        well = await clinic.finds("whatsapp")
        clinic.environ["WHATSAPP_PHONE_NUMBER_ID"] = "999"
        elsewhere = await clinic.finds("whatsapp")
        clinic.environ["WHATSAPP_TOKEN"] = "EAAwrong"
        [(locked_out, sentence)] = await clinic.finds("whatsapp")
    [(gone, _)] = await clinic.finds("whatsapp")

    assert off == [(Grade.GOOD, "WhatsApp is off: there is no WHATSAPP_TOKEN.")]
    assert well == [(Grade.GOOD, "WhatsApp knows the number: Jisr.")]
    assert elsewhere == [(Grade.BAD, "WhatsApp knows no such number: see WHATSAPP_PHONE_NUMBER_ID.")]
    assert (locked_out, gone) == (Grade.BAD, Grade.BAD)
    assert "WHATSAPP_TOKEN" in sentence
    assert "EAAwrong" not in sentence
