"""The desk's own database: what it has issued, which gates there are, what they run, and who has not yet confirmed.

Content keys lie here sealed with the whitelist's key. One SQLite file; the service writes, commands read and add.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from edge import files
from edge.errors import StoreError
from edge.officetables import MIGRATIONS
from edge.records import Entry, Manifest, Report, decode, digest, parse
from edge.seal import Seal


class Gate(Struct, frozen=True):
    """A gate that may read the list, or a workstation that may ask for changes of it: its public keys, and the serial
    number of its certificate.
    """

    name: str
    signs: bytes
    opens: bytes
    serial: str
    added_at: float
    revoked_at: float | None = None


class Contact(Struct, frozen=True):
    """The last report of a gate."""

    gate: str
    revision: int
    at: float
    people: int
    problems: dict[str, str]
    trusts: tuple[str, ...]


class Receipt(Struct, frozen=True):
    """A gate confirmed, signed, that a person does not pass; so long after the desk had decided it."""

    gate: str
    delay_ms: float


class Office:
    """The database at `path`; StoreError when it cannot be used."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self.path, self._seal, self._to_scrub = path, seal, False
        with self._translated():
            files.make(path)
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")
            MIGRATIONS.apply(Database(self._db))

    def close(self) -> None:
        self._db.close()

    # What was issued -------------------------------------------------------------------------------------------------

    def head(self) -> tuple[int, float]:
        """The revision that was issued last, and when its manifest was."""
        with self._translated():
            revision, issued = self._db.execute("SELECT revision, issued FROM head").fetchone()
        return revision, issued

    def entries(self) -> dict[str, Entry]:
        with self._translated():
            rows = self._db.execute("SELECT id, revision, hash FROM entries").fetchall()
        return {row[0]: Entry(*row) for row in rows}

    def hashes(self) -> dict[str, bytes]:
        """What the broker should hold, by topic."""
        with self._translated():
            return dict(self._db.execute("SELECT topic, hash FROM messages").fetchall())

    def message(self, topic: str) -> bytes:
        """Empty for a topic that should hold nothing."""
        with self._translated():
            row = self._db.execute("SELECT message FROM messages WHERE topic = ?", (topic,)).fetchone()
        return row[0] if row else b""

    def issue(
        self,
        messages: dict[str, bytes],
        entries: list[Entry],
        gone: list[tuple[str, int, float]],
        manifest: Manifest,
    ) -> None:
        """Record a revision with all that belongs to it; `gone` are people, revisions and times of revocations."""
        rows = [(topic, digest(message), message) for topic, message in messages.items()]
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO messages VALUES (?, ?, ?)", rows)
            self._db.executemany("DELETE FROM entries WHERE id = ?", [(person,) for person, _, _ in gone])
            self._db.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", [(e.id, e.revision, e.hash) for e in entries]
            )
            self._db.executemany("INSERT OR IGNORE INTO revocations VALUES (?, ?, ?)", gone)
            self._db.execute("UPDATE head SET revision = ?, issued = ?", (manifest.revision, manifest.issued))
        self._to_scrub = self._to_scrub or bool(gone)
        if self._to_scrub:  # no copy of their records stays in the write-ahead log
            with self._translated():
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._to_scrub = False

    def put(self, topic: str, message: bytes) -> None:
        """Have a message issued, or withdrawn when it is empty."""
        with self._transaction():
            if message:
                self._db.execute("INSERT OR REPLACE INTO messages VALUES (?, ?, ?)", (topic, digest(message), message))
            else:
                self._db.execute("DELETE FROM messages WHERE topic = ?", (topic,))

    def forget_index(self) -> None:
        """Have every page of the index issued anew with the next list."""
        with self._transaction():
            self._db.execute("DELETE FROM messages WHERE topic LIKE 'edge/v1/%/desk/index/%'")

    # Gates -----------------------------------------------------------------------------------------------------------

    def gates(self) -> list[Gate]:
        return self._members("gates")

    def workstations(self) -> list[Gate]:
        return self._members("workstations")

    def _members(self, table: str) -> list[Gate]:
        with self._translated():
            query = f"SELECT name, signs, opens, serial, added_at, revoked_at FROM {table} ORDER BY name"
            return [Gate(*row) for row in self._db.execute(query)]

    def free(self, name: str) -> None:
        """StoreError when a gate or a workstation of that name was not revoked: both are accounts at the broker."""
        if any(other.name == name and not other.revoked_at for other in (*self.gates(), *self.workstations())):
            hint = "revoke it first, or give another name"
            raise StoreError("there is a gate or a workstation {name} already", hint, name=name)

    def add(self, gate: Gate, table: str = "gates") -> None:
        """Record a gate or a workstation; StoreError when its name is not free."""
        with self._transaction():
            self.free(gate.name)
            query = f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?, ?)"
            self._db.execute(query, msgspec.structs.astuple(gate))

    def member(self, name: str, table: str = "gates") -> Gate:
        """The gate or workstation of that name, in service or not; StoreError when there is none."""
        for found in self._members(table):
            if found.name == name:
                return found
        text = "there is no gate {name}" if table == "gates" else "there is no workstation {name}"
        raise StoreError(text, "see: edge-gate {table} list", name=name, table=table)

    def shut_out(self, name: str, table: str = "gates") -> None:
        """This gate or workstation is not to be trusted any more, nor its certificate, whoever gets its name next.

        Everybody is to be sealed with a content key that a gate does not have.
        """
        found = self.member(name, table)
        if found.revoked_at:
            return
        now = time.time()
        with self._transaction():
            self._db.execute(f"UPDATE {table} SET revoked_at = ? WHERE name = ?", (now, name))
            self._db.execute("INSERT OR REPLACE INTO withdrawn VALUES (?, ?)", (found.serial, now))
            if table == "gates":
                self._db.execute("DELETE FROM contacts WHERE gate = ?", (name,))
                self._make_key(new_kid())

    def withdraw(self, serials: dict[str, float]) -> None:
        """No certificate with one of these serial numbers is to be trusted any more, since when it says."""
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO withdrawn VALUES (?, ?)", list(serials.items()))

    def withdrawn(self) -> dict[str, float]:
        """When which certificate was withdrawn, by its serial number."""
        with self._translated():
            return dict(self._db.execute("SELECT serial, at FROM withdrawn").fetchall())

    def content_keys(self) -> dict[str, bytes]:
        """Every content key by its id, the oldest first; a first one is made."""
        with self._translated():
            rows = self._db.execute("SELECT kid, sealed FROM keys ORDER BY rowid").fetchall()
        return {kid: self._seal.open(sealed, kid.encode()) for kid, sealed in rows} or self.new_content_key()

    def newest_key(self) -> str:
        """The id of the content key that records are to be sealed with."""
        with self._translated():
            row = self._db.execute("SELECT kid FROM keys ORDER BY rowid DESC LIMIT 1").fetchone()
        return str(row[0]) if row else ""

    def new_content_key(self, kid: str = "") -> dict[str, bytes]:
        """Make another content key, which records are sealed with from now on; all of them."""
        with self._transaction():
            self._make_key(kid or new_kid())
        return self.content_keys()

    def _make_key(self, kid: str) -> None:
        """Within a transaction. Everybody is due to be sealed with it, unless it is the first."""
        sealed = self._seal.close(os.urandom(32), kid.encode())
        query = "INSERT INTO keys VALUES (?, ?, ?, EXISTS (SELECT 1 FROM keys))"
        self._db.execute(query, (kid, sealed, time.time()))

    def key_is_due(self) -> bool:
        """Whether everybody is due to be sealed with the newest content key."""
        with self._translated():
            row = self._db.execute("SELECT due FROM keys ORDER BY rowid DESC LIMIT 1").fetchone()
        return bool(row and row[0])

    def key_in_use(self, kid: str) -> None:
        """Everybody is sealed with this content key when the list is issued next."""
        with self._transaction():
            self._db.execute("UPDATE keys SET due = FALSE WHERE kid = ?", (kid,))

    def forget_content_keys(self) -> None:
        """Destroy every content key but the newest and the last in use, which opens what is still on its way."""
        last = "SELECT max(rowid) FROM keys"
        with self._transaction():
            self._db.execute(f"DELETE FROM keys WHERE rowid NOT IN ({last} UNION {last} WHERE NOT due)")

    # What gates say --------------------------------------------------------------------------------------------------

    def heard(self, report: Report, message: bytes, at: float) -> None:
        """Record a gate's verified report, and what it confirms of the revocations that it had not confirmed."""
        query = (
            "SELECT person, revision, at FROM revocations WHERE NOT EXISTS (SELECT 1 FROM receipts WHERE"
            " receipts.person = revocations.person AND receipts.revision = revocations.revision AND gate = ?)"
        )
        problems = msgspec.json.encode(report.problems).decode()
        with self._transaction():
            waiting = self._db.execute(query, (report.gate,)).fetchall()
            confirmed = [
                (person, revision, report.gate, max(0.0, (at - since) * 1000), message)
                for person, revision, since in waiting
                if report.revision >= revision or report.gone.get(person, 0) >= revision
            ]
            self._db.executemany("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?, ?, ?)", confirmed)
            contact = (report.gate, report.revision, at, message, report.people, problems)
            self._db.execute("INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?, ?, ?)", contact)

    def contacts(self) -> dict[str, Contact]:
        with self._translated():
            rows = self._db.execute("SELECT gate, revision, at, people, problems, report FROM contacts").fetchall()
        return {
            gate: Contact(gate, revision, at, people, msgspec.json.decode(text, type=dict[str, str]), _trusted(report))
            for gate, revision, at, people, text, report in rows
        }

    def receipts(self, person: str, revision: int) -> list[Receipt]:
        query = "SELECT gate, delay_ms FROM receipts WHERE person = ? AND revision = ? ORDER BY gate"
        with self._translated():
            return [Receipt(*row) for row in self._db.execute(query, (person, revision))]

    def manifest(self, topic: str) -> Manifest | None:
        """The one that was issued last."""
        message = self.message(topic)
        return decode(parse(message).payload, Manifest) if message else None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise StoreError("{path} cannot be used: {why}", path=self.path, why=error) from error


def _trusted(report: bytes) -> tuple[str, ...]:
    """What a report that was recorded says of the keys that its gate believes."""
    return decode(parse(report).payload, Report).trusts


def new_kid() -> str:
    """The id of a content key that is to be made."""
    return f"k{time.time_ns():x}"
