"""A real stream that goes black before a real gate: what the ticket will show of it, and that no face is in it."""

import base64
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge import models
from edge.events import CameraFault, CameraPictured
from edge.faces import Vision
from edge.picture import Bgr, Image
from edge.simulate import RtspServer
from edge.still import search
from edge.terms import Moment
from tests.system.conftest import NewHouse
from tests.system.house import PACK, STORE, wait

pytestmark = [pytest.mark.real, pytest.mark.slow]

RATE, SIZE = 10, (960, 540)
FACE_S, BLACK_S, EMPTY_S = 5, 22, 30
"""The film: somebody near, then nothing but noise, then people from behind."""
BLACK = 16
"""Brighter than noise, darker than any scene: mean luma, 0 to 255."""


def stills(film: Path, first: int, most: int) -> list[Image]:
    with av.open(str(film)) as source:
        frames = [
            frame for number, frame in zip(range(first + most), source.decode(video=0), strict=False) if number >= first
        ]
        return [frame.to_ndarray(format="bgr24", width=SIZE[0], height=SIZE[1]) for frame in frames]


def write(path: Path, images: list[Image]) -> Path:
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        stream.options = {"preset": "ultrafast", "bf": "0", "g": str(RATE)}
        for image in images:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        film.mux(stream.encode(None))
    return path


def repeated(images: list[Image], seconds: int) -> list[Image]:
    return [images[number % len(images)] for number in range(seconds * RATE)]


def test_a_camera_that_goes_black_is_shown_before_after_and_when_it_sees_again(
    house: NewHouse, shared: Path, tmp_path: Path
) -> None:
    near = stills(shared / "data/videos/two-faces-640.mp4", 140, 40)
    behind = stills(shared / "data/videos/no-faces-people-from-behind-768.mp4", 0, 60)
    noise = list(np.random.default_rng(0).integers(0, 6, (3, *SIZE[::-1], 3), np.uint8))
    parts = (repeated(near, FACE_S), repeated(noise, BLACK_S), repeated(behind, EMPTY_S))
    film = write(tmp_path / "film.mp4", [image for part in parts for image in part])
    with RtspServer([film]) as server:
        gate = house(url=server.url(film))
        gate.start("relay", "gate", "eye")
        wait(lambda: len(gate.events(CameraPictured)) >= len(Moment), 120.0)
    faults = [event for event in gate.events(CameraFault) if event.data["status"] in ("too_dark", "streaming")]
    assert [event.data["active"] for event in faults][:2] == [True, False]
    told = {event.data["moment"]: event for event in gate.events(CameraPictured)[:3]}
    assert list(told) == [*Moment]
    shown = {moment: picture(event.data["personal"]) for moment, event in told.items()}
    vision = Vision(models.load(PACK, STORE))
    assert search(vision, Bgr(near[0])) and not any(search(vision, Bgr(image)) for image in shown.values())
    assert shown[Moment.AFTER].mean() < BLACK < shown[Moment.BEFORE].mean()
    assert alike(shown[Moment.BEFORE], near[0]) and alike(shown[Moment.MENDED], behind[0])
    assert not alike(shown[Moment.BEFORE], behind[0])
    facts = (gate.site.config.state / "facts.jsonl").read_bytes()
    assert b"CameraPictured" not in facts and b"jpeg" not in facts and "CameraPictured" not in gate.logs()


def picture(personal: object) -> Image:
    assert isinstance(personal, dict)
    jpeg = base64.b64decode(personal["jpeg"][1])
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


def alike(shown: Image, scene: Image) -> bool:
    """Whether a thumbnail is of this scene, what was painted over aside."""
    was = cv2.resize(scene, shown.shape[1::-1], interpolation=cv2.INTER_AREA)
    return float(np.median(np.abs(shown.astype(int) - was))) < 16
