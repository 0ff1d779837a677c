"""The whitelist: an SQLite file of sealed records, one a person, and a revision that grows with every change.

Names and templates are sealed; what stands in clear is authenticated with them, so a record that was changed,
moved to another person or sealed with another key never matches. Every call opens the file anew: what a reader
sees is what is on the disk, also after the file was replaced or lost.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import numpy as np
from sqlite_utils import Database

from edge import files, journal
from edge.complaints import OvertakenError, broken, damaged, nobody, none_opens, other_pack, unusable
from edge.config import Config, Credentials, DeskConfig
from edge.enrolled import (
    Applicant,
    Bounds,
    Consent,
    Person,
    Refreshing,
    Row,
    Secret,
    Selection,
    Standing,
    erased,
    permit_of,
    person_of,
    record_of,
    refreshed,
    standing_of,
    told_of,
    vectors,
)
from edge.errors import SealError, StoreError
from edge.journal import Deed
from edge.matcher import Gallery, Vector
from edge.seal import Seal
from edge.tables import FIELDS, MIGRATIONS
from edge.terms import Permit

KEY = "whitelist.key"
"""The credential with the sealing key."""
FILE = "whitelist.sqlite"
NONE = Bounds()


@MIGRATIONS()
def find_changes(db: Database) -> None:
    db.table("people").create_index(["revision"])


class Whitelist:
    """The people of the file at `path`. Without `write` a missing file is an error and nothing can be changed."""

    def __init__(self, path: Path, seal: Seal, write: bool = False) -> None:
        self.path, self._seal, self._write = path, seal, write
        if write:
            self._create()

    @classmethod
    def of(cls, config: Config | DeskConfig, credentials: Credentials, write: bool = False) -> "Whitelist":
        """The whitelist of a lone gate or of a desk; SealError without its key."""
        return cls(config.state / FILE, Seal.load(credentials.path(KEY)), write)

    def revision(self) -> int:
        """Grows with every change; cheap enough to ask for every second."""
        with self._opened() as db:
            return self._revision(db)

    def gallery(self, pack: str, today: date) -> Selection:
        """The usable templates of `pack`; StoreError when the file is damaged or no record of it opens."""
        with self._opened() as db:
            revision, found = self._revision(db), self._read(db)
        if found and not any(secret for _, secret in found):
            raise none_opens(self.path, [record.id for record, _ in found])
        rows: list[Vector] = []
        owners: list[str] = []
        left_out, days = [], []
        permits: dict[str, Permit] = {}
        for record, secret in found:
            if standing_of(record, today) is not Standing.ENROLLED:
                continue
            if secret is None or record.pack != pack:
                left_out.append(other_pack(record, pack) if secret else damaged(record.id))
                continue
            rows.append(vectors(secret))
            owners += [record.id] * len(rows[-1])
            days.append(record.retain_until)
            permits[record.id] = permit_of(record.id, secret.bounds)
        matrix = np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)
        return Selection(Gallery(matrix, tuple(owners), revision), tuple(left_out), min(days, default=None), permits)

    def people(self, today: date) -> list[Person]:
        """Everybody who has a record, as it stands today, in the order of enrolment."""
        with self._opened() as db:
            return [person_of(record, secret, today) for record, secret in self._read(db)]

    def enroll(self, name: str, consent: Consent, pack: str, templates: Vector, bounds: Bounds = NONE) -> Person:
        """Record a person with templates (n, D) of `pack`, unit rows."""
        return self.admit(Applicant(name, consent, bounds=bounds), pack, templates)

    def admit(self, applicant: Applicant, pack: str, templates: Vector, expected: int | None = None) -> Person:
        """Record an applicant; OvertakenError when the list is no longer at the revision `expected`."""
        with self._changing() as (db, revision):
            if expected is not None and revision != expected + 1:
                raise OvertakenError
            record, secret = self._enrolled(db, revision, applicant, pack, templates)
        return person_of(record, secret, record.retain_until)

    def enroll_all(self, people: Iterable[tuple[str, Vector]], consent: Consent, pack: str) -> int:
        """Record many people, all of them or nobody; how many there were."""
        count = 0
        with self._changing() as (db, revision):
            for name, templates in people:
                self._enrolled(db, revision, Applicant(name, consent), pack, templates)
                count += 1
        return count

    def _enrolled(
        self, db: sqlite3.Connection, revision: int, applicant: Applicant, pack: str, templates: Vector
    ) -> tuple[Row, Secret]:
        record, secret = record_of(applicant, revision, pack, templates)
        self._store(db, record, secret)
        self._note(db, Deed.ENROLLED, record, secret)
        return record, secret

    def changes(self, after: int) -> tuple[int, list[tuple[Row, Secret | None]]]:
        """The revision now, and every record that changed since revision `after`, with what is sealed in it."""
        with self._opened() as db:
            db.execute("BEGIN")
            return self._revision(db), self._rows(db, f"SELECT {FIELDS}, sealed FROM people WHERE revision > ?", after)

    def renumber(self, at_least: int = 0) -> int:
        """Have everybody who is enrolled count as changed; the revision, which is no lower than `at_least`."""
        with self._changing() as (db, revision):
            revision = max(revision, at_least)
            db.execute("UPDATE head SET revision = ?", (revision,))
            enrolled = [(record, secret) for record, secret in self._read(db) if secret and not record.revoked_at]
            for record, secret in enrolled:
                self._store(db, msgspec.structs.replace(record, revision=revision), secret)
            journal.write(db, self._seal, Deed.RESEALED, "people", {"people": str(len(enrolled))})
        return revision

    def refresh(
        self, templates: dict[str, tuple[Vector, float]], pack: str, bounds: Refreshing, now: float
    ) -> list[str]:
        """Give people one more template (D,) each, with the score that it must reach with one of their enrolment;
        who got it. The bounds are judged here, where they outlast a restart.
        """
        today, taken = datetime.fromtimestamp(now, UTC).date(), list[str]()
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            revision = self._revision(db) + 1
            for person, (template, sure) in templates.items():
                for record, secret in self._rows(db, f"SELECT {FIELDS}, sealed FROM people WHERE id = ?", person):
                    if secret is None or record.pack != pack or standing_of(record, today) is not Standing.ENROLLED:
                        continue
                    if more := refreshed(record, secret, template, sure, bounds, now):
                        record = msgspec.structs.replace(record, revision=revision)
                        self._store(db, record, more)
                        self._note(db, Deed.REFRESHED, record, more)
                        taken.append(person)
            db.execute("UPDATE head SET revision = ?", (revision if taken else revision - 1,))
            db.execute("COMMIT")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # no copy of a template that was replaced stays in the log
        return taken

    def revoke(self, person: str) -> Person:
        """Withdraw a person's access: the templates are destroyed now, the line that they were here stays."""
        with self._changing() as (db, revision):
            before, secret = self._find(db, person, lambda record: not record.revoked_at)
            record = msgspec.structs.replace(before, revision=revision, revoked_at=datetime.now(UTC))
            rest = Secret(secret.name if secret else "", 0, b"")
            self._store(db, record, rest)
            self._note(db, Deed.REVOKED, record, rest)
        self._scrub()
        return person_of(record, rest, record.retain_until)

    def erase(self, person: str) -> Person:
        """Destroy all that is known of a person, here and in the journal; what stays is an id that names nobody."""
        return self._erase(person, Deed.ERASED)

    def expire(self, today: date) -> list[str]:
        """Erase everybody whose last day is over, also those who were revoked before; their ids."""
        with self._opened() as db:
            query = f"SELECT {FIELDS}, sealed FROM people WHERE retain_until < ? AND consent != ''"
            over = [record.id for record, _secret in self._rows(db, query, today.isoformat())]
        for person in over:
            self._erase(person, Deed.EXPIRED)
        return over

    def _erase(self, person: str, deed: Deed) -> Person:
        with self._changing() as (db, revision):
            before, _secret = self._find(db, person, lambda record: not erased(record))
            gone = {"revision": revision, "revoked_at": datetime.now(UTC), "consent": "", "purpose": ""}
            record, rest = msgspec.structs.replace(before, **gone), Secret("", 0, b"")
            self._store(db, record, rest)
            journal.forget(db, person)
            self._note(db, deed, record, rest)
        self._scrub()
        return person_of(record, rest, record.retain_until)

    def _find(self, db: sqlite3.Connection, person: str, wanted: Callable[[Row], bool]) -> tuple[Row, Secret | None]:
        found = {record.id: (record, secret) for record, secret in self._read(db) if wanted(record)}
        if person not in found:
            raise nobody(person, list(found))
        return found[person]

    def _scrub(self) -> None:
        """No copy of what was destroyed stays in the write-ahead log."""
        with self._opened() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

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
        uri = f"{self.path.absolute().as_uri()}?mode={'rw' if self._write else 'ro'}"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5.0, isolation_level=None)) as db:
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
        journal.write(db, self._seal, deed, record.id, *told_of(record, secret))

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
