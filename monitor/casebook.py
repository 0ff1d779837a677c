"""The alarms on disk: each as it is now, and every step of it in a hash chain with who and when.

Whatever changes an alarm goes through here, from any thread, one at a time: the machine decides, the database
remembers both, and then whoever watches is told. After a crash it goes on from the last event that it has dealt with.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from edge.errors import StoreError
from edge.seal import GENESIS
from edge.transport import Channel, topic
from monitor.alarms import Alarms
from monitor.chain import Deed, deed, link, nameless
from monitor.cursors import cursor, set_cursor
from monitor.database import Database, storable
from monitor.downtime import active_s
from monitor.handling import Refused
from monitor.ledger import Recorded
from monitor.limits import Rules
from monitor.reports import of_event, of_problem
from monitor.stream import Flaw, Problem, Unacceptable, parse
from monitor.tables import ALARMS, EVENTS, PROBLEMS, STEPS
from monitor.terms import Action, Alarm, Fact, Key, Raised, State, Step, erased

CURSOR, FLAWS, ERASED, NAMELESS = "alarms", "problems", "erased steps", "nameless alarms"
"""How far events, and what is wrong with them, have become alarms; up to which step names are erased, and up to when in
closed alarms."""
PAGE = 1000
MOST = 10_000
"""Closed alarms that figures are made of, the newest."""
LARGEST = 2**63 - 1


class Unknown(Refused):
    """There is no such alarm."""


class Casebook:
    """`changed` is called, with no lock held, whenever alarms have changed."""

    def __init__(self, database: Database, rules: Rules, changed: Callable[[], None] = lambda: None) -> None:
        self._db, self._rules, self._changed = database, rules, changed
        self._lock = threading.RLock()
        self._stale, self._untold = True, False
        self._cursor = self._flaws = 0
        with self._lock:
            self._recover()

    # What reaches it -----------------------------------------------------------------------------------------------

    def recorded(self, recorded: Iterable[Recorded], problems: Collection[Problem] = ()) -> None:
        """Deal with what the ledger has committed, in its order; `problems` are read there."""
        with self._lock:
            self._recover()
            self._deal(recorded, bool(problems))
        self._tell()

    def hear(self, facts: Iterable[Fact]) -> None:
        """Deal with what was reported or seen."""
        with self._lock:
            self._recover()
            self._take(facts)
        self._tell()

    def _deal(self, recorded: Iterable[Recorded], is_flawed: bool = False) -> None:
        events = [each for each in recorded if each.position > self._cursor]
        facts = [fact for each in events for fact in of_event(each.received)]
        facts += [fact for problem in (self._flawed() if is_flawed else ()) for fact in of_problem(problem)]
        if events:
            self._cursor = events[-1].position
        self._take(facts)

    def _take(self, facts: Iterable[Fact]) -> None:
        now = time.time()
        steps = [step for fact in facts for step in self._alarms.hear(fact, now)]
        if steps:
            self._keep(steps)

    def report(self, report: Raised) -> int:
        """What a person reports becomes an alarm: its number."""
        self.hear([report])
        with self._lock:
            return next(each.number for each in self._alarms.alarms.values() if each.key == report.key)

    def tick(self) -> None:
        """Let time pass; about once a second."""
        with self._lock:
            self._recover()
            steps = self._alarms.tick(time.time())
            if steps or self._alarms.changed or (self._cursor, self._flaws) != self._saved:
                self._keep(steps)
        self._tell()

    def act(self, number: int, action: Action, who: str, text: str = "", seconds: float = 0.0) -> Alarm:
        """What a person does; `Refused` when the alarm does not allow it, `Unknown` when there is none."""
        with self._lock:
            self._recover()
            if self.find(number) is None:
                raise Unknown("there is no alarm {number}", number=number)
            step = self._alarms.act(number, action, who, time.time(), text, seconds)
            alarm = self._alarms.alarms[number]
            self._keep([step])
        self._tell()
        return alarm

    def _tell(self) -> None:
        if self._untold:
            self._untold = False
            self._changed()

    # What it knows -------------------------------------------------------------------------------------------------

    def open(self) -> list[Alarm]:
        """Alarms that are not closed, the most urgent and newest first."""
        with self._lock:
            found = [msgspec.structs.replace(each) for each in self._alarms.alarms.values() if each.closed is None]
        return sorted(found, key=lambda alarm: (-alarm.severity, -alarm.raised))

    def known(self) -> list[Alarm]:
        """Alarms that are open, and those closed so lately that they may reopen; as they are now, in no order."""
        with self._lock:
            return [msgspec.structs.replace(each) for each in self._alarms.alarms.values()]

    def closed(self, limit: int = 100, since: float = 0.0, at: str = "") -> list[Alarm]:
        """The alarms that were closed last, `at` a gate if it is named, as `is_at` has it."""
        columns, (site, _, gate) = ALARMS.c, at.rpartition("/")
        query = select(columns.document).where(columns.closed >= since)
        for column, wanted in ((columns.site, site), (columns.gate, gate)):
            query = query.where(column == storable(wanted)) if wanted else query
        with self._db.reading() as connection:
            rows = connection.execute(query.order_by(columns.closed.desc()).limit(limit))
            return [_alarm(row[0]) for row in rows]

    def find(self, number: int) -> Alarm | None:
        if number > LARGEST:
            return None  # no database has such a number
        with self._db.reading() as connection:
            row = connection.execute(select(ALARMS.c.document).where(ALARMS.c.number == number)).first()
        return _alarm(row[0]) if row else None

    def steps(self, number: int) -> list[Deed]:
        """All that happened to an alarm, in order."""
        query = select(STEPS.c.document).where(STEPS.c.number == number).order_by(STEPS.c.position)
        with self._db.reading() as connection:
            return [deed(row[0]) for row in connection.execute(query)]

    def outages(self, kinds: Collection[str], since: float, until: float) -> dict[Key, float]:
        """For how many seconds of this time the faults of these kinds were there, whatever their sources."""
        found = {
            each.number: each.key._replace(source="")
            for each in (*self.open(), *self.closed(MOST, since))
            if each.key.kind in kinds
        }
        columns, numbers = STEPS.c, list(found)
        query = select(columns.number, columns.stage, columns.at).where(columns.number.in_(numbers))
        with self._db.reading() as connection:
            rows = connection.execute(query.order_by(columns.position)).all() if numbers else []
        stories: dict[Key, dict[int, list[tuple[str, float]]]] = {}
        for row in rows:
            stories.setdefault(found[row.number], {}).setdefault(row.number, []).append((row.stage, row.at))
        return {key: active_s(of.values(), since, until) for key, of in stories.items()}

    def due(self, alarm: Alarm) -> float | None:
        """When the alarm is told to the next level."""
        return self._alarms.due(alarm)

    def erase(self, older_than: float) -> None:
        """Take who did what, and what they wrote, out of older steps and alarms; the chain stays valid."""
        with self._lock, self._db.writing() as connection:
            self._erase_steps(connection, older_than)
            self._erase_alarms(connection, older_than)

    def _erase_steps(self, connection: Connection, older_than: float) -> None:
        done = cursor(connection, ERASED)
        query = select(STEPS.c.position, STEPS.c.document).where(STEPS.c.position > done, STEPS.c.at < older_than)
        rows = connection.execute(query.order_by(STEPS.c.position).limit(PAGE)).all()
        for row in rows:
            values = {"document": nameless(row.document)}
            connection.execute(update(STEPS).where(STEPS.c.position == row.position).values(**values))
        if rows:
            set_cursor(connection, ERASED, rows[-1].position)

    def _erase_alarms(self, connection: Connection, older_than: float) -> None:
        since, columns = cursor(connection, NAMELESS), ALARMS.c
        query = select(columns.number, columns.document).where(columns.closed >= since, columns.closed < older_than)
        for row in connection.execute(query).all():
            values = {"document": msgspec.json.encode(erased(_alarm(row.document)))}
            connection.execute(update(ALARMS).where(columns.number == row.number).values(**values))
        set_cursor(connection, NAMELESS, max(since, int(older_than)))

    # On disk -------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        lately = time.time() - self._rules.reopen_within_s
        with self._db.reading() as connection:
            query = select(ALARMS.c.document).where((ALARMS.c.closed.is_(None)) | (ALARMS.c.closed >= lately))
            alarms = [_alarm(row[0]) for row in connection.execute(query)]
            last: int = connection.execute(select(func.coalesce(func.max(ALARMS.c.number), 0))).scalar_one()
            self._cursor, self._flaws = self._saved = cursor(connection, CURSOR), cursor(connection, FLAWS)
            end = connection.execute(select(STEPS.c.position, STEPS.c.hash).order_by(STEPS.c.position.desc())).first()
        self._alarms = Alarms(self._rules, sorted(alarms, key=lambda alarm: alarm.number), last)
        self._end: tuple[int, str] = (end[0], end[1]) if end else (0, GENESIS)

    def _recover(self) -> None:
        """After a start or a failure: begin with what is on the disk, and deal with what was committed since."""
        if not self._stale:
            return
        self._load()
        while rows := self._missed():
            self._deal(filter(None, map(_recorded, rows)))
            self._cursor = rows[-1].position
        self._deal([], True)
        self._stale = False

    def _missed(self) -> Sequence[Row[Any]]:
        """The next events after the cursor."""
        with self._db.reading() as connection:
            query = select(EVENTS).where(EVENTS.c.position > self._cursor).order_by(EVENTS.c.position).limit(PAGE)
            return connection.execute(query).all()

    def _flawed(self) -> list[Problem]:
        """What was found to be wrong after the cursor, which goes on."""
        query = select(PROBLEMS).where(PROBLEMS.c.position > self._flaws).order_by(PROBLEMS.c.position)
        with self._db.reading() as connection:
            rows = connection.execute(query).all()
        self._flaws = max([self._flaws, *(row.position for row in rows)])
        return [Problem(r.site, r.gate, r.epoch, Flaw(r.kind), r.first, r.last, r.detail) for r in rows]

    def _keep(self, steps: list[Step]) -> None:
        """Write what has changed, and how far the events are dealt with, or forget that it has."""
        end, rows = self._end, []
        for step in steps:
            document, digest = link(step, end[1])
            end = end[0] + 1, digest
            head = {"position": end[0], "number": step.number, "stage": step.stage, "at": step.at, "hash": digest}
            rows.append({**head, "document": document})
        known, numbers = self._alarms.alarms, {step.number for step in steps} | self._alarms.changed
        touched = {number: _row(known[number]) for number in numbers if number in known}
        try:
            with self._db.writing() as connection:
                if rows:
                    connection.execute(insert(STEPS), rows)
                if touched:
                    connection.execute(delete(ALARMS).where(ALARMS.c.number.in_(touched)))
                    connection.execute(insert(ALARMS), list(touched.values()))
                self._save_cursor(connection)
        except StoreError:
            self._stale = True
            raise
        self._end, self._untold = end, self._untold or bool(touched)
        self._alarms.changed.clear()

    def _save_cursor(self, connection: Connection) -> None:
        set_cursor(connection, CURSOR, self._cursor)
        set_cursor(connection, FLAWS, self._flaws)
        self._saved = self._cursor, self._flaws


def _recorded(row: Any) -> Recorded | None:
    """An event of the ledger; None when it was changed since, which its chain tells."""
    try:
        received = parse(topic(row.site, row.gate, Channel.EVENT), row.payload)
    except Unacceptable:
        return None
    return Recorded(row.position, received, row.received, row.late)


def _row(alarm: Alarm) -> dict[str, object]:
    key = alarm.key
    return {
        "number": alarm.number, "site": key.site, "gate": key.gate, "kind": storable(key.kind),
        "severity": alarm.severity, "state": alarm.state, "opened": alarm.opened, "closed": alarm.closed,
        "document": msgspec.json.encode(alarm),
    }  # fmt: skip


def _alarm(document: bytes) -> Alarm:
    return msgspec.json.decode(document, type=Alarm)


def is_wanted(alarm: Alarm, state: str) -> bool:
    """Whether an alarm belongs to what was asked for: `open`, `active`, `shelved` or one of its states."""
    if state == "open":
        return alarm.closed is None
    if state == "active":
        return alarm.active and alarm.closed is None
    return alarm.shelved_until is not None if state == "shelved" else alarm.state is State(state)
