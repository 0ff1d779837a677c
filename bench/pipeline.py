"""What a gate costs and how fast it decides: a film as a camera, the real eye, gate and relay guard.

How each figure is measured is in docs/figures.md.
"""

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date, timedelta
from os import sysconf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bench.measured_eye import PATIENCE_S, Report, peak_mib
from bench.measured_gate import Matched
from edge import models
from edge.doorevents import AccessDenied, AccessGranted, DoorModeChanged
from edge.enrolled import Consent
from edge.errors import EdgeError
from edge.faces import Vision
from edge.film import approach_film
from edge.logfile import Reader
from edge.matcher import Strangers
from edge.picture import Bgr
from edge.quality import QualityGate
from edge.simulate import RtspServer
from edge.site import Site, end
from edge.terms import Evidence
from edge.transport import Envelope, type_name
from edge.whitelist import Whitelist

SYNTHETIC = 10_000
LEAST_EYES_PX = 24.0
"""Smaller than a gate's default, so that a film of a crowd gives decisions too."""
TEMPLATES = 5
EVERY = 4
"""Of the film's frames, which are searched for people to enrol."""
READY_S = 60.0
SETTLE_S, IDLE_S = 4.0, 10.0

Vector = NDArray[np.float32]
Progress = Callable[[str, float, float], None]


class Quantiles(Struct, frozen=True):
    p50: float | None
    p95: float | None


class Ages(Struct, frozen=True):
    p50: float
    p99: float


class Result(Struct, frozen=True):
    """Numbers in milliseconds, medians unless named; per-frame figures are of frames that were searched."""

    frames: int
    n_decisions: int
    decode_ms: float
    detect_ms: float
    embed_ms: float | None
    raw_inference_ms: float
    gate_ms: float | None
    """Per observation: matching, deciding, and handing on what follows."""
    overhead: float
    frame_to_decision_ms: Quantiles
    """From the first good frame of a track to the first answer about it: the relay's pulse, or the refusal."""
    late_grants: int
    """Tracks that were let in after a refusal: doubt about life ended later than it was told."""
    late_grant_ms: Quantiles
    frame_age_ms: Ages
    eye_rss_mib: float
    gate_rss_mib: float
    start_to_first_frame_s: float
    idle_cpu_percent: float


class Decided(Struct):
    """Grants and refusals; milliseconds to the first answer about each track, and to grants after a refusal."""

    decisions: int
    first_ms: list[float]
    late_ms: list[float]


class Run(Struct, frozen=True):
    """What was seen of the processes while the film played."""

    report: Report
    eye_started: float
    matched: list[Matched]
    gate_rss_mib: float
    decided: Decided


def measure(video: Path, pack: str, directory: Path, seconds: float, progress: Progress) -> Result:
    """Play `video` to a gate for so many seconds; `directory` holds the models. `progress` gets phase, done, total."""
    with TemporaryDirectory(prefix="edge-gate-bench-") as scratch:
        root = Path(scratch)
        empty = root / "empty-hall.mp4"
        approach_film(empty, root, [], lambda done, total: None)
        with RtspServer([video, empty]) as camera:
            site = _site(root / "busy", directory, pack, camera.url(video))
            _enrol(site, video, progress)
            run = _play(site, seconds, progress)
            idle = _idle(_site(root / "idle", directory, pack, camera.url(empty)), progress)
    return _result(run, idle)


def _site(root: Path, directory: Path, pack: str, url: str) -> Site:
    zone = "[0.0, 0.0, 1.0, 1.0]"
    return Site(
        root, directory, pack=pack, url=url, zone=zone, least_px=LEAST_EYES_PX, cooldown_s=1.0, pulse_s=0.5,
        liveness_unavailable="accept", broker_port=1,
    )  # fmt: skip


def _enrol(site: Site, video: Path, progress: Progress) -> None:
    """Fill the whitelist with people who do not exist and with those of the film."""
    config = site.config
    vision = Vision(models.load(config.models.pack, Path(config.models.directory)))
    manifest = vision.pack.manifest
    alike = Strangers(manifest.calibration, SYNTHETIC).threshold(config.access.fpir)
    people = Whitelist.of(config, site.credentials, write=True)
    consent = Consent("measurement", "nobody, or a film", date.today() + timedelta(days=1))
    strangers = np.random.default_rng(0).standard_normal((SYNTHETIC, manifest.dimension), np.float32)
    strangers /= np.linalg.norm(strangers, axis=1, keepdims=True)
    for number, template in enumerate(strangers):
        people.enroll(f"nobody {number}", consent, manifest.id, template[np.newaxis])
        progress("enrol", number + 1, SYNTHETIC)
    for number, templates in enumerate(_people(video, vision, config.camera[0].detect_width_px, alike)):
        people.enroll(f"somebody {number}", consent, manifest.id, np.stack(templates))


def _people(video: Path, vision: Vision, width: int, alike: float) -> list[list[Vector]]:
    """Who is in the film: embeddings of good faces, put together where they match."""
    people: list[list[Vector]] = []
    for vector in _embeddings(video, vision, width):
        scores = [max(float(vector @ known) for known in templates) for templates in people]
        best = int(np.argmax(scores)) if scores else -1
        if best < 0 or scores[best] < alike:
            people.append([vector])
        elif len(people[best]) < TEMPLATES:
            people[best].append(vector)
    return people


def _embeddings(video: Path, vision: Vision, width: int) -> Iterator[Vector]:
    gate = QualityGate()
    with av.open(str(video)) as film:
        for number, frame in enumerate(film.decode(video=0)):
            if number % EVERY:
                continue
            image: NDArray[Any] = frame.to_ndarray(format="bgr24")
            picture = Bgr(image)
            for face in vision.detect(picture, width):
                quality = vision.quality(picture, face)
                if quality.eye_distance_px >= LEAST_EYES_PX and gate.passes(quality):
                    yield vision.embed(picture, face)


