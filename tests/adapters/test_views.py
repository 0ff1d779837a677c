"""The numbers of real views: of a scene as it is, and of the same scene with a camera that somebody has spoilt."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.errors import PhotoError
from edge.picture import Bgr, Image
from edge.sight import HOLD_S, Sight, SightRules
from edge.terms import Status, View
from edge.views import Viewer, confirm, confirmed

FILMS = ("crowd-walking-1080p.mp4", "no-faces-people-from-behind-768.mp4")
pytestmark = pytest.mark.real


def frames(film: Path, every: int, most: int) -> list[Image]:
    with av.open(str(film)) as container:
        found = (frame for number, frame in enumerate(container.decode(video=0)) if number % every == 0)
        return [frame.to_ndarray(format="bgr24") for frame, _ in zip(found, range(most), strict=False)]


def verdict(view: View) -> Status:
    """What the rules make of a view that stays as it is."""
    sight = Sight(SightRules())
    return [sight.look(view, float(second)) for second in range(round(max(HOLD_S.values())) + 1)][-1]


def covered(image: Image) -> Image:
    noise = np.random.default_rng(0).integers(0, 6, image.shape)
    return cv2.GaussianBlur(np.add(noise, (60, 70, 110)).astype(np.uint8), (0, 0), 3)  # type: ignore[return-value]


SPOILT: dict[Status, Callable[[Image], Image]] = {
    Status.TOO_DARK: lambda image: (image * 0.05).astype(np.uint8),
    Status.TOO_BRIGHT: lambda image: np.clip(image * 4.0 + 60, 0, 255).astype(np.uint8),
    Status.COVERED: covered,
    Status.BLURRED: lambda image: cv2.GaussianBlur(image, (0, 0), image.shape[1] / 80),  # type: ignore[dict-item, return-value]
    Status.MOVED: lambda image: np.roll(image, image.shape[1] // 4, axis=1),
}


@pytest.fixture(scope="module", params=FILMS)
def scene(request: pytest.FixtureRequest, shared: Path) -> list[Image]:
    return frames(shared / "data/videos" / request.param, every=20, most=5)


@pytest.fixture
def viewer(scene: list[Image], tmp_path: Path) -> Viewer:
    """One that has the first picture of the scene confirmed."""
    confirm(Bgr(scene[0]), tmp_path / "view.png")
    return Viewer(confirmed(tmp_path / "view.png"))


def test_people_who_walk_past_are_no_fault(scene: list[Image], viewer: Viewer) -> None:
    assert {verdict(viewer.measure(Bgr(image))) for image in scene} == {Status.STREAMING}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_spoilt_camera_is_told_by_name(scene: list[Image], viewer: Viewer, fault: Status) -> None:
    assert verdict(viewer.measure(Bgr(np.ascontiguousarray(SPOILT[fault](scene[-1]))))) is fault


def test_the_same_picture_again_is_frozen_and_the_next_one_is_not(scene: list[Image], viewer: Viewer) -> None:
    viewer.measure(Bgr(scene[1]))
    assert verdict(viewer.measure(Bgr(scene[1]))) is Status.FROZEN
    assert verdict(viewer.measure(Bgr(scene[2]))) is Status.STREAMING


@pytest.mark.parametrize("content", [None, b"", b"no picture", cv2.imencode(".png", np.zeros((4, 4)))[1].tobytes()])
def test_a_file_that_is_no_confirmed_view_is_named(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "view.png").write_bytes(content)
    with pytest.raises(PhotoError, match=r"view\.png"):
        confirmed(tmp_path / "view.png")


def test_a_view_that_root_confirms_can_be_read_by_the_eye(scene: list[Image], tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        confirm(Bgr(scene[0]), tmp_path / "view.png")
    finally:
        os.umask(before)
    assert (tmp_path / "view.png").stat().st_mode & 0o777 == 0o644
