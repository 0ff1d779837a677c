"""A gate as in service, each observation measured.

`python -m bench.measured_gate CONFIG CREDENTIALS REPORT` writes a list of `Matched` as JSON when it is ended.
"""

import sys
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from edge.config import Config, Credentials, load
from edge.eyes import Seen
from edge.service import Service


class Matched(Struct, frozen=True):
    """What one observation cost the gate's thread: CPU milliseconds from the queue to the effects carried out."""

    captured: float
    cpu_ms: float


class MeasuredService(Service):
    """Notes the time around each observation."""

    def __init__(self, config: Config, credentials: Credentials) -> None:
        super().__init__(config, credentials)
        self.matched: list[Matched] = []

    def handle(self, item: object) -> None:
        begun = time.thread_time()
        super().handle(item)
        if isinstance(item, Seen):
            self.matched.append(Matched(item.observation.captured, 1000 * (time.thread_time() - begun)))


def main(file: Path, secrets: Path, report: Path) -> None:
    """As `edge.service.run`; the report is written at the end."""
    service = MeasuredService(load(file), Credentials(secrets))
    service.run()
    report.write_bytes(msgspec.json.encode(service.matched))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
