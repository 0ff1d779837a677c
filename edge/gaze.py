"""What one camera's pictures show: faces joined into tracks, and of each view its quality and the cues of life.

The eye and `edge-gate evaluate liveness` look through this; only what is done with a view differs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from edge.cue import Cue
from edge.cues import Watcher, watcher
from edge.faces import Face, Vision
from edge.network import Tensor
from edge.picture import Picture
from edge.presence import Cues
from edge.terms import Quality
from edge.track import Track, Tracker, Zone

SAME_FMR = 1e-3
"""Views of one track are of one person when so few strangers would look so alike."""
OTHER_FMR = 0.1
"""And plainly of two when they are less alike than so many strangers are."""


class Viewed(NamedTuple):
    """A face of a track, looked at whole."""

    embedding: Tensor
    cues: Cues


class Gaze:
    """Not for several threads at once. Pictures are searched in a copy `width` pixels wide."""

    def __init__(
        self, vision: Vision, width: int, zone: Zone, enough: int, first_id: int = 1, more: Sequence[Cue] = ()
    ) -> None:
        """`more` are cues that the camera has besides, and that keep nothing of a track."""
        self.vision, self._more = vision, more
        score_at = vision.pack.manifest.calibration.score_at
        self.tracker = Tracker[Face](zone, enough, first_id, same=score_at(SAME_FMR), other=score_at(OTHER_FMR))
        self._width = width
        self._watchers: dict[int, Watcher] = {}

    def search(self, picture: Picture, captured: float) -> tuple[list[Face], list[Track[Face]]]:
        """The faces of the next picture, and the tracks that have ended with it."""
        faces = self.vision.detect(picture, self._width)
        return faces, self._forgotten(self.tracker.update(faces, captured, (picture.width, picture.height)))

    def clear(self) -> list[Track[Face]]:
        """What comes after a gap are other faces; the tracks that have ended."""
        return self._forgotten(self.tracker.clear())

    def wanted(self, picture: Picture, captured: float) -> list[Track[Face]]:
        """Tracks of the last picture that another view could decide, best first.

        Motion is followed between views too: what it tells brings the next view forward.
        """

        def follow(track: Track[Face]) -> bool:
            return self._watcher(track).follow(picture, track.face, captured)

        return self.tracker.wanted(captured, picture.width, picture.height, follow)

    def quality(self, picture: Picture, track: Track[Face]) -> Quality | None:
        """That of a face of the last picture, or None when it is not good enough to be viewed."""
        quality = self.vision.quality(picture, track.face)
        return quality if self.tracker.judge(track, quality) else None

    def view(self, picture: Picture, track: Track[Face]) -> Viewed | None:
        """Embedding and cues of a track's face, or None when it is of another person: then the track is over.

        To be asked once of each picture, like `cues`.
        """
        cues = self._measured(picture, track)
        seen = self.vision.view(picture, track.face)
        if not self._same(track, seen.embedding):
            return None
        return Viewed(seen.embedding, structs.replace(cues, appearance=seen.appearance))

    def cues(self, picture: Picture, track: Track[Face]) -> Cues:
        """As `view`, only what it says of life."""
        return structs.replace(self._measured(picture, track), appearance=self.vision.liveness(picture, track.face))

    def same(self, picture: Picture, track: Track[Face]) -> bool:
        """As `view`, only whether it is of the same person."""
        return self._same(track, self.vision.embed(picture, track.face))

    def _measured(self, picture: Picture, track: Track[Face]) -> Cues:
        """All cues but the networks', which take the caches that the others would have found warm."""
        return self._watcher(track).see(picture, track.face, track.captured)

    def _same(self, track: Track[Face], embedding: Tensor) -> bool:
        if same := self.tracker.resembles(track, embedding):
            return same
        self._forgotten([track])
        return False

    def _watcher(self, track: Track[Face]) -> Watcher:
        if track.id not in self._watchers:
            self._watchers[track.id] = watcher(self.vision.has_liveness, self._more)
        return self._watchers[track.id]

    def _forgotten(self, ended: list[Track[Face]]) -> list[Track[Face]]:
        for track in ended:
            self._watchers.pop(track.id, None)
        return ended
