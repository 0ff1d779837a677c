"""Where facts come from: one small thread a source, each of which only puts what it hears on the gate's queue.

None of them decides anything and none of them waits for the gate.
"""

import contextlib
import logging
import selectors
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from edge import wire
from edge.effects import Pulse, Relock
from edge.errors import LinkError, in_english
from edge.facts import Fact, RelayReported
from edge.i18n import N_
from edge.terms import RelayOutcome

log = logging.getLogger(__name__)

Put = Callable[[object], None]

RETRY_S = 0.2
NOWHERE = ""
"""A pulse for no door moves nothing, but is answered: by a guard that has taken the connection, and listens."""
TURNED_AWAY = N_("the relay guard turned this gate away: it serves another one, or not the user that this one runs as")


class Source(threading.Thread, ABC):
    """A thread that ends when told, and takes the process with it if it ends by itself: the supervisor restarts it."""

    def __init__(self, name: str, put: Put) -> None:
        super().__init__(name=name, daemon=True)
        self._put = put
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        try:
            self.listen()
        except BaseException as error:
            self._put(error)
            raise

    @abstractmethod
    def listen(self) -> None:
        """Put facts until stopped."""


class Heart(Source):
    """Puts `beat` on the queue once a second."""

    def __init__(self, beat: Fact, put: Put) -> None:
        super().__init__("heart", put)
        self._beat = beat

    def listen(self) -> None:
        while not self._stopped.wait(1.0):
            self._put(self._beat)


class RelayLink(Source):
    """The connection to the relay guard: pulses out, reports in."""

    def __init__(self, path: Path, doors: tuple[str, ...], put: Put) -> None:
        super().__init__("relay", put)
        self._path, self._doors = path, doors
        self._peer: wire.Peer | None = None
        """The guard, once it has answered; one that serves another gate takes the connection and closes it."""
        self._told: RelayOutcome | None = None

    def pulse(self, effect: Pulse) -> None:
        """Ask the guard for a pulse; one that it is not told of is refused: the relay does not move."""
        try:
            peer = self._peer  # the listening thread may let go of it at any time
            if peer and peer.send(wire.RelayPulse(effect.door, effect.pulse, effect.until, effect.renews)):
                return
            why = in_english("the relay guard is away") if peer is None else in_english("the relay guard does not read")
        except LinkError as error:
            why = str(error)
        self._put(RelayReported(effect.door, RelayOutcome.REFUSED, effect.pulse, why))

    def relock(self, effect: Relock) -> None:
        """Have the guard let go; one that cannot be asked does so at the pulse's deadline, or has done it already."""
        if peer := self._peer:
            with contextlib.suppress(LinkError):
                peer.send(wire.RelayRelock(effect.door))

    def listen(self) -> None:
        while not self._stopped.is_set():
            try:
                why = self._serve(wire.connect(self._path, wire.RelayReport))
            except LinkError as error:
                why = str(error)
            self._tell(RelayOutcome.UNAVAILABLE, why)
            self._stopped.wait(RETRY_S)

    def _serve(self, peer: wire.Peer) -> str:
        """Pass reports on until the guard is gone; returns why."""
        try:
            return self._hear(peer)
        finally:
            self._peer = None
            peer.close()

    def _hear(self, peer: wire.Peer) -> str:
        peer.send(wire.RelayPulse(NOWHERE, "", 0.0))
        with selectors.DefaultSelector() as selector:
            selector.register(peer, selectors.EVENT_READ)
            while not self._stopped.is_set():
                if not selector.select(0.5):
                    continue
                try:
                    message = peer.receive()
                except EOFError:
                    return in_english("the relay guard is gone") if self._peer else in_english(TURNED_AWAY)
                if isinstance(message, wire.RelayReport):
                    self._heard(peer, message)
        return in_english("the gate is stopping")

    def _heard(self, peer: wire.Peer, report: wire.RelayReport) -> None:
        self._peer = peer
        self._tell(RelayOutcome.AVAILABLE, "")
        if report.door != NOWHERE:
            self._put(RelayReported(report.door, report.outcome, report.pulse, report.detail))

    def _tell(self, outcome: RelayOutcome, detail: str) -> None:
        """How the guard is, to every door, when that has changed."""
        if outcome is self._told:
            return
        self._told = outcome
        for door in self._doors:
            self._put(RelayReported(door, outcome, "", detail))
