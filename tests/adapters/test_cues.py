"""Each cue on scenes in which it is known what moves, and what stands around the face."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.border import BorderCue
from edge.boxes import Face
from edge.cue import Sight
from edge.cues import watcher
from edge.faces import Seen
from edge.gaze import Gaze
from edge.liveness import BORDER, CARRIED, MOVED, OWN, PATTERN
from edge.models import manifest
from edge.motion import MotionCue, _steps
from edge.pattern import LEAST_VIEWS, SIDE, PatternCue
from edge.picture import Bgr
from edge.presence import Cues
from edge.track import Zone
from tests.core.worlds import GOOD

Image = NDArray[np.uint8]
SIZES = [(320, 240, 72), (1280, 720, 180)]


def texture(width: int, height: int, grain: int, seed: int) -> Image:
    noise = np.random.default_rng(seed).integers(40, 215, (height // grain + 2, width // grain + 2), np.uint8)
    grey = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def scene(width: int, height: int, face: int, step: tuple[float, float], all_of_it: bool) -> tuple[Bgr, Face]:
    """A textured wall and a textured oval before it; the oval, or everything, has gone `step` pixels."""
    wall, skin = texture(width, height, face // 8, 1), texture(width, height, face // 12, 2)
    middle, axes = (width // 2, height // 2 + face // 8), (round(0.6 * face), round(0.8 * face))
    oval = cv2.ellipse(np.zeros((height, width), np.uint8), middle, axes, 0, 0, 360, 255, -1)
    move = np.array([[1, 0, step[0]], [0, 1, step[1]]], np.float32)
    if all_of_it:
        wall = cv2.warpAffine(wall, move, (width, height), borderMode=cv2.BORDER_REFLECT)  # type: ignore[assignment]
    skin, oval = (cv2.warpAffine(part, move, (width, height)) for part in (skin, oval))  # type: ignore[assignment]
    image = np.where(oval[..., None] > 127, skin, wall)
    noise = np.random.default_rng([width, all_of_it, round(100 * abs(step[0]))]).normal(0, 2, image.shape)
    x, y = middle[0] + step[0], middle[1] + step[1]
    marks = np.array([[-0.2, -0.1], [0.2, -0.1], [0, 0.1], [-0.15, 0.3], [0.15, 0.3]], np.float32) * face + (x, y)
    seen = Face(x - face / 2, y - face * 0.6, face, face * 1.2, marks.astype(np.float32), 0.9)
    return Bgr(np.clip(image + noise, 0, 255).astype(np.uint8)), seen


def motion(size: tuple[int, int, int], step: float, all_of_it: bool, pause: float = 0.5) -> Cues:
    cue = MotionCue()
    cue.follow(Sight(*scene(*size, (0.0, 0.0), all_of_it), 10.0))
    later = Sight(*scene(*size, (step, 0.3 * step), all_of_it), 10.0 + pause)
    cue.follow(later)
    return cue.see(later, Cues())


def test_a_look_at_the_motion_is_news_until_a_view_was_told() -> None:
    watching, still, gone = (
        watcher(True),
        scene(*SIZES[0], (0, 0), False),
        scene(*SIZES[0], (9, 3), False),
    )
    assert [watching.follow(*still, 10.0), watching.follow(*gone, 10.25), watching.follow(*gone, 10.29)] == [
        False,
        True,
        True,
    ]
    assert watching.see(*gone, 10.29).shift is not None and not watching.follow(*gone, 10.33)


def test_news_of_motion_brings_the_next_view_forward() -> None:
    """The fourth frame comes too soon after the third for another view, if nothing new could be told."""
    (_, seen), looks = scene(*SIZES[0], (0, 0), False), (10.0, 10.11, 10.18, 10.22)
    vision = SimpleNamespace(
        pack=SimpleNamespace(manifest=manifest("zoo")), has_liveness=True,
        detect=lambda *_: [seen], quality=lambda *_: GOOD,
        view=lambda *_: Seen(np.eye(2, dtype=np.float32)[0], (0.99,)),
    )  # fmt: skip
    gaze, viewed = Gaze(vision, 320, Zone(), 3), list[float]()  # type: ignore[arg-type]
    for step, captured in enumerate(looks):
        picture, _ = scene(*SIZES[0], (2 * step, 0), False)
        gaze.search(picture, captured)
        for track in gaze.wanted(picture, captured):
            assert gaze.quality(picture, track)
            told = gaze.view(picture, track)
            gaze.tracker.viewed(track)
            viewed.append(captured)
    assert tuple(viewed) == looks and told and told.cues.shift is not None and told.cues.appearance == (0.99,)


def test_a_point_that_is_not_found_again_on_the_way_back_went_nowhere() -> None:
    """Half of the picture moves, the other half is covered meanwhile by something else."""
    height, width = 120, 144
    before, other = (texture(width, height, 6, seed)[..., 0] for seed in (1, 2))
    moved = cv2.warpAffine(before, np.array([[1, 0, 2], [0, 1, 1]], np.float32), (width, height))
    now = np.where(np.arange(width) < width // 2, moved, other).astype(np.uint8)
    points = np.stack(np.meshgrid([24.0, 34.0, 44.0, 96.0, 106.0, 116.0], np.arange(20.0, 100.0, 10.0)), axis=-1)
    left, right = (each.reshape(-1, 2).astype(np.float32) for each in (points[:, :3], points[:, 3:]))
    followed = _steps(before, now, left)  # type: ignore[arg-type]
    assert len(followed) == len(left) and followed == pytest.approx(np.tile([2.0, 1.0], (len(left), 1)), abs=0.1)
    assert len(_steps(before, now, right)) <= len(right) // 8  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("part", [0.03, 0.2])
def test_what_moves_before_a_wall_is_told_from_what_takes_it_along(size: tuple[int, int, int], part: float) -> None:
    own, taken = motion(size, part * size[2], False), motion(size, part * size[2], True)
    assert own.shift == pytest.approx(part * 1.044, rel=0.15) == taken.shift
    assert own.carried is not None and own.carried < OWN
    assert taken.carried is not None and taken.carried > CARRIED


@pytest.mark.parametrize("size", SIZES)
def test_what_stands_still_is_seen_to(size: tuple[int, int, int]) -> None:
    still = motion(size, 0.0, True)
    assert still.shift is not None and still.shift < MOVED / 2


@pytest.mark.parametrize("pause", [0.1, 2.0])
def test_views_too_near_or_too_far_apart_are_not_compared(pause: float) -> None:
    assert motion(SIZES[0], 5, True, pause) == Cues()


def test_the_window_goes_after_a_face_that_walks_and_the_wall_stands_still_in_it() -> None:
    cue, found = MotionCue(), Cues()
    for index in range(5):
        sight = Sight(*scene(640, 240, 72, (30.0 * index - 60, 0.0), False), 10 + 0.3 * index)
        cue.follow(sight)
        found = cue.see(sight, Cues())
        if index:
            assert found.shift == pytest.approx(30 / 72, rel=0.15)
            assert found.carried is not None and found.carried < OWN


def test_a_wall_that_moves_behind_a_face_that_does_not_is_carried() -> None:
    """A sheet that is held so that the face stays where it was, or a tablet that is turned about it."""
    cue, (still, face), (moved, _) = MotionCue(), *(scene(*SIZES[0], (step, 0.0), True) for step in (0.0, 8.0))
    middle, axes = (int(face.x + face.width / 2), int(face.y + face.height / 2)), (50, 65)
    oval = cv2.ellipse(np.zeros((240, 320), np.uint8), middle, axes, 0, 0, 360, 255, -1)[..., None] > 0
    cue.follow(Sight(still, face, 10.0))
    now = Sight(Bgr(np.where(oval, still.image, moved.image)), face, 10.5)
    cue.follow(now)
    found = cue.see(now, Cues())
    assert found.shift == pytest.approx(8 / 72, rel=0.15)
    assert found.carried is not None and found.carried > CARRIED


def test_a_face_without_features_is_not_followed() -> None:
    cue = MotionCue()
    for index in range(2):
        picture, face = scene(*SIZES[0], (6.0 * index, 0.0), True)
        blank = cv2.ellipse(picture.image, (int(face.x + face.width / 2), int(face.y + face.height / 2)), (50, 60),
                            0, 0, 360, (128, 128, 128), -1)  # fmt: skip
        cue.follow(Sight(Bgr(blank), face, 10 + index / 2))
    assert cue.see(Sight(Bgr(blank), face, 10.5), Cues()) == Cues()


def test_an_even_wall_tells_nothing_of_what_it_does() -> None:
    cue, wall = MotionCue(), np.full((240, 320, 3), 128, np.uint8)
    found = Cues()
    for index in range(2):
        image, face = scene(*SIZES[0], (4.0 * index, 0.0), False)
        around = np.s_[int(face.y) - 20 :, int(face.x) - 20 : int(face.x + face.width) + 20]
        even = wall.copy()
        even[around] = image.image[around]
        cue.follow(Sight(Bgr(even), face, 10 + index / 2))
        found = cue.see(Sight(Bgr(even), face, 10 + index / 2), Cues())
    assert found.shift is not None and found.carried is None


def test_motion_is_followed_in_frames_that_are_not_viewed_and_told_once() -> None:
    cue = MotionCue()
    for index in range(3):
        sight = Sight(*scene(*SIZES[0], (6.0 * min(index, 1), 0.0), False), 10.0 + 0.3 * index)
        cue.follow(sight)
        if index == 1:
            assert cue.see(sight, Cues()).shift == pytest.approx(6 / 72, rel=0.15)
            assert cue.see(sight, Cues()) == Cues()


@pytest.mark.parametrize("turned", [0, 8])
def test_a_frame_around_a_face_is_found_and_a_wall_is_none(turned: float) -> None:
    image, face = scene(*SIZES[1], (0.0, 0.0), False)
    assert BorderCue().see(Sight(image, face, 1.0), Cues()).border == pytest.approx(0.3, abs=0.3)
    x, y, side = face.x + face.width / 2, face.y + face.height / 2, face.width
    turn = cv2.getRotationMatrix2D((x, y), turned, 1.0)
    corners = np.array([[-1.1, -1.2], [1.1, -1.2], [1.1, 1.5], [-1.1, 1.5]]) * side + (x, y)
    sheet = cv2.transform(corners[None], turn)[0]
    cv2.polylines(image.image, [sheet.astype(np.int32)], True, (250, 250, 250), round(0.12 * side))
    marks = cv2.transform(face.landmarks[None], turn)[0].astype(np.float32)
    held = Face(face.x, face.y, face.width, face.height, marks, 0.9)
    assert (BorderCue().see(Sight(image, held, 1.0), Cues()).border or 0) >= BORDER


def test_the_end_of_the_picture_is_no_frame() -> None:
    image, face = scene(*SIZES[1], (0.0, 0.0), False)
    left, top = round(face.x - 0.5 * face.width), round(face.y - 0.5 * face.width)
    near = image.image[top : top + round(2.2 * face.width), left : left + 2 * round(face.width)].copy()
    marks = face.landmarks - np.array([left, top], np.float32)
    seen = Face(face.x - left, face.y - top, face.width, face.height, marks, 0.9)
    assert (BorderCue().see(Sight(Bgr(near), seen, 1.0), Cues()).border or 0) < BORDER


def test_an_outline_is_looked_for_now_and_then() -> None:
    cue, (image, face) = BorderCue(), scene(*SIZES[0], (0.0, 0.0), False)
    looked = [cue.see(Sight(image, face, 1 + quarter / 4), Cues()).border is not None for quarter in range(5)]
    assert looked == [True, False, True, False, True]


def test_two_edges_are_no_frame() -> None:
    """A door post on one side and a shelf above: a frame has three sides at least."""
    image, face = scene(*SIZES[1], (0.0, 0.0), False)
    x, y, side = face.x + face.width / 2, face.y + face.height / 2, face.width
    left, top, right, bottom = (
        round(each) for each in (x - 1.1 * side, y - 1.2 * side, x + 1.1 * side, y + 1.5 * side)
    )
    for end in ((right, top), (left, bottom)):
        cv2.line(image.image, (left, top), end, (250, 250, 250), round(0.12 * side))
    assert (BorderCue().see(Sight(image, face, 1.0), Cues()).border or 0) < BORDER


def waved(
    size: tuple[int, int, int], views: int, wave: tuple[float, float], goes: float = 0.0, depth: float = 0.03
) -> float | None:
    """What the cue makes of a face that moves under a wave so many pixels long across and down; the wave goes so many
    pixels from view to view."""
    cue, found = PatternCue(), Cues()
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    for index in range(views):
        image, face = scene(*size, (0.03 * size[2] * np.sin(index), 0.0), False)
        light = 1 + depth * np.sin(2 * np.pi * ((x - goes * index) / wave[0] + y / wave[1]))
        seen = np.clip(image.image * light[..., None], 0, 255).astype(np.uint8)
        found = cue.see(Sight(Bgr(seen), face, 10 + index / 25), Cues())
    return found.pattern


NONE = 1e9
"""Pixels of a wave that is not seen to be one."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wave", [(3.1, 5.3), (6.7, -4.1), (4.4, 7.9)])
def test_a_fine_wave_that_stands_still_on_a_face_is_seen(size: tuple[int, int, int], wave: tuple[float, float]) -> None:
    assert (waved(size, LEAST_VIEWS, wave) or 0) >= PATTERN
    assert (waved(size, 12, wave) or 0) >= PATTERN


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("wave", "goes", "depth"),
    [
        ((NONE, NONE), 0.0, 0.0),
        ((NONE, 4.0), 0.0, 0.1),  # lines of a sensor, a lamp that flickers
        ((8.0, NONE), 0.0, 0.1),  # blocks of compression
        ((20.0, 30.0), 0.0, 0.3),  # the shadow of a blind
        ((3.1, 5.3), 0.8, 0.03),  # a woven veil, on somebody who moves
        ((6.7, -4.1), -1.3, 0.03),
    ],
)
def test_a_face_is_no_pattern_and_neither_is_what_goes_with_it_or_what_cameras_draw(
    size: tuple[int, int, int], wave: tuple[float, float], goes: float, depth: float
) -> None:
    found = waved(size, 12, wave, goes, depth)
    assert found is not None and found < PATTERN


def test_a_pattern_is_told_of_a_face_that_is_large_enough_and_stayed_where_it_was() -> None:
    assert waved(SIZES[0], LEAST_VIEWS - 1, (3.1, 5.3)) is None
    assert waved((320, 240, SIDE - 1), 9, (3.1, 5.3)) is None
    cue = PatternCue()
    for index in range(2 * LEAST_VIEWS):
        sight = Sight(*scene(640, 240, 72, (30.0 * index - 60, 0.0), False), 10 + 0.3 * index)
        assert cue.see(sight, Cues()).pattern is None


def test_without_networks_nothing_is_measured() -> None:
    image, face = scene(*SIZES[0], (0.0, 0.0), False)
    assert watcher(available=False).see(image, face, 1.0) == Cues() != watcher(available=True).see(image, face, 1.0)
