"""People who talk to a bot by the script, and what they notice: how long answers take, what goes wrong.

Three ways to come: a closed crowd answers at once and is always as many; an open one acts at random moments
(Poisson) however slow the bot is; a gathered one waits before the last step until everybody is there.
"""

import asyncio
import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.scripts import Scene, Script

# How often those who wait in vain are looked for.
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Screen:
    """What a person sees of a message: its text, and label and data of each button (data None: a key).

    `message` is the whole of it as JSON: a tap on a button carries it.
    """

    text: str
    buttons: Sequence[tuple[str, str | None]]
    message: str


@dataclass(slots=True)
class Person:
    """`scene` is where in the script they are, -1 before it; `asked_at` is None while nothing is due.

    `hasty`: they have typed the opening right behind a tap, whose answer has to come first.
    """

    chat_id: int
    crowd: "Crowd"
    scene: int = -1
    asked_at: float | None = None
    screen: Screen | None = None
    gone: bool = False
    hasty: bool = False


@dataclass(slots=True)
class Noticed:
    """What a crowd noticed since the last look."""

    answers: int = 0
    started: int = 0
    finished: int = 0
    # Who waited longer than their patience.
    lost: int = 0
    # Answers that nobody waits for, or to something else than was asked.
    out_of_order: int = 0
    led_back: int = 0
    turned_away: int = 0
    nobody_left: int = 0
    last_answer_at_s: float | None = None
    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "latencies_s"} | {
            "latencies_s": self.latencies_s.tolist()
        }


class Outside:
    """What people can do: type, press a button, know the time. The platform is one."""

    def now(self) -> float:
        raise NotImplementedError

    def types(self, person: Person, text: str) -> None:
        raise NotImplementedError

    def presses(self, person: Person, screen: Screen, data: str) -> None:
        raise NotImplementedError


