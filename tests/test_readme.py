"""What the README promises is there: settings, commands, files."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import cli
from bot.settings import KNOWN_NAMES, settings_markdown

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def found(pattern: str) -> list[str]:
    """Return what the pattern's group finds in the README, each once; nothing found is a mistake."""
    matches = list(dict.fromkeys(re.findall(pattern, README, re.MULTILINE)))
    assert matches
    return matches


def test_the_settings_table_is_what_the_service_reads() -> None:
    """When this fails: python -m bot.settings prints the table to put between the two marks."""
    shown = README.partition("<!-- settings: begin -->\n")[2].partition("\n<!-- settings: end -->")[0]

    assert shown == settings_markdown()


@pytest.mark.parametrize("name", found(r"\b((?:JISR|TELEGRAM)_[A-Z_]+)\b"))
def test_a_setting_that_is_named_exists(name: str) -> None:
    assert name in KNOWN_NAMES


@pytest.mark.parametrize("target", found(r"(?:^|`|… )make ([a-z-]+)"))
def test_a_target_of_make_that_is_named_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE) or target == "help"


@pytest.mark.parametrize("arguments", found(r"^ *\./jisr (.+)$"))
def test_a_command_that_is_named_is_understood(arguments: str) -> None:
    asked = CliRunner().invoke(cli, [*shlex.split(arguments), "--help"])

    assert asked.exit_code == 0, asked.output
    for option in re.findall(r"--[a-z]+", arguments):
        assert option in asked.output


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_file_that_is_linked_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [*re.findall(r"\]\(([^)#\s]+)[^)]*\)", text), *re.findall(r'src="([^"]+)"', text)]

    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]

    assert missing == []
