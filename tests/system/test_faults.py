"""Stories of a gate among broken things: what it says, that it stays in service, and that no event is lost."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from edge.doorevents import DoorForcedOpen, DoorPhysicalStateChanged, RequestToExit
from edge.eventlog import EventLog, Pending, system_time
from edge.events import BrokerFault, CameraFault, EpochStarted, GateStarted, StorageFault
from edge.room import Room
from edge.simulate import DemoBroker
from edge.site import CONTACT
from edge.terms import Status
from edge.transport import Envelope
from monitor.ledger import Ledger
from tests.adapters import brokers, rtsp
from tests.adapters.brokers import Mosquitto
from tests.conftest import need
from tests.system.conftest import NewHouse
from tests.system.house import House, recorded, wait

pytestmark = pytest.mark.real

WRONG = "wr0ng-p@ssword"
PAGE = 4096


@pytest.mark.slow
def test_a_wrong_camera_password_is_an_alarm_that_names_no_password(house: NewHouse, tmp_path: Path) -> None:
    rtsp.need_gstreamer()
    clip = rtsp.make_clip(tmp_path / "clip.h264")
    with rtsp.RtspServer(clip, user="door", password="right") as server:
        gate = house(url=server.url, camera='username = "door"\ncredential = "camera.password"')
        (gate.site.secrets / "camera.password").write_text(WRONG)
        gate.start("relay", "gate", "eye")
        wait(lambda: gate.events(CameraFault))
        fault = gate.events(CameraFault)[0]
        assert (fault.subject, fault.data["active"], fault.data["status"]) == ("camera/entrance", True, "unauthorized")
        command = Path(f"/proc/{gate.processes['eye'].pid}/cmdline").read_bytes().decode()
        kept = b"".join(path.read_bytes() for path in gate.site.config.state.iterdir())
        for text in (command, gate.logs(), kept.decode(errors="replace")):
            assert "wr0ng" not in text and "rtsp://" not in text
        (gate.site.secrets / "camera.password").write_text("right")
        gate.kill("eye")
        gate.start("eye")
        wait(lambda: [each["status"] for each in gate.facts("CameraReported")][-1:] == ["streaming"])
        wait(lambda: len(gate.events(CameraFault)) > 1 and not gate.events(CameraFault)[-1].data["active"])


@pytest.mark.slow
def test_a_broker_that_refuses_is_told_and_gets_everything_once_it_does_not(house: NewHouse) -> None:
    with closing(Mosquitto(password=True)) as broker:
        broker.start()
        gate = house(broker_port=broker.port, broker=f'username = "{brokers.USER}"\ncredential = "broker.password"')
        password = gate.site.secrets / "broker.password"
        password.write_text(WRONG)
        gate.start("relay", "gate")
        wait(lambda: gate.events(BrokerFault))
        assert gate.events(BrokerFault)[0].data["status"] == Status.UNAUTHORIZED
        gate.press_exit()
        password.write_text(brokers.PASSWORD)
        gate.start("record")
        room = Room(Path(gate.site.config.recorder.database))
        assert room.wait(lambda room: [seen.data["active"] for seen in room.of(BrokerFault)] == [True, False], 60.0)
        assert_whole(gate, room)
        assert len(room.of(GateStarted)) == len(room.of(RequestToExit)) == 1
        assert WRONG not in gate.logs()


@pytest.fixture(params=["mosquitto", "amqtt"])
def forgetful(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoBroker]:
    """Either broker of the demonstration, both without a memory."""
    if request.param == "amqtt":
        monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with DemoBroker() as broker:
        need(broker.kind == request.param, request.param)
        yield broker


class Draught(threading.Thread):
    """Opens and shuts the door as often as a contact may that is not broken: four events each time."""

    def __init__(self, gate: House) -> None:
        super().__init__(daemon=True)
        self._gate, self._over, self.times = gate, threading.Event(), 0

    def run(self) -> None:
        while not self._over.is_set():
            for value in (1, 0):
                self._gate.line(CONTACT, value)
                self._over.wait(0.4)
            self.times += 1

    def end(self) -> None:
        self._over.set()
        self.join()


def openings(gate: House) -> int:
    """How often the gate read that the door was opened; a busy machine may pass one over."""
    read = [fact["active"] for fact in gate.facts("InputChanged") if fact["input"] == "contact"]
    return sum(read) if read[-1:] == [False] else 0


@pytest.mark.slow
def test_a_broker_that_dies_in_mid_publish_delays_events_and_loses_none(house: NewHouse, forgetful: DemoBroker) -> None:
    gate = house(broker_port=forgetful.port)
    gate.start("record", "relay", "gate")
    room = Room(Path(gate.site.config.recorder.database))
    assert room.wait(lambda room: bool(room.of(GateStarted)), 60.0)
    draught = Draught(gate)
    draught.start()
    for _ in range(2):
        had = len(room.events)
        assert room.wait(lambda room, had=had: len(room.events) > had + 8, 60.0)
        forgetful.kill()
        times = draught.times
        wait(lambda times=times: draught.times > times + 3)
        forgetful.start()
    draught.end()
    assert room.wait(lambda room: len(room.of(DoorForcedOpen)) == 2 * openings(gate) > 6, 60.0)
    gate.stop("gate")  # it delivers what is left, and says goodbye
    assert_whole(gate, room)
    opened = [seen.data["state"] for seen in room.of(DoorPhysicalStateChanged)]
    assert all(state != after for state, after in pairwise(opened)), "no change of the door is missing between two"
    assert opened.count("Open") == len([seen for seen in room.of(DoorForcedOpen) if seen.data["active"]])


@pytest.mark.slow
def test_a_full_disk_neither_ends_a_gate_nor_keeps_anybody_inside(house: NewHouse) -> None:
    """The kernel refuses every byte that the gate would add to a file; who is inside gets out, every time."""
    gate = house()
    gate.start("relay", "gate")
    wait(lambda: gate.events(GateStarted))
    gate.press_exit()
    wait(lambda: gate.events(RequestToExit))
    pid, log = gate.processes["gate"].pid, gate.site.config.state / "facts.jsonl"
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 50, resource.RLIM_INFINITY))
    wait(lambda: "the fact log" in gate.logs())
    for _ in range(3):
        gate.press_exit()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    wait(lambda: len(gate.events(RequestToExit)) >= 4)
    wait(lambda: [fault.data["active"] for fault in gate.events(StorageFault)] == [True, False])
    assert gate.processes["gate"].poll() is None
    assert gate.logs().count("the fact log") == 1 and "Traceback" not in gate.logs()


def assert_whole(gate: House, room: Room) -> None:
    """The room has every event of the gate once, in order, in one chain; the gate's log agrees."""
    wait(lambda: room.news() is not None and _last(room) >= max((int(e.sequence) for e in gate.events()), default=0))
    assert [seen.sequence for seen in room.events] == list(range(1, len(room.events) + 1))
    with closing(Ledger(Path(gate.site.config.recorder.database))) as ledger:
        assert ledger.problems() == []
        assert ledger.verify()


