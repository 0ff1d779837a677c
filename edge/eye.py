"""The eye: looks through one camera and tells the gate what it sees, in small typed messages and not in pictures.

It holds no key, whitelist, door or broker. The gate decides; the eye only spends its time where a decision can
still change: an empty scene is searched seldom, and a face is embedded until the gate has settled its track, and then
once a second, to notice somebody else in its place. The one picture is a thumbnail without faces, for the ticket of the
camera's own fault.
"""

import secrets
import signal
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from threading import Event
from typing import Protocol

from msgspec import Struct

from edge import notify, wire
from edge.camera import Camera, Frame, State
from edge.codes import Codes
from edge.config import CameraSection, Config, Credentials
from edge.errors import in_english
from edge.faces import Face, Vision
from edge.gaze import Gaze
from edge.infrared import InfraredCamera, InfraredCue
from edge.infrared import section as infrared_section
from edge.models import load
from edge.outlet import Outlet, Pace
from edge.terms import Quality, Status, View
from edge.thumbnail import Shutter
from edge.track import Track, Zone, eye_distance
from edge.views import viewer

BUDGET, HURRY_S = 2, 0.08
"""Faces embedded a frame, and only the first of them when the frame is older: else the next would be late for all."""
LINGER_S = 1.0
"""How long after the last face every frame is still searched."""
WAIT_S = 0.2
ADVICE_S, ADVICE_AGAIN_S = 0.5, 1.0
"""How soon other advice may follow, and the same is said again."""


class FrameTimes(Struct, frozen=True):
    """What one searched frame cost. `decode_ms` is of the decoding thread, all other CPU times of the eye's own.

    `cpu_ms` runs from the decoded frame to the observations sent, `age_ms` from capture to the same moment.
    """

    captured: float
    decode_ms: float
    detect_ms: float
    cpu_ms: float
    age_ms: float


class Observer(Protocol):
    """Told what every searched frame cost, for measurements."""

    def frame(self, times: FrameTimes) -> None: ...


