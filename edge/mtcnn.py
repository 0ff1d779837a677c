"""MTCNN (Zhang et al., 2016): a pyramid of proposals, refined, then refined again with landmarks."""

from typing import Any

import cv2
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from edge.boxes import Boxes, Face, placed, suppress
from edge.network import Network, Tensor
from edge.picture import Image, Picture

SWAPPED = [1, 0, 2, 4, 3]
"""The landmarks of a mirror image in the order of the picture."""
MIRROR, TURNED = np.array([1, 0], np.float32), np.array([-1, 1], np.float32)


class Mtcnn:
    """Three networks, trained column-major: they take (n, width, height, 3) and give maps (n, columns, rows, .)."""

    LEAST_FACE = 40.0
    """The smallest face looked for, in pixels of the small picture: the first level costs its inverse square."""
    STEP = 0.709
    CELL, STRIDE = 12, 2
    LEAST_SCORES, DOUBTFUL = (0.7, 0.7, 0.8), (0.5, 0.4, 0.4)
    MOST_PROPOSALS = 64
    CROPS = np.array([[1, 0, 0], [1.1, 0, 0], [0.95, 0, 0], [1, 0.04, 0.04], [1, -0.04, -0.04]])
    """Side and shift of the squares in which a face is marked again, in sides of its box: docs/decisions/0011."""

    def __init__(
        self, pnet: Network, rnet: Network, onet: Network, leasts: tuple[float, float, float] = LEAST_SCORES
    ) -> None:
        self._pnet, self._rnet, self._onet, self._leasts = pnet, rnet, onet, leasts

    def detect(self, picture: Picture, width: int) -> list[Face]:
        height = max(2, round(width * picture.height / picture.width))
        levels = _halves(picture.scaled(width, height), self._pnet.spec.order)
        boxes = self._refined(levels, self._proposed(levels))
        boxes, landmarks, scores = self._marked(levels, boxes)
        sized = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        return placed(sized, landmarks, scores, (picture.width / width, picture.height / height))

    def refine(self, picture: Picture, face: Face) -> Face:
        """The mean over five crops about the box, each also as its mirror image, shakes half as much as one crop."""
        side = max(face.width, face.height)
        middle = np.array([face.x + face.width / 2, face.y + face.height / 2])
        sides = side * self.CROPS[:, :1]
        corners = middle + side * self.CROPS[:, 1:] - sides / 2
        crops = self._close_ups(picture, corners, sides)
        marks = self._onet.run(np.concatenate([crops, crops[:, ::-1]]))[1].reshape(-1, 2, 5).transpose(0, 2, 1)
        seen, mirrored = np.split(marks, 2)
        shares = (seen + MIRROR + TURNED * mirrored[:, SWAPPED]) / 2  # where in its square each landmark is, 0 to 1
        landmarks = shares * sides[:, None] + corners[:, None] - np.float32(0.5)
        return structs.replace(face, landmarks=landmarks.mean(axis=0).astype(np.float32))

    def _close_ups(self, picture: Picture, corners: NDArray[Any], sides: NDArray[Any]) -> Tensor:
        """The last network's input from squares (n, 2 and n, 1) of the picture."""
        size = self._onet.spec.size
        crops = []
        for (left, top), scale in zip(corners, size[0] / sides[:, 0], strict=True):
            shift = (0.5 - left) * scale - 0.5, (0.5 - top) * scale - 0.5
            matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
            crop = picture.warped(matrix, size)
            crops.append(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB) if self._onet.spec.order == "rgb" else crop)
        return _normalised(np.stack(crops).transpose(0, 2, 1, 3), self._onet)

    def _proposed(self, levels: list[Image]) -> Boxes:
        """Square boxes (n, 4) of what may be faces."""
        scale = self.CELL / self.LEAST_FACE
        found = [(np.empty((0, 4), np.float32), np.empty(0, np.float32))]
        while min(levels[0].shape[:2]) * scale >= self.CELL:
            found.append(self._level(levels, scale))
            scale *= self.STEP
        boxes, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return _squares(boxes[suppress(boxes, scores, 0.7)[: self.MOST_PROPOSALS]])

    def _level(self, levels: list[Image], scale: float) -> tuple[Boxes, Tensor]:
        height, width = levels[0].shape[:2]
        size = (round(width * scale), round(height * scale))
        image = cv2.resize(levels[min(int(-np.log2(scale)), len(levels) - 1)], size)
        shifts, certainty = self._pnet.run(_normalised(cv2.transpose(image)[np.newaxis], self._pnet))
        column, row = np.nonzero(certainty[0, ..., 1] > self._leasts[0])
        corner = np.stack([column, row], axis=1) * self.STRIDE
        boxes = np.hstack([corner, corner + self.CELL]).astype(np.float32) + shifts[0, column, row] * self.CELL
        boxes *= np.tile((width / size[0], height / size[1]), 2).astype(np.float32)
        scores = certainty[0, column, row, 1]
        best = suppress(boxes, scores, 0.5)
        return boxes[best], scores[best]

    def _refined(self, levels: list[Image], boxes: Boxes) -> Boxes:
        if not len(boxes):
            return boxes
        shifts, certainty = self._rnet.run(_crops(levels, boxes, self._rnet))
        good = certainty[:, 1] > self._leasts[1]
        boxes = _shifted(boxes[good], shifts[good])
        return _squares(boxes[suppress(boxes, certainty[good, 1], 0.7)])

    def _marked(self, levels: list[Image], boxes: Boxes) -> tuple[Boxes, Tensor, Tensor]:
        """Final boxes (n, 4), landmarks (n, 5, 2) and scores (n,)."""
        if not len(boxes):
            return boxes, np.empty((0, 5, 2), np.float32), np.empty(0, np.float32)
        shifts, marks, certainty = self._onet.run(_crops(levels, boxes, self._onet))
        good = certainty[:, 1] > self._leasts[2]
        boxes, scores = boxes[good], certainty[good, 1]
        sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
        landmarks = marks[good].reshape(-1, 2, 5).transpose(0, 2, 1) * sides + boxes[:, None, :2]
        boxes = _shifted(boxes, shifts[good])
        best = suppress(boxes, scores, 0.7, of_smaller=True)
        return boxes[best], landmarks[best], scores[best]


