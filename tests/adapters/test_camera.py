import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

import edge.stream
from edge.camera import Camera, Frame, State
from edge.config import CameraSection, Credentials
from edge.infrared import InfraredCamera
from edge.sender import SenderReports
from edge.stream import Failure, Reader
from edge.terms import Status
from tests.adapters import brokers
from tests.adapters.rtsp import FPS, Rewriter, RtspServer, make_clip, need_gstreamer
from tests.conftest import ROOT

USER, PASSWORD = "door cam", "p@ss/w:rd %é"
SLACK_S = 2.0
"""What a busy machine may add to the age of a frame; what is wrong with one is more."""


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_gstreamer()
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "small.h264")
    make_clip(folder / "large.h264", size=(640, 360))
    make_clip(folder / "small.h265")
    make_clip(folder / "damaged.h264", keep=0.1)
    return folder


@pytest.fixture
def server(clips: Path) -> Iterator[RtspServer]:
    with RtspServer(clips / "small.h264", user=USER, password=PASSWORD) as running:
        yield running


@pytest.fixture
def camera(request: pytest.FixtureRequest) -> Callable[..., Camera]:
    def make(url: str, password: str = PASSWORD, user: str = USER, open_s: float = 30, read_s: float = 30) -> Camera:
        section = CameraSection("front", url, "main", username=user, open_timeout_s=open_s, read_timeout_s=read_s)
        made = Camera(section, password)
        made.start()
        request.addfinalizer(made.close)
        return made

    return make


def frame(camera: Camera, within: float = 30.0) -> Frame:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := camera.next(0.1):
            return found
    pytest.fail(f"no frame within {within} s; states {camera.news()}")


def until(camera: Camera, status: Status, within: float = 30.0) -> State:
    """Take frames until the camera reports this status."""
    end, states = time.monotonic() + within, []
    while time.monotonic() < end:
        camera.next(0.1)
        states += camera.news()
        if found := [state for state in states if state.status is status]:
            return found[0]
    pytest.fail(f"not {status} within {within} s; states {states}")


@pytest.mark.real
@pytest.mark.parametrize("clip", ["small.h264", "small.h265"])
def test_frames_are_new_whole_and_of_known_age(clips: Path, camera: Callable[..., Camera], clip: str) -> None:
    with RtspServer(clips / clip) as running:
        reading = camera(running.url, user="")
        first, second = frame(reading), frame(reading)
        assert first.picture.y.shape == (240, 320)
        assert first.picture.u.shape == first.picture.v.shape == (120, 160)
        assert first.picture.y.std() > 20, "a gradient, not a grey picture"
        assert second.index > first.index
        assert 0 <= time.monotonic() - second.captured < SLACK_S
        assert [state.status for state in reading.news()] == [Status.CONNECTING, Status.STREAMING]


@pytest.mark.real
def test_who_is_slow_gets_the_newest_frame(server: RtspServer, camera: Callable[..., Camera]) -> None:
    reading = camera(server.url)
    first = frame(reading)
    wanted = first.index + 20
    brokers.until(lambda: reading._index >= wanted)
    assert frame(reading).index >= wanted


@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "password", "status"),
    [("/cam", "wrong-secret", Status.UNAUTHORIZED), ("/none", PASSWORD, Status.NOT_FOUND)],
)
def test_refusals_are_told_apart_and_name_no_secret(
    server: RtspServer,
    camera: Callable[..., Camera],
    capfd: pytest.CaptureFixture[str],
    path: str,
    password: str,
    status: Status,
) -> None:
    state = until(camera(server.url.replace("/cam", path), password), status)
    said = state.detail + "".join(capfd.readouterr())
    assert state.detail
    for secret in ("secret", "p@ss", "p%40ss", "rtsp://", USER):
        assert secret not in said


