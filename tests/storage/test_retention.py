from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from conversations.care.announcements import Audience, Progress
from conversations.care.people import Contact
from conversations.care.tasks import TaskKind
from conversations.engine.flow import Choice
from conversations.engine.outbound import Lane, OutboundMessage, Purpose
from conversations.engine.session import Frame
from storage.inbox import NewUpdate
from storage.outbox import Delivered
from storage.retention import Grows, Pruned, RetentionStore
from storage.tables import audit, due_messages, inbox, outbox, tasks
from storage.unit_of_work import UnitOfWork
from tests.storage.conftest import NOW

DAY = timedelta(days=1)
OLD, YOUNG = NOW - DAY, NOW


async def prune(unit: UnitOfWork, what: Grows, *, limit: int = 4) -> int:
    """Prune to the end and return how many rows went."""
    rows, after = 0, 0
    while True:
        done = await RetentionStore(unit.connection).prune(what, before=NOW, after=after, limit=limit)
        rows += done.rows
        if done.after is None:
            return rows
        after = done.after


async def came(unit: UnitOfWork, keys: Sequence[str], *, at: datetime, status: str = "done") -> None:
    for key in keys:
        await unit.inbox.add([NewUpdate("telegram", key, key.encode().rjust(32), "{}")], now=at)
        if status != "waiting":
            update = await unit.inbox.claim(now=NOW)
            assert update is not None
            await unit.inbox.close(update.id, status=status, now=at)


async def test_updates_that_were_handled_go_and_those_that_wait_stay(unit: UnitOfWork) -> None:
    await came(unit, ["done"], at=OLD)
    await came(unit, ["failed"], at=OLD, status="failed")
    await came(unit, ["young"], at=YOUNG)
    await came(unit, ["waiting"], at=OLD, status="waiting")

    assert await prune(unit, Grows.INBOX) == 2

    assert set(await unit.connection.scalars(select(inbox.c.update_key))) == {"young", "waiting"}


async def test_many_rows_go_step_by_step_and_the_young_end_it(unit: UnitOfWork) -> None:
    await came(unit, [f"old {number}" for number in range(10)], at=OLD)
    await came(unit, [f"young {number}" for number in range(10)], at=YOUNG)

    steps: list[Pruned] = []
    while not steps or steps[-1].after is not None:
        after = (steps[-1].after if steps else None) or 0
        steps.append(
            await RetentionStore(unit.connection).prune(Grows.INBOX, before=NOW, after=after, limit=4)
        )

    # The fourth found only young rows, and the rest was not looked at.
    assert [step.rows for step in steps] == [4, 4, 2, 0]


async def test_rows_that_stay_do_not_end_it(unit: UnitOfWork) -> None:
    await came(unit, [f"waiting {number}" for number in range(9)], at=OLD, status="waiting")
    await unit.connection.execute(
        insert(inbox).values(
            channel="telegram", update_key="done", lane=b"l" * 32, received_at=OLD, status="done"
        )
    )

    assert await prune(unit, Grows.INBOX) == 1


async def test_messages_go_whether_they_were_sent_or_not(unit: UnitOfWork, brahim: Contact) -> None:
    address = await unit.addresses.preferred(brahim.id)
    assert address is not None
    for key, at in (("sent", OLD), ("unsent", OLD), ("young", YOUNG)):
        await unit.outbox.add(
            address_id=address.id, channel="telegram", purpose=Purpose.REPLY, key=key,
            message=OutboundMessage("hello", "fr"), now=at,
        )  # fmt: skip
    (row, *_) = await unit.outbox.claim(["telegram"], list(Lane), now=NOW, lease=DAY, limit=1)
    await unit.outbox.report([Delivered(row.id, "sent", NOW, "1")])

    assert await prune(unit, Grows.OUTBOX) == 2

    assert list(await unit.connection.scalars(select(outbox.c.unique_key))) == ["young"]


async def test_messages_of_news_go_when_what_became_of_them_is_written_down(
    unit: UnitOfWork, amina: Contact, brahim: Contact, driss: Contact
) -> None:
    news = await unit.announcements.start(
        author=driss.id, audience=Audience(), texts={"fr": "Bonjour", "ar": "مرحبا"}, now=OLD
    )
    (row, *_) = await unit.outbox.claim(["telegram"], list(Lane), now=NOW, lease=DAY, limit=1)
    await unit.outbox.report([Delivered(row.id, "sent", NOW, "1")])

    # It is not over.
    assert not await unit.announcements.settle(before=NOW)
    assert await prune(unit, Grows.OUTBOX) == 0

    await unit.announcements.finish(news.id, now=NOW)
    before = await unit.announcements.progress(news.id)
    assert not await unit.announcements.settle(before=OLD)
    assert await unit.announcements.settle(before=NOW)
    assert not await unit.announcements.settle(before=NOW)
    assert await prune(unit, Grows.OUTBOX) == 2

    assert list(await unit.connection.scalars(select(outbox.c.id))) == []
    assert await unit.announcements.progress(news.id) == before
    assert before == Progress(total=2, sent=1, failed=1, blocked=0, dropped=0)


async def test_notices_nobody_acted_on_go(unit: UnitOfWork, amina: Contact) -> None:
    frame, choices = Frame("visit_news", 1, "news", {}), (Choice("confirm", "Confirm"),)
    await unit.sessions.add_notice(amina.id, frame, choices, subject="visit:1", now=OLD)
    kept = await unit.sessions.add_notice(amina.id, frame, choices, subject="visit:2", now=YOUNG)

    assert await prune(unit, Grows.NOTICES) == 1

    assert await unit.sessions.newest_notice(amina.id, since=None) == kept


async def test_tasks_go_when_they_were_done_long_ago(
    unit: UnitOfWork, amina: Contact, driss: Contact
) -> None:
    old, lately, taken, _ = [
        (
            await unit.tasks.add(
                contact_id=amina.id,
                centre_slug="sale",
                kind=TaskKind.MESSAGE,
                text="?",
                urgent=False,
                now=OLD,
            )
        ).id
        for _ in range(4)
    ]
    await unit.tasks.finish(old, driss.id, now=OLD)
    await unit.tasks.finish(lately, driss.id, now=YOUNG)
    await unit.tasks.take(taken, driss.id, now=OLD)

    assert await prune(unit, Grows.TASKS) == 1

    assert old not in set(await unit.connection.scalars(select(tasks.c.id)))


async def test_looks_go(unit: UnitOfWork, amina: Contact, driss: Contact) -> None:
    for at in (OLD, YOUNG):
        await unit.audit.looked(driss.id, amina.id, "task", now=at)

    assert await prune(unit, Grows.LOOKS) == 1

    assert await unit.audit.opened_at(amina.id) == [YOUNG]
    assert len(list(await unit.connection.scalars(select(audit.c.id)))) == 1


async def test_due_rows_go_when_they_are_over_and_were_due_long_ago(unit: UnitOfWork, amina: Contact) -> None:
    statuses = ["turned"] * 6 + ["dropped"] * 3 + ["waiting"]
    for number, status in enumerate(statuses):
        for at in (OLD, YOUNG):
            await unit.connection.execute(
                insert(due_messages).values(
                    contact_id=amina.id, purpose="reminder", subject=f"visit:{number}", step=f"{at:%d}",
                    version=1, due_at=at, status=status,
                )
            )  # fmt: skip

    assert await prune(unit, Grows.DUE) == 9

    left = list(
        await unit.connection.scalars(select(due_messages.c.status).where(due_messages.c.due_at < NOW))
    )
    assert left == ["waiting"]
