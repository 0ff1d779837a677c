"""What holds after every step of a gate, whatever happens: checked over random traces of facts.

`python -m tests.core.invariants STEPS [SEED]` takes so many steps, in traces of a thousand, and tells the rate and the
first step at which something did not hold. `make invariants` takes a million.
"""

import math
import random
import sys
import time
from collections import Counter
from typing import Any

from bench.core import START
from edge.doorevents import (
    AccessDenied,
    AccessGranted,
    AccessNotTaken,
    AccessTaken,
    DoorFault,
    DoorForcedOpen,
    DoorOpenTooLong,
)
from edge.effects import Effect, Emit, Pulse, Relock, UseSettled
from edge.factors import Attempt
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
    Started,
    StorageReported,
    Wake,
    WhitelistLoaded,
)
from edge.gate import Gate
from edge.state import DoorState
from edge.terms import (
    Contact,
    DoorMode,
    Factor,
    Input,
    Now,
)  # fmt: skip
from tests.core.chance import OTHERS, SECOND_PERSON_S, VAULTS, Chance, strict
from tests.core.rattles import Rattles

TRACE = 1000
HARD_LIMIT_S = 5.0
LINKS = (BrokerReported, CameraReported, StorageReported)
"""What is told of links: it never moves a relay."""
SHOWN = (FaceSeen, PassShown, CardRead, PinEntered)
"""What people show: a grant waits for its record."""
FRESH_S = 1.0


