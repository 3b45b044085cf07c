"""The command line: `jisr run`, `jisr invite`, `jisr staff`, `jisr dismiss`, `jisr migrate`.

Every mistake of the operator's ends with one sentence that says what to do, and exit code 2.
"""

import asyncio
import os
from collections.abc import Coroutine
from datetime import timedelta
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from telegram.error import TelegramError

from bot import app as wiring
from bot.centres_file import CentresFileBroken
from bot.logs import configure_logs
from bot.settings import Settings, SettingsWrong, load_settings
from bot.texts import CataloguesMissing
from bot.zone import ZoneDataWrong, use_pinned_zones
from conversations.care.people import ContactId, Role
from conversations.errors import CentreUnknown
from storage.errors import (
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
    CataloguesMissing,
    ZoneDataWrong,
    KeysBroken,
    DatabaseUnreachable,
    DatabaseLocked,
    ProcessAlreadyRunning,
    SchemaOutdated,
    MigrationBroken,
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
# Paths may hold brackets and colons, which are no markup.
_errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


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
        return asyncio.run(work)
    except OPERATORS_MISTAKES as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _refuse(sentence: str) -> NoReturn:
    _errors.print(sentence, style="bold red")
    raise typer.Exit(2)


def main() -> None:
    """Entry point of the `jisr` command."""
    # What the service writes, SQLite's own files included, is its user's alone.
    os.umask(0o077)
    cli()


if __name__ == "__main__":
    main()
