"""The cue of the pattern: a fine regular wave over a face that stands still in the picture, as of a screen's pixels."""

from typing import NamedTuple

import cv2
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from edge.boxes import Face
from edge.cue import Cue, Sight
from edge.picture import Image
from edge.presence import Cues

SIDE = 64
"""Pixels of the camera, not made smaller: all of them on the face, so smaller faces tell nothing."""
STRAYED = 0.25
"""After a face that has gone so many of its widths the square goes, and begins anew."""
LEAST_VIEWS = 3
"""Of the same square, before it is told what stands still in it."""
STOOD = 0.5
"""Which part of a wave's power is left when its views are added up: all of one that stands, little of one that goes."""
LONGEST_PX = 8.0
"""Longer waves are what faces are made of."""
WINDOW = np.outer(np.hanning(SIDE), np.hanning(SIDE)).astype(np.float32)
AROUND = np.full((9, 9), 1 / 72, np.float32)
"""The mean of the frequencies around one."""
AROUND[3:6, 3:6] = 0


def _searched() -> NDArray[np.bool_]:
    """Where a wave is looked for: not along rows and columns, where compression, sensors and flickering lamps draw."""
    down, right = np.meshgrid(np.fft.fftshift(np.fft.fftfreq(SIDE)), np.fft.rfftfreq(SIDE), indexing="ij")
    away = np.hypot(down, right)
    aslant = np.minimum(np.abs(down), right) > 1.5 / SIDE
    searched: NDArray[np.bool_] = aslant & (away > 1 / LONGEST_PX) & (away < 0.5)
    return searched


SEARCHED = _searched()


class Square(NamedTuple):
    """A part of the picture that stays where it is."""

    x: float
    y: float
    matrix: NDArray[np.float32]
    """(2, 3), from picture to its pixels; a shift of whole pixels."""


class PatternCue(Cue):
    """Where the pixels of a screen and those of the camera nearly meet, the camera sees a wave that the screen does not
    show (moire). It stands where the screen stands, while what is shown moves and noise does not last: so the waves of
    all views are added up, and of those that stood the strongest is set against those around it. A face, and what
    compression leaves of it, has no frequency that is many times as strong as its neighbours.
    """

    def __init__(self) -> None:
        self._square: Square | None = None
        self._waves = Waves()

    def see(self, sight: Sight, cues: Cues) -> Cues:
        if sight.face.width < SIDE:
            return cues
        if self._square is None or _strayed(self._square, sight.face):
            self._square, self._waves = _square(sight.face), Waves()
        self._waves.add(sight.picture.luma(self._square.matrix, (SIDE, SIDE)))
        return structs.replace(cues, pattern=self._waves.strongest) if self._waves.views >= LEAST_VIEWS else cues


class Waves:
    """What the views of one square are made of, by frequency: down from -0.5 to 0.5 and right from 0 to 0.5 a pixel."""

    def __init__(self) -> None:
        self.views = 0
        self._sum = np.zeros(SEARCHED.shape, np.complex64)
        self._power = np.zeros(SEARCHED.shape, np.float32)

    def add(self, luma: Image) -> None:
        grey = luma.astype(np.float32)
        waves = np.fft.fftshift(np.fft.rfft2((grey - grey.mean()) * WINDOW), axes=0)
        self.views += 1
        self._sum += waves
        self._power += np.abs(waves) ** 2

    @property
    def strongest(self) -> float:
        """How many times as strong as those around it the frequency is that stands out most, of those that stood."""
        power = np.abs(self._sum) ** 2
        around = np.maximum(cv2.filter2D(power, cv2.CV_32F, AROUND), 1e-6)
        stood = SEARCHED & (power >= STOOD * self.views * self._power)
        return float((power / around)[stood].max(initial=0.0))


def _square(face: Face) -> Square:
    x, y = face.x + face.width / 2, face.y + face.height / 2
    left, top = round(x - SIDE / 2), round(y - SIDE / 2)
    return Square(x, y, np.array([[1, 0, -left], [0, 1, -top]], np.float32))


def _strayed(square: Square, face: Face) -> bool:
    x, y = face.x + face.width / 2, face.y + face.height / 2
    return max(abs(x - square.x), abs(y - square.y)) > STRAYED * face.width
