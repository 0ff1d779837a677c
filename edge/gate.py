"""The gate: composes access, doors and faults. `step(fact, now)` returns effects and the next wake-up.

One thread owns it. It reads no clock, holds no lock and does no input or output; the log of its facts, with their
times, replays to the same effects.
"""

import math

from msgspec import Struct, structs

from edge.access import Access, AccessRules, Decision
from edge.door import REFUSED_S, Door, DoorRules
from edge.doorevents import AccessDenied, AccessGranted
from edge.events import GateStarted
from edge.facts import (
    BrokerReported,
    CameraReported,
    Effect,
    Emit,
    FaceSeen,
    Fact,
    InputChanged,
    InputLost,
    PublishState,
    Recorded,
    RelayReported,
    Settle,
    Started,
    StorageReported,
    TrackEnded,
    WhitelistLoaded,
)
from edge.health import Health
from edge.state import CameraHealth, CameraState, DoorState, GateState
from edge.terms import ALIVE, Lamp, Now, Reason

RECORD_S = 0.25
"""How long a grant waits for its record to be on the disk."""


class GateRules(Struct, frozen=True):
    """Everything that `step` needs to know of the configuration; the first line of a fact log."""

    doors: dict[str, DoorRules]
    cameras: dict[str, str]
    """Camera name -> door name."""
    access: AccessRules
    link_grace_s: float = 5.0
    """How long a camera or the broker may be away before it is a fault."""


class Step(Struct, frozen=True):
    """What one fact led to. `wake` is the monotonic time of the next `Wake`, None when nothing is due."""

    effects: list[Effect]
    wake: float | None


class Waiting(Struct, frozen=True):
    """A grant whose record is on its way to the disk."""

    decision: Decision
    door: str
    until: float


