"""Face detectors behind one interface: YuNet (one network) and MTCNN (three in a cascade)."""

import math
from typing import Any, Protocol

import cv2
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.network import Network, Tensor
from edge.picture import Image, Matrix, Picture

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


def _faces(boxes: Boxes, landmarks: Tensor, scores: Tensor, scale: tuple[float, float]) -> list[Face]:
    """`boxes` (n, 4) corners and `landmarks` (n, 5, 2) of the small picture, brought to the whole one."""
    factor = np.array(scale, np.float32)
    corners = boxes.reshape(-1, 2, 2) * factor
    sizes = corners[:, 1] - corners[:, 0]
    rows = np.hstack([corners[:, 0], sizes, scores[:, None]]).tolist()
    return [
        Face(x, y, width, height, points, score)
        for (x, y, width, height, score), points in zip(rows, landmarks * factor, strict=True)
    ]


class YuNet:
    """YuNet 2023mar: anchor-free, twelve heads at strides 8, 16 and 32 (Wu et al., 2023)."""

    STRIDES = (8, 16, 32)
    LEAST_SCORE = 0.7
    MOST_OVERLAP = 0.3

    def __init__(self, network: Network) -> None:
        self._network = network
        self._input = np.empty((1, 3, 0, 0), np.uint8)
        self._cells = self._strides = np.empty((0, 1), np.float32)

    def detect(self, picture: Picture, width: int) -> list[Face]:
        width = _multiple(width)
        height = _multiple(width * picture.height / picture.width)
        self._fill(picture.scaled(width, height))
        heads = dict(zip(self._network.outputs, self._network.run(self._input), strict=True))
        certainty = self._every(heads, "cls").ravel() * self._every(heads, "obj").ravel()
        hits = np.flatnonzero(certainty > self.LEAST_SCORE**2)
        if not len(hits):
            return []
        boxes, landmarks = self._decoded(heads, hits)
        scores = np.sqrt(certainty[hits])
        best = suppress(boxes, scores, self.MOST_OVERLAP)
        return _faces(boxes[best], landmarks[best], scores[best], (picture.width / width, picture.height / height))

    def _fill(self, image: Image) -> None:
        if self._input.shape[2:] != image.shape[:2]:
            rows, columns = image.shape[:2]
            self._input = np.empty((1, 3, rows, columns), np.uint8)
            cells = [_cells(columns // stride, rows // stride) for stride in self.STRIDES]
            self._cells = np.concatenate(cells)
            self._strides = np.repeat(np.array(self.STRIDES, np.float32), [len(part) for part in cells])[:, None]
        cv2.split(image, list(self._input[0]))

    def _every(self, heads: dict[str, Tensor], name: str) -> Tensor:
        """One kind of head at all strides: (cells, values)."""
        return np.concatenate([heads[f"{name}_{stride}"][0] for stride in self.STRIDES])

    def _decoded(self, heads: dict[str, Tensor], hits: NDArray[np.int64]) -> tuple[Boxes, Tensor]:
        """Boxes (n, 4) and landmarks (n, 5, 2) of the cells that see a face."""
        cells, strides = self._cells[hits], self._strides[hits]
        box = self._every(heads, "bbox")[hits]
        middles, halves = cells + box[:, :2], np.exp(box[:, 2:]) * np.float32(0.5)
        boxes: Boxes = np.hstack([middles - halves, middles + halves]) * strides
        landmarks: Tensor = self._every(heads, "kps")[hits].reshape(-1, 5, 2) + cells[:, None]
        return boxes, landmarks * strides[:, None]


def _multiple(pixels: float, of: int = 32) -> int:
    return max(of, round(pixels / of) * of)


def _cells(columns: int, rows: int) -> Tensor:
    """(rows * columns, 2): column and row of every cell, row by row."""
    return np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2).astype(np.float32)


class Mtcnn:
    """MTCNN (Zhang et al., 2016): a pyramid of proposals, refined, then refined again with landmarks.

    The networks were trained column-major: they take (n, width, height, 3) and give maps (n, columns, rows, .).
    """

    LEAST_FACE = 40.0
    """The smallest face looked for, in pixels of the small picture: the first level costs its inverse square."""
    STEP = 0.709
    CELL, STRIDE = 12, 2
    LEAST_SCORES = (0.7, 0.7, 0.8)
    MOST_PROPOSALS = 64

    def __init__(self, pnet: Network, rnet: Network, onet: Network) -> None:
        self._pnet, self._rnet, self._onet = pnet, rnet, onet

    def detect(self, picture: Picture, width: int) -> list[Face]:
        height = max(2, round(width * picture.height / picture.width))
        levels = _halves(picture.scaled(width, height), self._pnet.spec.order)
        boxes = self._refined(levels, self._proposed(levels))
        boxes, landmarks, scores = self._marked(levels, boxes)
        return _faces(boxes, landmarks, scores, (picture.width / width, picture.height / height))

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
        column, row = np.nonzero(certainty[0, ..., 1] > self.LEAST_SCORES[0])
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
        good = certainty[:, 1] > self.LEAST_SCORES[1]
        boxes = _shifted(boxes[good], shifts[good])
        return _squares(boxes[suppress(boxes, certainty[good, 1], 0.7)])

    def _marked(self, levels: list[Image], boxes: Boxes) -> tuple[Boxes, Tensor, Tensor]:
        """Final boxes (n, 4), landmarks (n, 5, 2) and scores (n,)."""
        if not len(boxes):
            return boxes, np.empty((0, 5, 2), np.float32), np.empty(0, np.float32)
        shifts, marks, certainty = self._onet.run(_crops(levels, boxes, self._onet))
        good = certainty[:, 1] > self.LEAST_SCORES[2]
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


def detector(networks: dict[str, Network]) -> Detector:
    """The detector whose networks, by role, a pack has."""
    if "detector" in networks:
        return YuNet(networks["detector"])
    return Mtcnn(networks["pnet"], networks["rnet"], networks["onet"])
