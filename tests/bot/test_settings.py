import base64
import traceback
from pathlib import Path

import pytest

from bot.settings import Role, Settings, SettingsWrong, load_settings, settings_table

TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456"
KEYS = "2026:" + base64.b64encode(b"n" * 32).decode()
POSTGRES = "postgresql://jisr:s3cret@db.example/jisr"


def settings(**environ: str) -> Settings:
    return load_settings(environ, env_file=None)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsWrong) as caught:
        settings(**environ)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_with_no_settings_at_all_it_is_a_demo_on_this_machine() -> None:
    given = settings()

    assert given.is_demo
    assert given.has_web_chat
    assert (given.host, given.port) == ("127.0.0.1", 8080)
    assert given.database_url == "sqlite:///var/jisr.sqlite3"
    assert given.async_database_url == "sqlite+aiosqlite:///var/jisr.sqlite3"
    assert given.roles == (Role.WEB, Role.TURNS, Role.DELIVERY, Role.TICKS)
    assert given.telegram_token is None
    assert given.telegram_api_url == "https://api.telegram.org"


def test_every_setting_is_read() -> None:
    given = settings(
        DATABASE_URL=POSTGRES,
        TELEGRAM_TOKEN=TOKEN,
        TELEGRAM_API_URL="http://127.0.0.1:9000/",
        TELEGRAM_WEBHOOK_SECRET="w-1",
        PUBLIC_URL="https://jisr.example.org/",
        JISR_HOST="0.0.0.0",  # noqa: S104 - a container's usual address
        JISR_PORT="80",
        JISR_WEB_CHAT="off",
        JISR_KEYS=KEYS,
        JISR_VAR_DIR="/srv/jisr",
        JISR_LOG_LEVEL="debug",
        JISR_LOG_FORMAT="json",
        JISR_ROLES="ticks, web",
        JISR_CENTRES_FILE="centres.csv",
    )

    assert given.async_database_url == "postgresql+asyncpg://jisr:s3cret@db.example/jisr"
    assert given.telegram_token is not None
    assert given.telegram_token.get_secret_value() == TOKEN
    assert given.telegram_api_url == "http://127.0.0.1:9000"
    assert given.webhook_secret is not None
    assert given.webhook_secret.get_secret_value() == "w-1"
    assert given.public_url == "https://jisr.example.org"
    assert (given.host, given.port) == ("0.0.0.0", 80)  # noqa: S104
    assert not given.has_web_chat
    assert not given.is_demo
    assert given.keys is not None
    assert given.keys.get_secret_value() == KEYS
    assert given.var_dir == Path("/srv/jisr")
    assert (given.log_level, given.log_format) == ("DEBUG", "json")
    assert given.roles == (Role.WEB, Role.TICKS)
    assert given.centres_file == Path("centres.csv")


def test_the_process_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JISR_PORT", "9999")

    assert load_settings(env_file=None).port == 9999


def test_no_way_of_showing_settings_shows_a_secret() -> None:
    given = settings(
        DATABASE_URL=POSTGRES,
        TELEGRAM_TOKEN=TOKEN,
        JISR_KEYS=KEYS,
        TELEGRAM_WEBHOOK_SECRET="w-1",
        JISR_METRICS_TOKEN="figures-for-me-alone",
        JISR_HEARTBEAT_URL="https://beat.example/check-1",
    )

    for secret in ("s3cret", TOKEN, KEYS, "w-1", "figures-for-me-alone", "check-1"):
        assert secret not in f"{given!r} {given}"


def test_the_database_lies_in_the_var_folder_unless_it_is_named() -> None:
    assert settings(JISR_VAR_DIR="/srv").database_url == "sqlite:////srv/jisr.sqlite3"
    assert settings(JISR_VAR_DIR="/srv", DATABASE_URL="sqlite:///a.db").database_url == "sqlite:///a.db"
    assert settings(JISR_DATABASE_URL="sqlite:///b.db").database_url == "sqlite:///b.db"


