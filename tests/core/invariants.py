"""What holds after every step of a gate, whatever happens: checked over random traces of facts.

`python -m tests.core.invariants STEPS [SEED]` takes so many steps, in traces of a thousand, and tells the rate and the
first step at which something did not hold. `make invariants` takes a million.
"""

import random
import sys
import time
from collections import Counter
from typing import Any

from msgspec import structs

from bench.core import DOORS, GOOD, LIVE, START, rules
from edge.doorevents import AccessDenied, AccessGranted, AccessNotTaken, AccessTaken, DoorOpenTooLong
from edge.facts import (
    BrokerReported,
    CameraReported,
    CardRead,
    CommandReceived,
    Effect,
    Emit,
    FaceSeen,
    Fact,
    InputChanged,
    InputLost,
    PassShown,
    PinEntered,
    Pulse,
    Recorded,
    RelayReported,
    Relock,
    Started,
    StorageReported,
    TrackEnded,
    Wake,
    WhitelistLoaded,
)  # fmt: skip
from edge.gate import Gate, GateRules
from edge.presence import Cues
from edge.state import DoorState
from edge.terms import (
    Candidate,
    CommandKind,
    Contact,
    DoorMode,
    Factor,
    Input,
    Now,
    Pass,
    Permit,
    RelayOutcome,
    Status,
    Storage,
)  # fmt: skip

TRACE = 1000
HARD_LIMIT_S = 5.0
LINKS = (BrokerReported, CameraReported, StorageReported)
"""What is told of links: it never moves a relay."""
SHOWN = (FaceSeen, PassShown, CardRead, PinEntered)
"""What people show: a grant waits for its record."""
FRESH_S = 1.0
PEOPLE = ("ann", "bob", "cat", "")
PERMITS = {
    "ann": Permit("ann", ("staff",), pin="1", duress="9"),
    "bob": Permit("bob", ("staff",), valid_until=START + 2_000),
    "cat": Permit("cat", ("nobody",), pin="3", extended=True),
}


REPORTS = [*RelayOutcome, *[RelayOutcome.STARTED] * 6, *[RelayOutcome.ENDED] * 2, *[RelayOutcome.AVAILABLE] * 3]
ORDERS = [*CommandKind, *[CommandKind.RELEASE] * 6, *[CommandKind.UNBLOCK] * 3, *[CommandKind.LOCK] * 3]
"""What ends a mode comes more often than what begins one: else the doors stay locked down."""
SLUICE, VAULT = DOORS[1], DOORS[2]


def strict() -> GateRules:
    """The gate of the benchmark with one door of a sluice, and one that takes two people."""
    made = rules()
    doors = made.doors | {SLUICE: structs.replace(made.doors[SLUICE], interlock=(DOORS[0],))}
    entry = made.entry | {VAULT: structs.replace(made.entry[VAULT], people=2)}
    return structs.replace(made, doors=doors, entry=entry)


