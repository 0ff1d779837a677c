"""The recorder's database: the events of all gates, each once, and what is known to be missing or wrong."""

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct
from sqlite_utils import Database, Migrations

from edge.errors import StoreError
from edge.seal import GENESIS, chain_hash
from monitor.stream import LOST, Problem, Received, Stream

MIGRATIONS = Migrations("ledger")
QUARANTINED = 10_000
"""Most refused messages that are kept, so that a flood of them does not fill the disk."""

EVENTS = {
    "site": str, "gate": str, "epoch": str, "sequence": int, "first": int, "id": str, "type": str, "subject": str,
    "time": str, "severity": int, "hash": str, "received": float, "payload": bytes,
}  # fmt: skip
STREAMS = {"site": str, "gate": str, "epoch": str, "sequence": int, "hash": str, "duplicates": int, "touched": float}
PROBLEMS = {
    "site": str, "gate": str, "epoch": str, "kind": str, "first": int, "last": int, "detail": str, "received": float,
}  # fmt: skip


@MIGRATIONS()
def create(db: Database) -> None:
    db.table("events").create(EVENTS, pk=("site", "gate", "epoch", "sequence"))
    db.table("events").create_index(["time"])
    db.table("streams").create(STREAMS, pk=("site", "gate", "epoch"))
    db.table("problems").create(PROBLEMS, pk=("site", "gate", "epoch", "kind", "first", "last"))
    db.table("quarantine").create({"received": float, "topic": str, "reason": str, "payload": bytes})


class Refused(NamedTuple):
    """A message that is no event, and why."""

    topic: str
    reason: str
    payload: bytes


class Totals(Struct, frozen=True):
    """What the ledger holds."""

    gates: int
    events: int
    duplicates_removed: int
    problems: int
    quarantined: int


class Ledger:
    """One SQLite file, one writer. StoreError when it cannot be used."""

    def __init__(self, path: Path) -> None:
        with _translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            MIGRATIONS.apply(Database(self._db))
        self._path = path

    def streams(self) -> list[Stream]:
        """Where each stream stands, the one that last moved at the end."""
        with _translated(self._path):
            rows = self._db.execute("SELECT site, gate, epoch, sequence, hash FROM streams ORDER BY touched").fetchall()
        return [Stream(*row) for row in rows]

    def commit(
        self,
        received: Iterable[Received],
        moved: Iterable[Stream],
        problems: Iterable[Problem],
        duplicates: dict[tuple[str, str, str], int],
    ) -> None:
        """Record all of it, or nothing."""
        now = time.time()
        events = [
            (r.site, r.gate, r.epoch, r.last, r.first, r.event.id, r.event.type, r.event.subject, r.event.time,
             r.event.severity, r.hash, now, r.payload)
            for r in received
        ]  # fmt: skip
        streams = [(s.site, s.gate, s.epoch, s.sequence, s.hash, now) for s in moved]
        found = [(*msgspec.structs.astuple(problem), now) for problem in problems]
        with self._transaction():
            self._db.executemany(f"INSERT INTO events VALUES ({', '.join('?' * len(EVENTS))})", events)
            self._db.executemany(
                "INSERT INTO streams VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT DO UPDATE SET"
                " sequence = excluded.sequence, hash = excluded.hash, touched = excluded.touched",
                streams,
            )
            self._db.executemany("INSERT OR IGNORE INTO problems VALUES (?, ?, ?, ?, ?, ?, ?, ?)", found)
            self._db.executemany(
                "UPDATE streams SET duplicates = duplicates + ? WHERE site = ? AND gate = ? AND epoch = ?",
                [(number, *place) for place, number in duplicates.items()],
            )

    def quarantine(self, refused: Iterable[Refused]) -> None:
        """Keep messages that are no events, for whoever wants to know where they came from."""
        now = time.time()
        with self._transaction():
            self._db.executemany("INSERT INTO quarantine VALUES (?, ?, ?, ?)", [(now, *message) for message in refused])
            oldest = "(SELECT max(rowid) FROM quarantine) - ?"
            self._db.execute(f"DELETE FROM quarantine WHERE rowid <= {oldest}", (QUARANTINED,))

    def is_recorded(self, received: Received) -> bool:
        """Whether this event is in the ledger as it is, not another one in its place."""
        query = "SELECT hash FROM events WHERE site = ? AND gate = ? AND epoch = ? AND sequence = ?"
        with _translated(self._path):
            place = (received.site, received.gate, received.epoch, received.last)
            row = self._db.execute(query, place).fetchone()
        return row is None or row[0] == received.hash

    def totals(self) -> Totals:
        count = (
            "SELECT (SELECT count(*) FROM (SELECT DISTINCT site, gate FROM streams)), (SELECT count(*) FROM events),"
        )
        sums = " (SELECT coalesce(sum(duplicates), 0) FROM streams), (SELECT count(*) FROM problems),"
        with _translated(self._path):
            return Totals(*self._db.execute(f"{count}{sums} (SELECT count(*) FROM quarantine)").fetchone())

    def problems(self) -> list[Problem]:
        query = "SELECT site, gate, epoch, kind, first, last, detail FROM problems ORDER BY received, first"
        with _translated(self._path):
            rows = self._db.execute(query).fetchall()
        return [msgspec.convert(dict(zip(Problem.__struct_fields__, row, strict=True)), Problem) for row in rows]

    def verify(self) -> bool:
        """Read every event again: true when all streams are in order, without a gap, and their hashes chain."""
        query = "SELECT epoch, first, sequence, hash, payload FROM events ORDER BY site, gate, epoch, sequence"
        before, place, digest = "", 0, GENESIS
        with _translated(self._path):
            for epoch, first, sequence, recorded, payload in self._db.execute(query):
                if epoch != before:
                    before, place, digest = epoch, 0, GENESIS
                document = msgspec.json.decode(payload, type=dict[str, object])
                chained = document["type"] == LOST or (
                    document["previoushash"] == digest and chain_hash(document) == recorded
                )
                if first > place + 1 or not chained:
                    return False
                place, digest = sequence, recorded
        return True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _translated(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        self._db.close()


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
        raise StoreError("{path} cannot be used: {why}", path=path, why=error) from error
