"""The file of an event log: what can go wrong with it, and a reader beside its writer."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.errors import StoreError, in_english
from edge.events import TABLE, EventsLost
from edge.seal import chain_hash
from edge.terms import Storage
from edge.transport import Channel, Envelope, type_name

LOST = type_name(EventsLost)
CHANNELS = {type_name(kind): row.channel for kind, row in TABLE.items()}

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


class Content(NamedTuple):
    """An event with the channel that it belongs to, wherever in a chain it stands."""

    channel: Channel
    envelope: Envelope


class Stored(NamedTuple):
    """An event as it is sent. The hash beside an `EventsLost` is that of the last event it stands for."""

    sequence: int
    channel: Channel
    hash: str
    payload: bytes


class Reader:
    """Reads the log of one epoch beside its writer, and checks what it reads. The file must be there."""

    def __init__(self, path: Path) -> None:
        with translated():
            self._db = connect(path, mode="rw")

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
        return [_checked(row) for row in rows]

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


def _checked(row: Stored) -> Stored:
    """An event as it was written, on the channel of its type; a LogError that says `corrupt` when it is another."""
    try:
        document = msgspec.json.decode(row.payload)
        kind: str = document["type"]
        if kind == LOST or chain_hash(document) == row.hash:
            return row._replace(channel=CHANNELS.get(kind) or _kept(row.channel))
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AssertionError, RecursionError):
        pass
    raise not_written(row.sequence)


def _kept(channel: str) -> Channel:
    """The channel on which another version has put a type of its own; in doubt the one of which nothing is dropped."""
    return Channel.EVENT if channel == Channel.EVENT else Channel.ALARM


def not_written(sequence: object) -> LogError:
    return LogError(in_english("event {sequence} is not what was written", sequence=sequence), corrupt=True)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """What can go wrong with the file, as a LogError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        state = Storage.FULL if code == sqlite3.SQLITE_FULL else Storage.FAILED
        undecodable = not code and isinstance(error, sqlite3.OperationalError)  # said by Python, not by SQLite
        raise LogError(error, state, code in DAMAGE or undecodable) from error
    except UnicodeDecodeError as error:  # sqlite3 decodes names and its own messages from a damaged file
        raise LogError(error, corrupt=True) from error
    except OSError as error:
        raise LogError(error.strerror) from error


def connect(path: Path, mode: str = "rwc") -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