def test_hosting_providers_spellings_of_a_database_are_understood() -> None:
    given = settings(DATABASE_URL="postgres://jisr@db.example/jisr?sslmode=require", JISR_KEYS=KEYS)

    assert given.async_database_url == "postgresql+asyncpg://jisr@db.example/jisr?ssl=require"
    assert not given.uses_sqlite


def test_an_empty_value_counts_as_not_set_and_blanks_round_a_value_as_nothing() -> None:
    given = settings(TELEGRAM_TOKEN="", JISR_PORT=" 80 ", JISR_KEYS="  ")

    assert given.is_demo
    assert given.port == 80
    assert given.keys is None


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"DATABASE_URL": "s3cret"}, "DATABASE_URL must look like sqlite:///path/to/file or"),
        ({"DATABASE_URL": "mysql://me:s3cret@db/x"}, "must start with sqlite:/// (three strokes) or postgresql://"),
        ({"DATABASE_URL": "sqlite://var/jisr.sqlite3"}, "(three strokes)"),
        ({"DATABASE_URL": "sqlite://"}, "must end with the name of a database or of its file."),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "must end with the name"),
        ({"DATABASE_URL": "postgresql://me:s3cret@db:port/x"}, "must look like"),
        ({"TELEGRAM_TOKEN": "s3cret"}, "TELEGRAM_TOKEN does not look like a bot token"),
        ({"TELEGRAM_TOKEN": TOKEN[:20]}, "copy it whole from @BotFather."),
        ({"TELEGRAM_API_URL": "api.telegram.org"}, "TELEGRAM_API_URL must be a web address like https://"),
        ({"TELEGRAM_API_URL": "http://[::1"}, "TELEGRAM_API_URL must be a web address"),
        ({"PUBLIC_URL": "http://jisr.example.org"}, "PUBLIC_URL must start with https://"),
        ({"PUBLIC_URL": "https://jisr.example.org/?a=1"}, "PUBLIC_URL must be a web address"),
        ({"TELEGRAM_WEBHOOK_SECRET": "s3cret!"}, "TELEGRAM_WEBHOOK_SECRET may hold 1 to 256 of"),
        ({"JISR_METRICS_TOKEN": "s3cret"}, "JISR_METRICS_TOKEN must be 16 or more of"),
        ({"JISR_HEARTBEAT_URL": "http://s3cret.example"}, "JISR_HEARTBEAT_URL must be a whole address that"),
        ({"JISR_HEARTBEAT_URL": "https://[s3cret"}, "JISR_HEARTBEAT_URL must be a whole address that"),
        ({"JISR_PORT": "s3cret"}, "JISR_PORT must be a valid integer"),
        ({"JISR_PORT": "65536"}, "JISR_PORT must be less than or equal to 65535."),
        ({"JISR_WEB_CHAT": "yes"}, "JISR_WEB_CHAT must be 'auto', 'on' or 'off'."),
        ({"JISR_LOG_LEVEL": "loud"}, "JISR_LOG_LEVEL must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'."),
        ({"JISR_LOG_FORMAT": "xml"}, "JISR_LOG_FORMAT must be 'auto', 'json' or 'console'."),
        ({"JISR_KEYS": "k:s3cret!"}, "JISR_KEYS is wrong: Encryption key 1 is not base64."),
        ({"JISR_ROLES": "web,tick"}, "must list some of web, turns, delivery, ticks: did you mean ticks?"),
        ({"JISR_ROLES": ","}, "JISR_ROLES must list some of web, turns, delivery, ticks."),
        ({"JISR_ROLES": "web,turns"}, "JISR_ROLES divides the work between processes, which SQLite"),
        ({"JISR_HOST": "0.0.0.0"}, "JISR_HOST opens the demo to the network"),  # noqa: S104
        ({"DATABASE_URL": POSTGRES}, "JISR_KEYS is needed with PostgreSQL"),
        ({"JISR_PROT": "80"}, "JISR_PROT is not a setting: did you mean JISR_PORT?"),
        ({"jisr_port": "80"}, "jisr_port is not a setting: did you mean JISR_PORT?"),
        ({"TELEGRAM_BOT_TOKEN": "s3cret"}, "is not a setting: did you mean TELEGRAM_TOKEN?"),
        ({"JISR_XYZZYXYZZY": ""}, "JISR_XYZZYXYZZY is not a setting."),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_sentence_that_says_what_to_do(environ: dict[str, str], sentence: str) -> None:
    said = refusal(**environ)

    assert sentence in said
    assert "\n" not in said
    assert said.endswith((".", "?"))
    assert not any(value in said for value in ("s3cret", TOKEN[:20]))


