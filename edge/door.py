"""The door: a pure state machine over openings, orders, relay reports and inputs.

Modes and alarms are ONVIF's. Every method takes the monotonic time and returns effects; `deadline` says when
`tick` must be called next. The relay itself is timed by the relay guard: whatever happens here, it goes inactive.
The exit button opens in every mode: nobody is ever locked in.
"""

import math

from edge.chatter import Chatter
from edge.doorevents import AccessNotTaken, AccessTaken, DoorModeChanged, DoorTamper, FireReleased, RequestToExit
from edge.doorrules import DoorRules as DoorRules
from edge.drive import Drive, Faults, Turn
from edge.effects import Effect, Emit, Show
from edge.errors import in_english
from edge.facts import InputChanged, RelayReported
from edge.leaf import GRACE_S, Leaf
from edge.opening import Opening, Passing
from edge.terms import Contact, DoorMode, Input, Lamp
from edge.transport import Event

REFUSED_S = 2.0
"""How long the refused lamp is on."""
NEVER = -math.inf
EXIT = "exit_button"
"""The cause that no mode stands against."""

Effects = list[Effect]


class Door:
    """One door. `name` is the CloudEvents subject `door/NAME`."""

    def __init__(self, name: str, rules: DoorRules, boot: str = "") -> None:
        self.name, self.rules, self._subject = name, rules, f"door/{name}"
        self.mode = DoorMode.LOCKED
        self.tamper = False
        self.locked_down = self.locked_open = self.scheduled = False
        self.blocked_until = self.unlocked_until = NEVER
        self.faults = Faults(name)
        self.chatter = Chatter(rules.chatter_changes, rules.chatter_within_s, self.faults)
        self.drive = Drive(name, rules.hard_limit_s, self.faults, boot)
        self.leaf = Leaf(name, rules.held_again_s)
        self.opening: Opening | None = None
        self._lamp, self._lamp_off_at, self._orders_end = Lamp.IDLE, math.inf, math.inf

    @property
    def deadline(self) -> float:
        inputs = min(self.leaf.deadline, self.chatter.deadline)
        due = min(self.drive.deadline, inputs, self._lamp_off_at, self._orders_end)
        opening = self.opening
        return due if opening is None or due < opening.deadline else opening.deadline

    @property
    def contact(self) -> Contact:
        return self.leaf.contact

    @property
    def usable(self) -> bool:
        """Whether a grant could open it. A guard that was slow once may well answer the next time."""
        return not (self.drive.away or self.locked_down or self.blocked)

    @property
    def blocked(self) -> bool:
        return self.blocked_until > NEVER

    @property
    def secure(self) -> bool:
        """Whether it is known to be shut and nothing releases it, or soon will: the other door of a sluice may open."""
        drive, stuck = self.drive, "feedback" in self.faults
        released = drive.energised or drive.holding or drive.pulse or drive.silent or stuck
        return self.contact is Contact.CLOSED and self.opening is None and not released

    # What opens it ----------------------------------------------------------------------------------------------

    def open(
        self, cause: str, now: float, passing: Passing | None = None, since: float | None = None, extended: bool = False
    ) -> Effects:
        """Release it once. While an opening is under way nothing moves, and whoever is granted passes with it."""
        if cause != EXIT and (self.locked_down or self.blocked):
            return []
        opening = self.opening
        if opening and (self.drive.pending or (self.drive.released and opening.started)):
            opening.join(passing, extended)
            self._extend(extended, now)
            if self.drive.holding:
                opening.deadline = opening.until = now + self.rules.pulse_s
            return self._take(opening) if opening.started and self.contact is Contact.OPEN else []
        missed = self._finish()
        seconds = (extended and self.rules.extended_pulse_s) or self.rules.pulse_s
        self.opening = Opening(cause, [passing] if passing else [], now + seconds, since, extended)
        if self.drive.released:  # it stands so
            return [*missed, *self._begin(self.opening, now)]
        return [*missed, *self.drive.once(seconds, now)]

    def _extend(self, extended: bool, now: float) -> None:
        """Whoever needs more time may find the leaf open already."""
        longer = self.rules.extended_held_open_s
        if extended and longer and self.contact is Contact.OPEN:
            self.leaf.allow(now + longer)

    def relay(self, report: RelayReported, now: float) -> Effects:
        """What the relay guard says became of a pulse, or of the relay as a whole."""
        turn, effects = self.drive.told(report, now)
        return effects + self._turned(turn, now)

    def _turned(self, turn: Turn, now: float) -> Effects:
        opening = self.opening
        if turn is Turn.STARTED and self.drive.holding:
            self.leaf.ignore()  # it is released again: whatever was lost meanwhile
        match turn:
            case Turn.STARTED if opening and not opening.started:
                took = None if opening.since is None else (now - opening.since) * 1000
                return [*self._turn(opening.cause, took), *self._begin(opening, now)]
            case Turn.STARTED:
                return self._turn("hold")
            case Turn.ENDED:
                effects = self._turn("relock")
                self.leaf.watch(now, self.rules.held_open_s)
                return effects + self._over(now)
            case Turn.LOST | Turn.REFUSED:
                self.leaf.watch(now, self.rules.held_open_s)
                unused = opening.unused() if opening and turn is Turn.REFUSED else []
                return [*self._turn("fault"), *unused, *self._finish()]
        return []

    def _begin(self, opening: Opening, now: float) -> Effects:
        opening.started = True
        if self.drive.holding:
            opening.deadline = opening.until
        self._extend(opening.extended, now)
        taken = self._take(opening) if self.contact is Contact.OPEN else []  # not shut since somebody else's opening
        return taken + self.show(Lamp.GRANTED, opening.until)

    def _over(self, now: float) -> Effects:
        """The relay let go: whoever has not opened the leaf yet has half a second."""
        opening = self.opening
        if opening is None or not opening.started:
            return []
        opening.deadline = now + GRACE_S
        return self._finish() if opening.taken and all(each.taken for each in opening.people) else []

    def _finish(self) -> Effects:
        opening, self.opening = self.opening, None
        if opening is None or (opening.started and self.contact is Contact.UNKNOWN):
            return []  # nobody can tell whether the door was used
        return [self._emit(AccessNotTaken(each.person)) for each in opening.people if not each.taken]

    def _take(self, opening: Opening) -> Effects:
        """The leaf is open while it may be: whoever was granted has taken it."""
        opening.taken = True
        fresh = [each for each in opening.people if not each.taken]
        for each in fresh:
            each.taken = True
            self.leaf.granted()
        effects: Effects = [self._emit(AccessTaken(each.person, each.into)) for each in fresh]
        return effects if self.drive.energised else effects + self._finish()

    # What is ordered --------------------------------------------------------------------------------------------

    def obey(self, now: float, cause: str) -> Effects:
        """Make the relay follow what was ordered: stay released, or let go at once."""
        self.plan()
        holding = self._hold
        if holding and not self.drive.holding:
            self.leaf.ignore()
            if self.opening:
                self.opening.deadline = self.opening.until
            return self.drive.hold(now) + self._turn(cause)
        if not holding and (self.drive.holding or not self.usable):
            relock = self.drive.relock()  # the mode is another when the relay has let go, unless it is shut by order
            if not self.drive.energised:
                self.leaf.watch(now, self.rules.held_open_s)
            return relock + (self._turn(cause) if self.locked_down or self.blocked else [])
        return self._turn(cause)

    def plan(self) -> None:
        """See when an order ends by itself."""
        ends = [until for until in (self.blocked_until, self.unlocked_until) if until > NEVER]
        self._orders_end = min(ends, default=math.inf)

    @property
    def _hold(self) -> bool:
        """Whether it should stay released."""
        if self.locked_down or self.blocked:
            return False
        return self.locked_open or self.scheduled or self.unlocked_until > NEVER

    # What the inputs say ----------------------------------------------------------------------------------------

    def input(self, fact: InputChanged, now: float) -> Effects:
        mended = self.faults.mend("inputs")
        told, counts = self.chatter.hear(fact.input, fact.active, now)
        return [*mended, *told, *(self._heard(fact.input, fact.active, now) if counts else [])]

    def _heard(self, which: Input, active: bool, now: float) -> Effects:
        chatters = which in self.chatter.active  # what it has alarmed stays so until it has settled
        match which:
            case Input.CONTACT:
                told = self._moved(Contact.OPEN if active else Contact.CLOSED, now) if active or not chatters else []
                return told + (self._moved(Contact.UNKNOWN, now) if chatters else [])
            case Input.EXIT_BUTTON if active:
                return [*([] if chatters else [self._emit(RequestToExit())]), *self.open(EXIT, now)]
            case Input.TAMPER if active != self.tamper:
                self.tamper = active
                return [self._emit(DoorTamper(active))]
            case Input.FIRE if active != self.leaf.fire:
                self.leaf.burn(active, now, self._may_s)
                return [self._emit(FireReleased(active))]
            case Input.SUPPLY if active:
                return self.faults.fail("supply", in_english("the lock's supply has failed"))
            case Input.SUPPLY:
                return self.faults.mend("supply")
            case Input.FEEDBACK:
                return self.drive.feedback(active, now)
        return []

    def input_lost(self, detail: str, now: float) -> Effects:
        """The inputs cannot be read: the leaf's state is unknown, alarms stay as they are until it is known."""
        unread = [*self.chatter.forget(), *self.drive.feedback(None, now)]
        return [*unread, *self.faults.fail("inputs", detail), *self._moved(Contact.UNKNOWN, now)]

    def _moved(self, state: Contact, now: float) -> Effects:
        opening = self.opening
        released = self.drive.energised or now <= self.drive.let_go_at + GRACE_S
        effects = self.leaf.move(state, now, released, self._may_s)
        if effects and state is Contact.OPEN and released and opening and opening.started:
            effects += self._take(opening)
        return effects

    @property
    def _may_s(self) -> float:
        """How long the leaf may stay open, if it opens now."""
        if self.drive.energised and self.drive.holding:
            return math.inf
        extended = self.opening is not None and self.opening.extended and self.rules.extended_held_open_s
        return extended or self.rules.held_open_s

    # Time, lamps, faults ----------------------------------------------------------------------------------------

    def tick(self, now: float) -> Effects:
        """Whatever is due at `now`; an order that ends asks for no more pulses."""
        effects = self._expire(now)
        if now >= self.chatter.deadline:
            over, says = self.chatter.settled(now)
            effects += over
            for which, active in says.items():
                effects += self._heard(which, active, now)
        turn, told = self.drive.tick(now) if now >= self.drive.deadline else (Turn.NONE, [])
        effects += told + self._turned(turn, now)
        if self.opening and now >= self.opening.deadline:
            effects += self._finish()
        effects += self.leaf.tick(now)
        if now >= self._lamp_off_at:
            effects += self.show(Lamp.IDLE)
        return effects

    def _expire(self, now: float) -> Effects:
        """Orders that were given for a time end by themselves."""
        if NEVER < self.blocked_until <= now:
            self.blocked_until = NEVER
            return self.obey(now, "block is over")
        if NEVER < self.unlocked_until <= now:
            self.unlocked_until = NEVER
            return self.obey(now, "time is over")
        return []

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

    def _turn(self, cause: str, decision_ms: float | None = None) -> Effects:
        """Tell of the mode when it is another: while the relay is energised, what that stands for, else why not."""
        before, self.mode = self.mode, self._mode()
        return [] if before is self.mode else [self._emit(DoorModeChanged(self.mode, before, cause, decision_ms))]

    def _mode(self) -> DoorMode:
        if self.drive.energised and self.drive.holding:
            return DoorMode.LOCKED_OPEN if self.locked_open else DoorMode.UNLOCKED
        if self.locked_down:
            return DoorMode.LOCKED_DOWN
        if self.blocked:
            return DoorMode.BLOCKED
        return DoorMode.ACCESSED if self.drive.energised else DoorMode.LOCKED

    def _emit(self, event: Event) -> Emit:
        return Emit(self._subject, event)
