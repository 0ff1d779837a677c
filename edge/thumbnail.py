"""A picture of what a camera sees in which there is nobody's face: for the ticket of its fault.

Whatever might be a face is painted over with its mean colour, until the detector suspects none in what is left; where
it still does, there is no picture. An eye without a detector makes one of a dozen patches of colour across.
"""

from collections.abc import Callable, Sequence
from math import inf

import cv2
import numpy as np

from edge.pairing import Boxed
from edge.picture import Bgr, Image, Picture
from edge.wire import LARGEST_THUMBNAIL

SIDE = 320
"""Pixels of the longer side."""
PATCHES = 12
"""So many patches of colour along the longer side are left of a picture in which nobody looked for faces, however
large it is shown: at 48 detectors still found half of the faces that fill a picture, at 16 one in thirty."""
MARGIN = 0.5
"""Of its sides, by which each box is made larger all around: hair, ears and chin are painted over too."""
ROUNDS = 3
QUALITIES = (75, 55, 35)
EVERY_S, AT_LATEST_S = 5.0, 60.0
"""How often a thumbnail is made, and how long it waits for a moment when nobody is before the camera."""

Suspects = Callable[[Picture, int], Sequence[Boxed]]
"""Whatever might be a face in a picture, searched in a copy so wide."""


def thumbnail(picture: Picture, suspects: Suspects | None, width: int = 0) -> bytes | None:
    """A JPEG of at most LARGEST_THUMBNAIL bytes; None when it cannot be had without a face.

    Faces are searched in a copy of the picture that is `width` pixels wide, then in what is left of them.
    """
    small = _looked_over(picture, suspects, width) if suspects else _patches(picture)
    if small is None:
        return None
    made = (bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]) for quality in QUALITIES)
    return next((jpeg for jpeg in made if len(jpeg) <= LARGEST_THUMBNAIL), None)


def _patches(picture: Picture) -> Image:
    few = picture.scaled(*_size(picture, PATCHES))
    return cv2.resize(few, _size(picture, SIDE), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _size(picture: Picture, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(picture.width, picture.height))
    return max(1, round(scale * picture.width)), max(1, round(scale * picture.height))


Box = tuple[float, float, float, float]


def _looked_over(picture: Picture, suspects: Suspects, width: int) -> Image | None:
    small = picture.scaled(*_size(picture, SIDE))
    scale = small.shape[1] / picture.width
    return small if _faceless(small, suspects, [_scaled(face, scale) for face in suspects(picture, width)]) else None


def _scaled(face: Boxed, scale: float) -> Box:
    return face.x * scale, face.y * scale, face.width * scale, face.height * scale


def _faceless(small: Image, suspects: Suspects, boxes: list[Box]) -> bool:
    """Paint over until nothing is suspected any more; False when that does not come to an end."""
    for _ in range(ROUNDS):
        for box in boxes:
            _paint(small, box)
        if not (boxes := [_scaled(face, 1.0) for face in suspects(Bgr(small), small.shape[1])]):
            return True
    return False


def _paint(small: Image, box: Box) -> None:
    x, y, width, height = box
    left, top = max(0, int(x - MARGIN * width)), max(0, int(y - MARGIN * height))
    part = small[top : max(0, int(y + (1 + MARGIN) * height) + 1), left : max(0, int(x + (1 + MARGIN) * width) + 1)]
    if part.size:
        part[:] = part.mean(axis=(0, 1)).astype(np.uint8)


class Shutter:
    """When an eye makes a thumbnail: now and then, and rather when nobody is there to wait for an answer."""

    def __init__(self, wanted: bool, suspects: Suspects | None = None, width: int = 0) -> None:
        self._made = -inf if wanted else inf
        self._suspects, self._width = suspects, width

    def press(self, picture: Picture, now: float, busy: bool = False) -> bytes | None:
        """A thumbnail of this picture if one is due."""
        if now - self._made < (AT_LATEST_S if busy else EVERY_S):
            return None
        self._made = now
        return thumbnail(picture, self._suspects, self._width)
