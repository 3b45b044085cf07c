"""Changing one field of an entry: the steps of "content" that write a manager's drafts."""

from conversations.care.edition import Edition
from conversations.care.edits import Target
from conversations.care.rules import UNSAID, Programme, Tag
from conversations.care.wording import (
    Slot,
    WordingFault,
    length,
    one_line,
    refusal_in,
    with_centre_decides,
    wording_fault,
)
from conversations.engine.flow import Again, Choice, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.centre_words import region_name
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.content_entries import (
    ContentDraft,
    Kind,
    entry_name,
    field_name,
    fields,
    is_text,
    keep,
    language_name,
    my_edition,
    slot,
    still_says,
    target_name,
    value_words,
)
from conversations.flows.staff.content_publishing import Preview, preview_choice
from conversations.flows.staff.typed_days import parse_full_day
from conversations.texts import LANGUAGES

# Twelve regions on three pages: beside them stand the ways to turn the page and the way on.
REGIONS_A_PAGE = 4
# A day further away than that is a slip of the pen.
YEARS_BACK, YEARS_AHEAD = 1, 3


class ChooseField(Step[ContentDraft]):
    """Show an entry as it would be, and ask what of it to change."""

    name = "field"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        edition, entry = await my_edition(turn), turn.draft.entry
        if not edition.has(entry):
            return Prompt(gone(turn))
        lines = [entry_name(turn, edition, entry), ""]
        choices = []
        for field in fields(edition, entry):
            target = Target(entry, field, turn.texts.language if is_text(field) else None)
            said = value_words(turn, field, edition.value_of(target))
            lines.append(f"{field_name(turn, field)}: {said}")
            choices.append(Choice(field, field_name(turn, field)))
        lines += ["", *_about_tag(turn, edition), turn.gettext("What would you like to change?")]
        return Prompt("\n".join(lines), [*choices, *await preview_choice(turn)])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        if choice_id == "preview":
            turn.draft.page = 0
            return Goto(Preview)
        return into_field(turn, choice_id)


class ChooseLanguage(Step[ContentDraft]):
    """Ask which language's text to change, and show those that stay as they were."""

    name = "language"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        edition = await my_edition(turn)
        if not edition.has(turn.draft.entry):
            return Prompt(gone(turn))
        drafts = await turn.desk.content.drafts(turn.contact.id)
        here = [
            draft
            for draft in drafts
            if (draft.target.entry, draft.target.field) == (turn.draft.entry, turn.draft.field)
        ]
        written = {draft.target.language for draft in here}
        lines = [
            f"{entry_name(turn, edition, turn.draft.entry)} · {field_name(turn, turn.draft.field)}",
            *(_about_tag(turn, edition) if turn.draft.kind is not Kind.QUESTIONS else []),
            *still_says(turn, edition, here),
            turn.gettext("In which language do you write?"),
        ]
        choices = [
            Choice(each.code, f"✏️ {each.name}" if each.code in written else each.name) for each in LANGUAGES
        ]
        return Prompt("\n\n".join(lines), [*choices, *await preview_choice(turn)])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        if choice_id == "preview":
            turn.draft.page = 0
            return Goto(Preview)
        turn.draft.language = choice_id
        return Goto(WriteText)


class WriteText(Step[ContentDraft]):
    """Show the present text and take a new one; what it must not be is said at once."""

    name = "text"
    matches_typed_choices = False

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        edition, target = await my_edition(turn), turn.draft.target
        if not edition.has(target.entry):
            return Prompt(gone(turn))
        lines = [
            target_name(turn, edition, target),
            turn.gettext("Now it says:"),
            turn.texts.isolate(str(edition.value_of(target))),
            turn.gettext("Send the new text, at most {n} characters.").format(
                n=_room(edition, target, slot(edition, target))
            ),
        ]
        drafts = await turn.desk.content.drafts(turn.contact.id)
        choices = []
        if any(draft.target == target for draft in drafts):
            # Translators: label, at most 24 characters. The text becomes again what is published.
            choices.append(Choice("undo", turn.pgettext("button", "↩️ Undo my change")))
        return Prompt("\n\n".join(lines), choices)

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        await turn.desk.content.drop_draft(turn.contact.id, turn.draft.target)
        return Goto(ChooseLanguage)

    async def answer(self, turn: Turn[ContentDraft], reply: Reply) -> Move:
        edition, target = await my_edition(turn), turn.draft.target
        if not edition.has(target.entry):
            return Home(gone(turn))
        where = slot(edition, target)
        text = one_line(reply.text) if isinstance(reply, Text) else ""
        # The sentence that the centre decides is attached; its name is not for the manager to find.
        told = _with_what_must_stay(edition, target, text)
        if fault := wording_fault(told, where):
            return Again(_fault_words(turn, fault, text, where, _room(edition, target, where)))
        await keep(turn, target, told)
        return Goto(ChooseLanguage)


