"""The demonstration's own part: what it does to the broker while the film runs."""

import time
from pathlib import Path

from edge.demo import OUTAGE_AFTER, Demo
from edge.doorevents import AccessGranted
from edge.room import Room, Seen
from edge.simulate import DemoBroker, RtspServer
from edge.transport import type_name


def test_a_broker_that_is_away_when_the_film_ends_comes_back_all_the_same(tmp_path: Path) -> None:
    """On a slow machine decisions come late, and the room would never have what the gate still holds."""
    room, told = Room(tmp_path / "none"), list[str]()
    seen = Seen("e", 1, type_name(AccessGranted), "door/main", "", time.time(), {})
    room.events += [seen] * OUTAGE_AFTER
    demo = Demo(tmp_path, tmp_path, lambda text, **fields: told.append(text), lambda *progress: None)
    with DemoBroker() as broker:
        demo._play(room, broker, RtspServer([]), film_s=0.2)
        assert broker._answers()
    assert [text.partition("broker is ")[2].partition(" ")[0].strip(",") for text in told] == ["killed", "back"]
