"""The file of a whitelist: sealed records, the journal, and a revision that grows with every change.

Names and templates are sealed; what stands in clear is authenticated with them, so a record that was changed,
moved to another person or sealed with another key never matches. Every call opens the file anew: what a reader
sees is what is on the disk, also after the file was replaced or lost.
"""

import contextlib
import copy
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec
from sqlite_utils import Database

from edge import files, journal
from edge.complaints import OvertakenError, broken, nobody, unusable
from edge.enrolled import Row, Secret, told_of
from edge.errors import SealError, StoreError
from edge.journal import Before, Deed, Errand
from edge.seal import Seal
from edge.tables import FIELDS, MIGRATIONS


class Cabinet:
    """The file at `path`. Without `write` a missing file is an error and nothing can be changed."""

    def __init__(self, path: Path, seal: Seal, write: bool = False) -> None:
        self.path, self._seal, self._write = path, seal, write
        self._errand: Errand | None = None
        if write:
            self._create()

    def on(self, errand: Errand) -> Self:
        """This file, with deeds noted in somebody else's name, and the request remembered with its deed."""
        other = copy.copy(self)
        other._errand = errand
        return other

    def done(self, errand: Errand) -> Before | None:
        """What was done before under the id of this request."""
        with self._opened() as db:
            query = "SELECT deed, person, asked FROM requests WHERE workstation = ? AND id = ?"
            row = db.execute(query, (errand.workstation, errand.request)).fetchone()
        return Before(Deed(row[0]), row[1], self._asked(errand, row[2]) == errand.asked) if row else None

    def _asked(self, errand: Errand, sealed: object) -> bytes | None:
        """What an errand of this id asked for, or None when it was forgotten with the person."""
        try:
            return self._seal.open(sealed, _bound(errand)) if isinstance(sealed, bytes) else None
        except SealError:
            return None

    def _create(self) -> None:
        try:
            files.make(self.path)  # SQLite gives its journals the same owner
        except OSError as error:
            raise StoreError("{path} cannot be written: {why}", path=self.path, why=error.strerror) from error
        with self._opened() as db:
            db.execute("PRAGMA journal_mode=WAL")
            MIGRATIONS.apply(Database(db))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if not files.there(self.path):
            raise StoreError("there is no whitelist at {path}", "enrol somebody: edge-gate enroll", path=self.path)
        try:
            with files.database(self.path, "rw" if self._write else "ro") as db:
                db.execute("PRAGMA synchronous=FULL")
                db.execute("PRAGMA secure_delete=ON")
                yield db
        except (sqlite3.Error, UnicodeDecodeError) as error:  # sqlite3 decodes names out of a damaged file
            raise unusable(self.path, error) from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """One transaction and the revision that it makes; nothing is changed when it fails."""
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            revision = self._revision(db) + 1
            db.execute("UPDATE head SET revision = ?", (revision,))
            yield db, revision
            db.execute("COMMIT")

    def _store(self, db: sqlite3.Connection, record: Row, secret: Secret) -> None:
        sealed = self._seal.close(msgspec.msgpack.encode(secret), msgspec.json.encode(record))
        values = msgspec.to_builtins(msgspec.structs.astuple(record))
        places = ", ".join("?" * (len(values) + 1))
        db.execute(f"INSERT OR REPLACE INTO people ({FIELDS}, sealed) VALUES ({places})", (*values, sealed))

    def _note(self, db: sqlite3.Connection, deed: Deed, record: Row, secret: Secret) -> None:
        if self._errand is None:
            journal.write(db, self._seal, deed, record.id, *told_of(record, secret))
            return
        actor, workstation, request, asked = self._errand
        sealed = self._seal.close(asked, _bound(self._errand))
        values = (workstation, request, deed, record.id, datetime.now(UTC).isoformat(), sealed)
        db.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?)", values)
        journal.write(db, self._seal, deed, record.id, *told_of(record, secret), actor=actor)

    def _forget(self, db: sqlite3.Connection, person: str) -> None:
        """Take away what is personal about somebody beside their record."""
        journal.forget(db, person)
        db.execute("UPDATE requests SET asked = NULL WHERE person = ?", (person,))

    def _read(self, db: sqlite3.Connection) -> list[tuple[Row, Secret | None]]:
        """Every record with what is sealed in it, or None where the seal does not open."""
        if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise broken(self.path, verdict)
        return self._rows(db, f"SELECT {FIELDS}, sealed FROM people ORDER BY enrolled_at, id")

    def _rows(self, db: sqlite3.Connection, query: str, *values: object) -> list[tuple[Row, Secret | None]]:
        rows = db.execute(query, values).fetchall()
        try:
            records = [msgspec.convert(dict(zip(FIELDS.split(", "), row, strict=False)), Row) for row in rows]
        except msgspec.ValidationError as error:
            raise broken(self.path, error) from error
        return [(record, self._secret(record, row[-1])) for record, row in zip(records, rows, strict=True)]

    def _revision(self, db: sqlite3.Connection) -> int:
        if isinstance(revision := db.execute("SELECT max(revision) FROM head").fetchone()[0], int):
            return revision  # a column of SQLite holds whatever is put into it
        raise broken(self.path, "it has no revision")

    def _secret(self, record: Row, sealed: object) -> Secret | None:
        content = sealed if isinstance(sealed, bytes) else b""
        try:
            return msgspec.msgpack.decode(self._seal.open(content, msgspec.json.encode(record)), type=Secret)
        except SealError:
            return None

    def _find(
        self,
        db: sqlite3.Connection,
        person: str,
        wanted: Callable[[Row], bool],
        expected: int | None = None,
        unfit: Callable[[Row], StoreError | None] = lambda _: None,
    ) -> tuple[Row, Secret | None]:
        """A person's record, of the revision `expected` if it matters; `unfit` says why one is not wanted."""
        for record, secret in self._rows(db, f"SELECT {FIELDS}, sealed FROM people WHERE id = ?", person):
            if expected not in (None, record.revision):
                raise OvertakenError
            if wanted(record):
                return record, secret
            if why := unfit(record):
                raise why
        raise nobody(person, [record.id for record, _ in self._read(db) if wanted(record)])

    def _scrub(self) -> None:
        """No copy of what was destroyed stays in the write-ahead log."""
        with self._opened() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _bound(errand: Errand) -> bytes:
    """To what the seal of what was asked for binds it."""
    return msgspec.json.encode((errand.workstation, errand.request))