class SetOpen(Step[ContentDraft]):
    """Open or close a programme."""

    name = "open"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        edition = await my_edition(turn)
        choices = [
            # Translators: label, at most 20 characters. A programme is open.
            Choice("yes", turn.pgettext("button", "🟢 Open")),
            # Translators: label, at most 20 characters. A programme is closed.
            Choice("no", turn.pgettext("button", "🔴 Closed")),
            # Translators: label, at most 20 characters. Nobody knows if a programme is open.
            Choice("unknown", turn.pgettext("button", "⚪ Not known")),
        ]
        asked = turn.gettext("Is it open? People read “not open now” when it is closed.")
        return Prompt(f"{entry_name(turn, edition, turn.draft.entry)}\n\n{asked}", choices)

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        is_open = {"yes": True, "no": False, "unknown": None}[choice_id]
        return await _kept(turn, is_open)


class SetDay(Step[ContentDraft]):
    """Take a programme's first or last day, in any digits."""

    name = "day"
    matches_typed_choices = False

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        edition, target = await my_edition(turn), turn.draft.target
        lines = [
            target_name(turn, edition, target),
            turn.gettext("Now: {value}").format(
                value=value_words(turn, target.field, edition.value_of(target))
            ),
            turn.gettext("Send the day as day/month/year, such as 08/02/2027."),
        ]
        # Translators: label, at most 20 characters. A programme has no first or no last day.
        return Prompt("\n\n".join(lines), [Choice("none", turn.pgettext("button", "🚫 No such day"))])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        return await _kept(turn, None)

    async def answer(self, turn: Turn[ContentDraft], reply: Reply) -> Move:
        day = parse_full_day(reply.text) if isinstance(reply, Text) else None
        if day is None:
            return Again(turn.gettext("This is no day. Send it as day/month/year, such as 08/02/2027."))
        if not turn.today.year - YEARS_BACK <= day.year <= turn.today.year + YEARS_AHEAD:
            return Again(turn.gettext("Please check the year: {day}").format(day=turn.format_day(day)))
        programme = (await my_edition(turn)).rules.fact(turn.draft.entry)
        if isinstance(programme, Programme):
            if turn.draft.field == "from" and programme.closes_on and programme.closes_on < day:
                ends = turn.gettext("It would end before it begins, on {day}. Change the last day first.")
                return Again(ends.format(day=turn.format_day(programme.closes_on)))
            if turn.draft.field == "until" and programme.opens_on and day < programme.opens_on:
                begins = turn.gettext("It would end before it begins, on {day}. Change the first day first.")
                return Again(begins.format(day=turn.format_day(programme.opens_on)))
        return await _kept(turn, day)


