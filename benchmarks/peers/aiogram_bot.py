"""The booking with aiogram 3: a finite state machine in memory and SQLAlchemy's asyncio ORM.

After finite_state_machine.py and the documentation's pages on callback data and dependency injection, with
the library's default settings; the broadcast follows the loop that its documentation shows.
"""

import asyncio
import logging
import os
import sys
from datetime import date, time

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramForbiddenError, TelegramRetryAfter
from aiogram.filters import Command, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from benchmarks.peers.bookings import (
    CONFIRM_BUTTONS,
    Person,
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

router = Router()

Sessions = async_sessionmaker[AsyncSession]


class Booking(StatesGroup):
    need = State()
    centre = State()
    day = State()
    time = State()
    confirm = State()


def keyboard(rows) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[
            [InlineKeyboardButton(text=label, callback_data=data) for label, data in row] for row in rows
        ]
    )


@router.message(CommandStart())
async def start(message: Message, state: FSMContext, sessions: Sessions) -> None:
    user = message.from_user
    async with sessions() as session:
        await remember(session, user.id, user.first_name, user.language_code)
        await session.commit()
    await state.set_state(Booking.need)
    await message.answer("What would you like to come for?", reply_markup=keyboard(need_buttons()))


@router.callback_query(Booking.need, F.data.startswith("need:"))
async def choose_need(query: CallbackQuery, state: FSMContext) -> None:
    await query.answer()
    await state.update_data(need=query.data.split(":")[1])
    await state.set_state(Booking.centre)
    await query.message.edit_text("Which centre suits you?", reply_markup=keyboard(centre_buttons()))


@router.callback_query(Booking.centre, F.data.startswith("centre:"))
async def choose_centre(query: CallbackQuery, state: FSMContext, sessions: Sessions) -> None:
    await query.answer()
    await state.update_data(centre=query.data.split(":")[1])
    await show_days(query, state, sessions)


@router.callback_query(Booking.time, F.data == "other_day")
@router.callback_query(Booking.confirm, F.data == "other_day")
async def other_day(query: CallbackQuery, state: FSMContext, sessions: Sessions) -> None:
    await query.answer()
    await show_days(query, state, sessions)


async def show_days(query: CallbackQuery, state: FSMContext, sessions: Sessions) -> None:
    centre = (await state.get_data())["centre"]
    async with sessions() as session:
        days = await open_days(session, centre)
    await state.set_state(Booking.day)
    await query.message.edit_text(
        f"Which day suits you? Centre: {centre}", reply_markup=keyboard(day_buttons(days))
    )


@router.callback_query(Booking.day, F.data.startswith("day:"))
async def choose_day(query: CallbackQuery, state: FSMContext, sessions: Sessions) -> None:
    await query.answer()
    await state.update_data(day=query.data.split(":")[1])
    await show_times(query, state, sessions, "At what time?")


async def show_times(query: CallbackQuery, state: FSMContext, sessions: Sessions, text: str) -> None:
    data = await state.get_data()
    day = date.fromisoformat(data["day"])
    async with sessions() as session:
        times = await open_times(session, data["centre"], day)
    await state.set_state(Booking.time)
    await query.message.edit_text(f"{text}\n{day:%A %d %B}", reply_markup=keyboard(time_buttons(times)))


@router.callback_query(Booking.time, F.data.startswith("time:"))
async def choose_time(query: CallbackQuery, state: FSMContext) -> None:
    await query.answer()
    wish = await state.update_data(at=query.data.split(":")[1])
    await state.set_state(Booking.confirm)
    await query.message.edit_text(question(*wanted(wish)), reply_markup=keyboard(CONFIRM_BUTTONS))


@router.callback_query(Booking.confirm, F.data == "confirm:yes")
async def confirm(query: CallbackQuery, state: FSMContext, sessions: Sessions) -> None:
    await query.answer()
    wish = await state.get_data()
    centre, day, at = wanted(wish)
    try:
        async with sessions() as session, session.begin():
            session.add(new_visit(query.from_user.id, centre, wish["need"], day, at))
    except IntegrityError:
        await show_times(query, state, sessions, "That time has just been taken. At what time?")
        return
    await state.clear()
    await query.message.edit_text(booked(centre, day, at))


def wanted(wish) -> tuple[str, date, time]:
    at = wish["at"]
    return wish["centre"], date.fromisoformat(wish["day"]), time(int(at[:2]), int(at[2:]))


@router.message(Command("broadcast"))
async def broadcast(message: Message, bot: Bot, sessions: Sessions) -> None:
    await message.answer("On its way.")
    async with sessions() as session:
        people = (await session.scalars(select(Person.id))).all()
    pause_s = float(os.environ.get("BROADCAST_PAUSE_S", "0.05"))
    for person_id in people:
        await send_message(bot, person_id, "📣 Training begins on Monday.")
        if pause_s:
            await asyncio.sleep(pause_s)  # 20 messages per second (Limit: 30 messages per second)


async def send_message(bot: Bot, person_id: int, text: str) -> bool:
    try:
        await bot.send_message(person_id, text)
    except TelegramForbiddenError:
        logging.info("blocked")
        return False
    except TelegramRetryAfter as error:
        await asyncio.sleep(error.retry_after)
        return await send_message(bot, person_id, text)
    return True


async def main() -> None:
    engine = make_engine(os.environ["DATABASE_URL"])
    await create_tables(engine)
    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["TELEGRAM_API_URL"]))
    bot = Bot(token=os.environ["TELEGRAM_TOKEN"], session=session)
    dispatcher = Dispatcher(sessions=make_sessions(engine))
    dispatcher.include_router(router)
    await dispatcher.start_polling(bot)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    asyncio.run(main())
