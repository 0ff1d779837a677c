"""The life of an alarm, from its first report to the check that closes it; in the terms of OPC UA Part 9 and ISA-18.2.

A pure machine: what gates report, what people do and the time go in, steps with who and when come out. An alarm is
closed only by a check: the machine's own for a fault of a device, for others a second look by a person who is not
the one who mended it. It reopens by itself when the fault returns soon enough.
"""

from collections import deque
from collections.abc import Callable, Iterable

from monitor import handling
from monitor.handling import clear
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


class Alarms:
    """All alarms that are open, and those closed so lately that they may reopen."""

    def __init__(self, rules: Rules, alarms: Iterable[Alarm] = (), last: int = 0) -> None:
        self.rules = rules
        self.alarms = {alarm.number: alarm for alarm in alarms}
        self._by_key = {alarm.key: alarm for alarm in self.alarms.values()}
        self._last = max([last, *self.alarms])
        self._raised: dict[tuple[str, str], deque[float]] = {}
        self.changed: set[int] = set()
        """Alarms of which something has changed that is no step; whoever keeps them empties it."""
        self._announce()

    def hear(self, fact: Fact, now: float) -> list[Step]:
        """Take in what a gate reports or a check saw."""
        match fact:
            case Raised():
                return self._raise(fact, now)
            case Cleared():
                alarm = self._by_key.get(fact.key)
                return [clear(alarm, now)] if alarm and alarm.active and not alarm.latched else []
            case Restarted():
                return [clear(alarm, now) for alarm in self._reported_by(fact)]
            case Pictured():
                return self._show(fact, now)
        return [step for alarm in self._waiting(fact) for step in self._probe(alarm, fact.good, now)]

    # Reports -------------------------------------------------------------------------------------------------------

    def _raise(self, report: Raised, now: float) -> list[Step]:
        alarm = self._by_key.get(report.key)
        if alarm and alarm.active and not alarm.latched:
            self._update(alarm, report, max(alarm.severity, report.severity))
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
        self._update(alarm, report, report.severity)
        alarm.begin(now)
        return stage

    def _update(self, alarm: Alarm, report: Raised, severity: int) -> None:
        """It is as reported last; what was seen of another check says nothing about this one."""
        if report.check is not alarm.check:
            alarm.good_since, alarm.cycled = None, False
        told = report.detail, severity, report.check
        if told != (alarm.detail, alarm.severity, alarm.check):
            alarm.detail, alarm.severity, alarm.check = told
            self.changed.add(alarm.number)

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

    def _reported_by(self, gate: Restarted) -> list[Alarm]:
        """The faults that last, as a gate has said; not what the room itself says of it.

        Nor those of a leaf: who cuts the power of a door that was forced has not shut it.
        """
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
        place = alarm.key[:2]
        if alarm.key.kind != FLOOD or alarm.checked is not None:
            return []
        if self._rate(self._raised.setdefault(place, deque()), now) > self.rules.flood_alarms // 2:
            return []
        alarm.checked = now
        over = clear(alarm, now) if alarm.active else Step(alarm.number, Stage.CHECKED, now)
        self._announce()
        return [over]

    def _announce(self) -> None:
        """What no flood keeps back any more."""
        floods = {alarm.key[:2] for alarm in self.alarms.values() if alarm.key.kind == FLOOD and alarm.active}
        for alarm in self.alarms.values():
            if alarm.suppressed and alarm.key[:2] not in floods:
                alarm.suppressed = False
                self.changed.add(alarm.number)

    # People --------------------------------------------------------------------------------------------------------

    def act(self, number: int, action: Action, who: str, now: float, text: str = "", seconds: float = 0.0) -> Step:
        """What a person does; `Refused` when the alarm is not there or does not allow it, and then nothing changes."""
        alarm = self.alarms.get(number)
        if alarm is None or alarm.closed is not None:
            raise handling.closed(number)
        text = text.strip()
        does: dict[Action, Callable[[], Step]] = {
            Action.ACKNOWLEDGE: lambda: handling.acknowledge(alarm, who, now),
            Action.ASSIGN: lambda: handling.assign(alarm, who, now, text),
            Action.MEND: lambda: handling.mend(alarm, who, now, text),
            Action.LOOK: lambda: handling.look(alarm, who, now, text),
            Action.CLOSE: lambda: handling.close(alarm, who, now, text),
            Action.SHELVE: lambda: handling.shelve(alarm, who, now, text, seconds, self.rules.shelve_at_most_s),
            Action.UNSHELVE: lambda: handling.unshelve(alarm, who, now),
            Action.NOTE: lambda: handling.note(alarm, who, now, text),
        }
        return does[action]()
