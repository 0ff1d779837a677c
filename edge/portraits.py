"""The people of the demonstration: official White House portraits, in the public domain, cut out of their photographs.

They come from the source package of a library on PyPI and stay out of the repository. Outlines are in distances
between the eyes, right and down from the middle of the eyes.
"""

import math
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.download import Downloads
from edge.errors import PhotoError
from edge.packs import Original
from edge.scene import Image

EYES_PX = 112.0
"""Between the eyes of a cut-out in full size."""
ABOVE, BELOW, ASIDE = 3, 17, 7
"""What a cut-out holds around the eyes, in distances between them."""

Outline = list[tuple[float, float]]
Figure = list[Image]
"""A cut-out person: premultiplied BGR and alpha, in full size, half, quarter and eighth."""


class Portrait(NamedTuple):
    """One photograph: the file, its eyes in pixels, and what beside the person is background all the same."""

    file: str
    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    behind: tuple[tuple[float, float], ...]


ENROLLED = "obama.jpg"
"""The person of KNOWN on another photograph, years apart."""
_CURTAIN = ((0.83, 1.4), (0.58, 1.8), (0.54, 2.3), (0.66, 2.5), (0.85, 2.68), (1.05, 2.8), (2.0, 2.9), (2.0, 1.4))
_DESK = ((-4.4, 8), (-2.6, 8), (-2.3, 13), (-4.4, 17))
KNOWN = Portrait("obama3.jpg", (743, 381), (862, 389), _CURTAIN)
STRANGER = Portrait("biden.jpg", (531, 323), (651, 345), _DESK)

_PACKAGE = "pypi:face-recognition==1.3.0"
_SHA256 = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
_FILES = (
    (ENROLLED, 279_922, "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6"),
    (KNOWN.file, 595_944, "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3"),
    (STRANGER.file, 353_723, "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c"),
)
_ORIGINALS = [Original(file, sha256, size, [f"{_PACKAGE}#tests/test_images/{file}"]) for file, size, sha256 in _FILES]

_MAYBE: Outline = [(-1.7, -0.5), (-1.4, -1.9), (0, -2.4), (1.4, -1.9), (1.7, -0.5), (1.3, 1.4), (1.2, 2.3), (2.6, 2.8)]
_MAYBE += [(4.4, 3.9), (4.4, 8.6), (3.6, 10), (3.6, 17), (-3.4, 17), (-3.4, 10), (-4.4, 8.6), (-4.4, 3.9)]
_MAYBE += [(-2.6, 2.8), (-1.2, 2.3), (-1.3, 1.4)]
_LIKELY: Outline = [(-1.2, -0.5), (-0.9, -1.5), (0, -1.8), (0.9, -1.5), (1.2, -0.5), (1.0, 1.6), (2.0, 2.9), (3.2, 3.6)]
_LIKELY += [(3.4, 17), (-3.4, 17), (-3.2, 3.6), (-2.0, 2.9), (-1.0, 1.6)]
_SURE: Outline = [(-0.9, -0.5), (0, -1.3), (0.9, -0.5), (0.7, 1.7), (1.6, 3.4), (2.4, 4.2), (2.4, 17)]
_SURE += [(-2.4, 17), (-2.4, 4.2), (-1.6, 3.4), (-0.7, 1.7)]


def photos(directory: Path) -> Path:
    """`directory`, with the photographs in it; the first call fetches them. ModelError when they are not to be had."""
    directory.mkdir(parents=True, exist_ok=True)
    missing = [original for original in _ORIGINALS if not (directory / original.file).exists()]
    with Downloads({_PACKAGE: _SHA256}, None) as downloads:
        for original in missing:
            (directory / original.file).write_bytes(downloads.get(original))
    return directory


def cut_out(folder: Path, portrait: Portrait) -> Figure:
    """The person of a photograph without the background, the eyes level and EYES_PX apart; PhotoError."""
    photo = cv2.imread(str(folder / portrait.file))
    if photo is None:
        raise PhotoError("{path} cannot be read", path=folder / portrait.file)
    size = (int(2 * ASIDE * EYES_PX), int((ABOVE + BELOW) * EYES_PX))
    level = _levelled(portrait)
    colour = cv2.warpAffine(photo, level, size)
    covered = cv2.warpAffine(np.full(photo.shape[:2], 255, np.uint8), level, size)
    alpha = _matte(colour, covered, portrait)
    figure = [cv2.merge([cv2.multiply(colour, cv2.merge([alpha] * 3), scale=1 / 255), alpha])]
    for _ in range(3):
        figure.append(cv2.resize(figure[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return figure


def _levelled(portrait: Portrait) -> NDArray[np.float64]:
    left, right = np.array(portrait.left_eye), np.array(portrait.right_eye)
    middle, across = (left + right) / 2, right - left
    roll = math.degrees(math.atan2(across[1], across[0]))
    matrix = np.asarray(cv2.getRotationMatrix2D(middle.tolist(), roll, EYES_PX / float(np.linalg.norm(across))))
    matrix[:, 2] += np.array([ASIDE, ABOVE]) * EYES_PX - middle
    return matrix.astype(np.float64)


def _matte(colour: Image, covered: Image, portrait: Portrait) -> Image:
    """What is person, 0..255: GrabCut on a quarter of the size, from a sketch of a head and shoulders.

    `covered` is 0 where the levelled photograph has no picture.
    """
    small = cv2.resize(colour, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    mask = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    sketch = ((_MAYBE, cv2.GC_PR_BGD), (_LIKELY, cv2.GC_PR_FGD), (_SURE, cv2.GC_FGD), (portrait.behind, cv2.GC_BGD))
    for outline, kind in sketch:
        corners = (np.array(outline) + np.array([ASIDE, ABOVE])) * EYES_PX / 4
        cv2.fillPoly(mask, [corners.astype(np.int32)], kind)
    mask[cv2.resize(covered, small.shape[1::-1]) < 250] = cv2.GC_BGD
    cv2.grabCut(small, mask, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    person: Image = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    soft = cv2.GaussianBlur(cv2.resize(person, colour.shape[1::-1], interpolation=cv2.INTER_CUBIC), (0, 0), 4)
    matte: Image = np.clip((soft.astype(np.float32) - 70) * 1.4, 0, 255).astype(np.uint8)
    return matte