class Chance:
    """Makes facts at random, about three doors: likely ones often, impossible ones now and then."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pulses: list[Pulse] = []
        self.asked: Pulse | None = None
        """What the guard has not answered yet."""
        self.tickets: list[int] = []

    def heard(self, effects: list[Effect]) -> None:
        """What the gate did, which storage and the guard may answer."""
        for effect in effects:
            if isinstance(effect, Pulse):
                self.asked, self.pulses = effect, [*self.pulses[-3:], effect]
            elif isinstance(effect, Emit) and effect.ticket:
                self.tickets = [*self.tickets[-3:], effect.ticket]

    def fact(self, mono: float) -> Fact:
        any_of, chance = self.random.choice, self.random.random()
        door = any_of(DOORS[:3])
        if self.asked and self.random.random() < 0.7:
            pulse, self.asked = self.asked, None
            return RelayReported(pulse.door, RelayOutcome.STARTED, pulse.pulse)
        if chance < 0.45:
            return self._face(door, mono)
        if chance < 0.55 and self.tickets:
            return Recorded(any_of(self.tickets), self.random.random() < 0.9)
        if chance < 0.67 and self.pulses:
            pulse = any_of([*self.pulses, self.pulses[-1], self.pulses[-1]])
            return RelayReported(pulse.door, any_of(REPORTS), pulse.pulse, "why")
        if chance < 0.8:
            return InputChanged(door, any_of(list(Input)), self.random.random() < 0.5)
        if chance < 0.88:
            problem = "" if self.random.random() < 0.9 else "forged"
            seconds = any_of([None, 2.0, 20.0])
            return CommandReceived("c", "op", any_of(ORDERS), any_of([door, ""]), seconds, problem=problem)
        return self._other(door, mono)

    def _face(self, door: str, mono: float) -> Fact:
        person, age = self.random.choice(PEOPLE), self.random.choice([0.1, 0.1, 0.1, 0.1, 1.5, -1.0])
        cues = self.random.choice([LIVE, LIVE, LIVE, Cues((0.7,)), Cues((0.01,), 0.05, 1.0), Cues()])
        found = Candidate(person, 0.8, 0.3, 0.5, 1) if person else None
        track = self.random.randint(1, 3)
        return FaceSeen(door, track, mono - age, mono - age - 0.2, GOOD, cues, found, PERMITS.get(person))

    def _other(self, door: str, mono: float) -> Fact:
        any_of = self.random.choice
        shown = Pass(
            any_of(["p1", "p2"]),
            any_of(["ann", "guest"]),
            "desk",
            START,
            START + 3_000,
            uses=2,
            face=any_of([True, False]),
        )
        return any_of(
            [
                TrackEnded(door, any_of([1, 2, 3])),
                PassShown(door, door, mono - any_of([0.1, 0.1, 1.5]), shown),
                CardRead(door, door, PERMITS.get(any_of(PEOPLE))),
                PinEntered(door, door, any_of(["1", "3", "9", "x"])),
                InputLost(door, "unplugged"),
                CameraReported(door, any_of(list(Status))),
                BrokerReported(any_of(list(Status))),
                StorageReported(any_of(list(Storage)), 0, 10),
                WhitelistLoaded(any_of([1, 1, 1, 2]), 3, 0.5, 0.01, any_of(["", "", "", "corrupt"])),
            ]
        )


class Watched:
    """A gate whose every step is checked."""

    def __init__(self, seed: int) -> None:
        self.chance, self.gate = Chance(seed), Gate(strict())
        self.mono, self.steps = 1000.0, 0
        self._asked: set[str] = set()
        self._active: dict[tuple[str, str, str], bool] = {}
        self._told = Counter[type]()
        self._contact: dict[str, Contact] = {}
        self._once: set[str] = set()
        """The doors that were released for one opening before this step."""
        self.step(Started("boot", "zoo", True))
        self.step(WhitelistLoaded(1, 3, 0.5, 0.01))

    def random_step(self) -> None:
        """Some time, whatever that brings about, and then a fact."""
        random_ = self.chance.random
        self.mono += random_.choice([0.01, 0.03, 0.05, 0.1, 0.5, 2.0])
        self.step(Wake())
        self.step(self.chance.fact(self.mono))

    def step(self, fact: Fact) -> None:
        now = Now(self.mono, START + self.mono, self.chance.random.random() < 0.98)
        self.steps += 1
        drives = {name: door.drive for name, door in self.gate.doors.items()}
        self._once = {name for name, drive in drives.items() if drive.energised and not drive.holding}
        step = self.gate.step(fact, now)
        assert step.wake is None or step.wake > self.mono, "it asks to be woken in the past"
        for effect in step.effects:
            self._effect(effect, fact)
        moves = any(isinstance(effect, Pulse | Relock) for effect in step.effects)
        assert not (moves and isinstance(fact, LINKS)), "a link moved a relay"
        assert not (moves and isinstance(fact, SHOWN)), "a relay moved before its record was on the disk"
        if isinstance(fact, CommandReceived) and fact.problem:
            told = [effect for effect in step.effects if isinstance(effect, Emit)]
            assert len(told) == 1 and not moves, "a bad command acted"
        if isinstance(fact, PassShown) and self.mono - fact.read > FRESH_S:
            assert not step.effects, "a pass that is not fresh acted"
        self._contacts(fact)
        self._doors()
        self.chance.heard(step.effects)

    def _contacts(self, fact: Fact) -> None:
        """What the gate knows of each leaf is what it was told last; nothing else is published."""
        if isinstance(fact, InputLost):
            self._contact[fact.door] = Contact.UNKNOWN
        elif isinstance(fact, InputChanged) and fact.input is Input.CONTACT:
            self._contact[fact.door] = Contact.OPEN if fact.active else Contact.CLOSED
        for name, door in self.gate.doors.items():
            known = self._contact.get(name, Contact.UNKNOWN)
            assert DoorState.of(door).physical is known, "a leaf is told of that is not so"

    def _effect(self, effect: Effect, fact: Fact) -> None:
        if isinstance(effect, Pulse):
            assert effect.until - self.mono <= HARD_LIMIT_S + 1e-9, "a pulse beyond the hard limit"
            assert not effect.renews or effect.renews in self._asked, "a pulse renews one that never was"
            self._asked.add(effect.pulse)
            door = self.gate.doors[effect.door]
            assert effect.door not in self._once or door.drive.holding, "two openings stack"
            pressed = isinstance(fact, InputChanged) and fact.input is Input.EXIT_BUTTON
            asked = pressed or effect.renews or door.drive.holding
            if effect.door == SLUICE and not asked:
                assert self.gate.doors[DOORS[0]].secure, "both doors of a sluice were released"
            if effect.door == VAULT and not asked and not isinstance(fact, CommandReceived):
                people = door.opening.people if door.opening else []
                assert len({each.person for each in people}) == 2, "one person alone passed"
            assert pressed or not (door.locked_down or door.blocked), "a locked-down or blocked door was released"
        elif isinstance(effect, Emit):
            self._event(effect)

    def _event(self, effect: Emit) -> None:
        event: Any = effect.event
        self._told[type(event)] += 1
        if isinstance(event, AccessGranted) and event.factors == (Factor.FACE,):
            assert -51 <= event.evidence.frame_age_ms <= 1001, "granted for a face that is not fresh"
        if isinstance(event, AccessTaken | AccessNotTaken | AccessDenied):
            ends = self._told[AccessTaken] + self._told[AccessNotTaken]
            assert ends <= self._told[AccessGranted], "more people passed than were granted"
        active = getattr(event, "active", None)
        if active is None:
            return
        key = (effect.subject, type(event).__name__, getattr(event, "source", "") or getattr(event, "person", ""))
        again = isinstance(event, DoorOpenTooLong) and active
        assert again or active != self._active.get(key, False), f"{key} is told twice"
        self._active[key] = active

    def _doors(self) -> None:
        for name, door in self.gate.doors.items():
            leaf = door.leaf
            assert not (leaf.contact is Contact.CLOSED and (leaf.forced or leaf.held)), "an alarm of a shut door"
            assert leaf.forced == self._active.get((f"door/{name}", "DoorForcedOpen", ""), False)
            assert leaf.held == self._active.get((f"door/{name}", "DoorOpenTooLong", ""), False)
            assert not (door.locked_down and door.drive.holding), "a locked-down door is held open"
            assert not door.locked_down or door.mode is DoorMode.LOCKED_DOWN, "a lockdown is called something else"
            assert door.mode is not DoorMode.LOCKED or not door.drive.energised, "a released door is called locked"


def run(steps: int, seed: int) -> int:
    """Take at least so many steps; how many were taken."""
    taken = 0
    while taken < steps:
        watched = Watched(seed + taken)
        while watched.steps < TRACE:
            watched.random_step()
        taken += watched.steps
    return taken


if __name__ == "__main__":
    begun = time.monotonic()
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 30)
    done = run(int(sys.argv[1]), seed)
    sys.stdout.write(f"{done} steps from seed {seed} in {time.monotonic() - begun:.0f} s: 0 violations\n")
