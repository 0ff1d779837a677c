"""The whitelist: an SQLite file of sealed records, one a person, and a revision that grows with every change.

Names and templates are sealed; what stands in clear is authenticated with them, so a record that was changed,
moved to another person or sealed with another key never matches. Every call opens the file anew: what a reader
sees is what is on the disk, also after the file was replaced or lost.
"""

import contextlib
import difflib
import secrets
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from sqlite_utils import Database, Migrations

from edge import files
from edge.config import Config, Credentials
from edge.errors import SealError, StoreError
from edge.matcher import Gallery, Vector
from edge.seal import Seal

KEY = "whitelist.key"
"""The credential with the sealing key."""
ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
"""For person ids: nothing that is mistaken for something else when read aloud or typed."""
FIELDS = "id, revision, pack, consent, purpose, retain_until, enrolled_at, revoked_at"
MIGRATIONS = Migrations("whitelist")


@MIGRATIONS()
def create(db: Database) -> None:
    text = dict.fromkeys(FIELDS.split(", "), str)
    db.table("people").create({**text, "revision": int, "sealed": bytes}, pk="id")
    db.table("head").create({"revision": int})
    db.execute("INSERT INTO head VALUES (0)")


class Standing(StrEnum):
    ENROLLED = "enrolled"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DAMAGED = "damaged"  # the record does not open: changed, moved, or another key


class Consent(Struct, frozen=True):
    """On what grounds a person is enrolled: the consent's reference, the purpose, and the last day it is kept for."""

    reference: str
    purpose: str
    retain_until: date


class Person(Struct, frozen=True):
    """One record as people may see it: never a template. `name` is empty when the record is damaged."""

    id: str
    name: str
    standing: Standing
    templates: int
    pack: str
    consent: str
    purpose: str
    retain_until: date
    enrolled_at: datetime
    revoked_at: datetime | None
    revision: int


class Selection(NamedTuple):
    """What one pack can match today, what was left out and why, and the first day on which that is less."""

    gallery: Gallery
    left_out: tuple[StoreError, ...]
    last_day: date | None


class _Record(Struct, frozen=True):
    """The clear part of a row, in the order of FIELDS; all of it is authenticated by the seal."""

    id: str
    revision: int
    pack: str
    consent: str
    purpose: str
    retain_until: date
    enrolled_at: datetime
    revoked_at: datetime | None = None


class _Secret(Struct, frozen=True):
    """The sealed part: `templates` are float32, little-endian, `dimension` a row."""

    name: str
    dimension: int
    templates: bytes


