"""Which centre a member of staff looks after now: the first question of several flows."""

from abc import abstractmethod
from typing import Protocol, TypeVar

from conversations.engine.flow import Again, Choice, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.paging import page_choices, page_of, turned
from conversations.flows.staff.centre_access import may_look_after
from conversations.flows.visit_words import city


class AboutCentre(Protocol):
    """A draft that says which centre it is about, and which part of a list is on the screen."""

    slug: str
    page: int


DraftAboutCentre = TypeVar("DraftAboutCentre", bound=AboutCentre)


class CentreChoice(Step[DraftAboutCentre]):
    """Let a manager choose among the open centres; a caseworker finds only their own."""

    name = "centre"

    @abstractmethod
    def after(self) -> type[Step[DraftAboutCentre]]:
        """Return the step that follows."""

    async def ask(self, turn: Turn[DraftAboutCentre]) -> Prompt:
        centres = [c for c in await turn.desk.centres.open() if may_look_after(turn.contact, c.slug)]
        page = page_of(centres, turn.draft.page)
        choices = [Choice(centre.slug, city(turn, centre)) for centre in page.items]
        return Prompt(turn.gettext("Which centre?"), [*choices, *page_choices(turn, page)])

    async def chosen(self, turn: Turn[DraftAboutCentre], choice_id: str) -> Move:
        page = turned(turn.draft.page, choice_id)
        if page is not None:
            turn.draft.page = page
            return Again()
        turn.draft.slug, turn.draft.page = choice_id, 0
        return Goto(self.after())
