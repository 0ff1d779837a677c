"""The link to a real broker: why it is down, what it publishes, and whose word prunes."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from edge.broker import Broker
from edge.config import BrokerSection, Config, Credentials, GateSection
from edge.doorevents import RequestToExit
from edge.facts import BrokerReported, Fact
from edge.logfile import Reader
from edge.mqtt import Address, Connection, Lost, Message
from edge.outbox import Outbox
from edge.seal import Signer, load_key, new_signing_key
from edge.simulate import HOST
from edge.terms import Now, Status
from edge.transport import ACK_TYPE, Ack, Backlog, Presence
from tests.adapters.brokers import PASSWORD, USER, Mosquitto, until

pytestmark = pytest.mark.real

PREFIX = "edge/v1/site/gate-1/"


class Gate:
    """An outbox and its link to a broker."""

    def __init__(self, directory: Path, section: BrokerSection) -> None:
        self.facts: list[Fact | Exception] = []
        config = Config(GateSection("site", "gate-1", state_dir=str(directory)), [], [], broker=section)
        self.path = directory / "outbox.sqlite"
        self.outbox = Outbox(self.path, "site", "gate-1", 100_000, 0.8, self.facts.append)
        self.broker = Broker(config, Credentials(directory), self.outbox, self.facts.append)
        self.broker.start()

    def press(self, times: int) -> None:
        for _ in range(times):
            self.outbox.append("door-1", RequestToExit(), Now(time.monotonic(), time.time()))

    def statuses(self) -> list[Status]:
        return [fact.status for fact in self.facts if isinstance(fact, BrokerReported)]

    def close(self) -> None:
        self.broker.close()
        self.outbox.close()


class Room:
    """Somebody who listens to everything, and acknowledges what the test says."""

    def __init__(self, port: int, key: Path) -> None:
        self.heard: list[Message] = []
        self._connection = Connection(Address(HOST, port), ["edge/v1/#"])
        self._signer = Signer(load_key(key), ACK_TYPE)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60.0
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            self.heard += self._connection.turn(0.1)

    def on(self, channel: str) -> list[bytes]:
        return [message.payload for message in self.heard if message.topic == PREFIX + channel]

    def presence(self) -> Presence | None:
        states = self.on("state")
        return msgspec.json.decode(states[-1], type=Presence) if states else None

    def acknowledge(self, ack: Ack, signer: Signer | None = None) -> None:
        token = (signer or self._signer).sign(msgspec.structs.asdict(ack))
        self._connection.publish(Message(PREFIX + "ack", token.encode(), retain=True))


@pytest.fixture
def gate(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Gate]:
    new_signing_key(tmp_path / "recorder.jwk")
    mosquitto.start()
    gate = Gate(tmp_path, BrokerSection(port=mosquitto.port))
    yield gate
    gate.close()


@pytest.fixture
def room(gate: Gate, mosquitto: Mosquitto, tmp_path: Path) -> Room:
    return Room(mosquitto.port, tmp_path / "recorder.jwk")


def test_publishes_events_state_and_health(gate: Gate, room: Room) -> None:
    gate.press(3)
    gate.broker.publish_state({"doors": {}})
    gate.broker.health({"cpu_percent": 12.5})
    room.until(lambda: len(room.on("event")) == 3 and room.on("alarm") and room.on("health"))
    room.until(lambda: (found := room.presence()) and found.gate == {"doors": {}})
    health = msgspec.json.decode(room.on("health")[0])
    assert (health["cpu_percent"], health["outbox"]["recorder_key"]) == (12.5, True)


def test_the_state_is_retained_and_tells_what_is_kept(gate: Gate, mosquitto: Mosquitto, tmp_path: Path) -> None:
    gate.press(3)
    until(lambda: gate.outbox.backlog.last == 4)
    gate.broker.publish_state({})
    late = Room(mosquitto.port, tmp_path / "recorder.jwk")
    late.until(lambda: (found := late.presence()) and found.backlog == Backlog(gate.outbox.backlog.epoch, 1, 4))
    assert late.presence() == Presence("online", gate.outbox.backlog, gate={})


def test_says_goodbye_when_closed(gate: Gate, room: Room) -> None:
    room.until(room.presence)
    gate.close()
    room.until(lambda: room.presence() == Presence("offline"))


def test_a_genuine_acknowledgement_prunes(gate: Gate, room: Room) -> None:
    gate.press(5)
    room.until(lambda: len(room.on("event")) == 5)
    room.acknowledge(_ack(gate, 4))
    until(lambda: gate.outbox.backlog.first == 5)


def _ack(gate: Gate, sequence: int) -> Ack:
    """What a recorder would say; read from a copy of what was sent, as the outbox is the sender's."""
    until(lambda: gate.outbox.backlog.last >= sequence)
    with closing(Reader(gate.path)) as reader:
        row = reader.read(sequence - 1, 1)[0]
    return Ack("site", "gate-1", gate.outbox.backlog.epoch, sequence, row.hash)


FORGED: dict[str, Callable[[Ack], Ack]] = {
    "of another site": lambda ack: msgspec.structs.replace(ack, site="elsewhere"),
    "of another gate": lambda ack: msgspec.structs.replace(ack, gate="gate-2"),
    "with another hash": lambda ack: msgspec.structs.replace(ack, hash="0" * 64),
}


