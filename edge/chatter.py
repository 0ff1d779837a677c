"""Inputs that chatter: one that changes again and again is a fault until it has settled. Pure.

A loose wire, a worn contact, a leaf that rattles in the wind: each change alone looks like somebody at the door. While
it chatters, a contact says nothing (the leaf's state is unknown), a button opens and is not reported again, and what
alarms counts at once but is over only when the input has settled. Times are monotonic seconds; `deadline` says when
`settled` must be called next.
"""

import math
from collections import deque

from edge.drive import Effects, Faults
from edge.terms import Input

SETTLED_S = 2.0
"""So long without a change, and an input counts again."""


class Chatter:
    """The inputs of one door; more than `most` changes of one of them within `within_s` are chatter."""

    def __init__(self, most: int, within_s: float, faults: Faults) -> None:
        self.active: dict[Input, float] = {}
        """The inputs that chatter, and when each will have settled."""
        self.deadline = math.inf
        self._most, self._within_s, self._faults = most, within_s, faults
        self._says: dict[Input, bool] = {}
        self._changed: dict[Input, deque[float]] = {}

    def hear(self, which: Input, active: bool, now: float) -> tuple[Effects, bool]:
        """Take in what an input says: a fault that begins with it, and whether what it says counts."""
        before, self._says[which] = self._says.get(which, active), active
        began = before is not active and self._change(which, now)
        if which not in self.active:
            return [], True
        if which is Input.CONTACT:
            return self._fail(which) if began else [], began  # its state becomes unknown once
        return self._fail(which) if began else [], active

    def _change(self, which: Input, now: float) -> bool:
        """Count a change; True when the input begins to chatter with it."""
        if which in self.active:
            self._await(which, now)
            return False
        changed = self._changed.setdefault(which, deque(maxlen=self._most + 1))
        changed.append(now)
        if len(changed) <= self._most or now - changed[0] > self._within_s:
            return False
        changed.clear()
        self._await(which, now)
        return True

    def _await(self, which: Input, now: float) -> None:
        self.active[which] = now + SETTLED_S
        self.deadline = min(self.active.values())

    def settled(self, now: float) -> tuple[Effects, dict[Input, bool]]:
        """The faults that are over by now, and what those inputs say; a button that stays pressed is no request."""
        over = [which for which, at in self.active.items() if now >= at]
        effects = [effect for which in over for effect in self._mend(which)]
        return effects, {which: self._says[which] for which in over if which is not Input.EXIT_BUTTON}

    def forget(self) -> Effects:
        """The inputs cannot be read: whether they chatter is not known either."""
        effects = [effect for which in list(self.active) for effect in self._mend(which)]
        self._says.clear()
        self._changed.clear()
        return effects

    def _fail(self, which: Input) -> Effects:
        detail = f"{which} changed more than {self._most} times in {self._within_s:g} s"
        return self._faults.fail(f"{which}_chatter", detail)

    def _mend(self, which: Input) -> Effects:
        del self.active[which]
        self.deadline = min(self.active.values(), default=math.inf)
        return self._faults.mend(f"{which}_chatter")
