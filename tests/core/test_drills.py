"""Drills in the rules: overdue, failed, passed."""

from edge.drills import Drills
from edge.events import DrillFault, DrillReport
from edge.facts import DrillDone
from edge.terms import Now
from tests.core.worlds import events

DAY = 86_400.0
PASSED = DrillReport("entrance", "main", True, True, 300.0, {"forced": True})
FAILED = DrillReport("entrance", "main", False, False, None, {}, detail="nobody was recognised")


def at(day: float, trusted: bool = True) -> Now:
    return Now(day * DAY, 1e9 + day * DAY, trusted)


def told(drills: Drills, day: float, trusted: bool = True) -> list[object]:
    return events(drills.due(at(day, trusted)))


def test_an_overdue_drill_is_an_alarm_that_a_passed_one_ends() -> None:
    drills = Drills(30 * DAY)
    assert events(drills.done(DrillDone(1e9, PASSED))) == [PASSED]
    assert told(drills, 29.9) == []
    assert told(drills, 31.0) == [DrillFault(True, "no drill was passed in time")]
    assert told(drills, 32.0) == []
    drills.done(DrillDone(1e9 + 33 * DAY, PASSED))
    assert told(drills, 33.0) == [DrillFault(False, "a drill was passed")]


def test_a_failed_drill_is_an_alarm_at_once_and_does_not_count() -> None:
    drills = Drills(30 * DAY)
    drills.done(DrillDone(1e9, PASSED, told=True))
    drills.done(DrillDone(1e9 + DAY, FAILED))
    assert told(drills, 1.0) == [DrillFault(True, "nobody was recognised")]
    drills.done(DrillDone(1e9 + 2 * DAY, PASSED))
    assert told(drills, 2.0) == [DrillFault(False, "a drill was passed")]


def test_while_the_clock_is_not_trusted_no_drill_becomes_overdue_or_is_forgiven() -> None:
    drills = Drills(30 * DAY)
    assert told(drills, 400.0, trusted=False) == []
    assert told(drills, 400.1) == [DrillFault(True, "no drill was passed in time")]
    assert told(drills, 400.2, trusted=False) == []


def test_where_none_is_asked_for_none_is_missed_and_a_report_of_an_earlier_start_is_not_told_again() -> None:
    drills = Drills(0.0)
    assert told(drills, 9_999.0) == []
    assert events(drills.done(DrillDone(1e9, PASSED, told=True))) == []