class Gate:
    """One gate node. Methods named after a fact handle it."""

    def __init__(self, rules: GateRules) -> None:
        self.rules = rules
        self.access = Access(rules.access)
        self.doors = {name: Door(name, door) for name, door in rules.doors.items()}
        self.health = Health(list(rules.cameras), rules.link_grace_s)
        self.started = Started("", "", False)
        self._waiting: dict[int, Waiting] = {}
        self._tickets = 0

    def step(self, fact: Fact, now: Now) -> Step:
        """Take one fact in. Raises nothing for any fact of the vocabulary, in any order."""
        effects = [*self._handle(fact, now.mono), *self._due(now.mono)]
        if any(isinstance(effect, Emit) for effect in effects):
            effects.append(PublishState())
        wake = self._deadline()
        return Step(effects, wake if wake < math.inf else None)

    def _handle(self, fact: Fact, now: float) -> list[Effect]:
        match fact:
            case FaceSeen():
                return self._face(fact, now)
            case TrackEnded():
                return self._track_ended(fact, now)
            case Recorded():
                return self._recorded(fact, now)
            case RelayReported(door=door) if door in self.doors:
                return self.doors[door].relay(fact, now)
            case InputChanged(door=door) if door in self.doors:
                return self.doors[door].input(fact, now)
            case InputLost(door=door) if door in self.doors:
                return self.doors[door].input_lost(fact.detail, now)
            case CameraReported(camera=camera) if camera in self.health.cameras:
                return self._camera(fact, now)
            case BrokerReported():
                return self.health.broker_told(fact, now)
            case WhitelistLoaded():
                return self._whitelist_loaded(fact, now)
            case StorageReported():
                return self.health.storage_told(fact, now)
            case Started():
                return self._start(fact, now)
        return []  # Heartbeat and Wake only pass the time; names that nobody configured mean nothing

    # Faces ------------------------------------------------------------------------------------------------------

    def _face(self, fact: FaceSeen, now: float) -> list[Effect]:
        name = self.rules.cameras.get(fact.camera)
        if name is None:
            return []
        return [*self._seen(fact, self.doors[name], now), *self._attacked(fact.camera, now)]

    def _seen(self, fact: FaceSeen, door: Door, now: float) -> list[Effect]:
        decision = self.access.seen(fact, door.name, self._unusable(door), self.health.whitelist.threshold, now)
        if decision is None and self.access.settled(fact.camera, fact.track):
            return [Settle(fact.camera, fact.track)]  # said again: a slow eye may have missed it
        if decision is None:
            return door.look() if self.access.watched(fact.camera) else []
        return self._refuse(decision, door, now) if decision.reason else self._grant(decision, door, now)

    def _unusable(self, door: Door) -> Reason | None:
        if self.health.whitelist.problem:
            return Reason.WHITELIST_UNAVAILABLE
        return None if door.usable else Reason.DOOR_UNAVAILABLE

    def _grant(self, decision: Decision, door: Door, now: float) -> list[Effect]:
        """Record first; the relay follows when the record is on the disk."""
        self._tickets += 1
        self._waiting[self._tickets] = Waiting(decision, door.name, now + RECORD_S)
        event = AccessGranted(decision.person, decision.evidence)
        return [Emit(f"door/{door.name}", event, self._tickets), Settle(decision.camera, decision.track)]

    def _refuse(self, decision: Decision, door: Door, now: float) -> list[Effect]:
        assert decision.reason is not None
        event = AccessDenied(decision.reason, decision.evidence, (now - decision.since) * 1000)
        return [Emit(f"door/{door.name}", event), *door.show(Lamp.REFUSED, now + REFUSED_S)]

    def _recorded(self, fact: Recorded, now: float) -> list[Effect]:
        waiting = self._waiting.pop(fact.ticket, None)
        return [] if waiting is None else self._release(waiting, fact.ok, now)

    def _release(self, waiting: Waiting, recorded: bool, now: float) -> list[Effect]:
        """Open, unless the face has become too old meanwhile or the record is missing and must not be."""
        decision, door = waiting.decision, self.doors[waiting.door]
        if not self.access.fresh(decision.captured, now, RECORD_S):
            return self._refuse(structs.replace(decision, reason=Reason.STALE), door, now)
        if not recorded and not self.rules.access.unrecorded:
            return self._refuse(structs.replace(decision, reason=Reason.NOT_RECORDED), door, now)
        return door.open("face", now, decision.person, decision.since)

    def _track_ended(self, fact: TrackEnded, now: float) -> list[Effect]:
        self.access.ended(fact.camera, fact.track)
        return [*self._attacked(fact.camera, now), *self._look_away(fact.camera)]

    def _attacked(self, camera: str, now: float) -> list[Effect]:
        if camera not in self.health.cameras:
            return []
        return self.health.attacked(camera, self.access.attacked(camera), now)

    def _look_away(self, camera: str) -> list[Effect]:
        door = self.rules.cameras.get(camera)
        if door is None or any(self.access.watched(c) for c, at in self.rules.cameras.items() if at == door):
            return []
        return self.doors[door].away()

    # What the gate depends on -----------------------------------------------------------------------------------

    def _start(self, fact: Started, now: float) -> list[Effect]:
        self.started, self.access.pack = fact, fact.pack
        for door in self.doors.values():
            door.boot = fact.boot
        self.health.start(now)
        liveness = "available" if fact.liveness else "unavailable"
        return [Emit("gate", GateStarted(fact.boot, fact.pack, liveness))]

    def _camera(self, fact: CameraReported, now: float) -> list[Effect]:
        told = self.health.camera_told(fact, now)
        if fact.status in ALIVE:
            return told
        self.access.forget(fact.camera)
        return [*self._attacked(fact.camera, now), *self._look_away(fact.camera), *told]

    def _whitelist_loaded(self, fact: WhitelistLoaded, now: float) -> list[Effect]:
        if fact.revision != self.health.whitelist.revision or fact.problem:
            self.access.restart()
        return self.health.whitelist_told(fact, now)

    # Time -------------------------------------------------------------------------------------------------------

    def _due(self, now: float) -> list[Effect]:
        """Whatever time alone brings about."""
        effects: list[Effect] = []
        for ticket in [ticket for ticket, waiting in self._waiting.items() if now >= waiting.until]:
            effects += self._release(self._waiting.pop(ticket), False, now)
        for door in self.doors.values():
            if now >= door.deadline:
                effects += door.tick(now)
        for silent in self.health.silent(now):
            effects += self._camera(silent, now)
        return [*effects, *self.health.tick(now)] if now >= self.health.deadline else effects

    def _deadline(self) -> float:
        return min(
            self.health.deadline,
            *(door.deadline for door in self.doors.values()),
            *(waiting.until for waiting in self._waiting.values()),
        )

    def state(self) -> GateState:
        """What the room is told of the gate as it is now."""
        return GateState(
            boot=self.started.boot,
            pack=self.started.pack,
            liveness="available" if self.started.liveness else "unavailable",
            doors={name: DoorState.of(door) for name, door in self.doors.items()},
            cameras={n: CameraState(c.report.status, c.report.detail) for n, c in self.health.cameras.items()},
            whitelist=self.health.whitelist,
            storage=self.health.storage.state,
            broker=self.health.broker.status,
        )

    def eyes(self) -> dict[str, CameraHealth]:
        """How well each eye keeps up, from its last report."""
        cameras = self.health.cameras.items()
        return {n: CameraHealth(c.report.frames_per_s, c.report.frame_age_ms) for n, c in cameras}
