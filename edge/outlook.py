"""What the camera of a simulated gate sees and says: a drawn hall, and the same with something wrong."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from edge.errors import in_english
from edge.picture import Bgr, Image
from edge.scene import hall
from edge.terms import ALIVE, Status
from edge.thumbnail import thumbnail

STREAM_FAULTS = (Status.STALLED, Status.UNREACHABLE, Status.UNAUTHORIZED)
SPOILT: dict[Status, Callable[[Image], Image]] = {
    Status.COVERED: lambda image: np.full_like(image, (62, 70, 104)),
    Status.BLURRED: lambda image: cv2.GaussianBlur(image, (0, 0), 24),  # type: ignore[dict-item, return-value]
    Status.MOVED: lambda image: np.roll(image, image.shape[1] // 3, axis=1),
}
DETAILS = {Status.COVERED: "contrast 0.012", Status.BLURRED: "sharpness 0.041", Status.MOVED: "likeness 0.24"}


def detail(status: Status) -> str:
    """What an eye says with this status."""
    if status in ALIVE:
        return ""
    return DETAILS.get(status) or in_english("nothing came for {seconds:g} s", seconds=2)


@cache
def seen(status: Status) -> bytes | None:
    """A thumbnail of what there is to see; nothing of a stream that does not flow."""
    spoil = SPOILT.get(status)
    if status not in ALIVE and spoil is None:
        return None
    image = _hall()
    return thumbnail(Bgr(spoil(image) if spoil else image), lambda picture, width: [])


@cache
def _hall() -> Image:
    return hall()
