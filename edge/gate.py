"""The gate: composes access, doors and faults. `step(fact, now)` returns effects and the next wake-up.

One thread owns it. It reads no clock, holds no lock and does no input or output; the log of its facts, with their
times, replays to the same effects.
"""

import math

from msgspec import Struct, field

from edge.access import Access, AccessRules
from edge.areas import AreaRules, Areas
from edge.attempts import AttemptRules, Attempts
from edge.control import Control
from edge.degraded import UNREAD, in_force
from edge.door import Door, DoorRules
from edge.doorevents import AccessTaken
from edge.effects import Effect, Emit, KeepPlaces, PublishState, Settle, UseSettled
from edge.entry import Entry
from edge.events import GateStarted
from edge.factors import EntryRules
from edge.facts import (
    CameraReported,
    CardRead,
    CommandReceived,
    FaceSeen,
    Fact,
    InputChanged,
    InputLost,
    PassesRevoked,
    PassShown,
    PinEntered,
    PlacesKnown,
    Recorded,
    RelayReported,
    Started,
    TrackEnded,
    WhitelistLoaded,
)
from edge.grants import Grants
from edge.health import Health
from edge.permits import PermitRules, Permits
from edge.sight import SightRules
from edge.state import CameraHealth, CameraState, DoorState, GateState
from edge.terms import ALIVE, Now, Reason


class GateRules(Struct, frozen=True):
    """Everything that `step` needs to know of the configuration; the first line of a fact log."""

    doors: dict[str, DoorRules]
    cameras: dict[str, str]
    """Camera name -> door name, "" for a camera that is only watched over."""
    access: AccessRules
    link_grace_s: float = 5.0
    """How long a camera or the broker may be away before it is a fault."""
    entry: dict[str, EntryRules] = {}
    """Door name -> what it asks of people."""
    permits: PermitRules = field(default_factory=PermitRules)
    areas: dict[str, AreaRules] = {}
    into: dict[str, str] = {}
    """Camera or reader -> the area that those who stand before it go into."""
    attempts: AttemptRules = field(default_factory=AttemptRules)
    unlocked: dict[str, str] = {}
    """Door name -> the schedule by which it stands unlocked."""
    sights: dict[str, SightRules] = {}
    """Camera name -> what it should deliver, where that is known."""
    degraded: dict[str, str] = {}
    """Degraded mode -> what the site chose, where it may."""
    drill_every_s: float = 0.0
    """How often a drill must be passed; 0 never."""
    readers: dict[str, float] = {}
    """Reader -> after how long a silence it is a fault; only those that send heartbeats."""


class Step(Struct, frozen=True):
    """What one fact led to. `wake` is the monotonic time of the next `Wake`, None when nothing is due."""

    effects: list[Effect]
    wake: float | None


