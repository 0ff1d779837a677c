"""An eye as in service that also notes since when a code could be seen.

`python -m bench.measured_pass CONFIG CAMERA REPORT` writes the moments (monotonic seconds, of capture) at which the
code of `bench.passfilm` came into the picture, as a JSON list; until SIGTERM.
"""

import signal
import sys
from pathlib import Path
from threading import Event

import msgspec

from bench.passfilm import CODE_AT, LIGHT
from edge.camera import Camera
from edge.codes import Codes
from edge.config import CameraSection, Config, load
from edge.eye import Eye
from edge.faces import Vision
from edge.models import load as load_pack
from edge.picture import Image


class WatchedCodes(Codes):
    """Is shown every frame that the eye looks at, and looks itself before it searches."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[float] = []
        self._there = False

    def new(self, luma: Image, captured: float) -> list[str]:
        there = bool(luma[CODE_AT].max() > LIGHT)
        if there and not self._there:
            self.came.append(captured)
        self._there = there
        return super().new(luma, captured)


class WatchedEye(Eye):
    def __init__(self, config: Config, section: CameraSection, camera: Camera, vision: Vision) -> None:
        super().__init__(config, section, camera, vision)
        self.codes = self._codes = WatchedCodes()


def main(file: Path, name: str, report: Path) -> None:
    """As `edge.eye.run`."""
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    config = load(file)
    section = next(section for section in config.camera if section.name == name)
    camera = Camera(section, "")
    camera.start()
    eye = WatchedEye(config, section, camera, Vision(load_pack(config.models.pack, Path(config.models.directory))))
    eye.run(stopped.is_set)
    camera.close()
    report.write_bytes(msgspec.json.encode(eye.codes.came))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
