"""What a picture says of its camera: a few numbers of a small grey copy, and a map of edges to tell views apart."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config import CameraSection
from edge.errors import PhotoError
from edge.picture import Image, Matrix, Picture
from edge.terms import View

FINE, SIZE = (320, 180), (160, 90)
"""Sharpness is judged on the former: on a larger copy noise passes for detail, on a smaller one blur does not show."""
MARGIN = (6, 4)
"""By so many pixels of the small copy a view may be shifted and still be the same: wind, a door that is slammed."""
WHITE = 250


class Viewer:
    """Measures the views of one camera; `confirmed` is the map of its view as the installer left it."""

    def __init__(self, confirmed: Image | None = None) -> None:
        self._confirmed = confirmed
        self._before: Image | None = None

    def measure(self, picture: Picture) -> View:
        """The numbers of this picture; `change` is against the one measured before."""
        fine = _grey(picture)
        small = _halved(fine)
        before, self._before = self._before, small
        mean, deviation = cv2.meanStdDev(fine)
        detail = cv2.meanStdDev(cv2.Laplacian(fine, cv2.CV_16S))[1]
        return View(
            width=picture.width,
            height=picture.height,
            brightness=float(mean[0, 0]) / 255,
            contrast=float(deviation[0, 0]) / 255,
            glare=float((small >= WHITE).mean()),
            sharpness=float(detail[0, 0] / max(deviation[0, 0], 1.0)),
            change=None if before is None else float(cv2.absdiff(small, before).mean()) / 255,
            likeness=None if self._confirmed is None else _likeness(_edges(small), self._confirmed),
        )


def viewer(section: CameraSection) -> Viewer:
    """For a camera as it is configured; PhotoError when its confirmed view cannot be read."""
    return Viewer(confirmed(Path(section.confirmed_view)) if section.confirmed_view else None)


def _edges(small: Image) -> Image:
    """Where the edges of a view are, (90, 160), 0 to 255: much the same by day and by night, and nobody's portrait."""
    blurred = cv2.GaussianBlur(small, (0, 0), 1.5)
    across, down = (cv2.Sobel(blurred, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))
    strength = np.sqrt(cv2.magnitude(across, down))
    return cv2.normalize(strength, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)  # type: ignore[call-overload, no-any-return]


def confirm(picture: Picture, path: Path) -> None:
    """Keep this view as the one that is right; PhotoError when the file cannot be written."""
    _, data = cv2.imencode(".png", _edges(_halved(_grey(picture))))
    try:
        path.write_bytes(data.tobytes())
        path.chmod(0o644)  # whoever aims is often root, and the eye must read it
    except OSError as error:
        raise PhotoError("{path} cannot be written: {why}", path=path, why=error.strerror) from error


def confirmed(path: Path) -> Image:
    """A view that was kept; PhotoError when the file is none."""
    hint = "make it with: edge-gate camera aim --confirm"
    try:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, cv2.error) as error:
        raise PhotoError("the confirmed view {path} cannot be read: {why}", hint, path=path, why=error) from error
    if image is None or image.shape != SIZE[::-1]:
        raise PhotoError("{path} is no confirmed view", hint, path=path)
    return image  # type: ignore[return-value]


def _grey(picture: Picture) -> Image:
    across, down = FINE[0] / picture.width, FINE[1] / picture.height
    matrix: Matrix = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]], np.float32)
    return picture.luma(matrix, FINE)


def _halved(fine: Image) -> Image:
    return cv2.resize(fine, SIZE, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _likeness(now: Image, then: NDArray[np.uint8]) -> float:
    """The best correlation of the middle of the old map with any place of the new one."""
    x, y = MARGIN
    middle = then[y:-y, x:-x]
    return float(cv2.matchTemplate(now, middle, cv2.TM_CCOEFF_NORMED).max())
