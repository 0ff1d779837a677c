"""What goes wrong at a simulated gate by chance, and is over some time later."""

import random
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from edge.errors import in_english
from edge.facts import Fact, InputChanged, WhitelistLoaded
from edge.outlook import SPOILT, STREAM_FAULTS
from edge.terms import Input, Status


class Surroundings(Protocol):
    """A gate with a camera that may be turned into another state, and a clock in it."""

    camera: Status
    clock_off_s: float

    def at(self, seconds: float, what: Fact | Callable[[], None]) -> None: ...


def befall(gate: Surroundings, door: str, whitelist: WhitelistLoaded, rnd: random.Random) -> None:
    """Have one thing go wrong at a gate that has this door and list."""
    lasts = rnd.uniform(20.0, 90.0)
    match rnd.choice(("camera", "camera", "clock", "forced", "tamper", "whitelist")):
        case "camera":
            gate.at(0.0, _turn(gate, rnd.choice((*STREAM_FAULTS, *SPOILT))))
            gate.at(lasts, _turn(gate, Status.STREAMING))
        case "clock":
            gate.at(0.0, _set_clock(gate, rnd.choice((-1, 1)) * rnd.uniform(20.0, 400.0)))
            gate.at(lasts, _set_clock(gate, 0.0))
        case "forced":
            gate.at(0.0, InputChanged(door, Input.CONTACT, True))
            gate.at(lasts / 4, InputChanged(door, Input.CONTACT, False))
        case "tamper":
            gate.at(0.0, InputChanged(door, Input.TAMPER, True))
            gate.at(lasts, InputChanged(door, Input.TAMPER, False))
        case _:
            gate.at(0.0, replace(whitelist, people=0, problem=in_english("the manifest has expired")))
            gate.at(lasts, replace(whitelist, revision=whitelist.revision + 1))


def _turn(gate: Surroundings, status: Status) -> Callable[[], None]:
    def turn() -> None:
        gate.camera = status

    return turn


def _set_clock(gate: Surroundings, off_s: float) -> Callable[[], None]:
    def set_clock() -> None:
        gate.clock_off_s = off_s

    return set_clock
