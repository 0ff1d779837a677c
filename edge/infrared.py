"""A second, near-infrared stream of the same gate, in which a living face shows and a screen is dark.

The two lenses sit side by side, so a face is in nearly the same part of both pictures. Only views are looked at in it:
one more search of a small picture each.
"""

from collections.abc import Callable

from msgspec import structs

from edge.camera import Camera, Frame
from edge.config import CameraSection, Credentials
from edge.cue import Cue, Sight
from edge.faces import Face, Vision
from edge.picture import Picture
from edge.presence import Cues, Infrared
from edge.terms import ALIVE, Status

WIDTH_PX = 320
"""How wide a copy is searched."""
APART_S = 0.5
"""Pictures of the two streams that were taken further apart show two moments."""
APART = 0.15
"""How far the face may be from its place in the other picture, in widths and heights of the picture."""
LARGER = 1.6
"""How much larger or smaller it may be there, as a share of the picture's height."""

Newest = Callable[[], Frame | None]


def section(camera: CameraSection) -> CameraSection | None:
    """The infrared stream of a camera, as a camera of its own."""
    other = camera.infrared
    if other is None:
        return None
    return structs.replace(camera, url=other.url, username=other.username, credential=other.credential)


class InfraredCamera:
    """The newest picture of the second stream."""

    def __init__(self, camera: CameraSection, credentials: Credentials) -> None:
        self._camera = Camera(camera, credentials.read(camera.credential) if camera.credential else "")
        self._frame: Frame | None = None
        self.status = Status.CONNECTING
        self._camera.start()

    def newest(self) -> Frame | None:
        """It may be old, or None before the first."""
        for state in self._camera.news():
            self.status = state.status
        self._frame = self._camera.next(0.0) or self._frame
        return self._frame

    @property
    def trouble(self) -> str:
        """Why it gives no pictures, or nothing."""
        self.newest()
        status = Status.STALLED if self._camera.hung() else self.status
        return "" if status in ALIVE else f"infrared: {status}"

    def close(self) -> None:
        self._camera.close()


class InfraredCue(Cue):
    """Whether the face is in the infrared picture of the same moment."""

    def __init__(self, newest: Newest, vision: Vision) -> None:
        self._newest, self._vision = newest, vision

    def see(self, sight: Sight, cues: Cues) -> Cues:
        frame = self._newest()
        if frame is None or abs(frame.captured - sight.captured) > APART_S:
            return structs.replace(cues, infrared=Infrared.UNKNOWN)
        found = self._vision.detect(frame.picture, WIDTH_PX)
        there = any(_same_place(sight.face, sight.picture, other, frame.picture) for other in found)
        return structs.replace(cues, infrared=Infrared.FACE if there else Infrared.NONE)


def _same_place(face: Face, picture: Picture, other: Face, infrared: Picture) -> bool:
    x, y, tall = _place(face, picture)
    u, v, high = _place(other, infrared)
    return abs(x - u) <= APART and abs(y - v) <= APART and 1 / LARGER <= tall / high <= LARGER


def _place(face: Face, picture: Picture) -> tuple[float, float, float]:
    """Middle and height of a face, in widths and heights of its picture."""
    x, y = (face.x + face.width / 2) / picture.width, (face.y + face.height / 2) / picture.height
    return x, y, face.height / picture.height
