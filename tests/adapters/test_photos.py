"""Photos as people and enemies hand them in: each is read whole, or refused with the reason and a way out."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import photos
from edge.errors import PhotoError

SCENE = cv2.resize(np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8), (300, 200))


def encoded(extension: str) -> bytes:
    return cv2.imencode(extension, SCENE)[1].tobytes()


def saved(directory: Path, content: bytes) -> Path:
    path = directory / "photo.jpg"
    path.write_bytes(content)
    return path


def png(width: int, height: int) -> bytes:
    """A PNG that unpacks to width x height grey pixels from next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes((width + 1) * 100), 9)), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def animated() -> bytes:
    """A PNG that says it has several frames."""
    still, told = encoded(".png"), b"acTL" + struct.pack(">II", 2, 0)
    return still[:33] + struct.pack(">I", 8) + told + struct.pack(">I", zlib.crc32(told)) + still[33:]


def sideways(jpeg: bytes) -> bytes:
    """The picture with an EXIF note that the camera was turned by 90 degrees (orientation 6)."""
    tiff = b"MM\x00\x2a" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".bmp"])
def test_a_good_photo_is_read_whatever_its_name(tmp_path: Path, extension: str) -> None:
    image = photos.read(saved(tmp_path, encoded(extension)))
    assert image.shape == SCENE.shape and np.abs(image.astype(int) - SCENE).mean() < 12


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    image = photos.read(saved(tmp_path, sideways(encoded(".jpg"))))
    assert image.shape == (300, 200, 3)
    assert np.abs(image.astype(int) - np.rot90(SCENE, -1)).mean() < 12


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a picture in"),
        (b"%PDF-1.7 not a photo", "is not a picture in"),
        (encoded(".tiff"), "is not a picture in"),
        (encoded(".tiff")[:8] + b"WEBP" + encoded(".tiff")[12:], "is not a picture in"),
        (b"GIF89a" + bytes(99), "is not a picture in"),
        (animated(), "is animated"),
        (b"RIFF....WEBPVP8X" + struct.pack("<I", 10) + b"\x02" + bytes(99), "is animated"),
        (encoded(".jpg")[:4000], "damaged or incomplete"),
        (encoded(".png")[:4000], "damaged or incomplete"),
        (encoded(".webp")[:900], "damaged or incomplete"),
        (encoded(".jpg")[:100], "damaged or incomplete"),
        (png(30_000, 30_000), "more than 100 million pixels"),
        (cv2.imencode(".png", SCENE[:1, :1])[1].tobytes(), "has only 1 x 1 pixels"),
        (cv2.imencode(".png", np.zeros((60_000, 80), np.uint8))[1].tobytes(), "80 x 60000 pixels: too long"),
        (b"\xff\xd8\xff" + bytes(photos.LARGEST_BYTES), "larger than 30 MB"),
    ],
)
def test_a_bad_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(PhotoError, match=reason) as caught:
        photos.read(saved(tmp_path, content))
    assert caught.value.hint


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path, "Is a directory"),
        (tmp_path / "none.jpg", "No such file"),
        (tmp_path / "pipe", "not a file"),
        (Path("/dev/zero"), "not a file"),
    ]:
        with pytest.raises(PhotoError, match=reason):
            photos.read(path)


@pytest.mark.parametrize(
    ("decoder", "patience_s", "reason"),
    [("import os; os.abort()", 60, "crashes the decoder"), ("import time; time.sleep(60)", 1, "takes too long")],
)
def test_a_picture_that_breaks_the_decoder_breaks_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoder: str, patience_s: int, reason: str
) -> None:
    (tmp_path / "cv2.py").write_text(decoder)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(photos, "TIMEOUT_S", patience_s)
    with pytest.raises(PhotoError, match=reason):
        photos.read(saved(tmp_path, encoded(".jpg")))
