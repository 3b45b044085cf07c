"""For managers and administrators: WhatsApp has changed its mind about a template. Never about a person."""

from conversations.care.people import ADMINISTRATORS, MANAGERS
from conversations.engine.flow import Flow, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import TemplateEvent, TemplateNews


class TellTemplate(Step[TemplateNews]):
    """Say what has changed and what it means, in two sentences."""

    name = "template"

    async def ask(self, turn: Turn[TemplateNews]) -> Prompt:
        return Prompt(_words(turn), navigation=False)


def _words(turn: Turn[TemplateNews]) -> str:
    news, name = turn.draft, turn.draft.name
    match news.event:
        case TemplateEvent.PAUSED:
            return turn.gettext(
                "⏸️ WhatsApp has paused the template {name}: people did not want it. "
                "Until it may be sent again, such messages go other ways or become tasks."
            ).format(name=name)
        case TemplateEvent.TAKEN_AWAY:
            return turn.gettext(
                "⛔ WhatsApp does not allow the template {name}. Such messages go other ways or become tasks."
            ).format(name=name)
        case TemplateEvent.BACK:
            return turn.gettext("✅ WhatsApp allows the template {name} again.").format(name=name)
        case TemplateEvent.CATEGORY:
            return turn.gettext(
                "💰 WhatsApp now charges the template {name} as “{category}”. That may cost more."
            ).format(name=name, category=news.category)


TEMPLATE_NEWS = Flow("template_news", TemplateNews, (TellTemplate,), roles=MANAGERS | ADMINISTRATORS)
