"""The engine: (session, reply) -> (session, effects).

It knows no channel, no database and no clock. What it can't do itself it asks of ports through the
turn, inside the turn's transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from conversations.care.people import STAFF
from conversations.engine.drafts import draft_from_json, draft_to_json
from conversations.engine.flow import (
    Again,
    Choice,
    Enter,
    Farewell,
    Finish,
    Flow,
    GoOn,
    Goto,
    Home,
    Move,
    Prompt,
    Step,
)
from conversations.engine.matching import fold_words, matching_choice
from conversations.engine.reply import Command, Media, Reply, Tap, Text
from conversations.engine.session import Frame, Notice, Session, renewed
from conversations.engine.turn import Effect, Show, Turn
from conversations.engine.words import COMMANDS, Word, word_in, word_of_choice
from conversations.texts import LANGUAGES, strip_isolates

# A second tap on the same button this soon after the first is a trembling finger, not a wish.
DOUBLE_TAP = timedelta(seconds=2)
# After so many misunderstandings in a row a person is offered.
PATIENT_MISSES = 3
# One Telegram message, with room for navigation and isolates (4096 UTF-16 units).
LONGEST_TEXT = 3500
# The one choice of a pushed prompt that stands for all of them: shows it whole, with the others.
SHOW = "!show"

Handler = Callable[[Turn[Any]], Awaitable[Move]]
CommandHandler = Callable[[Turn[Any], str], Awaitable[Move]]
CodeHandler = Callable[[Turn[Any], str], Awaitable[Move | None]]
LinkHandler = Callable[[Turn[Any], str], Awaitable[str | None]]


async def _no_code(turn: Turn[Any], text: str) -> None:
    return None


@dataclass(frozen=True)
class Routes:
    """How the flows hang together.

    `home` says where somebody belongs who is inside no flow; `gate` names the flow a person must
    finish before the one named (language, consent), None when they may go on. `words` act on words
    that always work and `commands` on slash commands, with what follows the command. `codes` acts on a typed
    code that joins the address to somebody; None when the text is none, Again when it is a wrong one.
    `links` act on choices that mean the same under every message, old ones too ("!visit_date=12"), by their
    name and with what follows it: they change nothing of where somebody is, and return what to say where
    nothing could be done. `door` is all that is open while nobody has said who they are; once they have, GoOn
    leads on to its `beyond`.
    """

    flows: Mapping[str, Flow[Any]]
    home: Callable[[Turn[Any]], Flow[Any]]
    gate: Callable[[Turn[Any], str], Flow[Any] | None]
    words: Mapping[Word, Handler]
    commands: Mapping[str, CommandHandler]
    codes: CodeHandler = _no_code
    links: Mapping[str, LinkHandler] = field(default_factory=dict)
    door: Routes | None = None
    beyond: Routes | None = None

    def asks_secret(self, session: Session) -> bool:
        """Tell whether what a person sends next is kept nowhere."""
        frame = session.frame
        flow = self.flows.get(frame.flow) if frame else None
        step = flow.step(frame.step) if flow and frame else None
        return step is not None and step.is_secret


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a turn leads to. `closed_notice`: the notice that was acted on and is spent."""

    session: Session
    effects: tuple[Effect, ...]
    closed_notice: int | None = None


