"""Which recorded events to send next: go back N to what the recorder has committed.

A pure machine; sequences count from 1 and times are monotonic seconds. A broker's PUBACK plays no part here: it
may forget what it confirmed.
"""

import math
from enum import StrEnum


class Verdict(StrEnum):
    """What the outbox makes of an acknowledgement."""

    PRUNED = "pruned"
    KNOWN = "known"  # it is not news, or about events that are no longer there
    FOREIGN = "foreign"  # of another epoch: the recorder has not heard of this one yet
    WRONG = "wrong"  # its hash is not that of the event it names


class Delivery:
    """Sends at most `window` events beyond the last acknowledged one.

    Without progress for `patience_s` they are sent again, each time after twice as long up to `longest_s`. Then
    the recorder is taken to be away, and what follows the window is sent too, once, for those who watch live.
    With `patience_s` infinite there is no recorder at all.
    """

    def __init__(self, window: int = 500, patience_s: float = 5.0, longest_s: float = 60.0) -> None:
        self._window, self._first_patience, self._longest = window, patience_s, longest_s
        self._acknowledged = self._cursor = self._farthest = 0
        self.begin(0)

    def begin(self, acknowledged: int) -> None:
        """A new connection or epoch: whatever is not acknowledged is unsent."""
        self._acknowledged = self._cursor = self._farthest = acknowledged
        self._patience, self._attended = self._first_patience, math.isfinite(self._first_patience)
        self.deadline = math.inf
        """When to call `expire`."""

    def next(self, last: int) -> tuple[int, int]:
        """After which sequence, and how many events to send now, when the log ends with `last`."""
        edge = self._acknowledged + self._window
        if self._cursor < edge:
            return self._cursor, max(0, min(edge, last) - self._cursor)
        if not self._attended:
            self._cursor = max(self._cursor, self._farthest)
        return self._cursor, 0 if self._attended else max(0, min(self._window, last - self._cursor))

    def sent(self, sequence: int, now: float) -> None:
        """Everything up to `sequence` has been handed to the broker."""
        if self._cursor == self._acknowledged:
            self.deadline = now + self._patience
        self._cursor = sequence
        self._farthest = max(self._farthest, sequence)

    def acknowledge(self, sequence: int, now: float, resend: bool = False) -> None:
        """The recorder has committed everything up to `sequence`, and may ask for all that follows again."""
        progress = sequence > self._acknowledged
        self._acknowledged = max(self._acknowledged, sequence)
        self._cursor = self._acknowledged if resend else max(self._cursor, self._acknowledged)
        if progress or resend:
            self._patience, self._attended = self._first_patience, True
            self.deadline = math.inf if self._cursor == self._acknowledged else now + self._patience

    def expire(self, now: float) -> bool:
        """Go back when nothing was acknowledged for too long; True when it did."""
        if now < self.deadline:
            return False
        self._patience = min(2 * self._patience, self._longest)
        self._attended, self._cursor, self.deadline = False, self._acknowledged, math.inf
        return True
