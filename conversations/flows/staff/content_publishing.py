"""Looking at drafts as people will read them, publishing them, and rolling back: steps of "content"."""

from itertools import product

from conversations.care.edition import Edition
from conversations.care.edits import Edit, Revision
from conversations.care.questions import Question
from conversations.care.rules import Fact, Programme, Service, Standing, standing
from conversations.care.wall_time import to_local
from conversations.engine.flow import Again, Choice, Enter, Goto, Home, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.errors import ChangedMeanwhile, NothingToRollBack
from conversations.flows.beneficiary.questions import answer_words
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.programme_words import programme_words
from conversations.flows.staff.content_entries import (
    A_PAGE,
    ContentDraft,
    glimpse,
    in_language,
    my_edition,
    staff_name,
    still_says,
    target_name,
    value_words,
)
from conversations.texts import LANGUAGES

# Of the preview in one message.
LONGEST_VIEW = 800
# No region has this code: somebody who lives elsewhere.
ELSEWHERE = "00"


class Preview(Step[ContentDraft]):
    """First what changes, then each entry as people will read it, in every language."""

    name = "preview"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        drafts = await turn.desk.content.drafts(turn.contact.id)
        if not drafts:
            return Prompt(_nothing(turn), [_go_on(turn)])
        edition = await my_edition(turn)
        pages = [_summary(turn, edition, drafts), *_views(turn, edition, drafts)]
        choices = [
            # Translators: label, at most 24 characters. Shows more of what people will read.
            Choice("more", turn.pgettext("button", "👁️ As people read it")),
            # Translators: label, at most 24 characters. What was changed is told to people from now on.
            Choice("publish", turn.pgettext("button", "📣 Publish")),
            _go_on(turn),
            # Translators: label, at most 24 characters. Forget all changes that are not published.
            Choice("discard", turn.pgettext("button", "🗑️ Discard changes")),
        ]
        return Prompt(pages[turn.draft.page % len(pages)], choices if len(pages) > 1 else choices[1:])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        match choice_id:
            case "more":
                turn.draft.page += 1
                return Again()
            case "publish":
                return await _publish(turn)
            case "discard":
                await turn.desk.content.drop_drafts(turn.contact.id)
                return Home(turn.gettext("Your changes are discarded. People read what they read before."))
        return Enter("content", ContentDraft())