@pytest.mark.parametrize("how", FORGED)
def test_an_acknowledgement_that_does_not_fit_prunes_nothing_and_is_reported(gate: Gate, room: Room, how: str) -> None:
    gate.press(5)
    room.acknowledge(FORGED[how](_ack(gate, 4)))
    until(lambda: any(isinstance(fact, BrokerReported) and "refused" in fact.detail for fact in gate.facts))
    assert gate.outbox.backlog.first == 1
    gate.broker.health({})
    room.until(lambda: room.on("health"))
    assert "refused" in msgspec.json.decode(room.on("health")[-1])["outbox"]["refused_acknowledgement"]


def test_an_acknowledgement_by_another_key_or_for_another_purpose_is_refused(
    gate: Gate, room: Room, tmp_path: Path
) -> None:
    gate.press(5)
    ack = _ack(gate, 4)
    genuine = load_key(tmp_path / "recorder.jwk")
    for signer in (Signer(new_signing_key(tmp_path / "mallory.jwk"), ACK_TYPE), Signer(genuine, "edge-gate-pass+jwt")):
        before = len(gate.facts)
        room.acknowledge(ack, signer)
        until(lambda before=before: len(gate.facts) > before)
    room.acknowledge(msgspec.structs.replace(ack, sequence=2, hash=_ack(gate, 2).hash))
    until(lambda: gate.outbox.backlog.first > 1)
    assert gate.outbox.backlog.first == 3


def test_a_request_to_send_again_is_followed(gate: Gate, room: Room) -> None:
    gate.press(5)
    room.until(lambda: len(room.on("event")) == 5)
    room.acknowledge(msgspec.structs.replace(_ack(gate, 3), resend=True))
    room.until(lambda: len(room.on("event")) == 8)


def test_a_wrong_password_is_told_and_a_right_one_works(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("guess")
    (tmp_path / "right").write_text(PASSWORD + "\n")
    with Mosquitto(password=True) as broker:
        for credential, status in (("wrong", Status.UNAUTHORIZED), ("right", Status.CONNECTED)):
            gate = Gate(tmp_path, BrokerSection(port=broker.port, username=USER, credential=credential))
            until(lambda gate=gate: gate.statuses())
            assert gate.statuses()[0] is status
            gate.close()


def test_a_missing_credential_is_told(tmp_path: Path) -> None:
    gate = Gate(tmp_path, BrokerSection(username=USER, credential="absent"))
    until(gate.statuses)
    gate.close()
    assert gate.statuses() == [Status.UNAUTHORIZED]


@pytest.mark.parametrize(
    ("host", "status"), [(HOST, Status.REFUSED), ("does-not-exist.invalid", Status.UNREACHABLE)], ids=str
)
def test_a_broker_that_is_not_there_is_told_and_tried_again(
    tmp_path: Path, mosquitto: Mosquitto, host: str, status: Status
) -> None:
    gate = Gate(tmp_path, BrokerSection(host=host, port=mosquitto.port))
    until(gate.statuses)
    assert gate.statuses() == [status]
    if host == HOST:
        mosquitto.start()
        until(lambda: gate.statuses()[-1] is Status.CONNECTED)
    gate.close()


def test_a_broker_that_does_not_answer_is_stalled(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mosquitto.start()
    mosquitto.stop()
    gate = Gate(tmp_path, BrokerSection(port=mosquitto.port))
    until(gate.statuses)
    assert gate.statuses() == [Status.STALLED]
    mosquitto.resume()
    until(lambda: gate.statuses()[-1] is Status.CONNECTED)
    gate.close()


def test_a_broker_that_ends_is_told(gate: Gate, mosquitto: Mosquitto) -> None:
    until(gate.statuses)
    mosquitto.kill()
    until(lambda: gate.statuses() == [Status.CONNECTED, Status.ENDED])


def test_without_the_recorders_key_nothing_is_pruned_and_health_says_so(tmp_path: Path, mosquitto: Mosquitto) -> None:
    mosquitto.start()
    new_signing_key(tmp_path / "elsewhere.jwk")
    gate = Gate(tmp_path, BrokerSection(port=mosquitto.port))
    room = Room(mosquitto.port, tmp_path / "elsewhere.jwk")
    gate.press(600)
    room.until(lambda: len(room.on("event")) == 600)
    gate.broker.health({})
    room.until(lambda: room.on("health"))
    gate.close()
    assert msgspec.json.decode(room.on("health")[0])["outbox"]["recorder_key"] is False
    assert gate.outbox.backlog.first == 1


def test_a_topic_that_is_no_text_ends_the_connection_and_nobody_else() -> None:
    welcome, published = b"\x20\x02\x00\x00", b"\x30\x05\x00\x02\xff\xfex"
    with socket.create_server((HOST, 0)) as broker:
        place = Address(HOST, broker.getsockname()[1])
        answering = Thread(target=_answer, args=(broker, welcome + published))
        answering.start()
        with pytest.raises(Lost, match="a topic that is no UTF-8") as lost:
            Connection(place, ["edge/v1/#"]).turn(10.0)
        answering.join()
    assert lost.value.status is Status.ENDED


def _answer(broker: socket.socket, packets: bytes) -> None:
    """Say this to whoever connects, and wait until they go."""
    link, _ = broker.accept()
    with link, suppress(ConnectionResetError):
        link.sendall(packets)
        while link.recv(1024):
            pass