def _halves(image: Image, order: str) -> list[Image]:
    """The picture, half of it, a quarter, an eighth: crops come from the level that is nearest above their size."""
    levels: list[Any] = [cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if order == "rgb" else image]
    while len(levels) < 4 and min(levels[-1].shape[:2]) >= 32:
        half = (levels[-1].shape[1] // 2, levels[-1].shape[0] // 2)
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    return levels


def _crops(levels: list[Image], boxes: Boxes, network: Network) -> Tensor:
    """The network's column-major input (n, size, size, 3) from square boxes, black outside the picture."""
    size = network.spec.size[0]
    sides = boxes[:, 2] - boxes[:, 0]
    level = np.clip(np.log2(np.maximum(sides, 1) / size), 0, len(levels) - 1).astype(int)
    crops = np.empty((len(boxes), size, size, 3), np.uint8)
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size
    for depth in np.unique(level):
        chosen = np.flatnonzero(level == depth)
        lines = (boxes[chosen, :2, None] + sides[chosen, None, None] * steps) / np.float32(2**depth) - np.float32(0.5)
        across = np.repeat(lines[:, 0, :, None], size, axis=2).reshape(-1, size)
        down = np.repeat(lines[:, 1, None, :], size, axis=1).reshape(-1, size)
        crops[chosen] = cv2.remap(levels[depth], across, down, cv2.INTER_LINEAR).reshape(-1, size, size, 3)
    return _normalised(crops, network)


def _normalised(pixels: NDArray[Any], network: Network) -> Tensor:
    tensor: Tensor = np.subtract(pixels, np.float32(network.spec.mean), dtype=np.float32)
    tensor *= network.spec.scale
    return tensor


def _shifted(boxes: Boxes, shifts: Tensor) -> Boxes:
    return boxes + shifts * np.tile(boxes[:, 2:] - boxes[:, :2], 2)


def _squares(boxes: Boxes) -> Boxes:
    """Boxes (n, 4) with the same middles and both sides as long as the longer one."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([middles - halves, middles + halves])
