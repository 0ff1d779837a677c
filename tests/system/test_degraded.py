"""Every degraded mode that a process, a file or a wire can cause, caused; and commands, in a whole gate."""

import contextlib
import resource
import sqlite3
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge import models
from edge.doorevents import AccessDenied, AccessGranted, DoorFault
from edge.enrolled import Applicant, Consent, Edit
from edge.events import ClockFault
from edge.mqtt import Address, Connection
from edge.reader import ReaderLink
from edge.seal import load_secret, new_sealing_key, new_signing_key
from edge.simulate import HOST, DemoBroker, RtspServer
from edge.town import SITE, Town
from edge.transport import Channel, Presence, topic
from edge.whitelist import Whitelist
from tests.commands import answer, run
from tests.system.conftest import NewHouse
from tests.system.house import PACK, STORE, House, wait

pytestmark = pytest.mark.real

TAMPER, FIRE = 6, 7
READER = '\n[[reader]]\nname = "pad"\ndoor = "main"\nkey_credential = "reader.key"\n'


class Told:
    """What the room hears of the gate's state."""

    def __init__(self, room: int | Connection) -> None:
        where = ["edge/v1/demo/gate-1/state"]
        self._connection = room if isinstance(room, Connection) else Connection(Address(HOST, room), where)
        self.presence = Presence("offline")

    def degraded(self) -> set[str]:
        for message in self._connection.turn(0.05):
            self.presence = msgspec.json.decode(message.payload, type=Presence)
        rows = self.presence.gate.get("degraded", {})
        assert isinstance(rows, dict)
        return set(rows) - {"clock_untrusted"}  # that is as it is on the machine of the test


class Outage:
    """A row begins with its cause and ends with its cure; the exit button opens throughout, and nothing else does."""

    def __init__(self, gate: House, told: Told) -> None:
        self.gate, self.told, self.pressed = gate, told, 0

    def lasts(self, row: str, seconds: float = 60.0) -> None:
        wait(lambda: row in self.told.degraded(), seconds)
        self.press()

    def over(self, row: str, seconds: float = 60.0) -> None:
        wait(lambda: row not in self.told.degraded(), seconds)
        self.press()

    def press(self) -> None:
        self.gate.press_exit()
        self.pressed += 1
        assert len(self.gate.watch.opened) == self.pressed


@pytest.fixture
def broker() -> Iterator[DemoBroker]:
    with DemoBroker() as running:
        yield running


@pytest.fixture
def gate(house: NewHouse, camera: RtspServer, broker: DemoBroker, film: object) -> House:
    gate = house(url=camera.url(film), broker_port=broker.port)  # type: ignore[arg-type]
    lines = f"exit_button = {{ line = 3 }}\ntamper = {{ line = {TAMPER} }}\nfire = {{ line = {FIRE} }}"
    lines += "\nchatter_within_s = 30.0"
    more = '\n[[operator]]\nname = "room"\ncredential = "operator.pub"\n'
    gate.site.file.write_text(gate.site.file.read_text().replace("exit_button = { line = 3 }", lines) + more)
    new_signing_key(gate.site.secrets / "operator.jwk")
    return gate


def somebody(gate: House) -> None:
    """Enrol a person who never comes."""
    face = np.random.default_rng(0).normal(size=(1, models.manifest(PACK).dimension)).astype(np.float32)
    gate.enroll(face / np.linalg.norm(face))


@pytest.mark.slow
def test_each_mode_is_published_while_its_cause_lasts_and_the_exit_button_opens(
    gate: House, camera: RtspServer, broker: DemoBroker
) -> None:
    gate.site.file.write_text(gate.site.file.read_text().replace("fact_log = true", "fact_log = false"))
    gate.start("relay", "gate", "eye")
    told = Told(broker.port)
    outage = Outage(gate, told)
    wait(lambda: "whitelist_unusable" in told.degraded())
    somebody(gate)
    wait(lambda: told.degraded() == {"liveness_unavailable"})
    for role, row in (("eye", "vision_failed"), ("relay", "relay_failed")):
        gate.kill(role)
        if role == "relay":
            wait(lambda: "relay_failed" in told.degraded())
        else:
            outage.lasts(row)
        gate.start(role)
        outage.over(row)
    camera.stop()
    outage.lasts("camera_lost")
    camera.resume()
    outage.over("camera_lost")
    people = gate.site.config.state / "whitelist.sqlite"
    kept = people.read_bytes()
    people.write_bytes(b"broken" * 1000)
    outage.lasts("whitelist_unusable")
    people.write_bytes(kept)
    outage.over("whitelist_unusable")
    for line, row in ((TAMPER, "tamper"), (FIRE, "fire")):
        gate.line(line, 1)
        outage.lasts(row)
        gate.line(line, 0)
        outage.over(row)
    _chatters(gate, outage)
    _disk_full(gate, outage)


