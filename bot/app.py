"""Wiring: the only place that knows all parts. Opens what the settings ask for and runs it."""

import asyncio
import gc
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.alerts import Alerts
from bot.backup import DailyBackup
from bot.centres_file import read_centres
from bot.channels import webchat
from bot.channels.channel import Gate, Sender
from bot.channels.sms import Gateway, SmsSender
from bot.channels.sms_reports import SmsGate, SmsReports
from bot.channels.telegram import TelegramSender, payload_parser
from bot.channels.telegram import pace_of as telegram_pace
from bot.channels.telegram_commands import register_commands, register_staff_commands
from bot.channels.telegram_intake import TelegramIntake
from bot.channels.telegram_transport import AiohttpRequest
from bot.channels.whatsapp import WhatsAppSender
from bot.channels.whatsapp import pace_of as whatsapp_pace
from bot.channels.whatsapp import parse_payload as parse_whatsapp
from bot.channels.whatsapp_approvals import template_fields
from bot.channels.whatsapp_client import GraphClient
from bot.channels.whatsapp_intake import WhatsAppIntake
from bot.channels.whatsapp_limit import LOWEST, PeopleLimit
from bot.channels.whatsapp_statuses import tell_early
from bot.channels.whatsapp_window import Limits, WhatsAppGate
from bot.clips import Place, names_of, read_recordings
from bot.clock import Clock, ShiftedClock, SystemClock
from bot.delivery import AfterSent, Delivery, lose_address
from bot.documents import Documents
from bot.door import Doors, asks_telegram, asks_whatsapp
from bot.fallback import Fallback
from bot.heartbeat import Heartbeat
from bot.http.app import create_app, create_health_app
from bot.http.demo import DEMO_MARK, OFFSET_MARK
from bot.http.health import Health
from bot.leading import Leading
from bot.pacing import Pacer, SharedPacer
from bot.places import load_catchment, load_places
from bot.questions import load_questions
from bot.ramadan import fasting_months
from bot.rules_file import read_rules
from bot.settings import Role, Settings, SettingsWrong
from bot.systemd import READY, STOPPING, Systemd
from bot.texts import load_texts
from bot.ticks import Ticks, propose_holidays
from bot.turns import Parser, Trouble, Turns, Voice
from bot.zone import casablanca, check_zone
from conversations.care.clips import Shelf
from conversations.care.edition import Edition
from conversations.care.people import STAFF
from conversations.care.people import Role as PersonRole
from conversations.care.rules import faults
from conversations.care.wall_time import to_local
from conversations.engine.reply import Channel
from conversations.flows import routes
from conversations.ports import World
from storage.database import Database, ProcessLock, create_engine, rung
from storage.encryption import KeyRing, load_or_create_keys
from storage.errors import DatabaseLocked, DatabaseUnreachable, KeysBroken
from storage.marks import MarkStore
from storage.schema import migrate

log = structlog.get_logger()

ZONE_NAME = "Africa/Casablanca"
# By "is it SQLite": there one writes after the other, and all wait for the disk together, the more the
# cheaper. On PostgreSQL turns of different people run side by side, but more of them cost it more for each.
TURNS_AT_ONCE = {True: 64, False: 10}
STOP_WITHIN_S = 10
# New objects between two looks for garbage; a turn makes thousands that go by themselves. With more, a look
# takes longer than a turn, and what it would find adds up.
GARBAGE_THRESHOLD = 5_000
PAGES_CLOSE_WITHIN_S = 3
WAITING_CONNECTIONS = 2048
# Tells which keys the database is written with, without telling anything of them.
KEYS_MARK = "keys"
KEY_IDS_MARK = "key_ids"
# Of a web socket's frames; the page sends at most one long message.
LARGEST_FRAME = 256 * 1024
# Somebody's command list is set when they come in; this is for what went wrong then.
STAFF_COMMANDS_EVERY_S = 600


