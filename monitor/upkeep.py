"""Inspections, drills and patrols against what was done: what is overdue or was missed becomes an alarm."""

import time
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import insert, select, update

from edge.events import DrillReport
from edge.transport import type_name
from monitor.cursors import cursor, set_cursor
from monitor.database import Database
from monitor.history import History, Wanted
from monitor.rounds import DrillPlan, Due, Kind, Patrol, Plan, Round, place_of, rounds
from monitor.tables import DEEDS
from monitor.terms import DAY_S, MISSED, OVERDUE, Check, Cleared, Fact, Key, Probed, Raised

CURSOR = "patrols"
GRACE_S = 60.0
"""How long after a round an event of it may still arrive."""
NOBODY = "*"
"""Stands for a name that was erased."""
DRILLS = 20
"""So many reports of a gate are looked at for one that was passed."""


class Visited(msgspec.Struct, frozen=True):
    """A checkpoint of a round: who passed there first and when (UTC seconds), or nobody yet."""

    gate: str
    at: float | None = None
    person: str = ""


class Walk(msgspec.Struct, frozen=True):
    """A round with its checkpoints."""

    name: str
    begins: float
    ends: float
    checkpoints: list[Visited]


class Upkeep:
    """Called from any thread; `tick` from one."""

    def __init__(
        self, database: Database, history: History, inspections: list[Plan], drills: list[DrillPlan],
        patrols: list[Patrol], zone: ZoneInfo,
    ) -> None:  # fmt: skip
        self._db, self._history, self._zone = database, history, zone
        self._inspections, self._drills, self._patrols = inspections, drills, patrols
        self._begin(time.time())

    def _begin(self, now: float) -> None:
        """A plan that is new counts from now; rounds of before there was a room are not missed."""
        with self._db.writing() as connection:
            known = {(row.kind, row.plan) for row in connection.execute(select(DEEDS.c.kind, DEEDS.c.plan).distinct())}
            plans = [(Kind.INSPECTION, plan.name) for plan in self._inspections]
            plans += [(Kind.DRILL, plan.name) for plan in self._drills]
            new = [{"kind": kind, "plan": name} for kind, name in plans if (kind, name) not in known]
            if new:
                connection.execute(insert(DEEDS), [{**each, "at": now, "who": "", "text": ""} for each in new])
            if not cursor(connection, CURSOR):
                set_cursor(connection, CURSOR, int(now))

    # Plans -----------------------------------------------------------------------------------------------------------

    def plans(self) -> list[Due]:
        """Every plan, the one that is due first at the front."""
        with self._db.reading() as connection:
            rows = connection.execute(select(DEEDS).order_by(DEEDS.c.number)).all()
        last = {(row.kind, row.plan): row for row in rows}
        first = {(row.kind, row.plan): row.at for row in reversed(rows)}
        found = [self._inspected(plan, last[Kind.INSPECTION, plan.name]) for plan in self._inspections]
        found += [self._drilled(plan, first[Kind.DRILL, plan.name]) for plan in self._drills]
        return sorted(found, key=lambda each: each.due)

    def _inspected(self, plan: Plan, row: Any) -> Due:
        at = row.at if row.who else None
        return Due(Kind.INSPECTION, plan.name, plan.gate, at, row.who, row.at + plan.every_days * DAY_S)

    def _drilled(self, plan: DrillPlan, since: float) -> Due:
        site, gate = place_of(plan.gate)
        reports = self._history.search(Wanted(gate, type_name(DrillReport), site=site), DRILLS)
        passed = [each.received for each in reports if each.event["data"].get("passed") is True]
        last = passed[0] if passed else None
        return Due(Kind.DRILL, plan.name, plan.gate, last, "", (last or since) + plan.every_days * DAY_S)

    def done(self, name: str, who: str, text: str) -> list[Fact] | None:
        """Somebody has done an inspection: what that is for its alarm; None when there is no such plan."""
        plan = next((each for each in self._inspections if each.name == name), None)
        if plan is None:
            return None
        row = {"kind": Kind.INSPECTION, "plan": name, "at": time.time(), "who": who, "text": text}
        with self._db.writing() as connection:
            connection.execute(insert(DEEDS), row)
        key = Key(*place_of(plan.gate), f"{Kind.INSPECTION}/{name}", OVERDUE)
        return [Cleared(key), Probed(key.site, key.gate, key.subject, Check.DONE, True)]

    def erase(self, older_than: float) -> None:
        """Forget who has done what was done before; that it was done remains."""
        old = update(DEEDS).where(DEEDS.c.at < older_than, DEEDS.c.who.not_in(("", NOBODY)))
        with self._db.writing() as connection:
            connection.execute(old.values(who=NOBODY, text=""))

    # Patrols ---------------------------------------------------------------------------------------------------------

    def walks(self, since: float, until: float) -> list[Walk]:
        """The rounds that end in this time, with what is known of them."""
        return [self._walk(each) for each in rounds(self._patrols, since, until, self._zone)]

    def _walk(self, each: Round) -> Walk:
        visits = []
        for gate in each.patrol.checkpoints:
            passage = self._history.passage(*place_of(gate), each.patrol.people, each.begins, each.ends)
            visits.append(Visited(gate, *passage) if passage else Visited(gate))
        return Walk(each.patrol.name, each.begins, each.ends, visits)

    # Time ------------------------------------------------------------------------------------------------------------

    def tick(self, now: float, hear: Callable[[list[Fact]], None]) -> None:
        """Tell what is overdue or done by now, and what was missed in the rounds that have ended since the last time.

        They count as told when `hear` has returned, which keeps it: after a crash between they are told again.
        """
        with self._db.reading() as connection:
            since = cursor(connection, CURSOR)
        walks = self.walks(since, now - GRACE_S)
        hear([*(self._overdue(plan, now) for plan in self.plans()), *_missed(walks)])
        if walks:
            with self._db.writing() as connection:
                set_cursor(connection, CURSOR, int(walks[-1].ends))

    def _overdue(self, plan: Due, now: float) -> Fact:
        key = Key(*place_of(plan.gate), plan.subject, OVERDUE)
        if now < plan.due:
            return Cleared(key)
        check = Check.DRILL if plan.kind is Kind.DRILL else Check.DONE
        return Raised(key, 500, check, plan.name)


def _missed(walks: list[Walk]) -> list[Fact]:
    """The checkpoints that nobody has passed."""
    return [
        Raised(Key(*place_of(visit.gate), f"patrol/{walk.name}", MISSED), 700, Check.LOOK, walk.name, latched=True)
        for walk in walks
        for visit in walk.checkpoints
        if visit.at is None
    ]
