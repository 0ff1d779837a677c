"""A gate's store of the whitelist: the signed messages as they came, templates sealed. One SQLite file, one thread.

Beside it, in a file of its own, lies the mark: the highest revision that was in use. Whoever puts an older store
back has put no older mark back.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database, Migrations

from edge import files
from edge.errors import EdgeError, Phrase, StoreError
from edge.holding import entry_of
from edge.records import Entry, Mark

MIGRATIONS = Migrations("vault")
LOST = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What a file that is no whole database is answered with."""


@MIGRATIONS()
def create(db: Database) -> None:
    db.table("documents").create({"topic": str, "message": bytes}, pk="topic")
    db.table("records").create({"hash": bytes, "id": str, "revision": int, "message": bytes}, pk="hash")
    db.table("records").create_index(["id"])
    db.table("tombstones").create({"id": str, "revision": int, "message": bytes}, pk="id")


class Vault:
    """The store at `path`, made when there is none; StoreError when it cannot be used."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        try:
            if not read_only:
                files.make(path)
            address = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
            self._db = sqlite3.connect(address, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False)
            for pragma in () if read_only else ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._db.execute(f"PRAGMA {pragma}")
            if (verdict := self._db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise StoreError("the store {path} is damaged: {why}", path=path, why=verdict)
            if not read_only:
                MIGRATIONS.apply(Database(self._db))
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise StoreError("the store {path} cannot be used: {why}", path=path, why=error) from error

    def documents(self) -> dict[str, bytes]:
        """The manifest, its pages and the keys, by topic."""
        return {str(topic): bytes(message) for topic, message in self._all("SELECT topic, message FROM documents")}

    def tombstones(self) -> list[bytes]:
        return [bytes(message) for (message,) in self._all("SELECT message FROM tombstones")]

    def held(self) -> tuple[list[Entry], dict[str, Phrase]]:
        """Every record that still is what its hash says, and the ids of the others with what is wrong."""
        entries, damaged = [], {}
        for hashed, person, message in self._each("SELECT hash, id, message FROM records"):
            try:
                entry = entry_of(message)
                if (entry.hash, entry.id) != (hashed, person):
                    raise ValueError(person)
                entries.append(entry)
            except (EdgeError, ValueError, TypeError):
                damaged[str(person)] = Phrase("its record in the store was changed")
        return entries, damaged

    def record(self, entry: Entry) -> bytes | None:
        """One signed record as it came."""
        row = self._all("SELECT message FROM records WHERE hash = ?", entry.hash)
        return bytes(row[0][0]) if row else None

    # One transaction a batch -----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to gather changes, if that has not been done; `commit` makes them durable."""
        if not self._db.in_transaction:
            self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self._db.in_transaction:
            self._run("COMMIT")

    def keep(self, entry: Entry, message: bytes) -> None:
        self._run("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)", entry.hash, entry.id, entry.revision, message)

    def bury(self, person: str, revision: int, message: bytes) -> None:
        """Destroy the records of a person up to this revision and remember the tombstone."""
        self._run("DELETE FROM records WHERE id = ? AND revision <= ?", person, revision)
        self._run("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?)", person, revision, message)

    def adopt(self, documents: dict[str, bytes], discard: Iterable[bytes], graves: Iterable[str]) -> None:
        """The list of these documents is in use; what it replaces is destroyed, `graves` are still remembered."""
        self._many("INSERT OR REPLACE INTO documents VALUES (?, ?)", documents.items())
        self._many("DELETE FROM records WHERE hash = ?", [(hashed,) for hashed in discard])
        kept = set(graves)
        gone = [(person,) for (person,) in self._all("SELECT id FROM tombstones") if person not in kept]
        self._many("DELETE FROM tombstones WHERE id = ?", gone)

    def document(self, topic: str, message: bytes) -> None:
        self._run("INSERT OR REPLACE INTO documents VALUES (?, ?)", topic, message)

    def scrub(self) -> None:
        """Leave no copy of what was destroyed in the write-ahead log."""
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._db.close()

    def _run(self, statement: str, *values: object) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        try:
            self._db.executemany(statement, rows)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return list(self._each(statement, *values))

    def _each(self, statement: str, *values: object) -> Iterable[tuple[Any, ...]]:
        try:
            yield from self._db.execute(statement, values)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _unusable(self.path, error) from error


class Found(NamedTuple):
    """A store with what is whole in it, what is not, and why it was begun anew, if it was."""

    vault: Vault
    held: list[Entry]
    problems: dict[str, Phrase]
    renewed: str


def opened(path: Path) -> Found:
    """The store of a gate; a damaged one is set aside and begun anew, since the broker has everything."""
    try:
        vault = Vault(path)
        return Found(vault, *vault.held(), "")
    except StoreError as error:
        if getattr(error.__cause__, "sqlite_errorcode", LOST[0]) & 0xFF not in LOST:
            raise
        _set_aside(path)
        return Found(Vault(path), [], {}, str(error.message))


def _set_aside(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.damaged{suffix}"))


class MarkFile:
    """The mark on the disk; what is no mark is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Mark)
        except (OSError, ValueError):
            return None

    def write(self, mark: Mark) -> None:
        """Durable when this returns; never lowered, whoever calls."""
        before = self.read()
        if before and (before.revision, before.issued) >= (mark.revision, mark.issued):
            return
        try:
            files.replace(self._path, msgspec.json.encode(mark))
        except OSError as error:
            raise StoreError("{path} cannot be written: {why}", path=self._path, why=error.strerror) from error


def _unusable(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> StoreError:
    return StoreError("the store {path} cannot be used: {why}", path=path, why=error)
