import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.zone import ZoneDataWrong, casablanca, check_zone, use_pinned_zones

OCTOBER = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _zones_as_before() -> Iterator[None]:
    before = zoneinfo.TZPATH
    yield
    zoneinfo.reset_tzpath(to=before)
    ZoneInfo.clear_cache()


def write_casablanca(folder: Path, *, like: str) -> None:
    """Make zone files in which Casablanca keeps the clock of another place."""
    area, _, name = like.rpartition("/")
    data = files(f"tzdata.zoneinfo.{area}").joinpath(name).read_bytes()
    (folder / "Africa").mkdir(parents=True)
    (folder / "Africa" / "Casablanca").write_bytes(data)


@pytest.fixture
def machine_an_hour_ahead(tmp_path: Path) -> None:
    """Zone files as most machines have them: Morocco on UTC+1, and already read once."""
    write_casablanca(tmp_path, like="Etc/GMT-1")
    zoneinfo.reset_tzpath(to=[tmp_path])
    ZoneInfo.clear_cache()
    assert OCTOBER.astimezone(ZoneInfo("Africa/Casablanca")).utcoffset() == timedelta(hours=1)


@pytest.mark.usefixtures("machine_an_hour_ahead")
def test_pinning_replaces_the_machines_zones_even_those_already_read() -> None:
    use_pinned_zones()

    assert OCTOBER.astimezone(ZoneInfo("Africa/Casablanca")).utcoffset() == timedelta(0)


@pytest.mark.usefixtures("machine_an_hour_ahead")
def test_casablanca_is_right_even_when_nobody_pinned_first() -> None:
    assert OCTOBER.astimezone(casablanca()).utcoffset() == timedelta(0)
    assert casablanca() is casablanca()


@pytest.mark.usefixtures("machine_an_hour_ahead")
def test_the_locked_zone_data_pass_the_check() -> None:
    check_zone()


@pytest.mark.parametrize(
    ("like", "sentence"),
    [("Etc/GMT-1", r"\+0100 on 2026-10-01"), ("Atlantic/Azores", r"-0100 on 2027-02-20")],
)
def test_an_out_of_date_tzdata_package_is_refused(
    like: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tzdata"
    write_casablanca(package / "zoneinfo", like=like)
    for folder in (package, package / "zoneinfo", package / "zoneinfo" / "Africa"):
        (folder / "__init__.py").touch()
    for module in [name for name in sys.modules if name.partition(".")[0] == "tzdata"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)
    use_pinned_zones()
    ZoneInfo.clear_cache()

    try:
        with pytest.raises(ZoneDataWrong, match=f"{sentence}.*Install the tzdata package"):
            check_zone()
    finally:
        for module in [name for name in sys.modules if name.partition(".")[0] == "tzdata"]:
            del sys.modules[module]


def test_a_missing_tzdata_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "tzdata"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    use_pinned_zones()
    ZoneInfo.clear_cache()

    with pytest.raises(ZoneDataWrong, match="install the tzdata package"):
        check_zone()
