"""Who is in which area, and what stands against each door, kept in files beside the gate.

They are there when everything else is down, and when the gate is started again. `edge-gate inside` reads the first and
needs no gate, broker or network. It holds ids and times of people who were let in, and nothing of those who were seen
leaving.
"""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, structs

from edge import files
from edge.errors import StoreError, in_english
from edge.sources import Put, Source
from edge.terms import Place, Standing

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""Between two attempts to write what the disk did not take."""
LONGEST_S = 86_400.0
"""No block is ordered for longer; a file that says so is damaged."""
INSIDE, ORDERS = "inside.json", "orders.json"

Places = dict[str, Place]


def load(path: Path) -> Places:
    """Person -> place; empty when nobody was ever let in, StoreError when the file cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Places)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError("{path} cannot be read: {why}", path=path, why=error.strerror) from error
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors, as is text that is not UTF-8
        raise StoreError("{path} is no list of places: {why}", path=path, why=error) from error


def known_or_nobody(path: Path) -> Places:
    """For a gate: a file that cannot be read makes everybody free to come in, and is no reason to stay shut."""
    try:
        return load(path)
    except StoreError as error:
        log.warning("%s", error)
        return {}


class Orders(Struct):
    """What stood against each door at a monotonic time, which is none of this run's after a boot.

    `utc` is the same time by a clock that was trusted then.
    """

    at: float
    doors: dict[str, Standing]
    utc: float | None = None


class Ordered(NamedTuple):
    """What is to stand against each door, or why that is not known."""

    doors: dict[str, Standing]
    unread: str = ""


def ordered(path: Path, now: float) -> Ordered:
    """What is to stand against each door. A block has the time again that was left when it was kept, if no clock tells
    when it ends.
    """
    try:
        orders = msgspec.json.decode(path.read_bytes(), type=Orders)
    except FileNotFoundError:
        return Ordered({})
    except OSError as error:
        return Ordered({}, in_english("{path} cannot be read: {why}", path=path, why=error.strerror))
    except (ValueError, RecursionError) as error:
        return Ordered({}, in_english("{path} is no list of orders: {why}", path=path, why=error))
    return Ordered({name: _now(each, orders, now) for name, each in orders.doors.items()})


def _now(known: Standing, then: Orders, now: float) -> Standing:
    if known.blocked_until is None:
        return known
    left = min(known.blocked_until - then.at, LONGEST_S)
    ends = then.utc + left if known.ends is None and then.utc is not None else known.ends
    return structs.replace(known, blocked_until=now + left, ends=ends)


class Keeper(Source):
    """Writes the newest list in a thread of its own: no door waits for it."""

    def __init__(self, path: Path, put: Put) -> None:
        super().__init__(path.stem, put)
        self._path = path
        self._newest: dict[str, object] | None = None
        self._news = threading.Condition()

    def keep(self, content: Mapping[str, object]) -> None:
        with self._news:
            self._newest = dict(content)
            self._news.notify()

    def stop(self) -> None:
        super().stop()
        with self._news:
            self._news.notify()

    def listen(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._newest is not None or self._stopped.is_set())
                newest = self._newest
            if newest is None:
                return
            if self._write(newest):
                self._written(newest)
            elif self._stopped.wait(RETRY_S):
                return

    def _written(self, content: dict[str, object]) -> None:
        with self._news:
            if self._newest is content:
                self._newest = None

    def _write(self, content: dict[str, object]) -> bool:
        """Whether it is on the disk; a full or broken one is reported by the event log."""
        try:
            files.replace(self._path, msgspec.json.encode(content))
        except OSError:
            return False
        return True
