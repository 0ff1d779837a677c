"""The tables of the configuration that say when and where people may pass: schedules, levels, areas, readers."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from edge.errors import Phrase
from edge.schedule import ALWAYS, DAYS, Schedule, Spans, overlap, parse_date, parse_holidays, parse_period, parse_span
from edge.sections import Name, Secret
from edge.strict import Problem
from edge.terms import OUTSIDE


class ZoneSection(Struct, forbid_unknown_fields=True):
    """The site's time zone, in which every day is meant."""

    time_zone: str = "Asia/Shanghai"
    """By its IANA name."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def problems(self) -> Iterator[Problem]:
        try:
            ZoneInfo(self.time_zone)
        except (OSError, ValueError, KeyError):
            yield "time_zone", Phrase("{zone} is no time zone, as in Asia/Shanghai", zone=self.time_zone)


class CalendarSection(ZoneSection, forbid_unknown_fields=True):
    """The site's time zone and holidays."""

    holidays: list[str] = field(default_factory=list)
    """Dates as 2026-10-01, on which schedules follow their `holidays`."""
    holiday_file: str = ""
    """More dates, one a line, what follows one is a remark; relative to the configuration."""

    def problems(self) -> Iterator[Problem]:
        yield from super().problems()
        for text in self.holidays:
            if parse_date(text) is None:
                yield "holidays", Phrase("{date} is no date, as in 2026-10-01", date=text)

    def dates(self) -> Iterator[date]:
        """Every holiday. The file was found to be right when the configuration was checked."""
        yield from map(date.fromisoformat, self.holidays)
        if self.holiday_file:
            text = Path(self.holiday_file).read_text(encoding="utf-8-sig")
            yield from (found for found in parse_holidays(text) if isinstance(found, date))

    def file_problems(self) -> Iterator[Problem]:
        """What is wrong with the holiday file."""
        try:
            text = Path(self.holiday_file).read_text(encoding="utf-8-sig") if self.holiday_file else ""
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            yield "calendar.holiday_file", Phrase("{path} cannot be read: {why}", path=self.holiday_file, why=why)
            return
        for found in parse_holidays(text):
            if not isinstance(found, date):
                bad = Phrase(
                    "line {line} of {path} is no date: {text}", line=found[0], path=self.holiday_file, text=found[1]
                )
                yield "calendar.holiday_file", bad


class ScheduleSection(Struct, forbid_unknown_fields=True):
    """A schedule: when something is in force. `always` needs none."""

    name: Name
    """Unique within the gate."""
    periods: list[str] = field(default_factory=list)
    """As `mon-fri 08:00-18:00` or `sat,sun 10:00-16:00` or `daily 00:00-24:00`."""
    holidays: list[str] = field(default_factory=list)
    """Times on holidays, as `10:00-16:00`; without one it is not in force on a holiday."""
    exceptions: dict[str, list[str]] = field(default_factory=dict)
    """Times on single dates, instead of all else: `{ "2026-12-24" = ["08:00-12:00"] }`."""

    def problems(self) -> Iterator[Problem]:
        if self.name == ALWAYS:
            yield "name", Phrase("always is there already")
        if not (self.periods or self.holidays or any(self.exceptions.values())):
            yield "periods", Phrase("this schedule is never in force")
        yield from self._weekly()
        yield from _spans("holidays", self.holidays)
        for day, texts in self.exceptions.items():
            if parse_date(day) is None:
                yield "exceptions", Phrase("{date} is no date, as in 2026-10-01", date=day)
            yield from _spans(f"exceptions.{day}", texts)

    def _weekly(self) -> Iterator[Problem]:
        week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
        for text in self.periods:
            parsed = parse_period(text)
            if isinstance(parsed, Phrase):
                yield "periods", parsed
                continue
            days, span = parsed
            clash = [DAYS[day] for day in sorted(days) if overlap([*week[day], span])]
            if clash:
                yield "periods", Phrase("{period} overlaps another one on {days}", period=text, days=", ".join(clash))
            for day in days:
                week[day].append(span)

    def schedule(self) -> Schedule:
        """As the core has it."""
        week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
        for text in self.periods:
            parsed = parse_period(text)
            assert not isinstance(parsed, Phrase)
            for day in parsed[0]:
                week[day].append(parsed[1])
        exceptions = {date.fromisoformat(day): _parsed(texts) for day, texts in self.exceptions.items()}
        return Schedule(tuple(tuple(sorted(spans)) for spans in week), _parsed(self.holidays), exceptions)


class LevelSection(Struct, forbid_unknown_fields=True):
    """An access level. Without any, whoever is enrolled may pass every door at any time; with one, only by a level."""

    name: Name
    """As it stands in people's records."""
    doors: list[Name]
    """Which doors it opens."""
    schedule: Name = ALWAYS
    """While which schedule is in force."""


class AreaSection(Struct, forbid_unknown_fields=True):
    """An area that cameras and readers lead into: who is in it is known, and nobody need come in twice."""

    name: Name
    """Unique within the gate; `outside` is where people are who left."""
    passback: Literal["off", "soft", "hard"] = "off"
    """What becomes of somebody who is inside and comes in again: nothing, an alarm, or an alarm and a refusal."""
    forget_after_s: Annotated[float, Meta(ge=60, le=604_800)] = 57_600.0
    """After so long somebody who was not seen leaving may come in again; a command `forgive` allows it at once.

    The list for an evacuation goes on to name them, and marks them: nobody may be left out who may be inside.
    """

    def problems(self) -> Iterator[Problem]:
        if self.name == OUTSIDE:
            yield "name", Phrase("outside is there already: where people are who left")


class ReaderSection(Struct, forbid_unknown_fields=True):
    """A keypad, a card reader or a scanner for passes at a door."""

    name: Name
    """Unique within the gate, and no camera's."""
    door: Name
    """The door at which it stands."""
    into: str = ""
    """The area that those before it go into, as for a camera. What is shown to a reader or camera that leads elsewhere
    is shown on the other side of the door and does not count together with it; without `into` it is of either side.
    """
    silent_after_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    """A reader that says nothing for so long is an alarm; it must send a heartbeat more often. 0: never."""
    key_credential: Secret = ""
    """The credential with the key that this keypad or card reader shares with the gate; without one it is not heard."""


def _spans(key: str, texts: list[str]) -> Iterator[Problem]:
    spans: list[tuple[int, int]] = []
    for text in texts:
        parsed = parse_span(text)
        if isinstance(parsed, Phrase):
            yield key, parsed
            continue
        if overlap([*spans, parsed]):
            yield key, Phrase("{period} overlaps another one", period=text)
        spans.append(parsed)


def _parsed(texts: list[str]) -> Spans:
    spans = [parse_span(text) for text in texts]
    return tuple(sorted(span for span in spans if not isinstance(span, Phrase)))
