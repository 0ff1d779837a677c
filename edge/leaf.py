"""The leaf of a door: what its contact says, forced and held open, and more faces gone through than were granted.

While the fire alarm releases the door its leaf is meant to stand open: it is neither forced nor held then.

Pure; times are monotonic seconds, and `deadline` says when `tick` must be called next.
"""

import math

from edge.doorevents import DoorForcedOpen, DoorOpenTooLong, DoorPhysicalStateChanged, TailgatingSuspected
from edge.effects import Effect, Emit
from edge.terms import Contact
from edge.transport import Event

GRACE_S = 0.5
"""A leaf that moves this long after its lock was released was opened in time: contacts and people are slow."""

Effects = list[Effect]


class Leaf:
    """One leaf. `again_s` is how often one that is still held open is reported again; 0 is never."""

    def __init__(self, door: str, again_s: float = 0.0) -> None:
        self.contact = Contact.UNKNOWN
        self.forced = self.held = False
        self.deadline = math.inf
        """When it will have been open for too long, or is to be reported again."""
        self._subject, self._again_s = f"door/{door}", again_s
        self._opened_at = math.inf
        self.fire = False
        self._fire_over_at = -math.inf
        self._granted = self._passed = 0

    def move(self, state: Contact, now: float, free: bool, may_s: float) -> Effects:
        """It is `state` now. `free` is whether it may open; open, it may stay so for `may_s`."""
        before, self.contact = self.contact, state
        if before is state:
            return []
        told: Effects = [self._emit(DoorPhysicalStateChanged(state))]
        if state is Contact.OPEN:
            burning = self.fire or now <= self._fire_over_at + GRACE_S
            return told + self._opened(now, free or burning or before is Contact.UNKNOWN, may_s)
        if state is Contact.CLOSED or not self.held:  # what is reported stays so until it is known to be over
            self.deadline = math.inf
        return told + (self._closed(now) if state is Contact.CLOSED else [])

    def _opened(self, now: float, free: bool, may_s: float) -> Effects:
        self._granted = self._passed = 0
        if not self.held:
            self._opened_at = now
            self.deadline = math.inf if self.fire else now + may_s
        if free or self.forced:
            return []
        self.forced = True
        return [self._emit(DoorForcedOpen(True))]

    def _closed(self, now: float) -> Effects:
        effects: Effects = []
        if self.forced:
            effects.append(self._emit(DoorForcedOpen(False)))
        if self.held:
            effects.append(self._emit(DoorOpenTooLong(False, now - self._opened_at)))
        if self._passed > self._granted > 0:
            effects.append(self._emit(TailgatingSuspected(self._granted, self._passed)))
        self.forced = self.held = False
        return effects

    def ignore(self) -> None:
        """The door is released for a while: it may stay open; one that is already reported stays reported."""
        if not self.held:
            self.deadline = math.inf

    def watch(self, now: float, may_s: float) -> None:
        """The door is locked again: a leaf that was ignored must be shut within `may_s`."""
        if self.contact is Contact.OPEN and not self.held and not self.fire and self.deadline == math.inf:
            self._opened_at, self.deadline = now, now + may_s

    def burn(self, fire: bool, now: float, may_s: float) -> None:
        """The fire alarm releases the door, or does so no longer: from then on the leaf must be shut within `may_s`."""
        self.fire = fire
        if fire:
            self.ignore()
        else:
            self._fire_over_at = now
            self.watch(now, may_s)

    def allow(self, until: float) -> None:
        """It may stay open until then, unless it is reported already."""
        if not self.held:
            self.deadline = max(self.deadline, until)

    def acknowledge(self) -> None:
        """Somebody knows that it is held open: it is not reported again before it is shut."""
        if self.held:
            self.deadline = math.inf

    def tick(self, now: float) -> Effects:
        if now < self.deadline:
            return []
        self.held, self.deadline = True, now + self._again_s if self._again_s else math.inf
        return [] if self.fire else [self._emit(DoorOpenTooLong(True, now - self._opened_at))]

    # Who went through -------------------------------------------------------------------------------------------

    def granted(self) -> None:
        """One person more may go through while it stands open."""
        self._granted += 1

    def passed(self) -> None:
        """A face in front of it has gone while it stood open."""
        if self.contact is Contact.OPEN:
            self._passed += 1

    def _emit(self, event: Event) -> Emit:
        return Emit(self._subject, event)
