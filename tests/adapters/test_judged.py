"""How a clip ends in an evaluation: the networks follow a script, everything from the search to the verdict is real."""

import gc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge.boxes import Face
from edge.faces import Seen
from edge.gaze import Gaze
from edge.liveness import LivenessRules
from edge.models import manifest
from edge.motion import MotionCue
from edge.photos import Decoder
from edge.picture import Bgr, Picture
from edge.presence import Cues, Verdict
from edge.presentations import Judged, det, ended, judge
from edge.terms import Quality
from edge.track import Zone
from tests.core.worlds import GOOD


def face(x: float, width: float) -> Face:
    marks = np.array([[-0.2, -0.1], [0.2, -0.1], [0, 0.1], [-0.15, 0.3], [0.15, 0.3]], np.float32) * width + (x, 120)
    return Face(x - width / 2, 120 - 0.6 * width, width, 1.2 * width, marks.astype(np.float32), 0.9)


class Script:
    """What the networks say: who is there, and how alive each looks at the frame whose number is its grey level."""

    has_liveness = True

    def __init__(self, faces: dict[float, Any]) -> None:
        self.pack = SimpleNamespace(manifest=manifest("zoo"))
        self._faces = {
            width: (face(90 + 120 * index, width), says) for index, (width, says) in enumerate(faces.items())
        }

    def detect(self, picture: Picture, width: int) -> list[Face]:
        return [face for face, _ in self._faces.values()]

    def quality(self, picture: Picture, face: Face) -> Quality:
        return GOOD

    def view(self, picture: Picture, face: Face) -> Seen:
        """Frames of an even number show one person, the others another."""
        return Seen(np.eye(2, dtype=np.float32)[grey(picture) % 2], self.liveness(picture, face))

    def liveness(self, picture: Picture, face: Face) -> tuple[float, ...]:
        return (self._faces[face.width][1](grey(picture)),)


def grey(picture: Picture) -> int:
    return int(picture.luma(np.eye(2, 3, dtype=np.float32), (4, 4))[0, 0])


def shown(folder: Path, faces: dict[float, Any]) -> Judged:
    """Ten frames a second for four seconds."""
    for number in range(40):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((240, 320, 3), number, np.uint8))
    with Decoder() as decoder:
        script: Any = Script(faces)
        return judge("print", folder, decoder, script, LivenessRules(), 10.0)


def test_what_was_taken_for_live_once_has_opened_the_door(tmp_path: Path) -> None:
    assert shown(tmp_path, {60: lambda frame: 0.99 if frame < 15 else 0.0}).verdict is Verdict.LIVE


def test_what_was_an_attack_once_is_one_to_the_end(tmp_path: Path) -> None:
    assert shown(tmp_path, {60: lambda frame: 0.0 if frame < 15 else 1.0}).verdict is Verdict.ATTACK


@pytest.mark.parametrize(("near", "verdict"), [(0.02, Verdict.ATTACK), (0.99, Verdict.LIVE)])
def test_of_two_faces_the_nearer_one_is_judged(tmp_path: Path, near: float, verdict: Verdict) -> None:
    assert shown(tmp_path, {60: lambda _: 1.01 - near, 80: lambda _: near}).verdict is verdict


def test_a_stricter_threshold_stops_more_attacks_and_more_people(tmp_path: Path) -> None:
    """Clips that look more and more alive: the curve goes from all of them live to none."""
    people = [clip("", 0.9 + 0.01 * index) for index in range(10)]
    prints = [clip("print", 0.8 + 0.01 * index) for index in range(10)]
    found = det([*people, *prints], LivenessRules())
    assert list(found) == ["print"]
    stopped, taken = zip(*(point[1:] for point in found["print"]), strict=True)
    assert list(stopped) == sorted(stopped) and list(taken) == sorted(taken, reverse=True)
    assert (stopped[0], taken[0], stopped[-1], taken[-1]) == (0.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("goes", [True, False])
def test_what_is_kept_of_a_face_is_forgotten_when_it_goes_or_becomes_another(goes: bool) -> None:
    script: Any = Script({60: lambda _: 0.99})
    gaze = Gaze(script, 320, Zone(), 3)
    pictures = [Bgr(np.full((240, 320, 3), number, np.uint8)) for number in range(2)]
    gc.collect()
    before = kept()
    gaze.search(pictures[0], 1.0)
    (track,) = gaze.wanted(pictures[0], 1.0)
    assert gaze.view(pictures[0], track) is not None and kept() == before + 1
    if goes:
        script.detect = lambda picture, width: []
        gaze.search(pictures[0], 2.0)
    else:
        assert gaze.view(pictures[1], track) is None
    assert kept() == before


def kept() -> int:
    """In how many places there are crops of faces."""
    return sum(isinstance(each, MotionCue) for each in gc.get_objects())


def clip(species: str, live: float) -> Judged:
    """Four seconds of somebody who moves on their own."""
    views = [(1, tenth / 10, Cues((live,), shift=0.05, carried=0.0)) for tenth in range(40)]
    return Judged(species, "clip", ended(views, LivenessRules()), 40, 0, views)
