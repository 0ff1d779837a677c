"""A film of somebody who holds a code before the camera of an empty hall."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import segno
from numpy.typing import NDArray

RATE = 25
CODE_AT = slice(500, 600), slice(800, 900)
"""A part of the picture that is always within the code."""
LIGHT = 180
"""Of its light modules; the hall is darker."""


def code_of(token: str, pixels: int = 4) -> NDArray[np.uint8]:
    """The code in grey (h, w), as a phone shows it."""
    rows = [list(row) for row in segno.make(token, error="l", micro=False).matrix_iter(scale=pixels, border=4)]
    return (230 - np.array(rows, np.uint8) * 190).astype(np.uint8)


def pass_film(token: str, target: Path, pixels: int = 4, empty_s: float = 2.0, shown_s: float = 3.0) -> Path:
    """1080p H.264: nobody, then a code of so many pixels a module that sways a little, then nobody."""
    rng = np.random.default_rng(3)
    hall = rng.integers(90, 120, (1080, 1920), np.uint8)
    code = code_of(token, pixels)
    with av.open(str(target), "w") as film:
        stream = film.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        stream.options = {"preset": "ultrafast", "crf": "28", "bf": "0", "g": str(RATE)}
        for number in range(round((2 * empty_s + shown_s) * RATE)):
            luma = hall.copy()
            if empty_s <= number / RATE < empty_s + shown_s:
                top, left = 400 + round(10 * np.sin(number / 5)), 700 + round(20 * np.cos(number / 7))
                luma[top : top + code.shape[0], left : left + code.shape[1]] = code
            picture = av.VideoFrame.from_ndarray(np.dstack([luma] * 3), format="rgb24")
            film.mux(stream.encode(picture))
        film.mux(stream.encode(None))
    return target
