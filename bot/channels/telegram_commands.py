"""What Telegram shows of the bot by itself: the list of commands and the words on its profile."""

from collections.abc import Awaitable, Mapping

import structlog
from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import BadRequest, RetryAfter

from conversations.care.people import Role
from conversations.texts import Texts

log = structlog.get_logger()

# The language of a person's phone (ISO 639-1) to ours; "" is every other phone. There is no code for
# Darija, which most people here speak, so those whose phone speaks neither of the rest get it.
PHONE_LANGUAGES = {"": "ary", "ar": "ar", "fr": "fr", "en": "en"}

EVERYBODYS = ("menu", "language", "help", "person", "why", "stop")
STAFFS = {
    Role.CASEWORKER: (
        "today",
        "week",
        "tasks",
        "figures",
        "centre",
        "close",
        "groups",
        "link",
        "menu",
        "language",
    ),
    Role.MANAGER: (
        "broadcast",
        "content",
        "centre",
        "close",
        "groups",
        "unanswered",
        "complaints",
        "figures",
        "experiments",
        "link",
        "menu",
        "language",
    ),
    Role.ADMINISTRATOR: ("link", "menu", "language"),
}


async def register_commands(bot: Bot, texts: Mapping[str, Texts]) -> None:
    """Set what everybody sees, in every language a phone may speak; `texts` by our language codes.

    What Telegram refuses is logged and left as it was. Raises TelegramError when it does not answer.
    """
    for phone_language, language in PHONE_LANGUAGES.items():
        own = texts[language]
        await _try(bot.set_my_commands(_commands(EVERYBODYS, own), language_code=phone_language))
        await _try(bot.set_my_description(_description(own), language_code=phone_language))
        await _try(bot.set_my_short_description(_short_description(own), language_code=phone_language))


async def register_staff_commands(
    bot: Bot, chat_id: int | str, role: Role, language: str, texts: Mapping[str, Texts]
) -> None:
    """Set what one person sees in their own chat by their role; everybody's list again for a beneficiary.

    What Telegram refuses is logged and left as it was. Raises TelegramError when it does not answer.
    """
    scope = BotCommandScopeChat(chat_id)
    if role in STAFFS:
        await _try(bot.set_my_commands(_commands(STAFFS[role], texts[language]), scope=scope))
    else:
        await _try(bot.delete_my_commands(scope=scope))


async def _try(call: Awaitable[bool]) -> None:
    """A bot that may not change its profile just now must serve people all the same."""
    try:
        await call
    except (BadRequest, RetryAfter) as error:
        log.warning("telegram_profile_not_set", error=type(error).__name__)


def _commands(names: tuple[str, ...], texts: Texts) -> list[BotCommand]:
    meanings = _meanings(texts)
    return [BotCommand(name, meanings[name]) for name in names]


def _meanings(texts: Texts) -> Mapping[str, str]:
    return {
        # Translators: in Telegram's list of commands, one line of about 30 characters, like the others here.
        "menu": texts.gettext("Show the menu"),
        "language": texts.gettext("Change the language"),
        "help": texts.gettext("Emergency and help numbers"),
        "person": texts.gettext("Talk to a person"),
        "why": texts.gettext("Where the answers come from"),
        "stop": texts.gettext("Stop messages"),
        "today": texts.gettext("Today's visits"),
        "week": texts.gettext("This week's visits"),
        "tasks": texts.gettext("People who wait for an answer"),
        "centre": texts.gettext("Hours and details of the centre"),
        "groups": texts.gettext("Group sessions"),
        "close": texts.gettext("Close a day or some hours"),
        "link": texts.gettext("Another phone or app"),
        "broadcast": texts.gettext("Write an announcement"),
        "content": texts.gettext("Change what people read"),
        "unanswered": texts.gettext("Questions without an answer"),
        "experiments": texts.gettext("Compare two wordings"),
        "complaints": texts.gettext("What people complain about"),
        "figures": texts.gettext("How many came to their visits"),
    }


def _description(texts: Texts) -> str:
    # Translators: on the empty chat before somebody starts; anybody may see it. At most 512 characters.
    return texts.gettext(
        "Find a centre near you, book a visit and be reminded of it. You can stop at any time."
    )


def _short_description(texts: Texts) -> str:
    # Translators: on the bot's profile; anybody may see it. At most 120 characters.
    return texts.gettext("Find a centre near you and book a visit.")