@dataclass(frozen=True)
class Service:
    """What every command needs: the database, open and up to date, and what the service knows."""

    settings: Settings
    database: Database
    voice: Voice
    clock: Clock

    @property
    def fallback(self) -> Fallback:
        """Where what an address can't take goes instead."""
        return Fallback(self.voice)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Service]:
    """Open the database, bring it up to date and load what ships with the service.

    Raises SettingsWrong's kin (each a sentence for the operator) before anything is changed.
    """
    check_zone()
    voice = load_voice(Place.shipped(), Place.own(settings.var_dir))
    seeds = read_centres(settings.centres_file)
    if settings.uses_sqlite:
        _make_folder(settings)
    engine = create_engine(settings.async_database_url)
    try:
        keys = await keys_of(engine, settings)
        await migrate(settings.async_database_url)
        database = Database(engine, keys, zone=voice.world.zone, zone_name=ZONE_NAME)
        await _refuse_the_demos(settings, database)
        clock = await _clock(settings, database)
        today = to_local(clock.now(), voice.world.zone).date()
        async with database.transaction() as unit:
            await unit.marks.set(KEYS_MARK, keys.sign)
            await unit.marks.set(KEY_IDS_MARK, ",".join(sorted(keys.ids)))
            await unit.centres.load(
                [replace(seed, region_code=_region_code(voice, seed.city_fr)) for seed in seeds]
            )
            await propose_holidays(unit, today)
            _warn_of(voice.world.editions.of(await unit.content.published()), voice.world.clips, today)
        yield Service(settings, database, voice, clock)
    finally:
        await engine.dispose()


def _warn_of(edition: Edition, clips: Shelf, today: date) -> None:
    """Log what nobody has reviewed for too long, and what no longer fits: publications and recordings."""
    if to_review := [fault.entry for fault in faults(edition.rules, today=today)]:
        log.warning("rules_to_review", entries=",".join(to_review))
    if to_review := [question.id for question in edition.questions.to_review(today)]:
        log.warning("questions_to_review", entries=",".join(to_review))
    if edition.skipped:
        log.warning("changes_skipped", entries=",".join(each.change.entry for each in edition.skipped))
    if outdated := clips.outdated(edition.rules, edition.questions):
        log.warning("clips_outdated", clips=",".join(map(str, outdated)))


@asynccontextmanager
async def opened_beside(settings: Settings) -> AsyncIterator[tuple[AsyncEngine, KeyRing]]:
    """Open the database as it is, changing nothing: also beside a running service, of whatever version.

    Raises SettingsWrong when there is none, KeysBroken when the keys are another's.
    """
    if settings.uses_sqlite and not sqlite_path(settings).exists():
        raise SettingsWrong(
            f"There is no database {sqlite_path(settings)}: "
            "set JISR_VAR_DIR or DATABASE_URL as for the service."
        )
    engine = create_engine(settings.async_database_url)
    try:
        yield engine, await keys_of(engine, settings)
    finally:
        await engine.dispose()


