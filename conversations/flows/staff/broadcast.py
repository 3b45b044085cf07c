"""A manager writes an announcement: for whom, in which languages, what; then looks at it and sends it."""

from dataclasses import dataclass
from typing import ClassVar

from conversations.care.announcements import Audience, text_language
from conversations.care.people import MANAGERS
from conversations.engine.flow import Again, Choice, Enter, Finish, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.centre_words import region_name
from conversations.flows.news import AnnouncementNews
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.announcement import announcement_text
from conversations.flows.staff.announcement_progress import ANNOUNCEMENT_PROGRESS
from conversations.flows.visit_words import city
from conversations.texts import LANGUAGES

# With the lines around it, it still fits WhatsApp's 1,024 characters.
LONGEST_TEXT = 900
# Room for the counts around the texts in one message of at most 3,500 characters.
LONGEST_PREVIEW = 2700


@dataclass
class BroadcastDraft:
    """Whom it is for and what is written; a text is None when people of that language get none of their own.

    `page` is the part of a list, or of the preview, on the screen.
    """

    region_code: str | None = None
    centre_slug: str | None = None
    language: str | None = None
    ary: str | None = None
    ar: str | None = None
    fr: str | None = None
    en: str | None = None
    page: int = 0

    @property
    def audience(self) -> Audience:
        return Audience(self.region_code, self.centre_slug, self.language)

    @property
    def texts(self) -> dict[str, str]:
        """The texts there are, by language, in the order of LANGUAGES."""
        written = {language.code: getattr(self, language.code) for language in LANGUAGES}
        return {code: text for code, text in written.items() if text}


class ChooseAudience(Step[BroadcastDraft]):
    """Everybody, a region or the people of one centre."""

    name = "audience"

    async def ask(self, turn: Turn[BroadcastDraft]) -> Prompt:
        choices = [
            # Translators: label, at most 20 characters.
            Choice("everyone", turn.pgettext("button", "👥 Everyone")),
            # Translators: label, at most 20 characters.
            Choice("region", turn.pgettext("button", "🗺️ One region")),
            # Translators: label, at most 20 characters.
            Choice("centre", turn.pgettext("button", "🏢 One centre")),
        ]
        return Prompt(turn.gettext("Who is the announcement for?"), choices)

    async def chosen(self, turn: Turn[BroadcastDraft], choice_id: str) -> Move:
        draft = turn.draft
        draft.region_code, draft.centre_slug, draft.page = None, None, 0
        match choice_id:
            case "region":
                return Goto(ChooseRegion)
            case "centre":
                return Goto(ChooseCentre)
            case _:
                return Goto(ChooseLanguage)


