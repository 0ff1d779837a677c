"""QR codes as a camera sees them: small, tilted, on a bright screen, among other things."""

import itertools

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from edge.codes import AGAIN_S, EVERY_S, LIVELY_S, STILL_S, WIDEST, Codes, read

Image = NDArray[np.uint8]
TOKEN = "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiZWRnZS1nYXRlLXBhc3Mrand0Iiwia2lkIjoiZGVzayJ9." + "x" * 200
"""As long as the desk's passes are."""


def scene(pixels: int, text: str = TOKEN, size: tuple[int, int] = (1920, 1080), angle: float = 0.0) -> Image:
    """A grey picture with noise and a code at so many pixels a module, turned by `angle` degrees."""
    rng = np.random.default_rng(1)
    picture = rng.integers(70, 130, (size[1], size[0]), np.uint8)
    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(scale=pixels, border=4)]
    code = 235 - np.array(rows, np.uint8) * 200
    top, left = (size[1] - code.shape[0]) // 2, (size[0] - code.shape[1]) // 2
    picture[top : top + code.shape[0], left : left + code.shape[1]] = code
    turn = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), angle, 1.0)
    blurred = cv2.GaussianBlur(cv2.warpAffine(picture, turn, size), (3, 3), 0.7)
    return np.asarray(blurred, np.uint8)


@pytest.mark.parametrize("angle", [0.0, 7.0, 45.0, 90.0, 180.0])
@pytest.mark.parametrize("pixels", [4, 6])
def test_a_pass_is_read_from_four_pixels_a_module_on_in_any_position(pixels: int, angle: float) -> None:
    assert read(scene(pixels, angle=angle)) == [TOKEN]


def test_a_wide_picture_is_read_too_and_one_whose_rows_are_apart() -> None:
    assert read(scene(8, size=(WIDEST * 2, 2160))) == [TOKEN]
    padded = np.zeros((1080, 2048), np.uint8)
    padded[:, :1920] = scene(4)
    assert read(padded[:, :1920]) == [TOKEN]


def test_what_is_no_text_of_a_pass_is_left_out() -> None:
    assert read(scene(3, text="a" * 1_100)) == []
    assert read(np.full((1080, 1920), 100, np.uint8)) == []


def test_a_code_that_is_held_up_is_told_now_and_then_and_looked_for_seldom() -> None:
    codes, picture = Codes(), scene(4)
    told = [at for at in (index * 0.05 for index in range(41)) if codes.new(picture, at)]
    assert told[0] == 0.0 and all(later - sooner >= AGAIN_S for sooner, later in itertools.pairwise(told))
    assert 3 <= len(told) <= 2.0 / AGAIN_S + 1
    assert codes.new(picture, 9.0) and not codes.new(scene(4, "another"), 9.0 + EVERY_S / 2)
    assert codes.new(scene(4, "another"), 9.0 + EVERY_S) == ["another"]


def noisy(picture: Image, seed: int) -> Image:
    """As the sensor sees it another time: each pixel some grey levels off."""
    off = np.random.default_rng(seed).normal(0.0, 6.0, picture.shape)
    return np.asarray(np.clip(picture + off, 0, 255), np.uint8)


def test_an_idle_scene_is_searched_seldom_whatever_its_noise_and_a_code_that_comes_up_at_once() -> None:
    searched: list[float] = []
    now = 0.0

    def search(luma: Image) -> list[str]:
        searched.append(now)
        return read(luma)

    codes, hall = Codes(search), np.full((1080, 1920), 100, np.uint8)
    shown = hall.copy()
    rows = [list(row) for row in segno.make(TOKEN, error="l", micro=False).matrix_iter(scale=4, border=4)]
    shown[400 : 400 + len(rows), 700 : 700 + len(rows[0])] = 235 - np.array(rows, np.uint8) * 200
    for number in range(60):
        now = number * EVERY_S
        assert codes.new(noisy(hall, number), now) == []
    idle = [at for at in searched if at > LIVELY_S + EVERY_S]
    assert len(idle) <= (now - LIVELY_S) / STILL_S + 1, "nothing moves"
    assert max(later - sooner for sooner, later in itertools.pairwise(searched)) <= STILL_S + EVERY_S
    assert codes.new(noisy(shown, 99), now + EVERY_S) == [TOKEN], "at the next glance"
    before = len(searched)
    for number in range(2, 10):
        codes.new(noisy(shown, 99 + number), now + number * EVERY_S)
    assert len(searched) - before == 8, "and looked at closely for a while"
