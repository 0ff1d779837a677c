"""Faces of successive frames joined into tracks, and which of them are worth embedding now.

A track stands for one person, so it would rather end than change over to another: a face that could belong to
two tracks, or a track that could go on with two faces, ends what is in doubt. Votes begin anew then, and
when a view of a track looks like somebody else than its earlier ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import hypot, inf
from typing import Generic, Protocol, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.pairing import Boxed, centre, pair
from edge.presence import Company
from edge.quality import QualityGate, Shortcoming
from edge.terms import Quality

UNSEEN_S, GAP_S = 0.6, 2.0
"""A track has ended whose face is in no picture for so long, and one of which no picture came for so long."""
HURRIED_S = 3.0
PAUSES = ((HURRIED_S, 0.1), (inf, 1.0))
"""Until so many seconds after a track's first good frame, and the pause between two of its views then, once it has had
enough of them for either answer. Until then every frame counts: people expect the door within half a second."""
SETTLED_S = 1.0
"""How often it is looked at whether a settled track still shows the same person."""
NEARER = 1.25
"""A face that became so much larger than any view of it is worth another at once."""


class Trackable(Boxed, Protocol):
    """A box and landmarks (5, 2), the eyes first, in pixels of the whole picture."""

    @property
    def landmarks(self) -> NDArray[np.float32]: ...


Face = TypeVar("Face", bound=Trackable)


class Zone(Struct, frozen=True):
    """Where a face must be to count (fractions of the picture), and how near."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    least_eye_distance_px: float = 0.0

    def holds(self, face: Trackable, width: int, height: int) -> bool:
        """Whether the centre of the face is inside, in a picture of this size."""
        x, y = centre(face)
        return self.left * width <= x <= self.right * width and self.top * height <= y <= self.bottom * height

    def near(self, face: Trackable) -> bool:
        return eye_distance(face) >= self.least_eye_distance_px


@dataclass(slots=True)
class Track(Generic[Face]):
    """One face, followed. Times are those of capture, monotonic seconds."""

    id: int
    face: Face
    captured: float
    good_since: float | None = None
    """The first frame of this track that passed the quality gate."""
    views: int = 0
    viewed: float = 0.0
    largest_view_px: float = 0.0
    settled: bool = False
    shortcoming: Shortcoming | None = None
    """What was wrong with the face when it was judged last."""
    likeness: NDArray[np.float32] | None = None
    """Sum of the embeddings (D,) of its views; kept for as long as the track lasts, and nowhere else."""


