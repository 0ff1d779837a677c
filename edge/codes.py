"""What QR codes in a picture say. zxing-cpp is hidden here.

Measured on a 1080p frame of a crowd: 1.7 ms of one core without a code, 2.1 ms with one of 69 modules at 4 pixels a
module, tilted or not; between other work several times that. So a picture in which nothing moves is searched seldom:
whoever holds up a code moves.
"""

from collections.abc import Callable
from math import inf

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from edge.picture import Image

QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
WIDEST = 1920
"""Pixels; a wider picture is made smaller first: a code that a person holds up fills enough of it."""
LONGEST = 1_024
"""Characters; a longer text is no pass."""
EVERY_S, AGAIN_S = 0.25, 0.5
"""How often a picture is searched, and how soon the same text is told again while it is held up."""
STILL_S, LIVELY_S = 0.75, 3.0
"""How often one is searched in which nothing moves, and how long after something did nothing moves."""
APART, BLOCK = 8, 4
"""A glance takes every eighth pixel, and their means in blocks of four by four: 32 pixels of a picture."""
STEP, BLOCKS = 8.0, 6
"""So many grey levels in so many blocks are a movement: a code of 61 modules at 4 pixels covers 58 blocks."""
MOST = 4
"""Codes that are read of one picture."""


def read(luma: Image) -> list[str]:
    """The texts of the codes in a grey picture (h, w), in whatever position; rows need not be adjacent."""
    height, width = luma.shape
    if width > WIDEST:
        size = (WIDEST, round(height * WIDEST / width))
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    found = zxingcpp.read_barcodes(luma, formats=QR, try_rotate=False, try_downscale=False, try_invert=True)
    texts = [code.text for code in found[:MOST] if code.valid]
    return [text for text in texts if 0 < len(text) <= LONGEST]


class Codes:
    """Looks for codes now and then, and tells each once in a while; held up before a gate they stay for seconds."""

    def __init__(self, search: Callable[[Image], list[str]] = read) -> None:
        self._search = search
        self._glanced = self._searched = self._lively = -inf
        self._before: NDArray[np.float32] | None = None
        self._told: dict[str, float] = {}

    def new(self, luma: Image, captured: float) -> list[str]:
        """The texts in this picture that are worth telling; nothing when it is too early to look again."""
        if captured - self._glanced < EVERY_S:
            return []
        self._glanced = captured
        if self._moved(luma):
            self._lively = captured
        if captured - self._lively > LIVELY_S and captured - self._searched < STILL_S:
            return []
        self._searched = captured
        self._told = {text: at for text, at in self._told.items() if captured - at < AGAIN_S}
        found = [text for text in dict.fromkeys(self._search(luma)) if text not in self._told]
        self._told |= dict.fromkeys(found, captured)
        return found

    def _moved(self, luma: Image) -> bool:
        """Whether the picture is another than at the last glance, beyond what noise makes of it."""
        few = luma[::APART, ::APART]
        size = (max(1, few.shape[1] // BLOCK), max(1, few.shape[0] // BLOCK))
        now = np.asarray(cv2.resize(few, size, interpolation=cv2.INTER_AREA), np.float32)
        before, self._before = self._before, now
        if before is None or before.shape != now.shape:
            return True
        return int(np.count_nonzero(np.abs(now - before) > STEP)) >= BLOCKS
