"""A tea house: small flows before which the engine shows what it promises."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from conversations.care.people import STAFF
from conversations.engine.engine import Handler, Routes
from conversations.engine.flow import (
    JSON,
    Again,
    Choice,
    Enter,
    Farewell,
    Finish,
    Flow,
    Goto,
    Home,
    Move,
    Prompt,
    Step,
)
from conversations.engine.reply import Location, Media, Reply, Text
from conversations.engine.turn import Turn
from conversations.engine.words import Word


class Tea(StrEnum):
    MINT = "mint"
    BLACK = "black"


@dataclass
class Order:
    tea: Tea | None = None
    cups: int = 0
    table: str = ""


class ChooseTea(Step[Order]):
    name = "tea"

    async def ask(self, turn: Turn[Order]) -> Prompt:
        return Prompt(
            turn.gettext("Which tea?"),
            [
                Choice(Tea.MINT, turn.pgettext("button", "🌿 Mint")),
                Choice(Tea.BLACK, turn.pgettext("button", "🫖 Black")),
            ],
        )

    async def chosen(self, turn: Turn[Order], choice_id: str) -> Move:
        turn.draft.tea = Tea(choice_id)
        return Goto(ChooseCups)


class ChooseCups(Step[Order]):
    """Labels are numbers that differ from their places: a typed "4" is a label, a typed "1" a place."""

    name = "cups"

    async def ask(self, turn: Turn[Order]) -> Prompt:
        return Prompt(
            turn.gettext("How many cups?"), [Choice("2", "2"), Choice("4", "4"), Choice("10", "10")]
        )

    async def chosen(self, turn: Turn[Order], choice_id: str) -> Move:
        turn.draft.cups = int(choice_id)
        return Goto(TellTable)


class TellTable(Step[Order]):
    """Takes free text, also text that looks like a number or a button."""

    name = "table"
    matches_typed_choices = False

    async def ask(self, turn: Turn[Order]) -> Prompt:
        return Prompt(turn.gettext("At which table?"), wants_location=True)

    async def answer(self, turn: Turn[Order], reply: Reply) -> Move:
        match reply:
            case Text(text) if len(text) < 20:
                turn.draft.table = text
            case Location():
                turn.draft.table = "outside"
            case _:
                return Again(turn.gettext("A table has a short name."))
        return Goto(Confirm)


class Confirm(Step[Order]):
    name = "confirm"

    async def ask(self, turn: Turn[Order]) -> Prompt:
        draft = turn.draft
        text = turn.gettext("{cups} cups of {tea} for table {table}?")
        return Prompt(
            text.format(cups=draft.cups, tea=str(draft.tea), table=draft.table),
            [Choice("yes", turn.pgettext("button", "Yes"))],
        )

    async def chosen(self, turn: Turn[Order], choice_id: str) -> Move:
        return Finish(turn.gettext("Your tea is coming."))


ORDER = Flow(name="order", draft=Order, steps=[ChooseTea, ChooseCups, TellTable, Confirm])


@dataclass
class Nothing:
    """A draft for flows that keep none."""


class Hall(Step[Nothing]):
    name = "hall"

    async def ask(self, turn: Turn[Nothing]) -> Prompt:
        return Prompt(
            turn.gettext("Welcome."),
            [Choice("order", turn.pgettext("button", "☕ Order")), Choice("leave", "Leave")],
            navigation=False,
        )

    async def chosen(self, turn: Turn[Nothing], choice_id: str) -> Move:
        if choice_id == "leave":
            return Farewell(turn.gettext("Goodbye."))
        return Enter("order")


HALL = Flow(name="hall", draft=Nothing, steps=[Hall])


class Tongue(Step[Nothing]):
    name = "tongue"

    async def ask(self, turn: Turn[Nothing]) -> Prompt:
        return Prompt(
            "English? Français? العربية؟",
            [Choice("en", "English"), Choice("fr", "Français"), Choice("ar", "العربية")],
            navigation=False,
        )

    async def chosen(self, turn: Turn[Nothing], choice_id: str) -> Move:
        await turn.desk.contacts.set_language(turn.contact.id, choice_id)
        await turn.reload()
        return Finish(turn.gettext("Fine."))


TONGUE = Flow(name="tongue", draft=Nothing, steps=[Tongue])


@dataclass
class Ring:
    """A bell that rings at somebody's table. `key` number 13 is a bell that no longer rings."""

    key: int = 0
    words: str = ""


