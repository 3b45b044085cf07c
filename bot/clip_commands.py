"""`jisr clips list | script`: which texts have a recording, and what a reader has to read out."""

from sqlalchemy import inspect

from bot.app import sqlite_path
from bot.clips import SUFFIX, Place, read_recordings
from bot.places import load_places
from bot.questions import load_questions
from bot.rules_file import read_rules
from bot.settings import Settings, SettingsWrong
from bot.zone import casablanca
from conversations.care.clips import CODES, Standing, scripts, words_hash
from conversations.care.edition import Edition, edition_of
from conversations.care.rules import Change
from storage.content import ContentStore
from storage.database import create_engine


async def list_clips(settings: Settings) -> list[str]:
    """Return for each language how its recordings stand, and each text by name."""
    shelf = read_recordings(Place.shipped(), Place.own(settings.var_dir)).shelf
    edition = await _todays_edition(settings)
    read_out = list(scripts(edition.rules, edition.questions))
    lines = []
    for code in CODES:
        standings = {script.name: shelf.standing(script, code) for script in read_out}
        counts = ", ".join(f"{list(standings.values()).count(each)} {each}" for each in Standing)
        lines += [f"{code}: {counts}", *[f"  {standing:<9} {name}" for name, standing in standings.items()]]
    return lines


async def script(settings: Settings, language: str) -> list[str]:
    """Return what a reader reads out in a language: of each text that has no recording that fits.

    Above each stands its entry for the list, in which reader and day are filled in. Raises SettingsWrong.
    """
    if language not in CODES:
        raise SettingsWrong(f"There is no language {language!r}: use one of {', '.join(CODES)}.")
    shelf = read_recordings(Place.shipped(), Place.own(settings.var_dir)).shelf
    edition = await _todays_edition(settings)
    lines: list[str] = []
    for each in scripts(edition.rules, edition.questions):
        if shelf.standing(each, language) is Standing.RECORDED:
            continue
        said = each.said[language]
        lines += [
            f"# {language}/{each.name}{SUFFIX}",
            "[[clip]]",
            f'name = "{each.name}"',
            f'language = "{language}"',
            'reader = ""',
            "date =",
            f'reads = "{words_hash(said)}"',
            *[f"#   {line}" for line in said.splitlines()],
            "",
        ]
    return lines or [f"Every text has its recording in {language}."]


async def _todays_edition(settings: Settings) -> Edition:
    """Return what people read today; as shipped where there is no database yet."""
    return edition_of(read_rules(), load_questions(load_places()), await _published(settings))


async def _published(settings: Settings) -> tuple[Change, ...]:
    if settings.uses_sqlite and not sqlite_path(settings).exists():
        return ()
    engine = create_engine(settings.async_database_url)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            if not await connection.run_sync(lambda each: inspect(each).has_table("content_changes")):
                return ()
            return await ContentStore(connection, casablanca()).published()
    finally:
        await engine.dispose()
