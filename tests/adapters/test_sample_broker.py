"""config/mosquitto.conf in a real mosquitto: as it stands, and with what its comments offer switched on."""

import getpass
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.simulate import HOST
from tests.adapters.brokers import Mosquitto, until
from tests.conftest import ROOT

pytestmark = pytest.mark.real

SAMPLE = (ROOT / "config" / "mosquitto.conf").read_text()
PASSWORD = "correct horse"


class Sample(Mosquitto):
    """The sample as Debian has it: included by the main file, which has settings of its own."""

    def __init__(self, folder: Path, text: str) -> None:
        super().__init__()
        self.folder, self._text = folder, text

    def prepare(self, directory: Path) -> None:
        parts = directory / "conf.d"
        parts.mkdir(exist_ok=True)
        main = f"persistence true\npersistence_location {directory}/\nuser {getpass.getuser()}\ninclude_dir {parts}\n"
        (directory / "mosquitto.conf").write_text(main)
        (parts / "edge-gate.conf").write_text(self._text.replace("PORT", str(self.port)))

    def account(self, name: str) -> None:
        accounts = self.folder / "edge-gate.accounts"
        create = [] if accounts.exists() else ["-c"]
        subprocess.run([str(self._passwd), "-b", *create, str(accounts), name, PASSWORD], check=True)


class Member:
    """A client and what it has heard."""

    def __init__(self, broker: Sample, name: str = "", password: str = PASSWORD) -> None:
        self.heard: list[str] = []
        self.answer: ReasonCode | None = None
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = self._connected
        self.client.on_message = lambda _client, _data, message: self.heard.append(message.topic)
        if name:
            self.client.username_pw_set(name, password)
            self.client.tls_set(ca_certs=str(broker.folder / "broker.crt"), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.client.connect(HOST, broker.port)
        self.client.loop_start()
        until(lambda: self.answer is not None)

    def say(self, topic: str) -> None:
        self.client.publish(topic, b"x", qos=1).wait_for_publish(10)

    def hear(self, topic: str) -> None:
        granted: list[object] = []
        self.client.on_subscribe = lambda *_: granted.append(True)
        self.client.subscribe(topic, 1)
        until(lambda: granted)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _connected(self, _client: object, _data: object, _flags: object, answer: ReasonCode, _more: object) -> None:
        self.answer = answer


def certificate(folder: Path) -> None:
    """A key and a certificate for this host, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "broker.crt").write_bytes(made.public_bytes(encoding))
    (folder / "broker.key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


def for_a_network(folder: Path) -> str:
    """The sample with its second listener instead of the first, and its access list as a file."""
    rules = re.findall(r"^#     ((?:user|topic) .+)$", SAMPLE, re.MULTILINE)
    (folder / "edge-gate.acl").write_text("\n".join(rules) + "\n")
    text = re.sub(r"^(listener|allow_anonymous)", r"# off: \1", SAMPLE, flags=re.MULTILINE)
    offered = r"^# (listener 8883|allow_anonymous false|certfile .*|keyfile .*|password_file .*|acl_file .*)$"
    text = re.sub(offered, r"\1", text, flags=re.MULTILINE)
    return re.sub(r"/etc/mosquitto/(certs/)?", f"{folder}/", text).replace("listener 8883", f"listener PORT {HOST}")


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Sample]:
    with closing(Sample(tmp_path, SAMPLE.replace("listener 1883", "listener PORT"))) as broker:
        broker.start()
        yield broker


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Sample]:
    certificate(tmp_path)
    with closing(Sample(tmp_path, for_a_network(tmp_path))) as broker:
        for name in ("lobby", "recorder"):
            broker.account(name)
        broker.start()
        yield broker


def test_as_it_stands_programs_of_its_machine_may_use_it(plain: Sample) -> None:
    with closing(Member(plain)) as member:
        member.hear("a")
        member.say("a")
        until(lambda: member.heard == ["a"])


def test_for_a_network_each_says_and_hears_only_what_is_its_own(guarded: Sample) -> None:
    own = "edge/v1/headquarters/lobby"
    with closing(Member(guarded, "lobby")) as gate, closing(Member(guarded, "recorder")) as recorder:
        recorder.hear("edge/v1/#")
        gate.hear(f"{own}/ack")
        for topic in (f"{own}/event", "edge/v1/headquarters/other/event", f"{own}/state"):
            gate.say(topic)
        for topic in (f"{own}/event", f"{own}/ack"):
            recorder.say(topic)
        until(lambda: gate.heard == [f"{own}/ack"])
        until(lambda: f"{own}/ack" in recorder.heard)
        assert recorder.heard == [f"{own}/event", f"{own}/state", f"{own}/ack"]


def test_for_a_network_a_wrong_password_is_refused(guarded: Sample) -> None:
    with closing(Member(guarded, "lobby", "wrong")) as stranger:
        assert stranger.answer
        assert stranger.answer.is_failure
