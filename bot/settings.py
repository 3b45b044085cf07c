"""What the operator can set, read from the environment and an optional .env file.

The fields' descriptions are the settings table of the README: `python -m bot.settings` prints it.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.logs import TOKEN_SHAPE
from storage.encryption import KeyRing
from storage.errors import KeysBroken

OWN_PREFIXES = ("JISR_", "TELEGRAM_", "WHATSAPP_")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# Bot API reference, setWebhook, secret_token.
WEBHOOK_SECRET_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
# RFC 6750, section 2.1; long enough that nobody guesses it.
BEARER_TOKEN_SHAPE = re.compile(r"[A-Za-z0-9._~+/=-]{16,}", re.ASCII)
ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",  # as some hosting providers write it
}
UNSET = "not set"


class SettingsWrong(Exception):
    """A setting is wrong; the message is one sentence for the operator, free of secrets."""


class Role(StrEnum):
    """What one process does; several processes can share the roles on PostgreSQL."""

    WEB = "web"
    TURNS = "turns"
    DELIVERY = "delivery"
    TICKS = "ticks"


ALL_ROLES = tuple(Role)


def _database_url(url: str) -> str:
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("must look like sqlite:///path/to/file or postgresql://user@host/name") from None
    if parts.drivername not in ASYNC_DRIVERS or (parts.drivername == "sqlite" and parts.host):
        raise ValueError("must start with sqlite:/// (three strokes) or postgresql://")
    if not parts.database or parts.database == ":memory:":
        raise ValueError("must end with the name of a database or of its file")
    return url


def _telegram_token(token: SecretStr) -> SecretStr:
    if not TOKEN_SHAPE.fullmatch(token.get_secret_value()):
        raise ValueError(
            "does not look like a bot token (digits, a colon, 30 or more letters): "
            "copy it whole from @BotFather"
        )
    return token


def _webhook_secret(secret: SecretStr) -> SecretStr:
    if not WEBHOOK_SECRET_SHAPE.fullmatch(secret.get_secret_value()):
        raise ValueError("may hold 1 to 256 of A-Z, a-z, 0-9, _ and - only")
    return secret


def _keys(keys: SecretStr) -> SecretStr:
    try:
        KeyRing.from_text(keys.get_secret_value())
    except KeysBroken as error:
        raise ValueError(f"is wrong: {str(error).rstrip('.')}") from None
    return keys


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or parts.query or parts.fragment:
        raise ValueError("must be a web address like https://jisr.example.org")
    return url.rstrip("/")


def _public_url(url: str) -> str:
    url = _web_address(url)
    if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOOPBACK:
        raise ValueError("must start with https://, because people's messages travel over it")
    return url


def _metrics_token(token: SecretStr) -> SecretStr:
    if not BEARER_TOKEN_SHAPE.fullmatch(token.get_secret_value()):
        raise ValueError(
            "must be 16 or more of A-Z, a-z, 0-9 and -._~+/=, such as `openssl rand -hex 24` gives"
        )
    return token


def _heartbeat_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    except ValueError:
        is_safe = False
    if not is_safe or not parts.hostname:
        raise ValueError("must be a whole address that starts with https://")
    return url


def _graph_id(number: str) -> str:
    if not (number.isascii() and number.isdecimal()):
        raise ValueError("must be digits alone, as the app's WhatsApp page shows it: the id, not the number")
    return number


def _graph_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be one word of ASCII: copy it again")
    return secret


def _roles(text: object) -> object:
    if not isinstance(text, str):
        return text
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in ALL_ROLES]
    if unknown or not names:
        raise ValueError(f"must list some of {', '.join(ALL_ROLES)}{_did_you_mean(unknown, ALL_ROLES)}")
    return tuple(role for role in ALL_ROLES if role in names)


def _upper(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


class Settings(BaseSettings):
    """All settings, checked. Made by `load_settings`."""

    model_config = SettingsConfigDict(
        case_sensitive=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    var_dir: Path = Field(
        default=Path("var"),
        validation_alias="JISR_VAR_DIR",
        description="Folder for the SQLite database, the key file and the process lock.",
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default_factory=lambda data: f"sqlite:///{data['var_dir']}/jisr.sqlite3",
        validation_alias=AliasChoices("JISR_DATABASE_URL", "DATABASE_URL"),
        description="Database: sqlite:///path or postgresql://user:password@host/name; "
        "when not set, a file in JISR_VAR_DIR. JISR_DATABASE_URL goes before DATABASE_URL.",
        repr=False,
    )
    telegram_token: Annotated[SecretStr, AfterValidator(_telegram_token)] | None = Field(
        default=None,
        validation_alias="TELEGRAM_TOKEN",
        description="Token of the Telegram bot, from @BotFather; without it Telegram is off.",
    )
    telegram_api_url: Annotated[str, AfterValidator(_web_address)] = Field(
        default="https://api.telegram.org",
        validation_alias="TELEGRAM_API_URL",
        description="Address of the Bot API server.",
    )
    telegram_per_second: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=30,
        validation_alias="TELEGRAM_PER_SECOND",
        description="Messages a second that all processes together send at most; Telegram allows about 30. "
        "0: no limit of ours, neither of one chat; for tests against a Bot API server of your own.",
    )
    whatsapp_token: Annotated[SecretStr, AfterValidator(_graph_secret)] | None = Field(
        default=None,
        validation_alias="WHATSAPP_TOKEN",
        description="Access token of a system user of the Meta app; without it WhatsApp is off.",
    )
    whatsapp_phone_number_id: Annotated[str, AfterValidator(_graph_id)] | None = Field(
        default=None,
        validation_alias="WHATSAPP_PHONE_NUMBER_ID",
        description="Id of the business phone number that sends and receives.",
        repr=False,
    )
    whatsapp_business_account_id: Annotated[str, AfterValidator(_graph_id)] | None = Field(
        default=None,
        validation_alias="WHATSAPP_BUSINESS_ACCOUNT_ID",
        description="Id of the WhatsApp business account, which holds the templates.",
        repr=False,
    )
    whatsapp_app_secret: Annotated[SecretStr, AfterValidator(_graph_secret)] | None = Field(
        default=None,
        validation_alias="WHATSAPP_APP_SECRET",
        description="Secret of the Meta app, with which Meta signs what it delivers.",
    )
    whatsapp_verify_token: Annotated[SecretStr, AfterValidator(_graph_secret)] | None = Field(
        default=None,
        validation_alias="WHATSAPP_VERIFY_TOKEN",
        description="Word of your own that Meta repeats when you set the webhook to "
        "PUBLIC_URL/whatsapp/webhook.",
    )
    whatsapp_api_url: Annotated[str, AfterValidator(_web_address)] = Field(
        default="https://graph.facebook.com/v26.0",
        validation_alias="WHATSAPP_API_URL",
        description="Address of the Graph API with its version.",
    )
    whatsapp_per_second: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=80,
        validation_alias="WHATSAPP_PER_SECOND",
        description="Messages a second that the number may send; Meta allows 80, 20 in coexistence with the "
        "app. 0: no limit of ours, neither of one chat; for tests against a server of your own.",
    )
    sms_url: Annotated[str, AfterValidator(_web_address)] | None = Field(
        default=None,
        validation_alias="JISR_SMS_URL",
        description="Address of a Kannel-compatible gateway, such as http://127.0.0.1:13013/cgi-bin/sendsms: "
        "reminders of visits that nothing else can carry go out as text messages. Without it none does.",
    )
    sms_method: Literal["get", "post"] = Field(
        default="get",
        validation_alias="JISR_SMS_METHOD",
        description="How the gateway is asked: get, or post with a form.",
    )
    sms_user: str | None = Field(
        default=None, validation_alias="JISR_SMS_USER", description="User of the gateway.", repr=False
    )
    sms_password: SecretStr | None = Field(
        default=None, validation_alias="JISR_SMS_PASSWORD", description="Password of that user."
    )
    sms_from: str | None = Field(
        default=None,
        validation_alias="JISR_SMS_FROM",
        description="Sender that people see. It must tell nobody what the service is for.",
    )
    sms_report_url: str | None = Field(
        default=None,
        validation_alias="JISR_SMS_REPORT_URL",
        description="Address that the gateway calls when a text has arrived or has not (dlr-url): with "
        "JISR_SMS_REPORT_SECRET this service's own, such as http://127.0.0.1:8080/sms/report.",
        repr=False,
    )
    sms_report_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = Field(
        default=None,
        validation_alias="JISR_SMS_REPORT_SECRET",
        description="Secret that such calls carry. With it this service takes them, and what did not arrive "
        "goes another way.",
    )
    sms_per_second: Annotated[float, Field(gt=0, le=100)] = Field(
        default=1,
        validation_alias="JISR_SMS_PER_SECOND",
        description="Text messages a second at most.",
    )
    whatsapp_daily_people: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        validation_alias="WHATSAPP_DAILY_PEOPLE",
        description="People that Meta lets the account write to first in 24 hours, its messaging limit: 250, "
        "2000, 10000 or 100000. 0: no limit. Without it Meta is asked, and 250 hold until it answers.",
    )
    whatsapp_daily_budget: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        validation_alias="WHATSAPP_DAILY_BUDGET",
        description="Charged WhatsApp messages a day, after which announcements wait for the next morning; "
        "reminders and answers never do. Without it there is no limit.",
    )
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        default=None,
        validation_alias="PUBLIC_URL",
        description="https address under which this service is reached from outside; "
        "with it Telegram delivers by webhook, without it by long polling.",
    )
    webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secret)] | None = Field(
        default=None,
        validation_alias="TELEGRAM_WEBHOOK_SECRET",
        description="Secret that Telegram repeats with every webhook call; "
        "derived from the keys when not set.",
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias="JISR_HOST",
        description="Network address the web server listens on.",
    )
    port: int = Field(
        default=8080,
        ge=0,
        le=65535,
        validation_alias="JISR_PORT",
        description="Port the web server listens on; 0 takes any free one.",
    )
    web_chat: Literal["auto", "on", "off"] = Field(
        default="auto",
        validation_alias="JISR_WEB_CHAT",
        description="Web chat: on, off, or auto: only when there is no TELEGRAM_TOKEN and no WHATSAPP_TOKEN, "
        "and as a demo when there is no PUBLIC_URL either.",
    )
    keys: Annotated[SecretStr, AfterValidator(_keys)] | None = Field(
        default=None,
        validation_alias="JISR_KEYS",
        description="Encryption keys as id:base64 of 32 bytes, parted by commas, the current one first; "
        "when not set, a key file in JISR_VAR_DIR is made at the first start.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        default="INFO",
        validation_alias="JISR_LOG_LEVEL",
        description="Least level logged: DEBUG, INFO, WARNING or ERROR.",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto",
        validation_alias="JISR_LOG_FORMAT",
        description="Log lines: json, console, or auto: console in a terminal, json elsewhere.",
    )
    roles: Annotated[tuple[Role, ...], BeforeValidator(_roles)] = Field(
        default=ALL_ROLES,
        validation_alias="JISR_ROLES",
        description="What this process does, parted by commas; with SQLite one process does it all.",
    )
    health_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        validation_alias="JISR_HEALTH_PORT",
        description="Another port on JISR_HOST, for /healthz, /readyz and /metrics alone: "
        "for processes without the web role, and to keep all of it out of a proxy's reach.",
    )
    metrics_token: Annotated[SecretStr, AfterValidator(_metrics_token)] | None = Field(
        default=None,
        validation_alias="JISR_METRICS_TOKEN",
        description="Bearer token with which other machines may read /metrics and the reasons of /readyz; "
        "without it only this machine may, and with PUBLIC_URL only on JISR_HEALTH_PORT.",
    )
    heartbeat_url: Annotated[SecretStr, AfterValidator(_heartbeat_url)] | None = Field(
        default=None,
        validation_alias="JISR_HEARTBEAT_URL",
        description="https address that is called each minute while all is well, such as a monitoring "
        "service's check-in: when the calls stop, that service raises the alarm.",
    )
    backup_dir: Path | None = Field(
        default=None,
        validation_alias="JISR_BACKUP_DIR",
        description="Folder for the daily backups; when not set, backups in JISR_VAR_DIR with SQLite, "
        "and no daily backup with PostgreSQL.",
    )
    backup_keep: Annotated[int, Field(ge=0, le=60)] = Field(
        default=14,
        validation_alias="JISR_BACKUP_KEEP",
        description="For how many days a daily backup is kept, at most 60: so long somebody who was erased "
        "can still be in one. 0: no daily backup.",
    )
    centres_file: Path | None = Field(
        default=None,
        validation_alias="JISR_CENTRES_FILE",
        description="CSV file of centres to load instead of the one that comes with Jisr.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # load_settings hands everything in: it has to see unknown names and broken lines too.
        return (init_settings,)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.is_demo and self.host not in LOOPBACK:
            raise ValueError(
                "JISR_HOST opens the demo to the network, but the demo is for this machine only: unset it, "
                "or set TELEGRAM_TOKEN, or set JISR_WEB_CHAT=on to serve the web chat to real people."
            )
        if self.whatsapp_token is not None:
            needed = ("whatsapp_phone_number_id", "whatsapp_app_secret", "whatsapp_verify_token")
            missing = [_names(name)[0] for name in needed if getattr(self, name) is None]
            if missing:
                raise ValueError(
                    f"WHATSAPP_TOKEN needs {missing[0]} beside it: docs/whatsapp.md says where from."
                )
        if self.uses_sqlite and set(self.roles) != set(ALL_ROLES):
            raise ValueError(
                "JISR_ROLES divides the work between processes, which SQLite cannot: "
                "unset it, or set DATABASE_URL to a postgresql:// address."
            )
        if not self.uses_sqlite and self.keys is None and "var_dir" not in self.model_fields_set:
            raise ValueError(
                "JISR_KEYS is needed with PostgreSQL, so that every process has the same keys: set it, "
                "or set JISR_VAR_DIR to a folder that is kept and backed up, and a key file is made there."
            )
        return self

    @property
    def uses_sqlite(self) -> bool:
        return make_url(self.database_url).drivername == "sqlite"

    @property
    def async_database_url(self) -> str:
        """The database URL with the asynchronous driver; holds the password."""
        url = make_url(self.database_url)
        url = url.set(drivername=ASYNC_DRIVERS[url.drivername])
        # asyncpg takes the same values under another name.
        if "sslmode" in url.query:
            mode = url.query["sslmode"]
            url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
        return url.render_as_string(hide_password=False)

    @property
    def is_demo(self) -> bool:
        """True when nothing points at real people: no token, no public address, web chat not asked for."""
        return not self.has_messenger and self.public_url is None and self.web_chat == "auto"

    @property
    def has_messenger(self) -> bool:
        return self.telegram_token is not None or self.whatsapp_token is not None

    @property
    def backup_folder(self) -> Path | None:
        """Where backups go unless another folder is given; None: nowhere."""
        return self.backup_dir or (self.var_dir / "backups" if self.uses_sqlite else None)

    @property
    def has_daily_backup(self) -> bool:
        """The demo's people are invented, and need none."""
        return self.backup_folder is not None and self.backup_keep > 0 and not self.is_demo

    @property
    def has_web_chat(self) -> bool:
        return self.web_chat == "on" or (self.web_chat == "auto" and not self.has_messenger)


