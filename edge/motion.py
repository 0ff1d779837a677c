"""The cue of motion: whether the face moves on its own, or takes along what surrounds it as a picture in a hand does.

What it needs of earlier frames it keeps itself, as small grey crops for about a second, and forgets with the track.
"""

import math
from collections import deque
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from edge.boxes import Face
from edge.cue import Cue, Sight
from edge.picture import Image
from edge.presence import Cues

Points = NDArray[np.float32]
"""(n, 2) pixels of the window."""
Box = tuple[float, float, float, float]
"""Middle, width and height in the window."""

FACE_PX = 40
"""How wide a face is in the window: a larger one is made smaller, a smaller one larger."""
WINDOW = (144, 120)
"""3.6 by 3 faces."""
FACE_AT = (72.0, 64.0)
PACE_S = 0.1
"""Between two looks at a track's motion."""
SPAN_S, LONGEST_S = 0.2, 1.6
"""How much older than the view the one is that it is compared with."""
STRAYED = 0.5
"""The window moves after a face that has gone so many of its widths, or whose size changed by so much."""
LEAST_FACE, LEAST_AROUND = 6, 4
"""Points that must be followed on the face and around it."""
BLOCK_PX = 15
"""What surrounds a face is often soft: it is followed in blocks of this size, not by its corners."""
STEP_PX = 7
"""Between the middles of two blocks."""
CORNERS = 40
"""Most points that are followed on the face."""
TEXTURE = 1.0 * 4 / 255**2
"""A grey level a pixel, squared, in the direction in which a block has least: below it is too even to be followed. As
cornerMinEigenVal scales it."""
LEVELS = 2
"""How often the window is halved for what went far."""
ENDS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.02)
"""A point is found after so many steps, or when one is shorter than this (pixels): a tenth of NOISE_PX."""
RETURN_PX = 0.25
"""How near to where it began a point must come when it is followed forth and back."""
NOISE_PX, PART = 0.2, 0.3
"""A block moved when it went further than NOISE_PX and than PART of the face's way; blocks move together when they
differ by less than that from their median."""


