"""A monitoring room to try: a broker, `edge-gate monitor` and simulated gates on this machine, in one directory."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.config import BrokerSection
from edge.simulate import HOST, DemoBroker, Server
from edge.traffic import SimulatedSite

PEOPLE = {"li": "operator", "wang": "operator", "zhao": "guard", "chief": "supervisor"}
"""Two operators, since a second look is for another person than the one who mended."""
SETTINGS = """\
[web]
port = {port}
[broker]
port = {broker}
[site]
title = "政务中心"
[commands]
operator = "room"
[[level]]
name = "guard_post"
topic = "notice/guard_post"
[[level]]
name = "duty_leader"
topic = "notice/duty_leader"
"""

Tell = Callable[..., None]
"""Told a message template and its fields."""


class Room(Server):
    """`edge-gate monitor` with its files in `directory`; accounts are made at the first start."""

    def __init__(self, directory: Path, broker_port: int, port: int | None = None) -> None:
        super().__init__()
        self.port = port or self.port
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self.config = directory, directory / "monitor.toml"
        self.config.write_text(SETTINGS.format(port=self.port, broker=broker_port))
        self.password = self._accounts()

    @property
    def key(self) -> Path:
        """What gates need to accept its acknowledgements, once it has started."""
        return self._directory / "recorder.pub"

    @property
    def operator_key(self) -> Path:
        """What gates need to obey it, once it has started."""
        return self._directory / "room.pub"

    def _accounts(self) -> str:
        file = self._directory / "password"
        if not file.exists():
            password = secrets.token_urlsafe(9)
            for name, role in PEOPLE.items():
                add = self._command("user", "add", name, "--role", role, "--password-stdin", "--json")
                subprocess.run(add, input=password, text=True, check=True, stdout=subprocess.DEVNULL)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as kept:
                kept.write(password)
        return file.read_text()

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "edge.cli", "monitor", *arguments, "--config", str(self.config)]

    def command(self, directory: Path) -> list[str]:
        return self._command("--json")


@contextmanager
def showroom(directory: Path, gates: int, people_per_s: float, tell: Tell, port: int | None = None) -> Iterator[Room]:
    """All of it running; what is recorded stays in `directory`. EdgeError when a part does not start."""
    with DemoBroker() as broker, Room(directory, broker.port, port) as room:
        site = SimulatedSite(
            directory / "gates", gates, BrokerSection(host=HOST, port=broker.port), room.key, people_per_s,
            room.operator_key,
        )  # fmt: skip
        site.start()
        tell("the page is at {url}", url=f"http://{HOST}:{room.port}/")
        tell("log in as {names}, each with the password {password}", names=", ".join(PEOPLE), password=room.password)
        try:
            yield room
        finally:
            site.stop()
