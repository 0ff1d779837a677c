"""Faces of two frames paired: which face goes on where, and where that is in doubt.

In plain numbers: for the few faces of a frame a single call of numpy costs more.
"""

from collections.abc import Sequence
from math import hypot, inf
from typing import NamedTuple, Protocol

REACH, SPEED = 0.25, 6.0
"""A face moves at most REACH + SPEED * seconds of its own widths, and never more than one, between two frames."""
DOUBT = 0.25
"""When the second choice is less than so many face widths behind the first, neither is taken."""


class Boxed(Protocol):
    """Left, top, width and height, in pixels of the whole picture."""

    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...


class Seen(Protocol):
    """A face, and when it was seen: monotonic seconds."""

    @property
    def face(self) -> Boxed: ...
    @property
    def captured(self) -> float: ...


class Pairing(NamedTuple):
    """`continued` are pairs of places, before and now; `doubtful` places before whose face may be another's now."""

    continued: list[tuple[int, int]]
    doubtful: list[int]


class Choice(NamedTuple):
    """The nearest of several."""

    place: int
    sure: bool
    """The second is not nearly as near."""


def pair(before: Sequence[Seen], faces: Sequence[Boxed], now: float) -> Pairing:
    """Which of `faces` continue those of before."""
    continued: list[tuple[int, int]] = []
    doubtful: list[int] = []
    if not before or not faces:
        return Pairing(continued, doubtful)
    steps = _steps(before, faces, now)
    owners = [_nearest(column) for column in zip(*steps, strict=True)]
    for place, row in enumerate(steps):
        face, sure = _nearest(row)
        if row[face] == inf:
            continue
        if not sure or not owners[face].sure:
            doubtful.append(place)
        elif owners[face].place == place:
            continued.append((place, face))
    return Pairing(continued, doubtful)


def centre(face: Boxed) -> tuple[float, float]:
    return face.x + face.width / 2, face.y + face.height / 2


def _nearest(steps: Sequence[float]) -> Choice:
    first, *others = sorted(steps)
    return Choice(steps.index(first), not others or others[0] >= first + DOUBT)


def _steps(before: Sequence[Seen], faces: Sequence[Boxed], now: float) -> list[list[float]]:
    """How far each face is from where each was before, in face widths; infinite when no face moves so far."""
    found = [(*centre(face), face.width) for face in faces]
    steps = []
    for each in before:
        (x, y), width = centre(each.face), each.face.width
        reach = min(1.0, REACH + SPEED * (now - each.captured))
        away = [2 * (hypot(u - x, v - y) + abs(wide - width)) / (wide + width or 1.0) for u, v, wide in found]
        steps.append([step if step <= reach else inf for step in away])
    return steps
