"""The gate's line to its relay guard: what the gate hears of a guard that comes and goes, or serves somebody else."""

import os
import select
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge import sources, wire
from edge.effects import Pulse
from edge.facts import RelayReported
from edge.sources import RelayLink
from edge.terms import RelayOutcome
from tests.adapters.brokers import until
from tests.adapters.guards import LIMIT_S, GuardProcess


class Gate:
    """A gate's line to the guard, and the outcomes that were heard over it."""

    def __init__(self, socket: Path) -> None:
        self.facts: list[object] = []
        self.link = RelayLink(socket, ("main",), self.facts.append)

    def heard(self) -> list[RelayOutcome]:
        return [fact.outcome for fact in self.facts if isinstance(fact, RelayReported)]


@contextmanager
def running(socket: Path) -> Iterator[Gate]:
    gate = Gate(socket)
    gate.link.start()
    yield gate
    gate.link.stop()
    gate.link.join()


@pytest.fixture
def guard() -> Iterator[GuardProcess]:
    with closing(GuardProcess()) as guard:
        yield guard


def test_a_guard_that_serves_another_gate_is_one_fault_until_it_serves_this_one(guard: GuardProcess) -> None:
    with closing(guard.client()) as other, running(guard.socket) as gate:
        until(gate.heard)
        gate.link.pulse(Pulse("main", "p1", time.monotonic() + 1.0))
        assert gate.heard() == [RelayOutcome.UNAVAILABLE, RelayOutcome.REFUSED]
        other.close()
        until(lambda: len(gate.heard()) == 3)
        gate.link.pulse(Pulse("main", "p2", time.monotonic() + LIMIT_S / 2))
        until(lambda: len(gate.heard()) == 4)
    assert gate.heard()[2:4] == [RelayOutcome.AVAILABLE, RelayOutcome.STARTED]


def test_a_guard_that_comes_back_is_told_once_each_time(guard: GuardProcess) -> None:
    with running(guard.socket) as gate:
        until(gate.heard)
        guard.process.kill()
        guard.process.wait()
        until(lambda: len(gate.heard()) == 2)
        guard.process = guard.site.start("run", "--role", "relay", log="guard.log")
        until(lambda: len(gate.heard()) == 3)
    assert gate.heard()[:3] == [RelayOutcome.AVAILABLE, RelayOutcome.UNAVAILABLE, RelayOutcome.AVAILABLE]


def test_a_guard_that_hangs_up_is_not_called_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RETRY_S", 3600.0)
    with tempfile.TemporaryDirectory(prefix="line-") as root, closing(wire.listen(Path(root) / "relay")) as listener:
        with running(Path(root) / "relay") as gate:
            until(lambda: readable(listener))
            wire.accept(listener, frozenset({os.getuid()}), wire.RelayPulse).close()
            until(gate.heard)
            assert not readable(listener, 0.2)
        assert gate.heard() == [RelayOutcome.UNAVAILABLE]


def readable(listener: socket.socket, within_s: float = 0.0) -> bool:
    """Whether somebody calls."""
    return bool(select.select([listener], [], [], within_s)[0])
