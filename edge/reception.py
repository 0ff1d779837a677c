"""What was typed or held up at readers, as facts. A PIN is stretched on a thread of its own, since it takes a while."""

import queue

from edge.directory import Directory
from edge.facts import CardRead, Fact, PinEntered
from edge.pins import Blind, stretched
from edge.readers import Shown
from edge.sources import Put, Source

WAITING = 16
"""So much may wait; readers are cut off long before."""
TURN_S = 0.5


class Reception(Source):
    """`read` never blocks; what comes of it is put on the gate's queue."""

    def __init__(self, site: str, blind: Blind, directory: Directory, put: Put) -> None:
        super().__init__("reception", put)
        self._site, self._blind, self._directory = site, blind, directory
        self._waiting: queue.Queue[Shown] = queue.Queue(WAITING)

    def read(self, shown: Shown) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(shown)

    def listen(self) -> None:
        while not self._stopped.is_set():
            try:
                shown = self._waiting.get(timeout=TURN_S)
            except queue.Empty:
                continue
            self._put(self._fact(shown))

    def _fact(self, shown: Shown) -> Fact:
        if shown.card:
            return CardRead(shown.door, shown.reader, self._directory.holder(shown.card))
        return PinEntered(shown.door, shown.reader, self._blind.code(stretched(shown.pin, self._site)))
