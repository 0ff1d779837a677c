"""The door: every state against every input, then random traces, then what happens at a real door."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from edge import orders
from edge.door import Door, DoorRules
from edge.doorevents import (
    AccessNotTaken,
    AccessTaken,
    DoorFault,
    DoorForcedOpen,
    DoorModeChanged,
    DoorOpenTooLong,
    TailgatingSuspected,
)
from edge.facts import InputChanged, Pulse, RelayReported, Relock
from edge.opening import Passing
from edge.terms import CommandKind, Contact, DoorMode, Input, RelayOutcome
from tests.core.worlds import events

RULES = DoorRules(pulse_s=3.0, held_open_s=20.0)


class Bench:
    """A door, what it said, and shorthands for what may happen to it."""

    def __init__(self, rules: DoorRules = RULES) -> None:
        self.door = Door("main", rules, "boot")
        self.said: list[Any] = []
        self.last: list[Any] = []

    def tell(self, effects: list[Any]) -> list[Any]:
        self.said += effects
        self.last = effects
        return effects

    def open(self, at: float, person: str = "ann") -> list[Any]:
        return self.tell(self.door.open("face", at, Passing(person), at - 0.3))

    def contact(self, at: float, is_open: bool) -> list[Any]:
        return self.tell(self.door.input(InputChanged("main", Input.CONTACT, is_open), at))

    def press(self, at: float, which: Input, active: bool = True) -> list[Any]:
        return self.tell(self.door.input(InputChanged("main", which, active), at))

    def relay(self, at: float, outcome: RelayOutcome) -> list[Any]:
        pulse = self.door.drive.pulse
        return self.tell(self.door.relay(RelayReported("main", outcome, pulse, "why"), at))

    def order(self, kind: CommandKind, at: float, seconds: float | None) -> str:
        why, effects = orders.order(self.door, kind, seconds, at)
        self.tell(effects)
        return why

    def lose(self, at: float) -> list[Any]:
        return self.tell(self.door.input_lost("unplugged", at))

    def tick(self, at: float) -> list[Any]:
        return self.tell(self.door.tick(at))


def idle(b: Bench) -> None:
    b.contact(0, False)


def asked(b: Bench) -> None:
    idle(b)
    b.open(1)


def accessed(b: Bench) -> None:
    asked(b)
    b.relay(1.01, RelayOutcome.STARTED)


def taken(b: Bench) -> None:
    accessed(b)
    b.contact(2, True)


def forced(b: Bench) -> None:
    idle(b)
    b.contact(2, True)


def held(b: Bench) -> None:
    taken(b)
    b.relay(4, RelayOutcome.ENDED)
    b.tick(22.5)


def blind(b: Bench) -> None:
    idle(b)
    b.tell(b.door.input_lost("unplugged", 2))


def order(b: Bench, kind: CommandKind, at: float, seconds: float | None = None) -> str:
    return b.order(kind, at, seconds)


def unlocked(b: Bench) -> None:
    idle(b)
    order(b, CommandKind.UNLOCK, 1)
    b.relay(1.01, RelayOutcome.STARTED)


def open_for_all(b: Bench) -> None:
    idle(b)
    order(b, CommandKind.LOCK_OPEN, 1)
    b.relay(1.01, RelayOutcome.STARTED)


def blocked(b: Bench) -> None:
    idle(b)
    order(b, CommandKind.BLOCK, 1)


def lockdown(b: Bench) -> None:
    accessed(b)
    order(b, CommandKind.LOCK_DOWN, 1.5)
    b.relay(1.51, RelayOutcome.ENDED)
    b.tick(2.5)


STATES = [idle, asked, accessed, taken, forced, held, blind, unlocked, open_for_all, blocked, lockdown]
HAPPENINGS = {
    "open": lambda b: b.open(30, "bob"),
    "leaf opens": lambda b: b.contact(30, True),
    "leaf closes": lambda b: b.contact(30, False),
    "exit": lambda b: b.press(30, Input.EXIT_BUTTON),
    "started": lambda b: b.relay(30, RelayOutcome.STARTED),
    "busy": lambda b: b.relay(30, RelayOutcome.BUSY),
    "ended": lambda b: b.relay(30, RelayOutcome.ENDED),
    "refused": lambda b: b.relay(30, RelayOutcome.REFUSED),
    "gone": lambda b: b.relay(30, RelayOutcome.UNAVAILABLE),
    "back": lambda b: b.relay(30, RelayOutcome.AVAILABLE),
    "lost": lambda b: b.lose(30),
    "supply": lambda b: b.press(30, Input.SUPPLY),
    "feedback": lambda b: b.press(30, Input.FEEDBACK),
    "unlock": lambda b: order(b, CommandKind.UNLOCK, 30) or b.last,
    "lock": lambda b: order(b, CommandKind.LOCK, 30) or b.last,
    "block": lambda b: order(b, CommandKind.BLOCK, 30) or b.last,
    "unblock": lambda b: order(b, CommandKind.UNBLOCK, 30) or b.last,
    "lock down": lambda b: order(b, CommandKind.LOCK_DOWN, 30) or b.last,
    "lock open": lambda b: order(b, CommandKind.LOCK_OPEN, 30) or b.last,
    "release": lambda b: order(b, CommandKind.RELEASE, 30) or b.last,
    "admit": lambda b: order(b, CommandKind.OPEN, 30) or b.last,
    "tick": lambda b: b.tick(30),
}
# What each happening makes the door say (class names, in order), by state. "-" is nothing at all, "no" a refused order.
TABLE = (Path(__file__).parent / "door_table.txt").read_text()
SHORT = {
    "DoorPhysicalStateChanged": "Physical",
    "DoorForcedOpen": "Forced",
    "DoorOpenTooLong": "Held",
    "DoorModeChanged": "Mode",
    "AccessTaken": "Taken",
    "AccessNotTaken": "NotTaken",
    "RequestToExit": "Exit",
}


def told(effects: list[Any] | str) -> str:
    if isinstance(effects, str):
        return "no"
    names = [type(getattr(effect, "event", effect)).__name__ for effect in effects]
    return ",".join(SHORT.get(name, name) for name in names) or "-"


ROWS = {line[:12].strip(): line[12:].split() for line in TABLE.strip("\n").splitlines()[1:]}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("happening", HAPPENINGS)
def test_every_state_against_every_happening(state: Any, happening: str) -> None:
    bench = Bench()
    state(bench)
    assert told(HAPPENINGS[happening](bench)) == ROWS[happening][STATES.index(state)]


def test_the_table_is_whole() -> None:
    assert ROWS.keys() == HAPPENINGS.keys()
    assert {len(row) for row in ROWS.values()} == {len(STATES)}


EVENTFUL = [name for name in HAPPENINGS if name != "tick"]
STEPS = st.lists(st.tuples(st.sampled_from([*EVENTFUL, "fire", "tamper"]), st.floats(0.001, 5.0)), max_size=60)


class Shifted(Bench):
    """A bench at which every happening takes place `now`, after whatever was due."""

    now = 0.0

    def happen(self, name: str, now: float) -> list[Any]:
        self.now, start = now, len(self.said)
        if now >= self.door.deadline:
            self.tick(now)
        if name in ("fire", "tamper"):
            self.press(now, Input(name), not getattr(self.door, name))
        else:
            HAPPENINGS[name](self)
        return self.said[start:]

    def open(self, at: float, person: str = "ann") -> list[Any]:
        return super().open(self.now, person)

    def contact(self, at: float, is_open: bool) -> list[Any]:
        return super().contact(self.now, is_open)

    def press(self, at: float, which: Input, active: bool = True) -> list[Any]:
        return super().press(self.now, which, active)

    def relay(self, at: float, outcome: RelayOutcome) -> list[Any]:
        return super().relay(self.now, outcome)

    def order(self, kind: CommandKind, at: float, seconds: float | None) -> str:
        return super().order(kind, self.now, seconds)

    def lose(self, at: float) -> list[Any]:
        return super().lose(self.now)


@given(STEPS)
def test_alarms_begin_and_end_once_and_openings_never_stack(steps: list[tuple[str, float]]) -> None:
    bench, now, asked = Shifted(), 0.0, dict[str, float]()
    active = {DoorForcedOpen: False, DoorOpenTooLong: False}
    for name, pause in steps:
        now += pause
        effects = bench.happen(name, now)
        for effect in effects:
            if isinstance(effect, Pulse):
                assert effect.until <= now + RULES.hard_limit_s
                assert not effect.renews or asked[effect.renews] > 0
                asked[effect.pulse] = effect.until
        for event in events(effects):
            if type(event) in active:
                assert event.active != active[type(event)]  # type: ignore[attr-defined]
                active[type(event)] = event.active  # type: ignore[attr-defined]
        door = bench.door
        assert (door.leaf.forced, door.leaf.held) == (active[DoorForcedOpen], active[DoorOpenTooLong])
        assert not (door.contact is Contact.CLOSED and (door.leaf.forced or door.leaf.held))
        assert not (door.locked_down and door.drive.holding)
        assert door.mode is not DoorMode.LOCKED or not door.drive.energised


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
    (relock,) = [each for each in ordered(bench, CommandKind.LOCK, now + 2) if isinstance(each, Relock)]
    assert relock.pulse == bench.door.drive.pulse
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
    assert [(event.source, event.active) for event in lost] == [("inputs", True), ("feedback", False)]  # type: ignore[attr-defined]
