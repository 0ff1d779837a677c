"""One RTSP camera (H.264 or H.265 over TCP): the newest frame and its true age, or a typed reason for silence.

PyAV is hidden here. A thread reads and decodes everything, as fast as it comes, into a slot for one frame; who
takes frames slowly gets fewer, never older ones. Every wait has a deadline. The password is only ever in the
URL that is handed to libav: its log is off, and its messages, which repeat the URL, are not passed on.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from urllib.parse import quote, urlsplit, urlunsplit
from zlib import crc32

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.error import FFmpegError
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange

from edge.arrival import ArrivalClock
from edge.config import CameraSection
from edge.errors import in_english
from edge.link import Link
from edge.picture import Yuv
from edge.sender import SenderReports
from edge.terms import Status

OPTIONS = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    # The session description names the codec, so nothing need be probed. `nobuffer` is left out on purpose: it
    # throws away what is read while opening, and with it the key frame that decoding has to begin with.
    "analyzeduration": "0",
    "export_side_data": "prft",  # what `edge.sender` reads
}
CODECS = frozenset({"h264", "hevc"})
PLANAR = frozenset({"yuv420p", "yuvj420p"})
LATE_S = 0.5
"""A frame that is older when it is decoded is backlog: passed over, so that the newest is reached sooner."""
PATIENCE_S = 12.0
"""How long a stream may go on without a usable frame; longer than the longest usual key-frame interval."""
RESOLVER_S = 30.0
"""The resolver of the C library knows no deadline; this is how long it may take."""

Allow = Callable[[float], None]
"""Moves the deadline of the reading thread to so many seconds from now."""

OPENING: dict[type[FFmpegError], Status] = {
    **dict.fromkeys((av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError), Status.UNAUTHORIZED),
    av.error.HTTPNotFoundError: Status.NOT_FOUND,
    av.error.ConnectionRefusedError: Status.REFUSED,
}
READING: dict[type[FFmpegError], Status] = {
    av.error.ExitError: Status.STALLED,
    av.error.TimeoutError: Status.STALLED,
    av.error.InvalidDataError: Status.BROKEN,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture. `captured` is monotonic seconds; `index` counts what came, frames not taken too."""

    picture: Yuv
    captured: float
    index: int
    decode_ms: float


@dataclass(frozen=True, slots=True)
class State:
    """How the stream is, and in words why."""

    status: Status
    detail: str


