"""Degraded modes in the rules: which rows are in force, and the clock."""

import pytest

from edge.chatter import SETTLED_S
from edge.events import ClockFault, ClockStepped
from edge.facts import (
    BrokerReported,
    CameraReported,
    CommandReceived,
    Fact,
    Heartbeat,
    InputChanged,
    InputLost,
    RelayReported,
    Started,
    StorageReported,
    Wake,
    WhitelistLoaded,
)
from edge.fallbacks import TABLE
from edge.gate import Gate
from edge.health import STEP_S, UNTRUSTED_S
from edge.terms import CommandKind, Input, Now, RelayOutcome, Status, Storage
from tests.core.worlds import events, gate_rules

WELL: list[Fact] = [
    Started("boot", "zoo", True),
    CameraReported("entrance", Status.STREAMING),
    BrokerReported(Status.CONNECTED),
    WhitelistLoaded(1, 2, 0.5, 0.01),
    InputChanged("main", Input.CONTACT, False),
    Heartbeat(),
]
CAUSES: dict[str, tuple[Fact, Fact]] = {
    "camera_lost": (CameraReported("entrance", Status.STALLED), CameraReported("entrance", Status.STREAMING)),
    "vision_failed": (CameraReported("entrance", Status.SILENT), CameraReported("entrance", Status.STREAMING)),
    "liveness_unavailable": (Started("boot", "registry", False), Started("boot", "zoo", True)),
    "whitelist_unusable": (WhitelistLoaded(0, 0, 2.0, 0.0, "corrupt"), WhitelistLoaded(1, 2, 0.5, 0.01)),
    "whitelist_stale": (WhitelistLoaded(0, 0, 2.0, 0.0, "silent", stale=True), WhitelistLoaded(1, 2, 0.5, 0.01)),
    "broker_lost": (BrokerReported(Status.REFUSED), BrokerReported(Status.CONNECTED)),
    "storage_slow": (StorageReported(Storage.FULL, 0, 10), StorageReported(Storage.OK, 0, 10)),
    "relay_failed": (
        RelayReported("main", RelayOutcome.UNAVAILABLE, "", "gone"),
        RelayReported("main", RelayOutcome.AVAILABLE),
    ),
    "orders_unreadable": (
        Started("boot", "zoo", True, unread="damaged"),
        CommandReceived("id", "room", CommandKind.RELEASE),
    ),
    "inputs_failed": (InputLost("main", "gone"), InputChanged("main", Input.CONTACT, False)),
    "tamper": (InputChanged("main", Input.TAMPER, True), InputChanged("main", Input.TAMPER, False)),
    "fire": (InputChanged("main", Input.FIRE, True), InputChanged("main", Input.FIRE, False)),
}


def test_every_row_but_those_that_take_time_has_a_cause_here() -> None:
    assert set(CAUSES) | {"camera_clock", "clock_untrusted", "inputs_chatter", "reader_silent"} == set(TABLE)


@pytest.mark.parametrize("row", CAUSES)
def test_a_row_is_in_force_while_its_cause_lasts(row: str) -> None:
    gate = Gate(gate_rules())
    for fact in WELL:
        gate.step(fact, Now(1.0, 1e6))
    assert gate.state().degraded == {}
    cause, cure = CAUSES[row]
    gate.step(cause, Now(1.5, 1e6))
    assert gate.state().degraded == {row: str(next(iter(TABLE[row].does.values())))}
    gate.step(cure, Now(1.6, 1e6))
    assert gate.state().degraded == {}


def test_an_input_that_chatters_is_a_row_until_it_has_settled() -> None:
    gate = Gate(gate_rules())
    for fact in [*WELL, *(InputChanged("main", Input.CONTACT, number % 2 == 0) for number in range(31))]:
        gate.step(fact, Now(1.0, 1e6))
    assert list(gate.state().degraded) == ["inputs_chatter"]
    gate.step(Wake(), Now(1.0 + SETTLED_S, 1e6))
    assert gate.state().degraded == {}


def test_a_clock_that_is_not_synchronised_is_told_after_a_minute_and_when_it_is_over() -> None:
    gate = Gate(gate_rules())
    told = []
    for second in range(200):
        now = Now(float(second), 1e6 + second, trusted=second >= 100)
        told += [(second, event) for event in events(gate.step(Heartbeat(), now).effects)]
        assert ("clock_untrusted" in gate.state().degraded) == (second < 100)
    assert told == [(round(UNTRUSTED_S), ClockFault(True)), (100, ClockFault(False))]


@pytest.mark.parametrize("at", [1, 5])
@pytest.mark.parametrize("by", [1.1 * STEP_S, -1.1 * STEP_S, 86_400.0])
def test_a_clock_that_is_stepped_is_told_once_by_how_much(by: float, at: int) -> None:
    """Also before the first heartbeat."""
    gate, told = Gate(gate_rules()), []
    gate.step(Started("boot", "zoo", liveness=True), Now(0.0, 1e6))
    for second in range(1, 10):
        now = Now(float(second), 1e6 + second * 1.0001 + (by if second >= at else 0.0))
        told += events(gate.step(Heartbeat(), now).effects, ClockStepped)
    (step,) = told
    assert isinstance(step, ClockStepped) and step.by_s == pytest.approx(by, abs=0.01)
