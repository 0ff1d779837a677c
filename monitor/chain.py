"""The chain of steps of alarms: a link each, whether it is whole, and the signed place at which its beginning was cut.

Who did a step and what they wrote stands beside the chain, which only commits to it: erased, it leaves the chain
valid. Old steps are cut off whole alarms at a time. A checkpoint, signed with the room's key, has the place and the
hash of the last step that went, so that what remains is still a chain from a known beginning.
"""

import time
from typing import Any, NamedTuple

import msgspec
from joserfc.jwk import OKPKey
from sqlalchemy import Connection, delete, func, insert, or_, select

from edge.errors import Phrase, SealError
from edge.seal import GENESIS, Signer, Verifier, chain_hash
from monitor.database import Database
from monitor.personal import committed, is_committed
from monitor.tables import ALARMS, CHECKPOINTS, STEPS
from monitor.terms import Stage, Step

TYPE = "edge-gate-checkpoint+jwt"
PAGE = 1000


class Deed(msgspec.Struct, frozen=True):
    """A step as it is kept. `who` and `text` are empty when it was the machine, or after they were erased."""

    number: int
    stage: Stage
    at: float
    who: str
    text: str


class Checkpoint(msgspec.Struct, frozen=True):
    """Steps up to the one at `through`, which had this hash, were cut off at `at`: they were of alarms that had been
    closed before `closed_before`. Times are UTC seconds."""

    through: int
    hash: str
    closed_before: float
    at: float


class Break(NamedTuple):
    """The first place at which the chain is not what was written, and why."""

    position: int
    why: Phrase


class Verdict(NamedTuple):
    """How many steps are in order, after which cut, up to the first break if there is one."""

    steps: int
    cut: Checkpoint | None
    broken: Break | None


class Chain:
    """From any thread. `key` is the room's: the public half is enough to verify, the private one is needed to cut."""

    def __init__(self, database: Database, key: OKPKey) -> None:
        self._db, self._key = database, key

    def verify(self) -> Verdict:
        """Read all of it."""
        with self._db.reading() as connection:
            verdict = self._read(connection)
            if not verdict.broken and not verdict.steps and (verdict.cut or _has_alarms(connection)):
                place = verdict.cut.through + 1 if verdict.cut else 1  # a cut leaves the newest step
                return verdict._replace(broken=Break(place, Phrase("what stood here is gone")))
        return verdict

    def cut(self, closed_before: float) -> Verdict:
        """Delete the steps of the alarms that were closed before that, as far as no other's lie between them, and
        sign where the chain begins from now on. Nothing of a chain that is broken: what is left of it is evidence."""
        with self._db.writing() as connection:
            through = _last_old(connection, closed_before)
            verdict = self._read(connection, through)
            if verdict.broken or not verdict.steps:
                return verdict
            hashed: str = connection.execute(select(STEPS.c.hash).where(STEPS.c.position == through)).scalar_one()
            checkpoint = Checkpoint(through, hashed, closed_before, time.time())
            token = Signer(self._key, TYPE).sign(msgspec.to_builtins(checkpoint))
            connection.execute(delete(CHECKPOINTS))
            connection.execute(insert(CHECKPOINTS), {"position": through, "token": token})
            connection.execute(delete(STEPS).where(STEPS.c.position <= through))
        return verdict._replace(cut=checkpoint)

    def _read(self, connection: Connection, through: int | None = None) -> Verdict:
        row = connection.execute(select(CHECKPOINTS).order_by(CHECKPOINTS.c.position.desc())).first()
        try:
            cut = self._checkpoint(row.token) if row else None
        except SealError:
            return Verdict(0, None, Break(row.position if row else 0, Phrase("its checkpoint is not the room's")))
        place, digest = (cut.through, cut.hash) if cut else (0, GENESIS)
        query, count = select(STEPS).order_by(STEPS.c.position), 0
        if through is not None:
            query = query.where(STEPS.c.position <= through)
        with connection.execute(query, execution_options={"yield_per": PAGE}) as steps:
            for step in steps:
                if why := _flaw(step, place + 1, digest):
                    return Verdict(count, cut, Break(min(step.position, place + 1), why))
                place, digest, count = step.position, step.hash, count + 1
        return Verdict(count, cut, None)

    def _checkpoint(self, token: str) -> Checkpoint:
        try:
            return msgspec.convert(Verifier(self._key, TYPE).verify(token), Checkpoint)
        except msgspec.ValidationError as error:
            raise SealError("a signed message was refused: {why}", why=error) from error


def _last_old(connection: Connection, closed_before: float) -> int:
    """The place before the first step that has to stay: of an alarm that is open or was closed since, or a newer one,
    whatever its alarm says; and the newest of all, at which the chain goes on. 0 when all have to."""
    steps = STEPS.outerjoin(ALARMS, STEPS.c.number == ALARMS.c.number)
    stays = or_(ALARMS.c.closed.is_(None), ALARMS.c.closed >= closed_before, STEPS.c.at >= closed_before)
    first = select(STEPS.c.position).select_from(steps).where(stays).order_by(STEPS.c.position).limit(1)
    newest: int = connection.execute(select(func.coalesce(func.max(STEPS.c.position), 1))).scalar_one()
    found = connection.execute(first).scalar()
    return min(newest, found or newest) - 1


def _has_alarms(connection: Connection) -> bool:
    return connection.execute(select(ALARMS.c.number).limit(1)).first() is not None


def _flaw(row: Any, place: int, digest: str) -> Phrase | None:
    """What is wrong with a step that should be at this place, after the step with this hash."""
    if row.position != place:
        return Phrase("what stood here is gone") if row.position > place else Phrase("it was cut off before")
    try:
        document = msgspec.json.decode(row.document, type=dict[str, Any])
        hashed, data = chain_hash(document), document["data"]
        personal, commitments = data["personal"], data["commitments"]
        told = (document["number"], document["stage"], document["at"], document["previoushash"])
    except (msgspec.MsgspecError, KeyError, TypeError, AssertionError):
        return Phrase("it was changed")
    if hashed != row.hash or told != (row.number, row.stage, row.at, digest):
        return Phrase("it was changed")
    if not is_committed(personal, commitments):
        return Phrase("a personal field is not the one that was committed to")
    return None


# Links ---------------------------------------------------------------------------------------------------------------


def link(step: Step, previous: str) -> tuple[bytes, str]:
    """A step as a link of the chain, and its hash."""
    data = committed({"who": step.who, "text": step.text}) if step.who else {"text": step.text, **committed({})}
    document = {"number": step.number, "stage": step.stage, "at": step.at, "previoushash": previous, "data": data}
    return msgspec.json.encode(document), chain_hash(document)


def nameless(document: bytes) -> bytes:
    """A link without who did it and what they wrote; its hash is the same."""
    decoded = msgspec.json.decode(document)
    decoded["data"]["personal"] = {}
    return msgspec.json.encode(decoded)


def deed(document: bytes) -> Deed:
    """What a link says."""
    decoded = msgspec.json.decode(document)
    data = decoded["data"]
    personal = {name: pair[1] for name, pair in data.get("personal", {}).items()}
    text = personal.get("text", data.get("text", ""))
    return Deed(decoded["number"], Stage(decoded["stage"]), decoded["at"], personal.get("who", ""), text)
