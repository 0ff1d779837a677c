"""A whole site on this machine: a desk, a broker with TLS and an access list, and gate processes, in one directory.

What runs are the real processes, provisioned as `edge-gate gates add` does it; only the people are synthetic. For
`edge-gate site run`, the measurements, the campaign and the tests.
"""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from edge import certificates, provision
from edge.authority import OFFICE
from edge.config import Config, Credentials, DeskConfig, load_desk
from edge.enrolled import Consent
from edge.errors import EdgeError
from edge.matcher import Vector
from edge.models import manifest
from edge.mqtt import Address
from edge.office import Office
from edge.seal import Seal, new_sealing_key
from edge.signet import DESK_KEY, new_signing_pair, write_pair
from edge.simulate import HOST, Server
from edge.site import Site, end
from edge.whitelist import KEY, Whitelist

SITE, PACK = "site", "zoo"
TEMPLATES = 3
CONSENT = Consent("synthetic", "measurement", date.today() + timedelta(days=365))

DESK = """\
[desk]
site = "{site}"
state_dir = "{root}/state"

[models]
pack = "{pack}"

[broker]
host = "{host}"
port = {port}
ca_file = "{root}/broker/ca.crt"
certificate_file = "{root}/broker/desk.crt"
key_credential = "broker.key"
"""
WORKSTATION = """\
[workstation]
site = "{site}"
name = "{name}"

[models]
pack = "{pack}"
directory = "{models}"
"""
BROKER_TABLE = """
[broker]
host = "{host}"
port = {port}
"""
TLS = """\
ca_file = "{secrets}/ca.crt"
certificate_file = "{secrets}/gate.crt"
key_credential = "broker.key"
"""
BROKER = """\
listener {port} {host}
user {user}
cafile {root}/ca.crt
certfile {root}/server.crt
keyfile {root}/broker.key
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {root}/acl
persistence true
persistence_location {root}/
autosave_interval 1
max_inflight_messages 200
max_queued_messages 10000
message_size_limit 262144
set_tcp_nodelay true
"""


