"""What a terminal shows of a site, wherever it comes from: gates, alarms and the latest events as rows of text."""

from datetime import datetime
from typing import NamedTuple

CLOCK = "%H:%M:%S"


class Row(NamedTuple):
    """A line of a table. `key` names the thing that it shows; `number` is an alarm that can be acknowledged."""

    key: str
    cells: tuple[str, ...]
    severity: int = 0
    number: int | None = None


class Picture(NamedTuple):
    """All that is shown. `link` says why nothing arrives, empty while something does."""

    gates: list[Row]
    alarms: list[Row]
    events: list[Row]
    link: str = ""


GATES = ("gate", "state", "doors", "cameras", "undelivered")
ALARMS = ("since", "gate", "where", "alarm", "severity", "state", "detail")
EVENTS = ("time", "gate", "where", "event", "detail")


def chosen(rows: list[Row], text: str, severity: int = 0) -> list[Row]:
    """The rows that have every word of `text` somewhere, in any case, and are at least so severe."""
    words = text.casefold().split()
    return [
        row
        for row in rows
        if row.severity >= severity and all(word in " ".join(row.cells).casefold() for word in words)
    ]


def clock(at: str) -> str:
    """The time of an event (RFC 3339) on the clock of who looks; what is none is shown as it is."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime(CLOCK)
    except (ValueError, OverflowError):
        return at


def things(table: object, *fields: str) -> str:
    """Name and a few fields of each named thing of a gate's state, whatever a gate says there."""
    if not isinstance(table, dict):
        return ""
    described = [(name, thing) for name, thing in table.items() if isinstance(thing, dict)]
    return ", ".join(f"{name}: {' '.join(str(thing.get(field, '')) for field in fields)}" for name, thing in described)


def row(key: object, *cells: object, severity: int = 0, number: int | None = None) -> Row:
    """A row without what a terminal would obey: these texts come from the network. Other keys, other rows."""
    return Row(str(key), tuple(clean(str(cell)) for cell in cells), severity, number)


def clean(text: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in text)
