"""A scenario: a configuration and what happens at what second, as a file, made into facts for a gate.

docs/scenarios.md is the format. Names are taken as people write them; what makes no sense is told, all of it at once.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from msgspec import Struct

from edge.config import Config, parse, toml
from edge.errors import ConfigurationError, EdgeError, Phrase
from edge.happenings import KINDS, Choice, Happening, Value, named, switch
from edge.i18n import N_
from edge.pins import formed
from edge.premises import furnished
from edge.strict import Problem, errors

CONFIGURATION = frozenset(Config.__struct_fields__)
START = "2026-11-24T09:00:00"
"""A Tuesday, on the wall clock of the site."""
LATEST = 7_258_118_400.0
"""The end of 2199."""
OWN = ("title", "start", "until", "clock_trusted", "configuration", "config", "person", "people", "fact", "facts")


class Person(Struct, frozen=True):
    """Somebody who is enrolled."""

    name: str
    levels: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    pin: str = ""
    duress_pin: str = ""
    extended: bool = False


class Scenario(Struct):
    """What a file says; times are seconds from its start, `start` is UTC."""

    title: str
    config: Config
    start: float
    trusted: bool
    until: float | None
    people: dict[str, Person]
    declared: bool
    """Whether people are declared; otherwise every name is somebody enrolled."""
    happenings: list[Happening]


def read(path: Path) -> Scenario:
    """Read and check a file; ConfigurationError names everything that is wrong with it."""
    return Reader(toml(path, ""), path).scenario()


class Reader:
    """Goes through one document and collects what is wrong with it."""

    def __init__(self, document: dict[str, Any], path: Path) -> None:
        self._document, self._path = document, path
        self._problems: list[Problem] = []
        self._config: Config | None = None
        self._start = 0.0

    def scenario(self) -> Scenario:
        found: list[EdgeError] = []
        try:
            self._config = parse(self._configured(), self._path)
        except ConfigurationError as error:
            found += error.problems
        if self._config:
            self._start = self._begins()
        people = {person.name: person for person in self._people()}
        happenings = self._happenings(people) if self._config else []
        until = self._until(happenings)
        trusted = self._switch("clock_trusted", self._document.get("clock_trusted", True))
        if problems := [*found, *errors(self._problems)]:
            raise ConfigurationError(self._path, problems)
        assert self._config
        title = str(self._document.get("title", ""))
        return Scenario(title, self._config, self._start, trusted, until, people, bool(people), happenings)

    def _wrong(self, where: str, template: str, **fields: object) -> None:
        self._problems.append((where, Phrase(template, **fields)))

    # The configuration ------------------------------------------------------------------------------------------

    def _configured(self) -> dict[str, Any]:
        """The tables of a gate's configuration, with what a scenario can do without filled in."""
        for key in self._document:
            if key not in CONFIGURATION and key not in OWN:
                self._wrong(key, N_("unknown key; known are {known}"), known=", ".join([*OWN, *sorted(CONFIGURATION)]))
        nested = self._document.get("configuration", self._document.get("config", {}))
        if isinstance(nested, str):
            nested = toml(self._path.parent / nested, "")
        if not isinstance(nested, dict):
            self._wrong("configuration", N_("must be a table, or the name of a file"))
            nested = {}
        tables = {**nested, **{key: value for key, value in self._document.items() if key in CONFIGURATION}}
        return furnished(tables)

    # Times and people -------------------------------------------------------------------------------------------

    def _time(self, where: str, value: Any) -> float | None:
        """A moment as UTC seconds, on the site's wall clock: a date and time, or a time of the first day."""
        assert self._config
        try:
            moment = datetime.fromisoformat(self._dated(str(value))) if isinstance(value, str | time) else value
            if isinstance(moment, date) and not isinstance(moment, datetime):
                moment = datetime(moment.year, moment.month, moment.day)
            if not isinstance(moment, datetime):
                raise ValueError
        except ValueError:
            self._wrong(where, N_("{value} is no date and time, as in 2026-11-24T09:00:00"), value=value)
            return None
        zone = self._config.calendar.zone
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()

    def _begins(self) -> float:
        """The start, within the years that clocks and calendars have whatever is added to it."""
        start = self._time("start", self._document.get("start", START)) or 0.0
        if not 0 <= start <= LATEST:
            self._wrong("start", N_("must be between 1970 and 2200"))
        return start

    def _dated(self, text: str) -> str:
        """`18:30` with the date of the first day before it."""
        assert self._config
        if len(text) not in (5, 8) or text[2] != ":" or not self._start:
            return text
        first = datetime.fromtimestamp(self._start, self._config.calendar.zone)
        return f"{first.date()}T{text}"

    def _until(self, happenings: list[Happening]) -> float | None:
        value = self._document.get("until")
        until = None if value is None else self._seconds("until", value)
        if until is not None and happenings and until < happenings[0].at:
            self._wrong("until", N_("{value} is before the first fact"), value=value)
        return until

    def _seconds(self, where: str, value: Any) -> float:
        """Seconds from the start, or a time of the wall clock: `12.5`, `"09:30"`, or a date and time."""
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10_000_000:
            return float(value)
        if isinstance(value, int | float):
            self._wrong(where, N_("must be seconds from the start, not {value}"), value=value)
            return 0.0
        moment = self._time(where, str(value)) if self._config else None
        if moment is not None and moment < self._start:
            self._wrong(where, N_("{value} is before the start"), value=value)
        return 0.0 if moment is None else moment - self._start

    def _switch(self, where: str, value: Any) -> bool:
        """True or false, also in words as in a fact: of "no" Python would make true."""
        found = switch(value)
        if found is None:
            self._wrong(where, N_("{value} makes no sense here"), value=value)
        return bool(found)

    def _given(self, key: str, other: str) -> Any:
        """What stands under a key that people also write in another way, but not in both."""
        if key in self._document and other in self._document:
            self._wrong(other, N_("stands beside {key}; put it all under one of them"), key=key)
        return self._document.get(key, self._document.get(other, []))

    def _people(self) -> Iterator[Person]:
        given = self._given("person", "people")
        if isinstance(given, dict):
            given = [{"name": name, **part} if isinstance(part, dict) else part for name, part in given.items()]
        seen = {""}
        for index, entry in enumerate(given if isinstance(given, list) else [given]):
            if not isinstance(entry, str | dict):
                self._wrong(f"person.{index}", N_("must be a table"))
                continue
            table = {"name": entry} if isinstance(entry, str) else dict(entry)
            name = str(table.pop("name", ""))
            where = f"person.{name or index}"
            if name in seen:
                self._wrong(where, N_("is there twice") if name else N_("has no name"))
            seen.add(name)
            yield self._person(where, name, table)

    def _person(self, where: str, name: str, table: dict[str, Any]) -> Person:
        known = Person.__struct_fields__[1:]
        for key in table.keys() - set(known):
            self._wrong(where, N_("unknown key {key}; known are {known}"), key=key, known=", ".join(known))
        levels = self._levels(where, table.get("levels", []))
        pin, duress = str(table.get("pin", "")), str(table.get("duress_pin", ""))
        self._pins(where, pin, duress)
        times = {}
        for key in ("valid_from", "valid_until"):
            if key in table and self._config:
                times[key] = self._time(f"{where}.{key}", table[key])
        self._ordered(where, times.get("valid_from"), times.get("valid_until"))
        extended = self._switch(f"{where}.extended", table.get("extended", False))
        return Person(name, levels, times.get("valid_from"), times.get("valid_until"), pin, duress, extended)

    def _levels(self, where: str, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list):
            self._wrong(f"{where}.levels", N_("must be a list of names"))
            return ()
        known = {level.name for level in self._config.level} if self._config else set(map(str, given))
        for level in map(str, given):
            if level not in known:
                self._wrong(where, N_("there is no level {level}; there are: {known}"), level=level,
                            known=", ".join(sorted(known)) or "-")  # fmt: skip
        return tuple(map(str, given))

    def _pins(self, where: str, pin: str, duress: str) -> None:
        """PINs that somebody could have; whether they are easy to guess is nothing that a scenario is about."""
        try:
            for each in filter(None, (pin, duress)):
                formed(each)
        except EdgeError as error:
            self._wrong(where, error.template, **error.fields)
        if duress and duress == pin:
            self._wrong(where, N_("duress_pin is the same as pin; nobody could tell which was meant"))
        elif pin and duress and len(duress) != len(pin):
            self._wrong(where, N_("duress_pin is not as long as pin; who watches would see a difference"))

    def _ordered(self, where: str, begins: Value | None, ends: Value | None) -> None:
        if isinstance(begins, float) and isinstance(ends, float) and ends <= begins:
            self._wrong(where, N_("it ends before it begins"))

    # What happens -----------------------------------------------------------------------------------------------

    def _happenings(self, people: dict[str, Person]) -> list[Happening]:
        given, found = self._given("fact", "facts"), []
        for index, table in enumerate(given if isinstance(given, list) else [given]):
            where = f"fact {index + 1}"
            if not isinstance(table, dict):
                self._wrong(where, N_("must be a table"))
                continue
            found.append(self._happening(where, table, people))
        if not given:
            self._wrong("fact", N_("at least one [[fact]] is needed"))
        return sorted((each for each in found if each), key=lambda each: each.at)

    def _happening(self, where: str, table: dict[str, Any], people: dict[str, Person]) -> Happening | None:
        kind = named(str(table.get("kind", "")))
        if kind not in KINDS:
            self._wrong(where, N_("kind {kind} is not known; known are {known}"), kind=table.get("kind", '""'),
                        known=", ".join(KINDS))  # fmt: skip
            return None
        if "at" not in table:
            self._wrong(where, N_("at is missing: seconds from the start"))
        fields: dict[str, Value] = {}
        for key, value in table.items():
            if key in ("at", "kind", "note"):
                continue
            field = KINDS[kind].key(key)
            if not field:
                self._wrong(where, N_("{kind} has no key {key}; known are {known}"), kind=kind, key=key,
                            known=", ".join(["at", "kind", "note", *KINDS[kind].fields]))  # fmt: skip
                continue
            fields[field] = self._value(f"{where}, {key}", KINDS[kind].fields[field], value)
        for key in set(KINDS[kind].needed) - fields.keys():
            self._wrong(where, N_("{key} is missing"), key=key)
        if kind == "pass":
            self._ordered(where, fields.get("from"), fields.get("until"))
        self._known(where, kind, fields, people)
        return Happening(self._seconds(where, table.get("at", 0)), kind, fields)

    def _value(self, where: str, check: "Callable[[Any], Value | None] | str", value: Any) -> Value:
        """A value in the one form that it has inside; `time` is a moment on the site's wall clock."""
        if check == "time":
            return self._time(where, value) or 0.0
        assert not isinstance(check, str)
        found = check(value)
        if found is None and isinstance(check, Choice):
            self._wrong(where, N_("{value} makes no sense here; known are {known}"), value=value,
                        known=", ".join(check.values))  # fmt: skip
            return ""
        if found is None:
            self._wrong(where, N_("{value} makes no sense here"), value=value)
            return ""
        return found

    def _known(self, where: str, kind: str, fields: dict[str, Value], people: dict[str, Person]) -> None:
        """Doors, cameras, readers and people must be there; a visitor with a pass is not enrolled."""
        assert self._config
        config = self._config
        there = {
            "door": [door.name for door in config.door],
            "camera": [camera.name for camera in config.camera],
            "reader": [reader.name for reader in config.reader],
            "person": list(people) if people and kind != "pass" else [str(fields.get("person", ""))],
        }
        for key, known in there.items():
            name = fields.get(key)
            if name and name not in known:
                self._wrong(where, N_("there is no {kind} {name}; there are: {known}"), kind=key, name=name,
                            known=", ".join(known) or "-")  # fmt: skip
