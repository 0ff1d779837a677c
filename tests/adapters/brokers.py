"""Real mosquitto processes for tests: on a free port, without persistence, so that killing one erases its memory."""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from edge.simulate import HOST, Server
from tests.conftest import need

PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin"
USER, PASSWORD = "gate", "correct horse"


class Mosquitto(Server):
    """mosquitto; with `password`, only USER with PASSWORD may connect."""

    def __init__(self, password: bool = False) -> None:
        super().__init__()
        self._password = password
        self._mosquitto, self._passwd = (shutil.which(name, path=PATH) for name in ("mosquitto", "mosquitto_passwd"))
        need(self._mosquitto and self._passwd, "mosquitto")

    def prepare(self, directory: Path) -> None:
        lines = [f"listener {self.port} {HOST}", "persistence false", f"user {getpass.getuser()}"]
        if self._password:
            accounts = directory / "accounts"
            subprocess.run([str(self._passwd), "-b", "-c", str(accounts), USER, PASSWORD], check=True)
            lines.append(f"password_file {accounts}")
        lines.append(f"allow_anonymous {str(not self._password).lower()}")
        (directory / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def command(self, directory: Path) -> list[str]:
        return [str(self._mosquitto), "-c", str(directory / "mosquitto.conf")]


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until the condition holds; fail when it never does."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
