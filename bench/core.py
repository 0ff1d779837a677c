"""How many facts a second the gate's rules take: a trace of a busy day, recorded once, played to a fresh gate.

The trace is made by rounds at four doors. In each round at each door somebody is looked at twelve times, ten of them
recognised; every second one is granted, opens the door and is gone, and the others are judged anew with every view,
since no level of theirs opens this door. Commands put the doors through every mode, and passes, PINs, cards,
inputs and faults come in between. More than half of all facts are views with a candidate, every kind of fact occurs,
and time passes with the facts: a `Wake` is there only where the gate asked for one.
"""

import gc
import time
from collections import Counter

from msgspec import Struct

from edge.access import AccessRules
from edge.areas import AreaRules
from edge.attempts import AttemptRules
from edge.door import DoorRules
from edge.effects import Effect, Emit, Pulse, Relock
from edge.events import DrillReport
from edge.factors import EntryRules
from edge.facts import (
    BrokerReported,
    CameraReported,
    CardRead,
    CommandReceived,
    CommandsRefused,
    DrillDone,
    FaceSeen,
    Fact,
    Heartbeat,
    InputChanged,
    InputLost,
    PassesRevoked,
    PassShown,
    PinEntered,
    PlacesKnown,
    ReaderAlive,
    ReaderIgnored,
    Recorded,
    RelayReported,
    Started,
    StorageReported,
    TemplateDestroyed,
    TemplateRefreshed,
    TrackEnded,
    Wake,
    WhitelistLoaded,
)
from edge.gate import Gate, GateRules
from edge.liveness import LivenessRules
from edge.permits import Level, PermitRules
from edge.presence import Cues
from edge.schedule import Calendar, Schedule
from edge.terms import (
    Candidate,
    CommandKind,
    DoorMode,
    Factor,
    Input,
    Now,
    Pass,
    Permit,
    Place,
    Quality,
    RelayOutcome,
    Status,
    Storage,
)  # fmt: skip

DOORS = ("north", "south", "east", "west")
START = 1_795_500_000.0
"""A Tuesday afternoon in Shanghai."""
GOOD = Quality(90.0, 0.9, 0.0, 0.0, 0.5)
LIVE = Cues((0.97,), shift=0.05, carried=0.0, border=0.0)
ORDERS = (
    (CommandKind.UNLOCK, CommandKind.LOCK),
    (CommandKind.BLOCK, CommandKind.UNBLOCK),
    (CommandKind.LOCK_DOWN, CommandKind.RELEASE),
    (CommandKind.LOCK_OPEN, CommandKind.RELEASE),
    (CommandKind.OPEN, CommandKind.ACKNOWLEDGE),
)
CARD_AND_PIN = EntryRules(frozenset((Factor.FACE, Factor.PASS, Factor.CARD)), frozenset((Factor.PIN,)))


def rules() -> GateRules:
    """A gate with four doors, levels, a schedule, an area and second factors."""
    office = Schedule(week=(((0, 1440),),) * 7)
    calendar = Calendar("Asia/Shanghai", schedules={"office": office})
    permits = PermitRules({"staff": Level(frozenset(DOORS), "office")}, calendar)
    return GateRules(
        doors={door: DoorRules(3.0, 20.0, extended_pulse_s=4.0, held_again_s=30.0) for door in DOORS},
        cameras={door: door for door in DOORS},
        access=AccessRules(3, 1.0, 2.0, 6, LivenessRules(), without_liveness=False, unrecorded=True),
        entry=dict.fromkeys(DOORS, CARD_AND_PIN),
        permits=permits,
        areas={"inside": AreaRules("soft", 3600.0)},
        into={"north": "inside", "south": "outside"},
        attempts=AttemptRules(5),
    )


