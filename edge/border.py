"""The cue of the border: the edge of a sheet, the bezel of a screen, the margin of a print around a face."""

import cv2
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from edge.boxes import Face
from edge.cue import Cue, Sight
from edge.picture import Image, Picture
from edge.presence import Cues

PACE_S = 0.4
"""Between two looks: an outline does not come and go."""
OUTLINE = (96, 96)
OUTLINE_FACE_PX = 28
"""The face is 28 pixels wide in a crop of 96 by 96: 3.4 faces."""
LEAST_EDGE = 4.0
"""Grey levels a pixel that an edge changes at least."""


class BorderCue(Cue):
    """The crop is turned with the face. On each side the best straight edge is sought that runs along the whole face:
    its strength is on how much of its length it is one, and of the same direction. Three of four sides must show one,
    since a hand or the end of the picture may hide the fourth.
    """

    def __init__(self) -> None:
        self._looked = -np.inf

    def see(self, sight: Sight, cues: Cues) -> Cues:
        if sight.captured - self._looked < PACE_S:
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
