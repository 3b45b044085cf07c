"""The command line: `jisr run`, `invite`, `staff`, `dismiss`, `migrate`, `backup`, `restore`, `doctor`,
`clips` and `whatsapp templates`.

Every mistake of the operator's ends with one sentence that says what to do, and exit code 2.
"""

import asyncio
import json
import os
import signal
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import structlog
import typer
import uvloop
from telegram.error import TelegramError

from bot import app as wiring
from bot import clip_commands, whatsapp_commands
from bot.backup import MIB, SAID, Backup, BackupFailed, back_up, forget_backups
from bot.centres_file import CentresFileBroken
from bot.logs import configure_logs
from bot.restore import Restored, restore_postgresql, restore_sqlite
from bot.settings import Settings, SettingsWrong, load_settings
from bot.sources_file import DataFileBroken
from bot.texts import CataloguesMissing
from bot.zone import ZoneDataWrong, use_pinned_zones
from conversations.care.people import ContactId, Role
from conversations.errors import CentreUnknown
from storage.encryption import KeyRing, load_or_create_keys
from storage.errors import (
    BackupUnusable,
    DatabaseLocked,
    DatabaseUnreachable,
    KeysBroken,
    MigrationBroken,
    ProcessAlreadyRunning,
    SchemaOutdated,
)

OPERATORS_MISTAKES = (
    SettingsWrong,
    CentresFileBroken,
    DataFileBroken,
    CataloguesMissing,
    ZoneDataWrong,
    KeysBroken,
    DatabaseUnreachable,
    DatabaseLocked,
    ProcessAlreadyRunning,
    SchemaOutdated,
    MigrationBroken,
    BackupFailed,
    BackupUnusable,
)
INVITATION_DAYS = 7

Result = TypeVar("Result")

