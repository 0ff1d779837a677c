"""The recorder's part of the database: the events of all gates, each once, and what is missing or wrong among them."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Table, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from edge.transport import Envelope
from monitor.database import Database, pour, storable
from monitor.gaps import Row, Verdict, judge
from monitor.stream import Flaw, Problem, Received, Stream, is_dated, iso, seconds_of
from monitor.tables import EVENTS, PROBLEMS, QUARANTINE, STREAMS

QUARANTINED = 10_000
"""Most refused messages that are kept, so that a flood of them does not fill the disk."""
LATE_S = 30.0
"""An event that arrives so long after it happened is marked late."""


class Refused(NamedTuple):
    """A message that is no event, and why."""

    topic: str
    reason: str
    payload: bytes


class Recorded(NamedTuple):
    """An event at its place in the ledger. `arrived` is in UTC seconds."""

    position: int
    received: Received
    arrived: float
    late: bool


class Totals(Struct, frozen=True):
    """What the ledger holds."""

    gates: int
    events: int
    duplicates_removed: int
    problems: int
    quarantined: int


class Ledger:
    """One writer at a time. StoreError when the database cannot be used."""

    def __init__(self, where: Path | Database) -> None:
        self._db = where if isinstance(where, Database) else Database(where)
        upsert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        moved = upsert(STREAMS)
        changed = {name: moved.excluded[name] for name in ("sequence", "hash", "touched")}
        self._move = moved.on_conflict_do_update(index_elements=["site", "gate", "epoch"], set_=changed)
        noted = upsert(PROBLEMS)
        again = {"position": noted.excluded.position}
        self._note = noted.on_conflict_do_update(index_elements=list(PROBLEMS.primary_key), set_=again)

    def streams(self) -> list[Stream]:
        """Where each stream stands, the one that last moved at the end."""
        columns = STREAMS.c
        query = select(columns.site, columns.gate, columns.epoch, columns.sequence, columns.hash)
        with self._db.reading() as connection:
            rows = connection.execute(query.order_by(columns.touched)).all()
        return [Stream(*row) for row in rows]

    def commit(
        self,
        received: Iterable[Received],
        moved: Iterable[Stream],
        problems: Iterable[Problem],
        duplicates: dict[tuple[str, str, str], int],
    ) -> list[Recorded]:
        """Record all of it, or nothing; gives the events their places."""
        now = time.time()
        with self._db.writing() as connection:
            events = enumerate(received, _next(connection, EVENTS))
            found = enumerate(problems, _next(connection, PROBLEMS))
            recorded = [Recorded(place, each, now, is_late(each, now)) for place, each in events]
            pour(connection, EVENTS, [_event(each) for each in recorded])
            for table, rows in (
                (self._move, [_stream(stream, now) for stream in moved]),
                (self._note, [_problem(place, each, now) for place, each in found]),
                (_COUNT, [_counted(place, number) for place, number in duplicates.items()]),
            ):
                if rows:
                    connection.execute(table, rows)
        return recorded

    def erase(self, older_than: float) -> None:
        """Forget the refused messages of before: nobody knows what they hold."""
        with self._db.writing() as connection:
            connection.execute(delete(QUARANTINE).where(QUARANTINE.c.received < older_than))

    def quarantine(self, refused: Iterable[Refused]) -> None:
        """Keep messages that are no events, for whoever wants to know where they came from."""
        now = time.time()
        rows = [{**message._asdict(), "received": now, "topic": storable(message.topic)} for message in refused]
        newest = select(func.max(QUARANTINE.c.number)).scalar_subquery()
        with self._db.writing() as connection:
            connection.execute(insert(QUARANTINE), [{**row, "reason": storable(str(row["reason"]))} for row in rows])
            connection.execute(delete(QUARANTINE).where(QUARANTINE.c.number <= newest - QUARANTINED))

    def is_recorded(self, received: Received) -> bool:
        """Whether this event is in the ledger as it is, not another one in its place."""
        columns = EVENTS.c
        query = select(columns.hash).where(
            columns.site == received.site, columns.gate == received.gate,
            columns.epoch == received.epoch, columns.sequence == received.last,
        )  # fmt: skip
        with self._db.reading() as connection:
            row = connection.execute(query).first()
        return row is None or row[0] == received.hash

    def find(self, event: str) -> bytes | None:
        """The event of this CloudEvents id, as it was received."""
        with self._db.reading() as connection:
            found = connection.execute(select(EVENTS.c.payload).where(EVENTS.c.id == event).limit(1)).scalar()
        return None if found is None else bytes(found)

    def at(self, site: str, gate: str, event: str) -> bytes | None:
        """The event of this id of one gate, as it was received, less what was erased since."""
        epoch, _, sequence = event.partition("-")
        columns = EVENTS.c
        query = select(columns.payload).where(
            columns.site == site, columns.gate == gate, columns.epoch == epoch, columns.sequence == int(sequence)
        )
        with self._db.reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else bytes(found)

    def totals(self) -> Totals:
        gates = select(STREAMS.c.site, STREAMS.c.gate).distinct().subquery()
        counts = [
            select(func.count()).select_from(gates),
            select(func.count()).select_from(EVENTS),
            select(func.coalesce(func.sum(STREAMS.c.duplicates), 0)),
            select(func.count()).select_from(PROBLEMS),
            select(func.count()).select_from(QUARANTINE),
        ]
        with self._db.reading() as connection:
            return Totals(*(int(connection.execute(count).scalar_one()) for count in counts))

    def problems(self) -> list[Problem]:
        with self._db.reading() as connection:
            rows = connection.execute(select(PROBLEMS).order_by(PROBLEMS.c.received, PROBLEMS.c.first)).all()
        return [Problem(r.site, r.gate, r.epoch, Flaw(r.kind), r.first, r.last, r.detail) for r in rows]

    def verify(self) -> bool:
        """Read every event again: true when all streams are in order, without a gap, and their hashes chain."""
        return not self.audit().gaps

    def audit(self, accepted: Iterable[object] = ()) -> Verdict:
        """The same, with what is not in order and how many events are."""
        columns = EVENTS.c
        query = select(
            columns.site, columns.gate, columns.epoch, columns.first, columns.sequence, columns.hash, columns.payload
        ).order_by(columns.site, columns.gate, columns.epoch, columns.sequence)
        options, heads = {"yield_per": 1000}, self.streams()
        with self._db.reading() as connection, connection.execute(query, execution_options=options) as rows:
            return judge((Row(*row) for row in rows), accepted, heads)

    def close(self) -> None:
        self._db.close()


def is_late(received: Received, now: float) -> bool:
    """Whether an event came long after it happened, by the gate's own clock where that can be trusted."""
    happened = seconds_of(received.event.time)
    return received.event.timetrusted and happened is not None and now - happened > LATE_S


