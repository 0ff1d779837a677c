"""Which pictures go with a fault of a camera: how it was before, how it is, and how it is when that is over. Pure.

The eye makes a thumbnail every few seconds; the newest ones are kept here, and nothing else is done with them until a
fault begins. How often they are told is limited here, whatever an eye or a camera does.
"""

import base64
from collections import deque
from collections.abc import Iterable
from math import inf

from edge.effects import Emit
from edge.events import CameraFault, CameraPictured
from edge.terms import Moment

APART_S = 600.0
"""A camera that comes and goes tells with pictures at most so often."""
GOOD = 2
"""So many good pictures are kept: of the last one before a fault something may be seen already."""


class Album:
    """The pictures of one camera. `now` is in monotonic seconds."""

    def __init__(self) -> None:
        self._good, self._bad = deque[bytes](maxlen=GOOD), b""
        self._awaited: Moment | None = None
        self._told, self._shown = -inf, False

    def take(self, jpeg: bytes, well: bool, now: float) -> list[CameraPictured]:
        """A thumbnail has come; `well` says whether it shows what it should."""
        if well:
            self._good.append(jpeg)
        self._bad = b"" if well else jpeg
        if self._awaited is None or well is not (self._awaited is Moment.MENDED):
            return []
        moment, self._awaited = self._awaited, None
        return [_pictured(moment, jpeg)]

    def fault(self, active: bool, now: float) -> list[CameraPictured]:
        """A fault begins or is over."""
        if not active:
            self._awaited, self._shown = (Moment.MENDED if self._shown else None), False
            return []
        self._awaited = None
        if now - self._told < APART_S:
            return []
        self._told, self._shown = now, True
        self._awaited = None if self._bad else Moment.AFTER
        before = [_pictured(Moment.BEFORE, self._good[0])] if self._good else []
        return [*before, *([_pictured(Moment.AFTER, self._bad)] if self._bad else [])]


def _pictured(moment: Moment, jpeg: bytes) -> CameraPictured:
    return CameraPictured(moment, base64.b64encode(jpeg).decode())


class Albums:
    """Those of a gate's cameras that may have any."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._albums = {f"camera/{name}": Album() for name in cameras}

    def take(self, camera: str, jpeg: bytes, well: bool, now: float) -> list[Emit]:
        """What is to be told now that an eye has sent a thumbnail."""
        subject = f"camera/{camera}"
        album = self._albums.get(subject)
        return [Emit(subject, event) for event in album.take(jpeg, well, now)] if album else []

    def told(self, told: Emit, now: float) -> list[Emit]:
        """What is to be told after an event."""
        album = self._albums.get(told.subject)
        if not isinstance(told.event, CameraFault) or album is None:
            return []
        return [Emit(told.subject, event) for event in album.fault(told.event.active, now)]
