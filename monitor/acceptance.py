"""Gaps among the recorded events, and what else was found with them, that a supervisor has accepted, and why; each is
signed with the room's key.

It holds for that one alone: all of it is signed. Who it was and what they wrote stands beside what is signed, which
only commits to it: erased, the signature stays valid.
"""

import time
from typing import Any, NamedTuple

import msgspec
from joserfc.jwk import OKPKey
from msgspec import Struct, structs
from sqlalchemy import delete, insert, select, update

from edge.errors import EdgeError, SealError
from edge.seal import Signer, Verifier, chain_hash
from monitor.database import Database
from monitor.gaps import Gap, untold
from monitor.ledger import Ledger
from monitor.personal import committed, is_committed
from monitor.stream import Problem
from monitor.tables import ACCEPTED

TYPE = "edge-gate-accepted+jwt"


class Accepted(Struct, frozen=True):
    """`at` is in UTC seconds; `who` and `why` are empty after they were erased."""

    gap: Gap | Problem
    at: float
    who: str
    why: str


class Findings(NamedTuple):
    """What reading every event again has found, and what was found when they arrived and does not show in them."""

    events: int
    """So many are in order, up to the first gap that nobody has accepted."""
    gaps: list[Gap]
    problems: list[Problem]
    """Both are those that nobody has accepted."""
    accepted: list[Accepted]

    @property
    def open(self) -> list[Gap | Problem]:
        """What waits to be accepted."""
        return [*self.gaps, *self.problems]


class Data(Struct, frozen=True):
    commitments: dict[str, str]
    personal: dict[str, tuple[str, str]] = {}


class Document(Struct, frozen=True):
    """What is kept. The room signs its hash, in which `personal` does not count."""

    gap: Gap | Problem
    at: float
    data: Data

    @property
    def hash(self) -> str:
        return chain_hash(msgspec.to_builtins(self))

    def told(self, name: str) -> str:
        return self.data.personal.get(name, ("", ""))[1]


class Acceptances:
    """`key` is the room's: the public half is enough to read, the private one is needed to accept."""

    def __init__(self, database: Database, key: OKPKey) -> None:
        self._db, self._key = database, key

    def all(self) -> list[Accepted]:
        """Those that the room has signed, oldest first; others accept nothing."""
        with self._db.reading() as connection:
            rows = connection.execute(select(ACCEPTED).order_by(ACCEPTED.c.number)).all()
        signed = [document for row in rows if (document := _read(row.document)) and self._is_signed(document, row)]
        return [Accepted(each.gap, each.at, each.told("who"), each.told("why")) for each in signed]

    def audit(self) -> Findings:
        """Read all events."""
        accepted, ledger = self.all(), Ledger(self._db)
        known = [each.gap for each in accepted]
        events, gaps = ledger.audit(known)
        return Findings(events, gaps, untold(ledger.problems(), [*known, *gaps]), accepted)

    def gap(self, place: str) -> Gap | Problem:
        """The one at this place (`str` of a Place) that nobody has accepted yet; EdgeError when there is none."""
        for found in self.audit().open:
            if str(found.place) == place:
                return found
        hint = "see what there is: edge-gate monitor verify"
        raise EdgeError("there is no gap at {place} that waits to be accepted", hint, place=place)

    def accept(self, gap: Gap | Problem, who: str, why: str) -> None:
        """EdgeError without a reason."""
        if not why.strip():
            raise EdgeError("say why the gap is accepted")
        data = msgspec.convert(committed({"who": who, "why": why}), Data)
        document = Document(gap, time.time(), data)
        token = Signer(self._key, TYPE).sign({"hash": document.hash})
        with self._db.writing() as connection:
            connection.execute(insert(ACCEPTED), {"document": msgspec.json.encode(document), "token": token})

    def erase(self, older_than: float) -> None:
        """Take out who accepted what before that; that it was accepted stays signed. What cannot be read accepts
        nothing, and nobody knows whom it names: it goes."""
        with self._db.writing() as connection:
            for row in connection.execute(select(ACCEPTED)).all():
                document, number = _read(row.document), ACCEPTED.c.number == row.number
                if document is None:
                    connection.execute(delete(ACCEPTED).where(number))
                elif document.at < older_than and document.data.personal:
                    nameless = structs.replace(document, data=Data(document.data.commitments))
                    connection.execute(update(ACCEPTED).where(number).values(document=msgspec.json.encode(nameless)))

    def _is_signed(self, document: Document, row: Any) -> bool:
        try:
            signed = Verifier(self._key, TYPE).verify(row.token)
        except SealError:
            return False
        return signed == {"hash": document.hash} and is_committed(document.data.personal, document.data.commitments)


def _read(document: bytes) -> Document | None:
    try:
        return msgspec.json.decode(document, type=Document)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
