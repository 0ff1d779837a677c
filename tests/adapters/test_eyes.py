"""The gate's end of the lines to its eyes, with real sockets: an eye speaks for its own camera, and no further."""

import math
import os
import resource
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event

import msgspec
import numpy as np
import pytest
from msgspec import structs

from edge import eyes, wire
from edge.errors import LinkError
from edge.eyes import Eyes, Seen
from edge.facts import CameraReported, TrackEnded
from edge.presence import Cues
from edge.sources import Put
from edge.terms import Quality, Status, View
from edge.users import peers
from tests.adapters.brokers import until
from tests.conftest import ROOT

PACK = "zoo-12345678"
SEEN = wire.Observation(7, 2.0, 1.0, Quality(80.0, 1.0, 0.0, 0.0, 0.5), Cues((0.9,)), np.ones(8, "<f4").tobytes())


def report(camera: str, pack: str = PACK, status: Status = Status.STREAMING) -> wire.EyeReport:
    return wire.EyeReport(camera, status, "", 25.0, 40.0, pack, True)


class Gate:
    """The listening side, and what it has put on the gate's queue."""

    def __init__(self, root: Path, users: frozenset[int] = peers("eye"), put: Put | None = None) -> None:
        self.facts: SimpleQueue[object] = SimpleQueue()
        self.path = root / "eye.sock"
        self._eyes = Eyes(self.path, users, frozenset({"front", "back"}), PACK, put or self.facts.put)
        self._eyes.start()
        self._peers: list[wire.Peer] = []

    def eye(self, *messages: wire.Message) -> wire.Peer:
        """Connect as an eye and say this."""
        self._peers.append(wire.connect(self.path, wire.Settled))
        with suppress(LinkError):  # it was shut out before it had said all of it
            for message in messages:
                self._peers[-1].send(message)
        return self._peers[-1]

    def next(self, seconds: float = 60.0) -> object:
        return self.facts.get(timeout=seconds)

    def until(self, status: Status) -> list[object]:
        """What comes until a camera's report of this status, which is the last."""
        heard = [self.next()]
        while not (isinstance(heard[-1], CameraReported) and heard[-1].status is status):
            heard.append(self.next())
        return heard

    def quiet(self, seconds: float = 0.2) -> bool:
        try:
            self.facts.get(timeout=seconds)
        except Empty:
            return True
        return False

    def close(self) -> None:
        for peer in self._peers:
            peer.close()
        self._eyes.stop()
        self._eyes.join(60)


@pytest.fixture
def root() -> Iterator[Path]:
    root = Path("/tmp") / f"eyes-{secrets.token_hex(4)}"  # the path of a Unix socket must be short
    root.mkdir(mode=0o700)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def gate(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    monkeypatch.setattr(eyes, "LOOK_S", 0.05)
    with closing(Gate(root)) as running:
        yield running


def gone(peer: wire.Peer) -> Callable[[], bool]:
    """Whether the gate has closed the line."""

    def ended() -> bool:
        try:
            peer.receive()
        except EOFError:
            return True
        return False

    return ended


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


@pytest.mark.parametrize("journal", [{}, {"JOURNAL_STREAM": "8:1"}])
def test_a_name_that_an_eye_invents_begins_no_line_of_the_journal(
    gate: Gate, caplog: pytest.LogCaptureFixture, journal: dict[str, str]
) -> None:
    until(gone(gate.eye(report("x\n<2>门 is open\x1b[2J\u202e\u2028y"))))
    until(lambda: caplog.records)
    code = "from edge.cli.run import start_log; import logging, sys; start_log('gate')\n"
    code += "logging.getLogger('edge.eyes').warning(sys.argv[1])"
    said = subprocess.run(
        [sys.executable, "-c", code, caplog.messages[0]], cwd=ROOT, env=journal, capture_output=True, text=True
    ).stderr
    assert said.count("\n") == 1 and said[:-1].isprintable()
    assert r"called itself x; <2>门 is open\x1b[2J\u202e; y" in said


def test_who_is_shut_out_again_and_again_does_not_fill_the_journal(
    gate: Gate, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eyes, "TELL_S", 3600.0)
    for number in range(50):
        until(gone(gate.eye(report(f"{number} {'x' * 10_000}"))))
    assert len(caplog.messages) == 1 and len(caplog.messages[0]) <= eyes.LONGEST_TEXT
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 3601.0)
    until(lambda: len(caplog.messages) == 2)
    assert "itself 1 " in caplog.messages[1], "another reason is told when the time is over, though nobody comes again"


@pytest.mark.parametrize(
    "said",
    [
        wire.EyeReport("front", Status.BROKEN, "x" * 10_000, pack=PACK),
        wire.EyeReport("front", Status.STREAMING, pack="x" * 10_000),
        {"type": "EyeReport", "camera": "front", "status": "x" * 10_000},
    ],
)
def test_no_more_of_what_an_eye_says_goes_on_than_somebody_reads(gate: Gate, said: object) -> None:
    eye = gate.eye(report("front"))
    gate.next()
    with socket.socket(fileno=os.dup(eye.fileno())) as line:
        line.send(msgspec.msgpack.encode(said))
    heard = gate.next()
    assert isinstance(heard, CameraReported) and heard.detail and len(heard.detail) <= eyes.LONGEST_TEXT + 100


