"""Managers change what people read: wording, whether a programme is open, its days and regions.

Changes are drafts of the one who makes them until they publish them all together.
"""

from conversations.care.edits import target_of
from conversations.care.people import MANAGERS
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.content_editing import (
    ChooseField,
    ChooseLanguage,
    SetDay,
    SetOpen,
    SetRegions,
    WriteText,
    into_field,
)
from conversations.flows.staff.content_entries import (
    A_PAGE,
    ContentDraft,
    Kind,
    entries,
    entry_label,
    entry_line,
    fields,
    my_edition,
    target_name,
)
from conversations.flows.staff.content_publishing import (
    ConfirmRollBack,
    Preview,
    ShowHistory,
    ShowRevision,
    preview_choice,
)
from conversations.flows.todays_content import todays_edition


class ChooseKind(Step[ContentDraft]):
    """Say what waits to be published and what no longer fits, and ask what to change."""

    name = "kind"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        lines = [turn.gettext("What would you like to change?"), *await _drafts_waiting(turn)]
        choices = [
            # Translators: label, at most 24 characters.
            Choice(Kind.PROGRAMMES, turn.pgettext("button", "🗓️ Programmes")),
            # Translators: label, at most 24 characters.
            Choice(Kind.SERVICES, turn.pgettext("button", "🤝 Services")),
            # Translators: label, at most 24 characters. The rules of who can get what.
            Choice(Kind.RULES, turn.pgettext("button", "👥 Who it is for")),
            # Translators: label, at most 24 characters. What to bring to a visit.
            Choice(Kind.BRING, turn.pgettext("button", "🎒 What to bring")),
            # Translators: label, at most 24 characters.
            Choice(Kind.QUESTIONS, turn.pgettext("button", "❓ Questions, answers")),
            *await preview_choice(turn),
            # Translators: label, at most 24 characters. What was published, by whom and when.
            Choice("history", turn.pgettext("button", "🕘 History")),
        ]
        return Prompt("\n\n".join([*lines, *await _skipped(turn)]), choices)

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        turn.draft.page = 0
        if choice_id == "preview":
            return Goto(Preview)
        if choice_id == "history":
            return Goto(ShowHistory)
        turn.draft.kind = Kind(choice_id)
        if turn.draft.kind is Kind.BRING:
            turn.draft.entry = turn.world.rules.bring.id
            return into_field(turn, "text")
        return Goto(ChooseEntry)


class ChooseEntry(Step[ContentDraft]):
    """One programme, service, rule or question."""

    name = "entry"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        page = page_of(entries(await my_edition(turn), turn.draft.kind), turn.draft.page, size=A_PAGE)
        lines = [entry_line(turn, found) for found in page.items]
        choices = [Choice(found.id, entry_label(turn, found)) for found in page.items]
        return Prompt("\n\n".join(lines), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        return await _into_entry(turn, choice_id)

    async def answer(self, turn: Turn[ContentDraft], reply: Reply) -> Move:
        """Take the id of an entry on another page, as it stands in the list."""
        typed = reply.text.strip().casefold() if isinstance(reply, Text) else ""
        for found in entries(await my_edition(turn), turn.draft.kind):
            if typed == found.id.casefold():
                return await _into_entry(turn, found.id)
        return await super().answer(turn, reply)


async def change_content(turn: Turn[ContentDraft], argument: str) -> Move:
    """Handle /content."""
    return Enter(CONTENT.name, ContentDraft())


async def _into_entry(turn: Turn[ContentDraft], entry: str) -> Move:
    """Return the way to an entry, and on to its field where it has just one."""
    turn.draft.entry = entry
    possible = fields(await my_edition(turn), entry)
    return into_field(turn, possible[0]) if len(possible) == 1 else Goto(ChooseField)


async def _drafts_waiting(turn: Turn[ContentDraft]) -> list[str]:
    waiting = len(await turn.desk.content.drafts(turn.contact.id))
    if not waiting:
        return []
    said = turn.ngettext(
        "{n} change of yours is not published yet.", "{n} changes of yours are not published yet.", waiting
    )
    return [said.format(n=waiting)]


async def _skipped(turn: Turn[ContentDraft]) -> list[str]:
    """Say which published changes are not told, because what was shipped since has no place for them."""
    edition = await todays_edition(turn)
    said = turn.gettext("⚠️ A published change no longer fits and is not shown: {what}. Write it again.")
    return [said.format(what=target_name(turn, edition, target_of(each.change))) for each in edition.skipped]


CONTENT = Flow(
    "content",
    ContentDraft,
    (
        ChooseKind,
        ChooseEntry,
        ChooseField,
        ChooseLanguage,
        WriteText,
        SetOpen,
        SetDay,
        SetRegions,
        Preview,
        ShowHistory,
        ShowRevision,
        ConfirmRollBack,
    ),
    roles=MANAGERS,
)
