"""WhatsApp's templates, made from the catalogues: what may be sent to people outside their 24 hours.

A template is a frame of fixed words around one text, and buttons. The text is what the message would have
said; the buttons carry what its own would have. So a tap goes on where the message belongs. Each is named by
what it is for, its language, and a number made of its content: other words are another template, and until
that is approved the one before goes on being sent.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from bot.channels.button_data import button_data
from bot.channels.plain_text import units, whole
from conversations.engine.engine import SHOW
from conversations.engine.outbound import OutboundMessage, Purpose
from conversations.engine.words import Word
from conversations.flows.beneficiary.visit_date import VISIT_DATE
from conversations.flows.staff.announcement import announcement_text
from conversations.texts import Texts
from storage.templates import BROADCAST, TemplateState, stem_of

JSON = Mapping[str, Any]

# Source: Cloud API reference, message templates, 2026-05.
MAX_BODY, MAX_BUTTON = 1024, 25
CATEGORY = "UTILITY"
# The platform knows no Darija: its templates go as Arabic, under names of their own.
PLATFORM_LANGUAGES = {"ary": "ar", "ar": "ar", "fr": "fr", "en": "en"}
PLACE = "{{1}}"
# Values may hold no line ends, so this stands where one was.
BETWEEN_LINES = " · "
ELLIPSIS = "…"

# So many digits in a row are hidden from logs, as a telephone number may be.
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_EXAMPLE_DAY, _EXAMPLE_TIME = date(2026, 12, 1), time(10, 30)


@dataclass(frozen=True, slots=True)
class Form:
    """What a template is for: messages of a purpose that offer just these choices.

    `labels` are the buttons' words in a language. A form whose only choice is SHOW serves all others.
    """

    key: str
    purpose: Purpose
    choices: tuple[str, ...]
    labels: Callable[[Texts], Sequence[str]]

    @property
    def serves_all(self) -> bool:
        return self.choices == (SHOW,)


@dataclass(frozen=True, slots=True)
class Template:
    """A form in a language. `body` holds PLACE where the text goes, and `example` is such a text."""

    form: Form
    language: str
    body: str
    buttons: tuple[str, ...]
    example: str

    @property
    def name(self) -> str:
        content = "\x1e".join((self.body, *self.buttons))
        version = hashlib.sha256(content.encode()).hexdigest()[:8].translate(_LETTERS)
        return stem_of(self.form.key, self.language) + version

    @property
    def platform_language(self) -> str:
        return PLATFORM_LANGUAGES[self.language]

    def submission(self) -> JSON:
        """Return what the platform is asked to approve."""
        replies = [{"type": "QUICK_REPLY", "text": label} for label in self.buttons]
        return {
            "name": self.name,
            "language": self.platform_language,
            "category": CATEGORY,
            # Else it is refused instead of put into the category that the platform finds right.
            "allow_category_change": True,
            "components": [
                {"type": "BODY", "text": self.body, "example": {"body_text": [[self.example]]}},
                {"type": "BUTTONS", "buttons": replies},
            ],
        }


@dataclass(frozen=True, slots=True, repr=False)
class TemplateUse:
    """One message as a template: its one value, and what each button brings back."""

    name: str
    platform_language: str
    value: str
    payloads: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<TemplateUse {self.name}>"

    def body(self) -> JSON:
        """Return the Graph API's body of the message."""
        buttons = [
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": str(place),
                "parameters": [{"type": "payload", "payload": payload}],
            }
            for place, payload in enumerate(self.payloads)
        ]
        text = {"type": "body", "parameters": [{"type": "text", "text": self.value}]}
        return {
            "type": "template",
            "template": {
                "name": self.name,
                "language": {"code": self.platform_language},
                "components": [text, *buttons],
            },
        }


def _coming_change_cancel(texts: Texts) -> Sequence[str]:
    return (texts.pgettext("button", "👍 I am coming"), *_change_cancel(texts))


def _change_cancel(texts: Texts) -> Sequence[str]:
    return texts.pgettext("button", "🔄 Change it"), texts.pgettext("button", "❌ Cancel")


def _accept_change_cancel(texts: Texts) -> Sequence[str]:
    return (
        texts.pgettext("button", "✅ That suits me"),
        texts.pgettext("button", "🔄 Another time"),
        texts.pgettext("button", "❌ Cancel"),
    )


