"""Stand-ins for what surrounds a gate: a camera, a broker, and a person who pushes the door.

The servers are real ones in processes of their own, bound to 127.0.0.1, so that they can be killed, stopped and
started again in earnest. `python -m edge.simulate camera|broker` is such a process.
"""

import asyncio
import contextlib
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Self

import av
from av.video.stream import VideoStream

from edge.errors import EdgeError, LinkError, PhotoError

HOST = "127.0.0.1"
_START_S = 60.0
_PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to connections, one of which could have it before the server listens."""


def free_port() -> int:
    """A port of this machine that nobody uses."""
    while True:
        port = random.choice(_PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port


class Server(ABC):
    """A server process on a free port of this machine; the port stays the same when it is started again."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: TemporaryDirectory[str] | None = None

    def prepare(self, directory: Path) -> None:  # noqa: B027 - most servers need no files
        """Write the files that it serves or reads; once, before the first start."""

    @abstractmethod
    def command(self, directory: Path) -> list[str]:
        """What to run, listening on `port`, with the files in `directory`."""

    def start(self) -> None:
        """Start and wait until it accepts connections; LinkError with what it said when it does not."""
        try:
            if self._scratch is None:
                self._scratch = TemporaryDirectory(prefix="edge-gate-")
                self.prepare(Path(self._scratch.name))
            self._launch(self.command(Path(self._scratch.name)))
        except EdgeError:
            self.close()
            raise

    def _launch(self, command: list[str]) -> None:
        with TemporaryFile() as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
            deadline = time.monotonic() + _START_S
            while not self._answers():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    lines = said.read().decode(errors="replace").strip().splitlines() or ["no answer"]
                    raise LinkError("{what} did not start: {why}", what=type(self).__name__, why=lines[-1])
                time.sleep(0.02)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex((HOST, self.port)) == 0

    def kill(self) -> None:
        """End it at once, as a power cut does; whatever it held in memory is lost."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Freeze it: connections stay open, nothing moves."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def restart(self) -> None:
        self.kill()
        self.start()

    def close(self) -> None:
        self.kill()
        if self._scratch:
            self._scratch.cleanup()
            self._scratch = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RtspServer(Server):
    """Serves films as a camera would, over RTSP/TCP in real time and without end."""

    def __init__(self, films: Iterable[Path]) -> None:
        super().__init__()
        self._films = list(films)

    def prepare(self, directory: Path) -> None:
        for film in self._films:
            as_camera(film, directory / f"{film.stem}.mp4")

    def command(self, directory: Path) -> list[str]:
        return [sys.executable, "-m", "edge.simulate", "camera", str(self.port), str(directory)]

    def url(self, film: Path) -> str:
        """The address of one of the films; it begins anew for every client, and again whenever it is over."""
        return f"rtsp://{HOST}:{self.port}/{film.stem}.mp4?play_count=0"


class DemoBroker(Server):
    """An MQTT broker without a memory: mosquitto where it is installed, else one from PyPI."""

    def __init__(self) -> None:
        super().__init__()
        self._mosquitto = shutil.which("mosquitto", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")

    @property
    def kind(self) -> str:
        return "mosquitto" if self._mosquitto else "amqtt"

    def command(self, directory: Path) -> list[str]:
        if not self._mosquitto:
            return [sys.executable, "-m", "edge.simulate", "broker", str(self.port)]
        settings = directory / "mosquitto.conf"
        settings.write_text(
            f"listener {self.port} {HOST}\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n"
        )
        return [self._mosquitto, "-c", str(settings)]


class SimulatedDoor(threading.Thread):
    """Somebody who opens the door 0.4 s after the relay of a simulated chip went active, and lets it fall shut.

    The chip is a file with one byte a line, 1 when it is active.
    """

    def __init__(self, chip: Path, relay: int, contact: int) -> None:
        super().__init__(name="simulated-door", daemon=True)
        self._chip, self._relay, self._contact = chip, relay, contact
        self._closed = threading.Event()

    def run(self) -> None:
        was = False
        while not self._closed.wait(0.02):
            active = self._released()
            if active and not was and not self._closed.wait(0.4):
                self._move(True)
                self._closed.wait(1.5)
                self._move(False)
            was = active

    def close(self) -> None:
        self._closed.set()
        self.join()

    def _released(self) -> bool:
        try:
            return self._chip.read_bytes()[self._relay] != 0
        except (FileNotFoundError, IndexError):
            return False

    def _move(self, is_open: bool) -> None:
        with self._chip.open("r+b") as lines:
            lines.seek(self._contact)
            lines.write(bytes([is_open]))


def seconds_of(film: Path) -> float:
    """How long a film is; PhotoError when it is none."""
    try:
        with av.open(str(film)) as opened:
            return (opened.duration or 0) / av.time_base
    except (av.FFmpegError, OSError) as error:
        raise PhotoError("{path} cannot be read as a film: {why}", path=film, why=error.strerror) from error


def as_camera(source: Path, target: Path) -> None:
    """Copy a film the way a camera sends it: one video track, a key frame every two seconds, no B-frames.

    A film that is like that already is copied as it is; another is encoded anew, because the server derives the
    times of frames from their order in the file. PhotoError when it cannot be read.
    """
    try:
        with av.open(str(source)) as film, av.open(str(target), "w") as copy:
            if not film.streams.video:
                raise PhotoError("{path} has no video", path=source)
            video = film.streams.video[0]
            rate = video.average_rate or Fraction(25)
            (_remux if _camera_like(source, rate) else _encode)(film, video, copy, rate)
    except (av.FFmpegError, OSError) as error:
        raise PhotoError("{path} cannot be read as a film: {why}", path=source, why=error.strerror) from error


def _camera_like(source: Path, rate: Fraction) -> bool:
    with av.open(str(source)) as film:
        if film.streams.video[0].codec_context.name not in ("h264", "hevc"):
            return False
        since_key = 0
        for packet in film.demux(video=0):
            since_key = 0 if packet.is_keyframe else since_key + 1
            if packet.pts != packet.dts or since_key > 2 * rate:
                return False
    return True


def _remux(
    film: av.container.InputContainer, video: VideoStream, copy: av.container.OutputContainer, _: Fraction
) -> None:
    track = copy.add_stream_from_template(video)
    for packet in film.demux(video):
        if packet.dts is not None:
            packet.stream = track
            copy.mux(packet)


def _encode(
    film: av.container.InputContainer, video: VideoStream, copy: av.container.OutputContainer, rate: Fraction
) -> None:
    track = copy.add_stream("libx264", rate=rate)
    track.width, track.height, track.pix_fmt = video.width, video.height, "yuv420p"
    track.codec_context.time_base = 1 / rate
    track.options = {"preset": "veryfast", "crf": "20", "bf": "0", "g": str(round(rate))}
    for number, frame in enumerate(film.decode(video)):
        frame.pts, frame.time_base, frame.pict_type = number, 1 / rate, 0
        copy.mux(track.encode(frame))
    copy.mux(track.encode(None))


async def _serve_camera(port: int, directory: str) -> None:
    from aio_rtsp_toolkit import server

    server.logger = logging.getLogger("rtsp")
    await server.serve(directory, host=HOST, port=port, session_timeout=86_400)


async def _serve_broker(port: int) -> None:
    from amqtt.broker import Broker

    plugins: dict[str, dict[str, object]] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {}}
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}}, "plugins": plugins})
    await broker.start()
    await asyncio.Event().wait()


def main(role: str, port: str, *rest: str) -> None:
    if role not in ("camera", "broker"):
        raise EdgeError("{role} is neither camera nor broker", role=role)
    asyncio.run(_serve_camera(int(port), *rest) if role == "camera" else _serve_broker(int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