def _play(site: Site, seconds: float, progress: Progress) -> Run:
    """Guard and gate first; then the eye, from its start to so many seconds after its first frame."""
    report, matched = site.root / "eye.json", site.root / "gate.json"
    with ExitStack() as stack:
        stack.enter_context(_ending(site.start("run", "--role", "relay", log="relay.log")))
        gate = stack.enter_context(_ending(_module(site, "gate", site.file, site.secrets, matched)))
        _wait(lambda: b"WhitelistLoaded" in _content(site.config.state / "facts.jsonl"), site, gate)
        eye_started = time.monotonic()
        eye = stack.enter_context(_ending(_module(site, "eye", site.file, site.config.camera[0].name, seconds, report)))
        while eye.poll() is None:
            progress("play", min(time.monotonic() - eye_started, seconds), seconds)
            time.sleep(0.2)
        gate_rss = peak_mib(gate.pid)
    if eye.returncode:
        raise EdgeError("the eye failed: {why}", why=_last_line(site.root / "eye.log"))
    measured = msgspec.json.decode(report.read_bytes(), type=Report)
    if not measured.frames:
        raise EdgeError("the eye saw no frame in {seconds} s", seconds=PATIENCE_S)
    observations = msgspec.json.decode(matched.read_bytes(), type=list[Matched])
    return Run(measured, eye_started, observations, gate_rss, _decisions(site))


def _module(site: Site, process: str, *arguments: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", f"bench.measured_{process}", *arguments]
    with (site.root / f"{process}.log").open("wb") as log:
        return subprocess.Popen([str(part) for part in command], stdout=log, stderr=log)


def _decisions(site: Site) -> Decided:
    """What the gate's event log tells of grants and refusals, and of what relay pulses and refusals took."""
    decided = Decided(0, [], [])
    refused: set[object] = set()
    track: object = None
    with closing(Reader(site.config.state / "outbox.sqlite")) as reader:
        for stored in reader.read(0, 1_000_000):
            event = msgspec.json.decode(stored.payload, type=Envelope)
            took = event.data.get("decision_ms")
            if event.type in (type_name(AccessDenied), type_name(AccessGranted)):
                decided.decisions += 1
                track = msgspec.convert(event.data["evidence"], Evidence).track
            if event.type in (type_name(AccessDenied), type_name(DoorModeChanged)) and isinstance(took, float):
                (decided.late_ms if track in refused else decided.first_ms).append(took)
            if event.type == type_name(AccessDenied):
                refused.add(track)
    return decided


def _idle(site: Site, progress: Progress) -> float:
    """CPU of an eye in service that looks at an empty hall, percent of one core."""
    eye = site.start("run", "--role", "eye", log="eye.log")
    with _ending(eye):
        for second in range(round(SETTLE_S)):
            progress("idle", second, SETTLE_S + IDLE_S)
            time.sleep(1)
        begun, cpu = time.monotonic(), cpu_s(eye.pid)
        for second in range(round(IDLE_S)):
            progress("idle", SETTLE_S + second, SETTLE_S + IDLE_S)
            time.sleep(1)
        return 100 * (cpu_s(eye.pid) - cpu) / (time.monotonic() - begun)


def _result(run: Run, idle_cpu_percent: float) -> Result:
    frames, samples = run.report.frames, run.report.samples
    matching: defaultdict[float, float] = defaultdict(float)
    for observation in run.matched:
        matching[observation.captured] += observation.cpu_ms
    raw = _median(sample.raw_ms for sample in samples)
    whole = _median(sample.cpu_ms + matching[sample.captured] for sample in samples)
    ages = np.percentile([frame.age_ms for frame in frames], [50, 99])
    embedders = run.report.embedders.values()
    return Result(
        frames=len(frames),
        n_decisions=run.decided.decisions,
        decode_ms=_median(frame.decode_ms for frame in frames),
        detect_ms=_median(frame.detect_ms for frame in frames),
        embed_ms=round(sum(map(_median, embedders)), 3) if embedders else None,
        raw_inference_ms=raw,
        gate_ms=_median(observation.cpu_ms for observation in run.matched) if run.matched else None,
        overhead=round(whole / raw, 3),
        frame_to_decision_ms=_quantiles(run.decided.first_ms),
        late_grants=len(run.decided.late_ms),
        late_grant_ms=_quantiles(run.decided.late_ms),
        frame_age_ms=Ages(*ages.round(1).tolist()),
        eye_rss_mib=round(run.report.rss_mib, 1),
        gate_rss_mib=round(run.gate_rss_mib, 1),
        start_to_first_frame_s=round(run.report.first_frame - run.eye_started, 2),
        idle_cpu_percent=round(idle_cpu_percent, 1),
    )


def _quantiles(took: list[float]) -> Quantiles:
    return Quantiles(*np.percentile(took, [50, 95]).round(1).tolist()) if took else Quantiles(None, None)


def _median(values: Iterable[float]) -> float:
    return round(float(np.median(list(values))), 3)


def cpu_s(process: int) -> float:
    """User and system time of a process so far, all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


def _wait(ready: Callable[[], bool], site: Site, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise EdgeError("the gate did not start: {why}", why=_last_line(site.root / "gate.log"))
        time.sleep(0.1)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _last_line(path: Path) -> str:
    return (_content(path).decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]


@contextmanager
def _ending(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """A child that is told to end, and made to, when its time is over."""
    try:
        yield process
    finally:
        end(process)
