"""The booking with python-telegram-bot: ConversationHandler and SQLAlchemy's asyncio ORM.

After conversationbot.py and inlinekeyboard2.py of its examples, with the library's default settings. Its
documentation says that ConversationHandler does not go with concurrent updates; CONCURRENT_UPDATES switches
them on all the same, as many do who find one update at a time too slow.
"""

import asyncio
import logging
import os
from datetime import UTC, date, datetime, time

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import Forbidden, RetryAfter
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
)

from benchmarks.peers.bookings import (
    CONFIRM_BUTTONS,
    Person,
    Reminder,
    booked,
    centre_buttons,
    create_tables,
    day_buttons,
    make_engine,
    make_sessions,
    need_buttons,
    new_visit,
    open_days,
    open_times,
    question,
    remember,
    time_buttons,
)

logging.basicConfig(format="%(asctime)s - %(name)s - %(levelname)s - %(message)s", level=logging.INFO)
# set higher logging level for httpx to avoid all GET and POST requests being logged
logging.getLogger("httpx").setLevel(logging.WARNING)

NEED, CENTRE, DAY, TIME, CONFIRM = range(5)

engine = make_engine(os.environ["DATABASE_URL"])
sessions = make_sessions(engine)


def keyboard(rows) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in rows]
    )


async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    user = update.effective_user
    async with sessions() as session:
        await remember(session, user.id, user.first_name, user.language_code)
        await session.commit()
    await update.message.reply_text("What would you like to come for?", reply_markup=keyboard(need_buttons()))
    return NEED


async def choose_need(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    query = update.callback_query
    await query.answer()
    context.user_data["need"] = query.data.split(":")[1]
    await query.edit_message_text("Which centre suits you?", reply_markup=keyboard(centre_buttons()))
    return CENTRE


async def choose_centre(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    query = update.callback_query
    await query.answer()
    context.user_data["centre"] = query.data.split(":")[1]
    return await show_days(update, context)


async def show_days(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    centre = context.user_data["centre"]
    async with sessions() as session:
        days = await open_days(session, centre)
    await update.callback_query.edit_message_text(
        f"Which day suits you? Centre: {centre}", reply_markup=keyboard(day_buttons(days))
    )
    return DAY


async def other_day(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.callback_query.answer()
    return await show_days(update, context)


async def choose_day(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    query = update.callback_query
    await query.answer()
    context.user_data["day"] = date.fromisoformat(query.data.split(":")[1])
    return await show_times(update, context, "At what time?")


async def show_times(update: Update, context: ContextTypes.DEFAULT_TYPE, text: str) -> int:
    day = context.user_data["day"]
    async with sessions() as session:
        times = await open_times(session, context.user_data["centre"], day)
    await update.callback_query.edit_message_text(
        f"{text}\n{day:%A %d %B}", reply_markup=keyboard(time_buttons(times))
    )
    return TIME


async def choose_time(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    query = update.callback_query
    await query.answer()
    at = query.data.split(":")[1]
    context.user_data["at"] = time(int(at[:2]), int(at[2:]))
    await query.edit_message_text(
        question(context.user_data["centre"], context.user_data["day"], context.user_data["at"]),
        reply_markup=keyboard(CONFIRM_BUTTONS),
    )
    return CONFIRM


async def confirm(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    query = update.callback_query
    await query.answer()
    wish = context.user_data
    try:
        async with sessions() as session, session.begin():
            session.add(new_visit(query.from_user.id, wish["centre"], wish["need"], wish["day"], wish["at"]))
    except IntegrityError:
        return await show_times(update, context, "That time has just been taken. At what time?")
    await query.edit_message_text(booked(wish["centre"], wish["day"], wish["at"]))
    return ConversationHandler.END


async def broadcast(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Send to everybody, in a task of its own so that others are answered meanwhile."""
    context.application.create_task(send_to_all(context), update=update)
    await update.message.reply_text("On its way.")


async def send_to_all(context: ContextTypes.DEFAULT_TYPE) -> None:
    async with sessions() as session:
        people = (await session.scalars(select(Person.id))).all()
    pause_s = float(os.environ.get("BROADCAST_PAUSE_S", "0.05"))
    for person_id in people:
        while True:
            try:
                await context.bot.send_message(person_id, "📣 Training begins on Monday.")
            except RetryAfter as error:
                await asyncio.sleep(seconds(error.retry_after))
                continue
            except Forbidden:
                logging.info("blocked")
            break
        if pause_s:
            await asyncio.sleep(pause_s)


def seconds(wait) -> float:
    return wait if isinstance(wait, int | float) else wait.total_seconds()


async def remind(context: ContextTypes.DEFAULT_TYPE) -> None:
    await context.bot.send_message(context.job.chat_id, "⏰ Your visit is in two hours.")


async def set_up(application: Application) -> None:
    await create_tables(engine)
    async with sessions() as session:
        reminders = (await session.scalars(select(Reminder))).all()
    for reminder in reminders:
        application.job_queue.run_once(
            remind, reminder.due_at.replace(tzinfo=UTC), chat_id=reminder.person_id
        )
    logging.info("ready at %s", datetime.now(UTC))


def main() -> None:
    builder = (
        Application.builder()
        .token(os.environ["TELEGRAM_TOKEN"])
        .base_url(f"{os.environ['TELEGRAM_API_URL']}/bot")
        .post_init(set_up)
    )
    if concurrent := int(os.environ.get("CONCURRENT_UPDATES", "0")):
        builder = builder.concurrent_updates(concurrent)
    application = builder.build()
    application.add_handler(
        ConversationHandler(
            entry_points=[CommandHandler("start", start)],
            states={
                NEED: [CallbackQueryHandler(choose_need, pattern="^need:")],
                CENTRE: [CallbackQueryHandler(choose_centre, pattern="^centre:")],
                DAY: [CallbackQueryHandler(choose_day, pattern="^day:")],
                TIME: [
                    CallbackQueryHandler(choose_time, pattern="^time:"),
                    CallbackQueryHandler(other_day, pattern="^other_day$"),
                ],
                CONFIRM: [
                    CallbackQueryHandler(confirm, pattern="^confirm:yes$"),
                    CallbackQueryHandler(other_day, pattern="^other_day$"),
                ],
            },
            fallbacks=[CommandHandler("start", start)],
        )
    )
    application.add_handler(CommandHandler("broadcast", broadcast))
    application.run_polling(allowed_updates=Update.ALL_TYPES)


if __name__ == "__main__":
    main()
