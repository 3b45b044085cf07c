"""What managers may change of what people read: the entries, their fields, and how both are named."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from conversations.care.edition import QUESTION_FIELDS, Edition, edition_of
from conversations.care.edits import Edit, Target
from conversations.care.people import ContactId
from conversations.care.questions import Question, Topic
from conversations.care.rules import LONGEST, LONGEST_NAME, Change, Fact, Programme, Service, Tag
from conversations.care.wording import Slot
from conversations.engine.turn import Turn
from conversations.flows.centre_words import region_name
from conversations.texts import LANGUAGES

# With those that turn the page they are seven, as many as a small phone shows.
A_PAGE = 5
# Of a text that only reminds of what it is.
GLIMPSE = 70
TEXT_LENGTHS = {"text": LONGEST, "next": LONGEST, "name": LONGEST_NAME, **QUESTION_FIELDS}


class Kind(StrEnum):
    """What can be changed; the values are ids of choices."""

    PROGRAMMES = "programmes"
    SERVICES = "services"
    RULES = "rules"
    BRING = "bring"
    QUESTIONS = "questions"


@dataclass
class ContentDraft:
    """Where a manager is: which kind, entry, field and language. What they change is kept beside.

    `page` is the part of a list or of the preview on the screen, `revision` the one of the history.
    """

    kind: Kind = Kind.PROGRAMMES
    entry: str = ""
    field: str = ""
    language: str = ""
    page: int = 0
    revision: int = 0

    @property
    def target(self) -> Target:
        return Target(self.entry, self.field, self.language or None)


async def my_edition(turn: Turn[ContentDraft]) -> Edition:
    """Return what people would read if the manager published now."""
    drafts = await turn.desk.content.drafts(turn.contact.id)
    today = [replace(each.change, reviewed=turn.today if each.change.language else None) for each in drafts]
    shipped = turn.world
    return edition_of(shipped.rules, shipped.questions, [*await turn.desk.content.published(), *today])


def entries(edition: Edition, kind: Kind) -> Sequence[Fact | Question]:
    match kind:
        case Kind.PROGRAMMES:
            return edition.rules.programmes
        case Kind.SERVICES:
            return edition.rules.services
        case Kind.RULES:
            return edition.rules.rules
        case Kind.BRING:
            return (edition.rules.bring,)
        case Kind.QUESTIONS:
            return [question for topic in Topic for question in edition.questions.about(topic)]


def fields(edition: Edition, entry: str) -> list[str]:
    """Return what of the entry can be changed; nothing when it is gone."""
    if edition.questions.question(entry):
        return ["question", "answer", "label"]
    match edition.rules.fact(entry):
        case Programme():
            return ["name", "text", "open", "from", "until", "regions"]
        case Service():
            return ["text", "next"]
        case Fact():
            return ["text"]
    return []


def is_text(field: str) -> bool:
    return field in TEXT_LENGTHS


def slot(edition: Edition, target: Target) -> Slot:
    """Return where a new text would stand."""
    found = edition.questions.question(target.entry) or edition.rules.fact(target.entry)
    return Slot(
        language=target.language or "",
        longest=TEXT_LENGTHS[target.field],
        before=str(edition.value_of(target)),
        tag=found.tag if found else Tag.UNKNOWN,
        in_units=target.field == "label",
    )


async def keep(turn: Turn[ContentDraft], target: Target, value: object) -> None:
    """Keep a change as the manager's draft; what is published already is no change."""
    published = turn.world.editions.of(await turn.desk.content.published()).value_of(target)
    if value == published:
        await turn.desk.content.drop_draft(turn.contact.id, target)
        return
    change = Change(target.entry, target.field, value, target.language)
    await turn.desk.content.draft(turn.contact.id, change, before=published, now=turn.now)


def language_name(code: str) -> str:
    return next(language.name for language in LANGUAGES if language.code == code)


def in_language(turn: Turn[ContentDraft], code: str) -> Turn[ContentDraft]:
    """Return the turn as a reader of that language would have it."""
    return replace(turn, texts=turn.all_texts(code))


def entry_label(turn: Turn[ContentDraft], found: Fact | Question) -> str:
    """Return what stands on the entry's button: a question's own label, else the id, which is short."""
    return found.wordings[turn.texts.language].label if isinstance(found, Question) else found.id


def entry_line(turn: Turn[ContentDraft], found: Fact | Question) -> str:
    """Return what tells the entry from others in a list."""
    language = turn.texts.language
    match found:
        case Question():
            said = found.wordings[language].question
        case Programme():
            said = found.name[language]
        case _:
            said = found.text[language]
    return f"{entry_label(turn, found)} · {glimpse(said)}"


