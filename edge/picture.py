"""A picture as it comes, and the two things the gate takes from it: itself made small, and crops put upright.

A camera's frame stays in the decoder's planes: only what is looked at is ever converted to BGR.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Matrix = NDArray[np.float32]
Size = tuple[int, int]

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)
"""Weights of red and blue in the luma (ITU-R BT.601 and BT.709)."""

HD_LINES = 720
"""From this height on video that does not say is BT.709."""

Affine = tuple[float, float, float, float, float, float]
"""The two rows of a (2, 3) matrix. Plain numbers: a few of them cost numpy more than they cost Python."""


class Picture(ABC):
    """`width` and `height` are in pixels; all coordinates are those of pixel centres, (0, 0) the first one."""

    width: int
    height: int

    @abstractmethod
    def scaled(self, width: int, height: int) -> Image:
        """The whole picture as BGR (height, width, 3), without aliasing down to a quarter of its size."""

    @abstractmethod
    def part(self, left: int, top: int, side: int) -> "Picture":
        """A square of the picture, all inside it, three even numbers of pixels; nothing is copied."""

    @abstractmethod
    def warped(self, matrix: Matrix, size: Size, smooth: bool = True) -> Image:
        """A crop as BGR (size[1], size[0], 3), black where it leaves the picture.

        `matrix` (2, 3) maps picture to crop pixels. `smooth` averages what is made smaller than half, which
        otherwise aliases.
        """

    @abstractmethod
    def luma(self, matrix: Matrix, size: Size) -> Image:
        """As `warped`, but grey: (size[1], size[0])."""


@dataclass(slots=True)
class Bgr(Picture):
    """A BGR image (h, w, 3) uint8, as read from a file."""

    image: Image
    width: int = field(init=False)
    height: int = field(init=False)

    def __post_init__(self) -> None:
        self.height, self.width = self.image.shape[:2]

    def scaled(self, width: int, height: int) -> Image:
        return _resized(self.image, (width, height))

    def part(self, left: int, top: int, side: int) -> "Bgr":
        return Bgr(self.image[top : top + side, left : left + side])

    def warped(self, matrix: Matrix, size: Size, smooth: bool = True) -> Image:
        return _warped(self.image, _affine(matrix), size, smooth, 0)

    def luma(self, matrix: Matrix, size: Size) -> Image:
        return cv2.cvtColor(self.warped(matrix, size), cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]


@dataclass(slots=True)
class Yuv(Picture):
    """The planes of YUV 4:2:0: y (h, w), u and v (h/2, w/2), uint8, rows not necessarily adjacent.

    The matrix is BT.709 from 720 `lines` on, which are its height unless it is a part, and BT.601 below, limited range
    unless `full_range`.
    """

    y: Image
    u: Image
    v: Image
    full_range: bool = False
    lines: int = 0
    width: int = field(init=False)
    height: int = field(init=False)
    _to_bgr: Matrix = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.height, self.width = self.y.shape
        self.lines = self.lines or self.height
        self._to_bgr = _yuv_to_bgr(BT709 if self.lines >= HD_LINES else BT601, self.full_range)

    def scaled(self, width: int, height: int) -> Image:
        """Chroma stays at half the size of luma, which is all that it ever had."""
        half = ((width + 1) // 2, (height + 1) // 2)
        chroma = [_doubled(_resized(plane, half))[:height, :width] for plane in (self.u, self.v)]
        return self._bgr([_resized(self.y, (width, height)), *chroma])

    def part(self, left: int, top: int, side: int) -> "Yuv":
        rows, columns = slice(top, top + side), slice(left, left + side)
        half = slice(top // 2, (top + side) // 2), slice(left // 2, (left + side) // 2)
        return Yuv(self.y[rows, columns], self.u[half], self.v[half], self.full_range, self.lines)

    def warped(self, matrix: Matrix, size: Size, smooth: bool = True) -> Image:
        luma = _affine(matrix)
        chroma = _of_chroma(luma)
        black = 0 if self.full_range else 16
        crop = _warped(self.y, luma, size, smooth, black)
        return self._bgr([crop, *(_warped(plane, chroma, size, smooth, 128) for plane in (self.u, self.v))])

    def luma(self, matrix: Matrix, size: Size) -> Image:
        black = 0 if self.full_range else 16
        crop = _warped(self.y, _affine(matrix), size, True, black)
        return crop if self.full_range else cv2.convertScaleAbs(crop, alpha=255 / 219, beta=-16 * 255 / 219)  # type: ignore[return-value]

    def _bgr(self, planes: list[Image]) -> Image:
        image: Any = cv2.transform(cv2.merge(planes), self._to_bgr)
        return image  # type: ignore[no-any-return]


@cache
def _yuv_to_bgr(weights: tuple[float, float], full_range: bool) -> Matrix:
    """(3, 4): BGR from (Y, U, V, 1) in 0..255, after ITU-R BT.601 and BT.709, section 3."""
    red, blue = weights
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
    b, r = 2 * (1 - blue) * chroma, 2 * (1 - red) * chroma
    rows = np.array([[luma, b, 0], [luma, -b * blue / green, -r * red / green], [luma, 0, r]])
    return np.column_stack([rows, -rows @ (black, 128, 128)]).astype(np.float32)


def _resized(plane: Image, size: Size) -> Image:
    """Halve (a fast exact average) while less than half as large is wanted, then interpolate."""
    while plane.shape[1] >= 2 * size[0] and plane.shape[0] >= 2 * size[1]:
        half = (plane.shape[1] // 2, plane.shape[0] // 2)
        part = plane[: 2 * half[1], : 2 * half[0]]
        plane = cv2.resize(part, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return cv2.resize(plane, size)  # type: ignore[return-value]


def _doubled(plane: Image) -> Image:
    """Every pixel as two by two; a pair is written as one 16-bit number, ten times faster than as two bytes."""
    pairs = plane.astype(np.uint16) * np.uint16(0x0101)
    return pairs.repeat(2, axis=0).view(np.uint8)


def _affine(matrix: Matrix) -> Affine:
    (a, b, c), (d, e, f) = matrix.tolist()
    return a, b, c, d, e, f


def _of_chroma(luma: Affine) -> Affine:
    """The same for a plane of half the size.

    H.264 and H.265 site the chroma of 4:2:0 on the left column and between the rows of luma, unless they say else.
    """
    a, b, c, d, e, f = luma
    return 2 * a, 2 * b, c + b / 2, 2 * d, 2 * e, f + e / 2


def _warped(plane: Image, affine: Affine, size: Size, smooth: bool, border: int) -> Image:
    """`affine` takes pixels of the plane to those of the crop."""
    a, b, _, d, e, _ = affine
    factor = int(1 / math.sqrt(abs(a * e - b * d))) if smooth else 1
    if factor > 1:
        plane, affine = _averaged(plane, affine, size, factor)
    matrix = np.array((affine[:3], affine[3:]))
    return cv2.warpAffine(plane, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=(border,) * 3)  # type: ignore[return-value]


def _averaged(plane: Image, affine: Affine, size: Size, factor: int) -> tuple[Image, Affine]:
    """The part of the plane that the crop sees, `factor` times smaller, and the affine from there."""
    a, b, c, d, e, f = affine
    across, down = _seen(affine, size)
    left, right = _whole(*across, plane.shape[1], factor)
    top, bottom = _whole(*down, plane.shape[0], factor)
    count = (right - left) // factor, (bottom - top) // factor
    part = cv2.resize(plane[top:bottom, left:right], count, interpolation=cv2.INTER_AREA)
    x, y = left + (factor - 1) / 2, top + (factor - 1) / 2
    return part, (a * factor, b * factor, a * x + b * y + c, d * factor, e * factor, d * x + e * y + f)  # type: ignore[return-value]


def _seen(affine: Affine, size: Size) -> tuple[tuple[float, float], tuple[float, float]]:
    """From where to where a crop of this size reaches, across and down the plane."""
    a, b, c, d, e, f = affine
    area = a * e - b * d
    corners = [(u - c, v - f) for u in (0, size[0]) for v in (0, size[1])]
    across, down = [(e * u - b * v) / area for u, v in corners], [(a * v - d * u) / area for u, v in corners]
    return (min(across), max(across)), (min(down), max(down))


def _whole(first: float, last: float, extent: int, factor: int) -> tuple[int, int]:
    """The pixels of `extent` from first to last and some more: at least one block of `factor`, and all blocks whole."""
    start = max(0, min(math.floor(first) - factor, extent - factor))
    stop = max(start, min(math.ceil(last) + factor, extent))
    return start, start + max(1, (stop - start) // factor) * factor