def _ways_change_cancel(texts: Texts) -> Sequence[str]:
    return (
        texts.pgettext("button", "🚶 On foot"),
        texts.pgettext("button", "🚌 By bus"),
        texts.pgettext("button", "🚕 Taxi or grand taxi"),
        texts.pgettext("button", "🚗 Somebody takes me"),
        *_change_cancel(texts),
    )


def _take_not_leave(texts: Texts) -> Sequence[str]:
    return (
        texts.pgettext("button", "✅ I take it"),
        texts.pgettext("button", "⏭️ Not this one"),
        texts.pgettext("button", "✖️ Stop waiting"),
    )


def _fine_so_so_help(texts: Texts) -> Sequence[str]:
    return (
        texts.pgettext("button", "🙂 Fine"),
        texts.pgettext("button", "😐 So-so"),
        texts.pgettext("button", "🆘 I need help"),
    )


def _good_so_so_bad(texts: Texts) -> Sequence[str]:
    return (
        texts.pgettext("button", "🙂 Good"),
        texts.pgettext("button", "😐 So-so"),
        texts.pgettext("button", "🙁 Not good"),
    )


def _answer_thanks(texts: Texts) -> Sequence[str]:
    return texts.pgettext("button", "✍️ Answer"), texts.pgettext("button", "🙏 Thank you")


def _stop(texts: Texts) -> Sequence[str]:
    return (texts.pgettext("button", "🔕 Stop news"),)


def _show(texts: Texts) -> Sequence[str]:
    # Translators: label, at most 20 characters. Shows the whole message, with all its buttons.
    return (texts.pgettext("button", "👁️ Show it"),)


# A key stands in names of templates that were approved: another set of choices needs another key.
FORMS = (
    Form("visit", Purpose.VISIT, (SHOW,), _show),
    Form("visit_coming", Purpose.VISIT, ("coming", "change", "cancel"), _coming_change_cancel),
    Form("visit_known", Purpose.VISIT, ("change", "cancel"), _change_cancel),
    Form("visit_proposed", Purpose.VISIT, ("accept", "change", "cancel"), _accept_change_cancel),
    Form("place_offered", Purpose.VISIT, ("take", "not_this_one", "leave"), _take_not_leave),
    Form("reminder", Purpose.REMINDER, (SHOW,), _show),
    Form("reminder_coming", Purpose.REMINDER, ("coming", "change", "cancel"), _coming_change_cancel),
    Form("reminder_known", Purpose.REMINDER, ("change", "cancel"), _change_cancel),
    Form(
        "reminder_plan",
        Purpose.REMINDER,
        ("foot", "bus", "taxi", "lift", "change", "cancel"),
        _ways_change_cancel,
    ),
    Form("check_in", Purpose.CHECK_IN, ("fine", "so_so", "help"), _fine_so_so_help),
    Form("handover", Purpose.HANDOVER, (SHOW,), _show),
    Form("handover_answer", Purpose.HANDOVER, ("answer", "thanks"), _answer_thanks),
    Form("feedback", Purpose.FEEDBACK, (SHOW,), _show),
    Form("feedback_how", Purpose.FEEDBACK, ("good", "so_so", "bad"), _good_so_so_bad),
    Form("feedback_answer", Purpose.FEEDBACK, ("answer", "thanks"), _answer_thanks),
    Form("staff", Purpose.STAFF, (SHOW,), _show),
    Form("address", Purpose.ADDRESS, (SHOW,), _show),
    Form(BROADCAST, Purpose.BROADCAST, (Word.STOP.value,), _stop),
)


def templates_of(all_texts: Mapping[str, Texts]) -> list[Template]:
    """Return every template as today's catalogues have it, form by form, in each language."""
    return [_template(form, texts) for form in FORMS for texts in all_texts.values()]


def _template(form: Form, texts: Texts) -> Template:
    return Template(
        form=form,
        language=texts.language,
        body=_frame(form.purpose, texts),
        buttons=tuple(without_emoji(label) for label in form.labels(texts)),
        example=BETWEEN_LINES.join((texts.format_day(_EXAMPLE_DAY), texts.format_time(_EXAMPLE_TIME))),
    )


def _frame(purpose: Purpose, texts: Texts) -> str:
    """Return the fixed words; the platform wants some before the value and behind it."""
    if purpose is Purpose.BROADCAST:
        return announcement_text(texts, PLACE)
    return f"{_opening(purpose, texts).format(text=PLACE)}\n\n{_closing(texts)}"


