"""Looking things up among the recorded events, and counting them."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Select, func, or_, select, union_all, update

from edge.transport import Envelope
from monitor.database import Database, storable
from monitor.gaps import unreadable
from monitor.stream import iso, seconds_of
from monitor.tables import EVENTS

NOTED = ("id", "type", "subject", "time", "severity")
COLUMNS = [EVENTS.c[name] for name in ("position", "site", "gate", "received", "late", "payload", *NOTED)]
PASSAGES = ("edge-gate.AccessGranted", "edge-gate.AccessTaken")
ERASED = 500
"""Events whose personal fields are erased in one transaction."""


class Wanted(Struct, frozen=True):
    """What is looked for; empty and None mean everything. Times are the gates' own, RFC 3339 in UTC."""

    gate: str = ""
    type: str = ""
    person: str = ""
    severity: int = 0
    since: str = ""
    until: str = ""
    site: str = ""


class Found(Struct, frozen=True):
    """An event as it was recorded. `event` is the CloudEvent; without its personal fields unless they may be seen, and
    of one that cannot be read without its data."""

    position: int
    received: float
    late: bool
    event: dict[str, Any]


class History:
    """Called from any thread."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def search(self, wanted: Wanted, limit: int, before: int | None = None, personal: bool = False) -> list[Found]:
        """The newest events that fit, older than the one at the position `before` when a page follows another."""
        columns = EVENTS.c
        newest = (columns.time.desc(), columns.position.desc())
        query = _fitting(wanted).order_by(*newest).limit(limit)
        if before is not None:
            at = self._time(before)
            query = query.where(columns.time <= at, or_(columns.time < at, columns.position < before))
        return self._found(query, newest, personal)

    def _time(self, position: int) -> str:
        """By which an event is found; "" when there is none, and nothing is older."""
        query = select(EVENTS.c.time).where(EVENTS.c.position == position)
        with self._db.reading() as connection:
            return connection.execute(query).scalar() or ""

    def since(self, position: int, wanted: Wanted, limit: int, personal: bool = False) -> list[Found]:
        """The events that were recorded after a position, in the order of recording."""
        query = _fitting(wanted).where(EVENTS.c.position > position).order_by(EVENTS.c.position).limit(limit)
        return self._found(query, (EVENTS.c.position,), personal)

    def passage(self, site: str, gate: str, people: list[str], since: float, until: float) -> tuple[float, str] | None:
        """When one of these people first passed a gate in this time, and who; UTC seconds."""
        columns = EVENTS.c
        query = select(columns.time, columns.person).where(
            columns.site == site, columns.gate == gate, columns.person.in_(people), columns.type.in_(PASSAGES),
            columns.time >= iso(since), columns.time < iso(until),
        ).order_by(columns.time)  # fmt: skip
        with self._db.reading() as connection:
            rows = connection.execute(query).all()
        passages = ((seconds_of(row.time), row.person) for row in rows)
        return next(((at, person) for at, person in passages if at is not None), None)

    def counts(self, since: str) -> list[tuple[str, str, str, str, int]]:
        """Per hour (`2026-11-24T08`), place, type and reason: how many events."""
        columns = EVENTS.c
        hour = func.substr(columns.time, 1, 13)
        keys = (hour, columns.gate, columns.type, func.coalesce(columns.reason, ""))
        query = select(*keys, func.count()).where(columns.time >= since).group_by(*keys)
        with self._db.reading() as connection:
            return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(query)]

    def begun(self) -> float | None:
        """When the first event that is still there was recorded."""
        query = select(EVENTS.c.received).order_by(EVENTS.c.position).limit(1)
        with self._db.reading() as connection:
            found: float | None = connection.execute(query).scalar()
        return found

    def types(self) -> list[str]:
        """Every type that was ever recorded."""
        with self._db.reading() as connection:
            return list(_distinct(connection, EVENTS.c.type))

    def erase(self, older_than: float) -> int:
        """Take the personal fields out of events that are older; how many, at most a batch. The chain stays valid.

        Older by the gate's clock or by the room's: a gate's may have been wrong.
        """
        columns = EVENTS.c
        named = select(columns.position).where(columns.person.is_not(None))
        old = union_all(named.where(columns.time < iso(older_than)), named.where(columns.received < older_than))
        query = select(columns.position, columns.payload).where(columns.position.in_(old.limit(ERASED)))
        with self._db.writing() as connection:
            rows = connection.execute(query).all()
            for row in rows:
                values = {"payload": _without_personal(row.payload), "person": None}
                connection.execute(update(EVENTS).where(columns.position == row.position).values(**values))
        return len(rows)

    def _found(self, chosen: Select[Any], order: tuple[Any, ...], personal: bool) -> list[Found]:
        """First which ones, from an index alone; then these are read."""
        places = chosen.subquery()
        query = select(*COLUMNS).join_from(places, EVENTS, places.c.position == EVENTS.c.position).order_by(*order)
        with self._db.reading() as connection:
            rows = connection.execute(query).all()
        return [Found(row.position, row.received, row.late, _shown(row, personal)) for row in rows]


def _shown(row: Any, personal: bool) -> dict[str, Any]:
    """The CloudEvent of a row, with personal fields as plain values or not at all; pictures are on tickets only.

    Of one that cannot be read: what was noted of it when it came.
    """
    source = f"/{row.site}/{row.gate}"
    try:
        event = msgspec.json.decode(row.payload, type=dict[str, Any])
        is_readable = msgspec.convert(event, Envelope).source == source
    except (msgspec.MsgspecError, ValueError, RecursionError):
        is_readable = False
    if not is_readable:
        return {**{name: getattr(row, name) for name in NOTED}, "source": source, "data": {}}
    pairs = event["data"].pop("personal", {})
    if personal and pairs and isinstance(pairs, dict):
        event["data"]["personal"] = {
            k: v[1] for k, v in pairs.items() if isinstance(v, list) and len(v) == 2 and k != "jpeg"
        }
    return event


def _fitting(wanted: Wanted) -> Select[Any]:
    columns, query = EVENTS.c, select(EVENTS.c.position)
    for name in ("site", "gate", "type", "person"):
        if value := getattr(wanted, name):
            query = query.where(columns[name] == storable(value))
    if wanted.severity:
        query = query.where(columns.severity >= wanted.severity)
    if wanted.since:
        query = query.where(columns.time >= wanted.since)
    return query.where(columns.time < wanted.until) if wanted.until else query


def _distinct(connection: Any, column: Any) -> Iterator[str]:
    """The values of an indexed column, by jumping from one to the next: there are few, and a great many rows."""
    value = connection.execute(select(func.min(column))).scalar()
    while value is not None:
        yield value
        value = connection.execute(select(func.min(column)).where(column > value)).scalar()


def _without_personal(payload: bytes) -> bytes:
    """Nothing is left of what cannot be read: nobody knows whom it names, and it was changed in any case."""
    try:
        event = msgspec.json.decode(payload, type=dict[str, object])
        data = msgspec.convert(event["data"], dict[str, object])
    except (msgspec.MsgspecError, ValueError, RecursionError, KeyError):
        return unreadable(payload)
    data.pop("personal", None)
    return msgspec.json.encode({**event, "data": data})
