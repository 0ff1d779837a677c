"""The demonstration on one picture: who was let in, who was not, and what the door did meanwhile."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

GROUND, PANEL, RULE = (26, 23, 21), (40, 36, 33), (74, 68, 64)
INK, MUTED = (238, 236, 234), (170, 163, 157)
GREEN, RED, AMBER = (122, 196, 104), (88, 96, 232), (84, 186, 244)

WIDTH, HEIGHT, MARGIN = 1600, 1000, 32
_MAIN = (1040, 585)
_SIDE = (WIDTH - 3 * MARGIN - _MAIN[0], 260)
_FINE = 4


class Shot(NamedTuple):
    """One decision and the frame (h, w, 3 BGR) that it was taken on."""

    image: Image
    box: Box
    """The face: left, top, width, height in pixels of `image`."""
    zone: Box
    """The capture zone: left, top, right, bottom as fractions."""
    name: str
    granted: bool
    score: float
    threshold: float
    decision_ms: float

    @property
    def colour(self) -> Colour:
        return GREEN if self.granted else RED


class Lane(NamedTuple):
    """One row of the timeline: the value, 0 to 1, from each of these seconds on."""

    name: str
    steps: Sequence[tuple[float, float]]
    colour: Colour = AMBER


class Moment(NamedTuple):
    """A decision on the timeline."""

    at_s: float
    granted: bool


def annotate(shot: Shot, zoom: float = 1.0) -> Image:
    """A copy of the frame with the zone, the face, the name and the verdict drawn on it.

    `zoom` makes the drawing larger, for a picture that will be shown small.
    """
    image = shot.image.copy()
    height, width = image.shape[:2]
    unit = zoom * height / 720
    left, top, right, bottom = (round(f * side) for f, side in zip(shot.zone, (width, height) * 2, strict=True))
    _corners(image, (left, top, right, bottom), round(46 * unit), INK, max(1, round(2 * unit)))
    x, y, w, h = (round(value) for value in shot.box)
    _corners(image, (x, y, x + w, y + h), round(w * 0.22), shot.colour, max(2, round(4 * unit)))
    _tag(image, (x, y + h + round(14 * unit)), shot.name, shot.colour, unit)
    verdict = "ACCESS GRANTED" if shot.granted else "ACCESS DENIED"
    _shade(image, (0, 0, width, round(58 * unit)), 0.62)
    _dot(image, (30 * unit, 29 * unit), 9 * unit, shot.colour)
    _text(image, (50 * unit, 38 * unit), verdict, 25 * unit, shot.colour, bold=True)
    note = f"{shot.score:.2f} against {shot.threshold:.2f}   {shot.decision_ms:.0f} ms"
    _text(image, (width - 24 * unit, 38 * unit), note, 22 * unit, INK, align=1)
    return image


def poster(
    granted: Shot, refused: Shot, lanes: Sequence[Lane], moments: Sequence[Moment], facts: Sequence[tuple[str, str]]
) -> Image:
    """HEIGHT x WIDTH x 3 BGR: the grant, the refusal, `facts` as (what, value), and the timeline beneath."""
    canvas = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    side = 2 * MARGIN + _MAIN[0]
    _picture(canvas, (MARGIN, MARGIN), _MAIN, granted)
    _picture(canvas, (side, MARGIN), _SIDE, refused)
    below = MARGIN + _SIDE[1] + 20
    for shot in (granted, refused):
        _scale(canvas, (side, below), _SIDE[0], shot)
        below += 78
    _facts(canvas, (side, below), (_SIDE[0], MARGIN + _MAIN[1] - below), facts)
    _timeline(canvas, (MARGIN, MARGIN + _MAIN[1] + 28), (WIDTH - 2 * MARGIN, HEIGHT - _MAIN[1] - 92), lanes, moments)
    return canvas


def _picture(canvas: Image, at: tuple[int, int], size: tuple[int, int], shot: Shot) -> None:
    """The annotated frame, scaled to fill its place and cut to its shape."""
    image = annotate(shot, (_MAIN[0] / size[0]) ** 0.7)
    height, width = image.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    left = (image.shape[1] - size[0]) // 2
    image = image[: size[1], left : left + size[0]]
    mask = np.zeros(image.shape, np.uint8)
    _rounded(mask, (0, 0, *size), 14, (255, 255, 255))
    place = canvas[at[1] : at[1] + size[1], at[0] : at[0] + size[0]]
    np.copyto(place, (image * (mask / 255.0) + place * (1 - mask / 255.0)).astype(np.uint8))


def _scale(canvas: Image, at: tuple[int, int], width: int, shot: Shot) -> None:
    """Score against threshold, on a bar from 0 to 1."""
    left, top = at
    _text(canvas, (left, top + 18), shot.name, 20, INK, bold=True)
    _text(canvas, (left + width, top + 18), f"score {shot.score:.2f}", 18, MUTED, align=1)
    _rounded(canvas, (left, top + 32, left + width, top + 46), 7, PANEL)
    filled = left + width * min(1.0, max(0.0, shot.score))
    if filled - left > 14:
        _rounded(canvas, (left, top + 32, filled, top + 46), 7, shot.colour)
    else:
        _dot(canvas, (left + 7, top + 39), 7, shot.colour)
    mark = left + width * shot.threshold
    _rounded(canvas, (mark - 2, top + 26, mark + 2, top + 52), 2, INK)
    _text(canvas, (mark, top + 68), f"threshold {shot.threshold:.2f}", 14, MUTED, align=0.5)


def _facts(canvas: Image, at: tuple[int, int], size: tuple[int, int], facts: Sequence[tuple[str, str]]) -> None:
    left, top = at
    _rounded(canvas, (left, top, left + size[0], top + size[1]), 14, PANEL)
    step = (size[1] - 24) / max(1, len(facts))
    for row, (what, value) in enumerate(facts):
        line = top + 12 + step * (row + 0.5) + 7
        _text(canvas, (left + 20, line), what, 18, MUTED)
        _text(canvas, (left + size[0] - 20, line), value, 19, INK, bold=True, align=1)


def _timeline(
    canvas: Image, at: tuple[int, int], size: tuple[int, int], lanes: Sequence[Lane], moments: Sequence[Moment]
) -> None:
    left, top = at
    _rounded(canvas, (left, top, left + size[0], top + size[1]), 14, PANEL)
    begin, end = left + 150, left + size[0] - 28
    last = max([moment.at_s for moment in moments] + [second for lane in lanes for second, _ in lane.steps] + [1.0])
    rows = (size[1] - 48) / (len(lanes) + 1)

    def across(second: float) -> float:
        return begin + (end - begin) * second / last

    _seconds(canvas, (top + 14, top + size[1] - 34), last, across)
    _text(canvas, (left + 24, top + 14 + rows / 2 + 6), "decision", 18, MUTED)
    for moment in moments:
        _dot(canvas, (across(moment.at_s), top + 14 + rows / 2), 9, GREEN if moment.granted else RED)
    for number, lane in enumerate(lanes, 1):
        base, height = top + 14 + rows * (number + 0.86), rows * 0.66
        _text(canvas, (left + 24, base - height / 2 + 6), lane.name, 18, MUTED)
        ends = [second for second, _ in lane.steps[1:]] + [last]
        for (second, value), until in zip(lane.steps, ends, strict=True):
            if value > 0:
                _fill(canvas, (across(second), base - height * value, across(until), base), lane.colour)
        _fill(canvas, (begin, base - 0.5, end, base + 0.5), RULE)


def _seconds(canvas: Image, between: tuple[int, int], last: float, across: Any) -> None:
    step = next(step for step in (1, 2, 5, 10, 20, 60, 600) if last / step <= 14)
    for second in range(0, int(last) + 1, step):
        x = across(second)
        _fill(canvas, (x - 0.5, between[0], x + 0.5, between[1]), (54, 49, 46))
        _text(canvas, (x, between[1] + 22), f"{second} s", 15, MUTED, align=0.5)


def _corners(image: Image, box: tuple[int, int, int, int], length: int, colour: Colour, thick: int) -> None:
    """A box of which only the corners are drawn, so that it hides nothing."""
    left, top, right, bottom = box
    for x, towards_x in ((left, 1), (right, -1)):
        for y, towards_y in ((top, 1), (bottom, -1)):
            bend = [(x + towards_x * length, y), (x, y), (x, y + towards_y * length)]
            cv2.polylines(image, [np.array(bend, np.int32)], False, colour, thick, cv2.LINE_AA)


def _tag(image: Image, at: tuple[float, float], text: str, colour: Colour, unit: float) -> None:
    width = _width(text, 24 * unit, True)
    left, top = at
    _rounded(image, (left, top, left + width + 28 * unit, top + 40 * unit), 8 * unit, colour)
    _text(image, (left + 14 * unit, top + 29 * unit), text, 24 * unit, GROUND, bold=True)


def _shade(image: Image, box: tuple[int, int, int, int], share: float) -> None:
    left, top, right, bottom = box
    part = image[top:bottom, left:right]
    cv2.addWeighted(part, 1 - share, np.full_like(part, GROUND), share, 0, dst=part)


def _rounded(image: Image, box: Box, radius: float, colour: Colour) -> None:
    left, top, right, bottom = box
    quarter = np.linspace(0, np.pi / 2, 12)
    arc = np.column_stack([np.cos(quarter), np.sin(quarter)]) * radius
    outline = np.vstack([arc, arc[::-1] * (-1, 1), -arc, arc[::-1] * (1, -1)])
    middles = np.array([(right, bottom), (left, bottom), (left, top), (right, top)])
    inwards = np.array([(-radius, -radius), (radius, -radius), (radius, radius), (-radius, radius)])
    points = (outline + np.repeat(middles + inwards, len(arc), axis=0)) * (1 << _FINE)
    cv2.fillConvexPoly(image, points.round().astype(np.int32), colour, cv2.LINE_AA, _FINE)


def _fill(image: Image, box: Box, colour: Colour) -> None:
    left, top, right, bottom = box
    points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) * (1 << _FINE)
    cv2.fillConvexPoly(image, points.round().astype(np.int32), colour, cv2.LINE_AA, _FINE)


def _dot(image: Image, at: tuple[float, float], radius: float, colour: Colour) -> None:
    centre = (round(at[0] * (1 << _FINE)), round(at[1] * (1 << _FINE)))
    cv2.circle(image, centre, round(radius * (1 << _FINE)), colour, -1, cv2.LINE_AA, _FINE)


def _text(
    image: Image,
    at: tuple[float, float],
    text: str,
    pixels: float,
    colour: Colour,
    bold: bool = False,
    align: float = 0.0,
) -> None:
    """Text on the baseline `at`; `align` 0 begins there, 1 ends there. ASCII only, as OpenCV's fonts are."""
    left = at[0] - align * _width(text, pixels, bold)
    thick = 2 if bold else 1
    cv2.putText(image, text, (round(left), round(at[1])), _FONT, pixels / _FONT_PX, colour, thick, cv2.LINE_AA)


def _width(text: str, pixels: float, bold: bool) -> int:
    return cv2.getTextSize(text, _FONT, pixels / _FONT_PX, 2 if bold else 1)[0][0]


_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_PX = 30.0
"""Height of the font at scale 1, ascenders and descenders together."""
