"""Photos from anywhere, read safely: the file is checked, and a process of its own decodes it within limits.

A picture that crashes the decoder, never ends or wants all the memory costs that process, and is an error here.
"""

import io
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from edge.errors import PhotoError, Phrase
from edge.i18n import N_
from edge.picture import Image

LARGEST_BYTES = 30_000_000
MOST_PIXELS = 100_000_000
LEAST_SIDE = 80
"""Pixels: under this no face can be recognised."""
TIMEOUT_S = 20
MEMORY = 4 << 30
"""Address space of the decoding process: the libraries, and a few copies of the largest picture."""

FORMATS = {"JPEG": (0, b"\xff\xd8\xff"), "PNG": (0, b"\x89PNG\r\n\x1a\n"), "WebP": (8, b"WEBP"), "BMP": (0, b"BM")}
"""Where in a file which bytes tell the format."""


def read(path: Path) -> Image:
    """The picture as BGR (h, w, 3), turned upright as its camera says; PhotoError tells why it cannot be used."""
    data = _content(path)
    if not any(data.startswith(mark, start) for start, mark in FORMATS.values()):
        hint = "save it as JPEG or PNG"
        raise PhotoError("{path} is not a picture in {formats}", hint, path=path, formats=", ".join(FORMATS))
    image = _decoded(path, data)
    if min(image.shape[:2]) < LEAST_SIDE:
        text = "{path} has only {width} x {height} pixels"
        raise PhotoError(text, "take a larger photo", path=path, width=image.shape[1], height=image.shape[0])
    return image


def _content(path: Path) -> bytes:
    """The bytes of a regular file; never waits, whatever else it is."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PhotoError("{path} is not a file", "name a photo", path=path)
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise PhotoError("{path} cannot be read: {why}", "name a photo", path=path, why=error.strerror) from error
    if len(data) > LARGEST_BYTES:
        hint = "make it smaller: a face needs no more than a few hundred pixels"
        raise PhotoError("{path} is larger than {limit} MB", hint, path=path, limit=LARGEST_BYTES // 1_000_000)
    return data


def _decoded(path: Path, data: bytes) -> Image:
    environment = {**os.environ, "OPENCV_IO_MAX_IMAGE_PIXELS": str(MOST_PIXELS)}
    command = [sys.executable, "-m", "edge.photos"]
    try:
        child = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise _unusable(path, N_("decoding it takes too long")) from error
    if child.returncode < 0:
        raise _unusable(path, N_("it crashes the decoder"))
    if b"CV_IO_MAX_IMAGE_PIXELS" in child.stderr:
        hint = "make it smaller: a face needs no more than a few hundred pixels"
        raise PhotoError("{path} has more than {limit} million pixels", hint, path=path, limit=MOST_PIXELS // 1_000_000)
    if child.returncode:
        raise _unusable(path, N_("it is damaged or incomplete"))
    image: Image = np.load(io.BytesIO(child.stdout), allow_pickle=False)
    return image


def _unusable(path: Path, why: str) -> PhotoError:
    return PhotoError("{path} cannot be used: {why}", "take or export the photo again", path=path, why=Phrase(why))


def _decode() -> int:
    """The child: a file on standard input, an array on standard output, the libraries' complaints on standard error."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data = np.frombuffer(sys.stdin.buffer.read(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        return 1
    np.save(sys.stdout.buffer, image, allow_pickle=False)
    return 0


if __name__ == "__main__":
    sys.exit(_decode())
