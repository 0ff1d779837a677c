"""What a camera without a door costs is measured by a command, on cameras that are seen to stream."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.commands import answer, complaint

pytestmark = [pytest.mark.real, pytest.mark.slow]


def film(path: Path) -> Path:
    """Four seconds of a bright bar that walks through a hall."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(100):
            picture = np.full((180, 320, 3), 80, np.uint8)
            picture[40:140, 2 * number : 2 * number + 40] = 200
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        target.mux(stream.encode(None))
    return path


def test_cameras_are_watched_and_what_each_costs_is_told(tmp_path: Path) -> None:
    hall = film(tmp_path / "hall.mp4")
    told = answer("bench", "cameras", "--video", hall, "--cameras", "2", "--seconds", "5")
    assert told.keys() == {"cameras", "streaming", "frames_per_s", "cpu_percent", "rss_mib", "per_core"}
    assert told["cameras"] == told["streaming"] == 2 and told["frames_per_s"] > 0
    assert 0 < told["cpu_percent"] < 100 and told["rss_mib"] > 10 and told["per_core"] >= 1


def test_what_is_no_film_is_named(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    assert "film.mp4 cannot be read as a film" in complaint("bench", "cameras", "--video", tmp_path / "film.mp4")
