"""PINs that were typed at readers, as facts: each is stretched on a thread of its own, since that takes a while."""

import queue

from edge.facts import PinEntered
from edge.pins import Blind, stretched
from edge.readers import Shown
from edge.sources import Put, Source

WAITING = 16
"""So much may wait; readers are cut off long before."""
TURN_S = 0.5


class Reception(Source):
    """`read` never blocks; what comes of it is put on the gate's queue."""

    def __init__(self, site: str, blind: Blind, put: Put) -> None:
        super().__init__("reception", put)
        self._site, self._blind = site, blind
        self._waiting: queue.Queue[Shown] = queue.Queue(WAITING)

    def read(self, typed: Shown) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(typed)

    def listen(self) -> None:
        while not self._stopped.is_set():
            try:
                typed = self._waiting.get(timeout=TURN_S)
            except queue.Empty:
                continue
            code = self._blind.code(stretched(typed.pin, self._site))
            self._put(PinEntered(typed.door, typed.reader, code, typed.heard))
