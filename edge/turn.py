"""A head turn: the gate asks for one side at random, and the landmarks of the track must show it in time. Pure.

A photograph that is swung about keeps its nose between its eyes, and a film does not know which side is asked for.
Three things are wanted of one track, in which each view still matches the same person: the face looks ahead, then
turns to the side that was asked for, and to the other side at no time before.
"""

from zlib import crc32

from msgspec import Struct

AHEAD, ASIDE = 12.0, 20.0
"""Degrees of yaw within which a face looks ahead, and from which it has turned; landmarks are good to about ten."""
AGAIN_S = 60.0
"""A track is asked once; what is remembered of it is dropped when it was not seen for so long."""


class Turn(Struct):
    """One request. `left` is the person's left, which is right in the picture: positive yaw."""

    left: bool
    ahead: bool = False
    done: bool = False
    failed: bool = False

    def see(self, yaw: float) -> None:
        """One more view of the track; degrees, positive to the right of the picture."""
        if self.done or self.failed:
            return
        if abs(yaw) <= AHEAD:
            self.ahead = True
        elif self.ahead and abs(yaw) >= ASIDE:
            self.done = (yaw > 0) is self.left
            self.failed = not self.done


class Turns:
    """Which tracks were asked already: whoever turns the wrong way does not get to guess again."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], float] = {}

    def ask(self, camera: str, track: int, captured: float, now: float) -> Turn | None:
        """A request, or None when this track has had its own.

        The side follows from when the frame was taken, to the microsecond: nobody outside knows that, and a log
        replays to the same side.
        """
        self._asked = {key: at for key, at in self._asked.items() if now - at < AGAIN_S}
        known = (camera, track) in self._asked
        self._asked[camera, track] = now
        if known:
            return None
        return Turn(bool(crc32(f"{camera} {track} {captured!r}".encode()) & 1))
