"""The gate that eyes connect to, and what an eye says."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np

from edge import wire
from edge.errors import LinkError
from edge.eyes import Eyes
from edge.facts import CameraReported
from edge.presence import Cues
from edge.sources import Put
from edge.terms import Quality, Status
from edge.users import peers

PACK = "zoo-12345678"
SEEN = wire.Observation(7, 2.0, 1.0, Quality(80.0, 1.0, 0.0, 0.0, 0.5), Cues((0.9,)), np.ones(8, "<f4").tobytes())


def report(camera: str, pack: str = PACK, status: Status = Status.STREAMING) -> wire.EyeReport:
    return wire.EyeReport(camera, status, "", 25.0, 40.0, pack, True)


class Gate:
    """The listening side, and what it has put on the gate's queue."""

    def __init__(self, root: Path, users: frozenset[int] = peers("eye"), put: Put | None = None) -> None:
        self.facts: SimpleQueue[object] = SimpleQueue()
        self.path = root / "eye.sock"
        self._eyes = Eyes(self.path, users, frozenset({"front", "back"}), PACK, put or self.facts.put)
        self._eyes.start()
        self._peers: list[wire.Peer] = []

    def eye(self, *messages: wire.Message) -> wire.Peer:
        """Connect as an eye and say this."""
        self._peers.append(wire.connect(self.path, wire.Settled))
        with suppress(LinkError):  # it was shut out before it had said all of it
            for message in messages:
                self._peers[-1].send(message)
        return self._peers[-1]

    def next(self, seconds: float = 60.0) -> object:
        return self.facts.get(timeout=seconds)

    def until(self, status: Status) -> list[object]:
        """What comes until a camera's report of this status, which is the last."""
        heard = [self.next()]
        while not (isinstance(heard[-1], CameraReported) and heard[-1].status is status):
            heard.append(self.next())
        return heard

    def quiet(self, seconds: float = 0.2) -> bool:
        try:
            self.facts.get(timeout=seconds)
        except Empty:
            return True
        return False

    def close(self) -> None:
        for peer in self._peers:
            peer.close()
        self._eyes.stop()
        self._eyes.join(60)


def gone(peer: wire.Peer) -> Callable[[], bool]:
    """Whether the gate has closed the line."""

    def ended() -> bool:
        try:
            peer.receive()
        except EOFError:
            return True
        return False

    return ended
