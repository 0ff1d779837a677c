"""The gate's end of the lines to its eyes: who they are, what they see, and what is settled.

An eye parses hostile video, so nothing that it sends is believed further than the door of its camera. All eyes run as
one user and the kernel cannot tell them apart: a connection is one camera for as long as it lasts, and a camera is
that of the first connection which named it. So an eye that was taken over cannot speak for another that is there, and
what it may say is counted for its camera, however often it connects.
"""

import logging
import selectors
import time
from math import inf
from pathlib import Path

from msgspec import Struct, structs

from edge import wire
from edge.errors import LinkError, in_english
from edge.facts import CameraReported, TrackEnded
from edge.flood import Bucket
from edge.quality import Shortcoming
from edge.sources import RETRY_S, Put, Source
from edge.terms import ALIVE, Status
from edge.users import group

log = logging.getLogger(__name__)

MESSAGES_PER_S = 300
"""An eye that sends more is broken or hostile; the rest is dropped."""
A_TURN = 16
UNNAMED = 8
"""Most connections that have not named their camera yet."""
NAMED_WITHIN_S = 2.0
"""An eye names its camera as soon as it is connected."""
LOOK_S = 0.5
TRACKS, TRACKS_PER_S = 100, 6.0
"""So many faces may come before a camera at once, and so many a second for ever: of a dense crowd, without a least
size, an eye follows five new ones a second. What is refused is an event once a track, so an eye that invents tracks
would fill the storage of all doors of its gate."""
TRACK_S = 5.0
"""A track of which nothing came for so long is another one, some time before the gate forgets it."""
LONGEST_TEXT = 300
"""Characters of what an eye says in words, or of what is said of it, that go on from here."""
TELL_S = 10.0
"""A process that is shut out may come back thousands of times a second, each time for another reason."""
TELL_AGAIN_S = 3_600.0
"""An eye that invents tracks may do so for days."""
LARGEST = 1e12
"""Nothing that an eye measures is larger; what is reckoned from such numbers stays a number, and its JSON one."""
LONGEST_S = 3_600.0
"""No face is said to have been good for longer before it was captured, and none to be good only afterwards."""


class Seen(Struct, frozen=True):
    """An observation, by the camera whose eye made it; the gate's thread matches it."""

    camera: str
    observation: wire.Observation


class Advised(Struct, frozen=True):
    """What keeps the nearest face before a camera from being compared, for a display at its door."""

    camera: str
    shortcoming: Shortcoming | None


class Pictured(Struct, frozen=True):
    """What a camera sees, as a JPEG that its eye calls free of faces; who shows it decodes it as hostile."""

    camera: str
    jpeg: bytes


class Followed:
    """The tracks before one camera that the gate hears of."""

    def __init__(self, now: float) -> None:
        self._bucket, self._heard = Bucket(TRACKS, TRACKS_PER_S, now), dict[int, float]()

    def take(self, track: int, now: float) -> bool:
        """Whether a view of this track may be heard: one that is known, or one that is not too many."""
        if now - self._heard.get(track, -inf) >= TRACK_S:
            if not self._bucket.take(now):
                return False
            self._heard = {each: at for each, at in self._heard.items() if now - at < TRACK_S}
        self._heard[track] = now
        return True

    def ended(self, track: int) -> None:
        self._heard.pop(track, None)

    def clear(self) -> None:
        self._heard.clear()


class Share:
    """What may be heard of one camera: it is the camera's, however often an eye connects for it."""

    def __init__(self, camera: str, now: float) -> None:
        self.messages, self.followed = Bucket(MESSAGES_PER_S, MESSAGES_PER_S, now), Followed(now)
        self._camera, self._tell_at = camera, -inf

    def plausible(self, track: int, now: float) -> bool:
        """Whether as many people may be before the camera as its eye says; that there cannot be is told seldom."""
        if self.followed.take(track, now):
            return True
        if now >= self._tell_at:
            text = "the eye of %s follows more faces than can come, and is heard in part: restart it"
            log.warning(text, self._camera)
            self._tell_at = now + TELL_AGAIN_S
        return False


class Eye:
    """One connected eye. It is nobody until its first report names its camera."""

    def __init__(self, peer: wire.Peer) -> None:
        self.peer, self.camera = peer, ""
        self.share: Share | None = None
        self.name_by = time.monotonic() + NAMED_WITHIN_S
        self.same_pack = False
        """Whether it runs the gate's model pack: vectors of another one mean nothing here."""


