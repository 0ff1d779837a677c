"""The event log of one gate: an SQLite file of chained events that are not yet acknowledged.

One connection writes; a `Reader` has its own and never waits for it. Everything here blocks on the disk: the
outbox calls it from its writer thread. SQLite's errors become `LogError` with the state of the storage.
"""

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database, Migrations

from edge import files
from edge.errors import StoreError
from edge.events import TABLE, EpochStarted, EventsLost
from edge.seal import GENESIS, chain_hash, commit
from edge.terms import Now, Storage
from edge.transport import Backlog, Channel, Envelope, Event, type_name

MIGRATIONS = Migrations("eventlog")


@MIGRATIONS()
def create(db: Database) -> None:
    db.table("events").create({"sequence": int, "channel": str, "hash": str, "payload": bytes}, pk="sequence")
    db.table("head").create({"epoch": str, "sequence": int, "hash": str, "acknowledged": int})


DAMAGE = frozenset(
    (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT,
     sqlite3.SQLITE_MISMATCH)
)  # fmt: skip
"""What SQLite says of a file that is not as it was written; our own statements are always right."""


class LogError(StoreError):
    """The event log cannot be used now (`state`), or ever again (`corrupt`)."""

    def __init__(self, why: object, state: Storage = Storage.FAILED, corrupt: bool = False) -> None:
        super().__init__("the event log cannot be used: {why}", why=why)
        self.state, self.corrupt = state, corrupt


class Pending(NamedTuple):
    """An event that is not on the disk yet."""

    subject: str
    event: Event
    now: Now
    ticket: int = 0


class Stored(NamedTuple):
    """An event as it is sent. The hash beside an `EventsLost` is that of the last event it stands for."""

    sequence: int
    channel: Channel
    hash: str
    payload: bytes


