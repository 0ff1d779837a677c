"""What the processes of one gate say to each other: small typed messages over a Unix SEQPACKET socket.

One datagram is one message, msgpack, checked against its schema before anybody sees it; never pickle, never a
frame (a thumbnail without faces is the one picture). Sending never blocks: a slow reader loses messages, not time.
The kernel vouches for the peer's user.
"""

import contextlib
import os
import socket
import struct
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from edge.errors import LinkError
from edge.presence import Company, Cues
from edge.quality import Shortcoming
from edge.terms import Quality, RelayOutcome, Status, View

LARGEST = 16_384
"""Bytes of the largest message: an embedding of 2,048 floats and room for its fields."""
LARGEST_THUMBNAIL = 8_192
"""Bytes."""


class Message(Struct, frozen=True, tag=True):
    """Whatever crosses a process boundary."""


class Observation(Message, frozen=True):
    """Eye to gate: one good view of a tracked face. `embedding` is float32, little-endian, a unit vector."""

    track: int
    captured: float
    good_since: float
    quality: Quality
    cues: Cues
    embedding: bytes
    company: Company = Company()


class TrackGone(Message, frozen=True):
    """Eye to gate: the face has left."""

    track: int


class EyeReport(Message, frozen=True):
    """Eye to gate, about once a second and at every change: how the stream is, and what looking costs."""

    camera: str
    status: Status
    detail: str = ""
    frames_per_s: float = 0.0
    frame_age_ms: float = 0.0
    pack: str = ""
    liveness: bool = False
    view: View | None = None
    wall: float | None = None
    """The camera's UTC less the monotonic clock, seconds; None while it is not known."""


class Advice(Message, frozen=True):
    """Eye to gate: what keeps the nearest face from being compared, None when nothing does; for a display."""

    shortcoming: Shortcoming | None


class Thumbnail(Message, frozen=True):
    """Eye to gate, now and then: a JPEG of what was measured last, without faces; the gate never decodes it."""

    jpeg: Annotated[bytes, Meta(max_length=LARGEST_THUMBNAIL)]


class CodeRead(Message, frozen=True):
    """Eye to gate: a QR code was held up, and what it says; whether that is a pass the gate finds out."""

    text: Annotated[str, Meta(max_length=1_024)]
    captured: float


class Code(Struct, frozen=True):
    """A code, by the camera whose eye read it."""

    camera: str
    seen: CodeRead


FROM_EYES: tuple[type[Message], ...] = (Observation, TrackGone, EyeReport, CodeRead, Advice, Thumbnail)
"""What the gate hears from eyes; it takes nothing else from them."""


class Settled(Message, frozen=True):
    """Gate to eye: this track is decided, embedding it again changes nothing."""

    track: int


class RelayPulse(Message, frozen=True):
    """Gate to relay guard: energise until the deadline (monotonic seconds), perhaps on from an active pulse."""

    door: str
    pulse: str
    until: float
    renews: str = ""


class RelayRelock(Message, frozen=True):
    """Gate to relay guard: let go now, whatever pulse is under way."""

    door: str


class RelayReport(Message, frozen=True):
    """Relay guard to gate: what became of a pulse."""

    door: str
    pulse: str
    outcome: RelayOutcome
    detail: str = ""


class Peer:
    """One end of a connection that accepts only the message types it was made with."""

    def __init__(self, sock: socket.socket, *accepts: type[Message]) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._decoder = msgspec.msgpack.Decoder(type=_union(accepts))
        self._encoder = msgspec.msgpack.Encoder()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, message: Message) -> bool:
        """Send at once or not at all: False when the reader is too slow; LinkError when it is gone."""
        try:
            self._socket.send(self._encoder.encode(message))
        except BlockingIOError:
            return False
        except OSError as error:
            raise LinkError("the other process is gone: {why}", why=error.strerror) from error
        return True

    def receive(self) -> Message | None:
        """The next message, or None when none has come; EOFError when the peer has closed, LinkError on nonsense."""
        try:
            data, _, flags, _ = self._socket.recvmsg(LARGEST)
        except BlockingIOError:
            return None
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        if flags & socket.MSG_TRUNC:
            raise LinkError("a message larger than {largest} bytes was refused", largest=LARGEST)
        try:
            message: Message = self._decoder.decode(data)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: text that is not UTF-8
            raise LinkError("a message was refused: {why}", why=error) from error
        return message


def _union(accepts: tuple[type[Message], ...]) -> Any:
    union: Any = accepts[0]
    for kind in accepts[1:]:
        union |= kind
    return union


def listen(path: Path, group: int = -1) -> socket.socket:
    """A listening socket at `path`, for this user and `group` (a numeric id; -1 for our own).

    A file left by an earlier process is replaced. A group that we may not give it to stays outside. LinkError when
    there cannot be one.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        hint = "set gate.runtime_dir to a directory that the user of the gate may write"
        raise LinkError("{path} cannot be made: {why}", hint, path=path, why=error.strerror) from error
    with contextlib.suppress(PermissionError):
        os.chown(path, -1, group)
    os.chmod(path, 0o660)
    listener.listen(16)
    listener.setblocking(False)
    return listener


def accept(listener: socket.socket, users: frozenset[int], *accepts: type[Message]) -> Peer:
    """The next connection, if the kernel says that it belongs to one of `users` (numeric ids).

    LinkError for anybody else, OSError when there is no descriptor left for it.
    """
    connection, _ = listener.accept()
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    if user not in users:
        connection.close()
        raise LinkError("a process of user {user} was refused", user=user)
    return Peer(connection, *accepts)


def connect(path: Path, *accepts: type[Message]) -> Peer:
    """Connect to the process that listens at `path`; LinkError when there is none yet."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise LinkError("nothing listens at {path}: {why}", path=path, why=error.strerror) from error
    return Peer(connection, *accepts)
