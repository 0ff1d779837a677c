"""What happens at a real door: grants that are followed, guards that are slow or gone, doors that stand open."""

from typing import Any

import pytest
from msgspec import structs

from edge.doorevents import (
    AccessNotTaken,
    AccessTaken,
    DoorFault,
    DoorForcedOpen,
    DoorModeChanged,
    DoorOpenTooLong,
    TailgatingSuspected,
)
from edge.effects import Pulse, Relock
from edge.opening import Passing
from edge.terms import CommandKind, Contact, DoorMode, Input, RelayOutcome
from tests.core.doors import RULES, STATES, Bench, accessed, asked, held, idle, order, taken, unlocked
from tests.core.worlds import events


def test_a_grant_is_followed_to_the_shut_door() -> None:
    bench = Bench()
    taken(bench)
    bench.relay(4, RelayOutcome.ENDED)
    bench.contact(5, False)
    assert [type(event) for event in events(bench.said)][1:] == [
        DoorModeChanged, type(events(bench.said)[2]), AccessTaken, DoorModeChanged, type(events(bench.said)[2]),
    ]  # fmt: skip
    assert (bench.door.mode, bench.door.contact) == (DoorMode.LOCKED, Contact.CLOSED)


def test_granted_but_not_opened() -> None:
    bench = Bench()
    accessed(bench)
    assert not events(bench.relay(4, RelayOutcome.ENDED), AccessNotTaken)
    assert events(bench.tick(4.6), AccessNotTaken) == [AccessNotTaken("ann")]


def test_a_hand_on_the_door_as_the_relay_lets_go_forces_nothing() -> None:
    bench = Bench()
    accessed(bench)
    bench.relay(4, RelayOutcome.ENDED)
    assert events(bench.contact(4.3, True)) and not events(bench.said, DoorForcedOpen)


def test_the_time_to_decide_ends_when_the_relay_moves() -> None:
    bench = Bench()
    asked(bench)
    (changed,) = events(bench.relay(1.05, RelayOutcome.STARTED), DoorModeChanged)
    assert changed.decision_ms == pytest.approx(350)  # type: ignore[attr-defined]


def test_a_guard_that_does_not_answer_is_a_fault_and_its_late_answer_mends_it() -> None:
    bench = Bench()
    asked(bench)
    bench.tick(1.6)
    assert bench.door.faults and bench.door.usable  # the next grant may well be answered
    bench.relay(1.9, RelayOutcome.STARTED)
    assert bench.door.mode is DoorMode.ACCESSED and not bench.door.faults
    bench.contact(2, True)
    assert [event.active for event in events(bench.said, DoorFault)] == [True, False]  # type: ignore[attr-defined]
    assert events(bench.said, AccessTaken) and not events(bench.said, AccessNotTaken)


def test_a_pulse_that_is_never_answered_is_not_taken_and_the_next_one_mends_the_fault() -> None:
    bench = Bench()
    asked(bench)
    bench.tick(1.6)
    bench.tick(4.5)
    assert events(bench.said, AccessNotTaken) == [AccessNotTaken("ann")]
    bench.open(10, "bob")
    bench.relay(10.01, RelayOutcome.STARTED)
    assert not bench.door.faults and bench.door.mode is DoorMode.ACCESSED


def test_a_fault_that_lasts_is_told_again_after_another_one_is_over() -> None:
    bench = Bench()
    asked(bench)
    bench.tick(1.6)
    bench.press(1.7, Input.SUPPLY)
    bench.press(1.8, Input.SUPPLY, active=False)
    told = [(event.active, event.source) for event in events(bench.said, DoorFault)]  # type: ignore[attr-defined]
    assert told == [(True, "relay"), (True, "supply"), (False, "supply"), (True, "relay")]


def test_a_refusal_because_an_earlier_pulse_goes_on_is_no_fault() -> None:
    bench = Bench()
    asked(bench)
    bench.tick(1.6)
    bench.press(1.7, Input.EXIT_BUTTON)  # the guard is silent: the button asks anew
    bench.relay(1.8, RelayOutcome.BUSY)
    assert bench.door.mode is DoorMode.ACCESSED and not bench.door.faults
    bench.relay(4.0, RelayOutcome.ENDED)
    assert bench.door.mode is DoorMode.LOCKED


def test_whoever_is_granted_during_a_pulse_is_followed_too() -> None:
    bench = Bench()
    accessed(bench)
    bench.open(1.5, "bob")
    bench.contact(2, True)
    assert events(bench.said, AccessTaken) == [AccessTaken("ann"), AccessTaken("bob")]
    bench.open(2.5, "eve")  # the leaf is open: she passes at once
    assert events(bench.last, AccessTaken) == [AccessTaken("eve")]


def test_a_second_grant_that_nobody_uses_is_not_taken() -> None:
    bench = Bench()
    taken(bench)
    bench.contact(2.2, False)
    bench.open(2.5, "bob")
    bench.relay(4, RelayOutcome.ENDED)
    bench.tick(4.6)
    assert events(bench.said, AccessNotTaken) == [AccessNotTaken("bob")]


