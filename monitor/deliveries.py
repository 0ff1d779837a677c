"""Every notice on disk: to whom, by which way, how often it was tried, and what became of it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Row, Select, delete, func, insert, select, update

from edge.errors import in_english
from monitor.database import Database
from monitor.linkage import Cause, Telling
from monitor.notice import Notice
from monitor.post import Way
from monitor.tables import DELIVERIES

WAITING, DELIVERED, GIVEN_UP, UNREADABLE = "waiting", "delivered", "given_up", "unreadable"
FIRST_S, LONGEST_S = 5.0, 900.0
"""After how long a notice is tried again, at first and at most."""
PATIENCE_S = 86_400.0
"""For how long it is tried."""
CAUSES = frozenset(Cause)
Raising = tuple[int, float]
"""An alarm and when it was raised."""


class Delivery(Struct, frozen=True):
    """One notice by one way. Times are UTC seconds; `why` says what was wrong with the last attempt."""

    number: int
    way: Way
    target: str
    made: float
    state: str
    attempts: int
    done: float | None
    why: str
    notice: Notice


class Unreadable(Struct, frozen=True):
    """A row that says no more what is to be told by which way, and why."""

    number: int
    alarm: int
    raised: float
    level: str
    cause: str
    why: str


class Deliveries:
    """Called from any thread."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def told(self, raisings: Iterable[Raising]) -> dict[Raising, set[Telling]]:
        """What was told, or is under way, by any way, of alarms since they were raised; nothing that cannot be read."""
        wanted, columns, found = dict.fromkeys(raisings), DELIVERIES.c, defaultdict(set)
        query = select(columns.alarm, columns.raised, columns.level, columns.cause)
        with self._db.reading() as connection:
            of_these = columns.alarm.in_({number for number, _ in wanted}), columns.state != UNREADABLE
            for row in connection.execute(query.where(*of_these)):
                if (row.alarm, row.raised) in wanted and row.cause in CAUSES:
                    found[row.alarm, row.raised].add(Telling(row.level, Cause(row.cause)))
        return found

    def add(self, notice: Notice, targets: dict[Way, str], now: float) -> None:
        """Put down that a notice is to be delivered by each of these ways."""
        with self._db.writing() as connection:
            connection.execute(insert(DELIVERIES), [_row(notice, way, target, now) for way, target in targets.items()])

    def tried(self, notice: Notice, way: Way, target: str, now: float, why: str) -> None:
        """Put down what was tried once and will not be again: a test. `why` is empty when it was delivered."""
        state = {"state": GIVEN_UP if why else DELIVERED, "attempts": 1, "done": now, "why": why}
        with self._db.writing() as connection:
            connection.execute(insert(DELIVERIES), {**_row(notice, way, target, now), **state})

    def waiting(self, now: float, limit: int) -> list[Delivery | Unreadable]:
        """What is to be tried now: to each level by each way up to so many, so that none stands before another's."""
        columns = DELIVERIES.c
        place = func.row_number().over(partition_by=(columns.level, columns.way), order_by=columns.number)
        due = select(DELIVERIES, place.label("place")).where(columns.state == WAITING, columns.next <= now).subquery()
        with self._db.reading() as connection:
            rows = connection.execute(select(due).where(due.c.place <= limit).order_by(due.c.number))
            return [_delivery(row) for row in rows]

    def beside(self, row: Unreadable) -> list[Delivery]:
        """The same notice by the other ways of its level."""
        columns = DELIVERIES.c
        of_it = (columns.alarm == row.alarm, columns.raised == row.raised, columns.level == row.level)
        query = select(DELIVERIES).where(*of_it, columns.cause == row.cause, columns.state != UNREADABLE)
        return self._read(query)

    def set_aside(self, row: Unreadable, now: float) -> None:
        """It is not tried any more, and counts as not told."""
        self._set(row.number, state=UNREADABLE, done=now, why=row.why)

    def delivered(self, delivery: Delivery, now: float) -> None:
        self._set(delivery.number, state=DELIVERED, attempts=delivery.attempts + 1, done=now, why="")

    def failed(self, delivery: Delivery, why: str, now: float) -> None:
        """To be tried again, less and less often; given up after a day."""
        wait = min(LONGEST_S, FIRST_S * 2.0**delivery.attempts)
        over = now + wait - delivery.made > PATIENCE_S
        tries: dict[str, object] = {"attempts": delivery.attempts + 1, "why": why, "next": now + wait}
        self._set(delivery.number, **tries, **({"state": GIVEN_UP, "done": now} if over else {}))

    def latest(self, limit: int, alarm: int | None = None) -> list[Delivery]:
        """The newest ones that can be read, of one alarm if it is named."""
        query = (
            select(DELIVERIES).where(DELIVERIES.c.state != UNREADABLE).order_by(DELIVERIES.c.number.desc()).limit(limit)
        )
        if alarm is not None:
            query = query.where(DELIVERIES.c.alarm == alarm)
        return self._read(query)

    def _read(self, query: Select[Any]) -> list[Delivery]:
        with self._db.reading() as connection:
            found = [_delivery(row) for row in connection.execute(query)]
        return [each for each in found if isinstance(each, Delivery)]

    def erase(self, older_than: float) -> None:
        """Forget what was delivered or given up before that: it names addresses of people."""
        columns = DELIVERIES.c
        with self._db.writing() as connection:
            connection.execute(delete(DELIVERIES).where(columns.state != WAITING, columns.made < older_than))

    def _set(self, number: int, **values: object) -> None:
        with self._db.writing() as connection:
            connection.execute(update(DELIVERIES).where(DELIVERIES.c.number == number).values(**values))


def _row(notice: Notice, way: Way, target: str, now: float) -> dict[str, object]:
    return {
        "alarm": notice.alarm.number, "raised": notice.alarm.raised, "level": notice.level, "cause": notice.cause,
        "way": way, "target": target, "made": now, "state": WAITING, "attempts": 0, "next": now, "why": "",
        "document": msgspec.json.encode(notice),
    }  # fmt: skip


def _delivery(row: Row[tuple[object, ...]]) -> Delivery | Unreadable:
    try:
        notice, way = msgspec.json.decode(row.document, type=Notice), Way(row.way)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        why = in_english("a notice cannot be read: {why}", why=error)
        return Unreadable(row.number, row.alarm, row.raised, row.level, row.cause, why)
    return Delivery(
        number=row.number, way=way, target=row.target, made=row.made, state=row.state, attempts=row.attempts,
        done=row.done, why=row.why, notice=notice,
    )  # fmt: skip
