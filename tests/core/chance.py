"""Random facts for a gate whose rules are all strict: likely ones often, impossible ones now and then."""

import random

from msgspec import structs

from bench.core import DOORS, GOOD, LIVE, START, rules
from edge.doorevents import AccessGranted
from edge.effects import Effect, Emit, Pulse
from edge.facts import (
    BrokerReported,
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
    Recorded,
    RelayReported,
    StorageReported,
    TrackEnded,
    WhitelistLoaded,
)
from edge.gate import GateRules
from edge.presence import Cues
from edge.terms import (
    Candidate,
    CommandKind,
    Input,
    Pass,
    Permit,
    RelayOutcome,
    Status,
    Storage,
)  # fmt: skip

PEOPLE = ("ann", "bob", "cat", "")
PERMITS = {
    "ann": Permit("ann", ("staff",), pin="1", duress="9"),
    "bob": Permit("bob", ("staff",), valid_until=START + 2_000),
    "cat": Permit("cat", ("nobody",), pin="3", extended=True),
}


REPORTS = [*RelayOutcome, *[RelayOutcome.STARTED] * 6, *[RelayOutcome.ENDED] * 2, *[RelayOutcome.AVAILABLE] * 3]
ORDERS = [*CommandKind, *[CommandKind.RELEASE] * 6, *[CommandKind.UNBLOCK] * 3, *[CommandKind.LOCK] * 3]
"""What ends a mode comes more often than what begins one: else the doors stay locked down."""
VAULTS = DOORS[2:]
"""The doors that take two people."""
OTHERS = {DOORS[0]: (DOORS[1],), DOORS[1]: (DOORS[0],)}
"""The doors of the sluice, and the other one of each."""
CHATTER_CHANGES, CHATTER_WITHIN_S = 4, 20.0
SECOND_PERSON_S = 15.0


def strict() -> GateRules:
    """The gate of the benchmark with two doors of a sluice, two that take two people, and inputs that soon chatter."""
    made = rules()
    doors = {
        name: structs.replace(
            door, interlock=OTHERS.get(name, ()), chatter_changes=CHATTER_CHANGES, chatter_within_s=CHATTER_WITHIN_S
        )
        for name, door in made.doors.items()
    }
    entry = made.entry | {vault: structs.replace(made.entry[vault], people=2) for vault in VAULTS}
    return structs.replace(made, doors=doors, entry=entry)


