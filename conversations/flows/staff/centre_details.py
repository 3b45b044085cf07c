"""What is known of a centre, and how its staff fill it in: address, phone, map, hours, closed days."""

from typing import Any

from conversations.care.centres import Centre
from conversations.care.people import CASEWORKERS, MANAGERS, Role
from conversations.engine.flow import Again, Choice, Enter, Flow, Goto, Home, Move, Prompt, Step
from conversations.engine.reply import Reply, Text
from conversations.engine.turn import Turn
from conversations.flows.staff.booking_rules import (
    AtTheDoor,
    EditLandmark,
    HoursFirst,
    MoreRules,
    SetCallRest,
    SetCalls,
    SetHorizon,
    SetLead,
    SetWalkIns,
    more_lines,
)
from conversations.flows.staff.centre_access import (
    CentreDraft,
    back_to_centre,
    centre_in_hand,
    not_yours,
)
from conversations.flows.staff.centre_choice import CentreChoice
from conversations.flows.staff.centre_point import CheckPoint, SetPoint
from conversations.flows.staff.closed_days import ClosedDays, VisitsToMove
from conversations.flows.staff.door_code import DoorCode, NewDoorCode
from conversations.flows.staff.group_sessions import GROUP_SESSIONS, GroupDraft
from conversations.flows.staff.opening_hours import (
    CheckHours,
    SetCapacity,
    SetLength,
    SetRest,
    SetWeek,
    begin_hours,
    rules_lines,
)
from conversations.flows.staff.other_hours import (
    CheckPeriod,
    FirstDay,
    FirstFast,
    LastDay,
    LastFast,
    OnePeriod,
    OtherHours,
    PeriodWeek,
)
from conversations.flows.visit_words import city

ADDRESS_LENGTHS = range(3, 301)
PHONE_LENGTHS = range(3, 41)


class ChooseCentre(CentreChoice[CentreDraft]):
    """Lead to what is known of the centre."""

    def after(self) -> type[Step[CentreDraft]]:
        return Overview


class Overview(Step[CentreDraft]):
    """Show what is known and what is not, and offer to change it."""

    name = "overview"

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Prompt(not_yours(turn))
        choices = [
            # Translators: label, at most 24 characters.
            Choice("address", turn.pgettext("button", "📍 Address")),
            # Translators: label, at most 24 characters.
            Choice("phone", turn.pgettext("button", "📞 Phone")),
            # Translators: label, at most 24 characters. Opening hours and length of visits.
            Choice("hours", turn.pgettext("button", "🕐 Hours and visits")),
            # Translators: label, at most 24 characters.
            Choice("closed", turn.pgettext("button", "🔒 Closed days")),
            # Translators: label, at most 24 characters. Talks and courses for several people.
            Choice("groups", turn.pgettext("button", "👥 Group sessions")),
            # Translators: label, at most 24 characters. What else can be set about a centre.
            Choice("more", turn.pgettext("button", "⚙️ More")),
        ]
        if turn.contact.role is Role.MANAGER:
            # Translators: label, at most 24 characters.
            choices.append(Choice("other", turn.pgettext("button", "🏢 Other centre")))
        return Prompt(_overview(turn, centre), choices)

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        centre = await centre_in_hand(turn)
        if centre is None:
            return Home(not_yours(turn))
        match choice_id:
            case "address":
                return Goto(EditAddress)
            case "phone":
                return Goto(EditPhone)
            case "hours":
                begin_hours(turn.draft, centre)
                return Goto(SetWeek)
            case "closed":
                turn.draft.page = 0
                return Goto(ClosedDays)
            case "groups":
                return Enter(GROUP_SESSIONS.name, GroupDraft(centre.slug))
            case "more":
                return Goto(MoreRules)
            case _:
                return Enter(CENTRE_DETAILS.name, CentreDraft())


class EditAddress(Step[CentreDraft]):
    """Take the address as people would say it to a driver."""

    name = "address"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        asked = turn.gettext("Write the address as people find it: street, district, a landmark.")
        return Prompt(asked, [_unknown(turn)])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        return await _save_address(turn, None)

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        typed = " ".join(reply.text.split()) if isinstance(reply, Text) else ""
        if len(typed) not in ADDRESS_LENGTHS:
            return Again(turn.gettext("Please write the address in 3 to 300 characters."))
        return await _save_address(turn, typed)


