"""One connection to a camera over RTSP, read to its end: every usable frame and when it was captured.

PyAV is hidden here. Every wait has a deadline, which the reader moves on as it goes. libav's log is off, and its
messages, which repeat the URL with the password in it, are not passed on.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
MOST_PIXELS, LONGEST_SIDE = 36_000_000, 16_384
"""Of a picture: 8K and no more, since an eye holds several; of a longer one OpenCV takes no crop."""
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


class Failure(Exception):
    """The connection is over. Never carries a text of libav that repeats the URL."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(status, detail)
        self.status, self.detail = status, detail


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame in the decoder's own planes. `captured` is monotonic seconds; `index` counts what came."""

    frame: av.VideoFrame
    captured: float
    index: int
    decode_ms: float

    @property
    def size(self) -> tuple[int, int]:
        return self.frame.width, self.frame.height

    def picture(self) -> Yuv:
        """Its planes, without a copy where its format is already planar 4:2:0."""
        planar = self.frame if self.frame.format.name in PLANAR else self.frame.reformat(format="yuv420p")
        y, u, v = (_plane(plane) for plane in planar.planes)
        full_range = planar.color_range == ColorRange.JPEG or planar.format.name == "yuvj420p"
        return Yuv(y, u, v, full_range=full_range)


def open_stream(url: str, section: CameraSection, allow: Allow) -> InputContainer:
    """A connection that was set up; Failure with why it could not be."""
    limits, begun = (section.open_timeout_s, section.read_timeout_s), time.monotonic()
    allow(2 * section.open_timeout_s + RESOLVER_S)
    try:
        # A title in the description may be in any encoding: cameras in China send theirs in GBK.
        return av.open(url, options=dict(OPTIONS), timeout=limits, metadata_errors="replace")
    except FFmpegError as error:
        if time.monotonic() - begun >= section.open_timeout_s:
            silent = in_english("no answer within {seconds:g} s", seconds=section.open_timeout_s)
            raise Failure(Status.UNREACHABLE, silent) from None
        raise Failure(_status(error, OPENING, Status.UNREACHABLE), str(error.strerror)) from None


def _codec(stream: av.VideoStream) -> str:
    """Its name, or nothing where libav knows no decoder."""
    return stream.codec_context.name if stream.codec_context else ""


def _status(error: FFmpegError, table: dict[type[FFmpegError], Status], other: Status) -> Status:
    return next((status for kind, status in table.items() if isinstance(error, kind)), other)


class Reader:
    """Reads one connection to its end."""

    def __init__(
        self, container: InputContainer, section: CameraSection, allow: Allow, reports: SenderReports, key_frames: bool
    ) -> None:
        if not container.streams.video or _codec(container.streams.video[0]) not in CODECS:
            raise Failure(Status.BROKEN, in_english("the stream has no H.264 or H.265 video"))
        self._container, self._stream = container, container.streams.video[0]
        self._read_timeout, self._allow, self._key_frames = section.read_timeout_s, allow, key_frames
        # Frame threads would hold back as many frames as there are threads; one eye runs on one core anyway.
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # before there is memory for them
        if key_frames:
            self._stream.codec_context.skip_frame = "NONKEY"
        self._clock, self._reports, self._late = ArrivalClock(), reports, False

    def frames(self, index: int) -> Iterator[Decoded]:
        """Every usable frame, counted from `index` on; ends only by raising Failure."""
        used = time.monotonic()
        for packet in self._packets():
            begun = time.thread_time()
            decoded = self._decode(packet)
            decode_ms = 1000 * (time.thread_time() - begun)
            self._check_size()
            now = time.monotonic()
            for frame in decoded:
                index += 1
                captured = self._captured(frame, now)
                if captured is not None:
                    used = now
                    yield Decoded(frame, captured, index, decode_ms)
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
            raise Failure(status, silent if status is Status.STALLED else str(error.strerror)) from None
        raise Failure(Status.ENDED, in_english("the camera ended the stream"))

    def _decode(self, packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
        """Whole frames only: what libav had to patch up is no evidence. Of a key frame that is no IDR it says so
        whenever others were left out before it, although it needs none."""
        try:
            return [frame for frame in packet.decode() if self._key_frames or not frame.is_corrupt]
        except FFmpegError:
            return []

    def _check_size(self) -> None:
        """Failure when the pictures are of no use, as far as is known."""
        width, height = self._stream.codec_context.width, self._stream.codec_context.height
        if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
            text = "pictures of {width} x {height} pixels are too large: set the camera to 8K at most"
            raise Failure(Status.BROKEN, in_english(text, width=width, height=height))

    def _captured(self, frame: av.VideoFrame, now: float) -> float | None:
        captured = self._clock.captured(self._seconds(frame.pts))
        self._late = captured is not None and now - captured > LATE_S
        return None if self._late else captured

    def _seconds(self, pts: int | None) -> float | None:
        return None if pts is None or self._stream.time_base is None else float(pts * self._stream.time_base)

    def _fruitless(self) -> Failure:
        if self._late:
            return Failure(Status.STALLED, in_english("frames came late for {seconds:g} s", seconds=PATIENCE_S))
        return Failure(Status.BROKEN, in_english("no frame could be decoded for {seconds:g} s", seconds=PATIENCE_S))


def _plane(plane: VideoPlane) -> npt.NDArray[np.uint8]:
    """(height, width) uint8, read-only; rows lie `line_size` bytes apart."""
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
    rows.flags.writeable = False
    return rows
