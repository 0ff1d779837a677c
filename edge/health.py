"""What a gate depends on: cameras, broker, whitelist, storage. What each reported last, and when that is a fault.

Pure; every method takes the monotonic time and returns effects, and `deadline` says when `tick` must be called next.
"""

import math

from msgspec import structs

from edge import events
from edge.doorevents import PresentationAttack
from edge.drills import Drills
from edge.effects import Effect, Emit, PublishState
from edge.errors import in_english
from edge.events import (
    BrokerFault,
    CameraClockFault,
    CameraFault,
    ClockFault,
    ClockStepped,
    StorageFault,
    ThresholdChanged,
    WhitelistChanged,
    WhitelistFault,
)
from edge.facts import (
    BrokerReported,
    CameraReported,
    CommandsRefused,
    DrillDone,
    Fact,
    Heartbeat,
    ReaderAlive,
    ReaderIgnored,
    StorageReported,
    TemplateDestroyed,
    TemplateRefreshed,
    WhitelistLoaded,
)
from edge.fault import Fault
from edge.matcher import NOBODY
from edge.sight import Sight, SightRules
from edge.silence import Silence
from edge.terms import ALIVE, Now, Status, Storage
from edge.walltime import Drift

SILENT_S = 3.0
"""An eye that has not reported for so long is taken for dead; it reports every second."""

UNTRUSTED_S = 60.0
"""How long the clock may be unsynchronised unremarked, as it is after every start."""
STEP_S = 2.0
"""A clock that moves so much against the monotonic one was stepped."""

Effects = list[Effect]


class Camera:
    """What is known of one eye and its stream."""

    def __init__(self, grace_s: float, sight: SightRules) -> None:
        self.report = CameraReported("", Status.CONNECTING)
        self.fault = Fault(grace_s)
        self.sight = Sight(sight)
        self.drift = Drift(sight.clock_limit_s)
        self.silent_at = math.inf
        self.attack = Fault()
        """That a picture is held before it, which is nobody's fault but begins and ends as one."""

    def take(self, fact: CameraReported, now: float) -> None:
        """Take a report in; a stream that flows may still show nothing of use."""
        self.report = fact
        if fact.status not in ALIVE:
            return
        if fact.view:
            self.sight.look(fact.view, now)
        if self.sight.status is not Status.STREAMING:
            self.report = structs.replace(fact, status=self.sight.status, detail=self.sight.detail)


