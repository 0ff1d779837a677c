"""The clocks of a gate process, read in one place: monotonic, UTC, and whether the kernel trusts the latter."""

import contextlib
import ctypes
import time
from datetime import date, datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from edge import files
from edge.config import Config
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


class Calendar:
    """Today at the site, for dates on which something ends; kept in `path`, so that a restart does not forget it.

    A clock that is not synchronised has no say: until it is, today is the last day that a trusted clock has shown. So
    a clock in the past revives no enrolment that is over, and one in the future ends none. Where no trusted clock was
    ever seen nothing ends by date (`date.min`); whoever must not pass is revoked.
    """

    def __init__(self, path: Path, clock: Clock, zone: str = "UTC") -> None:
        self._path, self._clock, self._zone = path, clock, ZoneInfo(zone)
        self._day = date.min
        with contextlib.suppress(OSError, ValueError):
            self._day = date.fromisoformat(path.read_text())

    @classmethod
    def of(cls, config: Config) -> Self:
        """The one that a gate goes by."""
        return cls(config.state / "last-day", Clock(), config.calendar.time_zone)

    def peek(self) -> date:
        """Today, without keeping it: for who only looks at what the gate does."""
        now = self._clock.now()
        return datetime.fromtimestamp(now.utc, self._zone).date() if now.trusted else self._day

    def today(self) -> date:
        day = self.peek()
        if day != self._day:
            self._day = day
            self._keep()
        return day

    def _keep(self) -> None:
        """A disk that does not take it costs the next start its memory, and nothing now."""
        with contextlib.suppress(OSError):
            files.replace(self._path, self._day.isoformat().encode())
