"""The door: every state against every input, then random traces, then what happens at a real door."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.door import Door, DoorRules
from edge.doorevents import AccessNotTaken, AccessTaken, DoorFault, DoorForcedOpen, DoorModeChanged, DoorOpenTooLong
from edge.facts import InputChanged, Pulse, RelayReported
from edge.terms import Contact, DoorMode, Input, RelayOutcome
from tests.core.worlds import events

RULES = DoorRules(pulse_s=3.0, held_open_s=20.0)


class Bench:
    """A door, what it said, and shorthands for what may happen to it."""

    def __init__(self) -> None:
        self.door = Door("main", RULES, "boot")
        self.said: list[Any] = []

    def tell(self, effects: list[Any]) -> list[Any]:
        self.said += effects
        return effects

    def open(self, at: float, person: str = "ann") -> list[Any]:
        return self.tell(self.door.open("face", at, person, at - 0.3))

    def contact(self, at: float, is_open: bool) -> list[Any]:
        return self.tell(self.door.input(InputChanged("main", Input.CONTACT, is_open), at))

    def press(self, at: float, which: Input, active: bool = True) -> list[Any]:
        return self.tell(self.door.input(InputChanged("main", which, active), at))

    def relay(self, at: float, outcome: RelayOutcome) -> list[Any]:
        pulse = self.door.opening.pulse if self.door.opening else ""
        return self.tell(self.door.relay(RelayReported("main", outcome, pulse, "why"), at))

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


STATES = [idle, asked, accessed, taken, forced, held, blind]
HAPPENINGS = {
    "open": lambda b: b.open(30, "bob"),
    "leaf opens": lambda b: b.contact(30, True),
    "leaf closes": lambda b: b.contact(30, False),
    "exit": lambda b: b.press(30, Input.EXIT_BUTTON),
    "started": lambda b: b.relay(30, RelayOutcome.STARTED),
    "ended": lambda b: b.relay(30, RelayOutcome.ENDED),
    "refused": lambda b: b.relay(30, RelayOutcome.REFUSED),
    "gone": lambda b: b.relay(30, RelayOutcome.UNAVAILABLE),
    "tick": lambda b: b.tick(30),
}
# What each happening makes the door say (class names, in order), by state. "-" is nothing at all.
TABLE = """
              idle             asked               accessed                      taken                     forced           held           blind
open          Pulse            -                   -                             -                         Pulse            Pulse          Pulse
leaf opens    Physical,Forced  Physical,Forced     Physical,Taken                -                         -                -              DoorFault,Physical
leaf closes   -                -                   -                             Physical                  Physical,Forced  Physical,Held  DoorFault,Physical
exit          Exit,Pulse       Exit                Exit                          Exit                      Exit,Pulse       Exit,Pulse     DoorFault,Exit,Pulse
started       -                Mode,Show           -                             -                         -                -              -
ended         -                -                   Mode                          Mode                      -                -              -
refused       -                DoorFault,NotTaken  DoorFault,Mode,NotTaken       DoorFault,Mode            -                -              -
gone          DoorFault        DoorFault,NotTaken  DoorFault,Mode,NotTaken       DoorFault,Mode            DoorFault        DoorFault      DoorFault
tick          -                DoorFault,NotTaken  DoorFault,Mode,NotTaken,Show  DoorFault,Mode,Held,Show  Held             -              -
"""  # noqa: E501
SHORT = {
    "DoorPhysicalStateChanged": "Physical",
    "DoorForcedOpen": "Forced",
    "DoorOpenTooLong": "Held",
    "DoorModeChanged": "Mode",
    "AccessTaken": "Taken",
    "AccessNotTaken": "NotTaken",
    "RequestToExit": "Exit",
}


def told(effects: list[Any]) -> str:
    names = [type(getattr(effect, "event", effect)).__name__ for effect in effects]
    return ",".join(SHORT.get(name, name) for name in names) or "-"


ROWS = {line[:14].strip(): line[14:].split() for line in TABLE.strip("\n").splitlines()[1:]}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("happening", HAPPENINGS)
def test_every_state_against_every_happening(state: Any, happening: str) -> None:
    bench = Bench()
    state(bench)
    assert told(HAPPENINGS[happening](bench)) == ROWS[happening][STATES.index(state)]


def test_the_table_is_whole() -> None:
    assert ROWS.keys() == HAPPENINGS.keys()
    assert {len(row) for row in ROWS.values()} == {len(STATES)}


STEPS = st.lists(
    st.tuples(st.sampled_from([*sorted(HAPPENINGS), "lost", "fire", "tamper"]), st.floats(0.001, 5.0)), max_size=60
)


@given(STEPS)
def test_alarms_begin_and_end_once_and_openings_never_stack(steps: list[tuple[str, float]]) -> None:
    bench, now, pulse_until = Bench(), 0.0, 0.0
    active = {DoorForcedOpen: False, DoorOpenTooLong: False}
    for name, pause in steps:
        now += pause
        effects = happen(bench, name, now)
        for effect in effects:
            if isinstance(effect, Pulse):
                assert effect.until <= now + RULES.pulse_s
                assert name in ("open", "exit")
                pulse_until = effect.until
        for event in events(effects):
            if type(event) in active:
                assert event.active != active[type(event)]  # type: ignore[attr-defined]
                active[type(event)] = event.active  # type: ignore[attr-defined]
        door = bench.door
        assert (door.forced, door.held) == (active[DoorForcedOpen], active[DoorOpenTooLong])
        assert not (door.contact is Contact.CLOSED and (door.forced or door.held))
    assert pulse_until <= now + RULES.pulse_s


def happen(bench: Bench, name: str, now: float) -> list[Any]:
    """One happening of the table at `now`, after whatever was due."""
    moves = {
        "open": lambda: bench.open(now),
        "leaf opens": lambda: bench.contact(now, True),
        "leaf closes": lambda: bench.contact(now, False),
        "exit": lambda: bench.press(now, Input.EXIT_BUTTON),
        "started": lambda: bench.relay(now, RelayOutcome.STARTED),
        "ended": lambda: bench.relay(now, RelayOutcome.ENDED),
        "refused": lambda: bench.relay(now, RelayOutcome.REFUSED),
        "gone": lambda: bench.relay(now, RelayOutcome.UNAVAILABLE),
        "tick": list,
        "lost": lambda: bench.tell(bench.door.input_lost("unplugged", now)),
        "fire": lambda: bench.press(now, Input.FIRE, not bench.door.fire),
        "tamper": lambda: bench.press(now, Input.TAMPER, not bench.door.tamper),
    }
    return moves[name]() + (bench.tick(now) if now >= bench.door.deadline else [])


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


def test_a_guard_that_does_not_answer_is_a_fault_until_it_does() -> None:
    bench = Bench()
    asked(bench)
    bench.tick(1.6)
    assert not bench.door.usable
    bench.relay(3, RelayOutcome.AVAILABLE)
    assert bench.door.usable
    assert [event.active for event in events(bench.said, DoorFault)] == [True, False]  # type: ignore[attr-defined]
