"""What an administrator does about staff on the command line."""

from pathlib import Path

from bot.app import opened
from bot.settings import load_settings
from conversations.care.people import Role
from tests.service import run_command


async def test_who_is_dismissed_is_no_longer_staff(tmp_path: Path) -> None:
    settings = {"JISR_VAR_DIR": str(tmp_path / "var")}
    async with opened(load_settings(settings, env_file=None)) as service:
        now = service.clock.now()
        async with service.database.transaction() as unit:
            driss, _ = await unit.addresses.find_or_create("telegram", "7777", now=now)
            await unit.contacts.make_staff(driss.id, Role.CASEWORKER, "sale")

    code, out, _ = await run_command("staff", settings=settings)
    assert (code, out.split()[:3]) == (0, [str(driss.id), "caseworker", "sale"])

    code, out, _ = await run_command("dismiss", str(driss.id), settings=settings)
    assert code == 0

    code, out, _ = await run_command("staff", settings=settings)
    assert (code, out) == (0, "Nobody has come in yet: use `invite`.\n")

    code, _, err = await run_command("dismiss", str(driss.id), settings=settings)
    assert code == 2
    assert "Nobody of the staff has the number" in err


async def test_real_people_never_meet_the_demos_staff(tmp_path: Path) -> None:
    settings = {"JISR_VAR_DIR": str(tmp_path / "var")}
    async with (
        opened(load_settings(settings, env_file=None)) as service,
        service.database.transaction() as unit,
    ):
        await unit.marks.set("demo", "1")

    code, _, err = await run_command("staff", settings={**settings, "JISR_WEB_CHAT": "on"})

    assert code == 2
    assert "used by the demo" in err