class Camera:
    """Connects, reads and connects again until closed; every failure is a State, none an exception.

    With `key_frames` only those are decoded, one in a second or two: a hundredth of the work.
    """

    def __init__(self, section: CameraSection, password: str, key_frames: bool = False) -> None:
        self._section, self._url, self._key_frames = section, _with_credentials(section, password), key_frames
        self._link = Link(section.read_timeout_s, seed=crc32(section.name.encode()))
        self._news = deque([State(self._link.status, "")], maxlen=16)
        self._condition, self._closed = threading.Condition(), threading.Event()
        self._slot: _Decoded | None = None
        self._index = 0
        self._reports = SenderReports()
        self._deadline = inf
        # A daemon: a call into libav that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"camera-{section.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop reading; waits for the call into libav that is under way, at most until its deadline."""
        self._closed.set()
        self._thread.join(timeout=self._section.read_timeout_s)

    def next(self, timeout: float) -> Frame | None:
        """The newest frame that was not taken yet; None when none came in time or there is news."""
        with self._condition:
            if self._slot is None and not self._news:
                self._condition.wait(timeout)
            taken, self._slot = self._slot, None
        if taken is None:
            return None
        return Frame(_yuv(taken.frame), taken.captured, taken.index, taken.decode_ms)

    def news(self) -> list[State]:
        """The states since the last call, oldest first."""
        with self._condition:
            news = list(self._news)
            self._news.clear()
        return news

    @property
    def wall(self) -> float | None:
        """The camera's UTC less this machine's monotonic clock; None while the camera does not tell."""
        return self._reports.wall.ahead

    def hung(self) -> bool:
        """Whether the reading thread is past its deadline: a native call that does not return."""
        return time.monotonic() > self._deadline

    def _run(self) -> None:
        while not self._closed.is_set():
            self._link.tried()
            try:
                self._read()
            except _Failure as failure:
                self._reports = SenderReports()  # what the camera told ends with its connection
                now = time.monotonic()
                self._tell(self._link.failed(failure.status, now, failure.detail))
                self._allow(inf)
                self._closed.wait((self._link.next_try or now) - now)

    def _read(self) -> None:
        """One connection, from opening to its failure."""
        size: tuple[int, int] | None = None
        with _open(self._url, self._section, self._allow) as container:
            reader = _Reader(container, self._section, self._allow, self._reports, self._key_frames)
            for decoded in reader.frames(self._index):
                if size not in (None, decoded.size):
                    self._tell(self._link.up(time.monotonic(), Status.CHANGED, "{} x {}".format(*decoded.size)))
                size, self._index = decoded.size, decoded.index
                self._tell(self._link.up(time.monotonic()))
                with self._condition:
                    self._slot = decoded
                    self._condition.notify()
                if self._closed.is_set():
                    return

    def _allow(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def _tell(self, news: bool) -> None:
        if news:
            with self._condition:
                self._news.append(State(self._link.status, self._link.detail))
                self._condition.notify()


class _Failure(Exception):
    """The connection is over. Never carries a text of libav that repeats the URL."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(status, detail)
        self.status, self.detail = status, detail


@dataclass(frozen=True, slots=True)
class _Decoded:
    frame: av.VideoFrame
    captured: float
    index: int
    decode_ms: float

    @property
    def size(self) -> tuple[int, int]:
        return self.frame.width, self.frame.height


def _open(url: str, section: CameraSection, allow: Allow) -> InputContainer:
    limits, begun = (section.open_timeout_s, section.read_timeout_s), time.monotonic()
    allow(2 * section.open_timeout_s + RESOLVER_S)
    try:
        return av.open(url, options=dict(OPTIONS), timeout=limits)
    except FFmpegError as error:
        if time.monotonic() - begun >= section.open_timeout_s:
            silent = in_english("no answer within {seconds:g} s", seconds=section.open_timeout_s)
            raise _Failure(Status.UNREACHABLE, silent) from None
        raise _Failure(_status(error, OPENING, Status.UNREACHABLE), str(error.strerror)) from None


def _status(error: FFmpegError, table: dict[type[FFmpegError], Status], other: Status) -> Status:
    return next((status for kind, status in table.items() if isinstance(error, kind)), other)


class _Reader:
    """Reads one connection to its end."""

    def __init__(
        self, container: InputContainer, section: CameraSection, allow: Allow, reports: SenderReports, key_frames: bool
    ) -> None:
        if not container.streams.video or container.streams.video[0].codec_context.name not in CODECS:
            raise _Failure(Status.BROKEN, in_english("the stream has no H.264 or H.265 video"))
        self._container, self._stream = container, container.streams.video[0]
        self._read_timeout, self._allow, self._key_frames = section.read_timeout_s, allow, key_frames
        # Frame threads would hold back as many frames as there are threads; one eye runs on one core anyway.
        self._stream.codec_context.thread_count = 1
        if key_frames:
            self._stream.codec_context.skip_frame = "NONKEY"
        self._clock, self._reports, self._late = ArrivalClock(), reports, False

    def frames(self, index: int) -> Iterator[_Decoded]:
        """Every usable frame, counted from `index` on; ends only by raising _Failure."""
        used = time.monotonic()
        for packet in self._packets():
            begun = time.thread_time()
            decoded = self._decode(packet)
            decode_ms = 1000 * (time.thread_time() - begun)
            now = time.monotonic()
            for frame in decoded:
                index += 1
                captured = self._captured(frame, now)
                if captured is not None:
                    used = now
                    yield _Decoded(frame, captured, index, decode_ms)
            if now - used > PATIENCE_S:
                raise self._fruitless()

    def _packets(self) -> "Iterator[av.Packet[av.VideoStream]]":
        """Packets as they arrive, each told to the clock."""
        self._allow(2 * self._read_timeout)
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:  # what flushes the decoder at the end has none
                    pts = self._seconds(packet.pts)
                    self._clock.arrived(pts, time.monotonic())
                    self._reports.read(packet, self._clock.captured(pts))
                    yield packet
                self._allow(2 * self._read_timeout)
        except FFmpegError as error:
            status = _status(error, READING, Status.ENDED)
            silent = in_english("nothing came for {seconds:g} s", seconds=self._read_timeout)
            raise _Failure(status, silent if status is Status.STALLED else str(error.strerror)) from None
        raise _Failure(Status.ENDED, in_english("the camera ended the stream"))

    def _decode(self, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
        """Whole frames only: what libav had to patch up is no evidence. Of a key frame that is no IDR it says so
        whenever others were left out before it, although it needs none."""
        try:
            return [frame for frame in packet.decode() if self._key_frames or not frame.is_corrupt]
        except FFmpegError:
            return []

    def _captured(self, frame: av.VideoFrame, now: float) -> float | None:
        captured = self._clock.captured(self._seconds(frame.pts))
        self._late = captured is not None and now - captured > LATE_S
        return None if self._late else captured

    def _seconds(self, pts: int | None) -> float | None:
        return None if pts is None or self._stream.time_base is None else float(pts * self._stream.time_base)

    def _fruitless(self) -> _Failure:
        if self._late:
            return _Failure(Status.STALLED, in_english("frames came late for {seconds:g} s", seconds=PATIENCE_S))
        return _Failure(Status.BROKEN, in_english("no frame could be decoded for {seconds:g} s", seconds=PATIENCE_S))


def _yuv(frame: av.VideoFrame) -> Yuv:
    """The planes of a frame, without a copy where its format is already planar 4:2:0."""
    planar = frame if frame.format.name in PLANAR else frame.reformat(format="yuv420p")
    y, u, v = (_plane(plane) for plane in planar.planes)
    return Yuv(y, u, v, full_range=planar.color_range == ColorRange.JPEG or planar.format.name == "yuvj420p")


def _plane(plane: VideoPlane) -> npt.NDArray[np.uint8]:
    """(height, width) uint8, read-only; rows lie `line_size` bytes apart."""
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
    rows.flags.writeable = False
    return rows


def _with_credentials(section: CameraSection, password: str) -> str:
    parts = urlsplit(section.url)
    if not section.username:
        return section.url
    return urlunsplit(parts._replace(netloc=f"{quote(section.username, '')}:{quote(password, '')}@{parts.netloc}"))
