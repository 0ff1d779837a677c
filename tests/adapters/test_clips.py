"""Entries of an evaluation: which they are, in what order their frames come and when; and the rates that follow."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge import capture, presentations
from edge.clips import clips, frames
from edge.errors import EdgeError, PhotoError
from edge.photos import Decoder
from edge.picture import Bgr
from edge.presence import Liveness, Motion, Verdict
from edge.presentations import Judged, summed


def picture(path: Path, grey: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((120, 160, 3), grey, np.uint8))
    return path


def shown(clip: Path, fps: float = 25.0) -> list[tuple[int | None, float]]:
    with Decoder() as decoder:
        return [(each and each.width, at) for each, at in frames(clip, fps, decoder)]


def test_frames_come_in_the_order_and_at_the_time_of_their_numbers(tmp_path: Path) -> None:
    for name in ("a-9.png", "a-10.png", "a-0035.png", "notes.txt"):
        picture(tmp_path / "clip" / name) if name.endswith("png") else (tmp_path / "clip" / name).write_text("x")
    assert shown(tmp_path / "clip") == [(160, 0.36), (160, 0.4), (160, 1.4)]
    assert shown(tmp_path / "clip", fps=50)[-1] == (160, 0.7)


def test_a_frame_without_a_number_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "clip" / "first.png")
    with pytest.raises(EdgeError, match=r"first\.png does not end in a frame number"):
        shown(tmp_path / "clip")


def test_what_cannot_be_read_is_told_and_not_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "clip" / "f1.png")
    (tmp_path / "clip" / "f2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "film.mp4").write_bytes(b"no film")
    assert [width for width, _ in shown(tmp_path / "clip")] == [160, None]
    assert shown(tmp_path / "film.mp4") == [(None, -1.0)]


def film(path: Path, image: np.ndarray, turned: int = 0) -> Path:
    """Five frames of 160 by 120 in half a second; `turned` is by how much a player is to turn them, anticlockwise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.set_display_rotation(turned)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode(None))
    return path


def test_a_video_carries_its_own_times(tmp_path: Path) -> None:
    black = film(tmp_path / "film.mp4", np.zeros((120, 160, 3), np.uint8))
    assert [at for _, at in shown(black)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("turned", [0, 90, 180, -90])
def test_a_film_is_turned_as_the_telephone_says_that_was_held_askew(tmp_path: Path, turned: int) -> None:
    """For an evaluation and for an enrolment: the white corner is top left of what a player shows."""
    upright = np.zeros((120, 160, 3) if turned in (0, 180) else (160, 120, 3), np.uint8)
    upright[:40, :40] = 255
    lying = film(tmp_path / "film.mp4", np.ascontiguousarray(np.rot90(upright, -turned // 90)), turned)
    with Decoder() as decoder:
        picture, _ = next(frames(lying, 25.0, decoder))
    assert isinstance(picture, Bgr)
    for image in (picture.image, next(capture.pictures(lying))[1]):
        assert image.shape == upright.shape
        assert image[:30, :30].min() > 200 and image[60:].max() < 50 and image[:, 60:].max() < 50


def test_a_film_begins_at_nought_whatever_its_clock_said(tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    with av.open(str(late), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(7):
            frame = av.VideoFrame.from_ndarray(np.zeros((120, 160, 3), np.uint8))
            frame.pts, frame.time_base = 36_000 + number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert [at for at, _ in capture.pictures(late)] == pytest.approx([0.0, 0.4], abs=0.11)


def test_a_film_that_is_too_large_is_not_called_damaged(tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    with av.open(str(large), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 4098, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 4098, 3), np.uint8))))
        container.mux(stream.encode(None))
    with pytest.raises(PhotoError, match="wider or higher than 4096 pixels"):
        list(capture.pictures(large))


def test_entries_are_pictures_videos_and_folders(tmp_path: Path) -> None:
    picture(tmp_path / "b.jpg")
    (tmp_path / "a").mkdir()
    (tmp_path / "c.MP4").touch()
    (tmp_path / ".hidden.jpg").touch()
    (tmp_path / "README.txt").touch()
    assert [path.name for path in clips(tmp_path)] == ["a", "b.jpg", "c.MP4"]
    with pytest.raises(EdgeError, match="holds no clips"):
        clips(tmp_path / "a")


def judged(species: str, verdict: Verdict | None) -> Judged:
    found = Liveness(verdict, 0.5, Motion.UNKNOWN, None, 9, 1.0) if verdict else None
    return Judged(species, "clip", found, 9 if verdict else 0, 0)


def test_every_entry_is_in_its_denominator() -> None:
    live, attack, unsure = Verdict.LIVE, Verdict.ATTACK, Verdict.UNSURE
    people = [judged("", verdict) for verdict in (live, live, attack, unsure, None)]
    attacks = [judged("print", verdict) for verdict in (live, attack, unsure, None)]
    screens = [judged("screen", verdict) for verdict in (attack, attack)]
    found = summed([*people, *attacks, *screens], True, "pack-1")
    assert found.apcer == {"print": 0.25, "screen": 0.0}
    assert found.unsure_attack == {"print": 0.25, "screen": 0.0}
    assert (found.bpcer, found.unsure_live, found.not_found) == (0.2, 0.4, 2)
    assert (found.n_live, found.n_attack) == (5, {"print": 4, "screen": 2})
    assert found.apcer_interval["screen"][1] > 0.5


def test_a_track_that_was_live_has_opened_the_door() -> None:
    live, attack = (judged("", verdict).liveness for verdict in (Verdict.LIVE, Verdict.ATTACK))
    assert live and attack
    assert presentations._first(attack, live) is live
    assert presentations._first(live, None) is live
