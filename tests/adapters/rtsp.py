"""A real RTSP server with real clips for tests of whatever reads a camera."""

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Self

import av
import numpy as np
import numpy.typing as npt

from tests.conftest import need

SCRIPT = Path(__file__).with_name("gst_rtsp_server.py")
SYSTEM_PYTHON = "/usr/bin/python3"
FPS = 25
CODECS = {"h264": "libx264", "h265": "libx265"}
BITS, BAR = 10, 16
"""A clip's pictures carry their numbers: so many bits, from the lowest on, in a bar of so many rows at the top."""


@cache
def _gstreamer() -> bool:
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        return subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def need_gstreamer() -> None:
    need(_gstreamer(), "GStreamer RTSP server (gir1.2-gst-rtsp-server-1.0, python3-gi)")


def make_clip(path: Path, size: tuple[int, int] = (320, 240), frames: int = 50, keep: float = 1.0) -> Path:
    """Encode a moving gradient, numbered, to a raw clip, a key frame every 10; the suffix of `path` names the codec.

    With `keep` < 1 every picture loses the rest of its bytes.
    """
    codec = av.CodecContext.create(CODECS[path.suffix[1:]], "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height = size
    codec.pix_fmt, codec.framerate, codec.gop_size = "yuv420p", Fraction(FPS), 10
    codec.thread_count = 1  # several would make several slices a picture, which the payloader takes apart
    codec.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none:keyint=10"}
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    with path.open("wb") as file:
        for n in range(frames + 1):
            luma = (x * 3 + y * 2 + n * 8).astype(np.uint8)
            luma[:BAR] = 40 + 170 * (n >> x[:BAR] * BITS // size[0] & 1)
            picture = av.VideoFrame.from_ndarray(np.dstack([luma, luma, luma]), format="rgb24")
            for packet in codec.encode(picture if n < frames else None):
                data = bytes(packet)
                file.write(data[: int(len(data) * keep)])
    return path


def number_of(luma: npt.NDArray[np.uint8]) -> int:
    """Which picture of its clip this is, by what it shows."""
    width = luma.shape[1] / BITS
    return sum(int(luma[BAR // 2, int((bit + 0.5) * width)] > 125) << bit for bit in range(BITS))


def remux(video: Path, path: Path) -> Path:
    """Copy the video of a container to a raw H.264 clip, without encoding it again."""
    with av.open(str(video)) as source, av.open(str(path), "w", format="h264") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


class RtspServer:
    """The GStreamer server as a child process; its faults are signals."""

    def __init__(
        self, *clips: Path, user: str = "", password: str = "", port: int = 0, fps: int = FPS, clock: str = "0"
    ) -> None:
        arguments = [str(port), user, password, str(fps), clock, *map(str, clips)]
        command = [SYSTEM_PYTHON, str(SCRIPT), *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
        assert self._process.stdout
        self._output = self._process.stdout
        self.port = int(self._output.readline() or 0)
        assert self.port, "the RTSP server did not start"
        self.url = f"rtsp://127.0.0.1:{self.port}/cam"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def stop(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()


class Rewriter(socketserver.ThreadingTCPServer):
    """Stands before a server and says some words of its answers as others of the same length."""

    daemon_threads = True

    def __init__(self, server: RtspServer, words: bytes, others: bytes) -> None:
        assert len(words) == len(others)
        super().__init__(("127.0.0.1", 0), _Rewritten)
        self.behind, self.words, self.others = server.port, words, others
        self.url = f"rtsp://127.0.0.1:{self.server_address[1]}/cam"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=[0.05]).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Rewritten(socketserver.BaseRequestHandler):
    server: Rewriter

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.behind)) as behind:
            threading.Thread(target=self._pass, args=[self.request, behind], daemon=True).start()
            self._pass(behind, self.request)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whoever goes first takes the other along
            while data := source.recv(65536):
                sink.sendall(
                    data.replace(self.server.words, self.server.others) if source is not self.request else data
                )
            sink.shutdown(socket.SHUT_RDWR)