class Health:
    """The last word of everything that a gate depends on. `grace_s` is how long a link may be away unremarked."""

    def __init__(
        self,
        cameras: dict[str, SightRules],
        grace_s: float,
        drill_every_s: float = 0.0,
        readers: dict[str, float] | None = None,
    ) -> None:
        self.readers = Silence(readers or {})
        self.cameras = {name: Camera(grace_s, sight) for name, sight in cameras.items()}
        self.whitelist = WhitelistLoaded(0, 0, NOBODY, 0.0, in_english("not loaded yet"))
        self.storage = StorageReported(Storage.OK, 0, 0)
        self.broker = BrokerReported(Status.CONNECTING)
        self._broker, self._whitelist, self._storage = Fault(grace_s), Fault(), Fault()
        self.deadline = math.inf
        self.drills = Drills(drill_every_s)
        self.trusted = False
        """Whether the clock is synchronised."""
        self._clock, self._offset = Fault(UNTRUSTED_S), math.nan

    def _plan(self) -> None:
        due = [min(camera.silent_at, camera.fault.deadline) for camera in self.cameras.values()]
        self.deadline = min([self._broker.deadline, self.readers.deadline, *due])

    def start(self, now: Now, calibration: str) -> None:
        """From now on cameras and the broker are expected to answer, and a clock that is set is told.

        `calibration` was told of before this start.
        """
        self._offset = now.utc - now.mono
        self.whitelist = structs.replace(self.whitelist, calibration=calibration)
        for camera in self.cameras.values():
            camera.silent_at = now.mono + SILENT_S
        self._broker.update(self.broker.status not in ALIVE, now.mono)  # it may have answered before
        self._plan()

    def camera_told(self, fact: CameraReported, now: float) -> Effects:
        camera = self.cameras[fact.camera]
        before = camera.report.status
        camera.take(fact, now)
        camera.silent_at = math.inf if fact.status is Status.SILENT else now + SILENT_S
        changed = camera.fault.update(camera.report.status not in ALIVE, now)
        self._plan()
        told = self._time_told(fact, now)
        if changed:
            return [_camera_fault(fact.camera, camera), *told]
        return told or ([PublishState()] if camera.report.status is not before else [])

    def _time_told(self, fact: CameraReported, now: float) -> Effects:
        """A camera's clock beside this gate's, which must itself be trusted."""
        drift = self.cameras[fact.camera].drift
        before = drift.wrong
        if not drift.told(fact.wall, self._offset, self.trusted, now):
            return [PublishState()] if drift.wrong is not before else []
        return [Emit(f"camera/{fact.camera}", CameraClockFault(drift.active, round(drift.off_s or 0.0, 1)))]

    def sees(self, name: str) -> bool:
        """Whether the last picture of a camera showed what it should, as far as one picture can tell."""
        camera = self.cameras[name]
        return camera.report.status in ALIVE and camera.sight.seen is Status.STREAMING

    def attacked(self, name: str, active: bool, now: float) -> Effects:
        """Told whenever it may have changed whether a presentation attack goes on before a camera."""
        if not self.cameras[name].attack.update(active, now):
            return []
        return [Emit(f"camera/{name}", PresentationAttack(active, name))]

    def broker_told(self, fact: BrokerReported, now: float) -> Effects:
        changed, self.broker = fact.status is not self.broker.status, fact
        told = self._broker.update(fact.status not in ALIVE, now)
        self.readers.reach(fact.status in ALIVE, now)
        self._plan()
        if told:
            return [self._broker_fault()]
        return [PublishState()] if changed else []

    def whitelist_told(self, fact: WhitelistLoaded, now: float) -> Effects:
        before = self.whitelist
        if fact.problem:  # it says nothing of the table
            fact = structs.replace(fact, calibration=before.calibration)
        self.whitelist = fact
        effects: Effects = []
        why = fact.problem or fact.notice
        if self._whitelist.update(bool(why), now):
            detail = why or before.problem or before.notice
            effects.append(Emit("whitelist", WhitelistFault(self._whitelist.active, detail)))
        if not fact.problem and fact != before:
            event = WhitelistChanged(fact.revision, fact.people, fact.threshold, fact.effective_fpir, fact.moved)
            effects.append(Emit("whitelist", event))
        if not fact.problem and fact.calibration != before.calibration:
            other = ThresholdChanged(fact.calibration, before.calibration, fact.threshold, fact.effective_fpir)
            effects.append(Emit("whitelist", other))
        return effects

    def reader_told(self, name: str, now: float) -> Effects:
        """A keypad or card reader was heard."""
        told = self.readers.heard(name, now)
        self._plan()
        return told

    def storage_told(self, fact: StorageReported, now: float) -> Effects:
        self.storage = fact
        if not self._storage.update(fact.state is not Storage.OK, now):
            return []
        return [Emit("storage", StorageFault(self._storage.active, fact.state, fact.undelivered, fact.detail))]

    def told(self, fact: Fact, now: Now) -> Effects:
        """What concerns no door: the broker, the disk, the command topic, and the clock at every heartbeat."""
        match fact:
            case BrokerReported():
                return self.broker_told(fact, now.mono)
            case StorageReported():
                return self.storage_told(fact, now.mono)
            case CommandsRefused():
                return [Emit("commands", events.CommandsRefused(fact.count, fact.why, fact.id))]
            case ReaderAlive():
                return self.reader_told(fact.reader, now.mono)
            case ReaderIgnored():
                return [Emit(f"reader/{fact.reader}", events.ReaderIgnored(fact.count, fact.why))]
            case TemplateDestroyed():
                return [Emit("whitelist", events.TemplateDestroyed(fact.person), fact.ticket)]
            case TemplateRefreshed():
                return [Emit("whitelist", events.TemplateRefreshed(fact.person, fact.score))]
            case DrillDone():
                return self.drills.done(fact)
            case Heartbeat():
                return [*self.clock_told(now), *self.drills.due(now)]
        return []

    def clock_told(self, now: Now) -> Effects:
        """Look at the clock; often enough that a step of it shows."""
        effects: Effects = []
        changed, self.trusted = now.trusted is not self.trusted, now.trusted
        if self._clock.update(not now.trusted, now.mono):
            effects.append(Emit("clock", ClockFault(self._clock.active)))
        step, self._offset = now.utc - now.mono - self._offset, now.utc - now.mono
        if abs(step) >= STEP_S:
            effects.append(Emit("clock", ClockStepped(step)))
        return effects or ([PublishState()] if changed else [])

    def silent(self, now: float) -> list[CameraReported]:
        """What to take as reported for the eyes that have said nothing for too long; once each."""
        found = [name for name, camera in self.cameras.items() if now >= camera.silent_at]
        return [CameraReported(name, Status.SILENT, in_english("the eye does not report")) for name in found]

    def tick(self, now: float) -> Effects:
        """The faults that have lasted long enough by now."""
        effects: Effects = []
        if now >= self._broker.deadline and self._broker.update(True, now):
            effects.append(self._broker_fault())
        for name, camera in self.cameras.items():
            if now >= camera.fault.deadline and camera.fault.update(True, now):
                effects.append(_camera_fault(name, camera))
        effects += self.readers.tick(now)
        self._plan()
        return effects

    def _broker_fault(self) -> Emit:
        return Emit("broker", BrokerFault(self._broker.active, self.broker.status, self.broker.detail))


def _camera_fault(name: str, camera: Camera) -> Emit:
    return Emit(f"camera/{name}", CameraFault(camera.fault.active, camera.report.status, camera.report.detail))