class Bell(Step[Ring]):
    name = "bell"

    async def holds(self, turn: Turn[Ring]) -> bool:
        return turn.draft.key != 13

    async def ask(self, turn: Turn[Ring]) -> Prompt:
        return Prompt(
            turn.gettext("The kettle sings."),
            [
                Choice("hush", turn.pgettext("button", "Hush it")),
                Choice("again", turn.pgettext("button", "Listen again")),
                Choice("tell", turn.pgettext("button", "Tell the cook")),
            ],
        )

    async def chosen(self, turn: Turn[Ring], choice_id: str) -> Move:
        match choice_id:
            case "hush":
                return Finish(turn.gettext("It is quiet now."))
            case "again":
                return Again(turn.gettext("It still sings."))
        return Goto(TellCook)


class TellCook(Step[Ring]):
    name = "cook"
    matches_typed_choices = False

    async def ask(self, turn: Turn[Ring]) -> Prompt:
        return Prompt(turn.gettext("What shall the cook know?"))

    async def answer(self, turn: Turn[Ring], reply: Reply) -> Move:
        match reply:
            case Text(text):
                turn.draft.words = text
                return Finish(turn.gettext("The cook knows: {words}").format(words=text))
        return Again(turn.gettext("Please write it."))


BELL = Flow(name="bell", draft=Ring, steps=[Bell, TellCook])


class Cupboard(Step[Nothing]):
    name = "cupboard"

    async def ask(self, turn: Turn[Nothing]) -> Prompt:
        return Prompt(turn.gettext("Sugar, cups, spoons."))


STAFF_ONLY = Flow(name="cupboard", draft=Nothing, steps=[Cupboard], roles=STAFF)


def a_word(name: str) -> Handler:
    async def handler(turn: Turn[Any]) -> Move:
        return Enter(name)

    return handler


async def go_home(turn: Turn[Any]) -> Move:
    return Home()


async def hears_danger(turn: Turn[Any]) -> Move:
    assert isinstance(turn.reply, Text | Media)
    return Enter("bell", Ring(key=1), notice=turn.gettext("Somebody is coming."))


async def open_cupboard(turn: Turn[Any], argument: str) -> Move:
    return Enter("cupboard", notice=argument or None)


def gate(turn: Turn[Any], flow_name: str) -> Flow[Any] | None:
    return TONGUE if turn.contact.language is None and flow_name != TONGUE.name else None


def tea_house(order: Flow[Any] = ORDER) -> Routes:
    """Return the routes of the house, with another version of the order when one is given."""
    flows = [HALL, order, TONGUE, BELL, STAFF_ONLY]
    return Routes(
        flows={flow.name: flow for flow in flows},
        home=lambda turn: HALL,
        gate=gate,
        words={
            Word.STOP: a_word("bell"),
            Word.MENU: go_home,
            Word.LANGUAGE: a_word("tongue"),
            Word.HELP: a_word("bell"),
            Word.PERSON: a_word("bell"),
            Word.DANGER: hears_danger,
        },
        commands={"cupboard": open_cupboard},
    )


def next_version(*, upgrades: bool) -> Flow[Any]:
    """Return an order that counts cups by the tray of two: stored drafts no longer fit."""

    def to_trays(version: int, draft: JSON) -> JSON | None:
        return {**draft, "cups": draft.get("cups", 0) // 2}

    return replace(ORDER, version=2, upgrade=to_trays if upgrades else None)
