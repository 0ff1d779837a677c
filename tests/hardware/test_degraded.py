"""Degraded modes that need a machine of their own: the clock that is set, and the chip that is pulled out of a gate."""

import ctypes
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge.clock import TIMEX_BYTES
from edge.command import Target, Wish, command
from edge.events import ClockStepped
from edge.mqtt import Address, Connection
from edge.seal import load_key, new_sealing_key, new_signing_key
from edge.simulate import HOST, DemoBroker
from edge.terms import CommandKind
from edge.transport import Envelope, Presence, type_name
from tests.hardware.conftest import until
from tests.hardware.gpiosim import LINK, SimChip

RELAY, BUTTON = 0, 3
TOPIC = "edge/v1/hq/lobby"
CONFIG = f"""
[gate]
site = "hq"
name = "lobby"
state_dir = "ROOT/state"
runtime_dir = "ROOT"
[[camera]]
name = "front"
url = "rtsp://127.0.0.1:1/stream"
door = "main"
[[door]]
name = "main"
chip = "{LINK}"
relay = {{ line = "RELAY" }}
contact = {{ line = "CONTACT" }}
exit_button = {{ line = "BUTTON", bias = "pull_up", active_low = true }}
pulse_s = 0.5
held_open_s = 60.0
[[operator]]
name = "room"
credential = "room.pub"
[broker]
port = PORT
"""
ADJ_STATUS, ADJ_MAXERROR, ADJ_ESTERROR, STA_UNSYNC = 0x10, 0x4, 0x8, 0x40
STATUS_AT = 40
"""Where `status` is in struct timex of a 64-bit Linux."""


def synchronise(trusted: bool) -> None:
    """Tell the kernel that its clock is synchronised, as a time daemon does, or that it is not."""
    timex = ctypes.create_string_buffer(TIMEX_BYTES)
    ctypes.c_uint.from_buffer(timex, 0).value = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR
    ctypes.c_int.from_buffer(timex, STATUS_AT).value = 0 if trusted else STA_UNSYNC
    assert ctypes.CDLL(None, use_errno=True).adjtimex(timex) >= 0


class Gate:
    """The gate and its guard as processes, and what the room hears of them."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        file = root / "gate.toml"
        file.write_text(CONFIG.replace("ROOT", str(root)).replace("PORT", str(port)))
        new_sealing_key(root / "whitelist.key")
        new_signing_key(root / "room.jwk")
        options = ["--config", str(file), "--credentials", str(root)]
        self.processes = [
            subprocess.Popen([sys.executable, "-m", "edge.cli", "run", "--role", role, *options])
            for role in ("relay", "gate")
        ]
        self._room = Connection(Address(HOST, port), [f"{TOPIC}/state", f"{TOPIC}/event"])
        self.presence, self.told = Presence("offline"), list[Envelope]()

    def degraded(self) -> set[str]:
        """The rows in force, but for those that this gate never leaves here: no eye, no list, no liveness."""
        for message in self._room.turn(0.05):
            if message.topic.endswith("/state"):
                self.presence = msgspec.json.decode(message.payload, type=Presence)
            else:
                self.told.append(msgspec.json.decode(message.payload, type=Envelope))
        rows = self.presence.gate.get("degraded", {})
        assert isinstance(rows, dict)
        return set(rows) - {"vision_failed", "whitelist_unusable", "liveness_unavailable"}

    def stepped(self) -> list[Envelope]:
        self.degraded()
        return [each for each in self.told if each.type == type_name(ClockStepped)]

    def open(self) -> None:
        target = Target("hq", "lobby")
        command(Address(HOST, self.port), target, "room", load_key(self.root / "room.jwk"), Wish(CommandKind.OPEN), 30)

    def close(self) -> None:
        self._room.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def gate(chip: SimChip, tmp_path: Path) -> Iterator[Gate]:
    synchronise(True)
    chip.pull(BUTTON, high=True)
    with DemoBroker() as broker, closing(Gate(tmp_path, broker.port)) as running:
        until(lambda: not running.degraded() and running.presence.status == "online")
        yield running


def press(chip: SimChip) -> None:
    """The exit button opens."""
    until(lambda: not chip.level(RELAY))
    chip.pull(BUTTON, high=False)
    until(lambda: chip.level(RELAY))
    chip.pull(BUTTON, high=True)


def test_a_clock_that_is_set_is_told_and_one_that_is_not_synchronised_is_a_mode(chip: SimChip, gate: Gate) -> None:
    synchronise(False)
    until(lambda: gate.degraded() == {"clock_untrusted"})
    press(chip)
    synchronise(True)
    until(lambda: gate.degraded() == set())
    time.clock_settime(time.CLOCK_REALTIME, time.time() + 3600)  # that also unsets the synchronisation
    until(lambda: gate.degraded() == {"clock_untrusted"})
    stepped = until(gate.stepped)
    assert [each.data["by_s"] for each in stepped] == [pytest.approx(3600, abs=2)]
    press(chip)


def test_a_chip_that_is_pulled_out_of_a_gate_is_two_modes_until_it_is_back(chip: SimChip, gate: Gate) -> None:
    press(chip)
    until(lambda: not chip.level(RELAY))
    chip.unplug()
    until(lambda: gate.degraded() == {"inputs_failed"})
    gate.open()
    until(lambda: gate.degraded() == {"inputs_failed", "relay_failed"})
    chip.plug()
    chip.pull(BUTTON, high=True)
    until(lambda: gate.degraded() == set())
    press(chip)
