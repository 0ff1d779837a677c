"""The event log of one gate: an SQLite file of chained events that are not yet acknowledged.

One connection writes; a `Reader` has its own and never waits for it. Everything here blocks on the disk: the
outbox calls it from its writer thread. An epoch begins in one transaction, with all that is carried over into it.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database, Migrations

from edge import files
from edge.errors import in_english
from edge.events import TABLE, EpochStarted, EventsLost
from edge.logfile import LOST, Content, LogError, Stored, connect, not_written, translated
from edge.seal import GENESIS, chain_hash, commit
from edge.terms import Now
from edge.transport import Backlog, Channel, Envelope, Event, type_name

MIGRATIONS = Migrations("eventlog")


@MIGRATIONS()
def create(db: Database) -> None:
    db.table("events").create({"sequence": int, "channel": str, "hash": str, "payload": bytes}, pk="sequence")
    db.table("head").create({"epoch": str, "sequence": int, "hash": str, "acknowledged": int})


class Pending(NamedTuple):
    """An event that is not on the disk yet."""

    subject: str
    event: Event
    now: Now
    ticket: int = 0


class Beginning(NamedTuple):
    """Why an epoch begins, and the events that are carried over into it."""

    reason: str = "first start"
    carried: tuple[Content, ...] = ()


class EventLog:
    """Appends to, prunes and thins out the file at `path`; with an absent or empty one an epoch begins.

    `begin` is asked only then; what it gives is committed together with the epoch, or nothing of it is.
    """

    def __init__(self, path: Path, site: str, gate: str, begin: Callable[[], Beginning] = Beginning) -> None:
        self._source = f"/{site}/{gate}"
        with translated():
            files.make(path)
            self._db = connect(path)
            try:
                self._open(begin)
            except BaseException:
                self._db.close()
                raise

    def _open(self, begin: Callable[[], Beginning]) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        MIGRATIONS.apply(Database(self._db))
        if (problem := self._one("PRAGMA quick_check(1)")[0]) != "ok":
            raise LogError(problem, corrupt=True)
        if not self._db.execute("SELECT 1 FROM head UNION ALL SELECT 1 FROM events").fetchone():
            self._begin(begin())
        self.epoch, self.last, self._hash, self.acknowledged = self._head()
        self.count: int = self._one("SELECT count(*) FROM events")[0]

    def _begin(self, beginning: Beginning) -> None:
        self.epoch, self.last, self._hash = secrets.token_hex(8), 0, GENESIS
        started = self._content(Pending("outbox", EpochStarted(beginning.reason), system_time()))
        with self._transaction():
            self._db.execute("INSERT INTO head VALUES (?, 0, ?, 0)", (self.epoch, GENESIS))
            self._insert([started, *beginning.carried])

    def _head(self) -> tuple[str, int, str, int]:
        """Epoch, last sequence, its hash and the last one acknowledged, if they can be true of these events."""
        heads = self._db.execute("SELECT epoch, sequence, hash, acknowledged FROM head").fetchall()
        if len(heads) != 1:
            raise LogError(in_english("it has {number} heads", number=len(heads)), corrupt=True)
        epoch, last, digest, acknowledged = heads[0]
        newest = self._one("SELECT coalesce(max(sequence), 0) FROM events")[0]
        texts, numbers = (epoch, digest), (acknowledged, last, newest)
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(number, int) for number in numbers):
            raise LogError(in_english("its head is not what was written"), corrupt=True)
        if not 0 <= acknowledged <= last or newest > last:
            raise LogError(in_english("its head does not fit its events"), corrupt=True)
        return epoch, last, digest, acknowledged

    @property
    def backlog(self) -> Backlog:
        return Backlog(self.epoch, self.acknowledged + 1, self.last)

    def append(self, batch: Iterable[Pending]) -> None:
        """Number, chain and commit these events together; after a LogError none of them is in the log."""
        with self._transaction():
            last, digest = self._insert(self._content(item) for item in batch)
        self.count += last - self.last
        self.last, self._hash = last, digest

    def _insert(self, contents: Iterable[Content]) -> tuple[int, str]:
        """Chain these envelopes, whatever place in a chain they had before; the last sequence and its hash."""
        sequence, digest, rows = self.last, self._hash, []
        for content in contents:
            sequence += 1
            rows.append(_chained(content, self.epoch, sequence, digest))
            digest = rows[-1].hash
        self._db.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        self._db.execute("UPDATE head SET sequence = ?, hash = ?", (sequence, digest))
        return sequence, digest

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
            if earlier := _first_lost(payload, first - 1):
                self._db.execute("DELETE FROM events WHERE sequence = ?", (first - 1,))
                first = earlier
        self._db.execute("DELETE FROM events WHERE sequence BETWEEN ? AND ?", (first, last))
        notice = self._content(Pending("outbox", EventsLost(first, digest), system_time()))
        stored = _chained(notice, self.epoch, last, "")._replace(hash=digest)
        self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?)", stored)

    def _content(self, item: Pending) -> Content:
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
        envelope = Envelope(
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
        return Content(row.channel, envelope)

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


def system_time() -> Now:
    """Now, for what the log itself reports; it does not know whether the clock can be trusted."""
    return Now(time.monotonic(), time.time(), trusted=False)


_decoder = msgspec.json.Decoder(Envelope)


def _chained(content: Content, epoch: str, sequence: int, previous: str) -> Stored:
    """An event at its place in the chain."""
    place, event = f"{sequence:012}", content.envelope
    event = msgspec.structs.replace(event, id=f"{epoch}-{place}", epoch=epoch, sequence=place, previoushash=previous)
    document = msgspec.to_builtins(event)
    return Stored(sequence, content.channel, chain_hash(document), msgspec.json.encode(document))


def _first_lost(payload: bytes, sequence: int) -> int:
    """The first event that this `EventsLost` stands for; 0 of another event."""
    try:
        event = _decoder.decode(payload)
        return msgspec.convert(event.data["first"], int) if event.type == LOST else 0
    except (ValueError, TypeError, KeyError) as error:  # msgspec's own are ValueErrors, as is text that is not UTF-8
        raise not_written(sequence) from error


def _runs(rows: list[tuple[int, str]]) -> list[tuple[int, int, str]]:
    """First sequence, last sequence and last hash of each run of consecutive rows."""
    runs: list[tuple[int, int, str]] = []
    for sequence, digest in rows:
        first = runs.pop()[0] if runs and runs[-1][1] == sequence - 1 else sequence
        runs.append((first, sequence, digest))
    return runs
