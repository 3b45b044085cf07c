"""People who wait for a caseworker: news, list, card, answer."""

from dataclasses import replace

import pytest

from conversations.care.obstacles import Obstacle
from conversations.care.people import Role
from conversations.care.tasks import Said, TaskKind, TaskStatus
from conversations.engine.flow import SentMedia
from conversations.engine.outbound import Purpose
from conversations.engine.reply import Channel, MediaKind
from tests.conversations.flows.staff.doings import writes
from tests.people import Person, Scene

VOICE = SentMedia(MediaKind.VOICE, "voice-1", Channel.TELEGRAM)


async def test_words_reach_the_caseworkers_at_once(amina: Person, driss: Person, hind: Person) -> None:
    await writes(amina, "I lost my papers")

    for caseworker in (driss, hind):
        assert caseworker.notice.text.splitlines() == [
            "💬 Somebody wrote to you.",
            "",
            "“I lost my papers”",
            "just now",
        ]
        assert caseworker.notice.buttons == ["✍️ Answer", "✋ I take it", "✅ Done"]


async def test_words_that_come_to_a_caseworker_are_opened_by_them(
    scene: Scene, amina: Person, driss: Person, hind: Person
) -> None:
    """Nothing has to be tapped to read them."""
    await writes(amina, "I lost my papers")

    looks = [(look.by, look.at_contact, look.what) for look in scene.desk.audit.looks]
    assert looks == [(reader.contact_id, amina.contact_id, "task") for reader in (driss, hind)]


async def test_each_kind_of_need_has_its_first_line(amina: Person, driss: Person) -> None:
    for kind, line in {
        TaskKind.DANGER: "🆘 Urgent: somebody may be in danger. Please look now.",
        TaskKind.HELP: "🙋 Somebody needs help.",
        TaskKind.CALL_BACK: "📞 Somebody wants to be called.",
        TaskKind.UNREACHED: "📵 A message can't reach somebody. They were to be told:",
        TaskKind.DISPLACED: "📅 Somebody's visit needs another time.",
        TaskKind.NOT_UNDERSTOOD: "❓ Somebody was not understood and needs a person.",
    }.items():
        await writes(amina, "", kind)

        assert driss.notice.text.splitlines()[0] == line


async def test_a_number_to_call_stands_alone_on_its_line(amina: Person, driss: Person) -> None:
    await writes(amina, "", TaskKind.CALL_BACK, said=Said("in the evening", phone="06 00 00 00 00"))

    assert "\n06 00 00 00 00\n" in driss.notice.text


async def test_who_is_not_reached_can_be_called_by_whoever_opens_the_task(
    scene: Scene, amina: Person, driss: Person
) -> None:
    scene.desk.addresses.phones[amina.contact_id] = "212600000001"
    await writes(amina, "📅 A reminder", TaskKind.UNREACHED)
    assert "600000001" not in driss.notice.text

    await driss.commands("tasks")
    assert "600000001" not in driss.screen
    before = len(scene.desk.audit.looks)
    await driss.taps("1. 📵 Not reached")

    assert driss.screen.splitlines()[-2:] == ["Number to call:", "+212600000001"]
    assert len(scene.desk.audit.looks) == before + 1


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        (
            Obstacle(Channel.WHATSAPP, "blocked"),
            "WhatsApp says that nobody has this number there, or that they blocked us.",
        ),
        (
            Obstacle(Channel.TELEGRAM, "blocked"),
            "Telegram says that they blocked us or closed their account.",
        ),
        (Obstacle(Channel.SMS, "blocked"), "Nobody is reached there any more: SMS."),
        (
            Obstacle(Channel.WHATSAPP, "no_template"),
            "They have not written for a day, and WhatsApp lets nothing be sent to them until they write.",
        ),
        (Obstacle(Channel.TELEGRAM, "bad_request"), "Telegram did not take it."),
    ],
)
async def test_who_opens_the_task_reads_why_the_last_message_did_not_arrive(
    scene: Scene, amina: Person, driss: Person, obstacle: Obstacle, words: str
) -> None:
    scene.desk.outbox.obstacles[amina.contact_id] = obstacle
    await writes(amina, "📅 A reminder", TaskKind.UNREACHED)
    assert words not in driss.notice.text

    await driss.commands("tasks")
    await driss.taps("1. 📵 Not reached")

    assert driss.screen.splitlines()[-2:] == ["📵 Our last message did not arrive.", words]


async def test_only_who_is_not_reached_is_called_unasked(scene: Scene, amina: Person, driss: Person) -> None:
    scene.desk.addresses.phones[amina.contact_id] = "212600000001"
    await writes(amina, "Call me not")
    await driss.commands("tasks")
    await driss.taps("1. 💬 Message")

    assert "600000001" not in driss.screen