def _chatters(gate: House, outage: Outage) -> None:
    """The housing's contact goes on and off until that is a fault, and is then left alone."""
    opened = False
    while "inputs_chatter" not in outage.told.degraded():
        opened = not opened
        gate.line(TAMPER, opened)
        wait(lambda opened=opened: _follows(outage.told.degraded(), opened))
    outage.press()
    gate.line(TAMPER, 0)
    outage.over("inputs_chatter")


def _follows(rows: set[str], opened: bool) -> bool:
    return "inputs_chatter" in rows or ("tamper" in rows) is opened


def _disk_full(gate: House, outage: Outage) -> None:
    """The gate's process may not make any file larger, which its disk is to it then."""
    process = gate.processes["gate"].pid
    limits = resource.prlimit(process, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    outage.press()
    outage.lasts("storage_slow")
    resource.prlimit(process, resource.RLIMIT_FSIZE, limits)
    outage.over("storage_slow")


@pytest.mark.parametrize("choice", ["accept", "refuse"])
def test_a_disk_that_takes_nothing_in_time_is_a_mode_and_a_grant_follows_its_choice(
    gate: House, broker: DemoBroker, choice: str
) -> None:
    """Its file is locked by another process, so a record waits until that lets go, as on a card that stalls."""
    text = gate.site.file.read_text().replace("[degraded]", f'[degraded]\nstorage_slow = "{choice}"')
    gate.site.file.write_text(text.replace("relay =", 'opens_with = ["card"]\nrelay =', 1) + READER)
    new_sealing_key(gate.site.secrets / "reader.key")
    people = Whitelist.of(gate.site.config, gate.site.credentials, write=True)
    somebody = Applicant("Ann", Consent("form", "card", date.today() + timedelta(days=2)))
    people.edit(people.admit_faceless(somebody, PACK).id, Edit(card="4711"))
    gate.start("relay", "gate")
    told = Told(broker.port)
    wait(lambda: told.degraded() == {"vision_failed", "liveness_unavailable"})
    outage = Outage(gate, told)
    pad = ReaderLink(Address(HOST, broker.port), "demo", "gate-1", "pad", load_secret(gate.site.secrets / "reader.key"))
    with contextlib.closing(sqlite3.connect(gate.outbox, isolation_level=None)) as other, contextlib.closing(pad):
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        pad.show(card="4711")
        if choice == "accept":
            wait(lambda: gate.watch.opened)
            assert gate.watch.opened.pop() - begun >= 0.25, "without its record, which it waited for"
        outage.lasts("storage_slow")
        other.execute("ROLLBACK")
        outage.over("storage_slow")
    wait(lambda: gate.events(AccessDenied if choice == "refuse" else AccessGranted))
    assert [each.data["reason"] for each in gate.events(AccessDenied)] == ["NotRecorded"] * (choice == "refuse")


@pytest.mark.timed  # its list is good for three seconds
def test_a_desk_that_falls_silent_makes_its_list_stale_until_it_is_back(tmp_path: Path) -> None:
    with contextlib.closing(Town(tmp_path, STORE, ["north"])) as town:
        desk = tmp_path / "desk.toml"
        desk.write_text(desk.read_text().replace('state_dir = "', 'renew_every_s = 1.0\nvalid_s = 3.0\nstate_dir = "'))
        town.enroll(1)
        town.broker.start()
        town.start_desk()
        town.start_gate("north")
        with contextlib.closing(Connection(town.watch(), [topic(SITE, "north", Channel.STATE)])) as room:
            told = Told(room)
            rows = {"whitelist_stale", "whitelist_unusable"}
            wait(lambda: not told.degraded() & rows and told.presence.gate, 60)
            town.kill("desk")
            wait(lambda: told.degraded() & rows == {"whitelist_stale"})
            town.start_desk()
            wait(lambda: not told.degraded() & rows)


def test_a_broker_that_goes_and_comes_moves_nothing_and_interrupts_nothing(gate: House, broker: DemoBroker) -> None:
    gate.start("relay", "gate")
    told = Told(broker.port)
    wait(lambda: "liveness_unavailable" in told.degraded())
    outage = Outage(gate, told)
    broker.kill()
    outage.press()
    wait(lambda: any(fact["status"] == "refused" for fact in gate.facts("BrokerReported")))
    outage.press()
    broker.start()
    told = Told(broker.port)
    wait(lambda: "liveness_unavailable" in told.degraded() and "broker_lost" not in told.degraded())
    outage.press()
    assert gate.events(ClockFault) == [] or len(gate.events(ClockFault)) == 1


def test_the_room_opens_and_locks_down_a_door_by_command(gate: House, broker: DemoBroker) -> None:
    gate.start("relay", "gate")
    told = Told(broker.port)
    wait(lambda: "liveness_unavailable" in told.degraded())
    common = ["--operator", "room", "--config", gate.site.file, "--credentials", gate.site.secrets]
    assert answer("command", "open", "--gate", "gate-1", "--door", "main", *common)["accepted"] is True
    wait(lambda: len(gate.watch.opened) == 1)
    assert answer("command", "lock-down", *common)["accepted"] is True
    refused = answer("command", "open", *common, status=1)
    assert (refused["accepted"], refused["why"]) == (False, "the door is locked down; release it first")
    assert run("command", "release", *common).returncode == 0
    assert "no door back here" in answer("command", "open", "--door", "back", *common, status=1)["why"]
    assert len(gate.watch.opened) == 1


def test_a_gate_that_is_killed_comes_back_locked_down(gate: House, broker: DemoBroker) -> None:
    gate.start("relay", "gate")
    common = ["--operator", "room", "--config", gate.site.file, "--credentials", gate.site.secrets]
    told = Told(broker.port)
    wait(lambda: told.degraded() and told.presence.commands)
    before = told.presence.commands
    assert answer("command", "lock-down", *common)["accepted"] is True
    wait((gate.site.config.state / "orders.json").is_file)
    gate.kill("gate")
    gate.start("gate")
    wait(lambda: told.degraded() and (now := told.presence.commands) and before and now.challenge != before.challenge)
    refused = answer("command", "open", *common, status=1)
    assert (refused["accepted"], refused["why"]) == (False, "the door is locked down; release it first")
    gate.press_exit()
    assert answer("command", "release", *common)["accepted"] is True
    wait(lambda: not gate.released)
    assert answer("command", "open", *common)["accepted"] is True


def test_a_gate_that_cannot_read_its_orders_is_locked_down_until_the_room_releases_it(
    gate: House, broker: DemoBroker
) -> None:
    orders = gate.site.config.state / "orders.json"
    orders.write_text('{"at": 1.0, "doors": {"main": {"locked_do')
    gate.start("relay", "gate")
    told = Told(broker.port)
    outage = Outage(gate, told)
    outage.lasts("orders_unreadable")
    common = ["--operator", "room", "--config", gate.site.file, "--credentials", gate.site.secrets]
    refused = answer("command", "open", *common, status=1)
    assert (refused["accepted"], refused["why"]) == (False, "the door is locked down; release it first")
    [fault] = [each.data for each in gate.events(DoorFault) if each.data["source"] == "orders"]
    assert fault["active"] and f"{orders} is no list of orders" in str(fault["detail"])
    assert answer("command", "release", *common)["accepted"] is True
    outage.over("orders_unreadable")
    wait(lambda: not gate.released)
    assert answer("command", "open", *common)["accepted"] is True
    wait(lambda: b"locked" not in orders.read_bytes())
