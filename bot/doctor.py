"""`jisr doctor`: looks at everything the service needs and says what is wrong, and what to do about it.

It changes nothing, so it may run beside a live service or where none has ever run. No sentence tells a secret
or anything of a person.
"""

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts import (
    BACKUP_WRONG_AGE,
    DISK_WRONG_BYTES,
    RECENT,
    STANDSTILL,
    Signs,
    State,
    free_bytes_of,
    judge,
)
from bot.app import KEY_IDS_MARK, KEYS_MARK, graph_client, sqlite_path
from bot.channels.telegram_intake import WEBHOOK_PATH
from bot.channels.whatsapp_check import check_number
from bot.clips import Place, Recordings, read_recordings
from bot.places import load_places
from bot.questions import load_questions
from bot.rules_file import read_rules
from bot.settings import Settings
from bot.sources_file import DataFileBroken
from bot.texts import CataloguesMissing, load_texts
from bot.zone import ZoneDataWrong, casablanca, check_zone
from conversations.care.centres import Centre
from conversations.care.edition import edition_of
from conversations.care.people import Role
from conversations.flows.news import AlertKind
from storage.centres import CentreStore
from storage.contacts import ContactStore
from storage.content import ContentStore
from storage.database import create_engine
from storage.encryption import KeyRing, load_or_create_keys
from storage.errors import KeysBroken, SchemaOutdated, StorageError
from storage.marks import MarkStore
from storage.schema import check_up_to_date
from storage.vitals import Vitals, VitalsStore

WITHIN_S = 10.0
# Telegram tells its time in whole seconds, so less than this says nothing.
CLOCK_OFF_S, CLOCK_WRONG_S = 5.0, 60.0
DISK_LOW_BYTES = 4 * DISK_WRONG_BYTES
# A webhook's last error says nothing any more after this.
ERROR_IS_NEWS = timedelta(hours=1)
PENDING_MANY = 100


