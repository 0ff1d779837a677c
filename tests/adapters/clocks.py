"""A gate's clock whose hands a test sets."""

from edge.clock import Clock
from edge.terms import Now


class Hands(Clock):
    """Shows `shows` until it is set again; the monotonic time goes on by hand too."""

    def __init__(self, utc: float, trusted: bool, mono: float = 0.0) -> None:
        self.shows = Now(mono, utc, trusted)

    def now(self) -> Now:
        return self.shows
