"""The gate's end of the lines to its eyes, with real sockets: an eye speaks for its own camera, and no further."""

import math
import os
import resource
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from edge import eyes, wire
from edge.errors import LinkError
from edge.eyes import Seen
from edge.facts import CameraReported, TrackEnded
from edge.presence import Cues
from edge.terms import Status, View
from tests.adapters.brokers import until
from tests.adapters.lookers import PACK, SEEN, Gate, gone, report


def unconnected() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def lowest_free() -> int:
    """The number that the next descriptor would have: as a limit, it leaves none."""
    probe = os.dup(0)
    os.close(probe)
    return probe


def test_an_eye_is_heard_for_its_camera_and_missed_when_it_goes(gate: Gate) -> None:
    peer = gate.eye(report("front"), SEEN, wire.TrackGone(7))
    assert gate.next() == CameraReported("front", Status.STREAMING, "", 25.0, 40.0)
    assert (gate.next(), gate.next()) == (Seen("front", SEEN), TrackEnded("front", 7))
    peer.close()
    assert gate.next() == CameraReported("front", Status.SILENT, "the eye is gone")
    gate.eye(report("front"))
    assert gate.next() == CameraReported("front", Status.STREAMING, "", 25.0, 40.0)


def test_what_comes_before_a_name_is_nobodys(gate: Gate) -> None:
    gate.eye(SEEN, wire.TrackGone(7), report("front"))
    assert isinstance(gate.next(), CameraReported) and gate.quiet()


def test_an_eye_that_changes_its_camera_is_shut_out(gate: Gate) -> None:
    peer = gate.eye(report("front"), report("back"), SEEN)
    assert gate.next() == CameraReported("front", Status.STREAMING, "", 25.0, 40.0)
    assert gate.next() == CameraReported("front", Status.SILENT, "the eye of front called itself back")
    until(gone(peer))
    assert gate.quiet(), "nothing was heard of the other camera"


@pytest.mark.parametrize("camera", ["front", "side"])
def test_nobody_speaks_for_a_camera_whose_eye_is_there_or_that_is_none(gate: Gate, camera: str) -> None:
    honest = gate.eye(report("front"))
    assert isinstance(gate.next(), CameraReported)
    until(gone(gate.eye(report(camera), SEEN)))
    assert gate.quiet()
    honest.send(SEEN)
    assert gate.next() == Seen("front", SEEN)


def test_an_eye_of_another_pack_is_a_fault_that_names_both_and_is_not_matched(gate: Gate) -> None:
    peer = gate.eye(report("front", "registry-87654321"), SEEN)
    told = gate.next()
    assert isinstance(told, CameraReported) and told.status is Status.OTHER_PACK
    assert "registry-87654321" in told.detail and PACK in told.detail
    assert gate.quiet()
    peer.send(report("front"))
    peer.send(SEEN)
    assert (gate.next(), gate.next()) == (
        CameraReported("front", Status.STREAMING, "", 25.0, 40.0),
        Seen("front", SEEN),
    )


def test_who_names_no_camera_is_shown_the_door_and_takes_nobodys_place(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eyes, "NAMED_WITHIN_S", 60.0)
    silent = [gate.eye() for _ in range(eyes.UNNAMED + 4)]
    until(gone(silent[-1]))
    assert not gone(silent[0])(), "there was room for the first ones, until their time is over"
    now = time.monotonic
    with monkeypatch.context() as later:
        later.setattr(time, "monotonic", lambda: now() + 61.0)
        until(lambda: all(gone(peer)() for peer in silent))
    gate.eye(report("front"))
    assert isinstance(gate.next(), CameraReported)


@pytest.mark.parametrize(
    "unsound",
    [
        structs.replace(SEEN, captured=math.nan),
        structs.replace(SEEN, captured=1e300),
        structs.replace(SEEN, good_since=-1e308),
        structs.replace(SEEN, good_since=-math.inf),
        structs.replace(SEEN, quality=structs.replace(SEEN.quality, sharpness=math.nan)),
        structs.replace(SEEN, quality=structs.replace(SEEN.quality, yaw=-1e308)),
        structs.replace(SEEN, cues=Cues((1.5,))),
        structs.replace(SEEN, cues=Cues((math.nan,))),
        structs.replace(SEEN, cues=Cues((0.9,), shift=-0.1)),
        structs.replace(SEEN, cues=Cues((0.9,), shift=math.inf)),
        structs.replace(SEEN, cues=Cues((0.9,), carried=-1.0)),
        structs.replace(SEEN, cues=Cues((0.9,), border=2.0)),
        structs.replace(SEEN, cues=Cues((0.9,), pattern=float("inf"))),
        structs.replace(SEEN, cues=Cues((0.9,), pattern=-1.0)),
        structs.replace(SEEN, embedding=SEEN.embedding[:-1]),
        wire.CodeRead("text", math.inf),
    ],
)  # fmt: skip
def test_numbers_that_are_none_reach_no_rule(gate: Gate, unsound: wire.Message) -> None:
    gate.eye(report("front"), unsound, SEEN)
    assert isinstance(gate.next(), CameraReported) and gate.next() == Seen("front", SEEN)


@pytest.mark.parametrize(("said", "heard"), [(-7200.0, -3600.0), (-2.0, -2.0), (0.0, 0.0), (60.0, 0.0)])
def test_a_face_was_good_before_it_was_captured_and_not_for_ever(gate: Gate, said: float, heard: float) -> None:
    """How long a decision took is reckoned from it."""
    gate.eye(report("front"), structs.replace(SEEN, good_since=SEEN.captured + said))
    assert isinstance(gate.next(), CameraReported)
    seen = gate.next()
    assert isinstance(seen, Seen) and seen.observation.good_since == SEEN.captured + heard


@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf, 1e308])
def test_a_report_tells_no_measurement_that_is_none(gate: Gate, wild: float) -> None:
    view = View(640, 360, 0.5, 0.2, 0.0, wild)
    gate.eye(structs.replace(report("front"), frames_per_s=wild, frame_age_ms=wild, view=view, wall=wild))
    assert gate.next() == CameraReported("front", Status.STREAMING, "", 0.0, 0.0, None, None)


def test_a_gate_without_a_free_descriptor_hears_its_eyes_and_takes_new_ones_later(gate: Gate) -> None:
    peer = gate.eye(report("front"))
    assert isinstance(gate.next(), CameraReported)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    waiting = unconnected()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free(), before[1]))
    try:
        waiting.connect(str(gate.path))
        for track in range(3):
            peer.send(wire.TrackGone(track))
            assert gate.next() == TrackEnded("front", track)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    late = wire.Peer(waiting, wire.Settled)
    late.send(report("back"))
    assert gate.next() == CameraReported("back", Status.STREAMING, "", 25.0, 40.0)
    late.close()


def test_a_process_of_another_user_is_refused(socket_root: Path) -> None:
    with wire.listen(socket_root / "other.sock") as listener, unconnected() as knocking:
        knocking.connect(listener.getsockname())
        with pytest.raises(LinkError, match="a process of user"):
            wire.accept(listener, frozenset({os.geteuid() + 1}), wire.EyeReport)
    with closing(Gate(socket_root, frozenset({os.geteuid() + 1}))) as gate:
        until(gone(gate.eye(report("front"), SEEN)))
        assert gate.quiet()
