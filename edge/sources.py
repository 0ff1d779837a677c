"""Where facts come from: one small thread a source, each of which only puts what it hears on the gate's queue.

None of them decides anything and none of them waits for the gate.
"""

import contextlib
import logging
import math
import selectors
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from edge import wire
from edge.errors import EdgeError, LinkError
from edge.facts import CameraReported, Fact, Pulse, RelayReported, Relock, TrackEnded
from edge.terms import RelayOutcome, Status
from edge.users import group

log = logging.getLogger(__name__)

Put = Callable[[object], None]

EYE_MESSAGES_PER_S = 300
"""An eye that sends more is broken or hostile; the rest is dropped."""
RETRY_S = 0.2


class Seen(Struct, frozen=True):
    """An observation, by the camera whose eye made it; the gate's thread matches it."""

    camera: str
    observation: wire.Observation


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


class Bucket:
    """Lets through a number of messages a second."""

    def __init__(self, per_s: float) -> None:
        self._per_s, self._left, self._at = per_s, per_s, time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._per_s, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Eye:
    """One connected eye. It is nobody until its first report names its camera."""

    def __init__(self, peer: wire.Peer) -> None:
        self.peer, self.camera, self.bucket = peer, "", Bucket(EYE_MESSAGES_PER_S)


class Eyes(Source):
    """Listens for eyes, turns what they send into facts, and tells them what is settled."""

    def __init__(self, path: Path, users: frozenset[int], cameras: frozenset[str], put: Put) -> None:
        super().__init__("eyes", put)
        self._listener = wire.listen(path, group("eye"))
        self._users, self._cameras = users, cameras
        self._eyes: dict[str, Eye] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)

    def settle(self, camera: str, track: int) -> None:
        """Tell the eye that more views of this track change nothing; an eye that is gone does not matter."""
        eye = self._eyes.get(camera)
        if eye:
            try:
                eye.peer.send(wire.Settled(track))
            except LinkError:
                return  # its reader notices, and reports it

    def listen(self) -> None:
        while not self._stopped.is_set():
            for key, _ in self._selector.select(0.5):
                if key.data is None:
                    self._accept()
                else:
                    self._read(key.data)

    def _accept(self) -> None:
        try:
            peer = wire.accept(self._listener, self._users, *wire.FROM_EYES)
        except LinkError:
            return  # a stranger's process: it was shown the door
        self._selector.register(peer, selectors.EVENT_READ, Eye(peer))

    def _read(self, eye: Eye) -> None:
        try:
            while (message := eye.peer.receive()) is not None:
                if eye.bucket.take():
                    self._hear(eye, message)
        except EOFError:
            self._close(eye, "the eye is gone")
        except LinkError as error:
            self._close(eye, str(error))

    def _hear(self, eye: Eye, message: wire.Message) -> None:
        match message:
            case wire.EyeReport(camera=camera) if camera in self._cameras:
                eye.camera = camera
                self._eyes[camera] = eye
                self._put(_camera_report(message))
            case wire.Observation() if eye.camera and _sound(message):
                self._put(Seen(eye.camera, message))
            case wire.TrackGone() if eye.camera:
                self._put(TrackEnded(eye.camera, message.track))
            case wire.CodeRead() if eye.camera and math.isfinite(message.captured):
                self._put(wire.Code(eye.camera, message))

    def _close(self, eye: Eye, why: str) -> None:
        self._selector.unregister(eye.peer)
        eye.peer.close()
        if self._eyes.get(eye.camera) is eye:
            del self._eyes[eye.camera]
            self._put(CameraReported(eye.camera, Status.SILENT, why))


def _camera_report(report: wire.EyeReport) -> CameraReported:
    return CameraReported(
        report.camera, report.status, report.detail, report.frames_per_s, report.frame_age_ms, report.view
    )


def _sound(seen: wire.Observation) -> bool:
    """Whether every number of an observation is one: the schema lets NaN, infinity and cut-off floats through."""
    cues = seen.cues
    shares = [*cues.appearance, cues.carried or 0.0, cues.border or 0.0]
    if len(seen.embedding) % 4 or not all(0 <= share <= 1 for share in shares):
        return False
    numbers = [seen.captured, seen.good_since, cues.shift or 0.0, *msgspec.structs.astuple(seen.quality)]
    return all(math.isfinite(number) for number in numbers) and (cues.shift or 0.0) >= 0


class RelayLink(Source):
    """The connection to the relay guard: pulses out, reports in."""

    def __init__(self, path: Path, doors: tuple[str, ...], put: Put) -> None:
        super().__init__("relay", put)
        self._path, self._doors = path, doors
        self._peer: wire.Peer | None = None

    def pulse(self, effect: Pulse) -> None:
        """Ask the guard for a pulse; when it cannot be asked, that is reported as its failure."""
        try:
            peer = self._peer  # the listening thread may let go of it at any time
            if peer and peer.send(wire.RelayPulse(effect.door, effect.pulse, effect.until, effect.renews)):
                return
            why = "the relay guard is away" if peer is None else "the relay guard does not read"
        except LinkError as error:
            why = str(error)
        self._put(RelayReported(effect.door, RelayOutcome.FAILED, effect.pulse, why))

    def relock(self, effect: Relock) -> None:
        """Ask the guard to end a pulse; one that cannot be asked ends it at its deadline, or has ended it already."""
        if peer := self._peer:
            with contextlib.suppress(LinkError):
                peer.send(wire.RelayRelock(effect.door, effect.pulse))

    def listen(self) -> None:
        told = False
        while not self._stopped.is_set():
            try:
                peer = wire.connect(self._path, wire.RelayReport)
            except LinkError as error:
                if not told:
                    self._all(RelayOutcome.UNAVAILABLE, str(error))
                told = True
                self._stopped.wait(RETRY_S)
                continue
            told = False
            self._serve(peer)

    def _serve(self, peer: wire.Peer) -> None:
        self._peer = peer
        self._all(RelayOutcome.AVAILABLE, "")
        why = self._hear(peer)
        self._peer = None
        peer.close()
        self._all(RelayOutcome.UNAVAILABLE, why)

    def _hear(self, peer: wire.Peer) -> str:
        """Pass reports on until the guard is gone; returns why."""
        with selectors.DefaultSelector() as selector:
            selector.register(peer, selectors.EVENT_READ)
            while not self._stopped.is_set():
                if not selector.select(0.5):
                    continue
                try:
                    message = peer.receive()
                except EOFError:
                    return "the relay guard is gone"
                except EdgeError as error:
                    return str(error)
                if isinstance(message, wire.RelayReport):
                    self._put(RelayReported(message.door, message.outcome, message.pulse, message.detail))
        return "the gate is stopping"

    def _all(self, outcome: RelayOutcome, detail: str) -> None:
        for door in self._doors:
            self._put(RelayReported(door, outcome, "", detail))