async def test_a_voice_note_is_passed_on_where_the_channel_is_the_same(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """Driss reads on Telegram."""
    task = await writes(amina, "", said=Said(media=VOICE))
    turn = await scene.turn_for(driss.contact_id)
    news = scene.routes.flows["task_news"]
    turn.draft = news.draft(task.id)

    prompt = await news.first().ask(turn)

    assert prompt.media == VOICE
    assert "🎧 A voice note came with it." in prompt.text


async def test_on_another_channel_it_is_said_where_it_can_be_opened(amina: Person, driss: Person) -> None:
    elsewhere = SentMedia(MediaKind.VOICE, "voice-1", Channel.WEBCHAT)

    await writes(amina, "", said=Said(media=elsewhere))

    assert "📎 Something was sent along that can only be opened on the web page." in driss.notice.text


async def test_an_answer_reaches_the_person_and_the_task_is_taken(
    scene: Scene, amina: Person, driss: Person
) -> None:
    task = await writes(amina, "I lost my papers")

    await driss.taps_notice("answer")
    assert "“I lost my papers”" in driss.screen
    await driss.says("Come on Wednesday, we go to the town hall together.")

    assert amina.notice.flow == "staff_words"
    assert amina.notice.draft.text == "Come on Wednesday, we go to the town hall together."
    assert amina.notice.purpose is Purpose.HANDOVER
    assert driss.screen == "Your answer is on its way. Is the matter settled?"
    taken = await scene.desk.tasks.get(task.id)
    assert (taken.status, taken.taken_by) == (TaskStatus.TAKEN, driss.contact_id)
    await driss.taps("done")
    assert (await scene.desk.tasks.get(task.id)).status is TaskStatus.DONE
    looks = [(look.by, look.at_contact, look.what) for look in scene.desk.audit.looks]
    assert looks == [(driss.contact_id, amina.contact_id, "task")]


async def test_whoever_answers_somebody_out_of_reach_hears_that_and_the_number_to_call(
    scene: Scene, amina: Person, driss: Person
) -> None:
    """Amina blocks the service while Driss is writing."""
    await writes(amina, "", TaskKind.CALL_BACK, said=Said(phone="06 00 00 00 00"))
    await driss.taps_notice("answer")
    scene.desk.contacts.unreachable.add(amina.contact_id)

    await driss.says("I will call you.")

    assert not [push for push in scene.pushes if push.flow == "staff_words"]
    assert driss.screen.splitlines() == [
        "This person can't be reached here at the moment, so the answer was not sent.",
        "Number to call:",
        "06 00 00 00 00",
        "Is the matter settled?",
    ]
    assert driss.ids[:2] == ["done", "later"]


async def test_nobody_is_asked_to_write_to_somebody_out_of_reach(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await writes(amina, "hello")
    scene.desk.contacts.unreachable.add(amina.contact_id)

    await driss.taps_notice("answer")

    assert driss.screen.splitlines()[0] == (
        "This person can't be reached here at the moment: an answer would not arrive."
    )


async def test_two_answers_are_two_messages(scene: Scene, amina: Person, driss: Person) -> None:
    task = await writes(amina, "hello")
    await driss.taps_notice("answer")
    await driss.says("First.")
    await driss.taps("later")
    scene.later(minutes=1)

    await driss.commands("tasks")
    await driss.taps(f"t{task.id}", "answer")
    await driss.says("Second.")

    assert [notice.draft.text for notice in amina.notices] == ["First.", "Second."]


async def test_words_that_look_like_buttons_danger_or_numbers_are_passed_on(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await writes(amina, "hello")
    await driss.taps_notice("answer")

    await driss.says("1")
    assert amina.notice.draft.text == "1"

    scene.later(minutes=1)
    await driss.taps("!back")
    await driss.says("If you think of suicide, call 15.")
    assert amina.notice.draft.text == "If you think of suicide, call 15."


async def test_an_answer_is_text_of_at_most_a_thousand_characters(amina: Person, driss: Person) -> None:
    await writes(amina, "hello")
    await driss.taps_notice("answer")

    await driss.says("x" * 1001)
    assert driss.screen.startswith("That is too long: please write at most 1000 characters.")
    await driss.sends_media()
    assert driss.screen.startswith("Only text can be passed on from here.")
    assert not amina.notices

    await driss.says("x" * 1000)
    assert len(amina.notice.draft.text) == 1000


async def test_whoever_takes_it_first_keeps_it(
    scene: Scene, amina: Person, driss: Person, hind: Person
) -> None:
    task = await writes(amina, "hello")

    await driss.taps_notice("take")
    assert "✋ yours" in driss.screen
    assert "take" not in driss.ids
    assert driss.notice.is_open

    still_open = list(scene.desk.notices)
    for button in ("take", "answer", "done"):
        scene.desk.notices = list(still_open)
        screen = await hind.taps_notice(button)
        assert screen.text == "A colleague is on it."
    assert (await scene.desk.tasks.get(task.id)).taken_by == driss.contact_id


async def test_an_answer_half_written_is_not_sent_when_a_colleague_holds_the_task(
    scene: Scene, amina: Person, driss: Person, hind: Person
) -> None:
    """A session from before: Driss stands at the answer of a task that Hind holds."""
    task = await writes(amina, "hello")
    await driss.taps_notice("answer")
    scene.desk.tasks.rows[task.id] = task
    await hind.taps_notice("take", hind.notices[0])

    await driss.says("My answer")

    assert driss.screen == "A colleague is on it. Your answer was not sent."
    assert not amina.notices


async def test_done_in_the_news_closes_the_task_once(
    scene: Scene, amina: Person, driss: Person, hind: Person
) -> None:
    task = await writes(amina, "hello")

    screen = await driss.taps_notice("done")
    assert screen.text == "Done. Thank you."
    screen = await hind.taps_notice("done")

    assert screen.text == "This is already done."
    assert (await scene.desk.tasks.get(task.id)).taken_by == driss.contact_id


async def test_the_words_of_somebody_erased_are_gone(scene: Scene, amina: Person, driss: Person) -> None:
    await writes(amina, "hello")
    await scene.desk.contacts.erase(amina.contact_id, at=scene.now)

    screen = await driss.taps_notice("answer")

    assert screen.text == "This is no longer there: the person may have erased their data."


async def test_the_list_has_the_urgent_first_with_kind_age_and_holder(
    scene: Scene, amina: Person, brahim: Person, driss: Person, hind: Person
) -> None:
    first = await writes(amina, "hello")
    scene.later(hours=2)
    await writes(brahim, "…", TaskKind.DANGER, urgent=True)
    scene.later(minutes=5)
    await hind.taps_notice("take", next(n for n in hind.notices if n.draft.task_id == first.id))

    await driss.commands("tasks")

    assert driss.screen.splitlines() == [
        "2 requests are open.",
        "",
        "1. 🆘 Danger · 5 minutes ago",
        "2. 💬 Message · 2 hours ago · 👤 a colleague is on it",
    ]
    assert driss.buttons[:2] == ["1. 🆘 Danger", "2. 💬 Message"]


async def test_nobody_waiting_is_good_news(driss: Person) -> None:
    await driss.commands("tasks")

    assert driss.screen == "Nobody is waiting. 👍"


async def test_a_card_is_looked_at_taken_and_closed(scene: Scene, amina: Person, driss: Person) -> None:
    await scene.desk.contacts.set_name(amina.contact_id, "Amina")
    task = await writes(amina, "hello")
    await driss.commands("tasks")

    await driss.taps(f"t{task.id}")
    assert "“hello”\nName: Amina" in driss.screen
    assert [look.what for look in scene.desk.audit.looks] == ["task", "task"]
    await driss.taps("take")
    assert "✋ yours" in driss.screen
    await driss.taps("done")

    assert driss.screen.startswith("Done. Thank you.\n\nNobody is waiting.")


async def test_what_a_colleague_left_behind_can_only_be_closed(
    scene: Scene, amina: Person, driss: Person, hind: Person
) -> None:
    task = await writes(amina, "hello")
    await hind.taps_notice("take")
    await driss.commands("tasks")

    await driss.taps(f"t{task.id}")
    assert driss.ids == ["done", "!back", "!menu"]
    await driss.taps("done")

    assert (await scene.desk.tasks.get(task.id)).status is TaskStatus.DONE


async def test_more_than_eight_are_turned_like_pages(scene: Scene, amina: Person, driss: Person) -> None:
    for number in range(9):
        await writes(amina, f"message {number}")
    await driss.commands("tasks")
    assert driss.ids[8] == "later"

    await driss.taps("later")

    assert driss.ids[:2] == ["t9", "earlier"]
    await driss.says("1")
    assert "“message 8”" in driss.screen


async def test_a_task_of_another_centre_is_not_shown(scene: Scene, amina: Person, driss: Person) -> None:
    task = await writes(amina, "hello")
    scene.desk.tasks.rows[task.id] = replace(task, centre_slug="agadir")

    await driss.commands("tasks")
    assert driss.screen == "Nobody is waiting. 👍"
    screen = await driss.taps_notice("answer")

    assert "hello" not in screen.text
    assert screen.text == "This is no longer there: the person may have erased their data."


async def test_somebody_no_longer_a_caseworker_gets_no_words_from_old_news(
    scene: Scene, amina: Person, driss: Person
) -> None:
    await writes(amina, "hello")
    await scene.desk.contacts.make_staff(driss.contact_id, Role.MANAGER, None)

    screen = await driss.taps_notice("answer")

    assert "hello" not in screen.text
    assert len(scene.desk.audit.looks) == 1
