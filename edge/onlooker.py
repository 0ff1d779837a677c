"""The eye of a camera that opens no door: it tells the gate how the picture is, and looks for nobody in it.

It decodes key frames only and loads no model, so one small host watches over many cameras.
"""

import signal
import time
from collections.abc import Callable
from threading import Event

from edge import notify, wire
from edge.camera import Camera, State
from edge.config import CameraSection, Config, Credentials
from edge.errors import in_english
from edge.outlet import Outlet, Pace
from edge.picture import Picture
from edge.terms import Status, View
from edge.thumbnail import Shutter
from edge.views import viewer

WAIT_S = 0.5


class Onlooker:
    """One camera, one loop. The camera is started and closed by whoever made it."""

    def __init__(self, config: Config, section: CameraSection, camera: Camera) -> None:
        self._name, self._camera = section.name, camera
        self._outlet, self._viewer, self._pace = Outlet(config.socket("eye")), viewer(section), Pace()
        self._state = State(Status.CONNECTING, "")
        self._view: View | None = None
        self._picture: Picture | None = None
        self._shutter = Shutter(section.fault_pictures)
        self._report = self._new_report(0.0, None)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Look until `stopped`; the watchdog is petted only while frames or attempts go on within their deadlines."""
        while not stopped():
            frame = self._camera.next(WAIT_S)
            for state in self._camera.news():
                self._state = state
                self._tell(0.0, None)
            if frame:
                self._pace.came(frame.index)
                self._view, self._picture = self._viewer.measure(frame.picture), frame.picture
            self._outlet.exchange(self._report)
            if self._pace.over():
                frames_per_s, _ = self._pace.take()
                self._tell(frames_per_s, self._view)
                if self._picture and (jpeg := self._shutter.press(self._picture, time.monotonic())):
                    self._outlet.put(wire.Thumbnail(jpeg))
                self._view = self._picture = None
                if not self._camera.hung():
                    notify.watchdog()
        self._outlet.close()

    def _tell(self, frames_per_s: float, view: View | None) -> None:
        self._report = self._new_report(frames_per_s, view)
        self._outlet.put(self._report)

    def _new_report(self, frames_per_s: float, view: View | None) -> wire.EyeReport:
        state = State(Status.STALLED, in_english("the decoder does not return")) if self._camera.hung() else self._state
        told = (self._name, state.status, state.detail, frames_per_s)
        return wire.EyeReport(*told, view=view, wall=self._camera.wall)


def run(config: Config, camera: str, credentials: Credentials) -> None:
    """The process of a camera without a door: look through it until SIGTERM."""
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    section = next(section for section in config.camera if section.name == camera)
    reading = Camera(section, credentials.read(section.credential) if section.credential else "", key_frames=True)
    reading.start()
    notify.ready()
    Onlooker(config, section, reading).run(stopped.is_set)
    notify.stopping()
    reading.close()