class Eyes(Source):
    """Listens for eyes, turns what they send into facts, and tells them what is settled."""

    def __init__(self, path: Path, users: frozenset[int], cameras: frozenset[str], pack: str, put: Put) -> None:
        super().__init__("eyes", put)
        self._listener = wire.listen(path, group("eye"))
        self._users, self._cameras, self._pack = users, cameras, pack
        self._eyes: dict[str, Eye] = {}
        self._shares: dict[str, Share] = {}
        self._unnamed: set[Eye] = set()
        self._told, self._untold, self._tell_at = "", "", -inf
        """Why a process was shut out that named no camera: told last, and to be told when it is time."""
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
        try:
            while not self._stopped.is_set():
                self._turn()
        finally:
            self._listener.close()
            for eye in [*self._eyes.values(), *self._unnamed]:
                eye.peer.close()
            self._selector.close()

    def _turn(self) -> None:
        for key, _ in self._selector.select(LOOK_S):
            if key.data is None:
                self._accept()
            else:
                self._read(key.data)
        for eye in [eye for eye in self._unnamed if time.monotonic() > eye.name_by]:
            self._close(eye, "an eye did not say which camera it is")
        self._tell(time.monotonic())

    def _accept(self) -> None:
        try:
            peer = wire.accept(self._listener, self._users, *wire.FROM_EYES)
        except LinkError:
            return  # a stranger's process: it was shown the door
        except OSError:  # no descriptor is left, or who knocked has gone again
            self._stopped.wait(RETRY_S)
            return
        if len(self._unnamed) >= UNNAMED:
            peer.close()
            return
        eye = Eye(peer)
        self._unnamed.add(eye)
        self._selector.register(peer, selectors.EVENT_READ, eye)

    def _read(self, eye: Eye) -> None:
        """A few messages a turn: an eye that sends without end must not keep the others from being heard."""
        try:
            for _ in range(A_TURN):
                if (message := eye.peer.receive()) is None:
                    return
                if isinstance(message, wire.EyeReport):
                    self._introduce(eye, message.camera)
                if eye.share and eye.share.messages.take(time.monotonic()):
                    self._hear(eye, eye.share, message)
        except EOFError:
            self._close(eye, "the eye is gone")
        except LinkError as error:
            self._close(eye, str(error))

    def _hear(self, eye: Eye, share: Share, message: wire.Message) -> None:
        match message:
            case wire.EyeReport():
                eye.same_pack = message.pack == self._pack
                if message.status not in ALIVE:
                    share.followed.clear()  # the gate forgets them, too
                misfit = message.pack and not eye.same_pack  # an onlooker has none, and sees no faces
                self._put(self._other_pack(message) if misfit else _camera_report(message))
            case wire.Observation() if eye.same_pack and _sound(message):
                if share.plausible(message.track, time.monotonic()):
                    self._put(Seen(eye.camera, _dated(message)))
            case wire.TrackGone():
                share.followed.ended(message.track)
                self._put(TrackEnded(eye.camera, message.track))
            case wire.Advice():
                self._put(Advised(eye.camera, message.shortcoming))
            case wire.Thumbnail():
                self._put(Pictured(eye.camera, message.jpeg))
            case wire.CodeRead() if _possible(message.captured):
                self._put(wire.Code(eye.camera, message))

    def _introduce(self, eye: Eye, camera: str) -> None:
        """Take note of whose eye it is; LinkError when that cannot be."""
        if camera == eye.camera:
            return
        if eye.camera:
            raise LinkError("the eye of {camera} called itself {other}", camera=eye.camera, other=camera)
        if camera not in self._cameras or camera in self._eyes:
            raise LinkError("an eye called itself {other}, which it is not", other=camera)
        eye.camera, eye.share = camera, self._shares.setdefault(camera, Share(camera, time.monotonic()))
        self._eyes[camera] = eye
        self._unnamed.discard(eye)

    def _other_pack(self, report: wire.EyeReport) -> CameraReported:
        text = "the eye runs the model pack {pack}, the gate {own}: restart both"
        why = in_english(text, pack=report.pack[:LONGEST_TEXT], own=self._pack)
        return CameraReported(report.camera, Status.OTHER_PACK, why)

    def _close(self, eye: Eye, why: str) -> None:
        self._selector.unregister(eye.peer)
        eye.peer.close()
        self._unnamed.discard(eye)
        why = why[:LONGEST_TEXT]
        if eye.share:
            eye.share.followed.clear()
            del self._eyes[eye.camera]
            self._put(CameraReported(eye.camera, Status.SILENT, why))
        elif why != self._told:  # it will try again, and again
            self._untold = self._untold or why

    def _tell(self, now: float) -> None:
        if self._untold and now >= self._tell_at:
            log.warning("%s", self._untold)
            self._told, self._untold, self._tell_at = self._untold, "", now + TELL_S


def _camera_report(report: wire.EyeReport) -> CameraReported:
    view = report.view if report.view and all(map(_possible, structs.astuple(report.view))) else None
    frames_per_s, age_ms = (each if _possible(each) else 0.0 for each in (report.frames_per_s, report.frame_age_ms))
    wall = report.wall if _possible(report.wall) else None
    detail = report.detail[:LONGEST_TEXT]
    return CameraReported(report.camera, report.status, detail, frames_per_s, age_ms, view, wall)


def _sound(seen: wire.Observation) -> bool:
    """Whether every number of an observation may be one: the schema lets NaN, infinity and cut-off floats through."""
    cues = seen.cues
    shares = [*cues.appearance, cues.carried or 0.0, cues.border or 0.0]
    if len(seen.embedding) % 4 or not all(0 <= share <= 1 for share in shares):
        return False
    shift, pattern = cues.shift or 0.0, cues.pattern or 0.0
    numbers = [seen.captured, seen.good_since, shift, pattern, *structs.astuple(seen.quality)]
    return all(map(_possible, numbers)) and min(shift, pattern) >= 0


def _possible(number: float | None) -> bool:
    """Whether something may have been measured so, or was not measured; NaN and infinity are no measurements."""
    return number is None or abs(number) <= LARGEST


def _dated(seen: wire.Observation) -> wire.Observation:
    since = min(max(seen.good_since, seen.captured - LONGEST_S), seen.captured)
    return structs.replace(seen, good_since=since)
