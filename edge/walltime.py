"""What a camera's wall clock says, from the sender reports of its stream (RFC 3550, 6.4.1), and when that is a fault.

A report says at what time of its sender's clock the picture with a certain time stamp was taken. It is set against
when that picture was captured on this machine's monotonic clock, so that neither a backlog nor a step of this
machine's own clock passes for one of the camera. Pure; times are seconds.
"""

from collections import deque
from statistics import median

from edge.fault import Fault

SAMPLES, ENOUGH = 5, 3
"""So many samples are remembered, and from so many on their median counts. Two in a row may rest on one report: until
the next one comes, the time of a packet is reckoned from the last."""
HOLD_S = 10.0
"""How long a clock must be off before that is a fault, as for what a picture shows."""


class WallClock:
    """What the packets of one connection say by the reports before them, one sample every few seconds."""

    def __init__(self) -> None:
        self._ahead: deque[float] = deque(maxlen=SAMPLES)

    def reported(self, utc: float, captured: float) -> None:
        """What was captured then (monotonic) was captured at `utc` by the sender.

        A sender without a wall clock counts from the beginning of its session, which is 1900 in a report: it says
        nothing of the time, and one before 1970 is taken for such.
        """
        if utc >= 0:
            self._ahead.append(utc - captured)

    @property
    def ahead(self) -> float | None:
        """The sender's UTC less this machine's monotonic clock; None until it is known."""
        samples = list(self._ahead)  # another thread adds to them
        return median(samples) if len(samples) >= ENOUGH else None


class Drift:
    """How far a camera's clock is from this gate's; a fault beyond `limit_s`, never with 0."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._fault = Fault(HOLD_S)
        self.off_s: float | None = None
        """Seconds that the camera is ahead; None while it is not known, as without reports."""

    @property
    def active(self) -> bool:
        return self._fault.active

    @property
    def wrong(self) -> bool | None:
        """Whether the clock is wrong; None while that is not known. Nothing is wrong where there is no limit."""
        if self._fault.active or not self._limit_s:
            return self._fault.active
        return None if self.off_s is None else False

    def told(self, ahead: float | None, utc_ahead: float, trusted: bool, now: float) -> bool:
        """Both arguments are a UTC less the monotonic clock: the camera's and this gate's; True when it has changed.

        What is not known blames nobody and clears nobody: no reports, or a clock of this gate that is not trusted.
        """
        self.off_s = ahead - utc_ahead if ahead is not None and trusted else None
        if self.off_s is None or not self._limit_s:
            if not self.active:
                self._fault.update(False, now)  # what had begun is not known to have lasted
            return False
        return self._fault.update(abs(self.off_s) > self._limit_s, now)
