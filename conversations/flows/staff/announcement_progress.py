"""How far an announcement has come; the message is written over while it is sent."""

from conversations.care.announcements import Announcement, AnnouncementStatus, Progress
from conversations.care.people import MANAGERS
from conversations.engine.flow import Choice, Finish, Flow, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.news import AnnouncementNews


class TellProgress(Step[AnnouncementNews]):
    """Show how many have it, and let the manager stop the rest."""

    name = "progress"

    async def ask(self, turn: Turn[AnnouncementNews]) -> Prompt:
        announcement = await turn.desk.announcements.get(turn.draft.announcement_id)
        progress = await turn.desk.announcements.progress(announcement.id)
        text = progress_text(turn, announcement, progress)
        if not _is_running(announcement, progress):
            return Prompt(text)
        # Translators: label, at most 20 characters.
        return Prompt(text, [Choice("stop", turn.pgettext("button", "✋ Stop sending"))])

    async def chosen(self, turn: Turn[AnnouncementNews], choice_id: str) -> Move:
        announcements = turn.desk.announcements
        announcement = await announcements.get(turn.draft.announcement_id)
        if _is_running(announcement, await announcements.progress(announcement.id)):
            await announcements.stop(announcement.id, now=turn.now)
            announcement = await announcements.get(announcement.id)
        return Finish(progress_text(turn, announcement, await announcements.progress(announcement.id)))


def progress_text(turn: Turn[AnnouncementNews], announcement: Announcement, progress: Progress) -> str:
    """Return how it stands and the counts; those that are zero are left out."""
    lines = [
        _status_words(turn, announcement, progress),
        turn.gettext("Sent: {sent} of {total}").format(sent=progress.sent, total=progress.total),
    ]
    if progress.waiting:
        lines.append(turn.gettext("Waiting: {n}").format(n=progress.waiting))
    if progress.failed:
        lines.append(turn.gettext("Failed: {n}").format(n=progress.failed))
    if progress.blocked:
        lines.append(turn.gettext("Blocked the service: {n}").format(n=progress.blocked))
    if progress.dropped:
        lines.append(turn.gettext("Not sent any more: {n}").format(n=progress.dropped))
    return "\n".join(lines)


def _status_words(turn: Turn[AnnouncementNews], announcement: Announcement, progress: Progress) -> str:
    if announcement.status is AnnouncementStatus.STOPPED:
        return turn.gettext("✋ The announcement was stopped.")
    if _is_running(announcement, progress):
        return turn.gettext("📢 The announcement is being sent.")
    return turn.gettext("✅ The announcement has gone to everybody.")


def _is_running(announcement: Announcement, progress: Progress) -> bool:
    return announcement.status is AnnouncementStatus.RUNNING and progress.waiting > 0


ANNOUNCEMENT_PROGRESS = Flow("announcement_progress", AnnouncementNews, (TellProgress,), roles=MANAGERS)