class Tracker(Generic[Face]):
    """Joins faces into tracks. Ids count up from `first_id`; `enough` is how many views any decision needs."""

    def __init__(
        self,
        zone: Zone,
        enough: int,
        first_id: int = 1,
        gate: QualityGate | None = None,
        same: float = -1.0,
        other: float = -1.0,
    ) -> None:
        """`same` is the score from which two views of a track are of one person, and below `other` they are plainly
        of two."""
        self._zone, self._enough, self._gate = zone, enough, gate or QualityGate()
        self._same, self._other = same, other
        self._ids = count(first_id)
        self._tracks: dict[int, Track[Face]] = {}
        self._size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self._tracks)

    def update(self, faces: Sequence[Face], captured: float, size: tuple[int, int] | None = None) -> list[Track[Face]]:
        """Take the faces of the next frame; the tracks that have ended, which are all at another `size` of it."""
        ended = self._expire(captured, GAP_S)
        if size != self._size:
            ended, self._size = ended + self.clear(), size
        tracks = list(self._tracks.values())
        found = pair(tracks, faces, captured)
        for place, number in found.continued:
            tracks[place].face, tracks[place].captured = faces[number], captured
        doubtful = [tracks[place] for place in found.doubtful]
        for track in doubtful:
            del self._tracks[track.id]
        ended += self._expire(captured, UNSEEN_S)
        continued = {number for _, number in found.continued}
        for number, face in enumerate(faces):
            if number not in continued:
                track = Track(next(self._ids), face, captured)
                self._tracks[track.id] = track
        return ended + doubtful

    def clear(self) -> list[Track[Face]]:
        """End everything, as after a gap in the stream; the tracks that have ended."""
        ended = list(self._tracks.values())
        self._tracks.clear()
        return ended

    def wanted(
        self, captured: float, width: int, height: int, follow: Callable[[Track[Face]], bool] = lambda track: False
    ) -> list[Track[Face]]:
        """Tracks seen in this frame that another view could decide, the most urgent first.

        `follow` is called with each of them, and with those whose last view is too near; when it tells of something
        new, these are wanted as well.
        """
        wanted = []
        for track in self._undecided(captured, width, height):
            due = self._due(track)
            news = (due or self._followed(track) < HURRIED_S) and follow(track)
            if due or news:
                wanted.append(track)
        return sorted(wanted, key=self._urgency)

    def settled(self, captured: float, width: int, height: int) -> list[Track[Face]]:
        """Settled tracks seen in this frame that were not looked at for a second, the longest ago first.

        Somebody may have stepped up to where they stood, and would wait for ever behind their answer.
        """
        found = [track for track in self._present(captured, width, height) if track.settled]
        due = [track for track in found if captured - track.viewed >= SETTLED_S]
        return sorted(due, key=lambda track: track.viewed)

    def _undecided(self, captured: float, width: int, height: int) -> list[Track[Face]]:
        return [track for track in self._present(captured, width, height) if not track.settled]

    def _present(self, captured: float, width: int, height: int) -> list[Track[Face]]:
        zone = self._zone
        seen = [track for track in self._tracks.values() if track.captured == captured]
        return [track for track in seen if zone.near(track.face) and zone.holds(track.face, width, height)]

    def judge(self, track: Track[Face], quality: Quality) -> bool:
        """Whether this frame of the track passes the quality gate."""
        track.shortcoming = self._gate.shortcoming(quality)
        good = track.shortcoming is None
        if good and track.good_since is None:
            track.good_since = track.captured
        return good

    def viewed(self, track: Track[Face]) -> None:
        """This frame of the track was embedded."""
        track.views += 1
        track.viewed = track.captured
        track.largest_view_px = max(track.largest_view_px, eye_distance(track.face))

    def resembles(self, track: Track[Face], embedding: NDArray[np.float32]) -> bool:
        """Whether this view, a unit vector (D,), looks like the track's earlier ones; if not, the track is over.

        A photograph that is swapped in, or somebody who steps into another's place between two frames, is a track
        of its own, and begins with the next frame. A settled track is over only for who is plainly another: it is
        looked at seldom, and whoever it shows would be answered twice.
        """
        if track.likeness is None:
            track.likeness = embedding
            return True
        score = float(embedding @ track.likeness) / float(np.linalg.norm(track.likeness))
        if score >= self._same:
            track.likeness = track.likeness + embedding
            return True
        if track.settled and score >= self._other:
            return True
        del self._tracks[track.id]
        return False

    def company(self, track: Track[Face], width: int, height: int) -> Company:
        """Who else stands in the zone in this frame."""
        others = [
            eye_distance(other.face)
            for other in self._tracks.values()
            if other is not track and other.captured == track.captured
            if self._zone.near(other.face) and self._zone.holds(other.face, width, height)
        ]
        return Company(len(others), all(size <= eye_distance(track.face) for size in others))

    def settle(self, track: int) -> None:
        """The gate has decided: no further view of this person can change anything."""
        if track in self._tracks:
            self._tracks[track].settled = True

    def _expire(self, captured: float, after_s: float) -> list[Track[Face]]:
        ended = [track for track in self._tracks.values() if captured - track.captured > after_s]
        for track in ended:
            del self._tracks[track.id]
        return ended

    def _due(self, track: Track[Face]) -> bool:
        if track.good_since is None or track.views < self._enough:
            return True
        nearer = eye_distance(track.face) >= NEARER * track.largest_view_px
        return nearer or track.captured - track.viewed >= self._pause(track)

    def _pause(self, track: Track[Face]) -> float:
        return next(pause for until, pause in PAUSES if self._followed(track) < until)

    def _followed(self, track: Track[Face]) -> float:
        return 0.0 if track.good_since is None else track.captured - track.good_since

    def _urgency(self, track: Track[Face]) -> tuple[bool, float, float]:
        """Who has waited longest for an answer comes first, then the nearest; the others have had their views."""
        since = track.captured if track.good_since is None else track.good_since
        waited = track.viewed if track.views >= self._enough else since
        return track.views >= self._enough, waited, -eye_distance(track.face)


def eye_distance(face: Trackable) -> float:
    """Pixels between the eyes."""
    (x, y), (u, v) = face.landmarks[0], face.landmarks[1]
    return hypot(u - x, v - y)
