from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.arrival import SETTLE_S, ArrivalClock

FRAME = 0.04


def ages(arrivals: Iterable[tuple[float | None, float]]) -> Iterator[float | None]:
    """The age at arrival that the clock gives to each (pts, arrival)."""
    clock = ArrivalClock()
    for pts, now in arrivals:
        clock.arrived(pts, now)
        captured = clock.captured(pts)
        yield None if captured is None else now - captured


def live(frames: int, first: int = 0, delay: float = 0.1) -> list[tuple[float, float]]:
    """Frames that arrive `delay` after their capture, the camera's pts beginning anywhere."""
    return [(n * FRAME + 777, n * FRAME + delay) for n in range(first, first + frames)]


def burst(frames: int, first: int, at: float) -> list[tuple[float, float]]:
    """Frames that arrive all at once."""
    return [(n * FRAME + 777, at + (n - first) * 0.0005) for n in range(first, first + frames)]


def test_frames_of_a_live_stream_are_fresh_once_it_has_settled() -> None:
    found = list(ages(live(100)))
    assert found[0] is None
    assert found[round(SETTLE_S / FRAME) + 1 :] == pytest.approx([0.0] * (99 - round(SETTLE_S / FRAME)), abs=1e-3)


def test_backlog_of_a_stopped_process_keeps_its_age() -> None:
    resumed = live(1, 225)[0][1]
    late = list(ages([*live(100), *burst(125, 100, resumed), *live(25, 225)]))
    assert late[100] == pytest.approx(5.0, abs=0.02)
    assert late[199] == pytest.approx(26 * FRAME, abs=0.1)
    assert late[-1] == pytest.approx(0.0, abs=0.02)


def test_old_frames_at_the_start_of_a_connection_are_never_called_fresh() -> None:
    """A server that sends its last group of pictures at once, or a stop right after the connection."""
    begin = burst(100, 0, at=99 * FRAME)
    found = list(ages([*begin, *live(50, 100, delay=0.0)]))
    assert set(found[:100]) == {None}
    assert found[-1] == pytest.approx(0.0, abs=0.02)


def test_jitter_is_age_and_the_smallest_delay_is_none() -> None:
    jittery = [(pts, now + (0.03 if n % 5 else 0.0)) for n, (pts, now) in enumerate(live(200))]
    found = list(ages(jittery))
    assert found[-1] == pytest.approx(0.03, abs=0.01)
    assert found[-5] == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("drift", [-2e-4, 2e-4])
def test_a_camera_clock_that_runs_fast_or_slow_does_not_age_the_stream(drift: float) -> None:
    hour = [(n * (1 + drift), float(n)) for n in range(3600)]
    found = list(ages(hour))
    assert found[-1] == pytest.approx(0.0, abs=0.02)


def test_a_lasting_backlog_is_not_forgotten_within_minutes() -> None:
    lagging = [(pts, now + 3.0) for pts, now in live(25 * 120, 200)]
    assert list(ages([*live(200), *lagging]))[-1] == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("restart", [0.0, -5.0])
def test_a_stream_that_starts_its_count_again_settles_again(restart: float) -> None:
    again = [(restart + n * FRAME, live(1, 100 + n)[0][1]) for n in range(50)]
    found = list(ages([*live(100), *again]))
    assert found[100] is None
    assert found[-1] == pytest.approx(0.0, abs=0.01)


def test_what_a_decoder_still_holds_of_a_count_that_is_over_has_no_age() -> None:
    """Carried over by the new count it would be of the future, and an eye would wait for that."""
    clock, behind = ArrivalClock(), 20
    counted = [pts for pts, _ in live(100)] + [n * FRAME for n in range(50)]
    found = []
    for n, pts in enumerate(counted):
        clock.arrived(pts, n * FRAME)
        found.append(clock.captured(counted[n - behind]) if n >= 100 else None)
    assert set(found[: 100 + behind]) == {None}
    assert found[-1] == pytest.approx((149 - behind) * FRAME, abs=0.01)


def test_a_pts_that_leaps_ahead_settles_again() -> None:
    again = [(pts + 1000, now) for pts, now in live(50, 100)]
    found = list(ages([*live(100), *again]))
    assert found[100] is None
    assert found[-1] == pytest.approx(0.0, abs=0.01)


def test_frames_without_pts_have_no_age_and_change_nothing() -> None:
    holes = [(None if n % 3 == 0 else pts, now) for n, (pts, now) in enumerate(live(100))]
    found = list(ages(holes))
    assert found[99] is None
    assert found[98] == pytest.approx(0.0, abs=1e-3)


@given(st.lists(st.tuples(st.floats(-10, 1e6), st.floats(0, 10)), max_size=50))
def test_no_frame_is_captured_after_it_arrived(trace: list[tuple[float, float]]) -> None:
    clock, now = ArrivalClock(), 0.0
    seen = []
    for pts, passed in trace:
        now += passed
        clock.arrived(pts, now)
        seen.append(pts)
        assert all((clock.captured(earlier) or now) <= now + 1e-6 for earlier in seen)
