"""How many cameras without a door a host watches over: what one costs, looked at by the real process.

The film is served as that many cameras by the product's own server, whose work is not counted. `python -m bench.cameras
CONFIG CAMERA` is the eye of one of them, as `edge-gate run --role eye` is.
"""

import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from edge.config import Credentials, load
from edge.errors import EdgeError
from edge.eyes import Eyes
from edge.facts import CameraReported
from edge.onlooker import run
from edge.simulate import RtspServer
from edge.site import end
from edge.terms import ALIVE

READY_S = 60.0
SHARE = 0.7
"""Of a core that is counted on: the rest is for what comes seldom, such as a camera that begins again."""
HEAD = """\
[gate]
site = "bench"
name = "gate-1"
state_dir = "{root}"
runtime_dir = "{root}"
"""
CAMERA = """
[[camera]]
name = "camera-{number}"
url = "{url}"
door = ""
"""

Progress = Callable[[str, int, int], None]


class Result(Struct):
    """Means over the cameras; CPU of one core. `streaming` had usable frames whenever they reported."""

    cameras: int
    streaming: int
    frames_per_s: float
    cpu_percent: float
    rss_mib: float
    per_core: int


def measure(video: Path, cameras: int, seconds: float, progress: Progress) -> Result:
    """Watch so many cameras for so long; EdgeError when one of them does not stream to begin with."""
    with (
        TemporaryDirectory(prefix="edge-gate-bench-") as directory,
        RtspServer([video]) as server,
        ExitStack() as stack,
    ):
        file = _configuration(Path(directory), server.url(video), cameras)
        names = frozenset(f"camera-{number}" for number in range(cameras))
        heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        eyes = Eyes(load(file).socket("eye"), frozenset({os.geteuid()}), names, "", heard.put)
        eyes.start()
        stack.callback(eyes.stop)
        processes = [_start(file, name, stack) for name in sorted(names)]
        _ready(heard, names, progress)
        begun, before = time.monotonic(), [_cpu_s(each.pid) for each in processes]
        reports = _listen(heard, seconds, progress)
        took = time.monotonic() - begun
        used = [(_cpu_s(each.pid) - old) / took for each, old in zip(processes, before, strict=True)]
        memory = [_rss_mib(each.pid) for each in processes]
    return _judged(reports, names, sum(used) / cameras, sum(memory) / cameras)


def _configuration(root: Path, url: str, cameras: int) -> Path:
    file = root / "gate.toml"
    tables = [CAMERA.format(number=number, url=url) for number in range(cameras)]
    file.write_text(HEAD.format(root=root) + "".join(tables))
    return file


def _start(file: Path, name: str, stack: ExitStack) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-m", "bench.cameras", str(file), name])
    stack.callback(end, process)
    return process


def _ready(heard: "queue.SimpleQueue[Any]", names: frozenset[str], progress: Progress) -> None:
    """Wait until every camera streams."""
    deadline, seen = time.monotonic() + READY_S, set[str]()
    while seen != names:
        if (left := deadline - time.monotonic()) <= 0:
            raise EdgeError("{count} cameras do not stream", count=len(names - seen))
        try:
            fact = heard.get(timeout=left)
        except queue.Empty:
            continue
        if isinstance(fact, CameraReported) and fact.status in ALIVE and fact.frames_per_s > 0:
            seen.add(fact.camera)
            progress("connect", len(seen), len(names))


def _listen(heard: "queue.SimpleQueue[Any]", seconds: float, progress: Progress) -> list[CameraReported]:
    reports, begun = [], time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        progress("watch", round(gone), round(seconds))
        try:
            fact = heard.get(timeout=min(0.5, seconds - gone))
        except queue.Empty:
            continue
        if isinstance(fact, CameraReported):
            reports.append(fact)
    return reports


def _judged(reports: list[CameraReported], names: frozenset[str], share: float, memory: float) -> Result:
    broken = {each.camera for each in reports if each.status not in ALIVE}
    streaming = {each.camera for each in reports} - broken
    rate = sum(each.frames_per_s for each in reports) / max(1, len(reports))
    return Result(
        len(names), len(streaming), round(rate, 2), round(100 * share, 2), round(memory, 1),
        int(SHARE / share) if share > 0 else 0,
    )  # fmt: skip


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mib(process: int) -> float:
    return int(Path(f"/proc/{process}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    configuration, camera = sys.argv[1:]
    run(load(Path(configuration)), camera, Credentials(Path(configuration).parent))
