"""How soon a pass that is held up opens, and what looking for passes costs: real camera stream, eye, gate, relay guard.

How each figure is measured is in docs/figures.md.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from bench.passfilm import pass_film
from bench.pipeline import cpu_s
from edge import models
from edge.errors import EdgeError
from edge.invitation import Wish, invite
from edge.simulate import RtspServer
from edge.site import Site, end

PIXELS = 4
"""A module."""
EMPTY_S, SHOWN_S = 1.5, 1.5
READY_S, LATEST_S = 60.0, 30.0
SETTLE_S, IDLE_S = 3.0, 9.0

Progress = Callable[[str, float, float], None]


class Run(Struct, frozen=True):
    """Milliseconds from the first frame with the code to the relay, for each showing; CPU in percent of a core."""

    took_ms: list[float]
    reading_percent: float
    not_reading_percent: float


class Result(Struct, frozen=True):
    """`decision_ms` is over all showings; the cost is the median over the runs of what an idle eye takes more."""

    runs: int
    showings: int
    pixels_a_module: int
    decision_ms: float
    worst_decision_ms: float
    cost_percent_of_core: float
    each: list[Run]


def measure(pack: str, directory: Path, runs: int, showings: int, progress: Progress) -> Result:
    """So many runs of so many showings; `directory` holds the models. `progress` gets phase, done, total."""
    each = []
    for number in range(runs):
        with TemporaryDirectory(prefix="edge-gate-bench-") as scratch:
            each.append(_run(Path(scratch), pack, directory, showings))
        progress("run", number + 1, runs)
    took = [ms for run in each for ms in run.took_ms]
    cost = median(run.reading_percent - run.not_reading_percent for run in each)
    return Result(runs, len(took), PIXELS, round(median(took)), round(max(took)), round(cost, 1), each)


def _run(root: Path, pack: str, directory: Path, showings: int) -> Run:
    models.fetch(pack, directory)
    site = _site(root / "busy", directory, pack)
    now = time.time()
    made = invite(Wish("bench", ["gate-1"], now - 60, now + 3600, uses=0), site.config, site.credentials)
    film = pass_film(made.token, root / "pass.mp4", PIXELS, EMPTY_S, SHOWN_S)
    empty = pass_film(made.token, root / "empty.mp4", PIXELS, EMPTY_S, 0.0)
    with RtspServer([film, empty]) as camera:
        took = _shown(_site(site.root, directory, pack, camera.url(film)), showings)
        sites = [_site(root / name, directory, pack, camera.url(empty)) for name in ("reading", "not-reading")]
        sites[1].file.write_text(sites[1].file.read_text() + "\n[passes]\nread = false\n")
        return Run(took, *map(_idle, sites))


def _site(root: Path, directory: Path, pack: str, url: str = "rtsp://127.0.0.1:1/none") -> Site:
    return Site(
        root, directory, pack=pack, url=url, zone="[0.0, 0.0, 1.0, 1.0]", cooldown_s=SHOWN_S + 0.5, pulse_s=0.5,
        liveness_unavailable="accept", clock_untrusted="accept", broker_port=1,
    )  # fmt: skip


def _shown(site: Site, showings: int) -> list[float]:
    """Milliseconds from each time the code came into the picture to the relay's answer."""
    report = site.root / "eye.json"
    eye = [sys.executable, "-m", "bench.measured_pass", str(site.file), "entrance", str(report)]
    with contextlib.ExitStack() as stack:
        for role in ("relay", "gate"):
            stack.callback(end, site.start("run", "--role", role, log=f"{role}.log"))
        with (site.root / "eye.log").open("wb") as log:
            looking = subprocess.Popen(eye, stdout=log, stderr=log)
        stack.callback(end, looking)
        _wait(lambda: len(list(_opened(site))) >= 1, READY_S)
        _wait(lambda: len(list(_opened(site))) >= showings, showings * LATEST_S)
    came, opened = msgspec.json.decode(report.read_bytes(), type=list[float]), list(_opened(site))
    firsts = [next((at for at in opened if at >= seen), None) for seen in came]
    return [1000 * (at - seen) for seen, at in zip(came, firsts, strict=True) if at][:showings]


def _opened(site: Site) -> Iterator[float]:
    """When the relay said that it has opened, by the gate's fact log."""
    path = site.config.state / "facts.jsonl"
    for line in path.read_bytes().split(b"\n")[1:-1] if path.exists() else []:
        if b'"started"' in line:
            yield msgspec.json.decode(line)["now"]["mono"]


def _idle(site: Site) -> float:
    """CPU of an eye in service that looks at an empty hall, percent of a core."""
    with contextlib.ExitStack() as stack:
        eye = site.start("run", "--role", "eye", log="eye.log")
        stack.callback(end, eye)
        time.sleep(SETTLE_S)
        begun, before = time.monotonic(), cpu_s(eye.pid)
        time.sleep(IDLE_S)
        return round(100 * (cpu_s(eye.pid) - before) / (time.monotonic() - begun), 1)


def _wait(ready: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise EdgeError("the gate opened for no pass within {seconds:.0f} s", seconds=seconds)
        time.sleep(0.05)
