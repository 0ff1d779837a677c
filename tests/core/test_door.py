"""The door: every state against every input, then random traces."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.doorevents import (
    DoorForcedOpen,
    DoorOpenTooLong,
)
from edge.effects import Pulse
from edge.terms import CommandKind, Contact, DoorMode, Input, RelayOutcome
from tests.core.doors import RULES, STATES, Bench, order
from tests.core.worlds import events

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
    "tamper": lambda b: b.press(30, Input.TAMPER),
    "fire": lambda b: b.press(30, Input.FIRE),
    "fire over": lambda b: b.press(30, Input.FIRE, False),
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
STEPS = st.lists(st.tuples(st.sampled_from(EVENTFUL), st.floats(0.001, 5.0)), max_size=60)


class Shifted(Bench):
    """A bench at which every happening takes place `now`, after whatever was due."""

    now = 0.0

    def happen(self, name: str, now: float) -> list[Any]:
        self.now, start = now, len(self.said)
        if now >= self.door.deadline:
            self.tick(now)
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
@example([("leaf opens", 1.0), ("open", 5.0), ("open", 5.0), ("open", 5.0), ("fire", 5.0)])  # when it was due
def test_alarms_begin_and_end_once_and_openings_never_stack(steps: list[tuple[str, float]]) -> None:
    bench, now, asked = Shifted(), 0.0, dict[str, float]()
    active = {DoorForcedOpen: False, DoorOpenTooLong: False}
    for name, pause in steps:
        now, burning = now + pause, bench.door.leaf.fire
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
                assert not (event.active and burning), "an alarm of a door that is meant to stand open"  # type: ignore[attr-defined]
        door = bench.door
        assert (door.leaf.forced, door.leaf.held) == (active[DoorForcedOpen], active[DoorOpenTooLong])
        assert not (door.contact is Contact.CLOSED and (door.leaf.forced or door.leaf.held))
        assert not (door.locked_down and door.drive.holding)
        assert door.mode is not DoorMode.LOCKED or not door.drive.energised
