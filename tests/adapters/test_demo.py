"""The demonstration's own part: what it does to the broker while the film runs."""

import time
from pathlib import Path

import pytest

from edge.demo import OUTAGE_AFTER, Demo
from edge.doorevents import AccessGranted
from edge.events import BrokerFault
from edge.room import EventKind, Room, Seen
from edge.simulate import DemoBroker, RtspServer
from edge.site import Site
from edge.transport import type_name


def test_a_broker_that_is_away_when_the_film_ends_comes_back_all_the_same(tmp_path: Path) -> None:
    """On a slow machine decisions come late, and the room would never have what the gate still holds."""
    room, told = Room(tmp_path / "none"), list[str]()
    seen = Seen("e", 1, type_name(AccessGranted), "door/main", "", time.time(), {})
    room.events += [seen] * OUTAGE_AFTER
    demo = Demo(tmp_path, tmp_path, lambda text, **fields: told.append(text), lambda *progress: None)
    with DemoBroker() as broker:
        assert demo._play(room, broker, RtspServer([]), film_s=0.2)
        assert broker._answers()
    assert [text.partition("broker is ")[2].partition(" ")[0].strip(",") for text in told] == ["killed", "back"]


@pytest.mark.parametrize(
    ("kinds", "killed", "said"),
    [
        ([AccessGranted], False, ["fewer than"]),
        ([AccessGranted, BrokerFault], True, []),
        ([AccessGranted], True, ["the room may not have everything"]),
    ],
)
def test_a_film_in_which_too_little_was_decided_says_so_and_waits_for_no_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: list[EventKind], killed: bool, said: list[str]
) -> None:
    monkeypatch.setattr("edge.demo.SETTLE_S", 0.2)
    site, room, told = Site(tmp_path, tmp_path), Room(tmp_path / "none"), list[str]()
    for log in ("run.log", "record.log"):
        (site.root / log).write_text(log)
    room.events += [Seen("e", 1, type_name(kind), "gate", "", 0.0, {}) for kind in kinds]
    demo = Demo(tmp_path / "out", tmp_path, lambda text, **fields: told.append(text), lambda *progress: None)
    demo.out.mkdir()
    demo._settle(site, room, killed)
    assert all(text.startswith(f"-- {begun}") for text, begun in zip(told, said, strict=True))
    assert not killed or not any(demo.out.iterdir())