class Eye:
    """One camera, one vision, one loop. The camera is started and closed by whoever made it."""

    def __init__(
        self,
        config: Config,
        section: CameraSection,
        camera: Camera,
        vision: Vision,
        observer: Observer | None = None,
        infrared: InfraredCamera | None = None,
    ) -> None:
        self._section, self._camera, self._vision, self._observer = section, camera, vision, observer
        self._outlet = Outlet(config.socket("eye"))
        # A random first id: the gate must not take tracks of an eye that was restarted for those it knew.
        zone = Zone(*section.zone, section.least_eye_distance_px)
        enough = max(config.access.votes, config.access.refuse_after)
        self._infrared = infrared
        more = [InfraredCue(infrared.newest, vision)] if infrared else []
        self._gaze = Gaze(vision, section.detect_width_px, zone, enough, secrets.randbits(32), more)
        self._tracker = self._gaze.tracker
        self._state = State(Status.CONNECTING, "")
        self._looked = self._face_seen = -inf
        self._viewer = viewer(section)
        self._report, self._pace = self._new_report(0.0, 0.0), Pace()
        self._advises, self._advised, self._advised_at = config.gate.display, wire.Advice(None), -inf
        self._codes = Codes() if config.passes.read else None
        self._shutter = Shutter(section.fault_pictures, vision.suspects, section.detect_width_px)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Look until `stopped`; the watchdog is petted only while frames or attempts go on within their deadlines."""
        while not stopped():
            frame = self._camera.next(WAIT_S)
            self._hear()
            if frame:
                self._pace.came(frame.index)
                if self._worth_looking(frame.captured):
                    self._look(frame)
                for text in self._codes.new(frame.picture.y, frame.captured) if self._codes else ():
                    self._outlet.put(wire.CodeRead(text, frame.captured))
            for track in self._outlet.exchange(self._report):
                self._tracker.settle(track)
            if self._pace.over():
                self._tell(*self._pace.take(), self._viewer.measure(frame.picture) if frame else None)
                if frame and (jpeg := self._shutter.press(frame.picture, frame.captured, len(self._tracker) > 0)):
                    self._outlet.put(wire.Thumbnail(jpeg))
                if not self._camera.hung():
                    notify.watchdog()
        self._outlet.close()

    def _hear(self) -> None:
        """Pass on what has happened to the stream, each state as it comes."""
        for state in self._camera.news():
            self._state = state
            if state.status is not Status.STREAMING:
                self._forget()
            self._tell(self._report.frames_per_s, self._report.frame_age_ms)

    def _forget(self) -> None:
        """What comes after a gap are other faces."""
        self._say_gone(self._gaze.clear())

    def _say_gone(self, ended: list[Track[Face]]) -> None:
        for track in ended:
            if track.views:  # the gate does not know of the others
                self._outlet.put(wire.TrackGone(track.id))

    def _worth_looking(self, captured: float) -> bool:
        pause = 1 / self._section.idle_frames_per_s
        return len(self._tracker) > 0 or captured - self._face_seen < LINGER_S or captured - self._looked >= pause

    def _look(self, frame: Frame) -> None:
        begun = time.thread_time()
        self._looked = frame.captured
        faces, ended = self._gaze.search(frame.picture, frame.captured)
        detected = time.thread_time()
        if faces:
            self._face_seen = frame.captured
        self._say_gone(ended)
        self._view(frame)
        age_ms = 1000 * (time.monotonic() - frame.captured)
        self._pace.saw(age_ms)
        if self._observer:
            detect_ms, cpu_ms = 1000 * (detected - begun), 1000 * (time.thread_time() - begun)
            self._observer.frame(FrameTimes(frame.captured, frame.decode_ms, detect_ms, cpu_ms, age_ms))

    def _view(self, frame: Frame) -> None:
        """Embed the faces of this frame that most deserve it."""
        embedded, picture = 0, frame.picture
        wanted = self._gaze.wanted(picture, frame.captured)
        for track in wanted:
            room = _room(frame, embedded)
            if room or track.good_since is None:
                quality = self._gaze.quality(picture, track)
                if quality and room:
                    self._observe(frame, track, quality)
                    embedded += 1
        for track in self._tracker.settled(frame.captured, picture.width, picture.height):
            if _room(frame, embedded):
                self._compare(frame, track)
                embedded += 1
        if self._advises:
            self._advise(wanted, frame.captured)

    def _advise(self, wanted: list[Track[Face]], captured: float) -> None:
        """Say what is wrong with the nearest face: again every second, and at a change that has lasted a little."""
        nearest = max(wanted, key=lambda track: eye_distance(track.face), default=None)
        advice = wire.Advice(nearest.shortcoming if nearest else None)
        if captured - self._advised_at >= (ADVICE_S if advice != self._advised else ADVICE_AGAIN_S):
            self._advised, self._advised_at = advice, captured
            self._outlet.put(advice)

    def _observe(self, frame: Frame, track: Track[Face], quality: Quality) -> None:
        """Send one view of a track."""
        view = self._gaze.view(frame.picture, track)
        if view is None:
            self._say_gone([track])
            return
        company = self._tracker.company(track, frame.picture.width, frame.picture.height)
        self._tracker.viewed(track)
        since = track.captured if track.good_since is None else track.good_since
        vector = view.embedding.astype("<f4").tobytes()
        self._outlet.put(wire.Observation(track.id, frame.captured, since, quality, view.cues, vector, company))

    def _compare(self, frame: Frame, track: Track[Face]) -> None:
        """Whether a settled track still shows the same person, which is only said when it does not."""
        self._tracker.viewed(track)
        if self._gaze.quality(frame.picture, track) and not self._gaze.same(frame.picture, track):
            self._say_gone([track])

    def _tell(self, frames_per_s: float, frame_age_ms: float, view: View | None = None) -> None:
        self._report = self._new_report(frames_per_s, frame_age_ms, view)
        self._outlet.put(self._report)

    def _new_report(self, frames_per_s: float, frame_age_ms: float, view: View | None = None) -> wire.EyeReport:
        state = State(Status.STALLED, in_english("the decoder does not return")) if self._camera.hung() else self._state
        trouble = self._infrared.trouble if self._infrared else ""
        return wire.EyeReport(
            self._section.name,
            state.status,
            state.detail or trouble,
            frames_per_s,
            frame_age_ms,
            self._vision.pack.manifest.id,
            self._vision.has_liveness,
            view,
            self._camera.wall,
        )


def _room(frame: Frame, embedded: int) -> bool:
    """Whether there is time to embed another face of this frame."""
    return embedded == 0 or (embedded < BUDGET and time.monotonic() - frame.captured < HURRY_S)


def run(config: Config, camera: str, credentials: Credentials) -> None:
    """The eye process: look through the named camera until SIGTERM."""
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    section = next(section for section in config.camera if section.name == camera)
    reading = Camera(section, credentials.read(section.credential) if section.credential else "")
    reading.start()  # it connects while the models are loaded
    second = infrared_section(section)
    infrared = InfraredCamera(second, credentials) if second else None
    vision = Vision(load(config.models.pack, Path(config.models.directory)))
    notify.ready()
    Eye(config, section, reading, vision, infrared=infrared).run(stopped.is_set)
    notify.stopping()
    reading.close()
    if infrared:
        infrared.close()
