"""Boxes and landmarks of faces, and what every detector does with them."""

import math
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.network import Tensor
from edge.picture import Matrix, Picture

MOST_CANDIDATES = 300
"""So many boxes are compared with each other; worse ones cannot be faces that matter."""

Boxes = NDArray[np.float32]


class Face(Struct, frozen=True):
    """A detected face, in pixels of the whole picture.

    `landmarks` is (5, 2) float32: right eye, left eye, nose, right and left mouth corner, which is left to right
    as the camera sees them. `score` is the detector's, 0 to 1.
    """

    x: float
    y: float
    width: float
    height: float
    landmarks: Matrix
    score: float

    @property
    def eye_distance_px(self) -> float:
        return math.dist(*self.landmarks[:2].tolist())


class Detector(Protocol):
    def detect(self, picture: Picture, width: int) -> list[Face]:
        """Faces found in the picture when it is made about `width` pixels wide, best first."""

    def refine(self, picture: Picture, face: Face) -> Face:
        """The same face, its landmarks found again where that makes them better."""


def suppress(boxes: Boxes, scores: Tensor, most: float, of_smaller: bool = False) -> NDArray[np.int64]:
    """Indices of boxes (n, 4: left, top, right, bottom) after greedy non-maximum suppression, best first.

    A box goes when its overlap with a better one is above `most`: intersection over union, or over the smaller box.
    """
    order = np.argsort(-scores, kind="stable")[:MOST_CANDIDATES]
    left, top, right, bottom = boxes[order].T
    width = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    height = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    common = np.maximum(0, width) * np.maximum(0, height)
    areas = common.diagonal()
    whole = np.minimum(areas[:, None], areas) if of_smaller else areas[:, None] + areas - common
    apart = common <= most * whole
    alive = np.ones(len(order), bool)
    for index in range(len(order)):
        if alive[index]:
            alive[index + 1 :] &= apart[index, index + 1 :]
    return order[alive]


def placed(boxes: Boxes, landmarks: Tensor, scores: Tensor, scale: tuple[float, float]) -> list[Face]:
    """`boxes` (n, 4: left, top, width, height) and `landmarks` (n, 5, 2) of the small picture, brought to the whole."""
    across, down = scale
    found = zip(boxes.tolist(), landmarks * np.array(scale, np.float32), scores.tolist(), strict=True)
    return [
        Face(across * x, down * y, across * width, down * height, points, score)
        for (x, y, width, height), points, score in found
    ]