def test_an_unlocked_door_is_a_pulse_that_is_renewed_before_it_ends() -> None:
    bench = Bench()
    unlocked(bench)
    assert bench.door.mode is DoorMode.UNLOCKED
    (first,) = [each for each in bench.said if isinstance(each, Pulse)]
    now = bench.door.deadline
    assert now < first.until
    (renewal,) = bench.tick(now)
    assert renewal.renews == first.pulse and renewal.until <= now + RULES.hard_limit_s
    bench.relay(now + 0.01, RelayOutcome.STARTED)
    bench.contact(now + 1, True)
    assert not events(bench.said, DoorForcedOpen)
    bench.tick(now + 2)
    assert [each for each in ordered(bench, CommandKind.LOCK, now + 2) if isinstance(each, Relock)]
    bench.relay(now + 2.01, RelayOutcome.ENDED)
    assert bench.door.mode is DoorMode.LOCKED
    bench.tick(now + 2.01 + RULES.held_open_s)
    assert events(bench.said, DoorOpenTooLong)  # counted from when it was locked


def ordered(bench: Bench, kind: CommandKind, at: float) -> list[Any]:
    assert order(bench, kind, at) == ""
    return bench.last


def test_an_unlocked_door_whose_guard_died_is_locked_and_is_unlocked_when_it_is_back() -> None:
    bench = Bench()
    unlocked(bench)
    bench.relay(2, RelayOutcome.UNAVAILABLE)
    assert bench.door.mode is DoorMode.LOCKED
    bench.relay(3, RelayOutcome.AVAILABLE)
    assert [type(each) for each in bench.last][-1] is Pulse


def test_a_held_door_is_reported_again_until_somebody_acknowledges_it() -> None:
    bench = Bench(structs.replace(RULES, held_again_s=10.0))
    held(bench)
    for at in (32.5, 42.5):
        bench.tick(at)
    assert len(events(bench.said, DoorOpenTooLong)) == 3
    ordered(bench, CommandKind.ACKNOWLEDGE, 43)
    bench.tick(60)
    bench.contact(61, False)
    assert [event.active for event in events(bench.said, DoorOpenTooLong)] == [True] * 3 + [False]  # type: ignore[attr-defined]


def test_people_who_need_it_get_more_time() -> None:
    bench = Bench(structs.replace(RULES, extended_pulse_s=4.5, extended_held_open_s=60.0))
    idle(bench)
    (pulse,) = bench.tell(bench.door.open("face", 1, Passing("ann"), 0.7, extended=True))
    assert pulse.until == pytest.approx(5.5)
    bench.relay(1.01, RelayOutcome.STARTED)
    bench.contact(2, True)
    assert bench.door.leaf.deadline == pytest.approx(62)


def test_whoever_passes_with_somebody_else_gets_more_time_for_the_leaf_and_none_for_the_pulse() -> None:
    bench = Bench(structs.replace(RULES, extended_pulse_s=4.5, extended_held_open_s=60.0))
    accessed(bench)
    assert not bench.tell(bench.door.open("face", 2, Passing("ben"), extended=True))
    bench.contact(2.5, True)
    assert bench.door.leaf.deadline == pytest.approx(62.5)
    bench.tell(bench.door.open("face", 3, Passing("cat"), extended=True))  # it stands open already
    assert bench.door.leaf.deadline == pytest.approx(63)


def test_a_relay_that_sticks_leaves_no_door_of_a_sluice_secure() -> None:
    bench = Bench()
    accessed(bench)
    bench.press(1.1, Input.FEEDBACK)
    bench.relay(4, RelayOutcome.ENDED)
    bench.tick(4.6)
    assert "feedback" in bench.door.faults and not bench.door.secure
    bench.press(5, Input.FEEDBACK, False)
    assert bench.door.secure


def test_a_feedback_contact_that_disagrees_is_a_fault_until_it_agrees() -> None:
    bench = Bench()
    accessed(bench)
    bench.press(1.1, Input.FEEDBACK)
    bench.relay(4, RelayOutcome.ENDED)
    bench.tick(4.4)
    assert not bench.door.faults
    bench.tick(4.5)
    assert "feedback" in bench.door.faults  # it sticks
    bench.press(5, Input.FEEDBACK, False)
    assert not bench.door.faults


def test_more_faces_gone_through_than_granted_is_suspicious() -> None:
    bench = Bench()
    taken(bench)
    for _ in range(2):
        bench.door.leaf.passed()
    bench.contact(3, False)
    assert events(bench.said, TailgatingSuspected) == [TailgatingSuspected(granted=1, passed=2)]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_the_exit_button_opens_in_every_mode(state: Any) -> None:
    bench = Bench()
    state(bench)
    bench.press(30, Input.EXIT_BUTTON)
    assert bench.door.drive.pulse


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_lockdown_is_told_at_once_and_as_nothing_else(state: Any) -> None:
    bench = Bench()
    state(bench)
    known = bench.door.mode
    ordered(bench, CommandKind.LOCK_DOWN, 30)
    told = [event.mode for event in events(bench.last, DoorModeChanged)]  # type: ignore[attr-defined]
    assert told == ([] if known is DoorMode.LOCKED_DOWN else [DoorMode.LOCKED_DOWN])
    bench.relay(30.1, RelayOutcome.ENDED)
    assert bench.door.mode is DoorMode.LOCKED_DOWN and not bench.door.drive.energised


def test_inputs_that_are_lost_take_the_fault_of_the_feedback_contact_with_them_and_say_so() -> None:
    bench = Bench()
    idle(bench)
    bench.press(1, Input.FEEDBACK)
    bench.tick(1.5)
    assert "feedback" in bench.door.faults
    lost = events(bench.lose(2), DoorFault)
    assert [(event.source, event.active) for event in lost] == [("feedback", False), ("inputs", True)]  # type: ignore[attr-defined]
