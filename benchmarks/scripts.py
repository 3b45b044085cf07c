"""How people talk to each bot: what they open with, how they recognise each question, what they press."""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scene:
    """A question of the bot's. A person presses any button whose data or label matches, or types.

    `text` must be found in the message where it is given.
    """

    name: str
    presses: re.Pattern[str] | None = None
    types: str | None = None
    text: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A dialogue: `opening` is typed first, and a message that `ending` is found in is the last."""

    opening: str
    scenes: tuple[Scene, ...]
    ending: re.Pattern[str]
    # The scene at which one of several people gets a time.
    decided_at: str = "confirm"
    # Found in the last message of somebody who came too late for a time.
    turned_away: re.Pattern[str] | None = None
    positions: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "positions", {scene.name: at for at, scene in enumerate(self.scenes)})


def _pressing(name: str, pattern: str) -> Scene:
    return Scene(name, presses=re.compile(pattern))


_NEEDS = "papers|family|health|job|project|training|other"
_CENTRES = "Casablanca|Salé|Agadir|Tanger|Meknès|Safi|Fès|Oujda|Marrakech|Settat|Béni Mellal"


def _jisrs(centre: str, day: str, at: str) -> Script:
    return Script(
        opening="/menu",
        scenes=(
            _pressing("menu", r"^p\d+:booking$"),
            _pressing("need", rf"^p\d+:({_NEEDS})$"),
            # Keys of the phone's keyboard, which offers to share the location there.
            _pressing("centre", rf"^({centre})$"),
            # Where the last time of a day has gone meanwhile, another day is the only button.
            _pressing("day", rf"^p\d+:({day}|other_day)$"),
            _pressing("time", rf"^p\d+:{at}$"),
            _pressing("confirm", r"^p\d+:yes$"),
        ),
        ending=re.compile(r"^✅"),
        # Whoever chooses a time has it kept until they have made sure.
        decided_at="time",
        turned_away=re.compile(r"has just been taken"),
    )


def _peers(centre: str, day: str, at: str) -> Script:
    return Script(
        opening="/start",
        scenes=(
            _pressing("need", rf"^need:({_NEEDS})$"),
            _pressing("centre", rf"^centre:({centre})$"),
            _pressing("day", rf"^day:{day}$"),
            _pressing("time", rf"^time:{at}$"),
            _pressing("confirm", r"^confirm:yes$"),
        ),
        ending=re.compile(r"^✅"),
        turned_away=re.compile(r"has just been taken"),
    )


_DAY, _TIME = r"\d{4}-\d\d-\d\d", r"\d{4}"

SCRIPTS = {
    "jisr": _jisrs(_CENTRES, _DAY, _TIME),
    "peer": _peers(_CENTRES, _DAY, _TIME),
    "jisr_menu": Script("/menu", (), re.compile("What can we do for you")),
    "peer_start": Script("/start", (), re.compile("What would you like to come for")),
    "jisr_announcement": Script(
        opening="/broadcast",
        scenes=(
            _pressing("audience", r"^p\d+:everyone$"),
            _pressing("language", r"^p\d+:en$"),
            Scene("text", types="Training begins on Monday.", text=re.compile("^Write the text")),
            _pressing("preview", r"^p\d+:send$"),
        ),
        ending=re.compile("is on its way"),
    ),
    "peer_announcement": Script("/broadcast", (), re.compile("^On its way")),
}


def script(name: str, *, day: str | None = None, at: str | None = None) -> Script:
    """Return a script; with a day and a time everybody wants the same place in Salé."""
    if day is None or at is None:
        return SCRIPTS[name]
    return (_jisrs if name == "jisr" else _peers)("Salé", day, at)
