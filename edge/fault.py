"""One fault: raised once when it has lasted long enough, cleared once when it is over."""

import math


class Fault:
    """Turns a condition that may flicker into exactly one beginning and one end per occurrence."""

    def __init__(self, grace_s: float = 0.0) -> None:
        self.active = False
        self._grace_s = grace_s
        self.deadline = math.inf
        """When the condition, if it lasts, becomes a fault (monotonic seconds)."""

    def update(self, bad: bool, now: float) -> bool:
        """Tell how it is at `now`; True when `active` has just changed."""
        if not bad:
            self.deadline = math.inf
            changed, self.active = self.active, False
            return changed
        if self.active:
            return False
        self.deadline = min(self.deadline, now + self._grace_s)
        if now < self.deadline:
            return False
        self.active, self.deadline = True, math.inf
        return True
