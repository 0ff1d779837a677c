"""What a demonstration leaves behind: figures from the room's database, and one picture worth looking at."""

from pathlib import Path

import av
import cv2
import msgspec
import numpy as np
from msgspec import Struct

from edge.config import Config
from edge.events import AccessDenied, AccessGranted, DoorModeChanged, DoorPhysicalStateChanged
from edge.eventlog import Reader
from edge.faces import Vision
from edge.film import RATE, Approach
from edge.picture import Bgr
from edge.portraits import KNOWN
from edge.poster import Lane, Moment, Shot, poster
from edge.room import Room, Seen
from edge.scene import Image
from edge.site import Site
from edge.terms import DoorMode


class Summary(Struct, frozen=True):
    """demo-out/summary.json. `decision_ms`: capture of the first frame that passes the quality gate -> relay."""

    granted: int
    denied: int
    relay_pulses: int
    events_published: int
    events_lost: int
    decision_ms: dict[str, float]
    n_decisions: int
    pack: str
    approaches: int
    in_order: bool
    broker: str
    liveness: str


def summarise(site: Site, room: Room, pack: str, broker: str, approaches: int) -> Summary:
    """Count what the room has, against what the gate's own log says that it sent."""
    granted, denied = room.of(AccessGranted), room.of(AccessDenied)
    opened = [seen for seen in room.of(DoorModeChanged) if seen.data["mode"] == DoorMode.ACCESSED]
    times = [seen.data["decision_ms"] for seen in opened if seen.data["decision_ms"] is not None]
    p50, p95 = np.percentile(times, [50, 95]) if times else (0.0, 0.0)
    sent = Reader(site.config.state / "outbox.sqlite").head()[1]
    sequences = [seen.sequence for seen in room.events]
    return Summary(
        granted=len(granted),
        denied=len(denied),
        relay_pulses=len(opened),
        events_published=sent,
        events_lost=sent - len(set(sequences)),
        decision_ms={"p50": round(float(p50), 1), "p95": round(float(p95), 1)},
        n_decisions=len(granted) + len(denied),
        pack=pack,
        approaches=approaches,
        in_order=sequences == sorted(sequences),
        broker=broker,
        liveness="unavailable, accepted by the configuration",
    )


def write(out: Path, summary: Summary) -> None:
    """Leave the figures as JSON."""
    (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")


def illustrate(out: Path, room: Room, vision: Vision, film: Path, approaches: list[Approach], config: Config) -> Path:
    """Draw the picture: a grant, a refusal, and the door over the whole time; the decisions are the room's."""
    path = out / "approach.jpg"
    granted, refused = room.of(AccessGranted)[0], room.of(AccessDenied)[0]
    known = next(a for a in approaches if a.portrait == KNOWN)
    stranger = next(a for a in approaches if a.portrait != KNOWN)
    picture = poster(
        _shot(granted, _frame(film, known), vision, config, room),
        _shot(refused, _frame(film, stranger), vision, config, room),
        _lanes(room),
        [
            Moment(_second(room, seen), seen.of(AccessGranted))
            for seen in room.events
            if seen.of(AccessGranted) or seen.of(AccessDenied)
        ],
        [],
    )
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


def _frame(film: Path, approach: Approach) -> Image:
    """The frame of the film in which somebody stands before the camera."""
    wanted = round((approach.end_s - 1.4) * RATE)
    with av.open(str(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number == wanted:
                return frame.to_ndarray(format="bgr24")
    raise ValueError(f"{film} ends before frame {wanted}")
