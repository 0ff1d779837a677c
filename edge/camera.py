"""One RTSP camera (H.264 or H.265 over TCP): the newest frame and its true age, or a typed reason for silence.

A thread reads and decodes everything, as fast as it comes, into a slot for one frame; who takes frames slowly gets
fewer, never older ones. Every wait has a deadline. The password is only ever in the URL that is handed to libav.
"""

import logging
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass
from math import inf
from urllib.parse import quote, urlsplit, urlunsplit
from zlib import crc32

from edge.config import CameraSection
from edge.errors import in_english
from edge.link import Link
from edge.picture import Yuv
from edge.sender import SenderReports
from edge.stream import Decoded, Failure, Reader, open_stream
from edge.terms import Status

log = logging.getLogger(__name__)


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
        self._slot: Decoded | None = None
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
        return Frame(taken.picture(), taken.captured, taken.index, taken.decode_ms)

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
            except Failure as failure:
                self._failed(failure)
            except Exception as error:  # noqa: BLE001 - the top of this thread: dead, it would look like a hung decoder
                self._failed(self._unforeseen(error))

    def _failed(self, failure: Failure) -> None:
        """Tell why the connection is over, and wait until it is time for the next."""
        self._reports = SenderReports()  # what the camera told ends with its connection
        now = time.monotonic()
        self._tell(self._link.failed(failure.status, now, failure.detail))
        self._allow(inf)
        self._closed.wait((self._link.next_try or now) - now)

    def _unforeseen(self, error: Exception) -> Failure:
        detail = in_english("what it sends cannot be read ({kind})", kind=type(error).__name__)
        if detail != self._link.detail:
            where = "".join(traceback.format_tb(error.__traceback__))  # its message may repeat what the camera sent
            log.error("camera %s: %s\n%s", self._section.name, detail, where)
        return Failure(Status.BROKEN, detail)

    def _read(self) -> None:
        """One connection, from opening to its failure."""
        size: tuple[int, int] | None = None
        with open_stream(self._url, self._section, self._allow) as container:
            reader = Reader(container, self._section, self._allow, self._reports, self._key_frames)
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


def _with_credentials(section: CameraSection, password: str) -> str:
    parts = urlsplit(section.url)
    if not section.username:
        return section.url
    return urlunsplit(parts._replace(netloc=f"{quote(section.username, '')}:{quote(password, '')}@{parts.netloc}"))
