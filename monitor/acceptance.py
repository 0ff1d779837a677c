"""Gaps among the recorded events that a supervisor has accepted, and why; each is signed with the room's key.

It holds for that gap alone: what is signed names the place and the hash of the event that stands after it. Who it was
and what they wrote stands beside what is signed, which only commits to it: erased, the signature stays valid.
"""

import time
from typing import Any

import msgspec
from joserfc.jwk import OKPKey
from msgspec import Struct
from sqlalchemy import insert, select, update

from edge.errors import EdgeError, SealError
from edge.seal import Signer, Verifier, chain_hash, commit
from monitor.database import Database
from monitor.ledger import Gap, Ledger, Place
from monitor.tables import ACCEPTED

TYPE = "edge-gate-accepted+jwt"


class Accepted(Struct, frozen=True):
    """`at` is in UTC seconds; `who` and `why` are empty after they were erased."""

    gap: Gap
    at: float
    who: str
    why: str


class Acceptances:
    """`key` is the room's: the public half is enough to read, the private one is needed to accept."""

    def __init__(self, database: Database, key: OKPKey) -> None:
        self._db, self._key = database, key

    def all(self) -> list[Accepted]:
        """Those that the room has signed, oldest first; others accept nothing."""
        with self._db.reading() as connection:
            rows = connection.execute(select(ACCEPTED).order_by(ACCEPTED.c.number)).all()
        return [_accepted(document) for row in rows if (document := self._signed(row))]

    def gap(self, place: str) -> Gap:
        """The one at this place (`str` of a Place) that nobody has accepted yet; EdgeError when there is none."""
        for gap in Ledger(self._db).audit([each.gap for each in self.all()]).gaps:
            if str(gap.place) == place:
                return gap
        hint = "see what there is: edge-gate monitor verify"
        raise EdgeError("there is no gap at {place} that waits to be accepted", hint, place=place)

    def accept(self, gap: Gap, who: str, why: str) -> None:
        """EdgeError without a reason."""
        if not why.strip():
            raise EdgeError("say why the gap is accepted")
        personal = {"who": who, "why": why}
        committed = {name: commit(value) for name, value in personal.items()}
        data = {
            "personal": {name: [committed[name][0], value] for name, value in personal.items()},
            "commitments": {name: digest for name, (_, digest) in committed.items()},
        }
        document = {**gap.place._asdict(), "digest": gap.digest, "at": time.time(), "data": data}
        token = Signer(self._key, TYPE).sign({"hash": chain_hash(document)})
        with self._db.writing() as connection:
            connection.execute(insert(ACCEPTED), {"document": msgspec.json.encode(document), "token": token})

    def erase(self, older_than: float) -> None:
        """Take out who accepted what before that; that it was accepted stays signed."""
        with self._db.writing() as connection:
            for row in connection.execute(select(ACCEPTED)).all():
                document = msgspec.json.decode(row.document)
                if document["at"] < older_than and document["data"].pop("personal", None):
                    changed = update(ACCEPTED).where(ACCEPTED.c.number == row.number)
                    connection.execute(changed.values(document=msgspec.json.encode(document)))

    def _signed(self, row: Any) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = msgspec.json.decode(row.document)
            signed = Verifier(self._key, TYPE).verify(row.token)
            return document if signed == {"hash": chain_hash(document)} else None
        except (SealError, msgspec.MsgspecError, KeyError, AssertionError):
            return None


def _accepted(document: dict[str, Any]) -> Accepted:
    place = Place(*(document[name] for name in Place._fields))
    personal = {name: pair[1] for name, pair in document["data"].get("personal", {}).items()}
    return Accepted(Gap(place, document["digest"]), document["at"], personal.get("who", ""), personal.get("why", ""))
