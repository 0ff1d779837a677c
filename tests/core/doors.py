"""A door to try things at, and the states to bring it into."""

from typing import Any

from edge import orders
from edge.door import Door, DoorRules
from edge.facts import InputChanged, RelayReported
from edge.opening import Passing
from edge.terms import CommandKind, Input, RelayOutcome

RULES = DoorRules(pulse_s=3.0, held_open_s=20.0)


class Bench:
    """A door, what it said, and shorthands for what may happen to it."""

    def __init__(self, rules: DoorRules = RULES) -> None:
        self.door = Door("main", rules, "boot")
        self.said: list[Any] = []
        self.last: list[Any] = []

    def tell(self, effects: list[Any]) -> list[Any]:
        self.said += effects
        self.last = effects
        return effects

    def open(self, at: float, person: str = "ann") -> list[Any]:
        return self.tell(self.door.open("face", at, Passing(person), at - 0.3))

    def contact(self, at: float, is_open: bool) -> list[Any]:
        return self.tell(self.door.input(InputChanged("main", Input.CONTACT, is_open), at))

    def press(self, at: float, which: Input, active: bool = True) -> list[Any]:
        return self.tell(self.door.input(InputChanged("main", which, active), at))

    def relay(self, at: float, outcome: RelayOutcome) -> list[Any]:
        pulse = self.door.drive.pulse
        return self.tell(self.door.relay(RelayReported("main", outcome, pulse, "why"), at))

    def order(self, kind: CommandKind, at: float, seconds: float | None) -> str:
        why, effects = orders.order(self.door, kind, seconds, at)
        self.tell(effects)
        return why

    def lose(self, at: float) -> list[Any]:
        return self.tell(self.door.input_lost("unplugged", at))

    def tick(self, at: float) -> list[Any]:
        return self.tell(self.door.tick(at))


def idle(b: Bench) -> None:
    b.contact(0, False)


def asked(b: Bench) -> None:
    idle(b)
    b.open(1)


def accessed(b: Bench) -> None:
    asked(b)
    b.relay(1.01, RelayOutcome.STARTED)


def taken(b: Bench) -> None:
    accessed(b)
    b.contact(2, True)


def forced(b: Bench) -> None:
    idle(b)
    b.contact(2, True)


def held(b: Bench) -> None:
    taken(b)
    b.relay(4, RelayOutcome.ENDED)
    b.tick(22.5)


def blind(b: Bench) -> None:
    idle(b)
    b.tell(b.door.input_lost("unplugged", 2))


def order(b: Bench, kind: CommandKind, at: float, seconds: float | None = None) -> str:
    return b.order(kind, at, seconds)


def unlocked(b: Bench) -> None:
    idle(b)
    order(b, CommandKind.UNLOCK, 1)
    b.relay(1.01, RelayOutcome.STARTED)


def open_for_all(b: Bench) -> None:
    idle(b)
    order(b, CommandKind.LOCK_OPEN, 1)
    b.relay(1.01, RelayOutcome.STARTED)


def blocked(b: Bench) -> None:
    idle(b)
    order(b, CommandKind.BLOCK, 1)


def lockdown(b: Bench) -> None:
    accessed(b)
    order(b, CommandKind.LOCK_DOWN, 1.5)
    b.relay(1.51, RelayOutcome.ENDED)
    b.tick(2.5)


def burning(b: Bench) -> None:
    idle(b)
    b.press(1, Input.FIRE)
    b.contact(2, True)


STATES = [idle, asked, accessed, taken, forced, held, blind, unlocked, open_for_all, blocked, lockdown, burning]
