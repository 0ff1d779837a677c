"""The cues of presentation-attack detection, each behind one interface: what one view of a face says of life.

`edge.liveness` joins them to a verdict; a cue only measures. What it needs of earlier views it keeps itself, as
small grey crops for about a second, and forgets with the track.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from edge.detectors import Face
from edge.picture import Image, Picture
from edge.terms import Cues

Points = NDArray[np.float32]
"""(n, 2) pixels of the window."""


class Sight(NamedTuple):
    """A face in a picture, captured at this monotonic second."""

    picture: Picture
    face: Face
    captured: float


class Cue(Protocol):
    """Adds what it can tell of one more view of the same track."""

    def see(self, sight: Sight, cues: Cues) -> Cues: ...


class Watcher:
    """All cues of one track."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = cues

    def see(self, picture: Picture, face: Face, captured: float) -> Cues:
        found = Cues()
        for cue in self._cues:
            found = cue.see(Sight(picture, face, captured), found)
        return found


def watcher(look: Callable[[Picture, Face], tuple[float, ...]], available: bool) -> Watcher:
    """The cues for a new track; `look` asks the liveness networks. Without networks nothing else can be decided."""
    return Watcher([Appearance(look), MotionCue(), BorderCue()] if available else [])


class Appearance:
    """The liveness networks, each at its own scale."""

    def __init__(self, look: Callable[[Picture, Face], tuple[float, ...]]) -> None:
        self._look = look

    def see(self, sight: Sight, cues: Cues) -> Cues:
        return structs.replace(cues, appearance=self._look(sight.picture, sight.face))


FACE_PX = 80
"""How wide a face is in the window: a larger one is made smaller, a smaller one larger."""
WINDOW = (288, 240)
"""3.6 by 3 faces."""
FACE_AT = (144.0, 128.0)
PACE_S = 0.1
"""Between two looks at a track's motion."""
SPAN_S, LONGEST_S = 0.4, 1.6
"""How much older than the view the one is that it is compared with."""
STRAYED = 0.5
"""The window moves after a face that has gone so many of its widths, or whose size changed by so much."""
LEAST_FACE, LEAST_AROUND = 6, 6
"""Points that must be followed on the face and around it."""
CORNER = 0.02
"""How strong a corner is at least, as a share of the strongest in the window."""
RETURN_PX = 0.5
"""How near to where it began a point must come when it is followed forth and back."""
NOISE_PX = 0.25
"""What still points seem to move."""


class Window(NamedTuple):
    """A part of the picture that stays where it is, as a matrix (2, 3) from picture to window pixels."""

    matrix: NDArray[np.float32]
    x: float
    y: float
    width: float


class Moment(NamedTuple):
    captured: float
    luma: Image
    face: Face


class MotionCue:
    """The face against what surrounds it.

    Corners of an earlier view, in the face and around the head, are followed to this one (Lucas and Kanade, forth
    and back). `shift` is the median way of those in the face, or around it where that is longer; `carried` how far
    what surrounds it went along. After Anjos, Chakka and Marcel, "Motion-based counter-measures to photo attacks
    in face recognition" (2014), with points in the place of dense flow, since frames may be half a second apart.
    """

    def __init__(self) -> None:
        self._window: Window | None = None
        self._moments: deque[Moment] = deque(maxlen=16)

    def see(self, sight: Sight, cues: Cues) -> Cues:
        if self._moments and sight.captured - self._moments[-1].captured < PACE_S:
            return cues
        window = self._at(sight.face)
        now = Moment(sight.captured, sight.picture.luma(window.matrix, WINDOW), sight.face)
        before = self._before(sight.captured)
        self._moments.append(now)
        if before is None:
            return cues
        shift, carried = _moved(before, now, window, (sight.picture.width, sight.picture.height))
        return structs.replace(cues, shift=shift, carried=carried)

    def _at(self, face: Face) -> Window:
        """The window, moved when the face has left its place in it; what was seen through the old one is dropped."""
        window = self._window
        if window is None or _strayed(window, face):
            window = self._window = _window(face)
            self._moments.clear()
        return window

    def _before(self, captured: float) -> Moment | None:
        """The newest view that is old enough."""
        old = [moment for moment in self._moments if SPAN_S <= captured - moment.captured <= LONGEST_S]
        return old[-1] if old else None


def _window(face: Face) -> Window:
    scale = FACE_PX / face.width
    x, y = face.x + face.width / 2, face.y + face.height / 2
    matrix = np.array([[scale, 0, FACE_AT[0] - scale * x], [0, scale, FACE_AT[1] - scale * y]], np.float32)
    return Window(matrix, x, y, face.width)


def _strayed(window: Window, face: Face) -> bool:
    x, y = face.x + face.width / 2 - window.x, face.y + face.height / 2 - window.y
    away = max(abs(x), abs(y)) > STRAYED * window.width
    return away or not 1 / (1 + STRAYED) < face.width / window.width < 1 + STRAYED


def _moved(before: Moment, now: Moment, window: Window, size: tuple[int, int]) -> tuple[float | None, float | None]:
    """Shift and carried between two views."""
    inside, around = _regions(before.face, window, size)
    strongest = float(cv2.cornerMinEigenVal(before.luma, 5).max())
    face = _steps(before.luma, now.luma, _corners(before.luma, inside, strongest))
    if len(face) < LEAST_FACE:
        return None, None
    own = float(np.median(np.linalg.norm(face, axis=1)))
    rest = _steps(before.luma, now.luma, _corners(before.luma, around, strongest))
    if len(rest) < LEAST_AROUND:
        return own / FACE_PX, None
    other = float(np.median(np.linalg.norm(rest, axis=1)))
    most = max(own, other)
    return most / FACE_PX, max(0.0, other - NOISE_PX) / max(most, NOISE_PX)


