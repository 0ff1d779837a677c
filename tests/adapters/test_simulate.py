"""The shipped stand-ins behave like what they stand for."""

import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge.errors import LinkError, PhotoError
from edge.simulate import HOST, DemoBroker, RtspServer, Server, SimulatedDoor, as_camera
from tests.conftest import need

OPTIONS = {"rtsp_transport": "tcp", "analyzeduration": "0"}


def film(path: Path, **options: str) -> Path:
    """Two seconds of moving noise at 25 frames a second."""
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        stream.options = dict(options)
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.roll(pixels, 4 * number, axis=1), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def packets(path: Path) -> list["av.Packet[av.VideoStream]"]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_film_is_sent_as_a_camera_sends(tmp_path: Path) -> None:
    source = film(tmp_path / "source.mp4", bf="2", g="250")
    assert any(packet.pts != packet.dts for packet in packets(source))
    as_camera(source, tmp_path / "camera.mp4")
    sent = packets(tmp_path / "camera.mp4")
    assert len(sent) == 50 and all(packet.pts == packet.dts for packet in sent)
    assert [number for number, packet in enumerate(sent) if packet.is_keyframe] == [0, 25]


def test_what_is_no_film_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no film")
    with pytest.raises(PhotoError, match=r"x\.mp4 cannot be read as a film"):
        RtspServer([tmp_path / "x.mp4"]).start()


def test_a_camera_sends_in_real_time_across_the_seam_and_can_be_cut_off(tmp_path: Path) -> None:
    path = film(tmp_path / "hall.mp4", bf="0", g="25")
    with RtspServer([path]) as server:
        shown: list[float] = []
        seen: list[float] = []
        with av.open(server.url(path), options=OPTIONS, timeout=(60, 5)) as stream:
            for frame in (frame for frame in stream.decode(video=0) if frame.time is not None):
                shown.append(frame.time)
                seen.append(time.monotonic())
                if len(seen) == 75:
                    break
            assert np.allclose(np.diff(shown), 0.04, atol=0.001)
            assert seen[-1] - seen[-41] > 0.5 * 40 * 0.04, "in real time, but for what was sent meanwhile"
            server.stop()
            with pytest.raises(av.ExitError):
                list(stream.decode(video=0))
        server.restart()
        with av.open(server.url(path), options=OPTIONS, timeout=(60, 5)) as stream:
            assert next(stream.decode(video=0)).width == 160


@pytest.fixture(params=["amqtt", pytest.param("mosquitto", marks=pytest.mark.real)])
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoBroker]:
    if request.param == "amqtt":
        monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with DemoBroker() as running:
        need(running.kind == request.param, request.param)
        yield running


def retained(broker: DemoBroker, *kept: str) -> bytes | None:
    """What a newcomer is told about `a`, after a message of its own came back, and what is kept."""
    heard: dict[str, bytes] = {}
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: heard.update({message.topic: bytes(message.payload)})
    client.connect(HOST, broker.port)
    client.loop_start()
    client.subscribe([("a", 1), ("b", 1)])
    client.publish("b", b"mine", qos=1)
    wait(lambda: heard.keys() >= {"b", *kept})
    client.loop_stop()
    client.disconnect()
    return heard.get("a")


def test_a_broker_keeps_what_is_retained_until_it_is_killed(broker: DemoBroker) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.connect(HOST, broker.port)
    client.loop_start()
    client.publish("a", b"state", qos=1, retain=True).wait_for_publish(10)
    client.loop_stop()
    client.disconnect()
    assert retained(broker, "a") == b"state"
    broker.restart()
    assert retained(broker) is None


class Broken(Server):
    def command(self, directory: Path) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit('the disk is gone')"]


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(LinkError, match="Broken did not start: the disk is gone"):
        Broken().start()


def test_the_door_opens_after_the_relay_and_falls_shut(tmp_path: Path) -> None:
    chip = tmp_path / "chip"
    chip.write_bytes(bytes(4))
    door = SimulatedDoor(chip, relay=1, contact=2)
    door.start()
    begun = time.monotonic()
    with chip.open("r+b") as lines:
        lines.seek(1)
        lines.write(b"\x01")
    wait(lambda: chip.read_bytes()[2] == 1)
    assert time.monotonic() - begun >= 0.4
    wait(lambda: chip.read_bytes()[2] == 0)
    time.sleep(0.6)
    assert chip.read_bytes() == b"\x00\x01\x00\x00", "the relay is still active: it is the same opening"
    door.close()
