from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.care.hours import (
    PUBLIC_OFFICE_RULES,
    HoursPeriod,
    Length,
    Opening,
    PeriodKind,
    Taken,
    VisitKind,
    VisitRules,
    WeeklyHours,
    bookable_days,
    open_slots,
    slot_times,
)
from conversations.errors import HoursFault, HoursUnreadable

MONDAY, FRIDAY, SATURDAY = date(2026, 11, 23), date(2026, 11, 27), date(2026, 11, 28)
OFFICE = "mon 08:30-12:00 12:30-16:30; fri 08:30-12:00 13:30-16:30"
LONG_BEFORE = datetime.combine(date(2026, 11, 1), time(9))


@st.composite
def openings(draw: st.DrawFn) -> tuple[Opening, ...]:
    """Up to three stretches of one day, in order, some of them touching."""
    minutes = sorted(draw(st.sets(st.integers(0, 1439), max_size=6)))
    marks = [time(minute // 60, minute % 60) for minute in minutes]
    step = draw(st.sampled_from([1, 2]))
    return tuple(Opening(*marks[i : i + 2]) for i in range(0, len(marks) - 1, step))


weeks = st.lists(openings(), min_size=7, max_size=7).filter(any).map(lambda days: WeeklyHours(tuple(days)))
visit_rules = st.builds(VisitRules, weeks, st.integers(5, 180), st.integers(1, 5), st.integers(0, 3000))
days = st.dates(date(2026, 1, 1), date(2030, 12, 31))


def test_hours_are_read_from_their_stored_form() -> None:
    week = WeeklyHours.parse(OFFICE)

    assert week.on(MONDAY) == (Opening(time(8, 30), time(12)), Opening(time(12, 30), time(16, 30)))
    assert week.on(FRIDAY)[1] == Opening(time(13, 30), time(16, 30))
    assert week.on(SATURDAY) == ()
    assert str(week) == OFFICE


@given(weeks)
def test_any_week_survives_being_stored(week: WeeklyHours) -> None:
    assert WeeklyHours.parse(str(week)) == week


def test_staff_may_type_joined_days_capitals_long_dashes_and_arabic_digits() -> None:
    week = WeeklyHours.parse(" Mon–Wed ٨:٣٠–١٢:٠٠ ;")

    assert str(week) == "mon 08:30-12:00; tue 08:30-12:00; wed 08:30-12:00"


@pytest.mark.parametrize(
    ("text", "reason", "part"),
    [
        ("", HoursFault.EMPTY, ""),
        (" ; ", HoursFault.EMPTY, ""),
        ("funday 08:00-09:00", HoursFault.UNKNOWN_DAY, "funday"),
        ("fri-mon 08:00-09:00", HoursFault.UNKNOWN_DAY, "fri-mon"),
        ("mon- 08:00-09:00", HoursFault.UNKNOWN_DAY, "mon-"),
        ("mon", HoursFault.DAY_WITHOUT_HOURS, "mon"),
        ("mon 08:00-09:00; mon 10:00-11:00", HoursFault.DAY_TWICE, "mon 10:00-11:00"),
        ("mon 8-12", HoursFault.UNKNOWN_TIME, "8-12"),
        ("mon 08:00-25:00", HoursFault.UNKNOWN_TIME, "08:00-25:00"),
        ("mon 12:00-08:00", HoursFault.ENDS_BEFORE_START, "12:00-08:00"),
        ("mon 08:00-08:00", HoursFault.ENDS_BEFORE_START, "08:00-08:00"),
        ("mon 08:00-12:00 11:30-16:00", HoursFault.OVERLAP, "08:00-12:00 11:30-16:00"),
        ("mon 14:00-16:00 08:00-12:00", HoursFault.OVERLAP, "14:00-16:00 08:00-12:00"),
    ],
)
def test_unreadable_hours_say_why_and_where(text: str, reason: HoursFault, part: str) -> None:
    with pytest.raises(HoursUnreadable) as caught:
        WeeklyHours.parse(text)

    assert (caught.value.reason, caught.value.part) == (reason, part)


@given(st.text(alphabet="monfri-: ;0123456789x٣", max_size=40))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    try:
        week = WeeklyHours.parse(text)
    except HoursUnreadable:
        return
    assert any(week.days)


def test_public_offices_break_half_an_hour_and_longer_on_friday() -> None:
    monday, friday = slot_times(PUBLIC_OFFICE_RULES, MONDAY), slot_times(PUBLIC_OFFICE_RULES, FRIDAY)

    assert (monday[0], monday[-1], len(monday)) == (time(8, 30), time(16), 15)
    assert time(12) not in monday
    assert time(12, 30) in monday
    assert [at for at in monday if at not in friday] == [time(12, 30), time(13)]
    assert slot_times(PUBLIC_OFFICE_RULES, SATURDAY) == ()


def test_a_slot_that_would_run_into_the_break_is_not_offered() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 08:30-12:00 12:30-13:00"), slot_minutes=60)

    assert slot_times(rules, MONDAY) == (time(8, 30), time(9, 30), time(10, 30))


@given(visit_rules, days)
def test_slots_never_overlap_and_stay_within_the_openings(rules: VisitRules, day: date) -> None:
    length = timedelta(minutes=rules.slot_minutes)
    starts = [datetime.combine(day, at) for at in slot_times(rules, day)]

    assert all(later - earlier >= length for earlier, later in pairwise(starts))
    for start in starts:
        assert any(
            datetime.combine(day, opening.opens) <= start
            and start + length <= datetime.combine(day, opening.closes)
            for opening in rules.hours.on(day)
        )


@given(visit_rules, days, st.data())
def test_an_open_slot_has_a_free_place_and_time_to_get_there(
    rules: VisitRules, day: date, data: st.DataObject
) -> None:
    slots = slot_times(rules, day)
    visits = {at: data.draw(st.integers(0, 6)) for at in slots}
    taken = [Taken(at, number) for at, number in visits.items()]
    now_local = datetime.combine(day, data.draw(st.times()))
    earliest = now_local + timedelta(minutes=rules.lead_minutes)

    offered = open_slots(rules, day, closed=False, taken=taken, now_local=now_local)

    assert offered == [
        at for at in slots if visits[at] < rules.capacity and datetime.combine(day, at) >= earliest
    ]


starts = st.times(max_value=time(20)).map(lambda at: at.replace(second=0, microsecond=0))
lengths = st.builds(Length, st.integers(10, 120), st.integers(0, 30))


@given(visit_rules, days, st.data())
def test_nobody_is_received_by_more_caseworkers_than_there_are(
    rules: VisitRules, day: date, data: st.DataObject
) -> None:
    """Visits begin at any minute and last as long as they like; then every slot on offer is looked at."""
    kind = data.draw(st.sampled_from([VisitKind.IN_PERSON, VisitKind.PHONE]))
    rules = replace(rules, phone=data.draw(lengths), buffer_minutes=data.draw(st.integers(0, 15)))
    booked = st.builds(Taken, starts, st.integers(1, 5), st.integers(10, 120), st.integers(0, 30))
    taken = data.draw(st.lists(booked, max_size=4))
    now_local = datetime.combine(day, time()) - timedelta(days=9)

    offered = open_slots(rules, day, closed=False, taken=taken, now_local=now_local, kind=kind)

    lasts = rules.length(kind).minutes + rules.length(kind).buffer_minutes

    def busiest(slot: time) -> int:
        begins = slot.hour * 60 + slot.minute
        return max(
            sum(
                held.visits
                for held in taken
                if 0
                <= minute - held.at.hour * 60 - held.at.minute
                < (held.minutes or 0) + (held.buffer_minutes or 0)
            )
            for minute in range(begins, begins + lasts)
        )

    assert offered == [slot for slot in slot_times(rules, day, kind) if busiest(slot) < rules.capacity]


def test_a_visit_of_the_old_timetable_holds_both_slots_it_reaches_into() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-12:00"), slot_minutes=60)

    offered = open_slots(rules, MONDAY, closed=False, taken=[Taken(time(9, 30))], now_local=LONG_BEFORE)

    assert offered == [time(11)]


def test_a_place_stays_open_until_every_caseworker_is_busy() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-10:00"), capacity=2)

    offered = open_slots(
        rules, MONDAY, closed=False, taken=[Taken(time(9)), Taken(time(9, 30), 2)], now_local=LONG_BEFORE
    )

    assert offered == [time(9)]


def test_a_slot_can_be_booked_until_the_lead_time_before_it() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-10:30"), lead_minutes=60)

    offered = open_slots(
        rules, MONDAY, closed=False, taken=[], now_local=datetime.combine(MONDAY, time(8, 30))
    )

    assert offered == [time(9, 30), time(10)]


def test_a_closed_day_offers_nothing() -> None:
    assert open_slots(PUBLIC_OFFICE_RULES, MONDAY, closed=True, taken=[], now_local=LONG_BEFORE) == []


def test_days_run_from_today_to_the_horizon_without_the_weekend() -> None:
    rules = VisitRules(PUBLIC_OFFICE_RULES.hours, horizon_days=7)

    offered = bookable_days(rules, today=FRIDAY)

    assert [day.isoformat() for day in offered] == [
        "2026-11-27",
        "2026-11-30",
        "2026-12-01",
        "2026-12-02",
        "2026-12-03",
        "2026-12-04",
    ]


@pytest.mark.parametrize("wrong", [{"slot_minutes": 0}, {"capacity": 0}, {"lead_minutes": -1}])
def test_rules_without_time_or_places_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least a minute"):
        VisitRules(PUBLIC_OFFICE_RULES.hours, **wrong)


def test_a_rest_after_each_visit_keeps_the_next_one_off() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-11:00"), slot_minutes=30, buffer_minutes=10)

    assert slot_times(rules, MONDAY) == (time(9), time(9, 40), time(10, 20))


def test_a_call_takes_the_time_of_a_visit_that_it_meets() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-11:00"), slot_minutes=60, phone=Length(20, 5))
    call = Taken(time(9, 50), 1, 20, 5)

    offered = open_slots(rules, MONDAY, closed=False, taken=[call], now_local=LONG_BEFORE)
    calls = open_slots(rules, MONDAY, closed=False, taken=[call], now_local=LONG_BEFORE, kind=VisitKind.PHONE)

    assert offered == []
    assert calls == [time(9), time(9, 25), time(10, 15), time(10, 40)]


def test_there_are_no_calls_unless_the_centre_takes_them() -> None:
    offered = open_slots(
        PUBLIC_OFFICE_RULES,
        MONDAY,
        closed=False,
        taken=[],
        now_local=LONG_BEFORE,
        kind=VisitKind.PHONE,
    )

    assert offered == []


def test_some_places_of_a_day_are_left_for_those_who_simply_come() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-11:00"), walk_in_percent=50)

    def offered(*taken: Taken) -> list[time]:
        return open_slots(rules, MONDAY, closed=False, taken=taken, now_local=LONG_BEFORE)

    assert rules.places_on(MONDAY) == 2
    assert offered(Taken(time(9))) == [time(9, 30), time(10), time(10, 30)]
    assert offered(Taken(time(9)), Taken(time(10))) == []


def test_hours_that_are_closed_offer_nothing_that_reaches_into_them() -> None:
    rules = VisitRules(WeeklyHours.parse("mon 09:00-12:00"))

    offered = open_slots(
        rules,
        MONDAY,
        closed=False,
        taken=[],
        now_local=LONG_BEFORE,
        closed_hours=[Opening(time(9, 45), time(11))],
    )

    assert offered == [time(9), time(11), time(11, 30)]


def test_other_hours_hold_from_their_first_day_to_their_last() -> None:
    ramadan = HoursPeriod(
        PeriodKind.RAMADAN, MONDAY, MONDAY + timedelta(days=6), WeeklyHours.parse("mon-fri 10:00-11:00")
    )
    rules = VisitRules(WeeklyHours.parse("mon 09:00-10:00"), periods=(ramadan,))

    assert slot_times(rules, MONDAY - timedelta(days=7)) == (time(9), time(9, 30))
    assert slot_times(rules, MONDAY) == (time(10), time(10, 30))
    assert slot_times(rules, FRIDAY) == (time(10), time(10, 30))
    assert slot_times(rules, MONDAY + timedelta(days=7)) == (time(9), time(9, 30))