class EventLog:
    """Appends to, prunes and thins out the file at `path`; an absent or empty one begins an epoch."""

    def __init__(self, path: Path, site: str, gate: str, reason: str = "first start") -> None:
        self._source = f"/{site}/{gate}"
        with translated():
            files.make(path)
            self._db = _connect(path)
            try:
                self._open(reason)
            except BaseException:
                self._db.close()
                raise

    def _open(self, reason: str) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        MIGRATIONS.apply(Database(self._db))
        if (problem := self._one("PRAGMA quick_check(1)")[0]) != "ok":
            raise LogError(problem, corrupt=True)
        if not self._db.execute("SELECT 1 FROM head UNION ALL SELECT 1 FROM events").fetchone():
            self._db.execute("INSERT INTO head VALUES (?, 0, ?, 0)", (secrets.token_hex(8), GENESIS))
        self.epoch, self.last, self._hash, self.acknowledged = self._head()
        self.count: int = self._one("SELECT count(*) FROM events")[0]
        if not self.last:
            self.append([Pending("outbox", EpochStarted(reason), system_time())])

    def _head(self) -> tuple[str, int, str, int]:
        """Epoch, last sequence, its hash and the last one acknowledged, if they can be true of these events."""
        heads = self._db.execute("SELECT epoch, sequence, hash, acknowledged FROM head").fetchall()
        if len(heads) != 1:
            raise LogError(f"it has {len(heads)} heads", corrupt=True)
        epoch, last, digest, acknowledged = heads[0]
        newest = self._one("SELECT coalesce(max(sequence), 0) FROM events")[0]
        texts, numbers = (epoch, digest), (acknowledged, last, newest)
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(number, int) for number in numbers):
            raise LogError("its head is not what was written", corrupt=True)
        if not 0 <= acknowledged <= last or newest > last:
            raise LogError("its head does not fit its events", corrupt=True)
        return epoch, last, digest, acknowledged

    @property
    def backlog(self) -> Backlog:
        return Backlog(self.epoch, self.acknowledged + 1, self.last)

    def append(self, batch: Iterable[Pending]) -> None:
        """Number, chain and commit these events together; after a LogError none of them is in the log."""
        self.extend(self._envelope(item) for item in batch)

    def extend(self, contents: Iterable[Envelope]) -> None:
        """Chain and commit these envelopes, whatever place in a chain they had before."""
        sequence, digest, rows = self.last, self._hash, []
        for content in contents:
            sequence += 1
            rows.append(_chained(content, self.epoch, sequence, digest))
            digest = rows[-1].hash
        with self._transaction():
            self._db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            self._db.execute("UPDATE head SET sequence = ?, hash = ?", (sequence, digest))
        self.last, self._hash = sequence, digest
        self.count += len(rows)

    def prune(self, sequence: int) -> None:
        """Forget everything up to `sequence`."""
        with self._transaction():
            gone = self._db.execute("DELETE FROM events WHERE sequence <= ?", (sequence,)).rowcount
            self._db.execute("UPDATE head SET acknowledged = ?", (sequence,))
        self.count -= gone
        self.acknowledged = sequence

    def thin(self, number: int) -> tuple[int, int] | None:
        """Drop the `number` oldest events that are not alarms; an `EventsLost` takes the place of each run of them.

        Returns the first and last sequence that were dropped, or None when only alarms are left.
        """
        with self._transaction():
            query = "SELECT sequence, hash FROM events WHERE channel = ? ORDER BY sequence LIMIT ?"
            dropped = self._db.execute(query, (Channel.EVENT, number)).fetchall()
            for first, last, digest in _runs(dropped):
                self._replace(first, last, digest)
            count = self._one("SELECT count(*) FROM events")[0]
        self.count = count
        return (dropped[0][0], dropped[-1][0]) if dropped else None

    def _replace(self, first: int, last: int, digest: str) -> None:
        """Put one `EventsLost` in the place of a run, and of an `EventsLost` right before it."""
        for (payload,) in self._db.execute("SELECT payload FROM events WHERE sequence = ?", (first - 1,)).fetchall():
            before = _decoder.decode(payload)
            if before.type == LOST:
                first = msgspec.convert(before.data["first"], int)
                self._db.execute("DELETE FROM events WHERE sequence = ?", (int(before.sequence),))
        self._db.execute("DELETE FROM events WHERE sequence BETWEEN ? AND ?", (first, last))
        notice = self._envelope(Pending("outbox", EventsLost(first, digest), system_time()))
        stored = _chained(notice, self.epoch, last, "")._replace(hash=digest)
        self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", stored)

    def _envelope(self, item: Pending) -> Envelope:
        """An event in CloudEvents form, its personal fields beside their commitments; not yet in the chain."""
        kind = type(item.event)
        row = TABLE[kind]
        data = msgspec.to_builtins(item.event)
        del data["type"]
        if personal := {name: data.pop(name) for name in row.personal}:
            committed = {name: commit(value) for name, value in personal.items()}
            data["personal"] = {name: [committed[name][0], value] for name, value in personal.items()}
            data["commitments"] = {name: digest for name, (_, digest) in committed.items()}
        when = datetime.fromtimestamp(item.now.utc, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Envelope(
            id="",
            source=self._source,
            type=type_name(kind),
            subject=item.subject,
            time=when,
            severity=row.severity,
            timetrusted=item.now.trusted,
            epoch="",
            sequence="",
            previoushash="",
            data=data,
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _one(self, query: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._db.execute(query).fetchone()
        return row

    def close(self) -> None:
        self._db.close()


class Reader:
    """Reads the log of one epoch beside its writer, and checks what it reads. The file must be there."""

    def __init__(self, path: Path) -> None:
        with translated():
            self._db = _connect(path, mode="rw")

    def head(self) -> tuple[int, int]:
        """The last sequence acknowledged and the last one written."""
        with translated():
            acknowledged, last = self._db.execute("SELECT acknowledged, sequence FROM head").fetchone()
        return acknowledged, last

    def read(self, after: int, limit: int) -> list[Stored]:
        """The next `limit` events; a LogError that says `corrupt` when one is not what was written."""
        query = "SELECT sequence, channel, hash, payload FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?"
        with translated():
            rows = [Stored(*row) for row in self._db.execute(query, (after, limit))]
        for row in rows:
            if not _whole(row):
                raise LogError(f"event {row.sequence} is not what was written", corrupt=True)
        return rows

    def sequences(self) -> list[int]:
        """Every event that is in the log, whatever its head says."""
        with translated():
            rows = self._db.execute("SELECT sequence FROM events ORDER BY sequence").fetchall()
        return [sequence for (sequence,) in rows if isinstance(sequence, int)]

    def hash_of(self, sequence: int) -> str | None:
        """The chain hash of an event that is still in the log."""
        with translated():
            row = self._db.execute("SELECT hash FROM events WHERE sequence = ?", (sequence,)).fetchone()
        return str(row[0]) if row else None

    def close(self) -> None:
        self._db.close()


def system_time() -> Now:
    """Now, for what the log itself reports; it does not know whether the clock can be trusted."""
    return Now(time.monotonic(), time.time(), trusted=False)


LOST = type_name(EventsLost)
CHANNELS = {type_name(kind): row.channel for kind, row in TABLE.items()}
_decoder = msgspec.json.Decoder(Envelope)


def _chained(content: Envelope, epoch: str, sequence: int, previous: str) -> Stored:
    """An event at its place in the chain."""
    place = f"{sequence:012}"
    event = msgspec.structs.replace(content, id=f"{epoch}-{place}", epoch=epoch, sequence=place, previoushash=previous)
    document = msgspec.to_builtins(event)
    return Stored(sequence, CHANNELS[event.type], chain_hash(document), msgspec.json.encode(document))


def _whole(row: Stored) -> bool:
    try:
        document = msgspec.json.decode(row.payload)
        return document["type"] == LOST or chain_hash(document) == row.hash
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AssertionError, RecursionError):
        return False


def _runs(rows: list[tuple[int, str]]) -> list[tuple[int, int, str]]:
    """First sequence, last sequence and last hash of each run of consecutive rows."""
    runs: list[tuple[int, int, str]] = []
    for sequence, digest in rows:
        first = runs.pop()[0] if runs and runs[-1][1] == sequence - 1 else sequence
        runs.append((first, sequence, digest))
    return runs


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """What can go wrong with the file, as a LogError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        state = Storage.FULL if code == sqlite3.SQLITE_FULL else Storage.FAILED
        raise LogError(error, state, code in DAMAGE) from error
    except UnicodeDecodeError as error:  # sqlite3 decodes names and its own messages from a damaged file
        raise LogError(error, corrupt=True) from error
    except OSError as error:
        raise LogError(error.strerror) from error


def _connect(path: Path, mode: str = "rwc") -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
