"""What a demonstration leaves behind: figures from the room's database, and one picture worth looking at."""

from datetime import datetime
from pathlib import Path

import av
import cv2
import msgspec
import numpy as np
from msgspec import Struct

from edge.doorevents import AccessDenied, AccessGranted, DoorModeChanged, DoorPhysicalStateChanged
from edge.events import BrokerFault
from edge.faces import Vision
from edge.film import RATE, Approach
from edge.logfile import Reader
from edge.matcher import Vector
from edge.picture import Bgr
from edge.portraits import KNOWN
from edge.poster import Box, Lane, Moment, Shot, poster
from edge.room import Room, Seen
from edge.scene import Image
from edge.site import Site
from edge.terms import Contact, DoorMode

STANDING_S = 1.4
"""So long before the end of an approach somebody stands still before the camera."""
LEAD_S = 3.0
"""The timeline begins so long before the first decision."""


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


def illustrate(out: Path, room: Room, scene: "Scene", facts: list[tuple[str, str]]) -> Path:
    """Draw the picture: a grant, a refusal, and the door over the whole time; the decisions are the room's."""
    path = out / "approach.jpg"
    granted, refused = room.of(AccessGranted)[0], room.of(AccessDenied)[0]
    opened = next(seen for seen in room.of(DoorModeChanged) if seen.data["decision_ms"] is not None)
    decided = sorted([*room.of(AccessGranted), *room.of(AccessDenied)], key=_second)
    start = _second(decided[0]) - LEAD_S
    picture = poster(
        scene.shot(True, granted, opened.data["decision_ms"]),
        scene.shot(False, refused, refused.data["decision_ms"]),
        [_relay(room, start), _leaf(room, start), _broker(room, start)],
        [Moment(_second(seen) - start, seen.of(AccessGranted)) for seen in decided],
        facts,
    )
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    return path


class Scene:
    """The film, and what the gate's own networks see in it."""

    def __init__(self, film: Path, approaches: list[Approach], vision: Vision, enrolled: Vector, zone: Box) -> None:
        self.film, self.approaches, self.vision, self.enrolled, self.zone = film, approaches, vision, enrolled, zone

    def shot(self, known: bool, seen: Seen, decision_ms: float) -> Shot:
        """A decision with a frame of that person before the camera, and how that very frame scores."""
        approach = next(each for each in self.approaches if (each.portrait == KNOWN) == known)
        image = self._frame(approach)
        face = self.vision.detect(Bgr(image), image.shape[1] // 2)[0]
        score = float(self.vision.embed(Bgr(image), face) @ self.enrolled)
        box = (face.x, face.y, face.width, face.height)
        limit = seen.data["evidence"]["threshold"]
        return Shot(image, box, self.zone, "enrolled" if known else "not enrolled", known, score, limit, decision_ms)

    def _frame(self, approach: Approach) -> Image:
        wanted = round((approach.end_s - STANDING_S) * RATE)
        with av.open(str(self.film)) as container:
            return next(
                frame.to_ndarray(format="bgr24")
                for number, frame in enumerate(container.decode(video=0))
                if number == wanted
            )


def _second(seen: Seen) -> float:
    return datetime.fromisoformat(seen.time).timestamp()


def _relay(room: Room, start: float) -> Lane:
    changes = [
        (_second(seen) - start, float(seen.data["mode"] == DoorMode.ACCESSED)) for seen in room.of(DoorModeChanged)
    ]
    return Lane("relay", changes)


def _leaf(room: Room, start: float) -> Lane:
    states = room.of(DoorPhysicalStateChanged)
    return Lane("door open", [(_second(seen) - start, float(seen.data["state"] == Contact.OPEN)) for seen in states])


def _broker(room: Room, start: float) -> Lane:
    outages = [(_second(seen) - start, float(not seen.data["active"])) for seen in room.of(BrokerFault)]
    return Lane("broker", [(0.0, 1.0), *outages])
