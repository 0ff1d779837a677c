"""When: weekly periods, holidays and exceptions in the time zone of a site. Pure; the time is an argument.

A period is wall-clock time: across a change to or from daylight saving it begins and ends when the clock on the wall
says so. What the wall clock shows twice is inside twice; a period in the hour that is skipped does not take place.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from msgspec import Struct

from edge.errors import Phrase

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "always"
"""The schedule that needs no definition."""
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")

Spans = tuple[tuple[int, int], ...]
"""Parts of one day: minutes since midnight, the first within and the second no longer."""


class Schedule(Struct, frozen=True):
    """`week` has the spans of Monday to Sunday; on a holiday `holiday` counts instead, on an exception its own."""

    week: tuple[Spans, ...]
    holiday: Spans = ()
    exceptions: dict[date, Spans] = {}

    def on(self, day: date, holidays: frozenset[date]) -> Spans:
        """The spans of one day."""
        if day in self.exceptions:
            return self.exceptions[day]
        return self.holiday if day in holidays else self.week[day.weekday()]


class Calendar(Struct, frozen=True):
    """The schedules of a site by name, its holidays, and its time zone (IANA name)."""

    zone: str = "UTC"
    holidays: frozenset[date] = frozenset()
    schedules: dict[str, Schedule] = {}

    def open(self, schedule: str, utc: float) -> bool:
        """Whether `schedule` is in force; True for `always`. `utc` is in seconds since 1970."""
        if schedule == ALWAYS:
            return True
        here = datetime.fromtimestamp(utc, self._zone())
        minute = here.hour * 60 + here.minute
        spans = self.schedules[schedule].on(here.date(), self.holidays)
        return any(start <= minute < end for start, end in spans)

    def _zone(self) -> tzinfo:
        return UTC if self.zone == "UTC" else ZoneInfo(self.zone)  # which keeps zones that it has read


def local(moment: float, zone: tzinfo) -> datetime:
    """A moment as the clock on the wall shows it; where the calendar ends before it there, in UTC.

    ValueError, OverflowError or OSError when it is no moment of a calendar, as NaN and infinity are none.
    """
    try:
        return datetime.fromtimestamp(moment, zone)
    except (ValueError, OverflowError):  # the last hours of the year 9999, say, by which many mean for ever
        return datetime.fromtimestamp(moment, UTC)


def parse_period(text: str) -> tuple[frozenset[int], tuple[int, int]] | Phrase:
    """`mon-fri 08:00-18:00` as weekdays (Monday is 0) and minutes, or what is wrong with it."""
    days, _, span = text.strip().lower().partition(" ")
    numbers = _days(days)
    if not numbers:
        return Phrase("{period} does not begin with days, as in mon-fri 08:00-18:00", period=text)
    minutes = parse_span(span.strip())
    return minutes if isinstance(minutes, Phrase) else (numbers, minutes)


def _days(text: str) -> frozenset[int]:
    """`mon`, `mon-fri`, `sat,sun` or `daily` as numbers; nothing when a day is none."""
    if text == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            return frozenset()
        start, end = DAYS.index(first), DAYS.index(last or first)
        found.update(day % 7 for day in range(start, end + 1 if end >= start else end + 8))
    return frozenset(found)


def parse_span(text: str) -> tuple[int, int] | Phrase:
    """`08:00-18:00` as minutes since midnight, or what is wrong with it; 24:00 is the end of the day."""
    match = _SPAN.fullmatch(text)
    if match is None:
        return Phrase("{period} is no time, as in 08:00-18:00", period=text or '""')
    first, second, third, fourth = map(int, match.groups())
    start, end = first * 60 + second, third * 60 + fourth
    if second > 59 or fourth > 59 or start > 1439 or end > 1440:
        return Phrase("{period} is no time of a day", period=text)
    if end <= start:
        hint = "{period} ends before it begins; write a night as two periods, until 24:00 and from 00:00"
        return Phrase("{period} is empty", period=text) if end == start else Phrase(hint, period=text)
    return start, end


def overlap(spans: list[tuple[int, int]]) -> bool:
    """Whether two spans of one day share a minute."""
    ordered = sorted(spans)
    return any(later[0] < earlier[1] for earlier, later in pairwise(ordered))


WRITTEN = re.compile(r"\d{4}-\d\d-\d\d")


def parse_date(text: str) -> date | None:
    """A date as 2026-10-01: of all that ISO 8601 allows the one form that nobody misreads."""
    try:
        return date.fromisoformat(text) if WRITTEN.fullmatch(text) else None
    except ValueError:
        return None


def parse_holidays(text: str) -> Iterator[date | tuple[int, str]]:
    """The dates of a holiday file, one a line with what follows it a remark; a bad line as its number and text.

    A second date in a line would be a period to whoever wrote it, so the line is a bad one.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        day = parse_date(words[0])
        yield (number, line.strip()) if day is None or any(map(WRITTEN.search, words[1:])) else day
