"""Photos from anywhere, read safely: the file is checked, and a process of its own decodes it within limits.

A picture that crashes the decoder, never ends or wants all the memory costs that process, and is an error here.
"""

import contextlib
import io
import os
import re
import resource
import stat
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Self

import cv2
import numpy as np

from edge.errors import PhotoError, Phrase
from edge.i18n import N_
from edge.picture import Image

LARGEST_BYTES = 30_000_000
MOST_PIXELS = 100_000_000
LEAST_SIDE = 80
"""Pixels: under this no face can be recognised."""
MOST_TIMES = 4
"""A picture whose one side is more than so many times the other is no photo of a person, and dear to search."""
TIMEOUT_S = 20
MEMORY = 4 << 30
"""Address space of the decoding process: the libraries, and a few copies of the largest picture."""

PNG = b"\x89PNG\r\n\x1a\n"
FORMATS = {"JPEG": rb"\xff\xd8\xff", "PNG": re.escape(PNG), "WebP": rb"(?s:RIFF.{4}WEBP)", "BMP": rb"BM"}
"""How a file of the format begins; by the same bytes OpenCV chooses the decoder, and it has others."""
LENGTH = struct.Struct(">Q")
WHOLE, DAMAGED, TOO_LARGE = b"+", b"-", b"#"
"""What the decoding process says of a picture before its length and its array."""


def read(path: Path) -> Image:
    """The picture as BGR (h, w, 3), turned upright as its camera says; PhotoError tells why it cannot be used."""
    data = content(path)
    with Decoder() as decoder:
        return decoder.image(path, data)


class Decoder:
    """The process that decodes, for one picture after another; one that it does not survive costs only that one."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def image(self, name: object, data: bytes, of_person: bool = True) -> Image:
        """A picture from its file's bytes, as `read` gives it; `name` is what errors call it.

        One that is not `of_person`, and is not searched, may be as long as a panorama.
        """
        if len(data) > LARGEST_BYTES:
            hint = "make it smaller: a face needs no more than a few hundred pixels"
            limit = LARGEST_BYTES // 1_000_000
            raise PhotoError("{path} is larger than {limit} MB", hint, path=name, limit=limit, reason="too_large")
        if not any(re.match(mark, data) for mark in FORMATS.values()):
            text, hint = "{path} is not a picture in {formats}", "save it as JPEG or PNG"
            raise PhotoError(text, hint, path=name, formats=", ".join(FORMATS), reason="not_a_picture")
        if animated(data):
            raise PhotoError("{path} is animated", "save one still picture", path=name, reason="animated")
        image = self._decoded(name, data)
        height, width = image.shape[:2]
        if min(height, width) < LEAST_SIDE:
            text, hint = "{path} has only {width} x {height} pixels", "take a larger photo"
            raise PhotoError(text, hint, path=name, reason="too_few_pixels", width=width, height=height)
        if of_person and max(height, width) > MOST_TIMES * min(height, width):
            text, hint = "{path} is {width} x {height} pixels: too long for a photo", "crop it to the person"
            raise PhotoError(text, hint, path=name, reason="too_long", width=width, height=height)
        return image

    def _decoded(self, name: object, data: bytes) -> Image:
        verdict, content = self._answer(name, data)
        if verdict == TOO_LARGE:
            hint = "make it smaller: a face needs no more than a few hundred pixels"
            text = "{path} has more than {limit} million pixels"
            raise PhotoError(text, hint, path=name, limit=MOST_PIXELS // 1_000_000, reason="too_many_pixels")
        if verdict == DAMAGED:
            raise _unusable(name, N_("it is damaged or incomplete"))
        image: Image = np.load(io.BytesIO(content), allow_pickle=False)
        return image

    def _answer(self, name: object, data: bytes) -> tuple[bytes, bytes]:
        child = self._child or self._start()
        late = threading.Timer(TIMEOUT_S, child.kill)
        late.start()
        try:
            return _asked(child, data)
        except EOFError as error:
            in_time, ended = late.is_alive(), self._end()
            if not in_time:
                raise _unusable(name, N_("decoding it takes too long")) from error
            why = N_("it crashes the decoder") if ended < 0 else N_("it is damaged or incomplete")
            raise _unusable(name, why) from error
        finally:
            late.cancel()

    def _start(self) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "OPENCV_IO_MAX_IMAGE_PIXELS": str(MOST_PIXELS)}
        command = [sys.executable, "-m", "edge.photos"]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment)
        return self._child

    def _end(self) -> int:
        """Let the process go; its exit status."""
        child, self._child = self._child, None
        if child is None:
            return 0
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        return child.wait()


def animated(data: bytes) -> bool:
    """Whether a PNG or WebP says that it is several pictures: APNG's acTL before the data, WebP's flag in VP8X."""
    if data.startswith(PNG):
        return b"acTL" in data[: max(data.find(b"IDAT"), 0)]
    return data[8:16] == b"WEBPVP8X" and len(data) > 20 and bool(data[20] & 2)


def _asked(child: "subprocess.Popen[bytes]", data: bytes) -> tuple[bytes, bytes]:
    """The process's verdict on a file and the array that it made of it; EOFError when it has ended."""
    assert child.stdin
    assert child.stdout
    try:
        child.stdin.write(LENGTH.pack(len(data)) + data)
        child.stdin.flush()
    except BrokenPipeError as error:
        raise EOFError from error
    verdict = _exactly(child.stdout, 1)
    return verdict, _exactly(child.stdout, *LENGTH.unpack(_exactly(child.stdout, LENGTH.size)))


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data


def content(path: Path) -> bytes:
    """The bytes of a regular file; never waits, whatever else it is."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PhotoError("{path} is not a file", "name a photo", path=path)
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise PhotoError("{path} cannot be read: {why}", "name a photo", path=path, why=error.strerror) from error
    return data


def _unusable(path: object, why: str) -> PhotoError:
    hint = "take or export the photo again"
    return PhotoError("{path} cannot be used: {why}", hint, path=path, why=Phrase(why), reason="damaged")


def _decode() -> int:
    """The child: files on standard input, arrays on standard output, each after its length."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while header := sys.stdin.buffer.read(LENGTH.size):
        data = np.frombuffer(_exactly(sys.stdin.buffer, *LENGTH.unpack(header)), np.uint8)
        content = io.BytesIO()
        try:
            image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        except cv2.error as error:
            image, verdict = None, TOO_LARGE if "CV_IO_MAX_IMAGE_PIXELS" in str(error) else DAMAGED
        else:
            verdict = DAMAGED if image is None else WHOLE
        if image is not None:
            np.save(content, image, allow_pickle=False)
        sys.stdout.buffer.write(verdict + LENGTH.pack(content.tell()) + content.getbuffer())
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(_decode())
