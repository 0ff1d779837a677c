"""Clips as they are shown to a gate in evaluations: a picture, a video, or a folder of the frames of one clip.

A folder's files end in the number of the frame in its source, so that their times are known although some are missing.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import av
from av.error import FFmpegError

from edge.capture import upright
from edge.collection import SUFFIXES as PICTURES
from edge.errors import EdgeError, PhotoError
from edge.photos import Decoder
from edge.picture import Bgr, Picture

VIDEOS = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".gif", ".m4v", ".mpg", ".mpeg", ".wmv", ".ts", ".3gp"})
NUMBER = re.compile(r"(\d+)$")
LARGEST = 30_000_000
"""Bytes of a picture that are read."""

Timed = Iterator[tuple[Picture | None, float]]
"""Pictures with their seconds; None is one that cannot be read."""


def clips(folder: Path) -> list[Path]:
    """The entries of a folder, sorted; EdgeError when it holds none."""
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        text, hint = "{path} cannot be read: {why}", "name a directory with pictures, videos or folders of frames"
        raise EdgeError(text, hint, path=folder, why=error.strerror) from error
    found = [path for path in entries if path.is_dir() or path.suffix.lower() in PICTURES | VIDEOS]
    if not found:
        hint = "name a directory with pictures, videos or folders of frames"
        raise EdgeError("{path} holds no clips", hint, path=folder)
    return found


def frames(clip: Path, fps: float, decoder: Decoder) -> Timed:
    """What a clip shows, in order. `fps` is that of the source which a folder's frames are numbered in."""
    if clip.is_dir():
        return _folder(clip, fps, decoder)
    if clip.suffix.lower() in PICTURES:
        return iter([(_picture(clip, decoder), 0.0)])
    return _video(clip)


def _folder(clip: Path, fps: float, decoder: Decoder) -> Timed:
    files = [path for path in clip.iterdir() if path.suffix.lower() in PICTURES and not path.name.startswith(".")]
    for number, path in sorted((_number(path), path) for path in files):
        yield _picture(path, decoder), number / fps


def _number(path: Path) -> int:
    found = NUMBER.search(path.stem)
    if not found:
        hint = "name each frame by its number in the clip, such as frame-0012.jpg"
        raise EdgeError("{path} does not end in a frame number", hint, path=path)
    return int(found[1])


def _picture(path: Path, decoder: Decoder) -> Picture | None:
    try:
        with path.open("rb") as file:
            return Bgr(decoder.image(path, file.read(LARGEST + 1)))
    except (OSError, PhotoError):
        return None


def _video(clip: Path) -> Timed:
    """Until its end, or to where it cannot be decoded any more."""
    last = -1.0
    try:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                if frame.time is not None and frame.time > last:
                    last = float(frame.time)
                    yield Bgr(upright(frame)), last
    except (FFmpegError, OSError, IndexError, ValueError):
        yield None, last