def test_an_eye_that_floods_does_not_keep_another_from_being_heard(gate: Gate) -> None:
    begun = time.monotonic()
    flood = gate.eye(report("front"))
    assert isinstance(gate.next(), CameraReported)
    other = gate.eye(report("back"))
    heard: list[object] = []
    sent = False
    while not any(isinstance(fact, Seen) and fact.camera == "back" for fact in heard):
        for _ in range(50):
            flood.send(wire.TrackGone(1))
        sent = sent or other.send(SEEN)
        while not gate.facts.empty():
            heard.append(gate.facts.get())
    most = eyes.MESSAGES_PER_S * (1 + time.monotonic() - begun)
    assert len([fact for fact in heard if isinstance(fact, TrackEnded)]) <= most


@pytest.mark.parametrize(
    "between", [(), (wire.TrackGone(0),), (report("front", status=Status.BROKEN), report("front"))]
)
def test_an_eye_that_invents_tracks_is_heard_of_no_more_than_can_come(
    gate: Gate,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    between: tuple[wire.Message, ...],
) -> None:
    """Each is refused with an event, also a track that has ended or was forgotten with the stream and begins again."""
    monkeypatch.setattr(eyes, "MESSAGES_PER_S", 1e6)
    begun, eye = time.monotonic(), gate.eye(report("front"))
    several = 3 * eyes.TRACKS
    for track in range(several):
        for message in (*between, structs.replace(SEEN, track=0 if between else track)):
            until(lambda message=message: eye.send(message))  # type: ignore[misc]
    eye.send(report("front", status=Status.STALLED))
    heard = gate.until(Status.STALLED)
    most = eyes.TRACKS + eyes.TRACKS_PER_S * (1 + time.monotonic() - begun)
    assert eyes.TRACKS <= len([fact for fact in heard if isinstance(fact, Seen)]) <= most
    assert [record.getMessage() for record in caplog.records] == [
        "the eye of front follows more faces than can come, and is heard in part: restart it"
    ]


def test_a_face_that_is_followed_is_heard_for_as_long_as_it_stays() -> None:
    followed = eyes.Followed(0.0)
    assert all(followed.take(7, at / 10) for at in range(10_000))
    assert not all(followed.take(track, 1000.0) for track in range(1000)) and followed.take(7, 1000.1)


def test_an_eye_that_connects_again_and_again_is_heard_of_no_more_than_can_come(
    gate: Gate, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eyes, "MESSAGES_PER_S", 1e6)
    begun, heard, connections = time.monotonic(), list[object](), 4
    for number in range(connections):
        eye = gate.eye(report("front"))
        for track in range(eyes.TRACKS):
            new = structs.replace(SEEN, track=number * eyes.TRACKS + track)
            until(lambda eye=eye, new=new: eye.send(new))  # type: ignore[misc]
        eye.close()
        heard += gate.until(Status.SILENT)
    most = eyes.TRACKS + eyes.TRACKS_PER_S * (1 + time.monotonic() - begun)
    assert eyes.TRACKS <= len([fact for fact in heard if isinstance(fact, Seen)]) <= most
    assert len([fact for fact in heard if isinstance(fact, CameraReported)]) == 2 * connections
    assert len(caplog.messages) == 1


def test_an_eye_that_floods_and_connects_again_has_no_other_share(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eyes, "MESSAGES_PER_S", 10)
    begun, heard = time.monotonic(), list[object]()
    for _ in range(20):
        eye = gate.eye(report("front"), *[wire.TrackGone(track) for track in range(10)])
        eye.close()
        heard += gate.until(Status.SILENT)[:-1]
    assert 10 <= len(heard) <= 10 * (2 + time.monotonic() - begun)


def test_an_eye_that_has_said_much_at_once_waits_for_its_next_turn(root: Path) -> None:
    first, go_on = Event(), Event()

    def put(fact: object) -> None:
        told.append(fact)
        first.set()
        go_on.wait(60)

    told: list[object] = []
    with closing(Gate(root, put=put)) as gate:
        gate.eye(report("front"), *[wire.TrackGone(track) for track in range(100)])
        assert first.wait(60)
        gate.eye(report("back"))
        go_on.set()
        until(lambda: len(told) == 102)
    assert told.index(CameraReported("back", Status.STREAMING, "", 25.0, 40.0)) < 4 * eyes.A_TURN


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


def test_a_process_of_another_user_is_refused(root: Path) -> None:
    with wire.listen(root / "other.sock") as listener, unconnected() as knocking:
        knocking.connect(listener.getsockname())
        with pytest.raises(LinkError, match="a process of user"):
            wire.accept(listener, frozenset({os.geteuid() + 1}), wire.EyeReport)
    with closing(Gate(root, frozenset({os.geteuid() + 1}))) as gate:
        until(gone(gate.eye(report("front"), SEEN)))
        assert gate.quiet()
