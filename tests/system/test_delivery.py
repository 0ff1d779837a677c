"""From the gate's disk to the recorder's, over a real broker, while each of the three is killed in turn."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.outbox import GATE, SITE
from edge.events import EpochStarted
from edge.seal import new_signing_key
from edge.transport import type_name
from monitor.ledger import Ledger
from tests.adapters.brokers import Mosquitto, until

pytestmark = pytest.mark.real

EVENTS = 6000


class Building:
    """A gate and a recorder as processes, and what the recorder has."""

    def __init__(self, directory: Path, broker: Mosquitto) -> None:
        self._directory, self._broker = directory, broker
        new_signing_key(directory / "recorder.jwk")
        self.ledger = Ledger(directory / "events.sqlite")
        self.gate = self._start("send", EVENTS)
        self.recorder = self._start("record")

    def _start(self, role: str, *arguments: object) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "bench.outbox", role, self._directory, self._broker.port, *arguments]
        return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE)

    def kill_recorder(self) -> None:
        _end(self.recorder)
        self.recorder = self._start("record")

    def kill_gate(self) -> None:
        """Kill it; the next one records nothing and delivers what is left."""
        _end(self.gate)
        self.gate = self._start("send", 0)

    def recorded(self) -> int:
        return self.ledger.totals().events

    def close(self) -> None:
        _end(self.gate)
        _end(self.recorder)
        self.ledger.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


@pytest.fixture
def broker() -> Iterator[Mosquitto]:
    with closing(Mosquitto()) as broker:
        yield broker


@pytest.fixture
def building(tmp_path: Path, broker: Mosquitto) -> Iterator[Building]:
    with closing(Building(tmp_path, broker)) as building:
        assert building.gate.stdout
        assert building.gate.stdout.readline(), "all is recorded at the gate, nothing delivered"
        broker.start()
        until(lambda: building.recorded() > 500)
        yield building


def assert_all_arrived(building: Building) -> None:
    """Every event, once, in order, in one chain, and the gate has forgotten them."""
    until(lambda: building.recorded() >= EVENTS + 1, 60.0)
    assert building.recorded() == EVENTS + 1
    assert building.ledger.problems() == []
    assert building.ledger.verify()
    [stream] = building.ledger.streams()
    assert (stream.site, stream.gate, stream.sequence) == (SITE, GATE, EVENTS + 1)


def test_a_broker_that_loses_its_memory_loses_no_event(building: Building, broker: Mosquitto) -> None:
    broker.restart()
    until(lambda: building.recorded() > 3000)
    broker.restart()
    assert_all_arrived(building)


def test_a_recorder_that_is_killed_goes_on_from_what_it_committed(building: Building) -> None:
    building.kill_recorder()
    until(lambda: building.recorded() > 3000)
    building.kill_recorder()
    assert_all_arrived(building)


def test_a_gate_that_is_killed_while_it_delivers_loses_nothing(building: Building) -> None:
    building.kill_gate()
    assert_all_arrived(building)


def test_a_recorder_that_lost_its_database_names_what_it_will_never_get(
    building: Building, broker: Mosquitto, tmp_path: Path
) -> None:
    until(lambda: building.recorded() > 3000)
    _end(building.recorder)
    building.ledger.close()
    for file in tmp_path.glob("events.sqlite*"):
        file.unlink()
    building.ledger = Ledger(tmp_path / "events.sqlite")
    building.recorder = building._start("record")
    until(lambda: any(stream.sequence == EVENTS + 1 for stream in building.ledger.streams()), 60.0)
    [problem] = building.ledger.problems()
    assert (problem.kind, problem.first) == ("gap", 1)
    assert building.recorded() == EVENTS + 1 - problem.last


def test_a_gate_whose_log_was_damaged_goes_on_in_a_new_epoch(building: Building, tmp_path: Path) -> None:
    until(lambda: building.recorded() > 3000)
    _end(building.gate)
    for file in tmp_path.glob("outbox.sqlite-*"):
        file.unlink()
    with (tmp_path / "outbox.sqlite").open("r+b") as file:
        file.write(b"\0" * 8192)
    building.gate = building._start("send", 10)
    until(lambda: len(building.ledger.streams()) == 2 and building.ledger.streams()[-1].sequence == 11, 60.0)
    [problem] = building.ledger.problems()
    assert problem.kind == "epoch"
    assert type_name(EpochStarted) == "edge-gate.EpochStarted"
