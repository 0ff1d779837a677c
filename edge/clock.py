"""The clocks of a gate process, read in one place: monotonic, UTC, and whether the kernel trusts the latter."""

import ctypes
import time

from edge.terms import Now

TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
TIMEX_BYTES = 256
"""At least sizeof(struct timex) of every Linux; zeros ask without changing anything."""
ASK_EVERY_S = 1.0


class Clock:
    """Gives `Now`; asks the kernel about synchronisation once a second at most."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._asked_at = -ASK_EVERY_S
        self._trusted = False

    def now(self) -> Now:
        mono = time.monotonic()
        if mono - self._asked_at >= ASK_EVERY_S:
            self._asked_at, self._trusted = mono, self._synchronised()
        return Now(mono, time.time(), self._trusted)

    def _synchronised(self) -> bool:
        state: int = self._libc.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
        return 0 <= state < TIME_ERROR
