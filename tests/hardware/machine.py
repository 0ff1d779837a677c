"""The guest as a machine that a gate is installed on: what an installer does there, and what systemd says."""

import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.conftest import ROOT
from tests.hardware.conftest import until

SETTINGS = Path("/etc/edge-gate")
CREDENTIALS = SETTINGS / "credentials"
UNITS = Path("/etc/systemd/system")
CLONE, VENV = Path("/srv/edge-gate"), Path("/srv/venv")
PROGRAM = f"""\
#!{VENV}/bin/python -I
from edge.__main__ import main
main()
"""


def done(*command: object) -> str:
    """Run a command that must succeed; what it printed."""
    ended = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def python_for_units() -> None:
    """An environment of the system's Python with this clone and its packages, at a place that units may see.

    They see no home and no /tmp, and the clone or its Python may lie in one.
    """
    CLONE.mkdir()
    done("mount", "--bind", ROOT, CLONE)
    done("/usr/bin/python3", "-m", "venv", "--without-pip", VENV)
    (packages,) = VENV.glob("lib/python*/site-packages")
    theirs = Path(sysconfig.get_path("purelib")).relative_to(ROOT)
    (packages / "clone.pth").write_text(f"{CLONE}\n{CLONE / theirs}\n")
    program = VENV / "bin" / "edge-gate"
    program.write_text(PROGRAM)
    program.chmod(0o755)


def install(*options: object) -> str:
    """As the guide says it, with that environment and the models of this clone."""
    return done("sh", ROOT / "scripts/install", "--venv", VENV, "--from", ROOT / "var/models", *options)


def edge_gate(*words: object) -> str:
    return done(sys.executable, "-m", "edge.cli", *words)


def systemctl(*words: str) -> None:
    done("systemctl", *words)


class Unit:
    """A unit of systemd's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, key: str) -> str:
        """A property, as `systemctl show` prints it."""
        return done("systemctl", "show", f"--property={key}", "--value", self.name).strip()

    @property
    def active(self) -> bool:
        return self["ActiveState"] == "active"

    @property
    def pid(self) -> int:
        """Of its main process; 0 without one."""
        return int(self["MainPID"])

    @property
    def restarts(self) -> int:
        """How often it was started again since it was started by hand."""
        return int(self["NRestarts"])

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def status(self) -> dict[str, str]:
        """What the kernel says of its process (proc(5))."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def secrets(self) -> dict[str, tuple[str, int]]:
        """The credentials that systemd loaded for it: whose each file is, and its mode."""
        files = Path("/run/credentials", self.name).glob("*")
        return {path.name: (path.owner(), path.stat().st_mode & 0o777) for path in files}

    def said(self, line: str) -> int:
        """How often one of its processes wrote this line."""
        lines = done("journalctl", "--quiet", "--boot", "--output=cat", f"--unit={self.name}").splitlines()
        return lines.count(line)

    def complaints(self) -> str:
        """What systemd found wrong with it so far."""
        return done("journalctl", "--quiet", "--boot", "--priority=warning", "_PID=1", f"UNIT={self.name}")

    def drop_in(self, name: str, text: str) -> None:
        """As `systemctl edit` does it, before the next `daemon-reload`."""
        path = UNITS / f"{self.name}.d" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def until_again(self, restarts: int) -> None:
        """Wait until it was started again, once, and is active."""
        until(lambda: self.active and self.restarts == restarts + 1)
