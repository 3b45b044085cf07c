"""The files that a fresh clone is built from, and what CI does with them."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("python3.13", "python3.12", "python3.11", "python3", "python")
LOCKS = ("requirements.txt", "requirements-dev.txt")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+?)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version, _ in PIN.findall((ROOT / lock).read_text())}


def dependencies(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for group in groups for line in group]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the commands stand in this file
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_with_hashes_and_nothing_else(lock: str) -> None:
    text = (ROOT / lock).read_text()

    left = [line for line in PIN.sub("", text).splitlines() if line and not line.startswith("    #")]

    assert left == []
    assert pins(lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_install_from(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert re.findall(r"://|file:|index|find-links|trusted-host|(?:^|\s)/", text) == []


@pytest.mark.parametrize(("lock", "extras"), [("requirements.txt", []), ("requirements-dev.txt", ["dev"])])
def test_every_dependency_is_locked_in_a_version_that_the_project_allows(
    lock: str, extras: list[str]
) -> None:
    locked = pins(lock)

    for requirement in dependencies(*extras):
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier


def test_tests_run_on_the_very_versions_of_the_service() -> None:
    runtime, development = (pins(lock).items() for lock in LOCKS)

    assert runtime <= development


def test_ci_runs_every_check_and_the_tests_last() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    steps = re.findall(r"^make (\S+)$", script, re.MULTILINE)

    assert steps == ["dev", "lint", "types", "contract", "catalogues-check", "facts-check", "test"]
    assert "set -euo pipefail" in script
    assert re.search(r"^\.ci/last-release-tests .*&$", script, re.MULTILINE)
    assert re.search(r"^wait \$last_release .*exit 1", script, re.MULTILINE | re.DOTALL)
    assert script.index("\nmake test\n") < script.index("\nwait ")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_last_release_is_a_commit_whose_code_is_tested_on_todays_tables() -> None:
    release = (ROOT / ".ci" / "last-release").read_text().strip()

    assert re.fullmatch(r"[0-9a-f]{40}", release)
    assert os.access(ROOT / ".ci" / "last-release-tests", os.X_OK)


def test_a_last_release_that_is_not_there_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """As in a clone without history."""
    (tmp_path / ".ci").mkdir()
    for name in ("last-release", "last-release-tests"):
        shutil.copy(ROOT / ".ci" / name, tmp_path / ".ci" / name)
    run("git", "init", "-q", str(tmp_path))

    outcome = run(str(tmp_path / ".ci" / "last-release-tests"))

    assert outcome.returncode != 0
    assert "git fetch --unshallow" in outcome.stderr
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("lint", "ruff check ."),
        ("lint", "ruff format --check ."),
        ("types", "mypy --strict"),
        ("contract", "lint-imports"),
        ("catalogues-check", "-m bot.catalogues check"),
        ("facts-check", "-m bot.rules_file check"),
        ("facts-check", "-m bot.questions_file check"),
        ("facts-check", "-m bot.clips check"),
        ("test", "-m pytest"),
        ("run", "-m bot run"),
    ],
)
def test_a_target_of_make_does_what_its_name_says(target: str, command: str) -> None:
    said = run("make", "--dry-run", "VENV=build/none", target, PATH=os.environ["PATH"])

    assert said.returncode == 0, said.stderr
    assert command in said.stdout


@pytest.mark.parametrize("target", ["run", "test"])
def test_installation_checks_hashes_and_catalogues_are_compiled_first(target: str) -> None:
    said = run("make", "--dry-run", "VENV=build/none", target, PATH=os.environ["PATH"]).stdout

    installs = [line for line in said.splitlines() if "pip" in line and " install " in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert said.index(installs[-1]) < said.index("bot.catalogues compile") < said.rindex("-m ")


def test_without_a_new_enough_python_make_says_what_is_needed(tmp_path: Path) -> None:
    for name in PYTHONS:
        fake(tmp_path, name, "exit 1")

    said = run("make", f"VENV={tmp_path}/venv", "run", PATH=before_the_system(tmp_path))

    assert said.returncode == 2
    assert "Jisr needs Python 3.11 or newer" in said.stderr
    assert not (tmp_path / "venv").exists()


def test_without_the_venv_module_make_says_what_to_install(tmp_path: Path) -> None:
    for name in PYTHONS:
        fake(tmp_path, name, 'case "$2" in *ensurepip*) exit 1;; esac')

    said = run("make", f"VENV={tmp_path}/venv", "run", PATH=before_the_system(tmp_path))

    assert said.returncode == 2
    assert "apt-get install python3-venv" in said.stderr


def test_a_missing_chromium_is_installed_for_the_browser_tests(tmp_path: Path) -> None:
    fake(tmp_path, "id", "echo 0")
    fake(tmp_path, "apt-get", f'echo "$@" >> {tmp_path}/asked')

    said = run("make", f"CHROMIUM={tmp_path}/chromium", "browser", PATH=before_the_system(tmp_path))

    assert said.returncode == 0, said.stderr
    assert (tmp_path / "asked").read_text() == "update -q\ninstall -q -y chromium fonts-noto-core\n"


def test_without_the_right_to_install_chromium_make_says_how_to(tmp_path: Path) -> None:
    fake(tmp_path, "id", "echo 1000")
    fake(tmp_path, "sudo", "exit 1")
    fake(tmp_path, "apt-get", f"touch {tmp_path}/asked")

    said = run("make", f"CHROMIUM={tmp_path}/chromium", "browser", PATH=before_the_system(tmp_path))

    assert said.returncode == 2
    assert "sudo apt-get install chromium" in said.stderr
    assert not (tmp_path / "asked").exists()


def fake(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def before_the_system(folder: Path) -> str:
    """Return a PATH on which the folder's commands are found first."""
    return f"{folder}:{os.environ['PATH']}"
