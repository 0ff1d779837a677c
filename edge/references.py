"""Names in a configuration that are given twice or refer to nothing.

They are read from the file itself: its parts may be wrong otherwise, and all errors of a file are told at once.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from edge.errors import Phrase
from edge.i18n import N_
from edge.schedule import ALWAYS
from edge.strict import Problem
from edge.terms import OUTSIDE

NAMED = ("camera", "door", "issuer", "operator", "schedule", "level", "area", "reader")
"""The tables whose names must be unique, each kind for itself; readers and cameras are told apart by theirs, too."""
THERE = {"schedule": ALWAYS, "area": OUTSIDE}
"""What need not be defined."""


class Reference(NamedTuple):
    """A key, or a list in one, that names something of another table."""

    table: str
    key: str
    kind: str
    unknown: str


DOOR = N_("there is no door {name}; there are: {known}")
SCHEDULE = N_("there is no schedule {name}; there are: {known}")
AREA = N_("there is no area {name}; there are: {known}")
REFERENCES = (
    Reference("camera", "door", "door", DOOR),
    Reference("camera", "into", "area", AREA),
    Reference("reader", "door", "door", DOOR),
    Reference("reader", "into", "area", AREA),
    Reference("level", "doors", "door", DOOR),
    Reference("level", "schedule", "schedule", SCHEDULE),
    Reference("door", "interlock", "door", DOOR),
    Reference("door", "unlocked", "schedule", SCHEDULE),
)


def misnamed(document: dict[str, Any]) -> Iterator[Problem]:
    """Every such name of a parsed file."""
    tables = {kind: _tables(document.get(kind)) for kind in NAMED}
    names = {kind: [name for table in found if (name := _name(table))] for kind, found in tables.items()}
    for kind, given in names.items():
        others = names["camera"] if kind == "reader" else []
        for name in dict.fromkeys(name for name in given if (given + others).count(name) > 1):
            yield kind, Phrase("the name {name} is used twice", name=name)
    for reference in REFERENCES:
        known = [*names[reference.kind], *filter(None, [THERE.get(reference.kind)])]
        for table in tables[reference.table]:
            for name in _named(table.get(reference.key)):
                if name not in known or (name == _name(table) and reference.kind == reference.table):
                    where = f"{reference.table}.{_name(table)}.{reference.key}"
                    yield where, Phrase(reference.unknown, name=name, known=", ".join(known))


def _tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _name(table: dict[str, Any]) -> str:
    return name if isinstance(name := table.get("name"), str) else ""


def _named(value: Any) -> list[str]:
    """The names in a key: one, several or none."""
    return [name for name in chain(value if isinstance(value, list) else [value]) if isinstance(name, str) and name]
