"""The units of config/ as scripts/install leaves them, under a live systemd with a real chip: `rig.py --live`."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from edge import files
from edge.doorevents import DoorModeChanged
from edge.events import DrillFault, DrillReport
from edge.mqtt import Address, Connection
from edge.records import Topics
from edge.simulate import HOST, DemoBroker
from edge.transport import Event, type_name
from edge.users import PEERS
from tests.hardware.conftest import until
from tests.hardware.gpiosim import LINK, SimChip
from tests.hardware.machine import CREDENTIALS, SETTINGS, Unit, edge_gate, install, python_for_units, systemctl
from tests.hardware.room import GATE, SITE, Room
from tests.hardware.timex import synchronise

RELAY, CONTACT, BUTTON = 0, 2, 3
ENDS = [signal.SIGKILL, signal.SIGSTOP]
"""Killed, and hanging until the watchdog sees to it."""
PULSE_S = 30.0
"""Longer than the watchdogs take: a relay that is inactive before was let go of."""
SLOW = "[Service]\nTimeoutStartSec=10min\nTimeoutStopSec=5min\n"
"""What an emulated processor needs."""
SIDE = Path("/run/edge-gate/chip")
CLIP, CLIP_S = Path("/var/lib/edge-gate/approach.mp4"), 30
SOON = """[Timer]
OnCalendar=
OnCalendar=*:*:0/5
RandomizedDelaySec=0
"""
"""Instead of once a night."""
CONFIG = f"""
[gate]
site = "{SITE}"
name = "{GATE}"
[models]
pack = "registry"
[[camera]]
name = "front"
url = "rtsp://127.0.0.1:1/stream"
username = "viewer"
credential = "camera.password"
door = "main"
[[door]]
name = "main"
chip = "{LINK}"
relay = {{ line = "RELAY" }}
contact = {{ line = "CONTACT" }}
exit_button = {{ line = "BUTTON", bias = "pull_up", active_low = true }}
pulse_s = {PULSE_S}
hard_limit_s = {PULSE_S}
held_open_s = 60.0
[[door]]
name = "side"
chip = "simulated:{SIDE}"
relay = {{ line = 1 }}
pulse_s = {PULSE_S}
hard_limit_s = {PULSE_S}
held_open_s = 60.0
[[operator]]
name = "room"
credential = "operator.pub"
[drill]
clip = "{CLIP}"
every_days = 90
[broker]
port = PORT
"""
ROOM = Path("/var/lib/edge-gate-monitor")
MONITOR = f"""
[broker]
port = PORT
[store]
database = "{ROOM}/room.sqlite"
signing_key = "{ROOM}/recorder.jwk"
"""
guard, gate, eye, drill = (Unit(f"edge-gate{which}.service") for which in ("-relay", "", "-eye@front", "-drill"))
timer, desk, monitor = Unit("edge-gate-drill.timer"), Unit("edge-gate-desk.service"), Unit("edge-gate-monitor.service")
USERS = {guard: "edge-gate-relay", gate: PEERS["relay"], eye: PEERS["eye"]}
SAFE = "inactive: main, side"
"""What the guard's ExecStopPost says when it has driven both relays to their safe value."""


@pytest.fixture(scope="module")
def installed() -> Iterator[Room]:
    """A room and a gate as their guides have it: configuration and credentials, scripts/install, systemctl start.

    On one machine, which neither needs to know.
    """
    with DemoBroker() as broker:
        SETTINGS.mkdir(parents=True)
        for unit in (guard, gate, eye, desk, monitor):
            unit.drop_in("slow.conf", SLOW)
        python_for_units()
        edge_gate("keys", "new", "operator", "--directory", CREDENTIALS)
        (CREDENTIALS / "camera.password").write_text("not that of a camera\n")
        (SETTINGS / "monitor.toml").write_text(MONITOR.replace("PORT", str(broker.port)))
        install("--monitor")
        systemctl("start", monitor.name)
        shutil.copy(ROOM / "recorder.pub", CREDENTIALS)
        (SETTINGS / "gate.toml").write_text(CONFIG.replace("PORT", str(broker.port)))
        install()
        synchronise(True)
        film_of_nobody(CLIP)
        with closing(Room(broker.port, CREDENTIALS / "operator.jwk")) as room:
            yield room