class Chance:
    """Makes facts at random, about four doors: likely ones often, impossible ones now and then."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pulses: list[Pulse] = []
        self.asked: Pulse | None = None
        """What the guard has not answered yet."""
        self.tickets: list[int] = []
        self.rattling: tuple[str, Input, int] = "", Input.CONTACT, 0
        """An input that goes on and off, and how often it will yet."""
        self.crowd = 0
        """How many people more hold their cards up at one place."""
        self.place = VAULTS[0]
        self.next: list[Fact] = []
        """What happens before anything else: between a grant and its record."""

    def heard(self, effects: list[Effect]) -> None:
        """What the gate did, which storage and the guard may answer."""
        for effect in effects:
            if isinstance(effect, Pulse):
                self.asked, self.pulses = effect, [*self.pulses[-3:], effect]
            elif isinstance(effect, Emit) and effect.ticket:
                self.tickets = [*self.tickets[-3:], effect.ticket]
                self._meanwhile(effect)

    def _meanwhile(self, granted: Emit) -> None:
        """The other door of the sluice moves before the grant is on the disk; that of a pass is there at once."""
        if isinstance(granted.event, AccessGranted) and granted.event.credential:
            self.next = [Recorded(granted.ticket, self.random.random() < 0.8)]
            if self.random.random() < 0.1:
                self.next.insert(0, PassesRevoked((granted.event.credential,)))
        for other in OTHERS.get(granted.subject.removeprefix("door/"), ()):
            if self.random.random() < 0.3:
                moves = self.random.choice([Input.CONTACT, Input.EXIT_BUTTON])
                self.next = [InputChanged(other, moves, True), Recorded(granted.ticket, True)]

    def fact(self, mono: float) -> Fact:
        any_of, chance = self.random.choice, self.random.random()
        door = any_of(DOORS)
        if self.next:
            return self.next.pop(0)
        if self.asked and self.random.random() < 0.7:
            pulse, self.asked = self.asked, None
            return RelayReported(pulse.door, RelayOutcome.STARTED, pulse.pulse)
        if self.rattling[2] and self.random.random() < 0.4:
            return self._rattle()
        if self.crowd and self.random.random() < 0.7:
            self.crowd -= 1
            return self._crowd()
        if chance < 0.43:
            return self._face(door, mono)
        if chance < 0.45:
            return self._begin(door)
        if chance < 0.55 and self.tickets:
            return Recorded(any_of(self.tickets), self.random.random() < 0.9)
        if chance < 0.67 and self.pulses:
            return self._report()
        if chance < 0.8:
            return InputChanged(door, any_of(list(Input)), self.random.random() < 0.3)
        if chance < 0.88:
            problem = "" if self.random.random() < 0.9 else "forged"
            seconds = any_of([None, 2.0, 20.0])
            return CommandReceived("c", "op", any_of(ORDERS), any_of([door, ""]), seconds, problem=problem)
        return self._other(door, mono)

    def _report(self) -> Fact:
        """What became of a pulse; just after it has ended, a hand may still be on the leaf."""
        pulse = self.random.choice([*self.pulses, self.pulses[-1], self.pulses[-1]])
        report = RelayReported(pulse.door, self.random.choice(REPORTS), pulse.pulse, "why")
        if report.outcome is RelayOutcome.ENDED and self.random.random() < 0.3:
            others = OTHERS.get(pulse.door, ())
            self.next = [CommandReceived("c", "op", CommandKind.OPEN, other) for other in others]
        return report

    def _begin(self, door: str) -> Fact:
        """An input of this door begins to rattle, or people come to it with their cards."""
        if self.random.random() < 0.5:
            self.rattling = door, self.random.choice(list(Input)), self.random.randint(2, 14)
            return self._rattle()
        self.crowd, self.place = self.random.randint(2, 5), door
        return self._crowd()

    def _crowd(self) -> Fact:
        """Cards at one place, or at the next one; and now and then another list comes between two people."""
        if self.random.random() < 0.1:
            return WhitelistLoaded(self.random.choice([1, 2]), self.random.choice([2, 3]), 0.5, 0.01)
        place = self.place if self.random.random() < 0.9 else self.random.choice(DOORS)
        return CardRead(place, place, PERMITS[self.random.choice(["ann", "bob"])])

    def _rattle(self) -> Fact:
        door, which, left = self.rattling
        self.rattling = door, which, left - 1
        return InputChanged(door, which, left % 2 == 0)

    def _face(self, door: str, mono: float) -> Fact:
        person, age = self.random.choice(PEOPLE), self.random.choice([0.1, 0.1, 0.1, 0.1, 1.5, -1.0])
        cues = self.random.choice([LIVE, LIVE, LIVE, Cues((0.7,)), Cues((0.01,), 0.05, 1.0), Cues()])
        found = Candidate(person, 0.8, 0.3, 0.5, 1) if person else None
        track = self.random.randint(1, 3)
        return FaceSeen(door, track, mono - age, mono - age - 0.2, GOOD, cues, found, PERMITS.get(person))

    def _other(self, door: str, mono: float) -> Fact:
        any_of = self.random.choice
        shown = Pass(
            f"p{self.random.randint(1, 50)}",
            any_of(["ann", "guest"]),
            "desk",
            START,
            START + 3_000,
            uses=2,
            face=any_of([True, False, False]),
        )
        return any_of(
            [
                TrackEnded(door, any_of([1, 2, 3])),
                *[PassShown(door, door, mono - any_of([0.1, 0.1, 1.5]), shown)] * 3,
                PassesRevoked((f"p{self.random.randint(1, 50)}", f"p{self.random.randint(1, 50)}")),
                CardRead(door, door, PERMITS.get(any_of(PEOPLE))),
                PinEntered(door, door, any_of(["1", "3", "9", "x"])),
                InputLost(door, "unplugged"),
                CameraReported(door, any_of(list(Status))),
                BrokerReported(any_of(list(Status))),
                StorageReported(any_of(list(Storage)), 0, 10),
                WhitelistLoaded(any_of([1, 1, 1, 2]), any_of([3, 3, 3, 2]), 0.5, 0.01, any_of(["", "", "", "corrupt"])),
            ]
        )
