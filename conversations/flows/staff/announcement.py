"""What one person sees of an announcement."""

from conversations.engine.flow import Choice, Prompt
from conversations.engine.words import Word
from conversations.texts import Texts


def announcement_text(texts: Texts, body: str) -> str:
    """Return the manager's words with who sends them above and how to stop them below.

    `texts` are in the reader's language, whichever language the body is written in.
    """
    # Translators: first line seen on a locked screen: the service's name and nothing more.
    head = texts.gettext("Jisr 📢")
    # Translators: STOP in capitals works in every language; the word of this language does too.
    stop = texts.gettext("To stop this news, send STOP.")
    return f"{head}\n\n{body}\n\n{stop}"


def announcement_prompt(texts: Texts, body: str) -> Prompt:
    """Return the text with its one button, which works whatever the reader is doing."""
    # Translators: label, at most 20 characters.
    stop = Choice(Word.STOP, texts.pgettext("button", "🔕 Stop news"))
    return Prompt(announcement_text(texts, body), (stop,), navigation=False)
