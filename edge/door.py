"""The door: a pure state machine over grants, relay reports and inputs.

Modes and alarms are ONVIF's. Every method takes the monotonic time and returns effects; `deadline` says when
`tick` must be called next. The relay itself is timed by the relay guard: whatever happens here, it goes inactive.
"""

import math

from msgspec import Struct

from edge.doorevents import (
    AccessNotTaken,
    AccessTaken,
    DoorFault,
    DoorForcedOpen,
    DoorModeChanged,
    DoorOpenTooLong,
    DoorPhysicalStateChanged,
    DoorTamper,
    FireReleased,
    RequestToExit,
)
from edge.facts import Effect, Emit, InputChanged, Pulse, RelayReported, Show
from edge.terms import Contact, DoorMode, Input, Lamp, RelayOutcome
from edge.transport import Event

ANSWER_S = 0.5
"""How long the relay guard may take to report what it was asked to report."""
GRACE_S = 0.5
"""A leaf that moves this long after the relay let go was opened by the grant: contacts and people are slow."""
REFUSED_S = 2.0
"""How long the refused lamp is on."""

Effects = list[Effect]


class DoorRules(Struct, frozen=True):
    pulse_s: float
    held_open_s: float


class Opening(Struct):
    """One opening, from the wish to open until the door is shut again or was never opened."""

    cause: str
    pulse: str
    until: float
    person: str = ""
    since: float | None = None
    """Capture time of the first good view, when a face caused it."""
    started: bool = False
    ended: bool = False
    taken: bool = False
    deadline: float = math.inf
    """When the relay guard must have answered, or after the pulse, when the leaf must have moved."""


