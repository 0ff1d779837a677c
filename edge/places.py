"""Who is in which area, kept in a file beside the gate: it is there when everything else is down.

The file is read by `edge-gate inside`, which needs no gate, broker or network. It holds ids and times of people who
were let in, and nothing of those who were seen leaving.
"""

import logging
import threading
from pathlib import Path

import msgspec

from edge import files
from edge.errors import StoreError
from edge.sources import Put, Source
from edge.terms import Place

log = logging.getLogger(__name__)

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


class Keeper(Source):
    """Writes the newest list in a thread of its own: no door waits for it."""

    def __init__(self, path: Path, put: Put) -> None:
        super().__init__("places", put)
        self._path = path
        self._newest: Places | None = None
        self._news = threading.Condition()

    def keep(self, places: Places) -> None:
        with self._news:
            self._newest = dict(places)
            self._news.notify()

    def stop(self) -> None:
        super().stop()
        with self._news:
            self._news.notify()

    def listen(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._newest is not None or self._stopped.is_set())
                newest, self._newest = self._newest, None
            if newest is None:
                return
            self._write(newest)

    def _write(self, places: Places) -> None:
        try:
            files.replace(self._path, msgspec.json.encode(places))
        except OSError:
            return  # a full or broken disk is reported by the event log; the next move is tried again