class Gate:
    """One gate node. Methods named after a fact handle it."""

    def __init__(self, rules: GateRules) -> None:
        self.rules = rules
        self.access = Access(rules.access)
        self.doors = {name: Door(name, door) for name, door in rules.doors.items()}
        sights = {name: rules.sights.get(name, SightRules()) for name in rules.cameras}
        self.health = Health(sights, rules.link_grace_s, rules.drill_every_s, rules.readers)
        self.permits = Permits(rules.permits)
        self.areas = Areas(rules.areas)
        grants = Grants(self.doors, self.access, self.areas)
        attempts = Attempts(rules.attempts)
        self.entry = Entry(rules.entry, self.doors, self.access, self.permits, self.areas, attempts, grants, rules.into)
        self.started = Started("", "", False)
        self._door_ends: dict[str, float] = {}
        shut = rules.degraded.get(UNREAD) != "accept"
        self.control = Control(self.doors, self.entry, self.areas, self.permits, rules.unlocked, shut)

    def step(self, fact: Fact, now: Now) -> Step:
        """Take one fact in. Raises nothing for any fact of the vocabulary, in any order."""
        effects = [*self._handle(fact, now)]
        if turned := self.control.schedules(now):
            effects += turned
        wake = self._deadline(None if turned else fact)
        if now.mono >= wake:
            effects += self._due(now)
            wake = self._deadline(None)
        if effects:
            self._follow(effects, now)
        return Step(effects, wake if wake < math.inf else None)

    def _follow(self, effects: list[Effect], now: Now) -> None:
        """Who passed is in another area now, a use may be given back, and whatever was told shows in the state.

        An order may end untold: a block does while its door is locked down.
        """
        for effect in effects:
            if isinstance(effect, UseSettled) and not effect.stands:
                self.entry.visits.given_back(effect.credential)
        told = [effect.event for effect in effects if isinstance(effect, Emit)]
        for event in told:
            if isinstance(event, AccessTaken):
                self.areas.moved(event.person, event.into, now)
        if told:
            effects.append(PublishState())
        effects += self.control.keep(now)
        if self.areas.changed:
            self.areas.changed = False
            effects.append(KeepPlaces())

    def _handle(self, fact: Fact, now: Now) -> list[Effect]:
        """Names that nobody configured mean nothing; Wake only passes the time."""
        match fact:
            case FaceSeen(camera=camera) if self.rules.cameras.get(camera):
                return self._face(fact, now)
            case TrackEnded(camera=camera) if self.rules.cameras.get(camera):
                return self._track_ended(fact, now.mono)
            case Recorded():
                return self.entry.recorded(fact, now)
            case RelayReported() | InputChanged() | InputLost() if fact.door in self.doors:
                return self._moved(fact, now.mono)
            case PassShown() | PinEntered() | CardRead() if fact.door in self.doors:
                return [*self.health.reader_told(fact.source, now.mono), *self._shown(fact, now)]
            case CommandReceived():
                return self.control.command(fact, now.mono)
        return self._depends(fact, now)

    def _moved(self, fact: RelayReported | InputChanged | InputLost, now: float) -> list[Effect]:
        door = self.doors[fact.door]
        match fact:
            case RelayReported():
                return door.relay(fact, now)
            case InputChanged():
                return door.input(fact, now)
        return door.input_lost(fact.detail, now)

    def _shown(self, fact: PassShown | PinEntered | CardRead, now: Now) -> list[Effect]:
        match fact:
            case PassShown():
                return self.entry.shown(fact, now)
            case PinEntered():
                return self.entry.pin(fact, now)
        return self.entry.card(fact, now)

    def _depends(self, fact: Fact, now: Now) -> list[Effect]:
        match fact:
            case CameraReported(camera=camera) if camera in self.health.cameras:
                return self._camera(fact, now.mono)
            case WhitelistLoaded():
                return self._whitelist_loaded(fact, now.mono)
            case PassesRevoked():
                return self.entry.revoked(fact.passes, now.mono)
            case PlacesKnown():
                self.areas.places = dict(fact.places)
                return []
            case Started():
                return self._start(fact, now)
        return self.health.told(fact, now)

    # People -----------------------------------------------------------------------------------------------------

    def _face(self, fact: FaceSeen, now: Now) -> list[Effect]:
        told = self._seen(fact, self.doors[self.rules.cameras[fact.camera]], now)
        return [*told, *self._attacked(fact.camera, now.mono)]

    def _seen(self, fact: FaceSeen, door: Door, now: Now) -> list[Effect]:
        told = self._judged(fact, door, now)
        if fact.permit and fact.permit.duress and self.access.fresh(fact.captured, now.mono):
            told += self.entry.keypads.seen(fact, fact.permit, door.name, now.mono)
        return told

    def _judged(self, fact: FaceSeen, door: Door, now: Now) -> list[Effect]:
        decision = self.access.seen(fact, self._unusable(door), self.health.whitelist.threshold, now.mono)
        if decision is not None:
            return self.entry.face(decision, door.name, now)
        if self.access.settled(fact.camera, fact.track):
            return [Settle(fact.camera, fact.track)]  # said again: a slow eye may have missed it
        return door.look() if self.access.watched(fact.camera) else []

    def _unusable(self, door: Door) -> Reason | None:
        if self.health.whitelist.problem:
            return Reason.WHITELIST_UNAVAILABLE
        return None if door.usable else Reason.DOOR_UNAVAILABLE

    def _track_ended(self, fact: TrackEnded, now: float) -> list[Effect]:
        if self.access.known(fact.camera, fact.track):
            self.doors[self.rules.cameras[fact.camera]].leaf.passed()
        self.access.ended(fact.camera, fact.track)
        return [*self._attacked(fact.camera, now), *self._look_away(fact.camera)]

    def _attacked(self, camera: str, now: float) -> list[Effect]:
        return self.health.attacked(camera, self.access.attacked(camera), now)

    def _look_away(self, camera: str) -> list[Effect]:
        door = self.rules.cameras[camera]
        if not door or any(self.access.watched(c) for c, at in self.rules.cameras.items() if at == door):
            return []
        return self.doors[door].away()

    # What the gate depends on -----------------------------------------------------------------------------------

    def _start(self, fact: Started, now: Now) -> list[Effect]:
        self.started, self.access.pack, self.access.digest = fact, fact.pack, fact.digest
        for door in self.doors.values():
            door.drive.boot = fact.boot
        self.health.start(now, fact.calibration)
        liveness = "available" if fact.liveness else "unavailable"
        started = GateStarted(fact.boot, fact.pack, liveness, fact.models, fact.digest)
        return [Emit("gate", started), *self.control.start(fact.orders, fact.unread, now.mono)]

    def _camera(self, fact: CameraReported, now: float) -> list[Effect]:
        told = self.health.camera_told(fact, now)
        if fact.status in ALIVE:
            return told
        self.access.forget(fact.camera)
        return [*self._attacked(fact.camera, now), *self._look_away(fact.camera), *told]

    def _whitelist_loaded(self, fact: WhitelistLoaded, now: float) -> list[Effect]:
        ended: list[Effect] = []
        if fact != self.health.whitelist or fact.problem:  # a tombstone leaves the revision as it is
            self.access.restart()
            ended = self.entry.restart(now)
        return [*ended, *self.health.whitelist_told(fact, now)]

    # Time -------------------------------------------------------------------------------------------------------

    def _due(self, now: Now) -> list[Effect]:
        """Whatever time alone brings about."""
        effects: list[Effect] = []
        if now.mono >= self.entry.deadline:
            effects += self.entry.tick(now)
        for door in self.doors.values():
            if now.mono >= door.deadline:
                effects += door.tick(now.mono)
        if now.mono >= self.health.deadline:
            for silent in self.health.silent(now.mono):
                effects += self._camera(silent, now.mono)
            effects += self.health.tick(now.mono)
        return effects

    def _deadline(self, fact: Fact | None) -> float:
        """When something is due next, after this fact or after anything; a face moves no deadline but its door's."""
        if isinstance(fact, FaceSeen):
            if name := self.rules.cameras.get(fact.camera):
                self._door_ends[name] = self.doors[name].deadline
        else:
            self._door_ends = {name: door.deadline for name, door in self.doors.items()}
        doors = min(self._door_ends.values(), default=math.inf)
        return min(self.health.deadline, self.entry.deadline, self.control.deadline, doors)

    def state(self) -> GateState:
        """What the room is told of the gate as it is now."""
        return GateState(
            boot=self.started.boot,
            pack=self.started.pack,
            liveness="available" if self.started.liveness else "unavailable",
            doors={name: DoorState.of(door) for name, door in self.doors.items()},
            cameras={
                n: CameraState(c.report.status, c.report.detail, c.drift.wrong) for n, c in self.health.cameras.items()
            },
            whitelist=self.health.whitelist,
            storage=self.health.storage.state,
            broker=self.health.broker.status,
            degraded=in_force(self.health, self.doors.values(), self.started.liveness, self.rules.degraded),
        )

    def eyes(self) -> dict[str, CameraHealth]:
        """How well each eye keeps up, from its last report."""
        cameras = self.health.cameras.items()
        return {n: CameraHealth(c.report.frames_per_s, c.report.frame_age_ms, c.drift.off_s) for n, c in cameras}
