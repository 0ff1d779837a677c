"""An eye as in service, every searched frame measured; afterwards the same inference again, alone.

`python -m bench.measured_eye CONFIG CAMERA SECONDS REPORT` writes a `Report` as JSON. The inputs of sampled frames
go to a file, not into memory, and what that costs is taken off the frame again.
"""

import math
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.camera import Camera
from edge.config import load
from edge.eye import Eye, FrameTimes
from edge.faces import Vision
from edge.models import load as load_pack
from edge.network import Network, Pixels, Tensor

EVERY, MOST = 8, 240
"""Which frames are sampled, and how many at most."""
PATIENCE_S = 60.0
"""How long the first frame may take."""


class Sample(Struct, frozen=True):
    """CPU milliseconds of one frame from decoded picture to observations sent, and of its inference alone."""

    captured: float
    cpu_ms: float
    raw_ms: float


class Report(Struct, frozen=True):
    """`first_frame` and `last_frame` are monotonic seconds; `rss_mib` is the peak, before the inference is repeated.

    `embedders` has the milliseconds of each embedder's runs, by its file.
    """

    first_frame: float
    last_frame: float
    rss_mib: float
    frames: list[FrameTimes]
    samples: list[Sample]
    embedders: dict[str, list[float]]


class Call(NamedTuple):
    """One run of a network, its input in the spool."""

    network: Network
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Meter:
    """Listens to the eye and to its networks."""

    def __init__(self, spool: BinaryIO) -> None:
        self.frames: list[FrameTimes] = []
        self.embedders: defaultdict[str, list[float]] = defaultdict(list)
        self.sampled: list[tuple[float, float, list[Call]]] = []
        self.first = self.last = 0.0
        self._spool = spool
        self._calls: list[Call] = []
        self._own_s = 0.0
        self._sampling = True

    def inference(self, network: Network, tensor: Tensor | Pixels, seconds: float) -> None:
        if network.spec.role == "embedder":
            self.embedders[network.spec.file].append(1000 * seconds)
        if self._sampling:
            begun = time.thread_time()
            self._calls.append(Call(network, self._spool.tell(), tensor.shape, tensor.dtype))
            self._spool.write(np.ascontiguousarray(tensor).data)
            self._own_s += time.thread_time() - begun

    def frame(self, times: FrameTimes) -> None:
        self.last = time.monotonic()
        self.first = self.first or self.last
        if self._sampling:
            self.sampled.append((times.captured, times.cpu_ms - 1000 * self._own_s, self._calls))
        self.frames.append(times)
        self._calls, self._own_s = [], 0.0
        self._sampling = len(self.frames) % EVERY == 0 and len(self.sampled) < MOST

    def replay(self) -> list[Sample]:
        """Run the inference of every sampled frame again, and nothing else."""
        samples = []
        for captured, cpu_ms, calls in self.sampled:
            inputs = [self._input(call) for call in calls]
            begun = time.thread_time()
            for call, tensor in zip(calls, inputs, strict=True):
                call.network.run(tensor)
            samples.append(Sample(captured, cpu_ms, 1000 * (time.thread_time() - begun)))
        return samples

    def _input(self, call: Call) -> NDArray[Any]:
        self._spool.seek(call.offset)
        return np.fromfile(self._spool, call.dtype, math.prod(call.shape)).reshape(call.shape)


def peak_mib(process: int | str = "self") -> float:
    """The largest resident set of a process so far, MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(file: Path, name: str, seconds: float, report: Path) -> None:
    """As `edge.eye.run`, until so many seconds after the first frame or SIGTERM."""
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    config = load(file)
    section = next(section for section in config.camera if section.name == name)
    camera = Camera(section, "")
    camera.start()
    with TemporaryFile(buffering=0) as spool:
        meter = Meter(spool)
        pack = load_pack(config.models.pack, Path(config.models.directory))
        vision = Vision(pack, observer=meter.inference)
        Eye(config, section, camera, vision, meter).run(_until(meter, seconds, stopped))
        camera.close()
        rss_mib = peak_mib()
        samples = _alone(meter)
    told = Report(meter.first, meter.last, rss_mib, meter.frames, samples, meter.embedders)
    report.write_bytes(msgspec.json.encode(told))


def _until(meter: Meter, seconds: float, stopped: Event) -> Callable[[], bool]:
    begun = time.monotonic()

    def over() -> bool:
        limit = meter.first + seconds if meter.frames else begun + PATIENCE_S
        return stopped.is_set() or time.monotonic() > limit

    return over


def _alone(meter: Meter) -> list[Sample]:
    for _, _, calls in meter.sampled:
        for call in calls:
            call.network.observer = None
    return meter.replay()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), Path(sys.argv[4]))
