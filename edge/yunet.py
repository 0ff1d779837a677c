"""YuNet 2023mar (Wu et al., 2023): one network, anchor-free."""

import cv2
import numpy as np
from msgspec import structs

from edge.boxes import MOST_CANDIDATES, Face, placed
from edge.network import Network, Tensor
from edge.picture import Image, Picture

SIZES = 4
"""Inputs for so many sizes of picture are kept."""


class YuNet:
    """Twelve heads: class, object, box and landmarks at strides 8, 16 and 32."""

    STRIDES = (8, 16, 32)
    LEAST_SCORE, DOUBTFUL = 0.7, 0.3
    MOST_OVERLAP = 0.3
    CLOSE_UP, ROOM = 320, 1.6
    """A face is marked again in a square made so many pixels large, so many times its box: docs/decisions/0011."""

    def __init__(self, network: Network, least: float = LEAST_SCORE) -> None:
        self._network, self._least = network, least
        self._inputs: dict[tuple[int, int], Input] = {}

    def detect(self, picture: Picture, width: int) -> list[Face]:
        width = _multiple(width)
        height = _multiple(width * picture.height / picture.width)
        return self._found(picture.scaled(width, height), (picture.width / width, picture.height / height))

    def refine(self, picture: Picture, face: Face) -> Face:
        """Landmarks of a face that is 200 pixels wide shake half as much as of one that is 60."""
        room = min(max(2, round(self.ROOM * max(face.width, face.height))), picture.width, picture.height) // 2 * 2
        left, top = (
            max(0, min(round(middle - room / 2), end - room)) // 2 * 2
            for middle, end in ((face.x + face.width / 2, picture.width), (face.y + face.height / 2, picture.height))
        )
        scale = room / self.CLOSE_UP
        found = self._found(picture.part(left, top, room).scaled(self.CLOSE_UP, self.CLOSE_UP), (scale, scale))
        shift = np.array([left, top], np.float32) + (scale - 1) / 2  # pixels are made larger about their middles
        again = [other.landmarks + shift for other in found]
        apart = [float(np.abs(landmarks - face.landmarks).max()) for landmarks in again]
        if not apart or min(apart) > face.eye_distance_px / 2:  # another face, or none
            return face
        return structs.replace(face, landmarks=again[int(np.argmin(apart))])

    def _found(self, image: Image, scale: tuple[float, float]) -> list[Face]:
        place = self._filled(image)
        heads = dict(zip(self._network.outputs, self._network.run(place.tensor), strict=True))
        certainty = self._every(heads, "cls").ravel() * self._every(heads, "obj").ravel()
        hits = (certainty > self._least**2).nonzero()[0]
        if not len(hits):
            return []
        cells, strides, scores = place.cells[hits], place.strides[hits], np.sqrt(certainty[hits])
        box = self._every(heads, "bbox")[hits]
        sizes = np.exp(box[:, 2:]) * strides
        boxes = np.concatenate([(cells + box[:, :2]) * strides - sizes / 2, sizes], axis=1)
        best = cv2.dnn.NMSBoxes(boxes, scores, 0.0, self.MOST_OVERLAP, top_k=MOST_CANDIDATES)  # type: ignore[arg-type]
        offsets = self._every(heads, "kps")[hits[best]].reshape(-1, 5, 2)
        landmarks = (offsets + cells[best, None]) * strides[best, None]
        return placed(boxes[best], landmarks, scores[best], scale)

    def _filled(self, image: Image) -> "Input":
        rows, columns = image.shape[:2]
        if (rows, columns) not in self._inputs:
            if len(self._inputs) == SIZES:
                del self._inputs[next(iter(self._inputs))]
            self._inputs[rows, columns] = Input(rows, columns, self.STRIDES)
        place = self._inputs[rows, columns]
        cv2.split(image, list(place.tensor[0]))
        return place

    def _every(self, heads: dict[str, Tensor], name: str) -> Tensor:
        """One kind of head at all strides: (cells, values)."""
        return np.concatenate([heads[f"{name}_{stride}"][0] for stride in self.STRIDES])


class Input:
    """YuNet's input for pictures of one size, (1, 3, rows, columns) uint8, and the cells of its outputs."""

    def __init__(self, rows: int, columns: int, strides: tuple[int, ...]) -> None:
        self.tensor = np.empty((1, 3, rows, columns), np.uint8)
        cells = [_cells(columns // stride, rows // stride) for stride in strides]
        self.cells = np.concatenate(cells)
        self.strides = np.repeat(np.array(strides, np.float32), [len(part) for part in cells])[:, None]


def _multiple(pixels: float, of: int = 32) -> int:
    return max(of, round(pixels / of) * of)


def _cells(columns: int, rows: int) -> Tensor:
    """(rows * columns, 2): column and row of every cell, row by row."""
    return np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2).astype(np.float32)
