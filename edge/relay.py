"""The relay guard: a small process that holds the relay lines and accepts nothing but pulses with a deadline.

A relay is inactive from the moment its line is requested, when a pulse's deadline passes, when the gate that asked
is gone or talks nonsense, and when this process ends. A guard that is itself stopped is killed by the watchdog, and
whoever starts it (systemd, the supervisor) then runs `edge-gate relay safe`.
"""

import contextlib
import math
import selectors
import signal
import time
from collections.abc import Mapping

from msgspec import Struct

from edge import notify, wire
from edge.config import Config, DoorSection
from edge.errors import EdgeError, HardwareError, LinkError
from edge.lines import Outputs, outputs
from edge.terms import RelayOutcome
from edge.users import group, peers
from edge.wire import RelayPulse, RelayRelock, RelayReport

BEAT_S = 0.25
"""How often the loop turns at least; systemd expects a sign of life every second."""
RETRY_S = 1.0
"""Between two attempts to get a chip back."""


class Active(Struct, frozen=True):
    pulse: str
    until: float


class Pulses:
    """Which relays are energised, and until when. Pure: time is an argument, lines are somebody else's."""

    def __init__(self, limits: Mapping[str, float]) -> None:
        self._limits = limits
        """Door -> longest pulse, seconds."""
        self.active: dict[str, Active] = {}

    def request(self, wanted: RelayPulse, now: float) -> str:
        """Why a pulse is refused, or "" when it begins now, or goes on from the active one that it renews."""
        limit = self._limits.get(wanted.door)
        if limit is None:
            return "there is no such door"
        if self.busy(wanted):
            return "a pulse is active"
        if not now < wanted.until:  # also when it is not a number
            return "its deadline has passed"
        if wanted.until - now > limit:
            return f"it is longer than {limit:g} s"
        self.active[wanted.door] = Active(wanted.pulse, wanted.until)
        return ""

    def busy(self, wanted: RelayPulse) -> bool:
        """Whether another pulse is active, which this one does not renew."""
        active = self.active.get(wanted.door)
        return active is not None and active.pulse != wanted.renews

    def due(self, now: float) -> list[tuple[str, str]]:
        """The pulses that end now, as door and pulse."""
        return [self.end(door) for door, active in list(self.active.items()) if now >= active.until]

    def end(self, door: str) -> tuple[str, str]:
        """End a door's pulse, whatever its deadline."""
        return door, self.active.pop(door).pulse

    @property
    def deadline(self) -> float:
        return min((active.until for active in self.active.values()), default=math.inf)


class Relays:
    """The relay lines of every door; a chip that is missing is tried again and is nobody else's trouble."""

    def __init__(self, doors: list[DoorSection]) -> None:
        self._doors = {door.name: door for door in doors}
        self._outputs: dict[str, Outputs] = {}
        self._retry_at = 0.0
        self.problems: dict[str, str] = {}

    def open(self, now: float) -> list[str]:
        """Request the lines that are not held yet, inactive; the doors whose relay came or went."""
        if now < self._retry_at:
            return []
        self._retry_at = now + RETRY_S
        return [name for name in self._doors if name not in self._outputs and self._request(name)]

    def set(self, door: str, active: bool) -> None:
        """Drive a relay; HardwareError when it cannot be driven."""
        held = self._outputs.get(door)
        if held is None:
            raise HardwareError("{why}", why=self.problems.get(door, "the relay's line is not held"))
        try:
            held.set("relay", active)
        except HardwareError as error:
            self._let_go(self._outputs.pop(door))
            self.problems[door] = str(error)
            raise

    def close(self) -> None:
        """Everything inactive, also when one of the chips is gone."""
        for held in self._outputs.values():
            self._let_go(held)
        self._outputs.clear()

    @staticmethod
    def _let_go(held: Outputs) -> None:
        with contextlib.suppress(HardwareError):  # its chip is gone
            held.close()

    def _request(self, name: str) -> bool:
        """Whether what is known of this relay changed."""
        before, door = self.problems.pop(name, None), self._doors[name]
        try:
            self._outputs[name] = outputs(door.chip, {"relay": door.relay})
        except HardwareError as error:
            self.problems[name] = str(error)
            return before != str(error)
        return True