class Engine:
    """Runs flows. Stateless: everything it needs to go on comes in and goes out."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def handle(
        self, session: Session, reply: Reply, turn: Turn[Any], *, notice: Notice | None = None
    ) -> Outcome:
        """Return what follows from a reply.

        `turn` carries contact, texts and ports (its draft is set here). `notice` is the one the tap
        was on, or the newest open one when the reply is typed.
        """
        return await _Handling(self._routes, session, turn, notice).handle(reply)

    async def present(self, flow: Flow[Any], draft: Any, turn: Turn[Any]) -> tuple[Frame, Prompt] | None:
        """Return a flow's first prompt for somebody who did not ask for it, None when it no longer holds.

        Free of effects on the session: the prompt is a notice with a life of its own.
        """
        frame = Frame(flow.name, flow.version, flow.first.name, draft_to_json(draft))
        turn.draft = draft
        step = flow.first()
        if not await step.holds(turn):
            return None
        return frame, await step.ask(turn)


class _Handling:
    """One reply on its way through the engine."""

    def __init__(self, routes: Routes, session: Session, turn: Turn[Any], notice: Notice | None) -> None:
        self._routes = routes
        self._session = session
        self._turn = turn
        self._notice = notice
        self._closed_notice: int | None = None
        self._in_place = False

    async def handle(self, reply: Reply) -> Outcome:
        session = self._session
        self._turn.reply = reply
        if session.expires_at is not None and session.expires_at < self._turn.now and not self._at_home():
            self._session = replace(session, frame=None, choices=(), resume=None, awaits=None)
        await self._act(reply)
        if self._closed_notice is None or self._shown:
            self._session = renewed(self._session, self._turn.now)
        return Outcome(self._session, tuple(self._turn.effects), self._closed_notice)

    @property
    def _shown(self) -> bool:
        return any(isinstance(effect, Show) and effect.prompt_ref for effect in self._turn.effects)

    # What was meant

    async def _act(self, reply: Reply) -> None:
        match reply:
            case Tap():
                await self._tapped(reply)
            case Command():
                await self._commanded(reply)
            case Text():
                await self._typed(reply)
            case Media(caption=caption) if self._word_in(caption) is Word.DANGER:
                await self._word(Word.DANGER)
            case _:
                await self._answered(reply)

    async def _tapped(self, tap: Tap) -> None:
        word = word_of_choice(tap.choice_id)
        session, notice = self._session, self._notice
        if self._link_of(tap.choice_id):
            if not self._is_double_tap(tap):
                self._acts_on(tap)
                await self._followed(tap.choice_id)
        elif tap.prompt_ref == session.prompt_ref and session.offers(tap.choice_id):
            self._acts_on(tap)
            await (self._word(word) if word else self._chosen(tap.choice_id))
        elif notice and tap.prompt_ref == notice.prompt_ref and notice.offers(tap.choice_id):
            self._acts_on(tap)
            await (self._word(word) if word else self._chosen_on_notice(notice, tap.choice_id))
        elif notice and tap.prompt_ref == notice.prompt_ref and tap.choice_id == SHOW:
            await self._show_whole(notice)
        elif word and word is not Word.BACK:
            await self._word(word)
        elif not self._is_double_tap(tap):
            await self._resume(
                self._turn.gettext("That button was from an older message. Here is where we are now.")
            )

    def _acts_on(self, tap: Tap) -> None:
        self._in_place = True
        self._session = replace(self._session, tapped=_button(tap), tapped_at=self._turn.now)

    def _is_double_tap(self, tap: Tap) -> bool:
        session = self._session
        return (
            _button(tap) == session.tapped
            and session.tapped_at is not None
            # Either way, since a clock may have been put back.
            and abs(self._turn.now - session.tapped_at) < DOUBLE_TAP
        )

    async def _commanded(self, command: Command) -> None:
        handler = self._routes.commands.get(command.name)
        if handler:
            await self._move(await handler(self._turn, command.argument))
        elif command.name in COMMANDS:
            await self._word(COMMANDS[command.name])
        else:
            await self._resume(self._turn.not_understood())

    async def _typed(self, reply: Text) -> None:
        word = self._word_in(reply.text)
        if word is Word.DANGER:
            await self._word(word)
            return
        step = self._current_step()
        code = await self._routes.codes(self._turn, reply.text)
        # Where free text is asked for, digits that are no code are part of it.
        if code and (step is None or step.matches_typed_choices or not isinstance(code, Again)):
            await self._move(code)
            return
        if (notice := self._notice_typed_on()) and (step is None or step.matches_typed_choices):
            choice_id = matching_choice(reply.text, notice.choices)
            if choice_id:
                await self._chosen_on_notice(notice, choice_id)
                return
        if step and step.matches_typed_choices and (choice_id := await self._typed_choice(reply.text)):
            await (self._word(chosen) if (chosen := word_of_choice(choice_id)) else self._chosen(choice_id))
        elif word:
            await self._word(word)
        else:
            await self._answered(reply)

    def _word_in(self, text: str) -> Word | None:
        """Return the word that always works; staff write about danger, they don't call for help."""
        word = word_in(text)
        return None if word is Word.DANGER and self._turn.contact.role in STAFF else word

    def _notice_typed_on(self) -> Notice | None:
        """Return the notice when it came after the prompt, so that typed words are meant for it."""
        notice, shown_at = self._notice, self._session.shown_at
        return notice if notice and (shown_at is None or notice.created_at >= shown_at) else None

    async def _typed_choice(self, text: str) -> str | None:
        """Match against the choices shown; then against the same choices' labels in the other languages."""
        session = self._session
        if choice_id := matching_choice(text, session.choices):
            return choice_id
        words = fold_words(text)
        if not words or len(words) > 60 or session.frame is None:
            return None
        for language in LANGUAGES:
            if language.code == self._turn.texts.language:
                continue
            prompt = await self._asked(session.frame, language.code)
            for choice in prompt.choices if prompt else ():
                if fold_words(choice.label) == words and session.offers(choice.id):
                    return choice.id
        return None

    async def _asked(self, frame: Frame, language: str) -> Prompt | None:
        turn = self._turn
        mine, draft = turn.texts, turn.draft
        try:
            turn.texts = turn.all_texts(language)
            found = self._open(frame)
            return await found[1]().ask(turn) if found else None
        finally:
            turn.texts, turn.draft = mine, draft

    # Acting

    async def _word(self, word: Word) -> None:
        if word in (Word.BACK, Word.MENU):
            await self._leave()
        if word is Word.BACK:
            await self._back()
            return
        await self._move(await self._routes.words[word](self._turn), interrupts=word is not Word.MENU)

    async def _leave(self) -> None:
        if found := self._open(self._session.frame):
            await found[1]().left(self._turn)

    async def _back(self) -> None:
        frame = self._session.frame
        if frame is None or not frame.history:
            await self._go_home(None)
            return
        *before, last = frame.history
        await self._ask(replace(frame, step=last, history=tuple(before)), None)

    def _link_of(self, choice_id: str) -> LinkHandler | None:
        return self._routes.links.get(choice_id.partition("=")[0])

    async def _followed(self, choice_id: str) -> bool:
        """Act on a choice that means the same everywhere; False when it is none."""
        link = self._link_of(choice_id)
        if link is None:
            return False
        if said := await link(self._turn, choice_id.partition("=")[2]):
            # What the button stands under is still worth reading.
            self._in_place = False
            await self._resume(said)
        return True

    async def _chosen(self, choice_id: str) -> None:
        if await self._followed(choice_id):
            return
        found = self._open(self._session.frame)
        if found is None:
            await self._restart()
            return
        flow, step = found
        await self._move(await step().chosen(self._turn, choice_id), flow)

    async def _answered(self, reply: Reply) -> None:
        if self._gate_shuts():
            await self._go_home(None)
            return
        found = self._open(self._session.frame)
        if found is None:
            await self._restart(reply)
            return
        flow, step = found
        await self._move(await step().answer(self._turn, reply), flow)

    async def _chosen_on_notice(self, notice: Notice, choice_id: str) -> None:
        """Act on a pushed prompt. When it ends at once, what the person was doing stays as it is."""
        if await self._followed(choice_id):
            return
        found = self._open(notice.frame)
        if found is None:
            self._closed_notice = notice.id
            await self._resume(self._turn.gettext("That message is too old."))
            return
        flow, step = found
        move = await step().chosen(self._turn, choice_id)
        match move:
            case Finish(text, choices):
                self._closed_notice = notice.id
                self._show_plain(text, choices)
            case Again(said):
                # The notice stays open: its buttons still mean something.
                prompt = await step().ask(self._turn)
                self._turn.effects.append(
                    Show(_with_notice(prompt, said), notice.prompt_ref, in_place=self._in_place)
                )
            case _:
                self._closed_notice = notice.id
                self._interrupt()
                self._session = replace(self._session, frame=notice.frame)
                await self._move(move, flow)

    async def _show_whole(self, notice: Notice) -> None:
        """Show a pushed prompt as it stands now; the person goes on with what they were doing."""
        found = self._open(notice.frame)
        if found is None:
            await self._resume(self._turn.gettext("That message is too old."))
            return
        prompt = await found[1]().ask(self._turn)
        shown = replace(prompt, text=_fitting(prompt.text), choices=notice.choices)
        self._turn.effects.append(Show(shown, notice.prompt_ref, in_place=False))

    # Moves

    async def _move(self, move: Move, flow: Flow[Any] | None = None, *, interrupts: bool = False) -> None:
        match move:
            case Goto(step):
                await self._ask(_onward(self._kept_frame(), step.name), None)
            case Again(said):
                await self._again(said)
            case Enter(name, draft, step_name, said):
                if interrupts and not self._is_inside(name):
                    self._interrupt()
                await self._enter(self._routes.flows[name], draft, step_name, said)
            case Finish(text, choices):
                await self._finish(text, choices)
            case Home(said):
                await self._go_home(said)
            case Farewell(text):
                self._session = Session(prompt_no=self._session.prompt_no)
                self._show_plain(text, ())
            case GoOn(said):
                await self._go_on(said)

    async def _go_on(self, said: str) -> None:
        """Take up the session of the contact that the turn has become, where they left it."""
        self._routes = self._routes.beyond or self._routes
        theirs = await self._turn.desk.sessions.load(self._turn.contact.id)
        if theirs.expires_at is not None and theirs.expires_at < self._turn.now:
            theirs = replace(theirs, frame=None, choices=(), resume=None)
        # Buttons of what was shown before at this address must not fit one of the next prompts.
        self._session = replace(theirs, prompt_no=max(theirs.prompt_no, self._session.prompt_no))
        await self._resume(said)

    async def _enter(self, flow: Flow[Any], draft: Any, step_name: str | None, said: str | None) -> None:
        if self._turn.contact.role not in flow.roles:
            await self._go_home(self._turn.gettext("You can't do that here."))
            return
        gate = self._routes.gate(self._turn, flow.name)
        if gate is not None:
            if flow.waits_at_gate:
                kept = {} if draft is None else draft_to_json(draft)
                awaits = Frame(flow.name, flow.version, flow.first.name, kept)
                self._session = replace(self._session, awaits=awaits)
            flow, draft, step_name = gate, None, None
        draft = flow.draft() if draft is None else draft
        frame = Frame(flow.name, flow.version, step_name or flow.first.name, draft_to_json(draft))
        await self._ask(frame, said)

    async def _finish(self, text: str, choices: Any) -> None:
        resume = self._session.resume
        if resume is not None and not self._gate(resume.flow) and self._open(resume):
            self._session = replace(self._session, resume=None)
            await self._ask(resume, text)
            return
        if self._gate(self._routes.home(self._turn).name):
            await self._go_home(text)
            return
        self._session = replace(self._session, frame=None, resume=None)
        menu = Choice(Word.MENU, self._turn.pgettext("button", "🏠 Menu"))
        kept = tuple(choice for choice in choices if choice.id != Word.MENU)
        self._put(Prompt(text, (*kept, menu), navigation=False))

    async def _go_home(self, said: str | None) -> None:
        flow, awaits = self._routes.home(self._turn), self._session.awaits
        gate = self._gate(flow.name)
        self._session = replace(self._session, resume=None, awaits=awaits if gate else None)
        if awaits is not None and gate is None:
            await self._ask(awaits, said)
            return
        flow = gate or flow
        frame = Frame(flow.name, flow.version, flow.first.name, draft_to_json(flow.draft()))
        await self._ask(frame, said)

    async def _resume(self, said: str | None) -> None:
        """Show again where the person is."""
        frame = self._session.frame
        if frame is None or self._gate_shuts() or self._open(frame) is None:
            await self._go_home(said)
        else:
            await self._ask(frame, said)

    async def _restart(self, reply: Reply | None = None) -> None:
        """The stored place is gone or there is none: begin at the menu, kindly."""
        if self._session.frame is not None:
            await self._go_home(
                self._turn.gettext("We have improved this part meanwhile. Let us start it again.")
            )
        elif reply is None or self._session.prompt_no == 0:
            await self._go_home(None)
        else:
            await self._answered_at_home(reply)

    async def _answered_at_home(self, reply: Reply) -> None:
        """Take what comes when nothing is asked any more as said at the menu, which may know the words."""
        flow = self._routes.home(self._turn)
        self._turn.draft = flow.draft()
        self._session = replace(
            self._session,
            frame=Frame(flow.name, flow.version, flow.first.name, draft_to_json(self._turn.draft)),
        )
        await self._move(await flow.first().answer(self._turn, reply), flow)

    async def _again(self, said: str | None) -> None:
        frame = self._session.frame
        if frame is None:
            await self._go_home(said)
            return
        misses = self._session.misses + (said is not None)
        if misses >= PATIENT_MISSES and said is not None:
            hint = self._turn.gettext("You can always write “person” to reach somebody, or “menu”.")
            said = f"{said}\n{hint}"
        await self._ask(self._kept_frame(), said)
        self._session = replace(self._session, misses=misses)

    def _interrupt(self) -> None:
        session = self._session
        if session.frame is not None and session.resume is None and not self._at_home():
            self._session = replace(session, resume=session.frame)

    def _kept_frame(self) -> Frame:
        """Return the current place with the draft as the step has left it."""
        frame = self._session.frame
        if frame is None:
            raise LookupError("no flow is under way")
        if self._turn.draft is None:
            return frame
        # The draft is in today's form, whatever version the session was stored with.
        version = self._routes.flows[frame.flow].version
        return replace(frame, version=version, draft=draft_to_json(self._turn.draft))

    # Asking

    async def _ask(self, frame: Frame, said: str | None) -> None:
        found = self._open(frame)
        if found is None:
            await self._go_home(said)
            return
        prompt = await found[1]().ask(self._turn)
        self._session = replace(self._session, frame=frame)
        self._put(_with_notice(prompt, said))

    def _put(self, prompt: Prompt) -> None:
        """Make it the prompt replies are matched against, with the buttons that lead back."""
        session = self._session
        choices = tuple(Choice(c.id, strip_isolates(c.label)) for c in prompt.choices)
        if prompt.navigation:
            choices = (*choices, *self._navigation())
        self._session = replace(
            session,
            prompt_no=session.prompt_no + 1,
            choices=choices,
            wants_location=prompt.wants_location,
            shown_at=self._turn.now,
            misses=0,
        )
        shown = replace(prompt, text=_fitting(prompt.text), choices=choices)
        self._turn.effects.append(
            Show(
                shown,
                self._session.prompt_ref,
                in_place=self._in_place,
                takes_keyboard_away=session.wants_location and not prompt.wants_location,
            )
        )

    def _show_plain(self, text: str, choices: Any) -> None:
        self._turn.effects.append(
            Show(Prompt(_fitting(text), tuple(choices), navigation=False), None, in_place=self._in_place)
        )

    def _navigation(self) -> tuple[Choice, ...]:
        frame = self._session.frame
        menu = Choice(Word.MENU, self._turn.pgettext("button", "🏠 Menu"))
        if frame is None or not frame.history:
            return (menu,)
        return (Choice(Word.BACK, self._turn.pgettext("button", "⬅️ Back")), menu)

    # Where things are

    def _open(self, frame: Frame | None) -> tuple[Flow[Any], type[Step[Any]]] | None:
        """Find a stored place in today's flows and load its draft into the turn; None when it is gone."""
        if frame is None:
            return None
        flow = self._routes.flows.get(frame.flow)
        if flow is None or self._turn.contact.role not in flow.roles:
            return None
        draft: dict[str, Any] | None = dict(frame.draft)
        if frame.version != flow.version:
            draft = flow.upgrade(frame.version, draft or {}) if flow.upgrade else None
        step = flow.step(frame.step)
        if draft is None or step is None:
            return None
        try:
            self._turn.draft = draft_from_json(flow.draft, draft)
        except (TypeError, ValueError):
            return None
        return flow, step

    def _current_step(self) -> type[Step[Any]] | None:
        if self._session.frame is None:
            return None if not self._session.choices else _Between
        found = self._open(self._session.frame)
        return found[1] if found else None

    def _at_home(self) -> bool:
        return self._is_inside(self._routes.home(self._turn).name)

    def _is_inside(self, flow_name: str) -> bool:
        frame = self._session.frame
        return frame is not None and frame.flow == flow_name

    def _gate(self, flow_name: str) -> Flow[Any] | None:
        return self._routes.gate(self._turn, flow_name)

    def _gate_shuts(self) -> bool:
        frame = self._session.frame
        return self._gate(frame.flow if frame else self._routes.home(self._turn).name) is not None


class _Between(Step[Any]):
    """Stands for the last word of a finished flow, whose buttons can still be typed."""

    name = "between"

    async def ask(self, turn: Turn[Any]) -> Prompt:
        raise NotImplementedError("a finished flow asks nothing")


def _button(tap: Tap) -> str:
    """Return what tells a button from all others. Another one of the same list is a wish of its own."""
    return f"{tap.prompt_ref}:{tap.choice_id}"


def _onward(frame: Frame, step: str) -> Frame:
    """Return the place at another step; a step the person came through is gone back to, not piled up."""
    history = (*frame.history, frame.step)
    if step in history:
        history = history[: history.index(step)]
    return replace(frame, step=step, history=history)


def _with_notice(prompt: Prompt, said: str | None) -> Prompt:
    return replace(prompt, text=f"{said}\n\n{prompt.text}") if said else prompt


def _fitting(text: str) -> str:
    """Return the text, cut at a line when it is longer than any channel takes.

    Flows page their lists, so this only meets texts that people wrote.
    """
    if len(text) <= LONGEST_TEXT:
        return text
    return text[:LONGEST_TEXT].rsplit("\n", 1)[0] + "\n…"