def test_other_programs_variables_are_left_alone() -> None:
    assert settings(HOME="/root", PATHS="x", _env_file="x", PORT="nonsense").port == 8080


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_demo_may_listen_on_any_name_of_this_machine(host: str) -> None:
    assert settings(JISR_HOST=host).is_demo


@pytest.mark.parametrize(
    ("environ", "has_web_chat"),
    [
        ({"TELEGRAM_TOKEN": TOKEN}, False),
        ({"PUBLIC_URL": "https://jisr.example.org"}, True),
        ({"JISR_WEB_CHAT": "on"}, True),
        ({"JISR_WEB_CHAT": "on", "TELEGRAM_TOKEN": TOKEN}, True),
        ({"JISR_WEB_CHAT": "off"}, False),
    ],
)
def test_a_service_for_real_people_is_no_demo_and_may_be_open(
    environ: dict[str, str], has_web_chat: bool
) -> None:
    given = settings(**environ, JISR_HOST="0.0.0.0")  # noqa: S104

    assert not given.is_demo
    assert given.has_web_chat == has_web_chat


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"])
def test_a_public_address_on_this_machine_needs_no_https(url: str) -> None:
    assert settings(PUBLIC_URL=url).public_url == url


def test_postgresql_takes_a_key_file_only_from_a_folder_chosen_on_purpose() -> None:
    assert settings(DATABASE_URL=POSTGRES, JISR_VAR_DIR="/srv/jisr").keys is None


def test_the_env_file_is_read_below_the_environment(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "\ufeff# a note\nJISR_PORT=81\nexport JISR_LOG_LEVEL='ERROR'  # why\r\nOTHER_TOOL=1\n\nJISR_KEYS=\n",
        encoding="utf-8",
    )

    given = load_settings({"JISR_PORT": "82"}, env_file)

    assert given.port == 82
    assert given.log_level == "ERROR"


def test_a_missing_env_file_is_no_error(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path / ".env").is_demo


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"JISR_PORT=80\nJISR PORT=80 s3cret\n", "Line 2 of {} is not NAME=value: correct it."),
        (b"JISR_PORT\n", "Line 1 of {} is not NAME=value"),
        (b"JISR_KEYS='s3cret\n", "Line 1 of {} is not NAME=value"),
        (b"\xff\xfe\x00", "{} cannot be read as text"),
        (b"TELEGRAM_TOKN=s3cret\n", "TELEGRAM_TOKN is not a setting: did you mean TELEGRAM_TOKEN?"),
        (b"JISR_PORT=0x50\n", "JISR_PORT must be a valid integer"),
    ],
)
def test_a_broken_env_file_is_one_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(content)

    with pytest.raises(SettingsWrong) as caught:
        load_settings({}, env_file)

    assert sentence.format(env_file) in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_env_file_that_is_a_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="cannot be read as text"):
        load_settings({}, tmp_path)


def test_the_table_for_the_readme_names_every_setting_with_its_true_default() -> None:
    table = {name: (default, meaning) for name, default, meaning in settings_table()}

    assert list(table)[:3] == ["JISR_VAR_DIR", "DATABASE_URL", "TELEGRAM_TOKEN"]
    assert len(table) == len(Settings.model_fields)
    assert all(meaning.endswith(".") for _, meaning in table.values())
    assert table["DATABASE_URL"][0] == "sqlite:///var/jisr.sqlite3"
    assert table["TELEGRAM_TOKEN"][0] == "not set"
    assert table["JISR_ROLES"][0] == "web,turns,delivery,ticks"
    given_back = {name: default for name, (default, _) in table.items() if default != "not set"}
    # The defaults can be set as they stand in the table.
    assert settings(**given_back).model_dump() == settings().model_dump()
