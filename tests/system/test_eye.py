"""The eye as a process: a real stream before it, real networks in it, and the test in the place of the gate."""

import os
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from edge import models, simulate, wire
from edge.terms import Status
from tests.adapters.rtsp import RtspServer, need_gstreamer, remux
from tests.conftest import ROOT

pytestmark = pytest.mark.real

USER, PASSWORD = "door", "p@ss/word"
Message = TypeVar("Message", bound=wire.Message)

CONFIG = """
[gate]
site = "test"
name = "gate"
runtime_dir = "{root}"
[models]
directory = "{models}"
[[camera]]
name = "front"
url = "{url}"
door = "{door}"
username = "{user}"
credential = "camera.password"
least_eye_distance_px = 25
read_timeout_s = 1.0
[[door]]
name = "main"
relay = {{ line = 1 }}
"""


@pytest.fixture(scope="session")
def zoo(shared: Path) -> Path:
    """The directory with the pack for real gates."""
    directory = ROOT / "var" / "models"
    models.fetch("zoo", directory, shared / "models")
    return directory


@pytest.fixture(scope="session")
def crowd(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_gstreamer()
    folder = tmp_path_factory.mktemp("crowd")
    simulate.as_camera(shared / "data/videos/crowd-walking-1080p.mp4", folder / "camera.mp4")
    return remux(folder / "camera.mp4", folder / "camera.h264")


@pytest.fixture(scope="session")
def backs(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_gstreamer()
    video = shared / "data/videos/no-faces-people-from-behind-768.mp4"
    return remux(video, tmp_path_factory.mktemp("backs") / "camera.h264")


@pytest.fixture
def server(crowd: Path) -> Iterator[RtspServer]:
    with RtspServer(crowd, user=USER, password=PASSWORD) as running:
        yield running


class EyeProcess:
    """`edge-gate run --role eye`, its notify socket, and the socket where it expects the gate."""

    def __init__(self, root: Path, url: str, packs: Path, password: str, door: str) -> None:
        self._root, self.log = root, root / "log"
        self._peers: list[wire.Peer] = []
        (root / "camera.password").write_text(password + "\n")
        (root / "gate.toml").write_text(CONFIG.format(root=root, models=packs, url=url, user=USER, door=door))
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(root / "notify"))
        self.notified.settimeout(60)
        options = ["--config", str(root / "gate.toml"), "--credentials", str(root), "--role", "eye"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge.cli", "run", *options],
                stdout=log, stderr=log, cwd=ROOT, env={**os.environ, "NOTIFY_SOCKET": str(root / "notify")},
            )  # fmt: skip

    def listen(self) -> socket.socket:
        listener = wire.listen(self._root / "eye.sock")
        listener.settimeout(60)
        return listener

    def accept(self, listener: socket.socket) -> wire.Peer:
        user = frozenset([os.getuid()])
        self._peers.append(wire.accept(listener, user, *wire.FROM_EYES))
        return self._peers[-1]

    def close(self) -> None:
        for peer in self._peers:
            peer.close()
        self.process.kill()
        self.process.wait()
        self.notified.close()


Start = Callable[..., EyeProcess]


@pytest.fixture
def start(zoo: Path, request: pytest.FixtureRequest) -> Start:
    def begin(url: str, password: str = PASSWORD, door: str = "main") -> EyeProcess:
        root = Path("/tmp") / f"eye-{secrets.token_hex(4)}"  # the path of a Unix socket must be short
        root.mkdir(mode=0o700)
        eye = EyeProcess(root, url, zoo, password, door)
        request.addfinalizer(lambda: (eye.close(), shutil.rmtree(root)))
        return eye

    return begin


def until(peer: wire.Peer, kind: type[Message], wanted: Callable[[Message], object], within: float = 60.0) -> Message:
    """The first message of this kind that is wanted."""
    for message in hear(peer, within):
        if isinstance(message, kind) and wanted(message):
            return message
    pytest.fail(f"no such {kind.__name__} within {within} s")


def hear(peer: wire.Peer, seconds: float) -> Iterator[wire.Message]:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        select.select([peer], [], [], left)
        while (message := peer.receive()) is not None:
            yield message


def test_faces_of_a_stream_become_observations_and_it_ends_when_told(server: RtspServer, start: Start) -> None:
    eye = start(server.url)
    with eye.listen() as listener:
        peer = eye.accept(listener)
        greeting = peer.receive() or until(peer, wire.EyeReport, bool)
        assert isinstance(greeting, wire.EyeReport)
        assert (greeting.camera, greeting.liveness) == ("front", True)
        until(peer, wire.EyeReport, lambda report: report.status is Status.STREAMING)
        seen = until(peer, wire.Observation, bool)
        embedding = np.frombuffer(seen.embedding, "<f4")
        assert np.linalg.norm(embedding) == pytest.approx(1.0, abs=1e-4)
        assert seen.good_since <= seen.captured < time.monotonic() < seen.captured + 10
        assert seen.quality.eye_distance_px >= 25
        assert len(seen.cues.appearance) == 2
        assert until(peer, wire.EyeReport, lambda report: report.frames_per_s > 1).frame_age_ms < 5000
        assert {eye.notified.recv(99), eye.notified.recv(99)} == {b"READY=1", b"WATCHDOG=1"}
        command = Path(f"/proc/{eye.process.pid}/cmdline").read_bytes()
        assert PASSWORD.encode() not in command
        eye.process.terminate()
        assert eye.process.wait(60) == 0
        assert eye.log.read_text() == ""


def test_a_settled_track_is_left_alone(server: RtspServer, start: Start) -> None:
    eye = start(server.url)
    with eye.listen() as listener:
        peer = eye.accept(listener)
        settled = {until(peer, wire.Observation, bool).track: time.monotonic()}
        peer.send(wire.Settled(*settled))
        for message in hear(peer, 5.0):
            if isinstance(message, wire.Observation):
                asked = settled.setdefault(message.track, time.monotonic())
                assert message.captured < asked + 1.0, "it was told long before this frame came"
                peer.send(wire.Settled(message.track))


def test_a_gate_that_comes_late_goes_and_comes_back_is_found_and_told_first_which_camera(
    server: RtspServer, start: Start
) -> None:
    eye = start(server.url)
    assert eye.notified.recv(99) == b"READY=1"
    for _ in range(2):
        with eye.listen() as listener:
            peer = eye.accept(listener)
            assert isinstance(next(hear(peer, 60.0)), wire.EyeReport)
            until(peer, wire.Observation, bool)
            peer.close()


@pytest.mark.timed
def test_a_gate_that_does_not_read_neither_stops_the_eye_nor_gets_its_backlog(server: RtspServer, start: Start) -> None:
    eye = start(server.url)
    with eye.listen() as listener:
        peer = eye.accept(listener)
        until(peer, wire.Observation, bool)
        time.sleep(8)  # not reading is what is tested
        fresh = time.monotonic()
        until(peer, wire.Observation, lambda seen: seen.captured > fresh - 0.3, within=3)
        assert eye.process.poll() is None


def test_a_stopped_eye_is_missed_by_the_watchdog_and_goes_on_with_fresh_faces(server: RtspServer, start: Start) -> None:
    eye = start(server.url)
    with eye.listen() as listener:
        peer = eye.accept(listener)
        until(peer, wire.Observation, bool)
        os.kill(eye.process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        before = [m for m in hear(peer, 4.0) if isinstance(m, wire.Observation)]
        os.kill(eye.process.pid, signal.SIGCONT)
        resumed = time.monotonic()
        assert all(seen.captured <= stopped for seen in before)
        until(peer, wire.Observation, lambda seen: seen.captured > resumed)


def test_people_from_behind_are_never_observed(backs: Path, start: Start) -> None:
    with RtspServer(backs, user=USER, password=PASSWORD, fps=10) as running:
        eye = start(running.url)
        with eye.listen() as listener:
            peer = eye.accept(listener)
            until(peer, wire.EyeReport, lambda report: report.status is Status.STREAMING)
            assert {type(message) for message in hear(peer, 8.0)} <= {wire.EyeReport, wire.Thumbnail}


def test_a_wrong_password_is_told_and_never_said(server: RtspServer, start: Start) -> None:
    eye = start(server.url, password="wr0ng-password")
    with eye.listen() as listener:
        peer = eye.accept(listener)
        report = until(peer, wire.EyeReport, lambda report: report.status is Status.UNAUTHORIZED)
        assert not re.search("wr0ng|rtsp:", report.detail + eye.log.read_text())


def test_a_camera_without_a_door_is_watched_over_and_nobody_is_looked_for(server: RtspServer, start: Start) -> None:
    eye = start(server.url, door="")
    with eye.listen() as listener:
        peer = eye.accept(listener)
    heard: list[wire.Message] = []
    for message in hear(peer, 60.0):
        heard.append(message)
        if sum(isinstance(each, wire.EyeReport) and each.view is not None for each in heard) == 2:
            break
    reports = [message for message in heard if isinstance(message, wire.EyeReport)]
    assert {type(message) for message in heard} <= {wire.EyeReport, wire.Thumbnail}
    assert reports[-1].status is Status.STREAMING
    assert reports[-1].view and (reports[-1].view.width, reports[-1].view.height) == (1920, 1080)
    assert "onnxruntime" not in Path(f"/proc/{eye.process.pid}/maps").read_text()
