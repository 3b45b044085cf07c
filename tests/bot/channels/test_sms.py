"""Text messages over real HTTP, and what they cost."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from bot.channels.channel import SendFailed, TooFast, TryLater, Undeliverable
from bot.channels.sms import Coding, Gateway, SmsSender, text_of
from bot.metrics import metrics
from conversations.engine.outbound import OutboundMessage
from tests.fake_kannel import PASSWORD, USER, FakeKannel

AMINA = "212600000001"
ARABIC = OutboundMessage("تذكير: موعدك \u2068الاثنين\u2069", "ar", "rtl")


@pytest.fixture
async def kannel() -> AsyncIterator[FakeKannel]:
    async with FakeKannel() as kannel:
        yield kannel


@pytest.fixture
async def sender(kannel: FakeKannel) -> AsyncIterator[SmsSender]:
    async with SmsSender(Gateway(kannel.url, user=USER, password=PASSWORD, sender="Jisr")) as sender:
        yield sender


# Segments


@pytest.mark.parametrize(
    ("words", "coding", "segments"),
    [
        ("a" * 160, Coding.GSM_7, 1),
        ("a" * 161, Coding.GSM_7, 2),
        ("a" * 306, Coding.GSM_7, 2),
        ("a" * 307, Coding.GSM_7, 3),
        ("€" * 80, Coding.GSM_7, 1),
        ("€" * 81, Coding.GSM_7, 2),
        # 76 pairs fill 152 of 153 places; a pair is not divided.
        ("€" * 152, Coding.GSM_7, 2),
        ("€" * 153, Coding.GSM_7, 3),
        ("س" * 70, Coding.UCS_2, 1),
        ("س" * 71, Coding.UCS_2, 2),
        ("س" * 134, Coding.UCS_2, 2),
        ("س" * 135, Coding.UCS_2, 3),
        ("😀" * 35, Coding.UCS_2, 1),
        ("😀" * 66, Coding.UCS_2, 2),
        ("😀" * 67, Coding.UCS_2, 3),
    ],
)
def test_segments_are_counted_as_they_are_charged(words: str, coding: Coding, segments: int) -> None:
    text = text_of(words)

    assert (text.coding, text.segments) == (coding, segments)


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("Rappel : être à Fès, août", "Rappel : etre à Fès, aout"),
        ("« L’hôtel »\u202f…", '" L\'hotel " ...'),
        ("ça coûte 5 €", "ca coute 5 €"),
    ],
)
def test_accents_that_would_cost_a_segment_are_left_out(words: str, plain: str) -> None:
    assert (text_of(words).words, text_of(words).coding) == (plain, Coding.GSM_7)


def test_one_letter_of_another_script_leaves_the_words_as_they_are() -> None:
    assert text_of("être à سلا").words == "être à سلا"


# Sending


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_text_arrives_as_it_was_written(kannel: FakeKannel, method: str) -> None:
    gateway = Gateway(
        kannel.url, "post" if method == "post" else "get", USER, PASSWORD, "Jisr",
        report_url="https://reports.example.org/?state=%d&of=1",
    )  # fmt: skip
    async with SmsSender(gateway) as sender:
        await sender.send(AMINA, ARABIC)
        await sender.send(AMINA, OutboundMessage("Rappel à 10:00 + café & thé", "fr"))

    arabic, french = kannel.taken
    assert kannel.refused == []
    assert (arabic.method, arabic.to, arabic.text) == (
        method.upper(),
        "+212600000001",
        "تذكير: موعدك الاثنين",
    )
    assert (arabic.fields["coding"], french.fields["coding"]) == ("2", "0")
    assert french.text == "Rappel à 10:00 + café & thé"
    assert (french.fields["from"], french.fields["dlr-mask"]) == ("Jisr", "19")
    assert french.fields["dlr-url"] == "https://reports.example.org/?state=%d&of=1"


async def test_segments_are_counted_and_nobody_is_named_in_the_logs(sender: SmsSender) -> None:
    def counted() -> float:
        return metrics.registry.get_sample_value("jisr_sms_segments_total", {"coding": "ucs_2"}) or 0

    before = counted()
    with capture_logs() as logs:
        await sender.send(AMINA, OutboundMessage("س" * 71, "ar", "rtl"))

    assert counted() == before + 2
    assert logs == [{"event": "sms_sent", "log_level": "info", "coding": "ucs_2", "segments": 2}]


@pytest.mark.parametrize(
    ("status", "kind", "unclear"),
    [
        (400, Undeliverable, None),
        (403, TryLater, False),
        (404, TryLater, False),
        (500, TryLater, True),
        (503, TryLater, False),
        (0, TryLater, True),
        (302, TryLater, False),
    ],
)
async def test_what_the_gateway_answers_is_told_truly(
    kannel: FakeKannel, sender: SmsSender, status: int, kind: type[SendFailed], unclear: bool | None
) -> None:
    kannel.faults = [status]

    with pytest.raises(kind) as failed:
        await sender.send(AMINA, ARABIC)

    assert getattr(failed.value, "unclear", None) == unclear
    assert kannel.taken == []


async def test_too_fast_waits_as_told(kannel: FakeKannel, sender: SmsSender) -> None:
    kannel.faults, kannel.retry_after = [429], "7"

    with pytest.raises(TooFast) as failed:
        await sender.send(AMINA, ARABIC)

    assert failed.value.retry_after_s == 7


async def test_no_error_holds_the_number_the_words_or_the_password(kannel: FakeKannel) -> None:
    gone = SmsSender(Gateway("http://127.0.0.1:1/cgi-bin/sendsms", user=USER, password=PASSWORD))
    async with gone, SmsSender(Gateway(kannel.url, user=USER, password="wrong")) as locked_out:
        for sender in (gone, locked_out):
            with pytest.raises(TryLater) as failed:
                await sender.send(AMINA, ARABIC)
            seen = f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__context__!r} {sender!r}"
            assert not any(each in seen for each in (AMINA, PASSWORD, "تذكير", "13013"))
