"""A gate's real core on a stage: simulated time, lines and storage, and a guard that follows the real one's rules."""

import heapq
import math
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from edge.effects import Effect, Emit, Pulse, Relock, Settle, Show
from edge.events import TABLE
from edge.facts import (
    BrokerReported,
    CameraReported,
    Fact,
    Heartbeat,
    InputChanged,
    InputLost,
    ReaderAlive,
    Recorded,
    RelayReported,
    Started,
    Wake,
    WhitelistLoaded,
)
from edge.gate import Gate
from edge.relay import Pulses
from edge.rules import gate_rules
from edge.scenario import Scenario
from edge.terms import Input, Now, RelayOutcome, Status, Storage
from edge.wire import RelayPulse

BOOTED = 1000.0
"""The monotonic clock when a scenario starts."""
ANSWER_S = 0.01
"""After how long storage and the relay guard answer."""
SLOW_S = 1.0
"""The same of storage that is slow."""


class Stage:
    """The gate, what stands around it, and a clock that goes from one thing that happens to the next."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, config = scenario, scenario.config
        self.gate = Gate(gate_rules(config))
        self.told: list[dict[str, Any]] = []
        self.now, self.utc_offset, self.trusted = 0.0, scenario.start, scenario.trusted
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = count()
        self._wake: float | None = None
        self.cameras = {camera.name: Status.STREAMING for camera in config.camera}
        self.settled: set[tuple[str, int]] = set()
        self.storage = Storage.OK
        self.revision = 1
        self._debounce = {door.name: door.debounce_s for door in config.door}
        self._levels: dict[tuple[str, Input], bool] = {}
        self._reported: dict[tuple[str, Input], bool] = {}
        self._edges: dict[tuple[str, Input], int] = {}
        self.relays = {
            door.name: Relay(self, door.name, door.hard_limit_s, bool(door.feedback)) for door in config.door
        }
        self.mute: set[str] = set()
        """The readers that send no heartbeat."""
        self._begin()

    def _begin(self) -> None:
        """Everything is well and every door shut; what the gate says to that is not part of the scenario."""
        self.step(Started("scenario", "scenario", liveness=True))
        self.step(BrokerReported(Status.CONNECTED))
        self.step(self.whitelist())
        for door in self.gate.doors:
            self.step(InputChanged(door, Input.CONTACT, False))
            self._levels[door, Input.CONTACT] = self._reported[door, Input.CONTACT] = False
        self._beat()
        self.told.clear()

    def at(self, second: float, action: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._due, (second, next(self._order), action, arguments))

    def run(self, until: float) -> None:
        """Go on until this second."""
        while True:
            wake = math.inf if self._wake is None else self._wake - BOOTED
            soon = min(self._due[0][0] if self._due else math.inf, wake)
            if soon > until:
                return
            self.now = max(self.now, soon)
            if wake <= self.now and (not self._due or wake <= self._due[0][0]):
                self.step(Wake())
                continue
            _, _, action, arguments = heapq.heappop(self._due)
            action(*arguments)

    def step(self, fact: Fact) -> None:
        """Give the gate a fact and do what follows from it."""
        step = self.gate.step(fact, Now(BOOTED + self.now, self.utc_offset + self.now, self.trusted))
        self._wake = step.wake
        for effect in step.effects:
            self._do(effect)

    def later(self, seconds: float, fact: Fact) -> None:
        self.at(self.now + seconds, self.step, fact)

    def write(self, effect: str, **fields: Any) -> None:
        self.told.append({"at": round(self.now, 3), "effect": effect, **fields})

    def _do(self, effect: Effect) -> None:
        match effect:
            case Emit(subject=subject, event=event):
                data = msgspec.to_builtins(event)
                name = data.pop("type")
                row = TABLE[type(event)]
                place = {"door": subject.removeprefix("door/")} if subject.startswith("door/") else {}
                self.write("event", event=name, subject=subject, **place, channel=row.channel, severity=row.severity,
                          data=data)  # fmt: skip
                if effect.ticket:
                    self._record(effect.ticket)
            case Pulse():
                self.write("pulse", door=effect.door, until=round(effect.until - BOOTED, 3), renews=bool(effect.renews))
                self.relays[effect.door].asked(effect)
            case Relock():
                self.write("relock", door=effect.door)
                self.relays[effect.door].relock()
            case Show():
                self.write("lamp", door=effect.door, lamp=effect.lamp)
            case Settle():
                self.settled.add((effect.camera, effect.track))

    def _record(self, ticket: int) -> None:
        match self.storage:
            case Storage.OK:
                self.later(ANSWER_S, Recorded(ticket, True))
            case Storage.SLOW:
                self.later(SLOW_S, Recorded(ticket, True))
            case _:
                self.later(ANSWER_S, Recorded(ticket, False))

    def _beat(self) -> None:
        for camera, status in self.cameras.items():
            if status is not Status.SILENT:
                self.step(CameraReported(camera, status, "" if status is Status.STREAMING else "scenario"))
        for reader in self.gate.rules.readers:
            if reader not in self.mute:
                self.step(ReaderAlive(reader))
        self.step(Heartbeat())
        self.at(self.now + 1.0, self._beat)

    def whitelist(self, problem: str = "") -> WhitelistLoaded:
        people = 0 if problem else len(self.scenario.people)
        return WhitelistLoaded(self.revision, people, 2.0 if problem else 0.5, 0.01, problem)

    # Lines ------------------------------------------------------------------------------------------------------

    def line(self, door: str, name: Input, active: bool) -> None:
        """The level of an input is this now; the gate hears of it when it has been stable for `debounce_s`."""
        key = (door, name)
        self._levels[key] = active
        self._edges[key] = edge = self._edges.get(key, 0) + 1
        self.at(self.now + self._debounce[door], self._stable, key, edge)

    def lose(self, door: str, detail: str) -> None:
        """The inputs of a door cannot be read; whatever is told of one afterwards is news."""
        self._reported = {key: level for key, level in self._reported.items() if key[0] != door}
        self.step(InputLost(door, detail))

    def regain(self, door: str) -> None:
        """They can be read again."""
        for key, level in list(self._levels.items()):
            if key[0] == door:
                self.line(*key, level)

    def _stable(self, key: tuple[str, Input], edge: int) -> None:
        if self._edges[key] == edge and self._reported.get(key) != self._levels[key]:
            self._reported[key] = self._levels[key]
            self.step(InputChanged(*key, self._levels[key]))


class Relay:
    """A relay and its guard, which follows the rules of the real one; `status` is what is wrong with them."""

    def __init__(self, stage: Stage, door: str, limit_s: float, feedback: bool) -> None:
        self._stage, self._door, self._feedback = stage, door, feedback
        self._pulses = Pulses({door: limit_s})
        self._active = False
        self.status = "ok"

    def asked(self, effect: Pulse) -> None:
        if self.status == "away":
            self._stage.later(0.0, RelayReported(self._door, RelayOutcome.REFUSED, effect.pulse, "the guard is away"))
        elif self.status != "silent":
            self._stage.at(self._stage.now + ANSWER_S, self._take, effect)

    def relock(self) -> None:
        if self.status in ("ok", "stuck"):
            self._stage.at(self._stage.now + ANSWER_S, self._let_go)

    def set(self, status: str) -> None:
        """What the guard is like from now on."""
        self.status = status
        if status == "away":
            self._pulses.active.clear()
            self._move(False)
            self._stage.step(RelayReported(self._door, RelayOutcome.UNAVAILABLE, "", "the relay guard is gone"))
        elif status == "ok":
            self._stage.step(RelayReported(self._door, RelayOutcome.AVAILABLE))
            self._move(bool(self._pulses.active))

    def _take(self, effect: Pulse) -> None:
        wanted = RelayPulse(effect.door, effect.pulse, effect.until, effect.renews)
        busy = self._pulses.busy(wanted)
        why = self._pulses.request(wanted, BOOTED + self._stage.now)
        if why:
            outcome = RelayOutcome.BUSY if busy else RelayOutcome.REFUSED
            self._stage.step(RelayReported(self._door, outcome, effect.pulse, why))
            return
        self._move(True)
        self._stage.at(effect.until - BOOTED, self._end, effect.pulse)
        self._stage.step(RelayReported(self._door, RelayOutcome.STARTED, effect.pulse))

    def _let_go(self) -> None:
        if active := self._pulses.active.get(self._door):
            self._end(active.pulse)

    def _end(self, pulse: str) -> None:
        active = self._pulses.active.get(self._door)
        if active is None or active.pulse != pulse:
            return  # renewed since, or over
        self._pulses.end(self._door)
        self._move(False)
        if self.status != "silent":
            self._stage.step(RelayReported(self._door, RelayOutcome.ENDED, pulse))

    def _move(self, active: bool) -> None:
        if active == self._active or (self.status == "stuck" and not active):
            return
        self._active = active
        self._stage.write("relay", door=self._door, energised=active)
        if self._feedback:
            self._stage.line(self._door, Input.FEEDBACK, active)
