"""The real relay guard as a process on a simulated chip, and the test in the place of the gate."""

import shutil
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from edge import wire
from edge.errors import LinkError
from edge.site import RELAY, Site
from edge.terms import RelayOutcome
from tests.adapters.brokers import until

LIMIT_S = 20.0
"""The hard limit of the site's door: longer than any test waits."""


class Heard(NamedTuple):
    pulse: str
    outcome: RelayOutcome
    detail: str


class Client:
    """One connection to the guard."""

    def __init__(self, socket: Path) -> None:
        self.peer = wire.connect(socket, wire.RelayReport)

    def pulse(self, seconds: float, name: str = "p1", door: str = "main", renews: str = "") -> float:
        """Ask for a pulse; its deadline."""
        deadline = time.monotonic() + seconds
        self.peer.send(wire.RelayPulse(door, name, deadline, renews))
        return deadline

    def hear(self) -> Heard:
        """The guard's next report."""
        found: list[wire.Message] = []
        until(lambda: found or found.extend(filter(None, [self.peer.receive()])))
        [report] = found
        assert isinstance(report, wire.RelayReport)
        return Heard(report.pulse, report.outcome, report.detail)

    def close(self) -> None:
        self.peer.close()


class GuardProcess:
    """`edge-gate run --role relay` of a site whose directories are its own."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="guard-"))  # the path of a Unix socket must be short
        self.site = Site(self.root, self.root, pulse_s=LIMIT_S, hard_limit_s=LIMIT_S, least_px=40.0)
        config = self.site.file.read_text().replace("held_open_s = 10.0", "held_open_s = 60.0")
        self.site.file.write_text(config)
        self.socket = self.site.config.socket("relay")
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        process = self.site.start("run", "--role", "relay", log="guard.log")
        until(self._answers)
        return process

    def client(self) -> Client:
        """The gate's connection, once the guard has seen the last one go."""
        return Client(self.socket)

    def active(self, line: int = RELAY) -> bool:
        return self.site.chip.read_bytes()[line] != 0

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [*self.site.command(*arguments)[: 3 + len(arguments)], "--config", str(self.site.file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.root)

    def _answers(self) -> bool:
        """Whether it takes a pulse: one for no door, which moves nothing."""
        try:
            with closing(Client(self.socket)) as client:
                client.pulse(1.0, "probe", "nowhere")
                while client.hear().pulse != "probe":
                    continue  # that a chip is missing is told first
                return True
        except (LinkError, EOFError):
            return False
