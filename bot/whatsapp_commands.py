"""`jisr whatsapp templates list | diff | submit | status`: what Meta has to approve, and how it stands."""

from collections.abc import Sequence

from bot import app as wiring
from bot.channels.whatsapp_approvals import OnPlatform, hand_in, keep, on_platform
from bot.channels.whatsapp_client import GraphError, GraphFailed
from bot.channels.whatsapp_templates import Template, templates_of
from bot.settings import Settings, SettingsWrong
from bot.texts import load_texts

NOT_THERE = "not submitted"


def list_templates() -> list[str]:
    """Return today's templates as the catalogues make them, for reading; nobody is asked."""
    lines = []
    for template in _templates():
        lines += [f"{template.name}  ({template.platform_language}, {template.form.purpose})"]
        lines += [f"    {line}" for line in template.body.splitlines() if line]
        lines += [f"    [{label}]" for label in template.buttons]
    return lines


async def diff(settings: Settings) -> list[str]:
    """Return what the platform lacks ("+") and what it holds of earlier versions ("-")."""
    held = await _held(settings)
    ours, theirs = {_key(each) for each in _templates()}, {(each.name, each.language) for each in held}
    lines = [f"+ {name} ({language})" for name, language in sorted(ours - theirs)]
    lines += [f"- {name} ({language})" for name, language in sorted(theirs - ours)]
    return lines or ["WhatsApp holds today's templates, and no others of ours."]


async def submit(settings: Settings) -> list[str]:
    """Hand in for approval what the platform lacks, and write down what it answered."""
    there = {(each.name, each.language) for each in await _held(settings)}
    missing = [template for template in _templates() if _key(template) not in there]
    if not missing:
        return ["Nothing to submit: WhatsApp holds today's templates."]
    account_id = _account(settings)
    handed_in: list[str] = []
    refused: list[str] = []
    async with wiring.graph_client(settings) as client, wiring.opened(settings) as service:
        for template in missing:
            try:
                held = await hand_in(client, account_id, template)
            except GraphError as error:
                refused.append(f"{template.name}: refused, code {error.code}: {error.details}")
                continue
            except GraphFailed:
                raise SettingsWrong("WhatsApp did not answer: submit again what is missing.") from None
            async with service.database.transaction() as unit:
                await keep(unit, [held], now=service.clock.now())
            handed_in.append(f"{held.name}: {held.status}")
    return [*handed_in, *refused]


async def status(settings: Settings) -> list[str]:
    """Ask how today's templates stand, write it down, and return it; earlier versions still in use follow."""
    held = await _held(settings)
    async with wiring.opened(settings) as service, service.database.transaction() as unit:
        await keep(unit, held, now=service.clock.now())
    by_key = {(each.name, each.language): each for each in held}
    today = [(template.name, by_key.pop(_key(template), None)) for template in _templates()]
    lines = [_status_line(name, found) for name, found in today]
    return lines + [f"{_status_line(each.name, each)}  (earlier)" for each in by_key.values()]


def _status_line(name: str, found: OnPlatform | None) -> str:
    if found is None:
        return f"{name:<44}  {NOT_THERE}"
    words = (found.status, found.category or "", found.reason or "")
    return f"{name:<44}  {'  '.join(word for word in words if word)}"


async def _held(settings: Settings) -> Sequence[OnPlatform]:
    account_id = _account(settings)
    async with wiring.graph_client(settings) as client:
        try:
            return await on_platform(client, account_id)
        except GraphError as error:
            raise SettingsWrong(f"WhatsApp refused, code {error.code}: {error.details}") from None
        except GraphFailed:
            raise SettingsWrong("WhatsApp did not answer: check WHATSAPP_API_URL and the network.") from None


def _account(settings: Settings) -> str:
    if settings.whatsapp_token is None or settings.whatsapp_business_account_id is None:
        raise SettingsWrong(
            "Templates belong to a business account: set WHATSAPP_TOKEN and WHATSAPP_BUSINESS_ACCOUNT_ID."
        )
    return settings.whatsapp_business_account_id


def _templates() -> list[Template]:
    return templates_of(load_texts())


def _key(template: Template) -> tuple[str, str]:
    return template.name, template.platform_language
