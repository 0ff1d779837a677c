"""Planes and BGR must show the same picture, whatever is taken from it."""

import cv2
import numpy as np
import pytest

from edge.picture import Bgr, Image, Yuv

COLOURS = {  # Y, Cb, Cr of full red, green and blue in limited range: ITU-R BT.601 and BT.709
    480: [(81, 90, 240), (145, 54, 34), (41, 240, 110)],
    720: [(63, 102, 240), (173, 42, 26), (32, 240, 118)],
}


def scenery(width: int, height: int) -> Image:
    """Smooth colours, so that what 4:2:0 loses does not matter."""
    small = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def planes(image: Image) -> Yuv:
    """The picture as a decoder gives it (BT.601, limited range), its rows padded to 64 bytes more."""
    height, width = image.shape[:2]
    flat = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    y, u, v = flat[:height], *flat[height:].reshape(2, height // 2, width // 2)
    return Yuv(*(np.pad(plane, ((0, 0), (0, 64)))[:, : plane.shape[1]] for plane in (y, u, v)))


@pytest.mark.parametrize("lines", COLOURS)
def test_colours_follow_the_standard_that_the_height_implies(lines: int) -> None:
    for channel, (y, u, v) in zip((2, 1, 0), COLOURS[lines], strict=True):
        half = (lines // 2, lines // 2)
        picture = Yuv(
            *(np.full(shape, value, np.uint8) for shape, value in (((lines, lines), y), (half, u), (half, v)))
        )
        wanted = np.zeros(3)
        wanted[channel] = 255
        assert np.abs(picture.scaled(32, 32)[16, 16] - wanted).max() <= 3


def test_planes_and_bgr_scale_to_the_same_picture() -> None:
    image = scenery(640, 480)
    for size in ((640, 480), (320, 256), (160, 128), (96, 64)):
        difference = np.abs(planes(image).scaled(*size).astype(int) - Bgr(image).scaled(*size))
        assert difference.mean() < 1 + 320 / size[0], "what half as much chroma loses, the smaller the more"


@pytest.mark.parametrize("scale", [2.0, 0.7, 0.15])
def test_planes_and_bgr_give_the_same_crop(scale: float) -> None:
    image = scenery(640, 480)
    turn = scale * np.array([[0.8, -0.6], [0.6, 0.8]])
    matrix = np.column_stack([turn, (56, 56) - turn @ (300, 200)]).astype(np.float32)
    crop = planes(image).warped(matrix, (112, 112))
    assert np.abs(crop.astype(int) - Bgr(image).warped(matrix, (112, 112))).mean() < 2
    grey = planes(image).luma(matrix, (112, 112)).astype(int)
    assert np.abs(grey - Bgr(image).luma(matrix, (112, 112))).mean() < 2


def test_a_crop_shows_the_pixels_that_its_matrix_names() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[100:180, 200:280] = 255
    for scale, smooth in ((1.0, True), (0.25, True), (0.25, False)):
        matrix = np.array([[scale, 0, 10 - 200 * scale], [0, scale, 20 - 100 * scale]], np.float32)
        rows, columns = np.nonzero(Bgr(image).warped(matrix, (120, 120), smooth)[..., 0] > 127)
        assert (columns.min(), rows.min()) == pytest.approx((10, 20), abs=1)
        assert (columns.max(), rows.max()) == pytest.approx((9 + 80 * scale, 19 + 80 * scale), abs=1)


def test_what_is_outside_the_picture_is_black() -> None:
    image = np.full((64, 64, 3), 200, np.uint8)
    matrix = np.array([[1, 0, 32], [0, 1, 0]], np.float32)
    for picture in (Bgr(image), planes(image)):
        crop = picture.warped(matrix, (64, 64))
        assert crop[:, :31].max() <= 3
        assert crop[:, 34:].min() >= 195


def test_fine_detail_is_averaged_unless_the_crop_is_wanted_raw() -> None:
    board = (np.indices((480, 640)).sum(0) % 2 * 255).astype(np.uint8)
    picture = Bgr(cv2.merge([board] * 3))
    matrix = np.array([[0.26, 0, 0], [0, 0.26, 0]], np.float32)
    assert picture.warped(matrix, (100, 100))[5:95, 5:95].std() < 10
    assert picture.warped(matrix, (100, 100), smooth=False)[5:95, 5:95].std() > 30


def test_a_part_shows_what_the_whole_picture_shows_there_in_its_colours() -> None:
    """Also from a picture of 720 lines, whose colours are those of high definition however small the part."""
    image = scenery(1280, 720)
    for picture in (Bgr(image), planes(image)):
        part = picture.part(402, 300, 96)
        assert (part.width, part.height) == (96, 96)
        matrix = np.array([[1, 0, -402], [0, 1, -300]], np.float32)
        inner = np.abs(part.scaled(96, 96).astype(int) - picture.warped(matrix, (96, 96)))[2:-2, 2:-2]
        assert inner.max() <= 3