class Whitelist:
    """The people of the file at `path`. Without `write` a missing file is an error and nothing can be changed."""

    def __init__(self, path: Path, seal: Seal, write: bool = False) -> None:
        self.path, self._seal, self._write = path, seal, write
        if write:
            self._create()

    @classmethod
    def of(cls, config: Config, credentials: Credentials, write: bool = False) -> "Whitelist":
        """The whitelist of a gate; SealError without its key."""
        return cls(config.state / "whitelist.sqlite", Seal.load(credentials.path(KEY)), write)

    def revision(self) -> int:
        """Grows with every change; cheap enough to ask for every second."""
        with self._opened() as db:
            return self._revision(db)

    def gallery(self, pack: str, today: date) -> Selection:
        """The usable templates of `pack`; StoreError when the file is damaged or no record of it opens."""
        with self._opened() as db:
            revision, found = self._revision(db), self._read(db)
        if found and not any(secret for _, secret in found):
            raise _none_opens(self.path, [record.id for record, _ in found])
        rows: list[Vector] = []
        owners: list[str] = []
        left_out, days = [], []
        for record, secret in found:
            if _standing(record, today) is not Standing.ENROLLED:
                continue
            if secret is None or record.pack != pack:
                left_out.append(_other_pack(record, pack) if secret else _damaged(record.id))
                continue
            rows.append(_vectors(secret))
            owners += [record.id] * len(rows[-1])
            days.append(record.retain_until)
        matrix = np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)
        return Selection(Gallery(matrix, tuple(owners), revision), tuple(left_out), min(days, default=None))

    def people(self, today: date) -> list[Person]:
        """Everybody who has a record, as it stands today, in the order of enrolment."""
        with self._opened() as db:
            return [_person(record, secret, today) for record, secret in self._read(db)]

    def enroll(self, name: str, consent: Consent, pack: str, templates: Vector) -> Person:
        """Record a person with templates (n, D) of `pack`, unit rows."""
        with self._changing() as (db, revision):
            record = _Record(
                id="".join(secrets.choice(ALPHABET) for _ in range(8)),
                revision=revision,
                pack=pack,
                consent=consent.reference,
                purpose=consent.purpose,
                retain_until=consent.retain_until,
                enrolled_at=datetime.now(UTC),
            )
            secret = _Secret(name, templates.shape[1], templates.astype("<f4").tobytes())
            self._store(db, record, secret)
        return _person(record, secret, consent.retain_until)

    def revoke(self, person: str) -> Person:
        """Withdraw a person's access: the templates are destroyed now, the line that they were here stays."""
        with self._changing() as (db, revision):
            found = {record.id: (record, secret) for record, secret in self._read(db) if not record.revoked_at}
            if person not in found:
                raise _nobody(person, list(found))
            before, secret = found[person]
            record = msgspec.structs.replace(before, revision=revision, revoked_at=datetime.now(UTC))
            rest = _Secret(secret.name if secret else "", 0, b"")
            self._store(db, record, rest)
        with self._opened() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # no copy of the templates stays in the write-ahead log
        return _person(record, rest, record.retain_until)

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
        if not self.path.exists():
            raise StoreError("there is no whitelist at {path}", "enrol somebody: edge-gate enroll", path=self.path)
        uri = f"{self.path.absolute().as_uri()}?mode={'rw' if self._write else 'ro'}"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous=FULL")
                db.execute("PRAGMA secure_delete=ON")
                yield db
        except (sqlite3.Error, UnicodeDecodeError) as error:  # sqlite3 decodes names out of a damaged file
            raise _unusable(self.path, error) from error

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """One transaction and the revision that it makes; nothing is changed when it fails."""
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            revision = self._revision(db) + 1
            db.execute("UPDATE head SET revision = ?", (revision,))
            yield db, revision
            db.execute("COMMIT")

    def _store(self, db: sqlite3.Connection, record: _Record, secret: _Secret) -> None:
        sealed = self._seal.close(msgspec.msgpack.encode(secret), msgspec.json.encode(record))
        values = msgspec.to_builtins(msgspec.structs.astuple(record))
        places = ", ".join("?" * (len(values) + 1))
        db.execute(f"INSERT OR REPLACE INTO people ({FIELDS}, sealed) VALUES ({places})", (*values, sealed))

    def _read(self, db: sqlite3.Connection) -> list[tuple[_Record, _Secret | None]]:
        """Every record with what is sealed in it, or None where the seal does not open."""
        if (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise _broken(self.path, verdict)
        rows = db.execute(f"SELECT {FIELDS}, sealed FROM people ORDER BY enrolled_at, id").fetchall()
        try:
            records = [msgspec.convert(dict(zip(FIELDS.split(", "), row, strict=False)), _Record) for row in rows]
        except msgspec.ValidationError as error:
            raise _broken(self.path, error) from error
        return [(record, self._secret(record, row[-1])) for record, row in zip(records, rows, strict=True)]

    def _revision(self, db: sqlite3.Connection) -> int:
        if isinstance(revision := db.execute("SELECT max(revision) FROM head").fetchone()[0], int):
            return revision  # a column of SQLite holds whatever is put into it
        raise _broken(self.path, "it has no revision")

    def _secret(self, record: _Record, sealed: object) -> _Secret | None:
        content = sealed if isinstance(sealed, bytes) else b""
        try:
            return msgspec.msgpack.decode(self._seal.open(content, msgspec.json.encode(record)), type=_Secret)
        except SealError:
            return None


def _standing(record: _Record, today: date) -> Standing:
    if record.revoked_at:
        return Standing.REVOKED
    return Standing.EXPIRED if record.retain_until < today else Standing.ENROLLED


def _person(record: _Record, secret: _Secret | None, today: date) -> Person:
    return Person(
        id=record.id,
        name=secret.name if secret else "",
        standing=_standing(record, today) if secret else Standing.DAMAGED,
        templates=len(_vectors(secret)) if secret else 0,
        pack=record.pack,
        consent=record.consent,
        purpose=record.purpose,
        retain_until=record.retain_until,
        enrolled_at=record.enrolled_at,
        revoked_at=record.revoked_at,
        revision=record.revision,
    )


def _vectors(secret: _Secret) -> Vector:
    return np.frombuffer(secret.templates, "<f4").reshape(-1, max(secret.dimension, 1))


def _unusable(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _broken(path, error)
    return StoreError("the whitelist {path} cannot be used: {why}", path=path, why=error)


def _broken(path: Path, why: object) -> StoreError:
    hint = "restore it from a backup, or move it aside and enrol again; until then nobody is admitted by face"
    return StoreError("the whitelist {path} is damaged: {why}", hint, path=path, why=why)


def _damaged(person: str) -> StoreError:
    hint = "somebody changed the file or the key; revoke the record and enrol the person again"
    return StoreError("the record of {person} does not open and is not matched", hint, person=person)


def _none_opens(path: Path, people: list[str]) -> StoreError:
    hint = "install the key that the whitelist was made with; nobody is admitted by face until then"
    return StoreError("no record of {path} opens: {people}", hint, path=path, people=", ".join(people))


def _other_pack(record: _Record, pack: str) -> StoreError:
    text = "{person} was enrolled with the model pack {theirs}, this gate runs {ours}"
    return StoreError(text, "enrol the person again", person=record.id, theirs=record.pack, ours=pack)


def _nobody(person: str, known: list[str]) -> StoreError:
    near = difflib.get_close_matches(person, known, n=3, cutoff=0.4)
    if not near:
        return StoreError("nobody is enrolled as {person}", "see: edge-gate people list", person=person)
    return StoreError("nobody is enrolled as {person}", "did you mean {near}?", person=person, near=", ".join(near))
