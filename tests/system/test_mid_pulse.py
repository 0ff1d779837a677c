"""A whole gate under its supervisor: whichever process is killed or stopped while the relay is active, it lets go.

Nobody is recognised here: the exit button is pressed, which is a pulse like any other.
"""

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge import models
from edge.logfile import Reader
from edge.site import EXIT_BUTTON, RELAY, Site
from tests.adapters.brokers import until
from tests.conftest import ROOT

pytestmark = pytest.mark.real

PULSE_S, HARD_LIMIT_S = 8.5, 9.5
"""Longer than the guard's watchdog and the command after it need, so that it shows who has ended a pulse."""
SOON_S = 7.5
"""The guard's watchdog of one second, the safe command, and a slow machine."""


class Gate:
    """`edge-gate run` on a simulated door, with a camera that does not answer."""

    def __init__(self, root: Path, packs: Path) -> None:
        self.root = root  # short: it holds Unix sockets
        url = "rtsp://127.0.0.1:9/none"
        self.site = Site(root, packs, pulse_s=PULSE_S, hard_limit_s=HARD_LIMIT_S, pack="zoo", url=url, broker_port=9)
        self.supervisor = self.site.start("run", log="log")

    def start(self) -> None:
        """Start it unless it runs."""
        if self.supervisor.poll() is not None:
            self.supervisor = self.site.start("run", log="log")

    def pids(self) -> dict[str, int]:
        """The processes that run now, by role."""
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if "--role" in words and str(self.site.file) in words:
                    found[words[words.index("--role") + 1]] = int(directory.name)
        return found

    def active(self) -> bool:
        return self.site.chip.exists() and self.site.chip.read_bytes()[RELAY] != 0

    def begin_pulse(self) -> float:
        """Press the exit button until the gate is there to notice; when the pulse began."""
        until(lambda: len(self.pids()) == 3)
        end = time.monotonic() + 60.0
        while not self.active():
            assert time.monotonic() < end, self.root.joinpath("log").read_text()
            for pressed in (True, False):
                self._press(pressed)
                with contextlib.suppress(AssertionError):
                    until(self.active, 0.2)
        return time.monotonic()

    def wait_inactive(self, within: float) -> float:
        """How long it took."""
        begun = time.monotonic()
        until(lambda: not self.active(), within)
        return time.monotonic() - begun

    def close(self) -> None:
        for number in (self.supervisor.pid, *self.pids().values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)
        self.supervisor.terminate()
        self.supervisor.wait(60)
        until(lambda: not self.pids())
        shutil.rmtree(self.root)

    def _press(self, pressed: bool) -> None:
        if self.site.chip.exists():
            with self.site.chip.open("r+b") as lines:
                lines.seek(EXIT_BUTTON)
                lines.write(bytes([pressed]))


@pytest.fixture(scope="module")
def installed(shared: Path) -> Iterator[Gate]:
    packs = ROOT / "var" / "models"
    models.fetch("zoo", packs, shared / "models")
    with closing(Gate(Path(tempfile.mkdtemp(prefix="gate-")), packs)) as gate:
        yield gate


@pytest.fixture
def gate(installed: Gate) -> Gate:
    """A gate in the first moment of a pulse."""
    installed.start()
    installed.wait_inactive(HARD_LIMIT_S + SOON_S)
    installed.begin_pulse()
    return installed


def test_a_guard_that_is_killed_has_its_relay_made_safe(gate: Gate) -> None:
    os.kill(gate.pids()["relay"], signal.SIGKILL)
    gate.wait_inactive(SOON_S)


def test_a_guard_that_is_stopped_is_killed_by_its_watchdog_and_its_relay_made_safe(gate: Gate) -> None:
    guard = gate.pids()["relay"]
    os.kill(guard, signal.SIGSTOP)
    gate.wait_inactive(SOON_S)
    until(lambda: gate.pids().get("relay", guard) != guard)


def test_a_gate_that_is_killed_takes_its_pulse_with_it(gate: Gate) -> None:
    os.kill(gate.pids()["gate"], signal.SIGKILL)
    gate.wait_inactive(SOON_S)


def test_a_gate_that_is_stopped_leaves_a_pulse_that_ends_at_its_deadline(gate: Gate) -> None:
    os.kill(gate.pids()["gate"], signal.SIGSTOP)
    try:
        gate.wait_inactive(HARD_LIMIT_S)
    finally:
        os.kill(gate.pids()["gate"], signal.SIGCONT)


def test_neither_an_eye_nor_the_supervisor_holds_a_pulse(gate: Gate) -> None:
    killed = gate.pids()["eye"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: gate.pids().get("eye", killed) != killed)
    stopped = gate.pids()["eye"], gate.supervisor.pid
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    try:
        gate.wait_inactive(HARD_LIMIT_S)
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)


def test_a_supervisor_that_is_killed_takes_everything_down(gate: Gate) -> None:
    gate.supervisor.kill()
    gate.supervisor.wait()
    gate.wait_inactive(SOON_S)
    until(lambda: not gate.pids())


def test_told_to_stop_in_mid_pulse_it_lets_go_and_ends_without_a_false_alarm(gate: Gate) -> None:
    gate.supervisor.terminate()
    assert gate.supervisor.wait(60) == 0
    assert not gate.active()
    assert gate.pids() == {}
    assert "DoorFault" not in since_the_button(gate)


def since_the_button(gate: Gate) -> list[str]:
    """The types of the events after the last press of the exit button."""
    with closing(Reader(gate.site.config.state / "outbox.sqlite")) as reader:
        payloads = [json.loads(stored.payload) for stored in reader.read(0, 10_000)]
    types = [payload["type"].removeprefix("edge-gate.") for payload in payloads]
    return types[len(types) - types[::-1].index("RequestToExit") :]
