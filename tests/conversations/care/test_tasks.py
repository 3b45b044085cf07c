"""What people tell caseworkers is kept whole, and shows in no log line."""

import pytest

from conversations.care.tasks import Said
from conversations.engine.flow import SentMedia
from conversations.engine.reply import Channel, MediaKind

VOICE = SentMedia(kind=MediaKind.VOICE, ref="AwACAgQ", channel=Channel.TELEGRAM)


@pytest.mark.parametrize(
    "said",
    [
        Said(),
        Said("بغيت نهضر معاكم\nعافاكم"),
        Said('{"media": null}'),
        Said("شوف هادي", VOICE),
        Said("", VOICE),
        Said(phone="٠٦١٢٣٤٥٦٧٨"),
        Said("in the morning", phone="0612345678"),
    ],
)
def test_what_was_said_comes_back_as_it_was(said: Said) -> None:
    assert Said.from_text(said.to_text()) == said


def test_words_alone_are_kept_as_they_are() -> None:
    assert Said("I lost my card").to_text() == "I lost my card"


def test_words_cannot_pass_for_something_sent_along() -> None:
    assert Said.from_text(Said('hello\x1e{"phone": "190"}').to_text()).phone is None


def test_what_was_said_does_not_show_in_logs() -> None:
    assert "0612345678" not in repr(Said("call me", phone="0612345678"))
