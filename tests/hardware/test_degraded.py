"""Degraded modes that need a machine of their own: the clock that is set, and the chip that is pulled out of a gate."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from edge.config import Credentials, load
from edge.enrolled import Bounds, Consent
from edge.events import ClockStepped, TemplateDestroyed, WhitelistChanged
from edge.models import manifest
from edge.passbook import BOOK, Issued, Passbook
from edge.seal import new_sealing_key, new_signing_key
from edge.simulate import DemoBroker
from edge.whitelist import Whitelist
from tests.hardware.conftest import until
from tests.hardware.gpiosim import LINK, SimChip
from tests.hardware.room import Room, personal
from tests.hardware.timex import synchronise

RELAY, BUTTON = 0, 3
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


class Gate:
    """The gate and its guard as processes, and what the room hears of them."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, file = root, root / "gate.toml"
        file.write_text(CONFIG.replace("ROOT", str(root)).replace("PORT", str(port)))
        new_sealing_key(root / "whitelist.key")
        new_signing_key(root / "room.jwk")
        options = ["--config", str(file), "--credentials", str(root)]
        self.processes = [
            subprocess.Popen([sys.executable, "-m", "edge.cli", "run", "--role", role, *options])
            for role in ("relay", "gate")
        ]
        self.config = load(file)
        self.room = Room(port, root / "room.jwk")

    def expect_visitor(self, until_utc: float) -> str:
        """What `visitor invite --face` leaves, but for the photo; the id."""
        bounds = Bounds(valid_until=until_utc, host="A", with_pass=True)
        grounds = Consent("invitation", "visit to A", date.today() + timedelta(days=2))
        pack = manifest(self.config.models.pack)
        face = np.eye(1, pack.dimension, dtype="<f4")
        visitor = self._whitelist().enroll("visitor of A", grounds, pack.id, face, bounds).id
        issued = Issued(visitor, "A", ["lobby"], time.time(), until_utc, uses=1, face=True)
        Passbook(self.config.state / BOOK).issue(issued)
        return visitor

    def templates(self) -> dict[str, int]:
        """Of everybody on the list that lies on the disk."""
        return {person.id: person.templates for person in self._whitelist().people(date.today())}

    def people(self) -> list[object]:
        """How many could be recognised, from each change of the list to the next."""
        return [each.data["people"] for each in self.room.events(WhitelistChanged)]

    def _whitelist(self) -> Whitelist:
        return Whitelist.of(self.config, Credentials(self.root), write=True)

    def close(self) -> None:
        self.room.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def gate(chip: SimChip, tmp_path: Path) -> Iterator[Gate]:
    synchronise(True)
    chip.pull(BUTTON, high=True)
    with DemoBroker() as broker, closing(Gate(tmp_path, broker.port)) as running:
        until(running.room.in_service)
        yield running


def press(chip: SimChip) -> None:
    """The exit button opens."""
    until(lambda: not chip.level(RELAY))
    chip.pull(BUTTON, high=False)
    until(lambda: chip.level(RELAY))
    chip.pull(BUTTON, high=True)


def test_a_clock_that_is_set_is_told_and_one_that_is_not_synchronised_is_a_mode(chip: SimChip, gate: Gate) -> None:
    synchronise(False)
    until(lambda: gate.room.degraded() == {"clock_untrusted"})
    press(chip)
    synchronise(True)
    until(lambda: gate.room.degraded() == set())
    time.clock_settime(time.CLOCK_REALTIME, time.time() + 3600)  # that also unsets the synchronisation
    until(lambda: gate.room.degraded() == {"clock_untrusted"})
    stepped = until(lambda: gate.room.events(ClockStepped))
    assert [each.data["by_s"] for each in stepped] == [pytest.approx(3600, abs=2)]
    press(chip)


def test_a_chip_that_is_pulled_out_of_a_gate_is_two_modes_until_it_is_back(chip: SimChip, gate: Gate) -> None:
    press(chip)
    until(lambda: not chip.level(RELAY))
    chip.unplug()
    until(lambda: gate.room.degraded() == {"inputs_failed"})
    gate.room.open()
    until(lambda: gate.room.degraded() == {"inputs_failed", "relay_failed"})
    chip.plug()
    chip.pull(BUTTON, high=True)
    until(lambda: gate.room.degraded() == set())
    press(chip)


def test_a_visitors_face_is_destroyed_when_the_pass_is_over_by_a_clock_that_is_trusted(
    chip: SimChip, tmp_path: Path
) -> None:
    """A clock that may be hours ahead ends nothing."""
    synchronise(False)
    with DemoBroker() as broker, closing(Gate(tmp_path, broker.port)) as gate:
        visitor = gate.expect_visitor(until_utc=time.time() + 3600)
        until(lambda: gate.people()[-1:] == [1])
        time.clock_settime(time.CLOCK_REALTIME, time.time() + 7200)
        until(lambda: gate.room.events(ClockStepped))
        assert gate.templates() == {visitor: 1}
        synchronise(True)
        (receipt,) = until(lambda: gate.room.events(TemplateDestroyed))
        assert personal(receipt, "person") == visitor
        assert gate.templates() == {visitor: 0}
        until(lambda: gate.people()[-1] == 0)