def _regions(face: Face, window: Window, size: tuple[int, int]) -> tuple[Image, Image]:
    """Masks of the face, and of what lies beside and above the head but not of neck and shoulders."""
    scale = float(window.matrix[0, 0])
    x, y = (window.matrix @ (face.x + face.width / 2, face.y + face.height / 2, 1)).tolist()
    width, height = scale * face.width, scale * face.height
    inside = np.zeros(WINDOW[::-1], np.uint8)
    cv2.ellipse(inside, (round(x), round(y)), (round(0.45 * width), round(0.5 * height)), 0, 0, 360, 255, -1)
    around = np.zeros_like(inside)
    (left, top), (right, bottom) = (window.matrix @ np.array([[0, size[0] - 1], [0, size[1] - 1], [1, 1]])).T
    corner, other = (round(left) + 3, round(top) + 3), (round(right) - 3, round(min(bottom, y + 0.4 * height)) - 3)
    cv2.rectangle(around, corner, other, 255, -1)
    head = (round(x - 0.95 * width), round(y - 0.95 * height)), (round(x + 0.95 * width), WINDOW[1])
    cv2.rectangle(around, *head, 0, -1)
    return inside, around


def _corners(luma: Image, mask: Image, strongest: float) -> Points:
    """Up to 40 corners (n, 2) in the mask, at least CORNER as strong as the strongest."""
    own = float(np.where(mask, cv2.cornerMinEigenVal(luma, 5), 0).max())
    if own < CORNER * strongest:
        return np.empty((0, 2), np.float32)
    found = cv2.goodFeaturesToTrack(luma, 40, CORNER * strongest / own, 6, mask=mask, blockSize=5)
    return np.empty((0, 2), np.float32) if found is None else found.reshape(-1, 2)  # type: ignore[return-value]


def _steps(before: Image, now: Image, points: Points) -> Points:
    """How far each point went, (n, 2), those left out that could not be followed there and back."""
    if not len(points):
        return points
    there, found, _ = _follow(before, now, points)
    back, again, _ = _follow(now, before, there)
    kept = (found & again).ravel().astype(bool) & (np.linalg.norm(back - points, axis=1) <= RETURN_PX)
    steps: Points = (there - points)[kept]
    return steps


def _follow(before: Image, now: Image, points: Points) -> Any:
    return cv2.calcOpticalFlowPyrLK(before, now, points, None, winSize=(15, 15), maxLevel=3)  # type: ignore[call-overload]


OUTLINE = (96, 96)
OUTLINE_FACE_PX = 28
"""The face is 28 pixels wide in a crop of 96 by 96: 3.4 faces."""
LEAST_EDGE = 4.0
"""Grey levels a pixel that an edge changes at least."""


class BorderCue:
    """A straight outline around the face: the edge of a sheet, the bezel of a screen, the border of a print.

    The crop is turned with the face. On each side the best straight edge is sought that runs along the whole face:
    its strength is on how much of its length it is one, and of the same direction. Three of four sides must show one,
    since a hand or the end of the picture may hide the fourth.
    """

    def __init__(self) -> None:
        self._looked = -np.inf

    def see(self, sight: Sight, cues: Cues) -> Cues:
        if sight.captured - self._looked < SPAN_S:
            return cues
        self._looked = sight.captured
        return structs.replace(cues, border=_border(sight.picture, sight.face))


def _border(picture: Picture, face: Face) -> float:
    (x, y), (u, v) = face.landmarks[0].tolist(), face.landmarks[1].tolist()
    length = float(np.hypot(u - x, v - y))
    scale = OUTLINE_FACE_PX / face.width / max(length, 1.0)
    cos, sin = scale * (u - x), scale * (v - y)
    middle = face.x + face.width / 2, face.y + face.height / 2
    shift = OUTLINE[0] / 2 - cos * middle[0] - sin * middle[1], OUTLINE[1] / 2 + sin * middle[0] - cos * middle[1]
    luma = picture.luma(np.array([[cos, sin, shift[0]], [-sin, cos, shift[1]]], np.float32), OUTLINE)
    across, down = _gradient(luma, 1, 0), _gradient(luma, 0, 1)
    half = OUTLINE_FACE_PX // 2
    along = slice(OUTLINE[0] // 2 - 2 * half, OUTLINE[0] // 2 + 2 * half)
    columns, rows = _straight(across[along].T), _straight(down[:, along])
    near, far = OUTLINE[0] // 2 - half - 6, OUTLINE[0] // 2 + half + 6
    sides = sorted([columns[2:near].max(), columns[far:-2].max(), rows[2:near].max(), rows[far:-2].max()])
    return float(sides[1])


def _gradient(luma: Image, across: int, down: int) -> NDArray[np.float32]:
    """Grey levels a pixel."""
    return cv2.Sobel(luma, cv2.CV_32F, across, down, scale=1 / 8)  # type: ignore[return-value]


def _straight(gradient: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each line (rows of `gradient`): the share of it with an edge in one direction, less that in the other."""
    wide = cv2.blur(gradient, (1, 3))  # a border may be two pixels aslant
    shares: NDArray[np.float32] = np.abs((wide > LEAST_EDGE).mean(axis=1) - (wide < -LEAST_EDGE).mean(axis=1))
    return shares