def load_voice(*clips: Place) -> Voice:
    """Return flows, texts and places: the conversation without a database. `clips`: where recordings are.

    Raises DataFileBroken when a recording can't be used.
    """
    places, rules = load_places(), read_rules()
    questions = load_questions(places)
    recordings = read_recordings(*clips, names=names_of(rules, questions))
    world = World(
        places,
        load_catchment(),
        casablanca(),
        ZONE_NAME,
        rules,
        questions,
        clips=recordings.shelf,
        fasting_months=fasting_months(),
    )
    return Voice(routes(), load_texts(), world, recordings=recordings)


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT; what is under way is ended well."""
    async with AsyncExitStack() as stack:
        if settings.uses_sqlite:
            stack.enter_context(only_process(settings))
        # What can be refused comes before the database is touched.
        listener = health_listener = None
        if Role.WEB in settings.roles:
            listener = stack.enter_context(_listen(settings.host, settings.port, "JISR_PORT"))
        if settings.health_port is not None:
            health_listener = stack.enter_context(
                _listen(settings.host, settings.health_port, "JISR_HEALTH_PORT")
            )
        bot = await stack.enter_async_context(telegram_bot(settings)) if settings.telegram_token else None
        texter = await stack.enter_async_context(sms_sender(settings)) if settings.sms_url else None
        graph = await stack.enter_async_context(graph_client(settings)) if settings.whatsapp_token else None
        service = await stack.enter_async_context(opened(settings))
        if settings.uses_sqlite:
            # Nobody else serves this database: what is leased was cut off when the last process ended.
            async with service.database.transaction() as unit:
                await unit.outbox.release_leases()
        world = replace(service.voice.world, daily_budget=settings.whatsapp_daily_budget)
        doors = _doors(settings, bot, graph)
        voice = replace(service.voice, world=world, sends_sms=texter is not None, doors=doors)
        service = replace(service, voice=voice)
        await _run(service, listener, health_listener, bot, graph, texter)


async def _run(
    service: Service,
    listener: socket.socket | None,
    health_listener: socket.socket | None,
    bot: Bot | None,
    graph: GraphClient | None,
    texter: SmsSender | None,
) -> None:
    settings, database, voice, clock = service.settings, service.database, service.voice, service.clock
    parsers: dict[str, Parser] = {Channel.WEBCHAT: webchat.parse_payload}
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    leading = Leading(database)
    work: list[Coroutine[Any, Any, None]] = []
    deliveries: list[Delivery] = []
    extra_routes: list[BaseRoute] = []
    if bot is not None:
        parsers[Channel.TELEGRAM] = payload_parser(bot)
        if Role.DELIVERY in settings.roles:
            sender = TelegramSender(bot, telegram_pace(settings.telegram_per_second))
            # A bot's number is known to all who write to it.
            deliveries.append(_delivery(service, sender, bot.token.partition(":")[0]))
        if Role.WEB in settings.roles:
            intake = TelegramIntake(database, bot, clock)
            work.append(leading.lead("telegram_intake", partial(_telegram_intake, intake, settings)))
            work.append(leading.lead("telegram_profile", partial(_telegram_profile, bot, voice)))
            work.append(leading.lead("telegram_staff", partial(_staff_commands, service, bot)))
            if settings.public_url is not None:
                extra_routes.append(intake.webhook_route(_webhook_secret(settings, database.keys)))
    if graph is not None:
        parsers[Channel.WHATSAPP] = parse_whatsapp
        if Role.DELIVERY in settings.roles:
            gate = _whatsapp_gate(service, graph)
            after_sent = partial(tell_early, fallback=service.fallback)
            deliveries.append(
                _delivery(service, gate.sender, graph.phone_number_id, gate=gate, after_sent=after_sent)
            )
            if settings.whatsapp_daily_people is None:
                work.append(PeopleLimit(graph, gate.allow_people).keep())
        if Role.WEB in settings.roles:
            extra_routes += _whatsapp_intake(service).routes()
    if texter is not None and Role.DELIVERY in settings.roles:
        deliveries.append(_delivery(service, texter, "gateway", gate=_sms_gate(settings, texter)))
    if settings.sms_report_secret is not None and Role.WEB in settings.roles:
        secret = settings.sms_report_secret.get_secret_value()
        extra_routes += SmsReports(database, clock, secret=secret, fallback=service.fallback).routes()
    if Role.TURNS in settings.roles:
        lose = partial(lose_address, fallback=service.fallback)
        turns = Turns(database, voice, clock, parsers, lose_address=lose)
        work.append(turns.work(TURNS_AT_ONCE[database.is_sqlite]))
    if Role.TICKS in settings.roles:
        backup = DailyBackup(database, clock).make_if_due if settings.has_daily_backup else None
        alerts = _alerts(service)
        ticks = Ticks(database, voice, clock, backup=backup, look=alerts.look)
        work.append(leading.lead("ticks", partial(_tick, ticks, alerts)))
    if not database.is_sqlite:
        work.append(_relay_wakes(database))
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    health = Health(database, clock, token=token)
    if listener is not None:
        # Behind a public address stands a proxy: whoever asks through it seems to be this machine.
        extra_routes += health.routes(trusts_loopback=settings.public_url is None)
        work.append(_web(service, listener, extra_routes))
    if health_listener is not None:
        work.append(_serve_http(create_health_app(health.routes(trusts_loopback=True)), health_listener))
    systemd = Systemd()
    work.append(systemd.keep_alive())
    systemd.tell(READY)
    # What is there from the start stays: looking through it for garbage again and again would be for nothing.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    log.info("service_started", roles=",".join(settings.roles), demo=settings.is_demo)
    await _until_stopped(stop, work, deliveries, health, systemd)
    log.info("service_stopped")


async def _until_stopped(
    stop: asyncio.Event,
    work: Sequence[Coroutine[Any, Any, None]],
    deliveries: Sequence[Delivery],
    health: Health,
    systemd: Systemd,
) -> None:
    """Run everything until told to stop; a part that ends by itself is a fault and ends the process."""
    sending = [asyncio.create_task(delivery.run()) for delivery in deliveries]
    working = [asyncio.create_task(part) for part in work]
    stopping = asyncio.create_task(stop.wait())
    health.watch([*sending, *working])
    try:
        ended, _ = await asyncio.wait([stopping, *sending, *working], return_when=asyncio.FIRST_COMPLETED)
        health.is_stopping = True
        systemd.tell(STOPPING)
        for delivery in deliveries:
            delivery.stop()
        if sending:
            await asyncio.wait(sending, timeout=STOP_WITHIN_S)
    finally:
        for task in (stopping, *sending, *working):
            task.cancel()
        await asyncio.wait([stopping, *sending, *working], timeout=STOP_WITHIN_S)
    for task in ended - {stopping}:
        task.result()
        raise RuntimeError("a part of the service ended by itself")


def _alerts(service: Service) -> Alerts:
    settings = service.settings
    folder = sqlite_path(settings).parent if settings.uses_sqlite else settings.backup_folder
    url = settings.heartbeat_url
    return Alerts(
        service.database,
        service.voice,
        service.clock,
        folder=folder if folder and folder.exists() else None,
        makes_backups=settings.has_daily_backup,
        beat=Heartbeat(url.get_secret_value()).beat if url else None,
    )


async def _tick(ticks: Ticks, alerts: Alerts) -> None:
    try:
        await ticks.run()
    finally:
        await alerts.leave()


def _doors(settings: Settings, bot: Bot | None, graph: GraphClient | None) -> Doors:
    return Doors(
        telegram=asks_telegram(bot) if bot else None,
        whatsapp=asks_whatsapp(graph) if graph else None,
        web=settings.public_url if settings.has_web_chat else None,
    )


def _documents(service: Service) -> Documents:
    voice = service.voice
    return Documents(service.database, voice.texts, clock=service.clock, doors=voice.doors)


def _pacer(database: Database, sender: Sender, account: str) -> Pacer | SharedPacer:
    """Count in memory where no other process sends, or nothing is to be counted."""
    if database.is_sqlite or not sender.pace.per_second:
        return Pacer(sender.pace, time.monotonic)
    return SharedPacer(sender.pace, database, f"{sender.channel}:{account}")


def _delivery(
    service: Service,
    sender: Sender,
    account: str,
    *,
    gate: Gate | None = None,
    after_sent: AfterSent | None = None,
) -> Delivery:
    """Return the delivery of one channel; `account` is what the platform counts messages by."""
    return Delivery(
        service.database,
        sender,
        service.voice.texts,
        service.clock,
        pacer=_pacer(service.database, sender, account),
        after_sent=after_sent,
        gate=gate,
        fallback=service.fallback,
        documents=_documents(service),
        recordings=service.voice.recordings,
    )


def _sms_gate(settings: Settings, texter: SmsSender) -> SmsGate | None:
    """Return what asks the gateway for reports, None when there is nothing to take them."""
    if settings.sms_report_url is None or settings.sms_report_secret is None:
        return None
    return SmsGate(texter, settings.sms_report_url, settings.sms_report_secret.get_secret_value())


def _whatsapp_gate(service: Service, graph: GraphClient) -> WhatsAppGate:
    settings, database, texts = service.settings, service.database, service.voice.texts
    people = settings.whatsapp_daily_people
    limits = Limits(
        people=LOWEST if people is None else people or None, budget=settings.whatsapp_daily_budget
    )
    sender = WhatsAppSender(graph, database.keys, texts, whatsapp_pace(settings.whatsapp_per_second))
    return WhatsAppGate(database, sender, texts, service.clock, service.voice.world.zone, limits)


def _whatsapp_intake(service: Service) -> WhatsAppIntake:
    settings = service.settings
    number, secret = settings.whatsapp_phone_number_id, settings.whatsapp_app_secret
    verify = settings.whatsapp_verify_token
    assert number and secret and verify  # noqa: S101, PT018 - the settings are not whole without them
    return WhatsAppIntake(
        service.database,
        service.clock,
        phone_number_id=number,
        app_secret=secret.get_secret_value(),
        verify_token=verify.get_secret_value(),
        fields=template_fields(service.voice),
        fallback=service.fallback,
    )


def graph_client(settings: Settings) -> GraphClient:
    """Return a client of the settings' business number, not entered yet."""
    token, number = settings.whatsapp_token, settings.whatsapp_phone_number_id
    assert token and number  # noqa: S101, PT018 - callers ask only with a token, which needs the number
    return GraphClient(settings.whatsapp_api_url, token.get_secret_value(), number)