_COUNT = (
    update(STREAMS)
    .where(
        and_(
            STREAMS.c.site == bindparam("of_site"),
            STREAMS.c.gate == bindparam("of_gate"),
            STREAMS.c.epoch == bindparam("of_epoch"),
        )
    )
    .values(duplicates=STREAMS.c.duplicates + bindparam("more"))
)


def _counted(place: tuple[str, str, str], number: int) -> dict[str, object]:
    return {"of_site": place[0], "of_gate": place[1], "of_epoch": place[2], "more": number}


def _next(connection: Connection, table: Table) -> int:
    """The place after the last row."""
    found: int = connection.execute(select(func.coalesce(func.max(table.c.position), 0) + 1)).scalar_one()
    return found


def _problem(place: int, problem: Problem, now: float) -> dict[str, object]:
    return {**msgspec.structs.asdict(problem), "received": now, "position": place}


def _stream(stream: Stream, now: float) -> dict[str, object]:
    names = ("site", "gate", "epoch", "sequence", "hash")
    return {name: getattr(stream, name) for name in names} | {"duplicates": 0, "touched": now}


def _event(recorded: Recorded) -> dict[str, object]:
    received, event = recorded.received, recorded.received.event
    return {
        "position": recorded.position, "site": received.site, "gate": received.gate, "epoch": received.epoch,
        "sequence": received.last, "first": received.first, "id": event.id, "type": storable(event.type),
        "subject": storable(event.subject), "time": _time(recorded), "severity": event.severity,
        "hash": received.hash, "received": recorded.arrived, "late": recorded.late,
        "person": _person(event),
        "reason": storable(reason) if isinstance(reason := event.data.get("reason"), str) else None,
        "payload": received.payload,
    }  # fmt: skip


def _time(recorded: Recorded) -> str:
    """By which an event is found; by that of its arrival where its own cannot be read."""
    event = recorded.received.event
    return event.time if is_dated(event) else iso(recorded.arrived)


def _person(event: Envelope) -> str | None:
    """Whom an event names as passing. "" marks what else is personal and ends when names do: a picture, operators."""
    personal = event.data.get("personal")
    if not isinstance(personal, dict):
        return None
    pair = personal.get("person")
    return storable(str(pair[1])) if isinstance(pair, list) and len(pair) == 2 else ""
