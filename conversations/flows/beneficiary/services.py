"""What can I get? By need, and nothing that no source supports.

Sources: public texts of and about the Foundation, such as the communiqué on 303 projects of 19 November
2025 (https://mdaily.ma/news/voir/1132-2025-11-19-04-30-22) and the coordinator's interview of 2025 on
maroc.ma. No criterion, amount, deadline or list of papers is public, so the centre decides.
"""

from conversations.care.appointments import Need
from conversations.care.people import BENEFICIARIES
from conversations.care.visits import may_book
from conversations.engine.flow import Choice, Enter, Flow, Goto, Move, Prompt, Step
from conversations.engine.turn import Turn
from conversations.flows.beneficiary.wish import Wish
from conversations.flows.visit_words import need_choices, need_label, what_to_bring


class ChooseService(Step[Wish]):
    name = "services"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        # Translators: label, at most 24 characters.
        who = Choice("who", turn.pgettext("button", "🙋 Who can come?"))
        return Prompt(turn.gettext("What would you like to know more about?"), [*need_choices(turn), who])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        if choice_id == "who":
            return Goto(TellWhoCanCome)
        turn.draft.need = Need(choice_id)
        return Goto(TellService)


class TellService(Step[Wish]):
    name = "service"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        need = turn.draft.need or Need.OTHER
        text = f"{need_label(turn, need)}\n\n{_service(turn, need)}"
        # Translators: label, at most 20 characters.
        book = Choice("book", turn.pgettext("button", "📅 Book for this"))
        return Prompt(text, [book])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        # Who has enough visits reads so at the first step.
        step = "centre" if await may_book(turn) else None
        return Enter("booking", Wish(need=turn.draft.need), step=step)


class TellWhoCanCome(Step[Wish]):
    name = "who"

    async def ask(self, turn: Turn[Wish]) -> Prompt:
        parts = [
            # Translators: first line seen on a locked screen.
            turn.gettext(
                "Everybody who came out may ask for help. A short time or long ago, it does not matter. "
                "Relatives may sometimes come too."
            ),
            turn.gettext("You need not tell us anything about your case. The centre looks at what you need."),
            what_to_bring(turn),
        ]
        # Translators: label, at most 20 characters.
        book = Choice("book", turn.pgettext("button", "📅 Book a visit"))
        return Prompt("\n\n".join(parts), [book])

    async def chosen(self, turn: Turn[Wish], choice_id: str) -> Move:
        return Enter("booking")


def _service(turn: Turn[Wish], need: Need) -> str:
    match need:
        case Need.PAPERS:
            return turn.gettext(
                "The centre helps with administrative and judicial matters. What it can do about yours, it "
                "will tell you at the visit."
            )
        case Need.FAMILY:
            return turn.gettext(
                "The centre can help you to renew the bond with your family and the people around you. You "
                "decide with the centre how to begin."
            )
        case Need.HEALTH:
            return turn.gettext(
                "Your health is part of the plan that the centre makes with you. It is no hospital: in an "
                "emergency, call 15."
            )
        case Need.JOB:
            return turn.gettext(
                "The centre looks for work with you, also with companies that are its partners. Nobody can "
                "promise a place; it depends on what there is in your area."
            )
        case Need.PROJECT:
            return turn.gettext(
                "You look at your idea with the centre, and at what you still need to learn. "
                "It is studied first; then the centre and its partners decide."
            )
        case Need.TRAINING:
            return turn.gettext(
                "The centre can help you back to school, or to a training or an apprenticeship. Which "
                "places there are, it will tell you at the visit."
            )
        case Need.OTHER:
            return turn.gettext(
                "Whatever it is, you can bring it to the centre. It makes a plan with you and tells you "
                "what it can do."
            )


SERVICES = Flow(
    name="services", draft=Wish, steps=[ChooseService, TellService, TellWhoCanCome], roles=BENEFICIARIES
)
