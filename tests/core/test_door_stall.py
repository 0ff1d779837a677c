"""A guard that is slow for a moment, and what is ordered meanwhile: nothing asked for earlier stands against it.

The guard's own rules take the pulses; it hears late what was sent while it was stopped.
"""

import pytest

from edge.drive import ANSWER_S
from edge.effects import Pulse, Relock
from edge.facts import RelayReported
from edge.relay import Pulses
from edge.terms import CommandKind, RelayOutcome
from edge.wire import RelayPulse
from tests.core.doors import RULES, Bench

STEP_S = 0.01


class Stalled:
    """A door that is unlocked at 1 s, and a guard that hears nothing from `begins` to `ends`."""

    def __init__(self, begins: float, ends: float) -> None:
        self.bench, self.pulses = Bench(), Pulses({"main": RULES.hard_limit_s})
        self._begins, self._ends, self._sent, self.now = begins, ends, list[Pulse | Relock](), 0.0
        self.bench.contact(0, False)
        self.order(CommandKind.UNLOCK, 1.0)

    @property
    def released(self) -> bool:
        return bool(self.pulses.active)

    def order(self, kind: CommandKind, at: float) -> None:
        self.play(at)
        self.bench.order(kind, at, None)
        self._send()

    def play(self, until: float) -> None:
        while self.now < until:
            self.now = round(self.now + STEP_S, 3)
            if self.bench.door.deadline <= self.now:
                self.bench.tick(self.now)
                self._send()
            if not self._begins <= self.now < self._ends:
                self._guard()

    def _send(self) -> None:
        self._sent += [each for each in self.bench.last if isinstance(each, Pulse | Relock)]

    def _guard(self) -> None:
        for _, pulse in self.pulses.due(self.now):
            self._tell(RelayOutcome.ENDED, pulse)
        sent, self._sent = self._sent, []
        for each in sent:
            self._asked(each)

    def _asked(self, effect: Pulse | Relock) -> None:
        if isinstance(effect, Relock):
            if "main" in self.pulses.active:
                self._tell(RelayOutcome.ENDED, self.pulses.end("main")[1])
            return
        wanted = RelayPulse(effect.door, effect.pulse, effect.until, effect.renews)
        busy, why = self.pulses.busy(wanted), self.pulses.request(wanted, self.now)
        refused = RelayOutcome.BUSY if busy else RelayOutcome.REFUSED
        self._tell(refused if why else RelayOutcome.STARTED, effect.pulse)

    def _tell(self, outcome: RelayOutcome, pulse: str) -> None:
        self.bench.tell(self.bench.door.relay(RelayReported("main", outcome, pulse), self.now))
        self._send()


RENEWS_AT = 1.0 + RULES.hard_limit_s / 2


@pytest.mark.parametrize("stall_s", [0.3, 0.7, 1.5, 2.4])
@pytest.mark.parametrize("after_s", [0.2, 0.6, 0.9, 1.4, 2.0, 3.0])
def test_a_lock_down_is_obeyed_as_soon_as_a_guard_that_was_slow_hears_of_it(stall_s: float, after_s: float) -> None:
    ends = RENEWS_AT - 0.1 + stall_s
    site = Stalled(RENEWS_AT - 0.1, ends)
    site.order(CommandKind.LOCK_DOWN, RENEWS_AT + after_s)
    site.play(max(ends, RENEWS_AT + after_s) + 2 * STEP_S)
    assert not site.released
    site.play(60.0)
    assert not site.released and site.bench.door.secure


def test_a_door_that_is_unlocked_stays_released_over_a_guard_that_was_slow() -> None:
    site = Stalled(RENEWS_AT - 0.1, RENEWS_AT + 1.2)
    while site.now < 60.0:
        site.play(site.now + 0.1)
        assert site.released or site.now < 1.2
    assert site.bench.door.drive.energised and site.bench.door.faults == {}


def test_a_door_whose_guard_is_silent_is_not_secure() -> None:
    """The other door of a sluice stays shut: nobody knows what the relay does."""
    site = Stalled(RENEWS_AT - 0.1, 1e9)
    site.order(CommandKind.LOCK_DOWN, RENEWS_AT + ANSWER_S)
    for _ in range(300):
        site.play(site.now + 0.1)
        assert not site.bench.door.secure