class Door:
    """One door. `name` is the CloudEvents subject `door/NAME`."""

    def __init__(self, name: str, rules: DoorRules, boot: str = "") -> None:
        self.name, self.rules, self.boot = name, rules, boot
        self.mode = DoorMode.LOCKED
        self.contact = Contact.UNKNOWN
        self.forced = self.held = self.tamper = self.fire = False
        self.faults: dict[str, str] = {}
        self.opening: Opening | None = None
        self._pulses = 0
        self._opened_at = self._held_at = self._lamp_off_at = math.inf
        self._lamp = Lamp.IDLE

    @property
    def deadline(self) -> float:
        opening = self.opening.deadline if self.opening else math.inf
        return min(opening, self._held_at, self._lamp_off_at)

    @property
    def usable(self) -> bool:
        """Whether a grant could open it."""
        return "relay" not in self.faults

    # What opens it ----------------------------------------------------------------------------------------------

    def open(self, cause: str, now: float, person: str = "", since: float | None = None) -> Effects:
        """Ask for one pulse; while an opening is under way a second one changes nothing."""
        if self.opening and not self.opening.ended:
            return []
        self._pulses += 1
        pulse = f"{self.boot}-{self.name}-{self._pulses}"
        until = now + self.rules.pulse_s
        missed = self._finish() if self.opening else []
        self.opening = Opening(cause, pulse, until, person, since, deadline=now + ANSWER_S)
        return [*missed, Pulse(self.name, pulse, until)]

    def relay(self, report: RelayReported, now: float) -> Effects:
        """What the relay guard says became of a pulse, or of the relay as a whole."""
        match report.outcome:
            case RelayOutcome.AVAILABLE:
                return self._mend("relay")
            case RelayOutcome.UNAVAILABLE:
                return [*self._fail("relay", report.detail), *self._lost()]
        opening = self.opening
        if opening is None or report.pulse != opening.pulse:
            return []
        match report.outcome:
            case RelayOutcome.STARTED if not opening.started:
                return self._started(opening, now)
            case RelayOutcome.ENDED if not opening.ended:
                return self._ended(opening, now)
            case RelayOutcome.REFUSED | RelayOutcome.FAILED:
                return [*self._fail("relay", report.detail), *self._lost()]
        return []

    def _started(self, opening: Opening, now: float) -> Effects:
        opening.started, opening.deadline = True, opening.until + ANSWER_S
        took = None if opening.since is None else (now - opening.since) * 1000
        effects = [*self._mend("relay"), *self._turn(DoorMode.ACCESSED, opening.cause, took)]
        if self.contact is Contact.OPEN:  # the leaf has not shut since somebody else's opening
            effects += self._take(opening)
        return effects + self.show(Lamp.GRANTED, opening.until)

    def _ended(self, opening: Opening, now: float) -> Effects:
        opening.ended, opening.deadline = True, now + GRACE_S
        effects = self._turn(DoorMode.LOCKED, "relock")
        return [*effects, *self._finish()] if opening.taken else effects

    def _lost(self) -> Effects:
        """The pulse under way will not be heard of again; the guard has let go or never moved."""
        effects = self._turn(DoorMode.LOCKED, "fault") if self.mode is DoorMode.ACCESSED else []
        return [*effects, *self._finish()] if self.opening else effects

    def _finish(self) -> Effects:
        opening, self.opening = self.opening, None
        if opening is None or opening.taken or not opening.person:
            return []
        if opening.started and self.contact is Contact.UNKNOWN:
            return []  # nobody can tell whether the door was used
        return [self._emit(AccessNotTaken(opening.person))]

    # What the inputs say ----------------------------------------------------------------------------------------

    def input(self, fact: InputChanged, now: float) -> Effects:
        effects = self._mend("inputs")
        match fact.input:
            case Input.CONTACT:
                return effects + self._leaf(Contact.OPEN if fact.active else Contact.CLOSED, now)
            case Input.EXIT_BUTTON:
                return effects + (self._exit(now) if fact.active else [])
            case Input.TAMPER if fact.active != self.tamper:
                self.tamper = fact.active
                return [*effects, self._emit(DoorTamper(fact.active))]
            case Input.FIRE if fact.active != self.fire:
                self.fire = fact.active
                return [*effects, self._emit(FireReleased(fact.active))]
        return effects

    def input_lost(self, detail: str, now: float) -> Effects:
        """The inputs cannot be read: the leaf's state is unknown, alarms stay as they are until it is known."""
        return [*self._fail("inputs", detail), *self._leaf(Contact.UNKNOWN, now)]

    def _exit(self, now: float) -> Effects:
        return [self._emit(RequestToExit()), *self.open("exit_button", now)]

    def _leaf(self, state: Contact, now: float) -> Effects:
        before, self.contact = self.contact, state
        if before is state:
            return []
        effects: Effects = [self._emit(DoorPhysicalStateChanged(state))]
        if state is Contact.OPEN:
            return effects + self._opened(before, now)
        self._held_at = math.inf
        return effects + (self._closed(now) if state is Contact.CLOSED else [])

    def _opened(self, before: Contact, now: float) -> Effects:
        if not self.held:
            self._opened_at, self._held_at = now, now + self.rules.held_open_s
        if self.opening and self.opening.started:
            return self._take(self.opening)
        if self.fire or self.forced or before is Contact.UNKNOWN:
            return []  # released by fire, already reported, or nobody saw it open
        self.forced = True
        return [self._emit(DoorForcedOpen(True))]

    def _take(self, opening: Opening) -> Effects:
        """The leaf is open while it may be: whoever was granted has taken it."""
        taken, opening.taken = opening.taken, True
        effects: Effects = [] if taken or not opening.person else [self._emit(AccessTaken(opening.person))]
        return effects + (self._finish() if opening.ended else [])

    def _closed(self, now: float) -> Effects:
        effects: Effects = []
        if self.forced:
            effects.append(self._emit(DoorForcedOpen(False)))
        if self.held:
            effects.append(self._emit(DoorOpenTooLong(False, now - self._opened_at)))
        self.forced = self.held = False
        return effects

    # Time, lamps, faults ----------------------------------------------------------------------------------------

    def tick(self, now: float) -> Effects:
        """Whatever is due at `now`."""
        effects: Effects = []
        if self.opening and now >= self.opening.deadline:
            effects += self._overdue(self.opening)
        if now >= self._held_at:
            self.held, self._held_at = True, math.inf
            effects.append(self._emit(DoorOpenTooLong(True, now - self._opened_at)))
        if now >= self._lamp_off_at:
            effects += self.show(Lamp.IDLE)
        return effects

    def _overdue(self, opening: Opening) -> Effects:
        if opening.ended:
            return self._finish()
        return [*self._fail("relay", "the relay guard does not answer"), *self._lost()]

    def show(self, lamp: Lamp, until: float = math.inf) -> Effects:
        """Turn a lamp on, until a time if given; the same lamp again only moves the time."""
        self._lamp_off_at = until
        before, self._lamp = self._lamp, lamp
        return [] if before is lamp else [Show(self.name, lamp)]

    def look(self) -> Effects:
        """Somebody is being looked at; grants and refusals that are still shown stay."""
        return self.show(Lamp.LOOK) if self._lamp is Lamp.IDLE else []

    def away(self) -> Effects:
        """Nobody is being looked at any more."""
        return self.show(Lamp.IDLE) if self._lamp is Lamp.LOOK else []

    def _turn(self, mode: DoorMode, cause: str, decision_ms: float | None = None) -> Effects:
        before, self.mode = self.mode, mode
        return [] if before is mode else [self._emit(DoorModeChanged(mode, before, cause, decision_ms))]

    def _fail(self, source: str, detail: str) -> Effects:
        known = source in self.faults
        self.faults[source] = detail
        return [] if known else [self._emit(DoorFault(True, source, detail))]

    def _mend(self, source: str) -> Effects:
        detail = self.faults.pop(source, None)
        return [] if detail is None else [self._emit(DoorFault(False, source, detail))]

    def _emit(self, event: Event) -> Emit:
        return Emit(f"door/{self.name}", event)