class Crowd:
    """People of one kind: `chat_ids` come for one dialogue each, and wait `patience_s` for an answer."""

    def __init__(
        self, outside: Outside, script: Script, chat_ids: Iterator[int], *, patience_s: float, seed: int = 1
    ) -> None:
        self.noticed = Noticed()
        self._outside = outside
        self._script = script
        self._chat_ids = chat_ids
        self._patience_s = patience_s
        self._random = random.Random(seed)  # noqa: S311 - decides which button, guards nothing
        self._people: dict[int, Person] = {}
        self._stopped = False

    @property
    def people(self) -> dict[int, Person]:
        """Who has come and has not gone, by chat."""
        return self._people

    def stop(self) -> None:
        """Let nobody act any more; answers are still noticed."""
        self._stopped = True

    def sees(self, person: Person, screen: Screen) -> None:
        """Take in what the bot shows somebody."""
        scene = self._recognised(person, screen)
        if scene is None:
            return
        if person.asked_at is None:
            self.noticed.out_of_order += 1
            return
        if person.hasty:
            person.hasty = False
            if scene > 0:
                self.noticed.answers += 1
                person.scene = -1
                return
            self.noticed.out_of_order += 1
            person.scene = -1
        expected = person.scene + 1
        if scene > expected:
            self.noticed.out_of_order += 1
        elif scene < expected:
            self.noticed.led_back += 1
        self.noticed.answers += 1
        self.noticed.last_answer_at_s = now = self._outside.now()
        self.noticed.latencies_s.append(now - person.asked_at)
        person.asked_at, person.scene, person.screen = None, scene, screen
        if scene == len(self._script.scenes):
            self.noticed.finished += 1
            self._leaves(person)
            self._after_end()
        else:
            self._after_answer(person)

    async def watch(self) -> None:
        """Send away those whose patience is over, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            limit = self._outside.now() - self._patience_s
            for person in [p for p in self._people.values() if p.asked_at is not None and p.asked_at < limit]:
                self.noticed.lost += 1
                self._leaves(person)
                self._after_end()

    def _after_answer(self, person: Person) -> None:
        raise NotImplementedError

    def _after_end(self) -> None:
        raise NotImplementedError

    def _comes(self) -> Person | None:
        """Let the next person come; None when all have been here."""
        chat_id = next(self._chat_ids, None)
        if chat_id is None:
            self.noticed.nobody_left += 1
            return None
        person = self._people[chat_id] = Person(chat_id, self)
        self.noticed.started += 1
        return person

    def _leaves(self, person: Person) -> None:
        person.gone = True
        self._people.pop(person.chat_id, None)

    def _acts(self, person: Person) -> None:
        """Do what the script says about what the person sees."""
        if self._stopped:
            return
        person.asked_at = self._outside.now()
        if person.scene < 0 or person.screen is None:
            self._outside.types(person, self._script.opening)
            return
        scene = self._script.scenes[person.scene]
        if scene.types is not None:
            self._outside.types(person, scene.types)
            return
        label, data = self._random.choice(_matching(scene, person.screen))
        if data is None:
            self._outside.types(person, label)
        else:
            self._outside.presses(person, person.screen, data)

    def _recognised(self, person: Person, screen: Screen) -> int | None:
        """Return which scene it is, the number of scenes for the end; the expected one comes first."""
        scenes, expected = self._script.scenes, person.scene + 1
        if expected < len(scenes) and _is_shown(scenes[expected], screen):
            return expected
        if self._script.ending.search(screen.text):
            return len(scenes)
        if self._script.turned_away is not None and self._script.turned_away.search(screen.text):
            self.noticed.turned_away += 1
        return next((at for at, scene in enumerate(scenes) if _is_shown(scene, screen)), None)


class ClosedCrowd(Crowd):
    """Always `size` people in a dialogue, who press at once; when one is through, the next comes.

    Of their taps a share of `hasty` is followed at once by the opening, without waiting for the answer.
    """

    def __init__(self, *args: Any, hasty: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hasty = hasty

    def start(self, size: int) -> None:
        for _ in range(size):
            self._after_end()

    def _after_answer(self, person: Person) -> None:
        is_between = 0 < person.scene < len(self._script.scenes) - 1
        self._acts(person)
        is_asked = person.asked_at is not None
        if is_asked and is_between and self._hasty and self._random.random() < self._hasty:
            person.hasty = True
            self._outside.types(person, self._script.opening)

    def _after_end(self) -> None:
        if not self._stopped and (person := self._comes()):
            self._acts(person)


class OpenCrowd(Crowd):
    """Acts `per_second` times a second on average, at random moments, however slow the answers are."""

    def __init__(self, *args: Any, per_second: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._per_second = per_second
        self._ready: list[Person] = []

    async def run(self) -> None:
        """Act until stopped."""
        at = self._outside.now()
        while not self._stopped:
            at += self._random.expovariate(self._per_second)
            pause_s = at - self._outside.now()
            # The clock's steps are a millisecond: what falls into one is done together, none is left out.
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            if person := self._next():
                self._acts(person)

    def _next(self) -> Person | None:
        while self._ready:
            at = self._random.randrange(len(self._ready))
            self._ready[at], self._ready[-1] = self._ready[-1], self._ready[at]
            person = self._ready.pop()
            if not person.gone:
                return person
        return self._comes()

    def _after_answer(self, person: Person) -> None:
        self._ready.append(person)

    def _after_end(self) -> None:
        """Whoever is through makes room; the clock brings the next."""


class GatheredCrowd(Crowd):
    """All go as far as one scene and wait there; released, they act at the same moment, and on to the end."""

    def __init__(self, *args: Any, until: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until = self._script.positions[until]
        self._gathered: list[Person] = []
        self._released_at: float | None = None
        self.told_after_s: array[float] = array("d")
        self.winners = 0

    @property
    def gathered(self) -> int:
        return len(self._gathered)

    def start(self, size: int, at_once: int) -> None:
        """Let `size` people come, `at_once` of them under way at a time."""
        self._to_come = size
        for _ in range(min(size, at_once)):
            self._after_end()

    def release(self) -> None:
        self._released_at = self._outside.now()
        for person in self._gathered:
            self._acts(person)

    def sees(self, person: Person, screen: Screen) -> None:
        if self._released_at is None:
            super().sees(person, screen)
            return
        if person.asked_at is None:
            return
        has_won = self._script.ending.search(screen.text) is not None
        is_late = self._script.turned_away is not None and self._script.turned_away.search(screen.text)
        if not has_won and not is_late:
            super().sees(person, screen)
            return
        person.asked_at = None
        self.winners += has_won
        self.told_after_s.append(self._outside.now() - self._released_at)

    def _after_answer(self, person: Person) -> None:
        if person.scene == self._until:
            self._gathered.append(person)
            self._after_end()
        else:
            self._acts(person)

    def _after_end(self) -> None:
        if self._released_at is None and self._to_come > 0 and (person := self._comes()):
            self._to_come -= 1
            self._acts(person)


class Metronome(Crowd):
    """One person who opens the dialogue every so many seconds and only looks at the answer."""

    async def run(self, every_s: float) -> None:
        person = self._comes()
        while person is not None and not self._stopped:
            if person.asked_at is None:
                person.scene, person.gone = -1, False
                self._people[person.chat_id] = person
                self._acts(person)
            await asyncio.sleep(every_s)

    def _after_answer(self, person: Person) -> None:
        """The next beat comes by itself."""

    def _after_end(self) -> None:
        """The next beat comes by itself."""


def _matching(scene: Scene, screen: Screen) -> list[tuple[str, str | None]]:
    assert scene.presses is not None  # noqa: S101 - a scene is pressed or typed to
    matches = scene.presses.search
    return [button for button in screen.buttons if matches(button[0] if button[1] is None else button[1])]


def _is_shown(scene: Scene, screen: Screen) -> bool:
    if scene.text is not None and not scene.text.search(screen.text):
        return False
    return scene.presses is None or bool(_matching(scene, screen))