def _names(field_name: str) -> list[str]:
    alias = Settings.model_fields[field_name].validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]


KNOWN_NAMES = [name for field_name in Settings.model_fields for name in _names(field_name)]


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Return the settings from the environment and, below it, the .env file when there is one.

    An empty value counts as not set. None for environ means the process's own.
    Raises SettingsWrong with the first problem found.
    """
    environ = os.environ if environ is None else environ
    given = {**dict(_env_lines(env_file)), **environ}
    _refuse_unknown(given)
    try:
        return Settings.model_validate(
            {name: value for name in KNOWN_NAMES if (value := given.get(name, "").strip())}
        )
    except ValidationError as error:
        # Cut off from its cause, whose report could show more than the sentence.
        raise SettingsWrong(_sentence(error)) from None


def settings_table() -> list[tuple[str, str, str]]:
    """Return (name, default, meaning) of every setting, for the README."""
    defaults = Settings.model_validate({})
    return [
        (_names(name)[-1], _as_text(getattr(defaults, name)), field.description or "")
        for name, field in Settings.model_fields.items()
    ]


def settings_markdown() -> str:
    """Return the settings table as the README shows it."""
    lines = ["| name | default | meaning |", "|---|---|---|"]
    for name, default, meaning in settings_table():
        shown = default if default == UNSET else f"`{default}`"
        lines.append(f"| `{name}` | {shown} | {meaning} |")
    return "\n".join(lines)


def _env_lines(env_file: Path | None) -> Iterator[tuple[str, str]]:
    if env_file is None or not env_file.exists():
        return
    try:
        with env_file.open(encoding="utf-8-sig") as stream:
            lines = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError):
        raise SettingsWrong(f"{env_file} cannot be read as text: correct or remove it.") from None
    for line in lines:
        if line.error or (line.key and line.value is None):
            raise SettingsWrong(f"Line {line.original.line} of {env_file} is not NAME=value: correct it.")
        if line.key and line.value is not None:
            yield line.key, line.value


def _refuse_unknown(given: Mapping[str, str]) -> None:
    for name in sorted(given):
        if name.upper().startswith(OWN_PREFIXES) and name not in KNOWN_NAMES:
            raise SettingsWrong(f"{name} is not a setting{_did_you_mean([name.upper()], KNOWN_NAMES)}")


def _did_you_mean(names: Sequence[str], known: Sequence[str]) -> str:
    close = [match for name in names for match in difflib.get_close_matches(name, known, n=1)]
    return f": did you mean {close[0]}?" if close else "."


def _sentence(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    words = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    sentence = " ".join([*map(str, problem["loc"]), words])
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


def _as_text(default: object) -> str:
    if default is None:
        return UNSET
    return ",".join(default) if isinstance(default, tuple) else str(default)


if __name__ == "__main__":
    print(settings_markdown())  # noqa: T201 - a person asked for it