def _lattice() -> Points:
    """Middles (n, 2) of all blocks that a window has room for."""
    columns, rows = (np.arange(BLOCK_PX // 2, side - BLOCK_PX // 2, STEP_PX) for side in WINDOW)
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float32)


LATTICE = _lattice()


class Window(NamedTuple):
    """A part of the picture that stays where it is: its pixels are those of the picture times `scale`, plus a shift."""

    scale: float
    right: float
    down: float

    @property
    def matrix(self) -> NDArray[np.float32]:
        """(2, 3), from picture to window pixels."""
        return np.array([[self.scale, 0, self.right], [0, self.scale, self.down]], np.float32)

    def box(self, face: Face) -> Box:
        """Where a face is."""
        x, y = face.x + face.width / 2, face.y + face.height / 2
        return (
            self.scale * x + self.right,
            self.scale * y + self.down,
            self.scale * face.width,
            self.scale * face.height,
        )

    def across(self, other: "Window") -> "Window":
        """What takes the pixels of another window to those of this one."""
        scale = self.scale / other.scale
        return Window(scale, self.right - scale * other.right, self.down - scale * other.down)


class Moment(NamedTuple):
    """A frame of the track, seen through a window."""

    captured: float
    luma: Image
    face: Face
    window: Window


class Moved(NamedTuple):
    """Between two frames; see `edge.presence.Cues`."""

    shift: float
    carried: float | None


class MotionCue(Cue):
    """The face against what surrounds it.

    Corners of the face and blocks around the head are followed from an earlier frame to this one (Lucas and Kanade,
    forth and back). `shift` is the median way of the face, or of its surroundings where they went further; `carried`
    the share of the surroundings that moved, together, among what moved so or stood still: people who pass behind
    are neither. After Anjos, Chakka and Marcel, "Motion-based counter-measures to photo attacks in face recognition"
    (2014), with points in the place of dense flow, since frames may be half a second apart.
    """

    def __init__(self) -> None:
        self._window: Window | None = None
        self._moments: deque[Moment] = deque(maxlen=16)
        self._measured: Moved | None = None

    @property
    def news(self) -> bool:  # type: ignore[override]
        return self._measured is not None

    def follow(self, sight: Sight) -> None:
        """Look at the track's motion, whether or not this frame is viewed: a crowd shares the views."""
        if self._moments and sight.captured - self._moments[-1].captured < PACE_S:
            return
        window = self._at(sight.face)
        luma: Any = cv2.GaussianBlur(sight.picture.luma(window.matrix, WINDOW), (3, 3), 0)
        now = Moment(sight.captured, luma, sight.face, window)
        before = self._before(sight.captured)
        self._moments.append(now)
        if before:
            self._measured = _moved(before, now, (sight.picture.width, sight.picture.height))

    def see(self, sight: Sight, cues: Cues) -> Cues:
        """What was measured since the last view, told once."""
        if self._measured is None:
            return cues
        (shift, carried), self._measured = self._measured, None
        return structs.replace(cues, shift=shift, carried=carried)

    def _at(self, face: Face) -> Window:
        """The window, moved when the face has left its place in it."""
        if self._window is None or _strayed(self._window, face):
            self._window = _window(face)
        return self._window

    def _before(self, captured: float) -> Moment | None:
        """The newest view that is old enough."""
        old = [moment for moment in self._moments if SPAN_S <= captured - moment.captured <= LONGEST_S]
        return old[-1] if old else None


def _window(face: Face) -> Window:
    scale = FACE_PX / face.width
    x, y = face.x + face.width / 2, face.y + face.height / 2
    return Window(scale, FACE_AT[0] - scale * x, FACE_AT[1] - scale * y)


def _strayed(window: Window, face: Face) -> bool:
    x, y, width, _ = window.box(face)
    away = max(abs(x - FACE_AT[0]), abs(y - FACE_AT[1])) > STRAYED * FACE_PX
    return away or not 1 / (1 + STRAYED) < width / FACE_PX < 1 + STRAYED


def _moved(before: Moment, now: Moment, size: tuple[int, int]) -> Moved | None:
    """What happened between two frames of a picture of this size, or None when the face could not be followed."""
    window, luma, area = now.window, before.luma, _area(before.window, now.window, size)
    if before.window is not window:
        across = window.across(before.window).matrix
        luma = cv2.warpAffine(luma, across, WINDOW, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    was, box = window.box(before.face), window.box(now.face)
    face = _steps(luma, now.luma, _corners(luma, was), np.array([box[0] - was[0], box[1] - was[1]]))
    if len(face) < LEAST_FACE:
        return None
    own = median(np.hypot(*face.T).tolist())
    rest = _steps(luma, now.luma, _blocks(luma, was, area))
    moved = rest[np.hypot(*rest.T) > max(NOISE_PX, PART * own)]
    way = [median(steps) for steps in moved.T.tolist()] if len(moved) else [0.0, 0.0]
    other = math.hypot(*way)
    together = int((np.hypot(*(moved - np.array(way, np.float32)).T) <= NOISE_PX + PART * other).sum())
    stood = len(rest) - len(moved)
    if together + stood < LEAST_AROUND:
        return Moved(own / FACE_PX, None)
    return Moved(max(own, other if together > stood else 0.0) / FACE_PX, together / (together + stood))


def _corners(luma: Image, box: Box) -> Points:
    """Corners in the face, (n, 2)."""
    x, y, width, height = box
    inside = np.zeros(WINDOW[::-1], np.uint8)
    cv2.ellipse(inside, (round(x), round(y)), (round(0.45 * width), round(0.5 * height)), 0, 0, 360, 255, -1)
    found = cv2.goodFeaturesToTrack(luma, CORNERS, 0.05, 3, mask=inside, blockSize=5)
    return np.empty((0, 2), np.float32) if found is None else found.reshape(-1, 2)  # type: ignore[return-value]


def _area(before: Window, now: Window, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """What of the window shows the picture, and did then: left, top, right and bottom."""
    then = now.across(before)
    return (
        max(0.0, now.right, then.right),
        max(0.0, now.down, then.down),
        min(WINDOW[0], now.scale * (size[0] - 1) + now.right, then.scale * (WINDOW[0] - 1) + then.right),
        min(WINDOW[1], now.scale * (size[1] - 1) + now.down, then.scale * (WINDOW[1] - 1) + then.down),
    )


def _blocks(luma: Image, box: Box, area: tuple[float, float, float, float]) -> Points:
    """Middles (n, 2) of the blocks beside and above the head that have texture; not of neck and shoulders."""
    x, y, width, height = box
    left, top, right, bottom = area
    half, points = BLOCK_PX // 2, LATTICE + np.array([left, top], np.float32)
    across, down = points.T
    inside = (across < right - half) & (down < min(bottom, y + 0.4 * height) - half)
    around = (np.abs(across - x) > 0.95 * width) | (down < y - 0.95 * height)
    points = points[inside & around]
    columns, rows = points.astype(int).T
    uneven = cv2.cornerMinEigenVal(luma, BLOCK_PX)[rows, columns] >= TEXTURE
    kept: Points = points[uneven]
    return kept


def _steps(before: Image, now: Image, points: Points, guess: NDArray[np.float64] | float = 0.0) -> Points:
    """How far each point went, (n, 2), those left out that could not be followed there and back.

    Back it is sought about where it began, at full size: found anywhere else it would be left out.
    """
    if not len(points):
        return points
    there, found, _ = _follow(before, now, points, points + guess, LEVELS)
    back, again, _ = _follow(now, before, there, points, 0)
    kept = (found & again).ravel().astype(bool) & (np.hypot(*(back - points).T) <= RETURN_PX)
    steps: Points = (there - points)[kept]
    return steps


def _follow(before: Image, now: Image, points: Points, start: NDArray[Any], levels: int) -> Any:
    start, size = start.astype(np.float32), (BLOCK_PX, BLOCK_PX)
    flags = cv2.OPTFLOW_USE_INITIAL_FLOW
    return cv2.calcOpticalFlowPyrLK(before, now, points, start, None, None, size, levels, ENDS, flags)
