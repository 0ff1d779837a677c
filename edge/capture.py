"""A short film of one person, read safely: a process of its own decodes it, within limits, and gives a few pictures.

The format is that of the file's name and only files are opened: what calls itself a film sends libav to no network.
"""

import resource
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from edge.errors import PhotoError
from edge.photos import MEMORY
from edge.picture import Image

FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "matroska", ".avi": "avi"}
EVERY_S, MOST = 0.4, 40
"""A picture so often, and so many at most: the first sixteen seconds."""
MOST_SIDE = 4096
TOO_LARGE = 3
"""The exit status of the process that found no picture of at most so many pixels."""
TIMEOUT_S = 60
HEADER = struct.Struct(">dII")
"""Seconds, height and width, before the pixels in BGR."""


def is_film(path: Path) -> bool:
    return path.suffix.lower() in FORMATS


def pictures(path: Path) -> Iterator[tuple[float, Image]]:
    """What the film shows now and then, BGR, with the seconds since its beginning; PhotoError when it shows nothing."""
    if not path.is_file():
        raise PhotoError("{path} is not a file", "name a photo", path=path)
    command = [sys.executable, "-m", "edge.capture", str(path.absolute())]
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=1 << 20
    )
    late = threading.Timer(TIMEOUT_S, child.kill)
    late.start()
    some = False
    try:
        while picture := _next(child):
            some = True
            yield picture
        child.wait()
    finally:
        late.cancel()
        child.kill()
        child.communicate()
    if not some and child.returncode == TOO_LARGE:
        text, hint = "{path} is wider or higher than {limit} pixels", "record it smaller: Full HD is enough"
        raise PhotoError(text, hint, path=path, limit=MOST_SIDE, reason="too_many_pixels")
    if not some:
        hint = "record it again, as MP4; a few seconds are enough"
        raise PhotoError("{path} is no film that can be read", hint, path=path, reason="damaged")


def upright(frame: av.VideoFrame) -> Image:
    """A frame as BGR (h, w, 3), turned as its camera says: a telephone films lying and notes how it was held."""
    turned: Image = np.rot90(frame.to_ndarray(format="bgr24"), round(frame.rotation / 90))
    return np.ascontiguousarray(turned)


def _next(child: "subprocess.Popen[bytes]") -> tuple[float, Image] | None:
    """One more picture, or None when there is none or the process has ended within one."""
    assert child.stdout
    head = child.stdout.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    at, height, width = HEADER.unpack(head)
    pixels = child.stdout.read(height * width * 3)
    if len(pixels) < height * width * 3:
        return None
    return at, np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def _decode(path: str) -> int:
    """The child: pictures on standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    form, only = FORMATS[Path(path).suffix.lower()], {"protocol_whitelist": "file"}
    begun: float | None = None
    due, count, large = 0.0, 0, False
    try:
        with av.open(path, format=form, options=only) as film:
            for frame in film.decode(video=0):
                begun = frame.time or 0.0 if begun is None else begun
                at = float(frame.time or 0.0) - begun
                large = max(frame.width, frame.height) > MOST_SIDE
                if at < due or large:
                    continue
                due, count = at + EVERY_S, count + 1
                image = upright(frame)
                sys.stdout.buffer.write(HEADER.pack(at, *image.shape[:2]) + image.tobytes())
                if count == MOST:
                    break
    except (FFmpegError, OSError, IndexError, ValueError):
        return 1
    return TOO_LARGE if large and not count else 0


if __name__ == "__main__":
    sys.exit(_decode(sys.argv[1]))
