"""The cues of presentation-attack detection beside the networks': what the frames of one track say of life.

`edge.liveness` judges.
"""

from collections.abc import Sequence

from edge.border import BorderCue
from edge.boxes import Face
from edge.cue import Cue, Sight
from edge.motion import MotionCue
from edge.pattern import PatternCue
from edge.picture import Picture
from edge.presence import Cues


class Watcher:
    """All cues of one track."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = cues

    def follow(self, picture: Picture, face: Face, captured: float) -> bool:
        """Take in a frame, before it is viewed or instead; whether there is something that no view was told yet."""
        for cue in self._cues:
            cue.follow(Sight(picture, face, captured))
        return any(cue.news for cue in self._cues)

    def see(self, picture: Picture, face: Face, captured: float) -> Cues:
        """What there is to say at a view; the frame was followed."""
        found = Cues()
        for cue in self._cues:
            found = cue.see(Sight(picture, face, captured), found)
        return found


def watcher(available: bool, more: Sequence[Cue] = ()) -> Watcher:
    """The cues for a new track, with `more` that the camera has.

    Without liveness networks nothing could be decided from these.
    """
    return Watcher([MotionCue(), BorderCue(), PatternCue(), *more] if available else [])