def _last(room: Room) -> int:
    return room.events[-1].sequence if room.events else 0


@pytest.mark.slow
def test_what_can_be_read_of_a_damaged_event_log_still_reaches_the_room(house: NewHouse) -> None:
    with DemoBroker() as broker:
        gate = house(broker_port=broker.port)
        before = fill(gate.outbox, 200)
        with gate.outbox.open("r+b") as file:
            file.seek(10 * PAGE)
            file.write(os.urandom(PAGE))
        gate.start("record", "relay", "gate")
        room = Room(Path(gate.site.config.recorder.database))
        assert room.wait(lambda room: bool(room.of(GateStarted)), 60.0)
        begun = room.of(EpochStarted)[0]
        assert begun.epoch != before[0].epoch
        assert str(begun.data["reason"]).startswith("corruption") and "carried over" in str(begun.data["reason"])
        carried = [seen.time for seen in room.of(RequestToExit)]
        whole = [event.time for event in before if event.type.endswith("RequestToExit")]
        assert 200 - PAGE // 400 <= len(carried) < 200
        assert carried == [time for time in whole if time in set(carried)], "in their order, each once"
        assert list(gate.outbox.parent.glob("outbox.sqlite.before-*")), "the damaged file is kept"
        gate.press_exit()


def fill(path: Path, number: int) -> list[Envelope]:
    """A log as an earlier run of the gate leaves it, with exit requests a second apart."""
    log, now = EventLog(path, "demo", "gate-1"), system_time()
    log.append(
        Pending("door/main", RequestToExit(), msgspec.structs.replace(now, utc=now.utc - number + n))
        for n in range(number)
    )
    log.close()
    return recorded(path)
