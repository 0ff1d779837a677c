"""A whole site in one directory of this machine: one gate's configuration, credentials and simulated door.

For the demonstration, the benchmarks and the tests; what runs in it are the real processes.
"""

import os
import subprocess
import sys
from pathlib import Path

from edge.config import Config, Credentials, load
from edge.seal import new_sealing_key, new_signing_key

RELAY, CONTACT, EXIT_BUTTON, GRANTED, REFUSED = 1, 2, 3, 4, 5
"""Lines of the simulated chip."""
STOP_S = 10.0

TEMPLATE = """\
[gate]
site = "{site}"
name = "{gate}"
state_dir = "{root}/state"
runtime_dir = "{runtime}"
fact_log = true

[models]
pack = "{pack}"
directory = "{models}"

[[camera]]
name = "entrance"
url = "{url}"
door = "main"
zone = {zone}
least_eye_distance_px = {least_px}

[[door]]
name = "main"
chip = "simulated:{root}/chip"
relay = {{ line = 1 }}
contact = {{ line = 2 }}
exit_button = {{ line = 3 }}
lamps = {{ granted = {{ line = 4 }}, refused = {{ line = 5 }} }}
pulse_s = {pulse_s}
hard_limit_s = {hard_limit_s}
held_open_s = 10.0

[access]
cooldown_s = {cooldown_s}

[degraded]
liveness_unavailable = "{liveness_unavailable}"
clock_untrusted = "{clock_untrusted}"

[broker]
host = "127.0.0.1"
port = {broker_port}

[recorder]
database = "{root}/room/events.sqlite"
signing_key = "{root}/credentials/recorder.jwk"
"""

DEFAULTS: dict[str, object] = {
    "site": "demo",
    "gate": "gate-1",
    "pack": "registry",
    "zone": "[0.05, 0.0, 0.95, 1.0]",
    "least_px": 40.0,
    "pulse_s": 2.0,
    "hard_limit_s": 5.0,
    "cooldown_s": 3.0,
    "liveness_unavailable": "second_factor",
    "clock_untrusted": "refuse",
    "broker_port": 1883,
    "url": "rtsp://127.0.0.1:8554/entrance",
}


class Site:
    """Writes the files of a site into `root`; keyword arguments replace `DEFAULTS`.

    A Unix socket's path must be short, so the runtime directory may lie elsewhere (`runtime`).
    """

    def __init__(self, root: Path, models: Path, **values: object) -> None:
        self.root = root.resolve()
        runtime = values.pop("runtime", self.root / "run")
        fields = {**DEFAULTS, **values, "root": self.root, "runtime": runtime, "models": models.resolve()}
        self.file = self.root / "gate.toml"
        self.secrets = self.root / "credentials"
        for folder in (self.secrets, self.root / "room", self.root / "state"):
            folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(TEMPLATE.format(**fields))
        self._keys()

    @property
    def chip(self) -> Path:
        return self.root / "chip"

    @property
    def config(self) -> Config:
        return load(self.file)

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.secrets)

    def command(self, *arguments: str) -> list[str]:
        """The command line of an `edge-gate` subcommand for this site."""
        common = ["--config", str(self.file), "--credentials", str(self.secrets)]
        return [sys.executable, "-m", "edge.cli", *arguments, *common]

    def start(self, *arguments: str, log: str) -> "subprocess.Popen[bytes]":
        """Start a subcommand in the background; its output goes to `root/log`."""
        with (self.root / log).open("ab") as file:
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            return subprocess.Popen(self.command(*arguments), stdout=file, stderr=file, env=environment)

    def _keys(self) -> None:
        if not (self.secrets / "whitelist.key").exists():
            new_sealing_key(self.secrets / "whitelist.key")
            new_signing_key(self.secrets / "recorder.jwk")


def end(process: "subprocess.Popen[bytes]") -> None:
    """Tell a process to end, and make it when it does not."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
