"""What comes too often: a bucket that lets through so much, and a count of refusals that is told seldom. Pure."""


class Bucket:
    """Lets `burst` through at once, then `per_s` a second. Times are monotonic seconds."""

    def __init__(self, burst: float, per_s: float, now: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at = burst, now

    def take(self, now: float) -> bool:
        """Whether one more may pass."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Tally:
    """Counts what was refused; the first is told at once, the others together, every `every_s` at most.

    What bears an id was asked by somebody who waits for the answer: what bears none neither takes its place nor keeps
    it waiting.
    """

    def __init__(self, every_s: float, now: float) -> None:
        self._every_s, self._tell_at, self._answer_at = every_s, now, now
        self._count, self._why, self._id = 0, "", ""

    def add(self, why: str, id_: str = "") -> None:
        self._count += 1
        if id_ or not self._id:
            self._why, self._id = why, id_

    def due(self, now: float) -> tuple[int, str, str] | None:
        """How many there were since the last time, and why and which the one to tell of was, when it is time to."""
        if not self._count or now < (self._answer_at if self._id else self._tell_at):
            return None
        self._tell_at = now + self._every_s
        if self._id:
            self._answer_at = self._tell_at
        told = self._count, self._why, self._id
        self._count, self._id = 0, ""
        return told
