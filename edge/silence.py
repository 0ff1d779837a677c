"""Readers that send heartbeats, and those that have fallen silent. Pure.

While the broker is away no reader can be heard, which is its fault and no reader's: nobody's silence is counted then,
and it begins anew when the broker is back. Times are monotonic seconds; `deadline` says when `tick` must be called
next.
"""

import math

from edge.effects import Effect, Emit
from edge.errors import in_english
from edge.events import ReaderFault
from edge.fault import Fault

Effects = list[Effect]


class Silence:
    """The supervised readers of a gate; `silent_after_s` says of each how long it may say nothing."""

    def __init__(self, silent_after_s: dict[str, float]) -> None:
        self._limits = silent_after_s
        self._faults = {name: Fault(seconds) for name, seconds in silent_after_s.items()}
        self._reachable = False
        self.deadline = math.inf

    @property
    def silent(self) -> list[str]:
        return [name for name, fault in self._faults.items() if fault.active]

    def heard(self, name: str, now: float) -> Effects:
        """A reader has said something: that it is there, or what it was shown."""
        fault = self._faults.get(name)
        if fault is None:
            return []
        over = fault.update(False, now)
        self._await(now, fault)
        return [Emit(f"reader/{name}", ReaderFault(False, in_english("it is heard again")))] if over else []

    def reach(self, reachable: bool, now: float) -> None:
        """Whether readers can be heard at all, over the broker."""
        before, self._reachable = self._reachable, reachable
        if before is not reachable:
            self._await(now, *self._faults.values())

    def _await(self, now: float, *faults: Fault) -> None:
        """From now on each of them has its time anew, or none while nothing can be heard."""
        for fault in faults:
            fault.deadline = math.inf
            if self._reachable:
                fault.update(True, now)
        self.deadline = min((fault.deadline for fault in self._faults.values()), default=math.inf)

    def tick(self, now: float) -> Effects:
        """The readers that have been silent for too long by now."""
        fallen = [name for name, fault in self._faults.items() if now >= fault.deadline and fault.update(True, now)]
        self.deadline = min((fault.deadline for fault in self._faults.values()), default=math.inf)
        return [Emit(f"reader/{name}", ReaderFault(True, self._why(name))) for name in fallen]

    def _why(self, name: str) -> str:
        return in_english("nothing was heard of it for {seconds:g} s", seconds=self._limits[name])
