"""The clocks of a gate process, read in one place: monotonic, UTC, and whether the kernel trusts the latter."""

import contextlib
import ctypes
import math
import time
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from edge import files
from edge.config import Config, DeskConfig
from edge.terms import Now

TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
TIMEX_BYTES = 256
"""At least sizeof(struct timex) of every Linux; zeros ask without changing anything."""
ASK_EVERY_S = 1.0
KEEP_EVERY_S = 60.0
"""How much of what is certain of the time a power cut may cost."""


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
    def of(cls, config: Config | DeskConfig, clock: Clock | None = None) -> Self:
        """The one that a gate or a desk goes by."""
        return cls(config.state / "last-day", clock or Clock(), config.calendar.time_zone)

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


def today_at(zone: tzinfo) -> date:
    """What day it is at a site, by this machine's clock."""
    return datetime.now(zone).date()


class LeastTime:
    """What the time is at least, UTC seconds, for what ends by the second; kept in `path`.

    A clock that is synchronised says it, also when that was set back. Without one it goes on by the monotonic clock,
    after a restart from what was kept: a clock in the past makes nothing younger, one in the future nothing older. It
    stands still while the gate has no power, so it may be late, and is never ahead.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._utc, self._at = 0.0, clock.now().mono
        with contextlib.suppress(OSError, ValueError):
            self._utc = float(path.read_text())
        if not math.isfinite(self._utc):
            self._utc = 0.0
        self._kept = self._utc

    def now(self, signed: float = 0.0) -> float:
        """`signed` is when somebody who knew the time said something that is known here."""
        now = self._clock.now()
        self._utc = now.utc if now.trusted else max(self._utc + now.mono - self._at, signed)
        self._at = now.mono
        if abs(self._utc - self._kept) >= KEEP_EVERY_S:
            self._kept = self._utc
            with contextlib.suppress(OSError):  # as for the calendar: it costs the next start its memory
                files.replace(self._path, repr(self._utc).encode())
        return self._utc