class EditPhone(Step[CentreDraft]):
    """Take the number as it is dialled; it is kept as written."""

    name = "phone"
    matches_typed_choices = False

    async def ask(self, turn: Turn[CentreDraft]) -> Prompt:
        asked = turn.gettext("Write the phone number on which people reach the centre.")
        return Prompt(asked, [_unknown(turn)])

    async def chosen(self, turn: Turn[CentreDraft], choice_id: str) -> Move:
        return await _save_phone(turn, None)

    async def answer(self, turn: Turn[CentreDraft], reply: Reply) -> Move:
        typed = " ".join(reply.text.split()) if isinstance(reply, Text) else ""
        if len(typed) not in PHONE_LENGTHS or not any(letter.isdecimal() for letter in typed):
            return Again(turn.gettext("Please write a phone number, such as 05 00 00 00 00."))
        return await _save_phone(turn, typed)


async def show_centre(turn: Turn[CentreDraft], argument: str) -> Move:
    """Handle /centre: a caseworker's own, or the manager's choice."""
    return enter_centre(turn)


def enter_centre(turn: Turn[Any]) -> Enter:
    """Lead to the caseworker's own centre, a manager to the choice of one."""
    if turn.contact.role is Role.CASEWORKER and turn.contact.centre_slug:
        return Enter(CENTRE_DETAILS.name, CentreDraft(turn.contact.centre_slug), Overview.name)
    return Enter(CENTRE_DETAILS.name, CentreDraft())


def _overview(turn: Turn[CentreDraft], centre: Centre) -> str:
    lines = [turn.gettext("🏢 Centre of {city}").format(city=city(turn, centre)), ""]
    if centre.address:
        lines.append(turn.gettext("Address: {address}").format(address=centre.address))
    else:
        lines.append(turn.gettext("Address: not known yet"))
    if centre.phone:
        lines.append(turn.gettext("Phone:\n{phone}").format(phone=centre.phone))
    else:
        lines.append(turn.gettext("Phone: not known yet"))
    if centre.point:
        lines.append(turn.gettext("On the map: yes"))
    else:
        lines.append(turn.gettext("On the map: not yet"))
    lines += ["", *rules_lines(turn, centre.rules), *more_lines(turn, centre), ""]
    if centre.hours_confirmed:
        lines.append(turn.gettext("Bookings are confirmed at once."))
    else:
        lines.append(
            turn.gettext(
                "These are the hours of public offices, not your own. Until you set yours, "
                "each visit is a request that you confirm."
            )
        )
    return "\n".join(lines)


def _unknown(turn: Turn[CentreDraft]) -> Choice:
    # Translators: label, at most 20 characters. The address or phone is not known.
    return Choice("unknown", turn.pgettext("button", "❓ Not known"))


async def _save_address(turn: Turn[CentreDraft], address: str | None) -> Move:
    centre = await centre_in_hand(turn)
    if centre is None:
        return Home(not_yours(turn))
    await turn.desk.centres.set_address(centre.slug, address)
    return back_to_centre(centre.slug, turn.gettext("Saved."))


async def _save_phone(turn: Turn[CentreDraft], phone: str | None) -> Move:
    centre = await centre_in_hand(turn)
    if centre is None:
        return Home(not_yours(turn))
    await turn.desk.centres.set_phone(centre.slug, phone)
    return back_to_centre(centre.slug, turn.gettext("Saved."))


CENTRE_DETAILS = Flow(
    "centre_details",
    CentreDraft,
    (
        ChooseCentre,
        Overview,
        EditAddress,
        EditPhone,
        SetPoint,
        CheckPoint,
        DoorCode,
        NewDoorCode,
        SetWeek,
        SetCapacity,
        SetLength,
        SetRest,
        CheckHours,
        ClosedDays,
        VisitsToMove,
        MoreRules,
        AtTheDoor,
        HoursFirst,
        SetCalls,
        SetCallRest,
        SetWalkIns,
        SetLead,
        SetHorizon,
        EditLandmark,
        OtherHours,
        OnePeriod,
        FirstFast,
        LastFast,
        FirstDay,
        LastDay,
        PeriodWeek,
        CheckPeriod,
    ),
    roles=CASEWORKERS | MANAGERS,
    renamed={"close_day": "closed_days"},
)
