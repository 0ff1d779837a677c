"""Two real streams of one camera: a face shows in infrared, a screen does not, and the stream may be away."""

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from msgspec import structs

from edge import models
from edge.camera import Camera
from edge.config import Credentials
from edge.eye import Eye
from edge.eyes import Eyes, Seen
from edge.faces import Vision
from edge.facts import CameraReported
from edge.infrared import InfraredCamera
from edge.infrared import section as infrared_section
from edge.presence import Infrared
from edge.sections import InfraredSection
from edge.simulate import RtspServer
from edge.site import Site
from tests.conftest import ROOT
from tests.system.house import RATE, wait

pytestmark = [pytest.mark.real, pytest.mark.slow]


def changed(film: Path, target: Path, dark: bool) -> Path:
    """A film as an infrared camera has it: grey and small; `dark` is how it sees a screen."""
    with av.open(str(film)) as source, av.open(str(target), "w") as copy:
        stream = copy.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.options = {"preset": "ultrafast", "bf": "0", "g": str(RATE)}
        for frame in source.decode(video=0):
            grey = frame.to_ndarray(format="gray", width=640, height=360)
            image = np.repeat((grey // 16 if dark else grey)[..., None], 3, axis=2)
            copy.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        copy.mux(stream.encode(None))
    return target


class Gate:
    """The gate's end: what the eye says of infrared at each view, and of the stream."""

    def __init__(self, site: Site, pack: str) -> None:
        site.config.runtime.mkdir(parents=True, exist_ok=True)
        self.heard: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.infrared: list[Infrared] = []
        self.details: set[str] = set()
        cameras = frozenset({"entrance"})
        self.eyes = Eyes(site.config.socket("eye"), frozenset({os.getuid()}), cameras, pack, self.heard.put)
        self.eyes.start()

    def hear(self) -> list[Infrared]:
        while not self.heard.empty():
            item = self.heard.get()
            if isinstance(item, Seen):
                self.infrared.append(item.observation.cues.infrared)
            elif isinstance(item, CameraReported):
                self.details.add(item.detail)
        return self.infrared


@pytest.fixture(scope="module")
def vision(shared: Path) -> Vision:
    models.fetch("zoo", ROOT / "var/models", shared / "models")
    return Vision(models.load("zoo", ROOT / "var/models"))


@pytest.fixture(scope="module")
def server(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("infrared")
    films = [film, changed(film, folder / "warm.mp4", False), changed(film, folder / "dark.mp4", True)]
    with RtspServer(films) as running:
        yield {path.stem: running.url(path) for path in films} | {"away": "rtsp://127.0.0.1:9/none"}


@pytest.mark.parametrize(
    ("stream", "expected"), [("warm", Infrared.FACE), ("dark", Infrared.NONE), ("away", Infrared.UNKNOWN)]
)
def test_a_view_says_whether_the_face_shows_in_infrared(
    server: dict[str, str], vision: Vision, tmp_path: Path, stream: str, expected: Infrared
) -> None:
    site = Site(tmp_path, ROOT / "var/models", pack="zoo", url=server["visitor"])
    section = structs.replace(site.config.camera[0], infrared=InfraredSection(server[stream]))
    gate = Gate(site, vision.pack.manifest.id)
    second = infrared_section(section)
    assert second
    camera, infrared, stopped = Camera(section, ""), InfraredCamera(second, Credentials(tmp_path)), threading.Event()
    camera.start()
    if stream != "away":
        wait(infrared.newest)
    eye = threading.Thread(
        target=Eye(site.config, section, camera, vision, infrared=infrared).run, args=[stopped.is_set]
    )
    eye.start()
    try:
        wait(lambda: gate.hear().count(expected) >= 6)
        if stream == "away":
            wait(lambda: gate.hear() and any(detail.startswith("infrared: ") for detail in gate.details))
    finally:
        stopped.set()
        eye.join()
        for each in (camera, infrared):
            each.close()
        gate.eyes.stop()
    told = [each for each in gate.infrared if each is not Infrared.UNKNOWN]  # a frame that came late tells nothing
    assert told == [] if stream == "away" else told.count(expected) >= 0.8 * len(told)
