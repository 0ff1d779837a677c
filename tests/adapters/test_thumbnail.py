"""Thumbnails of real scenes, looked over with real networks: nobody's face is left, and the scene is."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge import models
from edge.faces import Vision
from edge.pairing import Boxed
from edge.picture import Bgr, Image
from edge.still import search
from edge.thumbnail import AT_LATEST_S, EVERY_S, SIDE, Shutter, thumbnail
from edge.wire import LARGEST_THUMBNAIL
from tests.conftest import ROOT

WIDTH = 640


@pytest.fixture(scope="module", params=["zoo", "registry"])
def vision(request: pytest.FixtureRequest, shared: Path) -> Vision:
    store = ROOT / "var" / "models"
    models.fetch(request.param, store, shared / "models" if request.param == "zoo" else None)
    return Vision(models.load(request.param, store))


@pytest.fixture(scope="module")
def people(shared: Path) -> list[Image]:
    """Somebody near, and a crowd."""
    return [
        *frames(shared / "data/videos/two-faces-640.mp4", 40),
        *frames(shared / "data/videos/crowd-walking-1080p.mp4", 40),
    ]


def frames(film: Path, every: int) -> Iterator[Image]:
    with av.open(str(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                yield frame.to_ndarray(format="bgr24")


def opened(jpeg: bytes | None) -> Image:
    assert jpeg is not None and len(jpeg) <= LARGEST_THUMBNAIL
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


@pytest.mark.real
def test_no_face_is_left_for_the_detector_that_found_them(vision: Vision, people: list[Image]) -> None:
    faces = [len(search(vision, Bgr(image))) for image in people]
    assert sum(faces) > len(people)
    left = [len(search(vision, Bgr(opened(thumbnail(Bgr(image), vision.suspects, WIDTH))))) for image in people]
    assert left == [0] * len(people)


@pytest.mark.real
def test_the_scene_is_left(vision: Vision, people: list[Image]) -> None:
    for image in people:
        shown = opened(thumbnail(Bgr(image), vision.suspects, WIDTH))
        assert max(shown.shape[:2]) == SIDE
        was = cv2.resize(image, shown.shape[1::-1], interpolation=cv2.INTER_AREA)
        alike = np.abs(shown.astype(int) - was).mean(axis=2) < 24
        assert alike.mean() > 0.6


@pytest.mark.real
def test_of_a_picture_that_nobody_looked_over_only_patches_are_left(vision: Vision, people: list[Image]) -> None:
    for image in people:
        shown = opened(thumbnail(Bgr(image), None))
        assert search(vision, Bgr(shown)) == []
        assert np.abs(shown.mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 12


def test_what_cannot_be_made_free_of_faces_is_no_picture() -> None:
    image = Bgr(np.full((180, 320, 3), 90, np.uint8))
    whole = Box(0.0, 0.0, 320.0, 180.0)
    assert thumbnail(image, lambda picture, width: [whole]) is None
    assert thumbnail(image, lambda picture, width: []) is not None


class Box:
    def __init__(self, x: float, y: float, width: float, height: float) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height


def test_faces_at_the_border_and_in_pictures_of_any_shape_are_painted_over() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (900, 300, 3), np.uint8)
    asked: list[Boxed] = [Box(-50.0, -20.0, 100.0, 90.0), Box(280.0, 880.0, 90.0, 90.0)]
    shown = opened(thumbnail(Bgr(noise), lambda picture, width: asked if picture.width == 300 else []))
    assert shown.shape[:2] == (SIDE, 107)
    assert shown[:30, :20].std() < 6 and shown[-8:, -12:].std() < 6 and shown[150:200].std() > 10


def test_one_is_made_now_and_then_and_rather_when_nobody_is_there() -> None:
    picture = Bgr(np.zeros((90, 160, 3), np.uint8))
    shutter, made = Shutter(True), []
    for second in range(200):
        if shutter.press(picture, float(second), busy=second >= 20):
            made.append(second)
    assert made == [0, EVERY_S, 2 * EVERY_S, 3 * EVERY_S, 15 + AT_LATEST_S, 15 + 2 * AT_LATEST_S, 15 + 3 * AT_LATEST_S]
    assert Shutter(False).press(picture, 1000.0) is None