def sms_sender(settings: Settings) -> SmsSender:
    """Return a sender through the settings' gateway, not entered yet."""
    url, password = settings.sms_url, settings.sms_password
    assert url  # noqa: S101 - callers ask only where there is one
    gateway = Gateway(
        url,
        settings.sms_method,
        settings.sms_user,
        password.get_secret_value() if password else None,
        settings.sms_from,
        settings.sms_report_url,
        settings.sms_per_second,
    )
    return SmsSender(gateway)


async def _telegram_intake(intake: TelegramIntake, settings: Settings) -> None:
    """Take updates by webhook when there is a public address, else by long polling."""
    if settings.public_url is None:
        await intake.poll()
        return
    secret = _webhook_secret(settings, intake.keys)
    public_url = settings.public_url
    await _until_telegram_answers(lambda: intake.set_webhook(public_url, secret))
    await asyncio.Event().wait()


async def _telegram_profile(bot: Bot, voice: Voice) -> None:
    """Set what the platform shows of the bot by itself; people are served meanwhile."""
    await _until_telegram_answers(lambda: register_commands(bot, voice.texts))
    await asyncio.Event().wait()


async def _staff_commands(service: Service, bot: Bot) -> None:
    """Keep each staff member's command list true to their role and language, until cancelled."""
    known: dict[str, tuple[PersonRole, str | None]] = {}
    async with service.database.wakes.bell("staff") as bell:
        while True:
            try:
                async with service.database.reading() as unit:
                    staff = [
                        (address.external_id, contact)
                        for role in sorted(STAFF)
                        for contact in await unit.contacts.staff(role)
                        if (address := await unit.addresses.preferred(contact.id)) is not None
                        and address.channel == Channel.TELEGRAM
                    ]
                wanted = {chat_id: (contact.role, contact.language) for chat_id, contact in staff}
                # Who is no longer staff sees what everybody sees.
                gone = {chat_id: (PersonRole.BENEFICIARY, None) for chat_id in known if chat_id not in wanted}
                for chat_id, (role, language) in {**wanted, **gone}.items():
                    if known.get(chat_id) == (role, language):
                        continue
                    if await _set_commands(service, bot, chat_id, role, language):
                        known[chat_id] = (role, language)
            except (DatabaseLocked, DatabaseUnreachable) as error:
                log.warning("staff_commands_not_set", error=type(error).__name__)
            await rung(bell, timeout_s=STAFF_COMMANDS_EVERY_S)


