"""Whether the drills of a gate are held as often as they must be, and passed. Pure."""

from edge.effects import Effect, Emit
from edge.errors import in_english
from edge.events import DrillFault
from edge.facts import DrillDone
from edge.fault import Fault
from edge.terms import Now

Effects = list[Effect]

SUBJECT = "drill"


class Drills:
    """The last drill, and the alarm that one is overdue or was failed. `every_s` 0: none is asked for."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._passed_at = 0.0
        self._failed = ""
        self._fault = Fault()

    def done(self, fact: DrillDone) -> Effects:
        """A drill was held, now or, `told`, before this start."""
        report = fact.report
        if report.passed:
            self._passed_at = max(self._passed_at, fact.at)
        self._failed = "" if report.passed else (report.detail or in_english("the drill was failed"))
        return [] if fact.told else [Emit(SUBJECT, report)]

    def due(self, now: Now) -> Effects:
        """Look whether one is overdue; while the clock is not trusted nothing becomes so."""
        overdue = bool(self._every_s) and now.trusted and now.utc - self._passed_at > self._every_s
        why = self._failed or (in_english("no drill was passed in time") if overdue or self._fault.active else "")
        bad = bool(self._failed) or overdue or (self._fault.active and not now.trusted)
        if not self._fault.update(bad, now.mono):
            return []
        return [
            Emit(
                SUBJECT, DrillFault(self._fault.active, why if self._fault.active else in_english("a drill was passed"))
            )
        ]
