"""What QR codes in a picture say. zxing-cpp is hidden here.

Measured on a 1080p frame of a crowd: 1.7 ms of one core without a code, 2.1 ms with one of 69 modules at 4 pixels a
module, tilted or not; its detector is a scan for finder patterns, so there is no need to look for a region first.
"""

from math import inf

import cv2
import zxingcpp

from edge.picture import Image

QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
WIDEST = 1920
"""Pixels; a wider picture is made smaller first: a code that a person holds up fills enough of it."""
LONGEST = 1_024
"""Characters; a longer text is no pass."""
EVERY_S, AGAIN_S = 0.25, 0.5
"""How often a picture is searched, and how soon the same text is told again while it is held up."""
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

    def __init__(self) -> None:
        self._looked = -inf
        self._told: dict[str, float] = {}

    def new(self, luma: Image, captured: float) -> list[str]:
        """The texts in this picture that are worth telling; nothing when it is too early to look again."""
        if captured - self._looked < EVERY_S:
            return []
        self._looked = captured
        self._told = {text: at for text, at in self._told.items() if captured - at < AGAIN_S}
        found = [text for text in dict.fromkeys(read(luma)) if text not in self._told]
        self._told |= dict.fromkeys(found, captured)
        return found