class Recorder:
    """Plays a day to a gate whose storage and relay guard answer, and keeps every fact."""

    def __init__(self) -> None:
        self.gate, self.mono = Gate(rules()), 1000.0
        self.trace: list[tuple[Fact, Now]] = []
        self.modes: set[DoorMode] = set()
        self._wake: float | None = None
        self._ends: dict[str, tuple[str, float]] = {}

    def give(self, fact: Fact, after: float = 0.0) -> None:
        """A fact, so many seconds after the last one, and what storage and the guard answer to what follows."""
        self.mono += after
        while self._wake is not None and self._wake < self.mono:
            self._step(Wake(), max(self._wake, self.trace[-1][1].mono))
        self._step(fact, self.mono)
        for door, (pulse, until) in list(self._ends.items()):
            if until <= self.mono:
                del self._ends[door]
                self.give(RelayReported(door, RelayOutcome.ENDED, pulse))

    def _step(self, fact: Fact, mono: float) -> None:
        now = Now(mono, START + mono)
        self.trace.append((fact, now))
        step = self.gate.step(fact, now)
        self._wake = step.wake
        self.modes.update(door.mode for door in self.gate.doors.values())
        for effect in step.effects:
            self._answer(effect)

    def _answer(self, effect: Effect) -> None:
        match effect:
            case Emit(ticket=ticket) if ticket:
                self.give(Recorded(ticket, True), 0.005)
            case Pulse():
                self._ends[effect.door] = effect.pulse, effect.until
                self.give(RelayReported(effect.door, RelayOutcome.STARTED, effect.pulse), 0.002)
            case Relock():
                if under_way := self._ends.pop(effect.door, None):
                    self.give(RelayReported(effect.door, RelayOutcome.ENDED, under_way[0]), 0.002)

    def round(self, number: int) -> None:
        """Somebody at each door, and something else at one of them."""
        self.give(Heartbeat() if number % 8 == 0 else CameraReported(DOORS[number % 4], Status.STREAMING), 0.2)
        for place, door in enumerate(DOORS):
            self._approach(door, number * 4 + place)
        self._aside(DOORS[number % 4], number)

    def _approach(self, door: str, number: int) -> None:
        person, begun = f"person-{number % 400}", self.mono
        levels = ("staff",) if number % 2 else ("cleaner",)
        permit = Permit(person, levels, pin="1", extended=number % 50 == 0)
        for view in range(12):
            found = None if view in (0, 5) else Candidate(person, 0.8, 0.3, 0.5, 1)
            known = permit if found else None
            self.give(FaceSeen(door, number + 1, self.mono - 0.1, begun - 0.1, GOOD, LIVE, found, known), 0.03)
        if number % 3 == 0:
            self.give(InputChanged(door, Input.CONTACT, True), 0.1)
            self.give(InputChanged(door, Input.CONTACT, False), 0.4)
        self.give(TrackEnded(door, number + 1), 0.05)

    def _aside(self, door: str, number: int) -> None:
        first, second = ORDERS[number // 8 % len(ORDERS)]
        permit = Permit(f"card-{number}", ("staff",), pin="2")
        shown = Pass(f"pass-{number}", f"guest-{number}", "desk", START, START + 1e6)
        aside: tuple[Fact, ...] = (
            CommandReceived(f"c{number}", "operator", first, door),
            CommandReceived(f"c{number}", "operator", second, door),
            PassShown(door, door, self.mono, shown),
            CardRead(door, door, permit),
            PinEntered(door, door, "2"),
            InputChanged(door, Input.EXIT_BUTTON, True),
            InputChanged(door, Input.TAMPER, number % 2 == 0),
            CameraReported(door, Status.STREAMING),
        )
        self.give(aside[number % len(aside)] if number % 8 else aside[0], 0.05)
        if number % 8 == 4:
            self.give(aside[1], 0.05)
        rare: tuple[Fact, ...] = (
            BrokerReported(Status.CONNECTED),
            StorageReported(Storage.OK, 0, 1000),
            WhitelistLoaded(1, 400, 0.5, 0.01),
            InputLost(door, "unplugged"),
            CommandsRefused(3, "its counter was used before"),
            ReaderAlive("pad"),
            ReaderIgnored("pad", 2, "its counter was used before"),
            PassesRevoked(("k7m2",)),
            TemplateDestroyed("k7m2"),
            TemplateRefreshed("k7m2", 0.8),
            DrillDone(START, DrillReport("front", door, True, True, 300.0, {"forced": True})),
        )
        if number % 6 == 0:
            self.give(rare[number // 6 % len(rare)], 0.05)
            self.give(InputChanged(door, Input.CONTACT, False), 0.05)


class Trace(Struct):
    """Facts with their times, and what is in them."""

    facts: list[tuple[Fact, Now]]
    kinds: dict[str, int]
    modes: list[str]
    with_candidate: float
    """Share of all facts."""


def record(rounds: int) -> Trace:
    """The trace of so many rounds."""
    recorder = Recorder()
    recorder.give(Started("bench", "zoo", True))
    recorder.give(PlacesKnown({"person-1": Place("inside", START)}))
    recorder.give(WhitelistLoaded(1, 400, 0.5, 0.01))
    for door in DOORS:
        recorder.give(CameraReported(door, Status.STREAMING))
        recorder.give(InputChanged(door, Input.CONTACT, False))
    for number in range(rounds):
        recorder.round(number)
    facts = recorder.trace
    kinds = Counter(type(fact).__name__ for fact, _ in facts)
    seen = sum(1 for fact, _ in facts if isinstance(fact, FaceSeen) and fact.candidate)
    return Trace(facts, dict(kinds), sorted(recorder.modes), seen / len(facts))


class Result(Struct):
    """What was measured, in CPU time of the thread: the best of several runs, since all else only makes it slower."""

    steps: int
    steps_per_s: float
    with_candidate: float
    kinds: dict[str, int]
    modes: list[str]


def measure(rounds: int = 400, runs: int = 5) -> Result:
    """Play the trace to a fresh gate, several times."""
    trace = record(rounds)
    best = 0.0
    for _ in range(runs):
        gate = Gate(rules())
        step = gate.step
        gc.collect()
        begun = time.thread_time()
        for fact, now in trace.facts:
            step(fact, now)
        best = max(best, len(trace.facts) / (time.thread_time() - begun))
    return Result(len(trace.facts), round(best, 1), round(trace.with_candidate, 4), trace.kinds, trace.modes)
