"""An eye's line to the gate, and what it reports of its stream once a second."""

import statistics
import time
from math import inf
from pathlib import Path

from edge import wire
from edge.errors import LinkError
from edge.link import Link
from edge.terms import Status

REPORT_S = 1.0


class Outlet:
    """The eye's end of the line to the gate, which may be away or slow: nothing here waits.

    What could not be sent yet is replaced by what is newer about the same track, and dropped when the gate goes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._peer: wire.Peer | None = None
        self._link = Link(inf, first_s=0.2, longest_s=1.0)
        self._unsent: dict[int | type, wire.Message] = {}

    def put(self, message: wire.Message) -> None:
        """Send now or at the next exchange; for nobody when the gate is away."""
        if self._peer:
            key = getattr(message, "track", type(message))
            self._unsent.pop(key, None)
            self._unsent[key] = message
            self._flush(self._peer)

    def exchange(self, greeting: wire.EyeReport) -> list[int]:
        """Connect when it is time to, send what waits; the tracks that the gate has settled."""
        if self._link.due(time.monotonic()):
            self._connect(greeting)
        settled = []
        try:
            while self._peer and (message := self._peer.receive()):
                assert isinstance(message, wire.Settled)  # the peer accepts nothing else
                settled.append(message.track)
        except (EOFError, LinkError):
            self.close()
        if self._peer:
            self._flush(self._peer)
        return settled

    def close(self) -> None:
        if self._peer:
            self._peer.close()
            self._peer = None
            self._unsent.clear()
            self._link.failed(Status.ENDED, time.monotonic())

    def _connect(self, greeting: wire.EyeReport) -> None:
        """The first message names the camera."""
        try:
            self._peer = wire.connect(self._path, wire.Settled)
        except LinkError:
            self._link.failed(Status.REFUSED, time.monotonic())
        else:
            self._link.up(time.monotonic(), Status.CONNECTED)
            self.put(greeting)

    def _flush(self, peer: wire.Peer) -> None:
        try:
            for key, message in list(self._unsent.items()):
                if not peer.send(message):
                    return
                del self._unsent[key]
        except LinkError:
            self.close()


class Pace:
    """Frames a second and their median age since the last report."""

    def __init__(self) -> None:
        self._begun, self._first, self._last = time.monotonic(), 0, 0
        self._ages: list[float] = []

    def came(self, index: int) -> None:
        self._last = index

    def saw(self, age_ms: float) -> None:
        self._ages.append(age_ms)

    def over(self) -> bool:
        return time.monotonic() - self._begun >= REPORT_S

    def take(self) -> tuple[float, float]:
        """Frames a second, median age in ms; and begin anew."""
        now = time.monotonic()
        found = (self._last - self._first) / (now - self._begun), statistics.median(self._ages or [0.0])
        self._begun, self._first, self._ages = now, self._last, []
        return found
