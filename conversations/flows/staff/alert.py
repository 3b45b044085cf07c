"""For administrators: something is wrong with the service itself, or well again. Never about a person."""

from conversations.care.people import ADMINISTRATORS
from conversations.engine.flow import Flow, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import AlertKind, AlertNews
from conversations.flows.staff.administrator_menu import DOCTOR


class TellAlert(Step[AlertNews]):
    """Say what is wrong, or that it is over, in one sentence."""

    name = "alert"

    async def ask(self, turn: Turn[AlertNews]) -> Prompt:
        news = turn.draft
        if news.is_over:
            return Prompt(_over(turn, news.kind), navigation=False)
        if news.kind in (AlertKind.STOOD_STILL, AlertKind.TAKEN_OVER):
            return Prompt(_wrong(turn, news), navigation=False)
        more = turn.gettext("“{command}” on the server tells more.").format(
            command=turn.texts.isolate(DOCTOR)
        )
        return Prompt("\n\n".join([_wrong(turn, news), more]), navigation=False)


def _wrong(turn: Turn[AlertNews], news: AlertNews) -> str:
    n = news.number
    match news.kind:
        case AlertKind.UPDATES_WAITING:
            return turn.ngettext(
                "⚠️ Messages have waited for {n} minute without an answer.",
                "⚠️ Messages have waited for {n} minutes without an answer.",
                n,
            ).format(n=n)
        case AlertKind.SENDS_FAILING:
            return turn.gettext("⚠️ Messages can't be sent: the platform refuses them or does not answer.")
        case AlertKind.DISK_FULL:
            return turn.gettext("⚠️ The server's disk is almost full: {n} MB are left.").format(n=n)
        case AlertKind.BACKUP_OLD:
            return turn.ngettext(
                "⚠️ There has been no backup for {n} hour.", "⚠️ There has been no backup for {n} hours.", n
            ).format(n=n)
        case AlertKind.STOOD_STILL:
            return turn.ngettext(
                "ℹ️ The service stood still for {n} minute: it did not run, or its database did not answer. "
                "It works again.",
                "ℹ️ The service stood still for {n} minutes: it did not run, or its database did not answer. "
                "It works again.",
                n,
            ).format(n=n)
        case AlertKind.TAKEN_OVER:
            return turn.gettext(
                "ℹ️ The process that sent reminders was suddenly gone. Another one has taken over."
            )


def _over(turn: Turn[AlertNews], kind: AlertKind) -> str:
    match kind:
        case AlertKind.UPDATES_WAITING:
            return turn.gettext("✅ Messages are answered without delay again.")
        case AlertKind.SENDS_FAILING:
            return turn.gettext("✅ Messages are being sent again.")
        case AlertKind.DISK_FULL:
            return turn.gettext("✅ The server's disk has room again.")
        case AlertKind.BACKUP_OLD:
            return turn.gettext("✅ There is a new backup.")
        case _:
            return turn.gettext("✅ The service is well again.")


ALERT = Flow("alert", AlertNews, (TellAlert,), roles=ADMINISTRATORS)
