"""What Telegram shows of the bot by itself, by language and by role."""

import re
from collections.abc import AsyncIterator

import pytest
from telegram import Bot
from telegram.error import NetworkError

from bot.channels.telegram_commands import STAFFS, register_commands, register_staff_commands
from bot.channels.telegram_transport import AiohttpRequest
from conversations.care.people import Role
from tests.fake_telegram import FakeTelegram
from tests.fakes import marked_texts

TEXTS = marked_texts()


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    request = AiohttpRequest()
    base_url = f"{telegram.base_url}/bot"
    async with Bot(telegram.token, base_url, request=request, get_updates_request=request) as bot:
        yield bot


def names(telegram: FakeTelegram, scope: str, phone_language: str = "") -> list[str]:
    return [name for name, _ in telegram.commands[scope, phone_language]]


async def test_everybody_finds_the_same_commands_in_their_phones_language(
    telegram: FakeTelegram, bot: Bot
) -> None:
    await register_commands(bot, TEXTS)

    for phone_language, mark in {"": "[ary] ", "ar": "[ar] ", "fr": "[fr] ", "en": ""}.items():
        commands = dict(telegram.commands["default", phone_language])
        assert list(commands) == ["menu", "language", "help", "person", "why", "stop"]
        assert commands["menu"] == f"{mark}Show the menu"
        assert telegram.descriptions[phone_language].startswith(f"{mark}Find a centre")
        assert telegram.short_descriptions[phone_language].startswith(f"{mark}Find a centre")
    assert telegram.refusals == []


async def test_the_profile_says_nothing_of_prison(telegram: FakeTelegram, bot: Bot) -> None:
    await register_commands(bot, TEXTS)

    seen = f"{telegram.descriptions} {telegram.short_descriptions} {telegram.commands}"
    assert not re.search("prison|release|jail|detain|reintegrat|probation", seen, re.IGNORECASE)


async def test_staff_find_their_own_commands_in_their_own_chat(telegram: FakeTelegram, bot: Bot) -> None:
    driss, chama = telegram.user(first_name="Driss"), telegram.user(first_name="Chama")

    await register_staff_commands(bot, driss.id, Role.CASEWORKER, "fr", TEXTS)
    await register_staff_commands(bot, str(chama.id), Role.MANAGER, "ar", TEXTS)

    assert names(telegram, f"chat:{driss.id}") == list(STAFFS[Role.CASEWORKER])
    assert names(telegram, f"chat:{chama.id}") == list(STAFFS[Role.MANAGER])
    assert "close" in STAFFS[Role.CASEWORKER]
    assert "complaints" not in STAFFS[Role.CASEWORKER]
    assert "experiments" in STAFFS[Role.MANAGER]
    assert dict(telegram.commands[f"chat:{driss.id}", ""])["today"] == "[fr] Today's visits"


async def test_who_is_staff_no_more_finds_everybodys_commands(telegram: FakeTelegram, bot: Bot) -> None:
    driss = telegram.user(first_name="Driss")
    await register_staff_commands(bot, driss.id, Role.CASEWORKER, "fr", TEXTS)

    await register_staff_commands(bot, driss.id, Role.BENEFICIARY, "fr", TEXTS)

    assert (f"chat:{driss.id}", "") not in telegram.commands


async def test_what_telegram_refuses_just_now_does_not_stop_the_rest(
    telegram: FakeTelegram, bot: Bot
) -> None:
    telegram.fail_next("setMyDescription", 429, retry_after=3600)

    await register_commands(bot, TEXTS)

    assert set(telegram.descriptions) == {"ar", "fr", "en"}
    assert set(telegram.short_descriptions) == {"", "ar", "fr", "en"}


async def test_a_platform_that_does_not_answer_is_told_to_the_caller(
    telegram: FakeTelegram, bot: Bot
) -> None:
    telegram.fail_next("setMyCommands", 502)

    with pytest.raises(NetworkError):
        await register_commands(bot, TEXTS)
