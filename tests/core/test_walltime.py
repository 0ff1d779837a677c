"""A camera's clock beside the gate's: what its reports say, when that is a fault, and when nobody is to blame."""

import pytest
from msgspec import structs

from edge.effects import Emit, PublishState
from edge.events import CameraClockFault
from edge.facts import CameraReported, Heartbeat
from edge.gate import Gate
from edge.sight import SightRules
from edge.terms import Now, Status
from edge.walltime import ENOUGH, HOLD_S, SAMPLES, WallClock
from tests.core.worlds import gate_rules

UTC = 1_800_000_000.0
LIMIT_S = 5.0


def clock(*ahead: float) -> WallClock:
    wall = WallClock()
    for number, seconds in enumerate(ahead):
        wall.reported(UTC + number + seconds, 100.0 + number)
    return wall


@pytest.mark.parametrize("samples", range(ENOUGH))
def test_few_samples_say_nothing(samples: int) -> None:
    assert clock(*[3.0] * samples).ahead is None


def test_the_median_of_the_last_samples_counts() -> None:
    assert clock(3.0, 3.1, 900.0, 2.9, 3.0).ahead == pytest.approx(UTC - 100 + 3.0)
    assert clock(*[900.0] * 9, *[3.0] * (SAMPLES // 2 + 1)).ahead == pytest.approx(UTC - 100 + 3.0)


def test_a_sender_without_a_wall_clock_says_nothing() -> None:
    wall = WallClock()
    for second in range(9):
        wall.reported(second - 2_208_988_800.0, float(second))
    assert wall.ahead is None


class Watched:
    """A gate with one camera, whose clock is `off` seconds ahead; `steps` are those of the gate's own clock."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.gate = Gate(structs.replace(gate_rules(), sights={"entrance": SightRules(clock_limit_s=limit_s)}))
        self.mono, self.step = 0.0, 0.0
        self.told: list[CameraClockFault] = []
        self.published = 0
        """How often its state was, since `passes` began."""

    def passes(self, seconds: float, off: float | None, trusted: bool = True) -> list[CameraClockFault]:
        """What is told while the camera is so far from the right time, None while it does not tell."""
        self.told, self.published = [], 0
        for _ in range(round(seconds)):
            self.mono += 1.0
            now = Now(self.mono, UTC + self.mono + self.step, trusted)
            wall = None if off is None else UTC + off
            for fact in (Heartbeat(), CameraReported("entrance", Status.STREAMING, wall=wall)):
                effects = self.gate.step(fact, now).effects
                found = [each.event for each in effects if isinstance(each, Emit)]
                self.published += sum(isinstance(each, PublishState) for each in effects)
                self.told += [event for event in found if isinstance(event, CameraClockFault)]
        return self.told

    @property
    def off_s(self) -> float | None:
        return self.gate.eyes()["entrance"].clock_off_s

    @property
    def wrong(self) -> bool | None:
        """What the gate tells of it."""
        state = self.gate.state()
        assert ("camera_clock" in state.degraded) == bool(state.cameras["entrance"].clock_wrong)
        return state.cameras["entrance"].clock_wrong


@pytest.mark.parametrize("off", [-3600.0, -5.5, 5.5, 86_400.0])
def test_a_clock_that_is_off_for_a_while_is_told_once_and_when_it_is_right_again(off: float) -> None:
    watched = Watched()
    assert watched.passes(60, 0.0) == [] and not watched.wrong
    assert watched.passes(HOLD_S, off) == []
    assert watched.passes(60, off) == [CameraClockFault(True, off)] and watched.wrong
    assert watched.off_s == pytest.approx(off)
    assert watched.passes(60, 0.4) == [CameraClockFault(False, 0.4)] and not watched.wrong


@pytest.mark.parametrize(("limit_s", "off"), [(LIMIT_S, 4.9), (LIMIT_S, None), (0.0, 3600.0)])
def test_what_is_within_the_limit_or_unknown_or_not_asked_for_is_no_fault(limit_s: float, off: float | None) -> None:
    watched = Watched(limit_s)
    assert watched.passes(120, off) == [] and not watched.wrong
    assert watched.off_s == (None if off is None else pytest.approx(off))


@pytest.mark.parametrize(("off", "trusted"), [(None, True), (0.0, False)])
def test_what_is_not_known_is_not_called_right(off: float | None, trusted: bool) -> None:
    watched = Watched()
    watched.passes(5, off, trusted)
    assert watched.wrong is None
    for known in (True, False):  # and the room is told when that changes, once
        watched.passes(5, 0.0 if known else off, known or trusted)
        assert watched.wrong is (False if known else None)
        assert 1 <= watched.published <= 2
    assert Watched(0.0).wrong is False  # nothing is asked of it


def test_flickering_is_no_fault() -> None:
    watched = Watched()
    for _ in range(20):
        assert watched.passes(HOLD_S - 1, 60.0) == watched.passes(1, 0.0) == []


def test_a_gate_whose_own_clock_is_not_trusted_blames_no_camera() -> None:
    watched = Watched()
    watched.step = -86_400.0
    assert watched.passes(120, 0.0, trusted=False) == [] and watched.off_s is None
    watched.step = 0.0  # it is synchronised, and the camera was right all along
    assert watched.passes(120, 0.0) == [] and watched.off_s == pytest.approx(0.0)


@pytest.mark.parametrize(("off", "trusted"), [(None, True), (60.0, False)])
def test_what_is_off_before_and_after_it_was_not_known_has_not_lasted(off: float | None, trusted: bool) -> None:
    watched = Watched()
    assert watched.passes(1, 60.0) == watched.passes(3600, off, trusted) == watched.passes(HOLD_S, 60.0) == []
    assert watched.passes(1, 60.0) == [CameraClockFault(True, 60.0)]


def test_what_is_not_known_any_more_stays_as_it_was() -> None:
    watched = Watched()
    watched.passes(60, 60.0)
    assert watched.passes(60, None) == [] and watched.wrong
    assert watched.passes(60, 60.0, trusted=False) == [] and watched.wrong
    assert watched.passes(60, 0.0) == [CameraClockFault(False, 0.0)]


def test_the_picture_of_a_camera_with_a_wrong_clock_still_counts() -> None:
    watched = Watched()
    watched.passes(60, 60.0)
    assert watched.gate.health.sees("entrance") and "camera_lost" not in watched.gate.state().degraded