class Guard:
    """Joins pulses, lines and the one connection to the gate."""

    def __init__(self, config: Config) -> None:
        self._pulses = Pulses({door.name: door.hard_limit_s for door in config.door})
        self._relays = Relays(config.door)
        self._listener = wire.listen(config.socket("relay"), group("relay"))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._peer: wire.Peer | None = None
        self._stopped = False

    def run(self) -> None:
        """Serve until stopped; every relay is inactive afterwards."""
        try:
            self._hold()
            notify.ready()
            while not self._stopped:
                self._turn()
        finally:
            notify.stopping()
            self._relays.close()

    def stop(self) -> None:
        self._stopped = True

    def _turn(self) -> None:
        """What is due first, then what is asked: a guard that was stopped lets go before it listens."""
        self._expire()
        self._hold()
        wait = min(BEAT_S, max(0.0, self._pulses.deadline - time.monotonic()))
        for key, _ in self._selector.select(wait):
            self._expire()
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._peer:  # unless it was dropped a moment ago
                self._read(self._peer)
        notify.watchdog()

    def _hold(self) -> None:
        for door in self._relays.open(time.monotonic()):
            problem = self._relays.problems.get(door, "")
            self._tell(door, "", RelayOutcome.UNAVAILABLE if problem else RelayOutcome.AVAILABLE, problem)

    def _accept(self) -> None:
        try:
            peer = wire.accept(self._listener, peers("relay"), RelayPulse, RelayRelock)
        except (LinkError, OSError):
            return  # a stranger's process
        if self._peer:
            peer.close()  # one gate at a time: a second one finds the line closed and tries again
            return
        self._peer = peer
        self._selector.register(peer, selectors.EVENT_READ)
        for door, problem in self._relays.problems.items():
            self._tell(door, "", RelayOutcome.UNAVAILABLE, problem)

    def _read(self, peer: wire.Peer) -> None:
        """One message a turn: whoever sends without end must not keep a deadline from being looked at."""
        try:
            match peer.receive():
                case RelayPulse() as wanted:
                    self._pulse(wanted)
                case RelayRelock() as unwanted:
                    self._relock(unwanted)
        except (EOFError, LinkError):
            self._drop()

    def _drop(self) -> None:
        """The gate is gone or talks nonsense: nothing it asked for goes on."""
        if self._peer:
            self._selector.unregister(self._peer)
            self._peer.close()
            self._peer = None
        for door in list(self._pulses.active):
            self._pulses.end(door)
            self._off(door)

    def _pulse(self, wanted: RelayPulse) -> None:
        busy = self._pulses.busy(wanted)
        why = self._pulses.request(wanted, time.monotonic())
        if why:
            self._tell(wanted.door, wanted.pulse, RelayOutcome.BUSY if busy else RelayOutcome.REFUSED, why)
            return
        try:
            self._relays.set(wanted.door, True)
        except HardwareError as error:
            self._pulses.end(wanted.door)
            self._tell(wanted.door, wanted.pulse, RelayOutcome.FAILED, str(error))
            return
        self._tell(wanted.door, wanted.pulse, RelayOutcome.STARTED, "")

    def _relock(self, unwanted: RelayRelock) -> None:
        if unwanted.door in self._pulses.active:
            self._end(*self._pulses.end(unwanted.door))

    def _expire(self) -> None:
        for door, pulse in self._pulses.due(time.monotonic()):
            self._end(door, pulse)

    def _end(self, door: str, pulse: str) -> None:
        why = self._off(door)
        self._tell(door, pulse, RelayOutcome.FAILED if why else RelayOutcome.ENDED, why)

    def _off(self, door: str) -> str:
        try:
            self._relays.set(door, False)
        except HardwareError as error:
            return str(error)
        return ""

    def _tell(self, door: str, pulse: str, outcome: RelayOutcome, detail: str) -> None:
        if self._peer:
            try:
                self._peer.send(RelayReport(door, pulse, outcome, detail))
            except LinkError:
                self._drop()


def run(config: Config) -> None:
    """Run the relay guard of `config` until SIGTERM, SIGINT, or SIGHUP: a lost terminal leaves no relay active."""
    guard = Guard(config)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: guard.stop())
    guard.run()


def safe(config: Config) -> list[EdgeError]:
    """Drive every relay inactive, once, after the guard has ended; returns what could not be driven."""
    problems: list[EdgeError] = []
    for door in config.door:
        try:
            outputs(door.chip, {"relay": door.relay}).close()
        except HardwareError as error:
            problems.append(error)
    return problems
