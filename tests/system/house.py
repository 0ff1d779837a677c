"""A gate on this machine for whole-system stories: real processes, a film as its camera, the relay watched."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np

from edge import models
from edge.enrolled import Consent
from edge.errors import StoreError
from edge.faces import Vision
from edge.logfile import Reader
from edge.matcher import Vector
from edge.picture import Bgr
from edge.quality import QualityGate
from edge.simulate import HOST
from edge.site import EXIT_BUTTON, RELAY, Site, end
from edge.transport import Envelope, Event, type_name
from edge.whitelist import Whitelist
from tests.conftest import ROOT

STORE = ROOT / "var" / "models"
PACK = "registry"
RATE = 25
EMPTY_S, VISIT_S, LOOP_S = 1.6, 2.4, 8.0
"""The visitor's film: nobody, then one person looking at the camera, then nobody until it begins anew."""
SIZE = 1920, 1080
"""Large, so that a backlog takes its time to decode and is looked at on the way."""
FIRST, LAST = 140, 200
"""The frames of the talking scene that show this person."""


def visitor_film(scene: Path, target: Path) -> Path:
    """Somebody of `scene` before the camera for VISIT_S, and nobody for the rest of LOOP_S."""
    faces = list(_frames(scene))
    nobody = np.random.default_rng(0).integers(90, 110, faces[0].shape, np.uint8)
    with av.open(str(target), "w") as film:
        stream = film.add_stream("libx264", rate=RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        stream.options = {"preset": "ultrafast", "bf": "0", "g": str(RATE)}
        before = [nobody] * round(EMPTY_S * RATE)
        for image in before + faces + [nobody] * (round(LOOP_S * RATE) - len(before) - len(faces)):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        film.mux(stream.encode(None))
    return target


def _frames(scene: Path) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    with av.open(str(scene)) as film:
        for number, frame in enumerate(film.decode(video=0)):
            if FIRST <= number < LAST:
                yield frame.to_ndarray(format="bgr24", width=SIZE[0], height=SIZE[1])


def cut(film: Path, target: Path, seconds: float) -> Path:
    """The beginning of a film, as it is."""
    with av.open(str(film)) as source, av.open(str(target), "w") as copy:
        track = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None or packet.dts * packet.time_base > seconds:
                break
            packet.stream = track
            copy.mux(packet)
    return target


def templates(scene: Path, pack: str = PACK) -> Vector:
    """What the pack makes of that person's good views, (n, D)."""
    vision, gate = Vision(models.load(pack, STORE)), QualityGate()
    found = []
    for image in list(_frames(scene))[::12]:
        picture = Bgr(image)
        face = vision.detect(picture, image.shape[1])[0]
        if gate.passes(vision.quality(picture, face)):
            found.append(vision.embed(picture, face))
    return np.stack(found)


class Watch(threading.Thread):
    """Notes when the relay's line of a simulated chip goes active."""

    def __init__(self, chip: Path) -> None:
        super().__init__(name="watch", daemon=True)
        self._chip, self._closed = chip, threading.Event()
        self.opened: list[float] = []

    def run(self) -> None:
        was = False
        while not self._closed.wait(0.005):
            active = self._chip.exists() and self._chip.read_bytes()[RELAY : RELAY + 1] == b"\x01"
            if active and not was:
                self.opened.append(time.monotonic())
            was = active

    def close(self) -> None:
        self._closed.set()
        self.join()


class House:
    """One gate's site with its processes; `stop` and `close` end what it started."""

    def __init__(self, site: Site) -> None:
        self.site, self.processes = site, dict[str, "subprocess.Popen[bytes]"]()
        self.watch = Watch(site.chip)
        self.watch.start()

    def enroll(self, faces: Vector, pack: str = PACK) -> str:
        """Put the person on the whitelist; the id."""
        consent = Consent("test", "somebody in a film", date.today() + timedelta(days=2))
        people = Whitelist.of(self.site.config, self.site.credentials, write=True)
        return people.enroll("visitor", consent, models.manifest(pack).id, faces).id

    def start(self, *roles: str) -> None:
        for role in roles:
            options = ["record"] if role == "record" else ["run", "--role", role]
            self.processes[role] = self.site.start(*options, log=f"{role}.log")

    def stop(self, *roles: str) -> None:
        for role in roles:
            end(self.processes.pop(role))

    def kill(self, role: str) -> None:
        process = self.processes.pop(role)
        process.kill()
        process.wait()

    @contextlib.contextmanager
    def frozen(self, role: str) -> Iterator[None]:
        """The process does not run within; it goes on afterwards as if nothing had been."""
        os.kill(self.processes[role].pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.processes[role].pid, signal.SIGCONT)

    def press_exit(self) -> None:
        """Somebody inside presses the exit button until the relay answers, which it does not during a pulse."""
        before = len(self.watch.opened)
        wait(lambda: not self.released)
        for _ in range(10):
            self.line(EXIT_BUTTON, 1)
            with contextlib.suppress(AssertionError):
                wait(lambda: len(self.watch.opened) > before, 6.0)
                break
            self.line(EXIT_BUTTON, 0)
            time.sleep(0.2)  # longer than the gate's debounce: it is a press of its own
        self.line(EXIT_BUTTON, 0)
        assert len(self.watch.opened) > before, "waited in vain"

    @property
    def released(self) -> bool:
        """Whether the relay of the door is active."""
        return self.site.chip.read_bytes()[RELAY] != 0

    def line(self, number: int, value: int) -> None:
        """Make an input of the door active or not."""
        with self.site.chip.open("r+b") as lines:
            lines.seek(number)
            lines.write(bytes([value]))

    @property
    def outbox(self) -> Path:
        return self.site.config.state / "outbox.sqlite"

    def events(self, *kinds: type[Event]) -> list[Envelope]:
        """What the gate's own event log holds, of these kinds or all; nothing while there is no log."""
        wanted = {type_name(kind) for kind in kinds}
        try:
            return [event for event in recorded(self.outbox) if event.type in wanted or not wanted]
        except StoreError:
            return []

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """The facts of a kind that the gate took in, each with the time `mono` when it did."""
        path = self.site.config.state / "facts.jsonl"
        lines = path.read_bytes().split(b"\n")[1:-1] if path.exists() else []
        found = (msgspec.json.decode(line) for line in lines if kind.encode() in line)
        return [each["fact"] | {"mono": each["now"]["mono"]} for each in found if each["fact"]["type"] == kind]

    def logs(self) -> str:
        """All that the processes said."""
        return "".join(path.read_text() for path in self.site.root.glob("*.log"))

    def close(self) -> None:
        self.stop(*list(self.processes))
        self.watch.close()


def recorded(outbox: Path) -> list[Envelope]:
    """Every event that a gate's log still holds; StoreError when there is none or it is damaged."""
    with contextlib.closing(Reader(outbox)) as reader:
        return [msgspec.json.decode(row.payload, type=Envelope) for row in reader.read(0, 100_000)]


def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until the condition holds; fail when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def somewhere(root: Path, camera: str = "", broker: str = "", **values: object) -> House:
    """A house in `root`; `camera` and `broker` are more lines of these sections. By default neither is there.

    One vote opens: the harshest setting for whatever must not open.
    """
    fields = {
        "pack": PACK, "least_px": 20.0, "zone": "[0.0, 0.0, 1.0, 1.0]", "pulse_s": 0.5, "cooldown_s": 1.0,
        "liveness_unavailable": "accept", "broker_port": 1, "url": f"rtsp://{HOST}:1/none",
    }  # fmt: skip
    site = Site(root, STORE, **{**fields, **values})
    text = site.file.read_text()
    for section, lines in (("[access]", "votes = 1"), ("[[camera]]", camera), ("[broker]", broker)):
        text = text.replace(section, f"{section}\n{lines}")
    site.file.write_text(text)
    return House(site)
