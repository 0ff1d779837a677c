"""Who did what to a whitelist, when: a hash chain in the whitelist's own file, written in the transaction of the deed.

Personal fields stand beside the chain, sealed, and only their salted commitments in it: erasing a person takes them
away and leaves the chain valid. Never a template. Old lines are cut off by a line that says so, with the hash up to
which it was, so that the rest is still a chain.
"""

import os
import pwd
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
from msgspec import Struct

from edge.seal import GENESIS, Seal, chain_hash, commit

TABLE = (
    "CREATE TABLE journal (sequence INTEGER PRIMARY KEY, subject TEXT, hash TEXT, line BLOB, personal BLOB)",
    "CREATE INDEX journal_subject ON journal (subject)",
)


class Deed(StrEnum):
    """What can be done; the part before the point says to what `Line.subject` refers."""

    ENROLLED = "person.enrolled"
    CHANGED = "person.changed"
    REFRESHED = "person.refreshed"
    REVOKED = "person.revoked"
    RESTORED = "person.restored"
    ERASED = "person.erased"
    EXPIRED = "person.expired"
    REPORTED = "person.reported"
    EXPORTED = "people.exported"
    RESEALED = "people.resealed"
    GATE_ADDED = "gate.added"
    GATE_REVOKED = "gate.revoked"
    WORKSTATION_ADDED = "workstation.added"
    WORKSTATION_REVOKED = "workstation.revoked"
    KEYS_HELD = "workstation.keys"
    REQUEST_REFUSED = "request.refused"
    ANSWERED = "gate.answered"
    WRAPPED = "key.wrapped"
    KEY_MADE = "key.made"
    SIGNED = "list.signed"
    RENUMBERED = "list.renumbered"
    CONFIGURED = "configuration.changed"
    STARTED = "desk.started"
    BACKED_UP = "desk.backed_up"
    RECOVERED = "desk.recovered"
    CUT = "journal.cut"


class Data(Struct, frozen=True):
    """`details` is nobody's personal data; `commitments` has the SHA-256 of salt and value of each personal field."""

    details: dict[str, str] = {}
    commitments: dict[str, str] = {}


class Line(Struct, frozen=True):
    """One deed. `actor` is the account at the machine, or `account @ workstation`; `subject` a person's id, a gate, a
    key."""

    sequence: int
    at: datetime
    actor: str
    deed: Deed
    subject: str
    previoushash: str
    data: Data


Personal = dict[str, tuple[str, str]]
"""Salt and value by the name of the field."""


class Errand(NamedTuple):
    """A deed that is done here for a workstation: in whose name, and the request by which it is known again.

    `asked` is the SHA-256 of what was asked for; it is kept sealed, for a name or a PIN can be guessed from it.
    """

    actor: str
    workstation: str
    request: str
    asked: bytes


class Before(NamedTuple):
    """What was done under the id of a request, to whom, and whether that is what the errand asks for."""

    deed: Deed
    person: str
    same: bool


class Entry(Struct, frozen=True):
    """A line as it lies in the file; `personal` is None when it was erased or never was."""

    hash: str
    line: bytes
    personal: bytes | None


def write(
    db: sqlite3.Connection,
    seal: Seal,
    deed: Deed,
    subject: str,
    details: dict[str, str] | None = None,
    personal: dict[str, str] | None = None,
    actor: str = "",
) -> None:
    """Add a line within the transaction that `db` is in, which is that of the deed itself; `actor` is who runs this
    program unless it is said.
    """
    sequence, previous = head(db)
    committed = {name: (*commit(value), value) for name, value in (personal or {}).items() if value}
    data = Data(details or {}, {name: digest for name, (_, digest, _) in committed.items()})
    line = Line(sequence + 1, datetime.now(UTC), actor or account(), deed, subject, previous, data)
    hashed = hash_of(line)
    secret: Personal = {name: (salt, value) for name, (salt, _, value) in committed.items()}
    sealed = seal.close(msgspec.msgpack.encode(secret), hashed.encode()) if secret else None
    values = (line.sequence, subject, hashed, msgspec.json.encode(line), sealed)
    db.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", values)


def head(db: sqlite3.Connection) -> tuple[int, str]:
    """The last line and its hash."""
    row = db.execute("SELECT sequence, hash FROM journal ORDER BY sequence DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row else (0, GENESIS)


def forget(db: sqlite3.Connection, subject: str) -> None:
    """Take away what is personal in the lines about somebody; the commitments stay, and open to nothing."""
    db.execute("UPDATE journal SET personal = NULL WHERE subject = ?", (subject,))


def entries(db: sqlite3.Connection, subject: str = "") -> Iterator[Entry]:
    """Every line in the order of the chain, or those about one subject."""
    where, values = (" WHERE subject = ?", (subject,)) if subject else ("", ())
    query = f"SELECT hash, line, personal FROM journal{where} ORDER BY sequence"
    return (Entry(*row) for row in db.execute(query, values))


def hash_of(line: Line) -> str:
    """The `previoushash` of the line after this one."""
    return chain_hash(msgspec.to_builtins(line))


def account() -> str:
    """Whose work this is: the account, and before it who became it by sudo."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    before = os.environ.get("SUDO_USER", "")
    return f"{before} as {name}" if before else name