async def _set_commands(
    service: Service, bot: Bot, chat_id: str, role: PersonRole, language: str | None
) -> bool:
    """Set one person's command list; False when Telegram did not take it, which holds up nobody else."""
    own = service.voice.of(language).language
    try:
        await register_staff_commands(bot, chat_id, role, own, service.voice.texts)
    except TelegramError as error:
        log.warning("staff_commands_not_set", error=type(error).__name__)
        return False
    return True


async def _until_telegram_answers(call: Callable[[], Awaitable[None]]) -> None:
    """Try a start-up call until the platform answers."""
    pause_s = 1.0
    while True:
        try:
            await call()
        except TelegramError as error:
            log.warning("telegram_set_up_failed", error=type(error).__name__)
        else:
            return
        await asyncio.sleep(pause_s)
        pause_s = min(60.0, pause_s * 2)


@asynccontextmanager
async def telegram_bot(settings: Settings) -> AsyncIterator[Bot]:
    """Give a Bot that talks to the settings' server.

    Raises SettingsWrong when the server says that the token is wrong; a server that does not answer
    is waited for later, since the rest of the service can run.
    """
    token = settings.telegram_token
    assert token is not None  # noqa: S101 - callers ask only with a token
    bot = Bot(
        token.get_secret_value(),
        base_url=f"{settings.telegram_api_url}/bot",
        base_file_url=f"{settings.telegram_api_url}/file/bot",
        request=AiohttpRequest(),
        get_updates_request=AiohttpRequest(),
    )
    try:
        try:
            await bot.initialize()
        except InvalidToken:
            raise SettingsWrong(
                "TELEGRAM_TOKEN is not accepted by the Telegram server: copy it again from @BotFather."
            ) from None
        except TelegramError as error:
            log.warning("telegram_does_not_answer", error=type(error).__name__)
        yield bot
    finally:
        await bot.shutdown()