class Grade(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


SIGNS = {Grade.GOOD: "✓", Grade.WARNING: "!", Grade.BAD: "✗"}
EXIT_CODES = {Grade.GOOD: 0, Grade.WARNING: 1, Grade.BAD: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and a sentence about it."""

    grade: Grade
    about: str
    sentence: str


def worst(findings: Sequence[Finding]) -> Grade:
    return max((finding.grade for finding in findings), key=EXIT_CODES.__getitem__, default=Grade.GOOD)


def as_lines(findings: Sequence[Finding]) -> list[str]:
    return [f"{SIGNS[finding.grade]} {finding.sentence}" for finding in findings]


def as_json(findings: Sequence[Finding]) -> dict[str, object]:
    return {"status": worst(findings), "findings": [asdict(finding) for finding in findings]}


async def examine(settings: Settings) -> list[Finding]:
    """Return what was found, in the order in which one would mend it."""
    recordings, finding = _recordings(settings)
    findings = [_zone(), _catalogues(), finding, *_disk(settings)]
    keys, finding = _keys(settings)
    findings.append(finding)
    vitals: Vitals | None = None
    if settings.uses_sqlite and not sqlite_path(settings).exists():
        findings.append(
            _warning(
                "database",
                f"There is no database {sqlite_path(settings)} yet: the first start makes it. "
                "If there should be one, set JISR_VAR_DIR or DATABASE_URL as for the service.",
            )
        )
        return [*findings, *await _telegram(settings, is_running=False), await _whatsapp(settings)]
    try:
        async with asyncio.timeout(WITHIN_S), _opened(settings) as connection:
            found, vitals = await _database(connection, settings, keys, recordings)
            findings += found
    except TimeoutError:
        findings.append(
            _bad("database", f"The database does not answer within {WITHIN_S:.0f} s: look after it.")
        )
    except StorageError as error:
        findings.append(_bad("database", str(error)))
    except SQLAlchemyError as error:
        findings.append(
            _bad("database", f"The database can't be read ({type(error).__name__}): look after it.")
        )
    findings += await _telegram(settings, is_running=vitals is not None and _is_running(vitals))
    findings.append(await _whatsapp(settings))
    return findings


def _good(about: str, sentence: str) -> Finding:
    return Finding(Grade.GOOD, about, sentence)


def _warning(about: str, sentence: str) -> Finding:
    return Finding(Grade.WARNING, about, sentence)


def _bad(about: str, sentence: str) -> Finding:
    return Finding(Grade.BAD, about, sentence)


# This machine


def _zone() -> Finding:
    try:
        check_zone()
    except ZoneDataWrong as error:
        return _bad("time_zone", str(error))
    return _good("time_zone", "The time zone data know Morocco's clock.")


def _catalogues() -> Finding:
    try:
        languages = load_texts()
    except CataloguesMissing as error:
        return _bad("catalogues", str(error))
    return _good("catalogues", f"The texts of {len(languages)} languages are compiled.")


def _recordings(settings: Settings) -> tuple[Recordings, Finding]:
    try:
        recordings = read_recordings(Place.shipped(), Place.own(settings.var_dir))
    except DataFileBroken as broken:
        return Recordings(), _bad("clips", broken.sentence)
    return recordings, _good("clips", f"{len(recordings.by_clip)} recordings can be listened to.")


def _disk(settings: Settings) -> list[Finding]:
    folder = sqlite_path(settings).parent if settings.uses_sqlite else settings.var_dir
    if not folder.exists():
        return []
    findings = []
    if settings.uses_sqlite and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        findings.append(
            _warning("folder", f"Other users of this machine can look into {folder}: run chmod 700 {folder}.")
        )
    megabytes = free_bytes_of(folder) // 1_000_000
    if megabytes < DISK_WRONG_BYTES // 1_000_000:
        findings.append(_bad("disk", f"Only {megabytes} MB are free where {folder} lies: make room."))
    elif megabytes < DISK_LOW_BYTES // 1_000_000:
        findings.append(_warning("disk", f"{megabytes} MB are free where {folder} lies: make room soon."))
    else:
        findings.append(_good("disk", f"{megabytes / 1000:.0f} GB are free where {folder} lies."))
    return findings


def _keys(settings: Settings) -> tuple[KeyRing | None, Finding]:
    """Return the keys there are; none are made."""
    if settings.keys is not None:
        return KeyRing.from_text(settings.keys.get_secret_value()), _good(
            "keys", "The keys are in JISR_KEYS."
        )
    path = settings.var_dir / "keys"
    if not path.exists():
        return None, _warning(
            "keys",
            f"There is no key file {path}: the first start makes one, a database that has one needs it.",
        )
    try:
        return load_or_create_keys(path), _good("keys", f"The keys are in {path}, for its owner alone.")
    except KeysBroken as error:
        return None, _bad("keys", str(error))


# The database


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """Open the database so that nothing can be written. Raises DatabaseUnreachable."""
    engine = create_engine(settings.async_database_url)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            is_sqlite = connection.dialect.name == "sqlite"
            await connection.execute(
                text("PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on")
            )
            yield connection
    finally:
        await engine.dispose()


async def _database(
    connection: AsyncConnection, settings: Settings, keys: KeyRing | None, recordings: Recordings
) -> tuple[list[Finding], Vitals | None]:
    if not await connection.run_sync(lambda sync_connection: inspect(sync_connection).has_table("marks")):
        return [_warning("database", "The database is empty: the first start prepares it.")], None
    started = time.monotonic()
    revision = await VitalsStore(connection).revision()
    took_ms = (time.monotonic() - started) * 1000
    findings = [_good("database", f"The database answers within {took_ms:.0f} ms; its form is {revision}.")]
    try:
        await check_up_to_date(connection)
    except SchemaOutdated as error:
        return [*findings, _bad("schema", str(error))], None
    findings += await _keys_fit(connection, keys)
    findings += await _clock_of_database(connection)
    store, now = VitalsStore(connection), datetime.now(UTC)
    vitals = await store.read(now=now)
    signs = Signs(now, vitals, await store.outcomes(since=now - RECENT), None, None)
    findings += [*_work(signs), *_backup(settings, vitals, now)]
    findings += await _content(connection, recordings)
    return [*findings, *await _staff(connection, keys, settings)], vitals


async def _keys_fit(connection: AsyncConnection, keys: KeyRing | None) -> list[Finding]:
    marks = MarkStore(connection)
    written_with, ids = await marks.get(KEYS_MARK), await marks.get(KEY_IDS_MARK)
    if written_with is None:
        return []
    if keys is None or keys.sign != written_with:
        return [
            _bad(
                "keys",
                "The database was written with other keys than these: "
                "put back the key file (or JISR_KEYS) that belongs to it.",
            )
        ]
    if missing := set((ids or "").split(",")) - keys.ids - {""}:
        return [_bad("keys", f"The database also needs the key {sorted(missing)[0]}: add it again.")]
    return [_good("keys", "The keys are those the database was written with.")]


async def _clock_of_database(connection: AsyncConnection) -> list[Finding]:
    if connection.dialect.name == "sqlite":
        return []  # it has this machine's
    before = datetime.now(UTC)
    theirs = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return [_clock("the database server", theirs - before - (datetime.now(UTC) - before) / 2)]


def _clock(whose: str, ahead: timedelta) -> Finding:
    off_s = abs(ahead.total_seconds())
    if off_s < CLOCK_OFF_S:
        return _good("clock", f"This machine's clock agrees with that of {whose}.")
    way = "behind" if ahead > timedelta(0) else "ahead of"
    grade = Grade.BAD if off_s > CLOCK_WRONG_S else Grade.WARNING
    return Finding(
        grade,
        "clock",
        f"This machine's clock is {off_s:.0f} s {way} that of {whose}: have it set by the network (NTP).",
    )


def _is_running(vitals: Vitals) -> bool:
    return vitals.ticked_at is not None and datetime.now(UTC) - vitals.ticked_at < STANDSTILL


def _work(signs: Signs) -> list[Finding]:
    """Say whether the service runs, and whether it keeps up."""
    vitals, now = signs.vitals, signs.now
    judgements = judge(signs)
    findings = []
    if vitals.ticked_at is None:
        findings.append(_warning("service", "The service has not run on this database yet: start it."))
    elif not _is_running(vitals):
        ago = _age(now - vitals.ticked_at)
        findings.append(
            _bad("service", f"No process has ticked for {ago}: start the service, or see what its log says.")
        )
    else:
        findings.append(_good("service", "The service runs: a process ticked within the last minutes."))
    updates = vitals.inbox
    if judgements[AlertKind.UPDATES_WAITING].state is State.WRONG:
        waiting = _age(timedelta(seconds=updates.age_s(now)))
        findings.append(
            _bad(
                "updates",
                f"{updates.count} updates wait, the oldest for {waiting}: "
                "see whether a process has the role turns.",
            )
        )
    else:
        findings.append(_good("updates", f"{updates.count} updates wait; none for long."))
    if judgements[AlertKind.SENDS_FAILING].state is State.WRONG:
        findings.append(
            _bad(
                "sends",
                "Messages don't reach the platform: see what follows about Telegram, and whether a process "
                "has the role delivery.",
            )
        )
    else:
        findings.append(_good("sends", "Messages leave as they should."))
    if vitals.late.age_s(now) > STANDSTILL.total_seconds():
        late = _age(timedelta(seconds=vitals.late.age_s(now)))
        findings.append(
            _bad("reminders", f"Reminders are up to {late} late: see whether a process has the role ticks.")
        )
    else:
        findings.append(_good("reminders", "No reminder is late."))
    return findings


def _backup(settings: Settings, vitals: Vitals, now: datetime) -> list[Finding]:
    if vitals.backup_at is None and not settings.has_daily_backup:
        if settings.is_demo:
            return []
        return [
            _warning(
                "backup", "No daily backup is made here: set JISR_BACKUP_DIR, or see to backups yourself."
            )
        ]
    if vitals.backup_at is None:
        return [_warning("backup", "There is no backup yet: the first comes tonight, or run jisr backup.")]
    age = now - vitals.backup_at
    if age > BACKUP_WRONG_AGE:
        return [
            _bad(
                "backup",
                f"The last verified backup is {_age(age)} old: run jisr backup, and see what it says.",
            )
        ]
    return [_good("backup", f"The last verified backup is {_age(age)} old.")]


async def _content(connection: AsyncConnection, recordings: Recordings) -> list[Finding]:
    """Say which of the managers' changes are not shown, and which recordings are not played.

    What is shipped may have no place for a change any more; a recording may say what is no longer written.
    """
    published = await ContentStore(connection, casablanca()).published()
    edition = edition_of(read_rules(), load_questions(load_places()), published)
    outdated = recordings.shelf.outdated(edition.rules, edition.questions)
    findings = [
        _warning(
            "clips",
            f"The recording {clip} is not played, because its text has changed: have it read out again "
            f"(jisr clips script --language {clip.language}).",
        )
        for clip in outdated
    ]
    skipped = [
        _warning(
            "content",
            f"A change that managers published is not shown ({each.sentence.rstrip('.')}): "
            "they write it again, or roll it back, in their chat with /content.",
        )
        for each in edition.skipped
    ]
    return [
        *(skipped or [_good("content", f"{len(published)} changes of managers are shown to people.")]),
        *findings,
    ]


async def _staff(connection: AsyncConnection, keys: KeyRing | None, settings: Settings) -> list[Finding]:
    if keys is None or settings.is_demo:
        return []
    roster = await ContactStore(connection, keys).roster()
    centres = CentreStore(connection)
    slugs = sorted({member.centre_slug for member in roster if member.centre_slug})
    findings = []
    if not slugs:
        findings.append(
            _warning("staff", "No caseworker has come in: run jisr invite --role caseworker --centre …")
        )
    if not any(member.role is Role.ADMINISTRATOR for member in roster):
        findings.append(_warning("staff", "Nobody gets alerts: run jisr invite --role administrator."))
    for slug in slugs:
        missing = _missing(await centres.get(slug))
        if missing:
            findings.append(
                _warning(
                    "centres",
                    f"The centre {slug} has caseworkers but no {' and no '.join(missing)}: "
                    "they set it in their chat with /centre.",
                )
            )
    return findings or [
        _good("staff", f"{len(roster)} of the staff have come in; their centres' details are there.")
    ]


def _missing(centre: Centre) -> list[str]:
    there = {"address": centre.address, "telephone": centre.phone, "hours of its own": centre.hours_confirmed}
    return [what for what, value in there.items() if not value]


# Telegram


async def _telegram(settings: Settings, *, is_running: bool) -> list[Finding]:
    if settings.telegram_token is None:
        return [_good("telegram", "Telegram is off: there is no TELEGRAM_TOKEN.")]
    base = f"{settings.telegram_api_url}/bot{settings.telegram_token.get_secret_value()}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as client:
        try:
            status, me, told_at = await _call(client, f"{base}/getMe")
            if status in (401, 404):
                return [
                    _bad(
                        "telegram", "Telegram does not accept TELEGRAM_TOKEN: copy it again from @BotFather."
                    )
                ]
            if status != 200:
                return [_bad("telegram", f"Telegram answers with status {status}: try again later.")]
            findings = [_good("telegram", f"Telegram knows the bot: @{me.get('username')}.")]
            if told_at is not None:
                findings.append(_clock("Telegram", told_at - datetime.now(UTC)))
            _, webhook, _ = await _call(client, f"{base}/getWebhookInfo")
            findings += _webhook(settings, webhook)
            if not settings.public_url and not webhook.get("url") and not is_running:
                # Without an offset nothing is acknowledged; beside a service that polls it would disturb.
                status, _, _ = await _call(client, f"{base}/getUpdates?timeout=0&limit=1")
                if status == 409:
                    findings.append(
                        _bad(
                            "telegram", "Another process polls with this token: stop it, or use another bot."
                        )
                    )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # What it says may hold the address, and with it the token.
            return [
                _bad(
                    "telegram",
                    f"The Telegram server can't be reached ({type(error).__name__}): "
                    "check this machine's network and TELEGRAM_API_URL.",
                )
            ]
    return findings


async def _whatsapp(settings: Settings) -> Finding:
    if settings.whatsapp_token is None:
        return _good("whatsapp", "WhatsApp is off: there is no WHATSAPP_TOKEN.")
    is_well, sentence = await check_number(graph_client(settings))
    return (_good if is_well else _bad)("whatsapp", sentence)


async def _call(client: aiohttp.ClientSession, url: str) -> tuple[int, Mapping[str, Any], datetime | None]:
    """Return status, result (empty unless it is an object) and the server's time."""
    async with client.get(url, allow_redirects=False) as answer:
        body = await answer.json(content_type=None)
        date = answer.headers.get("Date")
        result = body.get("result") if isinstance(body, dict) else None
        told_at = parsedate_to_datetime(date) if date else None
        return answer.status, result if isinstance(result, dict) else {}, told_at


def _webhook(settings: Settings, webhook: Mapping[str, Any]) -> list[Finding]:
    url, pending = str(webhook.get("url") or ""), int(webhook.get("pending_update_count") or 0)
    findings = []
    if settings.public_url is None:
        if url:
            findings.append(
                _bad(
                    "webhook",
                    f"Telegram delivers to {urlsplit(url).hostname} by webhook, but this service polls: "
                    "stop what set it there, and start this service again; or set PUBLIC_URL.",
                )
            )
        else:
            findings.append(_good("webhook", "No webhook is set, as it should be with polling."))
    elif url != f"{settings.public_url}{WEBHOOK_PATH}":
        findings.append(
            _bad(
                "webhook",
                "Telegram does not deliver to PUBLIC_URL "
                f"({f'but to {urlsplit(url).hostname}' if url else 'no webhook is set'}): start the service "
                "again, and stop any other that uses this bot.",
            )
        )
    else:
        findings.append(_good("webhook", "Telegram delivers to PUBLIC_URL."))
    if settings.public_url is not None and (at := webhook.get("last_error_date")):
        age = datetime.now(UTC) - datetime.fromtimestamp(int(at), UTC)
        if age < ERROR_IS_NEWS:
            findings.append(
                _warning(
                    "webhook",
                    f"Telegram could not deliver {_age(age)} ago ({webhook.get('last_error_message')}): "
                    "check the TLS proxy and /readyz.",
                )
            )
    if pending > PENDING_MANY:
        findings.append(
            _warning("webhook", f"{pending} updates wait at Telegram: see whether the service runs.")
        )
    return findings


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 172_800), ("hours", 7_200), ("minutes", 120)):
        if seconds >= length:
            return f"{seconds // {'days': 86_400, 'hours': 3_600, 'minutes': 60}[unit]} {unit}"
    return f"{seconds} s"
