"""Real faces and real networks: what is found is found well."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.attacks import Image, chosen
from edge import models
from edge.network import Network
from edge.picture import Bgr
from edge.yunet import YuNet
from tests.conftest import ROOT

pytestmark = pytest.mark.real

SEARCHED, FINE = 320, 1280
CORNERS = [(0, 0), (1280 - 480, 720 - 480), (403, 117)]


@pytest.fixture(scope="module")
def detector(shared: Path) -> YuNet:
    directory = ROOT / "var" / "models"
    models.fetch("zoo", directory, shared / "models")
    pack = models.load("zoo", directory)
    spec = next(spec for spec in pack.manifest.network if spec.role == "detector")
    return YuNet(Network(spec, pack.read(spec)))


@pytest.mark.parametrize("corner", CORNERS)
def test_a_close_up_brings_landmarks_nearer_to_where_they_are(
    detector: YuNet, shared: Path, corner: tuple[int, int]
) -> None:
    """Also of a face at the edge of the picture, where its close-up has less room."""
    before, after = [], []
    for _, photo in chosen(shared / "data/lfw/lfw-deepfunneled-pairs.zip", 5, 12):
        picture = Bgr(placed(photo, corner))
        (found, *_), (truth, *_) = detector.detect(picture, SEARCHED), detector.detect(picture, FINE)
        before.append(np.abs(found.landmarks - truth.landmarks).mean())
        after.append(np.abs(detector.refine(picture, found).landmarks - truth.landmarks).mean())
    assert np.mean(after) < 0.9 * np.mean(before)


def placed(photo: Image, corner: tuple[int, int]) -> Image:
    """The photograph in a hall of one grey, its left upper corner there."""
    hall = np.full((720, 1280, 3), 96, np.uint8)
    left, top = corner
    hall[top : top + 480, left : left + 480] = cv2.resize(photo[20:230, 20:230], (480, 480))
    return hall
