"""The relay guard as a process, and the gate's own lines, on a real /dev/gpiochip."""

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pytest

from edge import wire
from edge.config import load
from edge.doorlines import DoorLines
from edge.doorsection import LineSection
from edge.errors import LinkError
from edge.facts import InputChanged, InputLost
from edge.lines import outputs
from edge.terms import Input, Lamp, RelayOutcome
from tests.hardware.conftest import until
from tests.hardware.gpiosim import LINK, SimChip

RELAY, LAMP, CONTACT = 0, 1, 2
LONG_S = 60.0
"""The most that a configuration may allow: a command takes long to start on an emulated processor."""
CONFIG = f"""
[gate]
site = "hq"
name = "lobby"
runtime_dir = "ROOT"
[[camera]]
name = "front"
url = "rtsp://127.0.0.1/stream"
door = "main"
[[door]]
name = "main"
chip = "{LINK}"
relay = {{ line = "RELAY" }}
contact = {{ line = "CONTACT" }}
lamps = {{ granted = {{ line = "LAMP" }} }}
debounce_s = 0.0
hard_limit_s = {LONG_S}
[[door]]
name = "side"
chip = "simulated:ROOT/chip"
relay = {{ line = 1 }}
hard_limit_s = {LONG_S}
"""


class Heard(NamedTuple):
    outcome: RelayOutcome
    detail: str


class Guard:
    """`edge-gate run --role relay` as a process, and a gate's connection to it."""

    def __init__(self, file: Path) -> None:
        self.file, config = file, load(file)
        self.process = subprocess.Popen([*self.command("run"), "--role", "relay"])
        self.peer = until(lambda: self._connected(config.socket("relay")))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "edge.cli", *words, "--config", str(self.file)]

    def pulse(self, seconds: float, door: str = "main") -> float:
        """Ask for a pulse; its deadline."""
        deadline = time.monotonic() + seconds
        self.peer.send(wire.RelayPulse(door, "p1", deadline))
        return deadline

    def hear(self) -> Heard:
        """The next report."""
        select.select([self.peer], [], [], 60)
        report = self.peer.receive()
        assert isinstance(report, wire.RelayReport)
        return Heard(report.outcome, report.detail)

    def energise(self, door: str = "main") -> float:
        """A pulse that has begun; its deadline."""
        deadline = self.pulse(LONG_S - 1, door)
        assert self.hear().outcome is RelayOutcome.STARTED
        return deadline

    def safe(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*self.command("relay", "safe"), "--json"], capture_output=True, text=True, check=False)

    def close(self) -> None:
        self.peer.close()
        self.process.kill()
        self.process.wait()

    def _connected(self, socket: Path) -> wire.Peer | None:
        assert self.process.poll() is None, "the guard has ended"
        try:
            return wire.connect(socket, wire.RelayReport)
        except LinkError:
            return None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gate.toml"
    path.write_text(CONFIG.replace("ROOT", str(tmp_path)))
    return path


@pytest.fixture
def guard(chip: SimChip, file: Path) -> Iterator[Guard]:
    with closing(Guard(file)) as running:
        yield running


def free(chip: SimChip) -> bool:
    """Whether the relay's line can be had; it is let go of at once."""
    outputs(chip.path, {"relay": LineSection("RELAY")}).close()
    return True


def test_a_pulse_moves_the_line_until_its_deadline(chip: SimChip, guard: Guard) -> None:
    deadline = guard.pulse(4.0)
    assert guard.hear() == (RelayOutcome.STARTED, "")
    assert chip.level(RELAY) and time.monotonic() < deadline
    assert guard.hear() == (RelayOutcome.ENDED, "")
    assert not chip.level(RELAY) and time.monotonic() >= deadline


def test_a_gate_that_goes_in_mid_pulse_leaves_the_line_inactive(chip: SimChip, guard: Guard) -> None:
    deadline = guard.energise()
    assert chip.level(RELAY)
    guard.peer.close()
    until(lambda: not chip.level(RELAY))
    assert time.monotonic() < deadline


def test_a_guard_that_is_stopped_in_mid_pulse_lets_go(chip: SimChip, guard: Guard) -> None:
    deadline = guard.energise()
    guard.process.send_signal(signal.SIGTERM)
    assert guard.process.wait(60) == 0
    assert not chip.level(RELAY) and free(chip) and time.monotonic() < deadline