class Watched:
    """A gate whose every step is checked."""

    def __init__(self, seed: int) -> None:
        self.chance, self.gate = Chance(seed), Gate(strict())
        self.mono, self.steps, self._list = 1000.0, 0, WhitelistLoaded(0, 0, 2.0, 0.0)
        self._asked: set[str] = set()
        self._active: dict[tuple[str, str, str], bool] = {}
        self._faulty: dict[str, bool] = {}
        """What was said last of any fault of a door."""
        self._over: set[str] = set()
        """The doors of which a fault is over in this step: those that last are told again."""
        self._told = Counter[type]()
        self._contact: dict[str, Contact] = {}
        self._rattles = Rattles()
        self._shown: dict[tuple[str, str], float] = {}
        """When everybody was last seen at a door that takes two, since the last grant there and of this list."""
        self._pairs: list[tuple[str, float]] = []
        """Where and when two people were granted who have not passed yet."""
        self._released: set[str] = set()
        """The doors of the sluice that were released, or soon to be, before this step or earlier in it."""
        self._once: set[str] = set()
        """The doors that were released for one opening before this step."""
        self._uses: dict[int, str] = {}
        """By ticket, the doors of grants with a pass whose use is not settled yet."""
        self._asked_for: dict[int, str] = {}
        """The same whose use stands, and whose door has not been released since."""
        self.step(Started("boot", "zoo", True))
        self.step(WhitelistLoaded(1, 3, 0.5, 0.01))
        for door in self.gate.doors:
            self.step(InputChanged(door, Input.CONTACT, False))

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
        self._once = {name for name, drive in drives.items() if drive.released and not drive.holding}
        self._released = {name for name in OTHERS if self._moving(name)}
        self._over.clear()
        step = self.gate.step(fact, now)
        assert step.wake is None or step.wake > self.mono, "it asks to be woken in the past"
        self._see(fact)
        self._two(step.effects)
        for effect in step.effects:
            self._effect(effect, fact)
        assert self._uses.keys() <= self.gate.entry.grants._waiting.keys(), "a use is never settled"
        moves = any(isinstance(effect, Pulse | Relock) for effect in step.effects)
        assert not (moves and isinstance(fact, LINKS)), "a link moved a relay"
        assert not (moves and isinstance(fact, SHOWN)), "a relay moved before its record was on the disk"
        if isinstance(fact, CommandReceived) and fact.problem:
            told = [effect for effect in step.effects if isinstance(effect, Emit)]
            assert len(told) == 1 and not moves, "a bad command acted"
        if isinstance(fact, PassesRevoked):
            assert not [each for each in self._begun() if each.credential in fact.passes], "a revoked pass goes on"
        if isinstance(fact, PassShown) and self.mono - fact.read > FRESH_S:
            assert not step.effects, "a pass that is not fresh acted"
        self._contacts(fact)
        self._doors()
        self._exit(fact)
        self.chance.heard(step.effects)

    def _begun(self) -> list[Attempt]:
        """What has begun and opened nothing yet."""
        entry = self.gate.entry
        return [*entry._open, *entry._first, *(each for w in entry.grants._waiting.values() for each in w.people)]

    def _contacts(self, fact: Fact) -> None:
        """What the gate knows of each leaf is what it was told last; nothing else is published."""
        if isinstance(fact, InputLost):
            self._contact[fact.door] = Contact.UNKNOWN
        elif isinstance(fact, InputChanged) and fact.input is Input.CONTACT:
            self._contact[fact.door] = Contact.OPEN if fact.active else Contact.CLOSED
        self._rattles.see(fact, self.mono)
        for name, door in self.gate.doors.items():
            chattering = {f"{which}_chatter" for at, which in self._rattles.ends if at == name}
            assert chattering == {each for each in door.faults if "chatter" in each}, "chatter is not told as it is"
            known = self._known(name)
            assert DoorState.of(door).physical is known, "a leaf is told of that is not so"

    def _known(self, door: str) -> Contact:
        chatters = (door, Input.CONTACT) in self._rattles.ends
        return Contact.UNKNOWN if chatters else self._contact.get(door, Contact.UNKNOWN)

    def _see(self, fact: Fact) -> None:
        """Who was at the door that takes two people."""
        if isinstance(fact, WhitelistLoaded) and (fact.problem or fact != self._list):
            self._shown.clear()
            self._pairs.clear()
        if isinstance(fact, WhitelistLoaded):
            self._list = fact
        if isinstance(fact, FaceSeen) and fact.candidate:
            self._shown[fact.camera, fact.candidate.person] = self.mono
        if isinstance(fact, PassShown) and fact.shown:
            self._shown[fact.door, fact.shown.person] = self.mono
        if isinstance(fact, CardRead) and fact.permit:
            self._shown[fact.door, fact.permit.person] = self.mono

    def _two(self, effects: list[Effect]) -> None:
        """There people are granted by twos, and both were there lately."""
        told = [each for each in effects if isinstance(each, Emit) and isinstance(each.event, AccessGranted)]
        for vault in VAULTS:
            granted = [each.event.person for each in told if each.subject == f"door/{vault}"]  # type: ignore[attr-defined]
            assert len(granted) == len(set(granted)) and len(granted) in (0, 2), "they were not granted by twos"
            for person in granted:
                at = self._shown.pop((vault, person), -math.inf)
                late = SECOND_PERSON_S + 15.0 + 2.0  # a PIN, and a late wake-up
                assert self.mono - at <= late, "granted who was not there"
            self._pairs += [(vault, self.mono)] * (len(granted) // 2)

    def _exit(self, fact: Fact) -> None:
        """Nobody is ever locked in."""
        if isinstance(fact, InputChanged) and fact.input is Input.EXIT_BUTTON and fact.active:
            drive = self.gate.doors[fact.door].drive
            assert drive.energised or drive.pulse, "the exit button asked for nothing"

    def _sluice(self, name: str) -> None:
        """Released for a grant or by the room while the other door is not known to be shut and locked."""
        for other in OTHERS.get(name, ()):
            assert other not in self._released, "both doors of a sluice were released"
            assert self._known(other) is Contact.CLOSED, "one door of a sluice was released while the other was open"

    def _moving(self, name: str) -> bool:
        """Whether the relay is, or will be, or may be active, or somebody may yet pass."""
        door = self.gate.doors[name]
        active = door.drive.energised or door.drive.pulse or door.drive.holding or "feedback" in door.faults
        return bool(active or door.opening)

    def _effect(self, effect: Effect, fact: Fact) -> None:
        if isinstance(effect, Pulse):
            assert effect.until - self.mono <= HARD_LIMIT_S + 1e-9, "a pulse beyond the hard limit"
            assert not effect.renews or effect.renews in self._asked, "a pulse renews one that never was"
            self._asked.add(effect.pulse)
            door = self.gate.doors[effect.door]
            assert effect.door not in self._once or door.drive.holding, "two openings stack"
            pressed = isinstance(fact, InputChanged) and fact.input is Input.EXIT_BUTTON
            asked = pressed or effect.renews or door.drive.holding
            late = isinstance(fact, Wake) and not door.drive.holding  # a grant without its record; not a hold's renewal
            if (late or isinstance(fact, Recorded | CommandReceived)) and not effect.renews and not door.locked_open:
                self._sluice(effect.door)
            self._released.add(effect.door)
            if effect.door in VAULTS and not asked and not isinstance(fact, CommandReceived):
                people = door.opening.people if door.opening else []
                assert len({each.person for each in people}) == 2, "one person alone passed"
                pairs = [(at, when) for at, when in self._pairs if self.mono - when < 3.0]
                assert any(at == effect.door for at, _ in pairs), "two passed who were not granted together"
                self._pairs = [pair for pair in pairs if pair[0] != effect.door]
            assert pressed or not (door.locked_down or door.blocked), "a locked-down or blocked door was released"
        elif isinstance(effect, UseSettled):
            self._settled(effect)
        elif isinstance(effect, Emit):
            if isinstance(effect.event, AccessGranted) and effect.event.credential:
                self._uses[effect.ticket] = effect.subject.removeprefix("door/")
            self._event(effect)

    def _settled(self, effect: UseSettled) -> None:
        """Once for each grant with a pass; it stands where a door is released for it, and until the guard refuses."""
        door = self._uses.pop(effect.ticket, None)
        if door is None:
            assert not effect.stands and self._asked_for.pop(effect.ticket, None), "the relay had moved for it"
            return
        drive = self.gate.doors[door].drive
        assert not effect.stands or drive.energised or drive.pulse, "a use stands, and the relay was not asked"
        if effect.stands:
            self._asked_for[effect.ticket] = door

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
        burning = isinstance(event, DoorOpenTooLong | DoorForcedOpen) and self._burns(effect.subject)
        assert not (active and burning), "an alarm of a door that is meant to stand open"
        over = isinstance(event, DoorFault) and effect.subject in self._over
        again = active and (over or isinstance(event, DoorOpenTooLong))
        assert again or active != self._active.get(key, False), f"{key} is told twice"
        self._active[key] = active
        if isinstance(event, DoorFault):
            self._faulty[effect.subject] = active
            self._over |= set() if active else {effect.subject}

    def _burns(self, subject: str) -> bool:
        return self.gate.doors[subject.removeprefix("door/")].leaf.fire

    def _doors(self) -> None:
        for name, door in self.gate.doors.items():
            leaf = door.leaf
            if door.drive.energised:
                self._asked_for = {ticket: at for ticket, at in self._asked_for.items() if at != name}
            assert bool(door.faults) == self._faulty.get(f"door/{name}", False), "the last word on a door's faults"
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