def entry_name(turn: Turn[ContentDraft], edition: Edition, entry: str) -> str:
    """Return how the entry is called in a sentence; its id when it is gone."""
    question, fact = edition.questions.question(entry), edition.rules.fact(entry)
    if question:
        return question.wordings[turn.texts.language].label
    return f"{fact.id} {fact.name[turn.texts.language]}" if isinstance(fact, Programme) else entry


def target_name(turn: Turn[ContentDraft], edition: Edition, target: Target) -> str:
    """Return entry, field and language in words."""
    named = f"{entry_name(turn, edition, target.entry)} · {field_name(turn, target.field)}"
    return f"{named} · {language_name(target.language)}" if target.language else named


def glimpse(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= GLIMPSE else f"{text[: GLIMPSE - 1].rstrip()}…"


def field_name(turn: Turn[ContentDraft], field: str) -> str:
    match field:
        case "name":
            # Translators: label, at most 24 characters. What a programme is called.
            return turn.pgettext("button", "🏷️ Name")
        case "text":
            # Translators: label, at most 24 characters. What a programme, service or rule says.
            return turn.pgettext("button", "✏️ Text")
        case "next":
            # Translators: label, at most 24 characters. What a person does next to get a service.
            return turn.pgettext("button", "👣 What comes next")
        case "open":
            # Translators: label, at most 24 characters. Open or close a programme.
            return turn.pgettext("button", "🚪 Open or closed")
        case "from":
            # Translators: label, at most 24 characters. A programme's first day.
            return turn.pgettext("button", "📅 First day")
        case "until":
            # Translators: label, at most 24 characters. A programme's last day.
            return turn.pgettext("button", "📅 Last day")
        case "regions":
            # Translators: label, at most 24 characters. Where a programme is.
            return turn.pgettext("button", "🗺️ Regions")
        case "question":
            # Translators: label, at most 24 characters. A question in full.
            return turn.pgettext("button", "❓ Question")
        case "answer":
            # Translators: label, at most 24 characters. The answer to a question.
            return turn.pgettext("button", "💬 Answer")
        case _:
            # Translators: label, at most 24 characters. What stands on the button of a question.
            return turn.pgettext("button", "🔘 Button")


def value_words(turn: Turn[ContentDraft], field: str, value: object) -> str:
    """Return a value as staff read it."""
    match value:
        case True:
            return turn.gettext("open")
        case False:
            return turn.gettext("closed")
        case date():
            return turn.format_day(value)
        case tuple() | list() if value:
            names = {region.code: region_name(turn, region) for region in turn.world.places.regions()}
            comma = turn.pgettext("between names", ", ")
            return comma.join(names.get(str(code), str(code)) for code in value)
        case tuple() | list():
            return turn.gettext("everywhere")
        case str():
            return turn.gettext("“{text}”").format(text=value)
    return turn.gettext("no day") if field in ("from", "until") else turn.gettext("not known")


async def staff_name(turn: Turn[Any], contact_id: ContactId | None) -> str:
    """Return what somebody of the staff is called."""
    if contact_id is None:
        return turn.gettext("Somebody who has left")
    if contact_id == turn.contact.id:
        return turn.gettext("You")
    return (await turn.desk.contacts.get(contact_id)).name or turn.gettext("A colleague")


def unchanged_languages(drafts: list[Edit], target: Target) -> list[str]:
    """Return the languages in which a text that is about to change stays as it was."""
    changed = {
        draft.target.language
        for draft in drafts
        if (draft.target.entry, draft.target.field) == (target.entry, target.field)
    }
    return [language.code for language in LANGUAGES if language.code not in changed]


def still_says(turn: Turn[ContentDraft], edition: Edition, drafts: list[Edit]) -> list[str]:
    """Return a line for each text that stays as it was beside one that changes."""
    texts = {
        Target(draft.target.entry, draft.target.field): None for draft in drafts if draft.target.language
    }
    return [
        turn.gettext("⚠️ {what}: the text in {language} still says “{text}”").format(
            what=f"{entry_name(turn, edition, target.entry)} · {field_name(turn, target.field)}",
            language=language_name(code),
            text=glimpse(str(edition.value_of(replace(target, language=code)))),
        )
        for target in texts
        if edition.has(target.entry)
        for code in unchanged_languages(drafts, target)
    ]
