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
from edge.presence import Cues

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
LEAST_FACE, LEAST_AROUND = 6, 4
"""Points that must be followed on the face and around it."""
BLOCK_PX = 31
"""What surrounds a face is often soft: it is followed in blocks of this size, not by its corners."""
TEXTURE = 1.0
"""Grey levels a pixel, squared, in the direction in which a block has least: below it is too even to be followed."""
RETURN_PX = 0.5
"""How near to where it began a point must come when it is followed forth and back."""
NOISE_PX, PART = 0.3, 0.3
"""A block moved when it went further than NOISE_PX and than PART of the face's way; blocks move together when they
differ by less than that from their median."""


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

    Corners of the face and blocks around the head are followed from an earlier view to this one (Lucas and Kanade,
    forth and back). `shift` is the median way of the face, or of its surroundings where they went further; `carried`
    the share of the surroundings that moved, together, among what moved so or stood still: people who pass behind
    are neither. After Anjos, Chakka and Marcel, "Motion-based counter-measures to photo attacks in face recognition"
    (2014), with points in the place of dense flow, since frames may be half a second apart.
    """

    def __init__(self) -> None:
        self._window: Window | None = None
        self._moments: deque[Moment] = deque(maxlen=16)

    def see(self, sight: Sight, cues: Cues) -> Cues:
        if self._moments and sight.captured - self._moments[-1].captured < PACE_S:
            return cues
        window = self._at(sight.face)
        luma: Any = cv2.GaussianBlur(sight.picture.luma(window.matrix, WINDOW), (5, 5), 1.0)
        now = Moment(sight.captured, luma, sight.face)
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
    went = np.subtract(_box(now.face, window)[:2], _box(before.face, window)[:2])
    face = _steps(before.luma, now.luma, _corners(before.luma, before.face, window), went)
    if len(face) < LEAST_FACE:
        return None, None
    own = float(np.median(np.linalg.norm(face, axis=1)))
    rest = _steps(before.luma, now.luma, _blocks(before.luma, before.face, window, size))
    moved = rest[np.linalg.norm(rest, axis=1) > max(NOISE_PX, PART * own)]
    way = np.median(moved, axis=0) if len(moved) else np.zeros(2)
    other = float(np.linalg.norm(way))
    together = int((np.linalg.norm(moved - way, axis=1) <= NOISE_PX + PART * other).sum())
    stood = len(rest) - len(moved)
    if together + stood < LEAST_AROUND:
        return own / FACE_PX, None
    return max(own, other if together > stood else 0.0) / FACE_PX, together / (together + stood)


def _corners(luma: Image, face: Face, window: Window) -> Points:
    """Up to 40 corners in the face, (n, 2)."""
    x, y, width, height = _box(face, window)
    inside = np.zeros(WINDOW[::-1], np.uint8)
    cv2.ellipse(inside, (round(x), round(y)), (round(0.45 * width), round(0.5 * height)), 0, 0, 360, 255, -1)
    found = cv2.goodFeaturesToTrack(luma, 40, 0.05, 6, mask=inside, blockSize=5)
    return np.empty((0, 2), np.float32) if found is None else found.reshape(-1, 2)  # type: ignore[return-value]


def _blocks(luma: Image, face: Face, window: Window, size: tuple[int, int]) -> Points:
    """Middles (n, 2) of the blocks beside and above the head that have texture; not of neck and shoulders."""
    x, y, width, height = _box(face, window)
    (left, top), (right, bottom) = (window.matrix @ np.array([[0, size[0] - 1], [0, size[1] - 1], [1, 1]])).T
    half = BLOCK_PX // 2
    columns = np.arange(max(half, left + half), min(WINDOW[0], right) - half, half)
    rows = np.arange(max(half, top + half), min(WINDOW[1], bottom, y + 0.4 * height) - half, half)
    points = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)
    beside, above = np.abs(points[:, 0] - x) > 0.95 * width, points[:, 1] < y - 0.95 * height
    points = points[beside | above]
    texture = (
        cv2.cornerMinEigenVal(luma, BLOCK_PX) * 255**2 / 4
    )  # mean squared gradient: see OpenCV's cornerEigenValsVecs
    u, v = points.astype(int).T
    kept: Points = points[texture[v, u] >= TEXTURE]
    return kept


def _box(face: Face, window: Window) -> tuple[float, float, float, float]:
    """Middle, width and height of a face in the window."""
    scale = float(window.matrix[0, 0])
    x, y = (window.matrix @ (face.x + face.width / 2, face.y + face.height / 2, 1)).tolist()
    return x, y, scale * face.width, scale * face.height


def _steps(before: Image, now: Image, points: Points, guess: NDArray[np.float64] | float = 0.0) -> Points:
    """How far each point went, (n, 2), those left out that could not be followed there and back."""
    if not len(points):
        return points
    there, found, _ = _follow(before, now, points, guess)
    back, again, _ = _follow(now, before, there, -guess)
    kept = (found & again).ravel().astype(bool) & (np.linalg.norm(back - points, axis=1) <= RETURN_PX)
    steps: Points = (there - points)[kept]
    return steps


def _follow(before: Image, now: Image, points: Points, guess: NDArray[np.float64] | float) -> Any:
    start, size = (points + guess).astype(np.float32), (BLOCK_PX, BLOCK_PX)
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    return cv2.calcOpticalFlowPyrLK(before, now, points, start, winSize=size, maxLevel=3, flags=flags)


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
    matrix = np.array([[cos, sin, shift[0]], [-sin, cos, shift[1]]], np.float32)
    luma, there = picture.luma(matrix, OUTLINE), _inside(picture, matrix)
    across, down = _gradient(luma, 1, 0) * there, _gradient(luma, 0, 1) * there
    half = OUTLINE_FACE_PX // 2
    along = slice(OUTLINE[0] // 2 - 2 * half, OUTLINE[0] // 2 + 2 * half)
    columns, rows = _straight(across[along].T), _straight(down[:, along])
    near, far = OUTLINE[0] // 2 - half - 6, OUTLINE[0] // 2 + half + 6
    sides = sorted([columns[2:near].max(), columns[far:-2].max(), rows[2:near].max(), rows[far:-2].max()])
    return float(sides[1])


def _inside(picture: Picture, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 where the crop shows the picture, 0 beyond its edges and near them."""
    right, bottom = picture.width - 1, picture.height - 1
    corners = cv2.transform(np.array([[[0, 0], [right, 0], [right, bottom], [0, bottom]]], np.float32), matrix)
    area = cv2.fillConvexPoly(np.zeros(OUTLINE[::-1], np.float32), np.rint(corners[0]).astype(np.int32), 1.0)
    return cv2.erode(area, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1.0)  # type: ignore[return-value]


def _gradient(luma: Image, across: int, down: int) -> NDArray[np.float32]:
    """Grey levels a pixel."""
    return cv2.Sobel(luma, cv2.CV_32F, across, down, scale=1 / 8)  # type: ignore[return-value]


def _straight(gradient: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each line (rows of `gradient`): the share of it with an edge in one direction, less that in the other."""
    wide = cv2.blur(gradient, (1, 3))  # a border may be two pixels aslant
    shares: NDArray[np.float32] = np.abs((wide > LEAST_EDGE).mean(axis=1) - (wide < -LEAST_EDGE).mean(axis=1))
    return shares
