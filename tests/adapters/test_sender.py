"""The wall clock of a stream, as a real server tells it in its sender reports."""

import time
from pathlib import Path

import pytest

from edge.camera import Camera
from edge.config import CameraSection
from edge.simulate import RtspServer as FilmServer
from edge.walltime import ENOUGH, WallClock
from tests.adapters.brokers import until
from tests.adapters.rtsp import RtspServer, make_clip, need_gstreamer
from tests.adapters.test_simulate import film

pytestmark = pytest.mark.real

SLACK_S = 2.0
"""What a busy machine may add."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_gstreamer()
    return make_clip(tmp_path_factory.mktemp("clips") / "small.h264")


def off_s(camera: Camera) -> float:
    """How far ahead of this machine's clock the camera's is, once it is known."""
    until(lambda: (camera.next(0.1), camera.wall is not None)[1])
    assert camera.wall is not None
    return camera.wall - (time.time() - time.monotonic())


def looking(url: str, key_frames: bool = False) -> Camera:
    camera = Camera(CameraSection("front", url, "main", open_timeout_s=30, read_timeout_s=30), "", key_frames)
    camera.start()
    return camera


@pytest.mark.parametrize("key_frames", [False, True])
@pytest.mark.parametrize("ahead", [0.0, 3600.0, -7.5])
def test_how_far_a_cameras_clock_is_ahead_is_measured(clip: Path, ahead: float, key_frames: bool) -> None:
    with RtspServer(clip, clock=str(ahead)) as server:
        camera = looking(server.url, key_frames)
        assert off_s(camera) == pytest.approx(ahead, abs=SLACK_S)
        camera.close()


def test_what_a_camera_told_before_its_connection_ended_is_not_told_on(clip: Path) -> None:
    with RtspServer(clip) as server:
        camera = looking(server.url)
        off_s(camera)
    until(lambda: (camera.next(0.1), camera.wall is None)[1])
    camera.close()


def test_who_tells_no_time_is_not_wrong(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    reported = WallClock.reported
    monkeypatch.setattr(
        WallClock, "reported", lambda wall, utc, captured: (told.append(utc), reported(wall, utc, captured))
    )
    with RtspServer(clip, clock="none") as server:
        camera = looking(server.url)
        until(lambda: (camera.next(0.1), len(told) > ENOUGH)[1])
        assert camera.wall is None and max(told) < 0
        camera.close()


def test_a_film_is_served_with_the_right_time(tmp_path: Path) -> None:
    with FilmServer([film(tmp_path / "film.mp4")]) as server:
        camera = looking(server.url(tmp_path / "film.mp4"))
        assert off_s(camera) == pytest.approx(0.0, abs=SLACK_S)
        camera.close()
