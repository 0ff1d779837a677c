"""Why a door changed its mode, and what a gate says of itself: words that people act on."""

from edge.doorevents import DoorModeChanged
from edge.events import GateStarted
from edge.facts import Show, Started
from edge.terms import CommandKind, DoorMode, Lamp, RelayOutcome
from tests.core.doors import Bench, accessed, idle, order
from tests.core.worlds import World, events


def test_a_block_for_a_time_ends_at_its_second_and_says_so() -> None:
    bench = Bench()
    idle(bench)
    order(bench, CommandKind.BLOCK, 1, 5)
    bench.tick(5.999)
    assert bench.door.mode is DoorMode.BLOCKED
    assert events(bench.tick(6)) == [DoorModeChanged(DoorMode.LOCKED, DoorMode.BLOCKED, "block is over")]
    assert not bench.door.blocked and bench.open(7), "and people pass again"


def test_a_relay_that_fails_in_an_opening_is_the_cause_of_the_mode() -> None:
    bench = Bench()
    accessed(bench)
    told = events(bench.relay(2, RelayOutcome.REFUSED), DoorModeChanged)
    assert told == [DoorModeChanged(DoorMode.LOCKED, DoorMode.ACCESSED, "fault")]


def test_who_is_granted_at_a_door_that_stands_open_moves_the_time_of_the_lamp() -> None:
    bench = Bench()
    idle(bench)
    order(bench, CommandKind.UNLOCK, 1)
    bench.relay(1.01, RelayOutcome.STARTED)
    assert Show("main", Lamp.GRANTED) in bench.open(2)
    bench.open(4)
    opening = bench.door.opening
    assert opening and opening.deadline == opening.until == 7.0, "three seconds from the last one"


def test_a_gate_without_liveness_says_so_at_its_start_and_in_its_state() -> None:
    world = World()
    (started,) = events(world.at(1, Started("boot", "pack", False, {"eye": "1"}, "digest")), GateStarted)
    assert started == GateStarted("boot", "pack", "unavailable", {"eye": "1"}, "digest")
    assert world.gate.state().liveness == "unavailable"