class ShowHistory(Step[ContentDraft]):
    """What was published and rolled back, by whom and when, newest first."""

    name = "history"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        page = page_of(await turn.desk.content.history(), turn.draft.page, size=A_PAGE)
        if not page.items:
            return Prompt(turn.gettext("Nothing has been published yet."))
        lines = [await _revision_line(turn, revision) for revision in page.items]
        choices = [Choice(str(each.number), _number(turn, each.number)) for each in page.items]
        return Prompt("\n\n".join(lines), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.revision = int(choice_id)
        return Goto(ShowRevision)


class ShowRevision(Step[ContentDraft]):
    """Each field of one publication: what it said before and after."""

    name = "revision"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        revision = await _revision(turn)
        if revision is None:
            return Prompt(turn.gettext("Nothing has been published yet."))
        edition = await my_edition(turn)
        parts = [await _revision_line(turn, revision)]
        parts += [_from_to(turn, edition, edit) for edit in revision.edits]
        # Translators: label, at most 24 characters. Let hold again what people read before.
        back = Choice("back", turn.pgettext("button", "↩️ Roll back"))
        return Prompt("\n\n".join(parts), [back] if revision.can_be_rolled_back else [])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        return Goto(ConfirmRollBack)


class ConfirmRollBack(Step[ContentDraft]):
    """Ask once more, because people read the other words at once."""

    name = "roll_back"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        asked = turn.gettext(
            "Shall people read what they read before number {n}? What was changed once more since stays."
        )
        choices = [
            # Translators: label, at most 20 characters. Let hold again what people read before.
            Choice("yes", turn.pgettext("button", "↩️ Yes, roll back")),
            # Translators: label, at most 20 characters. Leave what was published.
            Choice("no", turn.pgettext("button", "❌ No, leave it")),
        ]
        return Prompt(asked.format(n=turn.draft.revision), choices)

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        if choice_id == "no":
            return Goto(ShowRevision)
        try:
            number = await turn.desk.content.roll_back(turn.draft.revision, turn.contact.id, now=turn.now)
        except NothingToRollBack:
            return Home(turn.gettext("This was rolled back already."))
        said = turn.gettext("Rolled back. It is number {n} of the history.")
        return Home(said.format(n=number))


async def preview_choice(turn: Turn[ContentDraft]) -> list[Choice]:
    """Return the way to the preview when there is anything to look at."""
    if not await turn.desk.content.drafts(turn.contact.id):
        return []
    # Translators: label, at most 24 characters. Look at changes before they are published.
    return [Choice("preview", turn.pgettext("button", "👁️ Preview, publish"))]


async def _publish(turn: Turn[ContentDraft]) -> Move:
    drafts = await turn.desk.content.drafts(turn.contact.id)
    if notice := await _dropped(turn, drafts):
        return Again(notice)
    try:
        number = await turn.desk.content.publish(turn.contact.id, now=turn.now)
    except ChangedMeanwhile as meanwhile:
        turn.draft.page = 0
        return Again(await _meanwhile(turn, meanwhile))
    if number is None:
        return Home(_nothing(turn))
    said = turn.gettext("Published as number {n}: people read it from now on. “History” takes it back.")
    return Home(said.format(n=number))


async def _dropped(turn: Turn[ContentDraft], drafts: list[Edit]) -> str | None:
    """Drop drafts that no longer fit what was shipped meanwhile, and say which; None when all fit."""
    edition = await my_edition(turn)
    skipped = {(each.change.entry, each.change.field, each.change.language) for each in edition.skipped}
    unfit = [
        draft
        for draft in drafts
        if (draft.change.entry, draft.change.field, draft.change.language) in skipped
    ]
    if not unfit:
        return None
    for draft in unfit:
        await turn.desk.content.drop_draft(turn.contact.id, draft.target)
    turn.draft.page = 0
    said = turn.gettext("This no longer fits what is there, and your change was dropped: {what}")
    comma = turn.pgettext("between names", ", ")
    return said.format(what=comma.join(target_name(turn, edition, draft.target) for draft in unfit))


async def _meanwhile(turn: Turn[ContentDraft], meanwhile: ChangedMeanwhile) -> str:
    edition = await my_edition(turn)
    said = turn.gettext("{name} changed this meanwhile: {what}. It now says {value}.")
    lines = [
        said.format(
            name=await staff_name(turn, touch.by),
            what=target_name(turn, edition, touch.target),
            value=value_words(turn, touch.target.field, touch.change.value),
        )
        for touch in meanwhile.touches
    ]
    return "\n".join(
        [*lines, turn.gettext("Nothing is published yet. Tap “Publish” to put yours in its place.")]
    )


def _summary(turn: Turn[ContentDraft], edition: Edition, drafts: list[Edit]) -> str:
    changes = turn.ngettext("{n} change, not published yet.", "{n} changes, not published yet.", len(drafts))
    parts = [changes.format(n=len(drafts))]
    parts += [_from_to(turn, edition, draft) for draft in drafts]
    return "\n\n".join([*parts, *still_says(turn, edition, drafts)])


def _from_to(turn: Turn[ContentDraft], edition: Edition, edit: Edit) -> str:
    field = edit.change.field
    before = turn.gettext("Before: {value}").format(value=value_words(turn, field, _short(edit.before)))
    after = turn.gettext("After: {value}").format(value=value_words(turn, field, _short(edit.change.value)))
    return "\n".join([target_name(turn, edition, edit.target), before, after])


def _short(value: object) -> object:
    return glimpse(value) if isinstance(value, str) else value


def _views(turn: Turn[ContentDraft], edition: Edition, drafts: list[Edit]) -> list[str]:
    """Return each changed entry as people will read it in each language, joined as far as they fit."""
    entries = dict.fromkeys(draft.target.entry for draft in drafts)
    changed: list[Fact | Question] = [each for entry in entries if (each := _found(edition, entry))]
    pages: list[str] = []
    for each, language in product(changed, LANGUAGES):
        for part in _as_read(turn, each, language.code):
            view = f"— {language.name} —\n{part}"
            if pages and len(pages[-1]) + len(view) <= LONGEST_VIEW:
                pages[-1] += f"\n\n{view}"
            else:
                pages.append(view)
    return pages


def _found(edition: Edition, entry: str) -> Fact | Question | None:
    return edition.questions.question(entry) or edition.rules.fact(entry)


def _as_read(turn: Turn[ContentDraft], found: Fact | Question, language: str) -> list[str]:
    """Return what people read of the entry, in the words of the flows that show it to them."""
    reader = in_language(turn, language)
    match found:
        case Question():
            return [f"[ {found.wordings[language].label} ]\n{answer_words(reader, found)}"]
        case Programme() if _differs_by_region(turn, found):
            there = programme_words(reader, found, found.regions[0])
            return [there, programme_words(reader, found, ELSEWHERE)]
        case Programme():
            return [programme_words(reader, found, None)]
        case Service():
            return [f"{found.text[language]} {found.next[language]}"]
    return [found.text[language]]


def _differs_by_region(turn: Turn[ContentDraft], programme: Programme) -> bool:
    return bool(programme.regions) and standing(programme, turn.today, ELSEWHERE) is Standing.NOT_HERE


async def _revision(turn: Turn[ContentDraft]) -> Revision | None:
    history = await turn.desk.content.history()
    return next((each for each in history if each.number == turn.draft.revision), None)


async def _revision_line(turn: Turn[ContentDraft], revision: Revision) -> str:
    """Return number, moment and name, and whether it was a roll back."""
    at = to_local(revision.at, turn.world.zone)
    when = turn.gettext("{day}, {time}").format(
        day=turn.format_day(at.date()), time=turn.format_time(at.time())
    )
    line = f"{_number(turn, revision.number)} · {when} · {await staff_name(turn, revision.by)}"
    if revision.takes_back is not None:
        back = turn.gettext("Rolled back number {n}.").format(n=revision.takes_back)
        return f"{line}\n{back}"
    if not revision.can_be_rolled_back:
        return f"{line}\n{turn.gettext('Was rolled back later.')}"
    changes = turn.ngettext("{n} change", "{n} changes", len(revision.edits)).format(n=len(revision.edits))
    return f"{line}\n{changes}"


def _number(turn: Turn[ContentDraft], number: int) -> str:
    # Translators: label, at most 20 characters. The number of something in the history.
    return turn.pgettext("button", "No. {n}").format(n=number)


def _nothing(turn: Turn[ContentDraft]) -> str:
    return turn.gettext("There is nothing to publish.")


def _go_on(turn: Turn[ContentDraft]) -> Choice:
    # Translators: label, at most 24 characters. Change more before publishing.
    return Choice("change", turn.pgettext("button", "✏️ Change more"))
