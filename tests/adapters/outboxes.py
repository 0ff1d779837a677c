"""A gate's outbox with what it reported, and what its log must be like."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.delivery import Verdict
from edge.doorevents import RequestToExit
from edge.facts import Fact, StorageReported
from edge.logfile import Stored
from edge.outbox import Outbox
from edge.seal import GENESIS, chain_hash
from edge.terms import Now, Storage
from edge.transport import Ack, Envelope
from tests.adapters.brokers import until

NOW = Now(1.0, 1_764_000_000.25)


class Gate:
    """An outbox with what it reported."""

    def __init__(self, path: Path, capacity: int = 100_000, warn_at: float = 0.8) -> None:
        self.facts: list[Fact | Exception] = []
        self.outbox = Outbox(path, "site", "gate-1", capacity, warn_at, self.facts.append)

    def press(self, times: int = 1) -> None:
        """Record a few events and wait for the disk."""
        last = self.ready().backlog.last + times
        for _ in range(times):
            self.outbox.append("door-1", RequestToExit(), NOW)
        until(lambda: self.outbox.backlog.last >= last)

    def ready(self) -> Outbox:
        until(lambda: self.outbox.backlog.epoch)
        return self.outbox

    def told(self) -> list[Storage]:
        return [fact.state for fact in self.facts if isinstance(fact, StorageReported)]

    def acknowledge(self, sequence: int, **changed: object) -> Verdict:
        row = self.outbox.read(sequence - 1, 1)[0]
        ack = Ack("site", "gate-1", self.outbox.backlog.epoch, sequence, row.hash)
        return self.outbox.acknowledge(msgspec.structs.replace(ack, **changed))


Open = Callable[..., Gate]


def envelope(row: Stored) -> Envelope:
    return msgspec.json.decode(row.payload, type=Envelope)


def assert_chained(rows: list[Stored], first: int = 1, previous: str = GENESIS) -> None:
    assert [row.sequence for row in rows] == list(range(first, first + len(rows)))
    for row in rows:
        assert envelope(row).previoushash == previous
        previous = chain_hash(msgspec.json.decode(row.payload))
        assert row.hash == previous
