"""The terms of who stands before a camera, and whether in person: cues, verdicts, company.

Presentation-attack detection speaks as ISO/IEC 30107 does.
"""

from enum import StrEnum

from msgspec import Struct


class Infrared(StrEnum):
    """What the near-infrared picture of the same moment shows where the face is."""

    ABSENT = "absent"  # the camera has no such stream
    FACE = "face"
    NONE = "none"  # as of a screen
    UNKNOWN = "unknown"  # it gave no picture in time


class Cues(Struct, frozen=True):
    """What the cues of presentation-attack detection measured on one view of a face; None: it could not be told."""

    appearance: tuple[float, ...] = ()
    """The probability of a living face, from each liveness network."""
    shift: float | None = None
    """How far the face, or what surrounds it, moved since an earlier view, in face widths."""
    carried: float | None = None
    """How much of that what surrounds the face moved as well: 0 stands still, 1 moves with it."""
    border: float | None = None
    """How much of a straight outline there is around the face: 0 none, 1 a frame."""
    infrared: Infrared = Infrared.ABSENT
    pattern: float | None = None
    """How far one fine wave that stands still on the face stands out: 1 as any other, tens as of a screen's pixels."""


class Company(Struct, frozen=True):
    """Who else was near enough and in the capture zone when a face was viewed."""

    others: int = 0
    nearest: bool = True
    """Whether no other face was nearer."""


class Several(StrEnum):
    """Who may be recognised while several people stand in the capture zone."""

    NEAREST = "nearest"
    REFUSE = "refuse"
    BOTH = "both"


class Verdict(StrEnum):
    """Of presentation-attack detection, ISO/IEC 30107-3."""

    LIVE = "live"
    ATTACK = "attack"
    UNSURE = "unsure"
    UNAVAILABLE = "unavailable"  # the pack has no liveness networks


class Motion(StrEnum):
    """What moved in front of the camera while a face was watched."""

    OWN = "own"  # the face, and not what surrounds it
    CARRIED = "carried"  # both together, as a picture in a hand
    STILL = "still"  # nothing, for longer than a person stands so
    UNKNOWN = "unknown"


class Liveness(Struct, frozen=True):
    """A verdict, and what it rests on: the mean appearance and border of `views` views in `watched_s` seconds."""

    verdict: Verdict
    appearance: float | None
    motion: Motion
    border: float | None
    views: int
    watched_s: float
    infrared: float | None = None
    """The share of views with a face in the infrared picture, None where the camera has none."""
    pattern: float | None = None
    """The wave that stood out most; see `Cues`."""