def _opening(purpose: Purpose, texts: Texts) -> str:
    match purpose:
        case Purpose.VISIT:
            # Translators: first line seen on a locked screen.
            return texts.gettext("🗓️ News of your visit: {text}")
        case Purpose.REMINDER:
            # Translators: first line seen on a locked screen.
            return texts.gettext("🔔 A reminder of your visit: {text}")
        case Purpose.CHECK_IN:
            # Translators: first line seen on a locked screen.
            return texts.gettext("Jisr would like to know: {text}")
        case Purpose.FEEDBACK:
            # Translators: first line seen on a locked screen.
            return texts.gettext("👋 A word for you: {text}")
        case Purpose.HANDOVER:
            # Translators: first line seen on a locked screen.
            return texts.gettext("✉️ An answer to your message: {text}")
        case _:
            # Translators: first line seen on a locked screen.
            return texts.gettext("📋 News for you: {text}")


def _closing(texts: Texts) -> str:
    return texts.gettext("You can answer with a button.")


def without_emoji(label: str) -> str:
    """Return a label's words: a template's buttons may hold no emoji."""
    return re.sub(r"^\W+", "", label)


def template_use(
    message: OutboundMessage,
    purpose: Purpose,
    templates: Sequence[Template],
    states: Sequence[TemplateState],
) -> TemplateUse | None:
    """Return a message as an approved template in its language; None when there is none for it.

    A template with the message's own choices is best, as long as the whole text fits into it.
    """
    offered = tuple(choice.id for choice in message.choices if not _can_wait(choice.id))
    fitting = [
        template
        for template in templates
        if template.form.purpose is purpose
        and template.language == message.language
        and (template.form.serves_all or template.form.choices == offered)
    ]
    # Its own before the one for all; but a text that is too long is shown whole after a tap on the latter.
    for template in sorted(fitting, key=lambda each: each.form.serves_all == _holds(each, message.text)):
        name = _approved(template, states)
        if name is not None:
            payloads = tuple(_payload(message, choice_id) for choice_id in template.form.choices)
            return TemplateUse(name, template.platform_language, _value(template, message.text), payloads)
    return None


def _can_wait(choice_id: str) -> bool:
    """Tell whether a choice may be left out of a template, because it is found elsewhere.

    "This is not me" is added for those long silent: they find it by typing, and under the answer. The date
    for a calendar stands under the visit itself.
    """
    return choice_id == Word.NOT_ME or choice_id.startswith(f"{VISIT_DATE}=")


def _approved(template: Template, states: Sequence[TemplateState]) -> str | None:
    """Return the name of today's version, else of the one last approved; None when none may be sent."""
    versions = [
        state
        for state in states
        if state.may_be_sent
        and state.language == template.platform_language
        and state.is_version_of(template.form.key, template.language)
    ]
    best = max(versions, key=lambda state: (state.name == template.name, state.changed_at), default=None)
    return best.name if best else None


def _payload(message: OutboundMessage, choice_id: str) -> str:
    if message.prompt_ref is None and choice_id == SHOW:
        # Nothing was asked that could be shown again.
        choice_id = Word.MENU.value
    return button_data(message.prompt_ref, choice_id)


def _holds(template: Template, text: str) -> bool:
    return units(_one_line(_within(template, text))) <= _room(template)


def _value(template: Template, text: str) -> str:
    """Return the text as a template's value: one line, as much of it as there is room for."""
    line, room = _one_line(_within(template, text)), _room(template)
    if units(line) <= room:
        return line
    head = line.encode("utf-16-le")[: 2 * (room - len(ELLIPSIS))].decode("utf-16-le", "ignore")
    return head[: head.rfind(" ")].rstrip(" ·") + ELLIPSIS if " " in head else head + ELLIPSIS


def _room(template: Template) -> int:
    return MAX_BODY - units(template.body) + len(PLACE)


def _within(template: Template, text: str) -> str:
    """Return the text without what the template's frame says anyway."""
    before, _, behind = template.body.partition(PLACE)
    if text.startswith(before) and text.endswith(behind):
        return text[len(before) : len(text) - len(behind)]
    return text


def _one_line(text: str) -> str:
    lines = (" ".join(line.split()) for line in whole(text).splitlines())
    # Of an empty value the platform would refuse the whole message.
    return BETWEEN_LINES.join(line for line in lines if line) or ELLIPSIS