def test_a_guard_that_is_killed_in_mid_pulse_leaves_a_line_that_can_be_made_safe(chip: SimChip, guard: Guard) -> None:
    guard.energise()
    refused = guard.safe()
    assert refused.returncode == 1 and "line RELAY is in use by edge-gate" in json.loads(refused.stdout)["problems"][0]
    assert chip.level(RELAY)
    guard.process.kill()
    guard.process.wait()
    done = guard.safe()
    assert (done.returncode, json.loads(done.stdout)) == (0, {"doors": ["main", "side"], "problems": []})
    assert not chip.level(RELAY)


def test_a_relay_that_is_tried_by_hand_is_let_go_when_the_command_is_killed(chip: SimChip, file: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "relay", "test", "--door", "main", "--seconds", f"{LONG_S - 1}"]
    with subprocess.Popen([*command, "--config", str(file)], stdout=subprocess.DEVNULL) as trying:
        until(lambda: chip.level(RELAY))
        began = time.monotonic()
        trying.kill()
        trying.wait()
        until(lambda: not chip.level(RELAY))
    assert time.monotonic() < began + LONG_S - 2


def test_a_relay_whose_chip_is_pulled_out_and_comes_back_works_again(chip: SimChip, guard: Guard) -> None:
    guard.pulse(1.0)
    assert [guard.hear().outcome for _ in range(2)] == [RelayOutcome.STARTED, RelayOutcome.ENDED]
    chip.unplug()
    guard.pulse(LONG_S - 1)
    outcome, why = guard.hear()
    assert outcome is RelayOutcome.FAILED and f"{LINK}, lines RELAY: " in why and "No such device" in why
    outcome, why = guard.hear()
    assert outcome is RelayOutcome.UNAVAILABLE and why.startswith(f"there is no GPIO chip {LINK}\n")
    chip.plug()
    assert guard.hear() == (RelayOutcome.AVAILABLE, "")
    guard.energise()
    assert chip.level(RELAY)


def test_a_lost_chip_keeps_no_other_relay_active(chip: SimChip, guard: Guard) -> None:
    side = guard.file.with_name("chip")
    guard.energise("side")
    assert side.read_bytes()[1] == 1
    chip.unplug()
    guard.process.send_signal(signal.SIGTERM)
    assert guard.process.wait(60) == 0
    assert side.read_bytes()[1] == 0, "a latching relay stays as it was left"


def test_a_relay_that_somebody_else_holds_is_told_and_taken_once_it_is_free(chip: SimChip, file: Path) -> None:
    other = outputs(chip.path, {"relay": LineSection("RELAY")})
    with closing(Guard(file)) as guard:
        outcome, why = guard.hear()
        assert outcome is RelayOutcome.UNAVAILABLE and "line RELAY is in use by edge-gate" in why
        other.close()
        assert guard.hear() == (RelayOutcome.AVAILABLE, "")
        guard.energise()


def test_the_gate_follows_its_inputs_and_shows_its_lamps_across_a_lost_chip(chip: SimChip, file: Path) -> None:
    facts: SimpleQueue[object] = SimpleQueue()
    lines = DoorLines(load(file).door[0], facts.put)
    lines.start()
    assert facts.get(timeout=60) == InputChanged("main", Input.CONTACT, False)
    chip.pull(CONTACT, high=True)
    assert facts.get(timeout=60) == InputChanged("main", Input.CONTACT, True)
    lines.show(Lamp.GRANTED)
    assert chip.level(LAMP)
    lines.show(Lamp.IDLE)
    assert not chip.level(LAMP)
    chip.unplug()
    lost = facts.get(timeout=60)
    assert isinstance(lost, InputLost) and "No such device" in lost.detail
    chip.plug()
    until(lambda: facts.get(timeout=60) == InputChanged("main", Input.CONTACT, False))
    lines.stop()
    lines.join(60)
    assert not lines.is_alive()


def test_a_lamp_that_somebody_else_holds_costs_no_input(chip: SimChip, file: Path) -> None:
    facts: SimpleQueue[object] = SimpleQueue()
    other = outputs(chip.path, {"lamp": LineSection("LAMP")})
    lines = DoorLines(load(file).door[0], facts.put)
    lines.start()
    assert facts.get(timeout=60) == InputChanged("main", Input.CONTACT, False)
    lines.show(Lamp.GRANTED)
    chip.pull(CONTACT, high=True)
    assert facts.get(timeout=60) == InputChanged("main", Input.CONTACT, True)
    lines.stop()
    lines.join(60)
    other.close()