@pytest.fixture(scope="module")
def plugged(installed: Room) -> Iterator[SimChip]:
    with SimChip("gate", {RELAY: "RELAY", 1: "LAMP", CONTACT: "CONTACT", BUTTON: "BUTTON"}, hogs={}) as chip:
        chip.pull(BUTTON, high=True)
        until(lambda: Path(chip.path).group() == "gpio")
        systemctl("start", gate.name)
        yield chip
        systemctl("stop", guard.name, gate.name)


@pytest.fixture
def chip(plugged: SimChip, installed: Room) -> SimChip:
    """The chip of a gate that is in service with both relays inactive."""
    until(installed.in_service)
    until(lambda: guard.active and gate.active and eye.active and not plugged.level(RELAY) and not energised())
    return plugged


def recorded(kind: type[Event]) -> int:
    """How many of this kind the monitoring room has in its database."""
    with files.database(ROOM / "room.sqlite", "ro") as room:
        (count,) = room.execute("SELECT count(*) FROM events WHERE type = ?", (type_name(kind),)).fetchone()
    return int(count)


def energised() -> bool:
    """Whether the side door's relay, which stays as it was left, is active."""
    return SIDE.read_bytes()[1] == 1


def film_of_nobody(path: Path) -> None:
    """A picture a second."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=1, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(CLIP_S):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8))))
        film.mux(stream.encode(None))


def press(chip: SimChip) -> None:
    """The exit button opens."""
    chip.pull(BUTTON, high=False)
    until(lambda: chip.level(RELAY))
    chip.pull(BUTTON, high=True)


def test_every_process_is_ready_as_its_own_user_and_may_do_nothing_else(chip: SimChip) -> None:
    for unit, user in USERS.items():
        status = unit.status()
        assert (status["NoNewPrivs"], int(status["CapEff"], 16), status["Seccomp"]) == ("1", 0, "2")
        assert Path(f"/proc/{unit.pid}").owner() == user
        assert unit.complaints() == ""


def test_every_process_has_the_credentials_that_it_needs_and_nobody_else_can_read_them(chip: SimChip) -> None:
    assert set(gate.secrets()) == {"operator.pub", "recorder.pub", "whitelist.key"}
    assert set(eye.secrets()) == {"camera.password"}
    assert guard.secrets() == {}
    assert {found for unit in (gate, eye) for found in unit.secrets().values()} == {
        (USERS[gate], 0o400), (USERS[eye], 0o400),
    }  # fmt: skip


def test_a_gate_that_is_killed_in_mid_pulse_comes_back_and_its_relay_is_inactive_meanwhile(
    chip: SimChip, installed: Room
) -> None:
    """The pulse is one that the room asked for: the key that verifies it came as a credential."""
    restarts = gate.restarts
    installed.open("main")
    until(lambda: chip.level(RELAY))
    gate.signal(signal.SIGKILL)
    until(lambda: not chip.level(RELAY), PULSE_S / 2)
    gate.until_again(restarts)
    until(installed.in_service)


def test_a_gate_that_hangs_in_mid_pulse_is_ended_by_the_watchdog(chip: SimChip, installed: Room) -> None:
    restarts = gate.restarts
    press(chip)
    gate.signal(signal.SIGSTOP)
    until(lambda: not chip.level(RELAY), PULSE_S - 5)
    gate.until_again(restarts)
    until(installed.in_service)


@pytest.mark.parametrize("end", ENDS)
def test_a_guard_that_ends_in_mid_pulse_leaves_no_relay_active_and_comes_back(
    chip: SimChip, installed: Room, end: signal.Signals
) -> None:
    """Also the one that stays as it is left: after a process that could not, another one sees to it."""
    restarts, made_safe = guard.restarts, guard.said(SAFE)
    installed.open("side")
    until(energised)
    press(chip)
    guard.signal(end)
    until(lambda: not chip.level(RELAY) and not energised())
    guard.until_again(restarts)
    assert guard.said(SAFE) == made_safe + 1
    until(installed.in_service)


@pytest.mark.parametrize("end", ENDS)
def test_an_eye_that_ends_comes_back_and_opens_nothing(chip: SimChip, end: signal.Signals) -> None:
    restarts = eye.restarts
    eye.signal(end)
    eye.until_again(restarts)
    assert not chip.level(RELAY) and gate.active


def test_a_monitoring_room_records_what_the_gate_tells(chip: SimChip) -> None:
    assert monitor.active and monitor.complaints() == ""
    assert Path(f"/proc/{monitor.pid}").owner() == "edge-gate-monitor"
    before = recorded(DoorModeChanged)
    press(chip)
    until(lambda: recorded(DoorModeChanged) > before)


def test_a_drill_that_is_missed_is_an_alarm_and_one_by_the_timer_is_recorded_in_the_room(
    chip: SimChip, installed: Room
) -> None:
    """Nobody is on the clip: to recognise somebody in time takes a processor that is not emulated."""
    overdue = until(lambda: installed.events(DrillFault))[-1]
    assert overdue.data == {"active": True, "detail": "no drill was passed in time"}
    until(lambda: recorded(DrillFault))
    timer.drop_in("soon.conf", SOON)
    systemctl("daemon-reload")
    systemctl("start", timer.name)
    until(lambda: drill["ActiveState"] == "activating")
    systemctl("stop", timer.name)
    (report,) = until(lambda: installed.events(DrillReport), 600)
    assert (report.data["recognised"], report.data["passed"]) == (False, False)
    assert report.data["alarms"] == {"forced": True, "held": True, "tamper": True, "fire": True}
    until(lambda: recorded(DrillReport) == 1)
    assert installed.events(DrillFault)[-1].data["active"] is True
    until(lambda: drill["ActiveState"] == "inactive")
    assert drill["Result"] == "success" and not chip.level(RELAY)


def test_a_desk_publishes_what_root_changes_also_after_it_was_killed(installed: Room) -> None:
    file = SETTINGS / "desk.toml"
    file.write_text(f'[desk]\nsite = "{SITE}"\n[models]\npack = "registry"\n[broker]\nport = {installed.port}\n')
    install("--desk")
    systemctl("start", desk.name)
    assert desk.active and desk.complaints() == ""
    assert Path(f"/proc/{desk.pid}").owner() == "edge-gate-desk"
    topics = Topics(SITE)
    with closing(
        Connection(Address(HOST, installed.port, keepalive_s=600), [topics.manifest, topics.keys(GATE)])
    ) as heard:
        until(lambda: topics.manifest in {message.topic for message in heard.turn(0.1)})
        desk.signal(signal.SIGKILL)
        edge_gate("gates", "add", GATE, "--into", "/run/bundle")
        until(lambda: topics.keys(GATE) in {message.topic for message in heard.turn(0.1)})


def test_a_gate_that_is_told_to_stop_leaves_no_process_and_no_relay_active(chip: SimChip, installed: Room) -> None:
    """As the guide to wiring stops it; the eyes are part of the gate."""
    made_safe = guard.said(SAFE)
    installed.open("side")
    until(energised)
    press(chip)
    systemctl("stop", gate.name, guard.name)
    assert not chip.level(RELAY) and not energised()
    assert guard.said(SAFE) == made_safe + 1
    assert {(unit["ActiveState"], unit["Result"], unit.pid) for unit in USERS} == {("inactive", "success", 0)}