class TlsBroker(Server):
    """mosquitto as a building has it: TLS, a certificate for everybody, an access list, limits."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self._mosquitto = shutil.which("mosquitto", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
        if not self._mosquitto:
            raise EdgeError("the whitelist is measured with mosquitto", "install it: apt install mosquitto")

    def command(self, directory: Path) -> list[str]:
        settings = BROKER.format(port=self.port, host=HOST, root=self.root, user=getpass.getuser())
        if (revoked := self.root.parent / "credentials/revoked.crl").exists():
            settings += f"crlfile {revoked}\n"
        (self.root / "mosquitto.conf").write_text(settings)
        return [str(self._mosquitto), "-c", str(self.root / "mosquitto.conf")]


class Town:
    """Everything in `root`, where a site that was made before goes on; `close` ends what was started."""

    def __init__(self, root: Path, models: Path, gates: list[str], workstations: Sequence[str] = ()) -> None:
        self.root, self.models = root.resolve(), models
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        if not (self.root / "credentials" / KEY).exists():
            self._credentials()
        self.broker = TlsBroker(self.root / "broker")
        text = DESK.format(site=SITE, pack=PACK, root=self.root, host=HOST, port=self.broker.port)
        (self.root / "desk.toml").write_text(text)
        self.sites = {name: self._gate(name) for name in gates}
        for name in workstations:
            self._workstation(name)
        access = [provision.access(SITE, name) for name in gates]
        access += [provision.workstation_access(SITE, name) for name in workstations]
        watch = "user watch\ntopic read edge/v1/#\n"
        (self.root / "broker/acl").write_text("\n".join([provision.desk_access(SITE, "desk"), watch, *access]))

    def _credentials(self) -> None:
        secrets, broker = self.root / "credentials", self.root / "broker"
        broker.mkdir(parents=True)
        new_sealing_key(secrets / KEY)
        write_pair(secrets / DESK_KEY, new_signing_pair())
        certificates.authority(secrets)
        certificates.certificate(secrets, "broker", broker, "server.crt", HOST)
        for name, folder in (("desk", self.root / "desk"), ("watch", self.root / "watch")):
            folder.mkdir()
            certificates.certificate(secrets, name, folder, f"{name}.crt")
        shutil.copy(self.root / "desk/desk.crt", broker / "desk.crt")
        shutil.copy(self.root / "desk/broker.key", secrets / "broker.key")

    def _gate(self, name: str) -> Site:
        """A gate as `edge-gate gates add` provisions it."""
        root = self.root / name
        site = Site(
            root, self.models, site=SITE, gate=name, pack=PACK, broker_port=self.broker.port, url="rtsp://127.0.0.1:1/x"
        )
        if not (root / "bundle").exists():
            provision.add(self.office(), self.root / "credentials", SITE, name, root / "bundle")
            for path in (root / "bundle").iterdir():
                shutil.copy(path, root / "state" if path.name == "whitelist.mark" else site.secrets)
        tls = TLS.format(secrets=site.secrets)
        port = f"port = {self.broker.port}\n"
        text = site.file.read_text().replace(port, port + tls).replace("fact_log = true", "fact_log = false")
        site.file.write_text(text + '\n[whitelist]\nsource = "desk"\n')
        return site

    def _workstation(self, name: str) -> None:
        """One as `edge-gate workstations add` provisions it."""
        folder = self.root / name
        if not folder.exists():
            provision.add_workstation(self.office(), self.root / "credentials", SITE, name, folder)
        text = WORKSTATION.format(site=SITE, name=name, pack=PACK, models=self.models)
        text += BROKER_TABLE.format(host=HOST, port=self.broker.port) + TLS.format(secrets=folder)
        (folder / "workstation.toml").write_text(text.replace("gate.crt", "workstation.crt"))

    def at(self, workstation: str) -> list[str]:
        """What has a command ask the desk from a workstation."""
        folder = self.root / workstation
        return ["--config", str(folder / "workstation.toml"), "--credentials", str(folder)]

    @property
    def options(self) -> list[str]:
        """What has a command work on the desk's list."""
        return ["--config", str(self.root / "desk.toml"), "--credentials", str(self.root / "credentials")]

    @property
    def config(self) -> DeskConfig:
        return load_desk(self.root / "desk.toml")

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.root / "credentials")

    def gate_config(self, name: str) -> Config:
        return self.sites[name].config

    def office(self) -> Office:
        state = self.root / "state"
        state.mkdir(exist_ok=True)
        return Office(state / OFFICE, Seal.load(self.root / "credentials" / KEY))

    def people(self) -> Whitelist:
        return Whitelist.of(self.config, self.credentials, write=True)

    def enroll(self, count: int, seed: int = 1) -> None:
        """So many people with templates that nobody has."""
        rng = np.random.default_rng(seed)
        pack = manifest(PACK)
        everybody = ((f"person {number}", synthetic(rng, pack.dimension)) for number in range(count))
        self.people().enroll_all(everybody, CONSENT, pack.id)

    def watch(self) -> Address:
        """Somebody who may read everything."""
        folder = self.root / "watch"
        return Address(
            HOST, self.broker.port, "", "", str(folder / "ca.crt"), str(folder / "watch.crt"), folder / "broker.key"
        )

    def start_desk(self) -> None:
        with (self.root / "desk.log").open("ab") as log:
            command = [sys.executable, "-m", "edge.cli", "desk", "run", *self.options]
            self.processes["desk"] = subprocess.Popen(command, stdout=log, stderr=log)

    def start_gate(self, name: str) -> "subprocess.Popen[bytes]":
        self.processes[name] = self.sites[name].start("run", "--role", "gate", log="gate.log")
        return self.processes[name]

    def tend(self) -> list[str]:
        """Start again what has ended; the names."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            self.start_desk() if name == "desk" else self.start_gate(name)
        return ended

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def close(self) -> None:
        for process in self.processes.values():
            end(process)
        self.processes.clear()
        self.broker.close()


def synthetic(rng: np.random.Generator, dimension: int) -> Vector:
    """Templates of one person: near each other, far from everybody else's."""
    rows = rng.normal(size=dimension) + 0.3 * rng.normal(size=(TEMPLATES, dimension))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
