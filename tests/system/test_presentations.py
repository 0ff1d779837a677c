"""Photographs shown to the real networks: through `evaluate liveness`, and swapped into a track."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.attacks import SPECIES, Draw, Image, camera, chosen, living, shown, write
from edge import models
from edge.faces import Face, Vision
from edge.gaze import Gaze
from edge.picture import Bgr
from edge.track import Zone
from tests.commands import answer, complaint
from tests.conftest import ROOT

pytestmark = pytest.mark.real

SIZE = (320, 240)


@pytest.fixture(scope="module")
def store(shared: Path) -> Path:
    directory = ROOT / "var" / "models"
    models.fetch("zoo", directory, shared / "models")
    models.fetch("registry", directory)
    return directory


@pytest.fixture(scope="module")
def vision(store: Path) -> Vision:
    return Vision(models.load("zoo", store))


@pytest.fixture(scope="module")
def people(shared: Path, vision: Vision) -> list[tuple[Image, Face]]:
    """Photographs and the face in each."""
    found = []
    for _, photo in chosen(shared / "data/lfw/lfw-deepfunneled-pairs.zip", 5, 12):
        square = cv2.resize(photo[20:230, 20:230], (480, 480), interpolation=cv2.INTER_CUBIC)
        faces = vision.detect(Bgr(square), 480)
        quality = vision.quality(Bgr(square), faces[0]) if faces else None
        if quality and max(abs(quality.yaw), abs(quality.pitch)) < 15:
            found.append((square, faces[0]))
    return found


def moving(photo: Image, face: Face) -> Draw:
    at = face.x + face.width / 2, face.y + face.height / 2, face.width
    return living(photo, at, np.random.default_rng(1), 0.03)


def test_photographs_are_never_live_and_a_head_that_moves_is_seen_to(
    people: list[tuple[Image, Face]], store: Path, tmp_path: Path
) -> None:
    chance = np.random.default_rng(3)
    for number, (photo, face) in enumerate(people[:3]):
        draw, scene = moving(photo, face), cv2.resize(people[3][0], SIZE)
        write(camera(draw, SIZE, chance), tmp_path / "live" / str(number), 5.0, 12)
        for name in ("print-photo-stand", "screen-photo-stand"):
            plane = camera(shown(draw, SPECIES[name], scene, 1.2, chance), SIZE, chance)
            write(plane, tmp_path / "attack" / name / str(number), 5.0, 12)
    where = "--live", tmp_path / "live", "--attack", tmp_path / "attack", "--models", store
    told = answer("evaluate", "liveness", *where, "--pack", "zoo", "--out", tmp_path / "new" / "out.jsonl")
    assert told["apcer"] == {"print-photo-stand": 0.0, "screen-photo-stand": 0.0}
    assert told["n_live"] == 3 and set(told) >= {"bpcer", "unsure_live", "unsure_attack", "not_found"}
    clips = [json.loads(line) for line in (tmp_path / "new" / "out.jsonl").read_text().splitlines()]
    seen = {(clip["species"], clip["liveness"]["motion"]) for clip in clips if clip["liveness"]}
    assert {motion for species, motion in seen if species} == {"still"}
    assert "still" not in {motion for species, motion in seen if not species}
    assert "carried" not in {motion for species, motion in seen if not species}
    told = answer("evaluate", "liveness", *where, "--pack", "registry")
    assert (told["liveness"], told["unsure_live"], set(told["apcer"].values())) == ("unavailable", 1.0, {0.0})


def test_a_folder_that_holds_nothing_is_named(store: Path, tmp_path: Path) -> None:
    where = "--live", tmp_path, "--attack", tmp_path, "--models", store
    assert f"{tmp_path} holds no clips" in complaint("evaluate", "liveness", *where, "--pack", "zoo")


def test_a_view_tells_what_its_parts_tell(people: list[tuple[Image, Face]], vision: Vision) -> None:
    (one, at), (other, there) = people[:2]
    seen, second = vision.view(Bgr(one), at), vision.view(Bgr(other), there)
    assert seen.embedding == pytest.approx(vision.embed(Bgr(one), at), abs=1e-6)
    assert seen.appearance == pytest.approx(vision.liveness(Bgr(one), at), abs=1e-6)
    assert float(seen.embedding @ second.embedding) < 0.5 and len(set(seen.appearance)) == 2


def test_a_photograph_that_is_swapped_in_ends_the_track(people: list[tuple[Image, Face]], vision: Vision) -> None:
    gaze = Gaze(vision, 480, Zone(), 3)
    (one, at), (other, there) = people[:2]
    shift = np.array([[1, 0, at.x - there.x], [0, 1, at.y - there.y]], np.float32)  # to the very same place
    other = cv2.warpAffine(other, shift, other.shape[1::-1])
    kept: list[tuple[int, bool]] = []
    for number, image in enumerate([one, one, one, other, other]):
        gaze.search(Bgr(image), number / 10)
        for track in gaze.tracker.wanted(number / 10, 480, 480):
            kept.append((track.id, gaze.same(Bgr(image), track)))
            gaze.tracker.viewed(track)
    first = kept[0][0]
    assert kept == [(first, True), (first, True), (first, True), (first, False), (first + 1, True)]
