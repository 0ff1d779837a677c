"""How much the gate hears of an eye, and tells of it: an eye that was taken over fills no storage, journal or queue."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Event

import msgspec
import pytest
from msgspec import structs

from edge import eyes, wire
from edge.eyes import Seen
from edge.facts import CameraReported, TrackEnded
from edge.terms import Status
from tests.adapters.brokers import until
from tests.adapters.lookers import PACK, SEEN, Gate, gone, report
from tests.conftest import ROOT


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


def test_an_eye_that_has_said_much_at_once_waits_for_its_next_turn(socket_root: Path) -> None:
    first, go_on = Event(), Event()

    def put(fact: object) -> None:
        told.append(fact)
        first.set()
        go_on.wait(60)

    told: list[object] = []
    with closing(Gate(socket_root, put=put)) as gate:
        gate.eye(report("front"), *[wire.TrackGone(track) for track in range(100)])
        assert first.wait(60)
        gate.eye(report("back"))
        go_on.set()
        until(lambda: len(told) == 102)
    assert told.index(CameraReported("back", Status.STREAMING, "", 25.0, 40.0)) < 4 * eyes.A_TURN