class SetRegions(Step[ContentDraft]):
    """Tick the regions of a programme."""

    name = "regions"

    async def ask(self, turn: Turn[ContentDraft]) -> Prompt:
        edition = await my_edition(turn)
        if not edition.has(turn.draft.entry):
            return Prompt(gone(turn))
        ticked = edition.value_of(turn.draft.target)
        page = page_of(turn.world.places.regions(), turn.draft.page, size=REGIONS_A_PAGE)
        choices = [
            Choice(region.code, _ticked_name(region_name(turn, region), region.code in ticked))
            for region in page.items
        ]
        # Translators: label, at most 24 characters. Regions are chosen; go on.
        done = Choice("done", turn.pgettext("button", "➡️ Go on"))
        lines = [
            entry_name(turn, edition, turn.draft.entry),
            turn.gettext("Now: {value}").format(value=value_words(turn, "regions", ticked)),
            turn.gettext("Tap the regions where it is. With none it is everywhere."),
        ]
        return Prompt("\n\n".join(lines), [*choices, *page_choices(turn, page), done])

    async def chosen(self, turn: Turn[ContentDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        if choice_id == "done":
            return Goto(ChooseField)
        edition = await my_edition(turn)
        if not edition.has(turn.draft.entry):
            return Home(gone(turn))
        ticked = set(edition.value_of(turn.draft.target)) ^ {choice_id}
        await keep(turn, turn.draft.target, tuple(sorted(ticked)))
        return Again()


def into_field(turn: Turn[ContentDraft], field: str) -> Move:
    """Return the way to where a field is changed."""
    turn.draft.field, turn.draft.language, turn.draft.page = field, "", 0
    match field:
        case "open":
            return Goto(SetOpen)
        case "from" | "until":
            return Goto(SetDay)
        case "regions":
            return Goto(SetRegions)
    return Goto(ChooseLanguage)


def gone(turn: Turn[ContentDraft]) -> str:
    return turn.gettext("This entry is no longer there.")


async def _kept(turn: Turn[ContentDraft], value: object) -> Move:
    if not (await my_edition(turn)).has(turn.draft.entry):
        return Home(gone(turn))
    await keep(turn, turn.draft.target, value)
    return Goto(ChooseField)


def _ticked_name(name: str, is_ticked: bool) -> str:
    return f"{'✅' if is_ticked else '⬜'} {name}"


def _about_tag(turn: Turn[ContentDraft], edition: Edition) -> list[str]:
    """Say what it means that nobody has said so."""
    found = edition.rules.fact(turn.draft.entry) or edition.questions.question(turn.draft.entry)
    match found.tag if found else None:
        case Tag.UNKNOWN:
            return [
                turn.gettext(
                    "⚠️ No public source settles this: “the centre decides” stays with whatever you write."
                )
            ]
        case Tag.INFERRED:
            return [
                turn.gettext(
                    "⚠️ We inferred this, nobody said it: “the centre decides” stays with what you write."
                )
            ]
    return []


def _with_what_must_stay(edition: Edition, target: Target, text: str) -> str:
    """Return the text of what nobody has said with the words that the centre decides."""
    fact = edition.rules.fact(target.entry)
    is_unsaid = fact is not None and fact.tag in UNSAID and fact is not edition.rules.bring
    if not is_unsaid or target.field != "text" or target.language is None:
        return text
    return with_centre_decides(text, edition.rules.centre_decides[target.language], target.language)


def _room(edition: Edition, target: Target, where: Slot) -> int:
    """Return how long the manager's own words may be."""
    attached = _with_what_must_stay(edition, target, "x")
    return where.longest - (len(attached) - 1)


def _fault_words(turn: Turn[ContentDraft], fault: WordingFault, text: str, where: Slot, room: int) -> str:
    match fault:
        case WordingFault.EMPTY:
            return turn.gettext("Please send the new text as a message.")
        case WordingFault.TOO_LONG:
            said = turn.gettext("That is {length} characters long; at most {n} fit here.")
            return said.format(length=length(text, where), n=room)
        case WordingFault.MONEY:
            return turn.gettext("It names an amount of money, and nobody is promised one. Leave it out.")
        case WordingFault.REFUSAL:
            said = turn.gettext("“{words}” turns people away. Say what the centre can do for them instead.")
            return said.format(words=refusal_in(text) or "")
        case WordingFault.PLACEHOLDER:
            return turn.gettext("What stands in braces is filled in later. Keep it as it is, and add none.")
        case WordingFault.SCRIPT:
            said = turn.gettext("This does not look like {language}. Send the text in that language.")
            return said.format(language=language_name(where.language))
        case WordingFault.FOUNDATION:
            return turn.gettext(
                "Nobody has said this in public, so it can't be the Foundation's word. Leave its name out."
            )
