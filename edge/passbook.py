"""What a gate must remember of passes: how often each was used here, which are revoked, and which were issued here.

An SQLite file in the state directory. A use is on the disk when `spend` returns; it survives a restart, and a pass
that is over is forgotten a day later, since it opens nothing any more.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from sqlite_utils import Database, Migrations

from edge import files
from edge.errors import StoreError

BOOK = "passes.sqlite"
"""Its name in the state directory."""
KEEP_S = 86_400
MIGRATIONS = Migrations("passes")


@MIGRATIONS()
def create(db: Database) -> None:
    db.table("uses").create({"id": str, "count": int, "until": float}, pk="id")
    db.table("revoked").create({"id": str, "until": float}, pk="id")
    db.table("issued").create({"id": str, "until": float, "pass": bytes}, pk="id")


@MIGRATIONS()
def elsewhere(db: Database) -> None:
    db.table("uses").add_column("shared", bool, not_null_default=False)
    db.table("elsewhere").create({"gate": str, "id": str, "count": int, "until": float}, pk=("gate", "id"))
    everywhere = "SELECT id, count FROM uses UNION ALL SELECT id, count FROM elsewhere"
    db.create_view("spent", f"SELECT id, sum(count) AS count FROM ({everywhere}) GROUP BY id")


@MIGRATIONS()
def receipts(db: Database) -> None:
    db.table("destroyed").create({"id": str}, pk="id")


class Issued(Struct, frozen=True):
    """A pass that was issued here, as `visitor list` shows it; never its token. Times are UTC seconds."""

    id: str
    host: str
    gates: list[str]
    valid_from: float
    valid_until: float
    uses: int
    face: bool = False
    staff: str = ""
    used: int = 0
    revoked: bool = False


class Passbook:
    """The file at `path`; made when it is not there. Every call opens it anew, so any process may write it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            files.make(path)
        except OSError as error:
            raise StoreError("{path} cannot be written: {why}", path=path, why=error.strerror) from error
        with files.alone(path.parent), self._opened() as db:  # SQLite does not wait for its turn to set the mode
            db.execute("PRAGMA journal_mode=WAL")
            MIGRATIONS.apply(Database(db))

    def used(self, pass_id: str) -> int:
        """How often it was used, here and at the gates that have told so."""
        query = (
            "SELECT sum(count) FROM (SELECT id, count FROM uses UNION ALL SELECT id, count FROM elsewhere) WHERE id = ?"
        )
        with self._opened() as db:
            return int(db.execute(query, (pass_id,)).fetchone()[0] or 0)

    def shared(self) -> dict[str, tuple[int, float]]:
        """How often passes for several gates were used here, and when they end."""
        with self._opened() as db:
            rows = db.execute("SELECT id, count, until FROM uses WHERE shared").fetchall()
        return {id_: (count, until) for id_, count, until in rows}

    def learn(self, gate: str, uses: dict[str, tuple[int, float]]) -> None:
        """What another gate has counted; a smaller number than it said before is an old message, and ignored."""
        rows = [(gate, id_, count, until) for id_, (count, until) in uses.items()]
        count = """INSERT INTO elsewhere VALUES (?, ?, ?, ?)
            ON CONFLICT (gate, id) DO UPDATE
            SET count = max(count, excluded.count), until = max(until, excluded.until)"""
        with self._opened() as db, db:
            db.execute("BEGIN")
            db.executemany(count, rows)

    def revoked(self, pass_id: str) -> bool:
        with self._opened() as db:
            return db.execute("SELECT 1 FROM revoked WHERE id = ?", (pass_id,)).fetchone() is not None

    def spend(self, pass_id: str, until: float, shared: bool = False) -> None:
        """Count one use, durably. `until` is when the pass ends, `shared` whether other gates take it too."""
        count = "INSERT INTO uses VALUES (?, 1, ?, ?) ON CONFLICT (id) DO UPDATE SET count = count + 1"
        with self._opened() as db:
            db.execute(count, (pass_id, until, shared))

    def give_back(self, pass_id: str) -> None:
        """Take one use back, which was counted for a grant that has opened nothing."""
        with self._opened() as db:
            db.execute("UPDATE uses SET count = count - 1 WHERE id = ? AND count > 0", (pass_id,))

    def revoke(self, pass_id: str, until: float) -> None:
        """Have this pass refused from now on."""
        self.revoke_all({pass_id: until})

    def revoke_all(self, passes: Mapping[str, float]) -> None:
        """Of two ends of one pass the later counts: no list, an older one or another issuer's, takes that back."""
        revoke = "INSERT INTO revoked VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET until = max(until, excluded.until)"
        with self._opened() as db, db:
            db.execute("BEGIN")
            db.executemany(revoke, passes.items())

    def revocations(self) -> dict[str, float]:
        """The passes that are refused, and when each ends."""
        with self._opened() as db:
            return dict(db.execute("SELECT id, until FROM revoked").fetchall())

    def owe(self, person: str) -> None:
        """The gate is to give a receipt for the templates of this person, which are destroyed after this."""
        with self._opened() as db:
            db.execute("INSERT OR IGNORE INTO destroyed VALUES (?)", (person,))

    def owed(self) -> list[str]:
        """For whom a receipt was not given yet."""
        with self._opened() as db:
            return [person for (person,) in db.execute("SELECT id FROM destroyed ORDER BY id")]

    def given(self, person: str) -> None:
        """The receipt was given."""
        with self._opened() as db:
            db.execute("DELETE FROM destroyed WHERE id = ?", (person,))

    def issue(self, issued: Issued) -> None:
        with self._opened() as db:
            content = msgspec.json.encode(issued)
            db.execute("INSERT INTO issued VALUES (?, ?, ?)", (issued.id, issued.valid_until, content))

    def issued(self) -> list[Issued]:
        """What was issued here and not forgotten yet, the first to end first, with what became of it here."""
        query = """SELECT pass, coalesce(count, 0), revoked.id IS NOT NULL FROM issued
            LEFT JOIN spent USING (id) LEFT JOIN revoked USING (id) ORDER BY issued.until, issued.id"""
        with self._opened() as db:
            rows = db.execute(query).fetchall()
        try:
            found = [(msgspec.json.decode(content, type=Issued), used, gone) for content, used, gone in rows]
            return [msgspec.structs.replace(each, used=used, revoked=bool(gone)) for each, used, gone in found]
        except (ValueError, TypeError) as error:
            raise _unusable(self.path, error) from error

    def forget(self, now: float) -> None:
        """Drop what ended more than a day before `now` (UTC seconds, of a clock that is trusted)."""
        with self._opened() as db:
            for table in ("uses", "elsewhere", "revoked", "issued"):
                db.execute(f"DELETE FROM {table} WHERE until < ?", (now - KEEP_S,))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with files.database(self.path) as db:
                db.execute("PRAGMA synchronous=FULL")
                yield db
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise _unusable(self.path, error) from error


def _unusable(path: Path, why: object) -> StoreError:
    hint = "move it aside: passes may then be used again as often as they say, so revoke those that matter"
    return StoreError("the record of passes {path} cannot be used: {why}", hint, path=path, why=why)
