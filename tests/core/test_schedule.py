"""Schedules: the clock on the wall decides, also on the days on which it is changed."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import Phrase
from edge.permits import Level, PermitRules, Permits
from edge.schedule import Calendar, Schedule, overlap, parse_holidays, parse_period, parse_span
from edge.terms import Now, Permit, Reason

OFFICE = Schedule(
    week=(((480, 1080),),) * 5 + ((), ()),
    holiday=((600, 720),),
    exceptions={date(2026, 12, 24): ((480, 720),)},
)
NIGHT = Schedule(week=(((0, 180),),) * 7)
SHANGHAI = Calendar("Asia/Shanghai", frozenset({date(2026, 10, 1)}), {"office": OFFICE})
BERLIN = Calendar("Europe/Berlin", schedules={"night": NIGHT, "gap": Schedule(week=(((120, 180),),) * 7)})


def at(text: str, zone: str = "Asia/Shanghai", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        ("2026-11-24T07:59:59", False),
        ("2026-11-24T08:00:00", True),
        ("2026-11-24T17:59:59", True),
        ("2026-11-24T18:00:00", False),
        ("2026-11-28T12:00:00", False),  # a Saturday
        ("2026-10-01T09:00:00", False),  # a holiday, with times of its own
        ("2026-10-01T10:00:00", True),
        ("2026-12-24T11:59:00", True),  # an exception
        ("2026-12-24T12:00:00", False),
    ],
)
def test_a_week_its_holidays_and_its_exceptions(when: str, opens: bool) -> None:
    assert SHANGHAI.open("office", at(when)) is opens


def test_always_is_always() -> None:
    assert Calendar().open("always", 0.0)


def test_the_hour_that_comes_twice_is_inside_twice() -> None:
    """In Berlin the clock goes from 3:00 back to 2:00 on 25 October 2026."""
    for fold in (0, 1):
        assert BERLIN.open("night", at("2026-10-25T02:30:00", "Europe/Berlin", fold))
    assert not BERLIN.open("night", at("2026-10-25T03:00:00", "Europe/Berlin"))


def test_the_hour_that_is_skipped_does_not_take_place() -> None:
    """In Berlin the clock goes from 2:00 to 3:00 on 29 March 2026."""
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC).timestamp()
    assert not any(BERLIN.open("gap", before + minute * 60) for minute in range(120))
    assert not BERLIN.open("night", before + 60)  # it is three o'clock already


@given(st.floats(1.5e9, 2.0e9))
def test_a_schedule_is_what_the_wall_clock_says(utc: float) -> None:
    here = datetime.fromtimestamp(utc, ZoneInfo("Europe/Berlin"))
    assert BERLIN.open("night", utc) == (here.hour < 3)


@pytest.mark.parametrize(
    ("text", "days", "span"),
    [
        ("mon-fri 08:00-18:00", {0, 1, 2, 3, 4}, (480, 1080)),
        ("sat,sun 10:00-24:00", {5, 6}, (600, 1440)),
        ("daily 0:00-24:00", set(range(7)), (0, 1440)),
        ("fri-mon 00:00-06:00", {4, 5, 6, 0}, (0, 360)),
    ],
)
def test_periods_are_read(text: str, days: set[int], span: tuple[int, int]) -> None:
    assert parse_period(text) == (frozenset(days), span)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("08:00-18:00", "begin with days"),
        ("mon-foo 08:00-18:00", "begin with days"),
        ("mon", "no time"),
        ("mon 08:00", "no time"),
        ("mon 18:00-08:00", "ends before it begins"),
        ("mon 08:00-08:00", "empty"),
        ("mon 08:00-25:00", "no time of a day"),
        ("mon 08:60-09:00", "no time of a day"),
        ("mon 24:00-24:00", "no time of a day"),
    ],
)
def test_what_is_no_period_says_why(text: str, why: str) -> None:
    found = parse_period(text)
    assert isinstance(found, Phrase) and why in str(found)


def test_spans_overlap_when_they_share_a_minute() -> None:
    assert overlap([(0, 60), (59, 100)]) and not overlap([(60, 100), (0, 60)])
    assert parse_span("08:00-18:00") == (480, 1080)


def test_a_holiday_file_gives_dates_and_bad_lines() -> None:
    """A date is written in one way, and a period is none: it would be its first day alone."""
    bad = [
        "2026-02-30 never",
        "soon",
        "20261001",
        "2026-W40-4",
        "2026-10-01 - 2026-10-07 国庆",
        "2026-10-01-2026-10-07",
    ]
    found = list(parse_holidays("\n".join(["# days off", "2026-10-01 National Day", "", *bad])))
    assert found == [date(2026, 10, 1), *enumerate(bad, 4)]


RULES = PermitRules(
    levels={"staff": Level(frozenset({"main"}), "office"), "guard": Level(frozenset({"main"}))}, calendar=SHANGHAI
)
OPEN, SHUT = at("2026-11-24T12:00:00"), at("2026-11-24T20:00:00")


@pytest.mark.parametrize(
    ("levels", "door", "utc", "trusted", "reason"),
    [
        (("staff",), "main", OPEN, True, None),
        (("staff",), "main", SHUT, True, Reason.NOT_PERMITTED_AT_THIS_TIME),
        (("staff",), "side", OPEN, True, Reason.UNAUTHORIZED),
        ((), "main", OPEN, True, Reason.UNAUTHORIZED),
        (("unheard-of",), "main", OPEN, True, Reason.UNAUTHORIZED),
        (("staff",), "main", OPEN, False, Reason.CLOCK_UNTRUSTED),
        (("guard",), "main", SHUT, False, None),  # whose level knows no time
        (("staff", "guard"), "main", SHUT, True, None),
    ],
)
def test_levels_open_doors_while_their_schedule_is_in_force(
    levels: tuple[str, ...], door: str, utc: float, trusted: bool, reason: Reason | None
) -> None:
    assert Permits(RULES).against(Permit("ann", levels), door, Now(0, utc, trusted)) is reason


def test_without_levels_whoever_is_enrolled_may_pass() -> None:
    assert Permits(PermitRules()).against(None, "main", Now(0, 0, False)) is None
    assert Permits(RULES).against(None, "main", Now(0, OPEN)) is Reason.UNAUTHORIZED


@pytest.mark.parametrize(
    ("utc", "trusted", "reason"),
    [
        (9.0, True, Reason.CREDENTIAL_NOT_ACTIVE),
        (10.0, True, None),
        (19.9, True, None),
        (20.0, True, Reason.CREDENTIAL_EXPIRED),
        (15.0, False, Reason.CLOCK_UNTRUSTED),
    ],
)
def test_a_record_is_valid_from_and_until(utc: float, trusted: bool, reason: Reason | None) -> None:
    permit = Permit("ann", valid_from=10.0, valid_until=20.0)
    assert Permits(PermitRules()).against(permit, "main", Now(0, utc, trusted)) is reason
    assert Permits(PermitRules(trust_clock=True)).against(permit, "main", Now(0, 15.0, False)) is None