class ChooseRegion(Step[BroadcastDraft]):
    """One of the twelve regions."""

    name = "region"

    async def ask(self, turn: Turn[BroadcastDraft]) -> Prompt:
        page = page_of(turn.world.places.regions(), turn.draft.page)
        choices = [Choice(region.code, region_name(turn, region)) for region in page.items]
        return Prompt(turn.gettext("Which region?"), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[BroadcastDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.region_code, turn.draft.page = choice_id, 0
        return Goto(ChooseLanguage)


class ChooseCentre(Step[BroadcastDraft]):
    """One of the open centres."""

    name = "centre"

    async def ask(self, turn: Turn[BroadcastDraft]) -> Prompt:
        page = page_of(await turn.desk.centres.open(), turn.draft.page)
        choices = [Choice(centre.slug, city(turn, centre)) for centre in page.items]
        return Prompt(turn.gettext("Which centre?"), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[BroadcastDraft], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.centre_slug, turn.draft.page = choice_id, 0
        return Goto(ChooseLanguage)


class ChooseLanguage(Step[BroadcastDraft]):
    """People of all languages, or of one."""

    name = "language"

    async def ask(self, turn: Turn[BroadcastDraft]) -> Prompt:
        choices = [Choice(language.code, language.name) for language in LANGUAGES]
        # Translators: label, at most 24 characters.
        choices.insert(0, Choice("all", turn.pgettext("button", "🌐 All languages")))
        return Prompt(turn.gettext("For readers of which language?"), choices)

    async def chosen(self, turn: Turn[BroadcastDraft], choice_id: str) -> Move:
        draft = turn.draft
        draft.language = None if choice_id == "all" else choice_id
        for code in draft.texts:
            if code not in _languages(draft):
                setattr(draft, code, None)
        return Goto(_writing(draft)[0])


class _WriteText(Step[BroadcastDraft]):
    """Take the text of one language; it may be left out while another language has one."""

    language: ClassVar[str]
    matches_typed_choices = False

    async def ask(self, turn: Turn[BroadcastDraft]) -> Prompt:
        written = getattr(turn.draft, self.language)
        asked = turn.gettext("Write the text in this language: {language}").format(
            language=_language_name(self.language)
        )
        if written:
            choices = [
                # Translators: label, at most 20 characters. The text stays as it is.
                Choice("keep", turn.pgettext("button", "✔️ Keep this text")),
                # Translators: label, at most 20 characters. No text in this language.
                Choice("skip", turn.pgettext("button", "🗑️ No such text")),
            ]
            return Prompt(f"{asked}\n\n{written}", choices)
        # Translators: label, at most 20 characters. No text in this language.
        return Prompt(asked, [Choice("skip", turn.pgettext("button", "⏭️ Skip"))])

    async def chosen(self, turn: Turn[BroadcastDraft], choice_id: str) -> Move:
        if choice_id == "skip":
            setattr(turn.draft, self.language, None)
        return self._onward(turn)

    async def answer(self, turn: Turn[BroadcastDraft], reply: Reply) -> Move:
        typed = reply.text.strip() if isinstance(reply, Text) else ""
        if not typed:
            return Again(turn.gettext("An announcement is text alone. Please write it."))
        if len(typed) > LONGEST_TEXT:
            return Again(
                turn.gettext("That is {length} characters long; {n} is the most people can be sent.").format(
                    length=len(typed), n=LONGEST_TEXT
                )
            )
        setattr(turn.draft, self.language, typed)
        return self._onward(turn)

    def _onward(self, turn: Turn[BroadcastDraft]) -> Move:
        steps = _writing(turn.draft)
        following = steps[steps.index(type(self)) + 1 :]
        if following:
            return Goto(following[0])
        if not turn.draft.texts:
            return Again(turn.gettext("At least one text is needed."))
        turn.draft.page = 0
        return Goto(Preview)


class WriteDarija(_WriteText):
    name = "text_ary"
    language = "ary"


class WriteArabic(_WriteText):
    name = "text_ar"
    language = "ar"


class WriteFrench(_WriteText):
    name = "text_fr"
    language = "fr"


class WriteEnglish(_WriteText):
    name = "text_en"
    language = "en"


class Preview(Step[BroadcastDraft]):
    """Show each text as people will see it, and how many people that is."""

    name = "preview"

    async def ask(self, turn: Turn[BroadcastDraft]) -> Prompt:
        draft = turn.draft
        count = await _count(turn)
        previews = _previews(turn)
        shown = draft.page % len(previews) if previews else 0
        lines = [await _for_whom(turn), *_who_reads_what(turn), "", _count_words(turn, count)]
        lines += await _cost_words(turn)
        text = "\n\n".join([*previews[shown : shown + 1], "\n".join(lines)])
        choices = []
        if len(previews) > 1:
            # Translators: label, at most 24 characters. Shows the announcement in another language.
            choices.append(Choice("more", turn.pgettext("button", "👁️ Next text")))
        if count:
            # Translators: label, at most 24 characters.
            choices.append(Choice("send", turn.pgettext("button", "📨 Send it")))
        # Translators: label, at most 24 characters.
        choices.append(Choice("change", turn.pgettext("button", "✏️ Change the text")))
        # Translators: label, at most 24 characters.
        choices.append(Choice("cancel", turn.pgettext("button", "❌ Don't send it")))
        return Prompt(text, choices)

    async def chosen(self, turn: Turn[BroadcastDraft], choice_id: str) -> Move:
        match choice_id:
            case "more":
                turn.draft.page += 1
                return Again()
            case "change":
                return Goto(_writing(turn.draft)[0])
            case "cancel":
                return Home(turn.gettext("Nothing was sent."))
            case _:
                return await _send(turn)


async def broadcast(turn: Turn[BroadcastDraft], argument: str) -> Move:
    """Handle /broadcast."""
    return Enter(BROADCAST.name, BroadcastDraft())


async def _send(turn: Turn[BroadcastDraft]) -> Move:
    # People may have said STOP since the preview was made.
    if not await _count(turn):
        return Again(turn.gettext("Nothing was sent."))
    announcement = await turn.desk.announcements.start(
        author=turn.contact.id, audience=turn.draft.audience, texts=turn.draft.texts, now=turn.now
    )
    subject = f"announcement:{announcement.id}"
    turn.push(
        turn.contact.id,
        ANNOUNCEMENT_PROGRESS.name,
        AnnouncementNews(announcement.id),
        purpose=Purpose.STAFF,
        key=f"{subject}:progress:0",
        subject=subject,
    )
    return Finish(
        turn.ngettext(
            "📨 Your announcement is on its way to {n} person.",
            "📨 Your announcement is on its way to {n} people.",
            announcement.total,
        ).format(n=announcement.total)
    )


async def _count(turn: Turn[BroadcastDraft]) -> int:
    return await turn.desk.announcements.count(turn.draft.audience, turn.draft.texts)


def _count_words(turn: Turn[BroadcastDraft], count: int) -> str:
    if not count:
        return turn.gettext(
            "This would reach nobody. Nobody there asked for news, or there is no text for them."
        )
    return turn.ngettext("It goes to {n} person.", "It goes to {n} people.", count).format(n=count)


async def _cost_words(turn: Turn[BroadcastDraft]) -> list[str]:
    """Say what is charged; nothing when that is nothing."""
    cost = await turn.desk.billing.cost(turn.draft.audience, turn.draft.texts, now=turn.now)
    if not cost.messages:
        return []
    lines = [
        turn.gettext("💰 Of these by WhatsApp, which charges each: {n}").format(n=cost.messages),
        turn.gettext("Charged by WhatsApp today, so far: {n}").format(n=cost.today),
    ]
    budget = turn.world.daily_budget
    if budget is not None and cost.counted + cost.messages - cost.unreachable > budget:
        lines.append(
            turn.gettext(
                "⏳ More than today's budget of {n}: the rest goes out from tomorrow morning."
            ).format(n=budget)
        )
    if cost.unreachable:
        no_template = turn.gettext("⚠️ Of these not reached, since WhatsApp has approved no template: {n}")
        lines.append(no_template.format(n=cost.unreachable))
    return lines


def _languages(draft: BroadcastDraft) -> tuple[str, ...]:
    """Return the languages to write in."""
    return (draft.language,) if draft.language else tuple(language.code for language in LANGUAGES)


def _writing(draft: BroadcastDraft) -> list[type[_WriteText]]:
    steps = (WriteDarija, WriteArabic, WriteFrench, WriteEnglish)
    return [step for step in steps if step.language in _languages(draft)]


def _language_name(code: str) -> str:
    return next(language.name for language in LANGUAGES if language.code == code)


def _previews(turn: Turn[BroadcastDraft]) -> list[str]:
    """Return the texts as people will see them, joined as far as they fit into one message."""
    parts: list[str] = []
    for code, body in turn.draft.texts.items():
        seen = announcement_text(turn.all_texts(code), body)
        part = f"— {_language_name(code)} —\n{seen}"
        if parts and len(parts[-1]) + len(part) <= LONGEST_PREVIEW:
            parts[-1] += f"\n\n{part}"
        else:
            parts.append(part)
    return parts


async def _for_whom(turn: Turn[BroadcastDraft]) -> str:
    draft = turn.draft
    if draft.centre_slug:
        centre = await turn.desk.centres.get(draft.centre_slug)
        return turn.gettext("For: people of the centre of {city}").format(city=city(turn, centre))
    for region in turn.world.places.regions():
        if region.code == draft.region_code:
            return turn.gettext("For: people of the region {region}").format(region=region_name(turn, region))
    return turn.gettext("For: everyone who asked for news")


def _who_reads_what(turn: Turn[BroadcastDraft]) -> list[str]:
    """Say which text those read whose own language has none."""
    lines = []
    for code in _languages(turn.draft):
        read = text_language(code, turn.draft.texts)
        if read is None:
            line = turn.gettext("Readers of {language}: no text for them")
            lines.append(line.format(language=_language_name(code)))
        elif read != code:
            line = turn.gettext("Readers of {language}: the text in {other}")
            lines.append(line.format(language=_language_name(code), other=_language_name(read)))
    return lines


BROADCAST = Flow(
    "broadcast",
    BroadcastDraft,
    (
        ChooseAudience,
        ChooseRegion,
        ChooseCentre,
        ChooseLanguage,
        WriteDarija,
        WriteArabic,
        WriteFrench,
        WriteEnglish,
        Preview,
    ),
    roles=MANAGERS,
)