cli = typer.Typer(
    name="jisr",
    help="Jisr (جسر): reach the after-care centres of the Mohammed VI Foundation from your own phone.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


whatsapp = typer.Typer(help="WhatsApp, as far as Meta has to be asked.", no_args_is_help=True)
templates = typer.Typer(
    help="Templates: what people are sent who have not written for a day. Meta approves each.",
    no_args_is_help=True,
)
whatsapp.add_typer(templates, name="templates")
cli.add_typer(whatsapp, name="whatsapp")
clips = typer.Typer(help="Recordings: what people can listen to instead of reading.", no_args_is_help=True)
cli.add_typer(clips, name="clips")


@cli.command()
def run(
    roles: Annotated[
        str | None,
        typer.Option(help="What this process does, parted by commas: web,turns,delivery,ticks."),
    ] = None,
) -> None:
    """Start the service. Without settings: a demo in the browser."""
    settings = _settings(roles)
    _run(wiring.serve(settings))


@cli.command()
def invite(
    role: Annotated[Role, typer.Option(help="caseworker, manager or administrator (who gets alerts).")],
    centre: Annotated[str | None, typer.Option(help="The caseworker's centre, such as sale.")] = None,
    days: Annotated[
        int, typer.Option(min=1, max=30, help="For how many days the link works.")
    ] = INVITATION_DAYS,
) -> None:
    """Make a one-time link by which a caseworker, a manager or an administrator comes in."""
    if role is Role.BENEFICIARY:
        _refuse("Beneficiaries need no invitation: they simply open the chat.")
    if (role is Role.CASEWORKER) != (centre is not None):
        _refuse("A caseworker's invitation needs --centre, the others have none.")
    settings = _settings()
    for line in _run(_invite(settings, role, centre, days)):
        typer.echo(line)


@cli.command()
def migrate() -> None:
    """Bring the database up to date and load centres; `run` does it by itself."""
    _run(_migrate(_settings()))
    typer.echo("The database is up to date.")


@cli.command()
def staff() -> None:
    """List caseworkers, managers and administrators, with the numbers that `dismiss` takes."""
    for line in _run(_staff(_settings())):
        typer.echo(line)


@cli.command()
def dismiss(
    number: Annotated[int, typer.Argument(help="Whom, by the number that `staff` shows.")],
) -> None:
    """Take somebody's role away, as when they leave or lose their phone; colleagues get their tasks."""
    _run(_dismiss(_settings(), number))
    typer.echo("They are no longer staff. What they had taken on is open to their colleagues again.")


@cli.command()
def backup(
    to: Annotated[
        Path | None,
        typer.Option(help="The folder to write to, instead of JISR_BACKUP_DIR; nothing there is deleted."),
    ] = None,
    daily: Annotated[bool, typer.Option("--daily", hidden=True)] = False,
) -> None:
    """Back up the database, also while the service runs, into one encrypted file, and check it."""
    settings = _settings()
    _in_the_background()
    if daily:
        _log_backup(settings)
        return
    made = _run(_back_up(settings, to))
    typer.echo(f"Backed up and checked: {made.path}")
    typer.echo(
        f"{made.rows} rows of {made.tables} tables, {made.size / MIB:.1f} MiB, as of {_utc(made.made_at)}."
    )
    typer.echo(
        f"It can't be read without the keys, which are not in it: keep {_keys_place(settings)} elsewhere."
    )


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` made, of SQLite or of PostgreSQL.")],
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="SQLite: take the place of a database that is not empty, and keep it aside."
        ),
    ] = False,
) -> None:
    """Put a backup into the database that the settings name, while no service runs."""
    settings = _settings()
    done = _run(_restore(settings, file, replace))
    typer.echo(f"Restored {done.rows} rows as of {_utc(done.made_at)}.")
    if done.kept is not None:
        typer.echo(f"The database before is kept as {done.kept}: delete it when nobody needs it any more.")
    if done.given_up.messages:
        typer.echo(f"{done.given_up.messages} messages were given up, because they are too old to help.")
    if done.given_up.announcements:
        typer.echo(
            f"{done.given_up.announcements} announcements were stopped, since nobody knows whom "
            "they reached: a manager can make them anew."
        )
    typer.echo("What happened after the backup is not in it, erasures included. The service can be started.")


@templates.command("list")
def list_templates() -> None:
    """Show today's templates as the catalogues make them."""
    _settings()
    _say(whatsapp_commands.list_templates())


@templates.command()
def diff() -> None:
    """Compare them with those that the business account holds."""
    _say(_run(whatsapp_commands.diff(_settings())))


@templates.command()
def submit() -> None:
    """Hand in for approval what the account lacks."""
    _say(_run(whatsapp_commands.submit(_settings())))


@templates.command()
def status() -> None:
    """Ask Meta how each of them stands, and write it down for the service."""
    _say(_run(whatsapp_commands.status(_settings())))


@clips.command("list")
def list_clips() -> None:
    """Show which texts have a recording, lack one, or have one that says something else by now."""
    _say(_run(clip_commands.list_clips(_settings())))


@clips.command("script")
def clips_script(
    language: Annotated[str, typer.Option(help="The language to read out: ary, ar, fr or en.")],
) -> None:
    """Print what is still to be read out in a language, word for word, each text with its entry."""
    _say(_run(clip_commands.script(_settings(), language)))


@cli.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON, for programs.")] = False,
) -> None:
    """Look at everything the service needs, also beside it: ✓ good, ! to mend soon, ✗ to mend now.

    The exit code is 0 when all is good, 1 when something is to be mended soon, 2 when something is now.
    """
    from bot import doctor as surgery

    settings = _settings()
    findings = _run(surgery.examine(settings))
    if as_json:
        typer.echo(json.dumps(surgery.as_json(findings), ensure_ascii=False))
    else:
        for line in surgery.as_lines(findings):
            typer.echo(line)
    raise typer.Exit(surgery.EXIT_CODES[surgery.worst(findings)])


async def _back_up(settings: Settings, to: Path | None) -> Backup:
    folder = to or settings.backup_folder
    if folder is None:
        raise SettingsWrong("Say where to, with --to FOLDER or JISR_BACKUP_DIR.")
    now = datetime.now(UTC)
    async with wiring.opened_beside(settings) as (engine, keys):
        made = await back_up(engine, keys, folder, scratch=settings.var_dir, now=now)
    if to is None:
        forget_backups(folder, before=now - timedelta(days=settings.backup_keep))
    return made


def _log_backup(settings: Settings) -> None:
    """Make the day's backup, and say in the log what became of it."""
    log = structlog.get_logger("bot.backup")
    try:
        made = asyncio.run(_back_up(settings, None))
    except OPERATORS_MISTAKES as error:
        log.error("backup_failed", reason=str(error))
        raise typer.Exit(SAID) from None
    except Exception as error:
        log.exception("backup_failed")
        raise typer.Exit(SAID) from error
    log.info(
        "backup_made", file=made.path.name, tables=made.tables, rows=f"{made.rows:,}", mib=made.size // MIB
    )


async def _restore(settings: Settings, file: Path, replace: bool) -> Restored:
    keys, now = _present_keys(settings), datetime.now(UTC)
    if not settings.uses_sqlite:
        return await restore_postgresql(file, settings.async_database_url, keys, now=now)
    with wiring.only_process(settings):
        return await restore_sqlite(file, wiring.sqlite_path(settings), keys, replace=replace, now=now)


def _present_keys(settings: Settings) -> KeyRing:
    """Return the keys there are. New ones would open no backup, and stand in the way of the right ones."""
    if settings.keys is not None:
        return KeyRing.from_text(settings.keys.get_secret_value())
    path = settings.var_dir / "keys"
    if not path.exists():
        raise KeysBroken(
            f"There is no key file {path}, and a backup holds no keys: put back your copy of it first."
        )
    return load_or_create_keys(path)


def _keys_place(settings: Settings) -> str:
    return "JISR_KEYS" if settings.keys is not None else f"a copy of {settings.var_dir / 'keys'}"


def _in_the_background() -> None:
    """Let the service go first, and end well when told to."""
    os.nice(10)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


async def _staff(settings: Settings) -> list[str]:
    async with wiring.opened(settings) as service, service.database.reading() as unit:
        members = await unit.contacts.roster()
    if not members:
        return ["Nobody has come in yet: use `invite`."]
    return [
        f"{member.id:>6}  {member.role:<13} {member.centre_slug or '-':<12} "
        + (f"last seen {member.seen_at:%Y-%m-%d %H:%M} UTC" if member.seen_at else "never seen")
        for member in members
    ]


async def _dismiss(settings: Settings, number: int) -> None:
    async with wiring.opened(settings) as service, service.database.transaction() as unit:
        if number not in {member.id for member in await unit.contacts.roster()}:
            raise SettingsWrong(f"Nobody of the staff has the number {number}: see `staff`.")
        await unit.contacts.erase(ContactId(number), at=service.clock.now())
        unit.topics.add("staff")


async def _migrate(settings: Settings) -> None:
    async with wiring.opened(settings):
        pass


async def _invite(settings: Settings, role: Role, centre: str | None, days: int) -> list[str]:
    # A token that is refused is noticed before there is an invitation.
    bot_name = await _bot_name(settings)
    async with wiring.opened(settings) as service, service.database.transaction() as unit:
        if centre is not None:
            try:
                await unit.centres.get(centre)
            except CentreUnknown:
                slugs = ", ".join(known.slug for known in await unit.centres.open())
                raise SettingsWrong(f"There is no centre {centre!r}: use one of {slugs}.") from None
        now = service.clock.now()
        code = await unit.invitations.create(role, centre, expires_at=now + timedelta(days=days), now=now)
    links = _links(settings, bot_name, code)
    return [f"Good for one person and {days} days:", *[f"  {link}" for link in links]]


def _links(settings: Settings, bot_name: str | None, code: str) -> list[str]:
    links = []
    if settings.telegram_token is not None:
        links.append(f"https://t.me/{bot_name}?start={code}" if bot_name else f"Telegram: send /start {code}")
    if settings.has_web_chat:
        base = settings.public_url or f"http://{settings.host}:{settings.port}"
        links.append(f"{base}/chat?start={code}")
    return links or [f"send /start {code}"]


async def _bot_name(settings: Settings) -> str | None:
    """Return the bot's user name, None without a bot or when the platform does not answer."""
    if settings.telegram_token is None:
        return None
    async with wiring.telegram_bot(settings) as bot:
        try:
            return (await bot.get_me()).username
        except TelegramError:
            return None


def _settings(roles: str | None = None) -> Settings:
    use_pinned_zones()
    try:
        settings = load_settings({**os.environ, "JISR_ROLES": roles} if roles else None)
    except SettingsWrong as error:
        _refuse(str(error))
    configure_logs(settings.log_level, settings.log_format)
    return settings


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except OPERATORS_MISTAKES as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _refuse(sentence: str) -> NoReturn:
    # Loaded only here: a running service has no use for four megabytes of it.
    from rich.console import Console

    # Paths may hold brackets and colons, which are no markup.
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
    errors.print(sentence, style="bold red")
    raise typer.Exit(2)


def main() -> None:
    """Entry point of the `jisr` command."""
    # What the service writes, SQLite's own files included, is its user's alone.
    os.umask(0o077)
    cli()


if __name__ == "__main__":
    main()
