"""A link to a peer that comes and goes: up, down and why, stale, and when to try again. For cameras and the broker.

The machine is told what happened and when; it connects nothing itself. A reason for silence stays its status
until the link is up again, so that attempts in between do not make it flap.
"""

from random import Random

from edge.terms import ALIVE, Status


class Link:
    """One link. Times are monotonic seconds.

    After a failure the next try waits `first_s`, then twice as long each time up to `longest_s`, less a jitter of up
    to a quarter, so that many gates do not return at once. A link that was up for longer than its last wait begins
    anew. `stale_after_s` without a sign of life makes a link that is up STALLED.
    """

    def __init__(self, stale_after_s: float, first_s: float = 0.5, longest_s: float = 15.0, seed: int = 0) -> None:
        self._stale_after, self._first, self._longest = stale_after_s, first_s, longest_s
        self._jitter = Random(seed)
        self._wait = 0.0
        self._up_since = self._alive = 0.0
        self.status, self.detail = Status.CONNECTING, ""
        self.next_try: float | None = 0.0
        """When to try (again); None while the link is up or a try is under way."""

    @property
    def is_up(self) -> bool:
        return self.status in ALIVE

    def due(self, now: float) -> bool:
        """Whether it is time to try."""
        return self.next_try is not None and now >= self.next_try

    def tried(self) -> None:
        """A try has begun; it will be `up` or `failed`."""
        self.next_try = None

    def up(self, now: float, status: Status = Status.STREAMING, detail: str = "") -> bool:
        """The peer answers. True when that is news."""
        if not self.is_up:
            self._up_since = now
        self._alive, self.next_try = now, None
        return self._become(status, detail)

    def alive(self, now: float) -> None:
        """A sign of life of a link that is up."""
        self._alive = now

    def failed(self, status: Status, now: float, detail: str = "") -> bool:
        """The try or the link failed, and why. True when that is news."""
        if self.is_up and now - self._up_since > self._wait:
            self._wait = 0.0
        self._wait = min(max(2 * self._wait, self._first), self._longest)
        self.next_try = now + self._wait * (1 - self._jitter.random() / 4)
        return self._become(status, detail)

    def expire(self, now: float) -> bool:
        """Let a link that was silent for too long fail as STALLED. True when it did."""
        if not self.is_up or now - self._alive < self._stale_after:
            return False
        return self.failed(Status.STALLED, now, f"nothing came for {now - self._alive:.1f} s")

    @property
    def wake_at(self) -> float | None:
        """When to look at this link again; None while only the peer can change it."""
        return self._alive + self._stale_after if self.is_up else self.next_try

    def _become(self, status: Status, detail: str) -> bool:
        news = (status, detail) != (self.status, self.detail)
        self.status, self.detail = status, detail
        return news
