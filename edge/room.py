"""What the monitoring room has recorded, read from its database while the recorder writes it."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from edge.transport import Event, type_name

EventKind = type[Event]


class Seen(Struct, frozen=True):
    """One recorded event; `data` has its fields, personal ones included."""

    epoch: str
    sequence: int
    type: str
    subject: str
    time: str
    received: float
    data: dict[str, Any]

    def of(self, kind: EventKind) -> bool:
        return self.type == type_name(kind)


class Room:
    """Follows a recorder's database; it need not be there yet."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._row = 0
        self.events: list[Seen] = []

    def news(self) -> list[Seen]:
        """What was recorded since the last call, in the order of recording."""
        if not self._database.exists():
            return []
        query = (
            "SELECT rowid, epoch, sequence, type, subject, time, received, payload"
            " FROM events WHERE rowid > ? ORDER BY rowid"
        )
        with closing(sqlite3.connect(f"{self._database.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as db:
            try:
                rows = db.execute(query, (self._row,)).fetchall()
            except sqlite3.OperationalError:
                return []  # the recorder has not made its tables yet
        found = [_seen(*row[1:]) for row in rows]
        self._row = rows[-1][0] if rows else self._row
        self.events += found
        return found

    def wait(self, wanted: Callable[["Room"], bool], seconds: float) -> bool:
        """Follow until `wanted` is true of this room; False when the time is over."""
        deadline = time.monotonic() + seconds
        while not wanted(self):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
            self.news()
        return True

    def of(self, kind: type[Event]) -> list[Seen]:
        return [seen for seen in self.events if seen.of(kind)]


def _seen(epoch: str, sequence: int, type_: str, subject: str, at: str, received: float, payload: bytes) -> Seen:
    data = msgspec.json.decode(payload, type=dict[str, Any])["data"]
    personal = {name: value for name, (_, value) in data.get("personal", {}).items()}
    return Seen(epoch, sequence, type_, subject, at, received, {**data, **personal})
