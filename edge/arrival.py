"""When a frame was captured: its presentation time (pts) carried over to this machine's monotonic clock.

A packet arrives when it was captured, plus a constant, plus whatever it waited in queues. So the smallest
arrival - pts of a connection marks packets that did not wait, and pts + that offset is when any frame was
captured, however long it then lay in a socket. Frames of a stopped and resumed process keep their old times.
"""

from math import inf

DRIFT = 0.001
"""Seconds a second by which a camera's clock may run slow. A backlog is forgotten no faster than this."""
SETTLE_S = 0.25
FALL_S = 0.05
"""While the offset falls by more than FALL_S within SETTLE_S, a burst is arriving and ages are not known yet."""
JUMP_S = 1.0
"""A pts further back than this (reordered frames go back less) begins a new count, as when a stream restarts."""


class ArrivalClock:
    """The clock of one connection. Both arguments are seconds: pts of the camera, arrival monotonic."""

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._offset = self._mark = inf
        self._latest_pts = self._arrival = self._marked = self._settled = -inf

    def arrived(self, pts: float | None, now: float) -> None:
        """A packet came; packets without a pts tell nothing."""
        if pts is None:
            return
        if pts < self._latest_pts - JUMP_S:
            self._restart()
        drifted = self._offset + DRIFT * max(0.0, now - self._arrival) if self._offset < inf else inf
        self._offset = min(drifted, now - pts)
        self._latest_pts, self._arrival = max(pts, self._latest_pts), now
        self._settle(now)

    def _settle(self, now: float) -> None:
        falling = self._offset < self._mark - FALL_S
        if falling:
            self._settled = now + SETTLE_S
        if falling or now - self._marked >= SETTLE_S:
            self._mark, self._marked = self._offset, now

    def captured(self, pts: float | None) -> float | None:
        """When the frame with this pts was captured (monotonic); None while that cannot be told.

        A decoder may still hold frames of a count that is over: their pts, carried over by the new one, lie ahead.
        """
        if pts is None or pts > self._latest_pts or self._arrival < self._settled or self._offset == inf:
            return None
        return pts + self._offset
