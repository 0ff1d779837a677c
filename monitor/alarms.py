"""The life of an alarm, from its first report to the check that closes it; in the terms of OPC UA Part 9 and ISA-18.2.

A pure machine: what gates report, what people do and the time go in, steps with who and when come out. An alarm is
closed only by a check: the machine's own for a fault of a device, for others a second look by a person who is not
the one who mended it. It reopens by itself when the fault returns soon enough.
"""

from collections import deque
from collections.abc import Callable, Iterable

from edge.errors import EdgeError
from monitor.limits import Rules
from monitor.terms import (
    FLOOD,
    LEVELS,
    MACHINE,
    OF_LEAF,
    ROOM,
    Action,
    Alarm,
    Check,
    Cleared,
    Fact,
    Key,
    Pictured,
    Priority,
    Probed,
    Raised,
    Restarted,
    Stage,
    Step,
)


class Refused(EdgeError):
    """A step that the alarm does not allow as it is; nothing has changed."""


class Incomplete(Refused):
    """What the step is about does not come with it."""


class Alarms:
    """All alarms that are open, and those closed so lately that they may reopen."""

    def __init__(self, rules: Rules, alarms: Iterable[Alarm] = (), last: int = 0) -> None:
        self.rules = rules
        self.alarms = {alarm.number: alarm for alarm in alarms}
        self._by_key = {alarm.key: alarm for alarm in self.alarms.values()}
        self._last = max([last, *self.alarms])
        self._raised: dict[tuple[str, str], deque[float]] = {}

    def hear(self, fact: Fact, now: float) -> list[Step]:
        """Take in what a gate reports or a check saw."""
        match fact:
            case Raised():
                return self._raise(fact, now)
            case Cleared():
                alarm = self._by_key.get(fact.key)
                return self._clear(alarm, now) if alarm and alarm.active and not alarm.latched else []
            case Restarted():
                return [step for alarm in self._reported_by(fact) for step in self._clear(alarm, now)]
            case Pictured():
                return self._show(fact, now)
        return [step for alarm in self._waiting(fact) for step in self._probe(alarm, fact.good, now)]

    # Reports -------------------------------------------------------------------------------------------------------

    def _raise(self, report: Raised, now: float) -> list[Step]:
        alarm = self._by_key.get(report.key)
        if alarm and alarm.active and not alarm.latched:
            alarm.detail, alarm.severity = report.detail, max(alarm.severity, report.severity)
            return []
        if alarm and alarm.closed is not None and now - alarm.closed > self.rules.reopen_within_s:
            self._forget(alarm)
            alarm = None
        stage = Stage.RAISED
        if alarm is None:
            self._last += 1
            alarm = Alarm(
                self._last, report.key, report.severity, report.check, report.detail, report.latched, now, now
            )
            self.alarms[alarm.number] = self._by_key[alarm.key] = alarm
        else:
            stage = self._again(alarm, report, now)
        flood = self._flooded(alarm, now)
        return [Step(alarm.number, stage, now, report.by, report.detail), *flood]

    def _again(self, alarm: Alarm, report: Raised, now: float) -> Stage:
        stage = Stage.REALARMED if alarm.closed is None else Stage.REOPENED
        alarm.reopened += stage is Stage.REOPENED
        alarm.occurrences += 1
        alarm.detail, alarm.severity = report.detail, report.severity
        alarm.begin(now)
        return stage

    def _flooded(self, alarm: Alarm, now: float) -> list[Step]:
        """Lesser alarms of a gate that reports too many are kept but not announced (ISA-18.2 flood suppression)."""
        key = alarm.key
        if key.kind == FLOOD:
            return []
        times = self._raised.setdefault((key.site, key.gate), deque())
        times.append(now)
        if self._rate(times, now) <= self.rules.flood_alarms:
            return []
        if alarm.priority in (Priority.MEDIUM, Priority.LOW):
            alarm.suppressed = True
        text = f"{len(times)} / {self.rules.flood_window_s:.0f} s"
        return self._raise(Raised(Key(key.site, key.gate, "", FLOOD), 700, Check.CALM, text), now)

    def _rate(self, times: deque[float], now: float) -> int:
        while times and times[0] <= now - self.rules.flood_window_s:
            times.popleft()
        return len(times)

    def _clear(self, alarm: Alarm, now: float) -> list[Step]:
        way = MACHINE.get(alarm.check)
        seen = way is not None and way.hold and alarm.good_since is not None  # a state may overtake its event
        alarm.active, alarm.cleared, alarm.good_since = False, now, now if seen else None
        return [Step(alarm.number, Stage.CLEARED, now)]

    def _reported_by(self, gate: Restarted) -> list[Alarm]:
        """The faults that last, as a gate has said; not what the room itself says of it. Nor those of a leaf: who cuts
        the power of a door that was forced has not shut it."""
        return [
            alarm
            for alarm in self.alarms.values()
            if alarm.active and not alarm.latched
            and alarm.key[:2] == gate and not alarm.key.kind.startswith(ROOM) and alarm.key.kind not in OF_LEAF
        ]  # fmt: skip

    def _show(self, fact: Pictured, now: float) -> list[Step]:
        """A picture belongs to the fault that its gate has just reported, while that is not closed."""
        alarm = self._by_key.get(fact.key)
        if alarm is None or alarm.closed is not None:
            return []
        alarm.pictures[fact.moment] = fact.event
        return [Step(alarm.number, Stage.PICTURED, now, text=fact.moment)]

    # Checks --------------------------------------------------------------------------------------------------------

    def _waiting(self, seen: Probed) -> list[Alarm]:
        return [
            alarm
            for alarm in self.alarms.values()
            if alarm.closed is None and alarm.check is seen.check
            and (alarm.key.site, alarm.key.gate) == (seen.site, seen.gate)
            and seen.subject in ("", alarm.key.subject)
        ]  # fmt: skip

    def _probe(self, alarm: Alarm, good: bool, now: float) -> list[Step]:
        if alarm.checked:
            return []
        if not alarm.active and not good:
            alarm.cycled = True
        alarm.good_since = (alarm.good_since or now) if good else None
        return self._judge(alarm, now)

    def _judge(self, alarm: Alarm, now: float) -> list[Step]:
        """Whether what was seen since the fault is over is enough."""
        way = MACHINE.get(alarm.check)
        if way is None or alarm.active or alarm.checked or alarm.good_since is None or alarm.closed is not None:
            return []
        too_short = way.hold and now - alarm.good_since < self.rules.check_hold_s
        if too_short or (way.cycle and not alarm.cycled):
            return []
        alarm.checked = now
        return [Step(alarm.number, Stage.CHECKED, now)]

    # Time ----------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Step]:
        """What the passing of time does: checks that held, shelves that end, floods that ebb, what is overdue."""
        steps: list[Step] = []
        for alarm in list(self.alarms.values()):
            if alarm.closed is None:
                steps += self._judge(alarm, now) + self._unshelve(alarm, now) + self._escalate(alarm, now)
                steps += self._ebb(alarm, now)
            elif now - alarm.closed > self.rules.reopen_within_s:
                self._forget(alarm)
        return steps

    def _forget(self, alarm: Alarm) -> None:
        del self.alarms[alarm.number], self._by_key[alarm.key]

    def _unshelve(self, alarm: Alarm, now: float) -> list[Step]:
        if alarm.shelved_until is None or now < alarm.shelved_until:
            return []
        alarm.shelved_until = None
        return [Step(alarm.number, Stage.UNSHELVED, now)]

    def _escalate(self, alarm: Alarm, now: float) -> list[Step]:
        due = self.due(alarm)
        if alarm.shelved_until or alarm.suppressed or due is None or now < due or alarm.escalation >= LEVELS:
            return []
        alarm.escalation += 1
        return [Step(alarm.number, Stage.ESCALATED, now, text=str(alarm.escalation))]

    def due(self, alarm: Alarm) -> float | None:
        """When the next level is told: first for want of an acknowledgement, then for want of closing."""
        if alarm.closed is not None:
            return None
        limits = self.rules.close_within_s if alarm.acknowledged else self.rules.acknowledge_within_s
        return alarm.raised + limits[alarm.priority] * (alarm.escalation + 1)

    def _ebb(self, alarm: Alarm, now: float) -> list[Step]:
        place = (alarm.key.site, alarm.key.gate)
        if alarm.key.kind != FLOOD or not alarm.active:
            return []
        if self._rate(self._raised.setdefault(place, deque()), now) > self.rules.flood_alarms // 2:
            return []
        for other in self.alarms.values():
            other.suppressed = other.suppressed and (other.key.site, other.key.gate) != place
        alarm.checked = now
        return self._clear(alarm, now)

    # People --------------------------------------------------------------------------------------------------------

    def act(self, number: int, action: Action, who: str, now: float, text: str = "", seconds: float = 0.0) -> Step:
        """What a person does; `Refused` when the alarm is not there or does not allow it, and then nothing changes."""
        alarm = self.alarms.get(number)
        if alarm is None or alarm.closed is not None:
            raise Refused("alarm {number} is closed", number=number)
        text = text.strip()
        does: dict[Action, Callable[[], Step]] = {
            Action.ACKNOWLEDGE: lambda: self._acknowledge(alarm, who, now),
            Action.ASSIGN: lambda: self._assign(alarm, who, now, text),
            Action.MEND: lambda: self._mend(alarm, who, now, text),
            Action.LOOK: lambda: self._look(alarm, who, now, text),
            Action.CLOSE: lambda: self._close(alarm, who, now, text),
            Action.SHELVE: lambda: self._shelve(alarm, who, now, text, seconds),
            Action.UNSHELVE: lambda: self._take_back(alarm, who, now),
            Action.NOTE: lambda: self._note(alarm, who, now, text),
        }
        return does[action]()

    def _acknowledge(self, alarm: Alarm, who: str, now: float) -> Step:
        if alarm.acknowledged is not None:
            raise Refused("{who} has acknowledged it already", who=alarm.acknowledged_by)
        alarm.acknowledged, alarm.acknowledged_by, alarm.escalation = now, who, 0
        return Step(alarm.number, Stage.ACKNOWLEDGED, now, who)

    def _assign(self, alarm: Alarm, who: str, now: float, to: str) -> Step:
        if not to:
            raise Incomplete("say to whom it is assigned")
        alarm.assigned_to = to
        return Step(alarm.number, Stage.ASSIGNED, now, who, to)

    def _mend(self, alarm: Alarm, who: str, now: float, text: str) -> Step:
        if alarm.active and not alarm.latched:
            raise Refused("the gate still reports it: it is mended when the gate says so")
        if not text:
            raise Incomplete("say what was done")
        if alarm.active:
            self._clear(alarm, now)
        if alarm.mended_by:
            alarm.mended_before = [*alarm.mended_before, alarm.mended_by]
        alarm.mended, alarm.mended_by, alarm.checked = now, who, None
        return Step(alarm.number, Stage.MENDED, now, who, text)

    def _look(self, alarm: Alarm, who: str, now: float, text: str) -> Step:
        if alarm.check is not Check.LOOK:
            raise Refused("the machine checks this one by itself")
        if alarm.mended is None:
            raise Refused("nobody has said yet that it is mended")
        if who in (alarm.mended_by, *alarm.mended_before):
            raise Refused("the second look is for another person than the one who mended it")
        alarm.checked, alarm.checked_by = now, who
        return Step(alarm.number, Stage.CHECKED, now, who, text)

    def _close(self, alarm: Alarm, who: str, now: float, text: str) -> Step:
        if alarm.active:
            raise Refused("it is still active")
        if alarm.acknowledged is None:
            raise Refused("nobody has acknowledged it")
        if alarm.checked is None:
            raise Refused("its check has not passed: {why}", why=alarm.check.awaited)
        alarm.closed, alarm.closed_by, alarm.shelved_until = now, who, None
        return Step(alarm.number, Stage.CLOSED, now, who, text)

    def _shelve(self, alarm: Alarm, who: str, now: float, reason: str, seconds: float) -> Step:
        if not reason:
            raise Incomplete("say why it is shelved")
        if not 0 < seconds <= self.rules.shelve_at_most_s:
            raise Incomplete(
                "an alarm is shelved for at most {hours:g} hours", hours=self.rules.shelve_at_most_s / 3600
            )
        alarm.shelved_until, alarm.shelved_by, alarm.shelved_because = now + seconds, who, reason
        return Step(alarm.number, Stage.SHELVED, now, who, reason)

    def _take_back(self, alarm: Alarm, who: str, now: float) -> Step:
        if alarm.shelved_until is None:
            raise Refused("it is not shelved")
        alarm.shelved_until = None
        return Step(alarm.number, Stage.UNSHELVED, now, who)

    def _note(self, alarm: Alarm, who: str, now: float, text: str) -> Step:
        if not text:
            raise Incomplete("a note says something")
        return Step(alarm.number, Stage.NOTED, now, who, text)
