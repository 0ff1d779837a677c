"""The hall in which the demonstration takes place: drawn, in true perspective, so that no picture is shipped.

The camera hangs at eye height and looks level, so the eyes of whoever comes nearer stay on the horizon.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
"""uint8, rows x columns x BGR (x alpha)."""
Colour = tuple[float, float, float]

WIDTH, HEIGHT = 1280, 720
HORIZON = 300
FOCAL_PX = 1048.0
"""A face with 63 mm between the eyes, 0.6 m away, has 110 px between them."""
EYE_HEIGHT_M = 1.6
_CEILING_M = 1.25
_HALF_WIDTH_M = 1.9
_DEPTH_M = 6.2
_NEAR_M = 0.7
_DOOR_M = (0.62, 0.52)
_SHIFT = 4


class Point(NamedTuple):
    """Metres from the camera: right, down, ahead."""

    x: float
    y: float
    z: float


def project(point: Point) -> tuple[float, float]:
    """Where a point of the hall is in the picture, pixels."""
    return WIDTH / 2 + FOCAL_PX * point.x / point.z, HORIZON + FOCAL_PX * point.y / point.z


def hall() -> Image:
    """The empty hall, HEIGHT x WIDTH x 3 BGR."""
    canvas = np.full((HEIGHT, WIDTH, 3), (58, 56, 54), np.uint8)
    depths = np.geomspace(_DEPTH_M, _NEAR_M, 90)
    for far, near in pairwise(depths):
        _ring(canvas, float(far), float(near))
    _floor_joints(canvas)
    _wall_panels(canvas)
    _ceiling_lights(canvas)
    _back_wall(canvas)
    return _grade(canvas)


def _fill(canvas: Image, points: Sequence[Point], colour: Colour) -> None:
    corners = np.array([project(point) for point in points]) * (1 << _SHIFT)
    cv2.fillConvexPoly(canvas, corners.astype(np.int32), colour, cv2.LINE_AA, _SHIFT)


def _ring(canvas: Image, far: float, near: float) -> None:
    """One slice of floor, ceiling and walls; nearer slices are lit better."""
    light = 0.80 + 0.42 * (1 - (far - _NEAR_M) / (_DEPTH_M - _NEAR_M))
    side, up, down = _HALF_WIDTH_M, -_CEILING_M, EYE_HEIGHT_M
    wall = _lit((176, 186, 190), light)
    _fill(canvas, _quad((-side, down), (side, down), far, near), _lit((112, 121, 126), light))
    _fill(canvas, _quad((-side, up), (side, up), far, near), _lit((205, 208, 208), light))
    _fill(canvas, _quad((-side, up), (-side, down), far, near), wall)
    _fill(canvas, _quad((side, up), (side, down), far, near), _lit((168, 178, 183), light))


def _quad(one: tuple[float, float], other: tuple[float, float], far: float, near: float) -> list[Point]:
    return [Point(*one, far), Point(*other, far), Point(*other, near), Point(*one, near)]


def _lit(colour: Colour, light: float) -> Colour:
    return colour[0] * light, colour[1] * light, colour[2] * light


def _floor_joints(canvas: Image) -> None:
    for x in np.arange(-1.8, 1.81, 0.6):
        _fill(canvas, _quad((x - 0.006, EYE_HEIGHT_M), (x + 0.006, EYE_HEIGHT_M), _DEPTH_M, _NEAR_M), (84, 90, 94))
    for z in np.arange(1.2, _DEPTH_M, 0.6):
        joint = _quad((-_HALF_WIDTH_M, EYE_HEIGHT_M), (_HALF_WIDTH_M, EYE_HEIGHT_M), z + 0.008, z - 0.008)
        _fill(canvas, joint, (84, 90, 94))


def _wall_panels(canvas: Image) -> None:
    for side in (-_HALF_WIDTH_M, _HALF_WIDTH_M):
        _fill(canvas, _quad((side, 0.45), (side, EYE_HEIGHT_M), _DEPTH_M, _NEAR_M), (74, 92, 108))
        _fill(canvas, _quad((side, 0.42), (side, 0.45), _DEPTH_M, _NEAR_M), (196, 204, 208))
        _fill(canvas, _quad((side, 1.5), (side, EYE_HEIGHT_M), _DEPTH_M, _NEAR_M), (48, 58, 68))
        for z in np.arange(1.4, _DEPTH_M, 0.8):
            _fill(canvas, _quad((side, 0.45), (side, 1.5), z + 0.01, z - 0.01), (54, 68, 80))


def _ceiling_lights(canvas: Image) -> None:
    for x in (-0.9, 0.9):
        for z in np.arange(1.5, _DEPTH_M - 0.5, 1.1):
            lamp = _quad((x - 0.11, -_CEILING_M), (x + 0.11, -_CEILING_M), z + 0.7, z)
            _fill(canvas, lamp, (246, 250, 250))


def _back_wall(canvas: Image) -> None:
    wide, high = _DOOR_M
    _panel(canvas, (-_HALF_WIDTH_M, -_CEILING_M), (_HALF_WIDTH_M, EYE_HEIGHT_M), (150, 158, 162))
    _panel(canvas, (-_HALF_WIDTH_M, 1.5), (_HALF_WIDTH_M, EYE_HEIGHT_M), (44, 52, 60))
    _panel(canvas, (-wide - 0.09, -high - 0.09), (wide + 0.09, EYE_HEIGHT_M), (70, 84, 96))
    for step in np.linspace(0, 1, 24):
        corner = (wide * (1 - 0.35 * step), EYE_HEIGHT_M - 0.45 * step)
        shade = 66 - 40 * step
        _panel(canvas, (-corner[0], -high + 0.12 * step), corner, (shade, shade, shade * 0.94))
    _panel(canvas, (-0.2, -high - 0.32), (0.2, -high - 0.16), (92, 140, 52))
    _panel(canvas, (-0.13, -high - 0.26), (0.13, -high - 0.22), (226, 240, 226))


def _panel(canvas: Image, top_left: tuple[float, float], bottom_right: tuple[float, float], colour: Colour) -> None:
    (left, top), (right, bottom) = top_left, bottom_right
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    _fill(canvas, [Point(*corner, _DEPTH_M) for corner in corners], colour)


def _grade(canvas: Image) -> Image:
    """Soften as a lens does, darken the corners, add the grain of a sensor."""
    soft = cv2.GaussianBlur(canvas, (0, 0), 1.4).astype(np.float32)
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    vignette = 1 - 0.22 * (rows**2 + columns**2)
    grain = np.random.default_rng(1).normal(0, 1.6, (HEIGHT, WIDTH))
    graded = 1.12 * soft * vignette[..., None] + grain[..., None]
    image: Image = np.clip(graded, 0, 255).astype(np.uint8)
    return image