def _webhook_secret(settings: Settings, keys: KeyRing) -> str:
    if settings.webhook_secret is not None:
        return settings.webhook_secret.get_secret_value()
    return keys.index("telegram", "webhook-secret").hex()


async def _relay_wakes(database: Database) -> None:
    """Hear what other processes have written; without it work waits a few seconds, but is not lost."""
    trouble = Trouble("wakes")
    while True:
        try:
            await database.relay_wakes(trouble.over)
        except DatabaseUnreachable as error:
            await asyncio.sleep(trouble.pause_s(error))


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the service stops as a whole."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _web(service: Service, listener: socket.socket, extra_routes: Sequence[BaseRoute]) -> None:
    settings = service.settings
    app = create_app(
        database=service.database,
        settings=settings,
        clock=service.clock,
        voice=service.voice,
        extra_routes=extra_routes,
    )
    port = listener.getsockname()[1]
    if settings.is_demo:
        print(f"Jisr (demo, on this machine only): http://127.0.0.1:{port}", flush=True)  # noqa: T201
    elif settings.has_web_chat:
        print(f"Jisr web chat: http://{settings.host}:{port}", flush=True)  # noqa: T201
    await _serve_http(app, listener)


async def _serve_http(app: Starlette, listener: socket.socket) -> None:
    """Serve until cancelled."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=LARGEST_FRAME,
            timeout_graceful_shutdown=PAGES_CLOSE_WITHIN_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        # Open pages are told that the service goes, and come back by themselves.
        server.should_exit = True
        await serving
        raise


def _listen(host: str, port: int, setting: str) -> socket.socket:
    """Raises SettingsWrong when the port, which that setting gives, is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # From here on nobody else gets the port; who connects before the service is ready waits.
        listener.listen(WAITING_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise SettingsWrong(
            f"Port {port} on {host} can't be used ({error.strerror}): "
            f"stop what listens there, or set {setting} to another port."
        ) from None
    return listener


async def keys_of(engine: AsyncEngine, settings: Settings) -> KeyRing:
    """Return the keys the database is written with; a first start makes them.

    Raises KeysBroken when keys and database do not belong together: nobody would be found any more.
    """
    is_new_file = settings.uses_sqlite and not sqlite_path(settings).exists()
    written_with, ids = (None, None) if is_new_file else await _keys_marks(engine)
    if settings.keys is not None:
        keys = KeyRing.from_text(settings.keys.get_secret_value())
    else:
        path = settings.var_dir / "keys"
        if written_with is not None and not path.exists():
            raise KeysBroken(f"The key file {path} is missing: put back the database's copy of it.")
        keys = load_or_create_keys(path)
    if written_with not in (None, keys.sign):
        raise KeysBroken(
            "The database was written with other keys than these: restore the key file "
            "(or JISR_KEYS) that belongs to it."
        )
    missing = set(ids.split(",")) - keys.ids if ids else set()
    if missing:
        raise KeysBroken(
            f"The database also holds values of the key {sorted(missing)[0]}, which is not among these: "
            "add it to the key file (or JISR_KEYS) again."
        )
    return keys


async def _keys_marks(engine: AsyncEngine) -> tuple[str | None, str | None]:
    """Return the sign of the keys in use and their ids, None for an empty database."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if not await connection.run_sync(lambda sync_connection: inspect(sync_connection).has_table("marks")):
            return None, None
        marks = MarkStore(connection)
        return await marks.get(KEYS_MARK), await marks.get(KEY_IDS_MARK)


async def _refuse_the_demos(settings: Settings, database: Database) -> None:
    """Raises SettingsWrong when real people would meet the demo's invented staff and its clock."""
    async with database.reading() as unit:
        is_demos = await unit.marks.get(DEMO_MARK) is not None
    if is_demos and not settings.is_demo:
        raise SettingsWrong(
            "This database was used by the demo, with invented staff and a clock ahead of time: "
            "set JISR_VAR_DIR to a new folder, or DATABASE_URL to another database."
        )


async def _clock(settings: Settings, database: Database) -> Clock:
    """The demo's clock runs ahead by as much as was skipped; elsewhere it is the machine's."""
    if not settings.is_demo:
        return SystemClock()
    async with database.reading() as unit:
        offset = await unit.marks.get(OFFSET_MARK)
    return ShiftedClock(timedelta(seconds=float(offset or 0)))


def _region_code(voice: Voice, city: str) -> str | None:
    matches = voice.world.places.find(city)
    return matches[0].place.region_code if matches else None


@contextmanager
def only_process(settings: Settings) -> Iterator[None]:
    """Raises ProcessAlreadyRunning when another process serves the same SQLite database."""
    _make_folder(settings)
    lock = ProcessLock(sqlite_path(settings).with_suffix(".lock"))
    lock.take()
    try:
        yield
    finally:
        lock.release()


def sqlite_path(settings: Settings) -> Path:
    return Path(make_url(settings.database_url).database or "jisr.sqlite3")


def _make_folder(settings: Settings) -> None:
    """Raises SettingsWrong when the database's folder can't be made or written."""
    folder = sqlite_path(settings).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsWrong(
            f"The database's folder {folder} can't be made ({error.strerror}): "
            "make it, or set JISR_DATABASE_URL or JISR_VAR_DIR to another place."
        ) from None