def test_refused_and_silent_peers_are_told_apart(camera: Callable[..., Camera]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        silent = camera(f"rtsp://127.0.0.1:{port}/cam", open_s=3)
        assert "3 s" in until(silent, Status.UNREACHABLE).detail
    assert until(camera(f"rtsp://127.0.0.1:{port}/cam"), Status.REFUSED)


@pytest.mark.real
def test_stalled_server_is_noticed_in_its_time_and_read_again(
    server: RtspServer, camera: Callable[..., Camera]
) -> None:
    reading = camera(server.url, read_s=1)
    frame(reading)
    server.stop()
    assert until(reading, Status.STALLED).detail == "nothing came for 1 s"
    assert not reading.hung()
    server.resume()
    until(reading, Status.STREAMING)


@pytest.mark.real
def test_killed_server_ends_the_stream_and_is_found_when_it_is_back(
    server: RtspServer, clips: Path, camera: Callable[..., Camera]
) -> None:
    reading = camera(server.url)
    frame(reading)
    server.kill()
    until(reading, Status.ENDED)
    with RtspServer(clips / "small.h264", user=USER, password=PASSWORD, port=server.port):
        until(reading, Status.STREAMING)


@pytest.mark.real
def test_resolution_change_is_reported_and_followed(clips: Path, camera: Callable[..., Camera]) -> None:
    with RtspServer(clips / "small.h264", clips / "large.h264") as running:
        reading = camera(running.url, user="")
        before = frame(reading).picture.y.shape
        changed = until(reading, Status.CHANGED)
        after = frame(reading).picture.y.shape
        assert {before, after} == {(240, 320), (360, 640)}
        assert changed.detail == f"{after[1]} x {after[0]}"
        assert [state.status for state in reading.news()] in ([], [Status.STREAMING])


@pytest.mark.real
def test_stream_that_cannot_be_decoded_is_broken(
    clips: Path, camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.stream, "PATIENCE_S", 2.0)
    with RtspServer(clips / "damaged.h264") as running:
        assert "2 s" in until(camera(running.url, user=""), Status.BROKEN).detail


@pytest.mark.parametrize("size", [(64, 40_000), (2_500, 2_500)])
def test_pictures_that_nothing_here_can_take_are_told_and_reach_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """OpenCV crops nothing that is longer than 32,766 pixels, and what is larger than memory ends the eye."""
    monkeypatch.setattr(edge.stream, "MOST_PIXELS", 5_000_000)
    clip, section = make_clip(tmp_path / "clip.h265", size, frames=3), CameraSection("front", "rtsp://x/", "main")
    with av.open(str(clip)) as container, pytest.raises(Failure) as failure:
        list(Reader(container, section, lambda seconds: None, SenderReports(), key_frames=False).frames(0))
    assert failure.value.status is Status.BROKEN
    assert failure.value.detail.startswith("pictures of {} x {} pixels".format(*size))


def test_an_infrared_camera_whose_library_does_not_return_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.stream, "RESOLVER_S", -100.0)  # as if it had waited for longer than it may
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/cam"
        infrared = InfraredCamera(CameraSection("front", url, "main", open_timeout_s=30), Credentials())
        brokers.until(lambda: infrared.trouble == "infrared: stalled")
    infrared.close()


TITLE, CODEC = b"Session streamed with GStreamer", b"H264/90000"
"""What the server says in its description, and other devices otherwise."""


@pytest.mark.real
def test_a_title_in_the_encoding_of_its_country_keeps_no_camera_from_being_read(
    clips: Path, camera: Callable[..., Camera]
) -> None:
    title = "前门摄像头".encode("gbk").ljust(len(TITLE))
    with RtspServer(clips / "small.h264") as running, Rewriter(running, TITLE, title) as told:
        assert frame(camera(told.url, user="")).picture.y.shape == (240, 320)


@pytest.mark.real
def test_a_codec_that_nobody_knows_is_told_and_the_camera_is_tried_again(
    clips: Path, camera: Callable[..., Camera]
) -> None:
    with RtspServer(clips / "small.h264") as running, Rewriter(running, CODEC, b"X264/90000") as told:
        reading = camera(told.url, user="")
        assert until(reading, Status.BROKEN).detail == "the stream has no H.264 or H.265 video"
        told.others = CODEC
        assert frame(reading)


@pytest.mark.real
def test_what_nobody_foresaw_is_told_without_its_words_and_the_camera_is_tried_again(
    server: RtspServer,
    camera: Callable[..., Camera],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def surprised(*_: object) -> None:
        raise LookupError(PASSWORD)

    with monkeypatch.context() as patched:
        patched.setattr(SenderReports, "read", surprised)
        reading = camera(server.url)
        assert until(reading, Status.BROKEN).detail == "what it sends cannot be read (LookupError)"
        assert not reading.hung()
    assert frame(reading)
    (logged,) = caplog.messages
    assert "surprised" in logged and PASSWORD not in logged


CONSUMER = """
import sys, time
from edge.camera import Camera
from edge.config import CameraSection
from edge.sender import SenderReports
from edge.terms import Status
from tests.adapters.rtsp import number_of
camera = Camera(CameraSection("front", sys.argv[1], "main", read_timeout_s=30), "")
camera.start()
connection = 0
while True:
    connection += sum(state.status is Status.CONNECTING for state in camera.news())
    if frame := camera.next(1.0):
        print(connection, number_of(frame.picture.y), frame.captured, time.monotonic(), flush=True)
"""


@pytest.mark.real
def test_a_stopped_and_resumed_reader_never_calls_an_old_frame_fresh(tmp_path: Path) -> None:
    """The truth is in the picture: its number says how long after the first one of its connection it was captured.

    What the server and the decoder drop on the way changes nothing of that, nor does a connection that is lost.
    """
    need_gstreamer()
    with RtspServer(make_clip(tmp_path / "numbered.h264", frames=1000)) as running:
        reader = subprocess.Popen(
            [sys.executable, "-c", CONSUMER, running.url], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert reader.stdout
        lines = iter(reader.stdout.readline, "")
        seen = [tuple(map(float, next(lines).split())) for _ in range(50)]
        os.kill(reader.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(reader.pid, signal.SIGCONT)
        seen += [tuple(map(float, next(lines).split())) for _ in range(100)]
        reader.kill()
        reader.communicate()
    begun = {connection: min(now - n / FPS for c, n, _, now in seen if c == connection) for connection, *_ in seen}
    for connection, number, claimed, now in seen:
        captured = begun[connection] + number / FPS
        assert claimed < captured + SLACK_S, "it claims to be younger than it is"
        assert now - captured < SLACK_S, "what waited in the socket is passed over"
    assert seen[50][3] - seen[49][3] > 4, "the reader was stopped"
