"""No pulse goes beyond the limit of its door, whatever is wished for, and none is lengthened but by renewing it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.relay import Pulses
from edge.wire import RelayPulse

LIMITS = {"main": 5.0, "side": 0.5}
DOORS = st.sampled_from([*LIMITS, "nowhere"])
WISHES = st.one_of(st.floats(-1.0, 7.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 5.0, 0.5, 0.0]))
"""How long a pulse is wished for: sense and nonsense."""
PAUSES = st.floats(0.0, 3.0)


@given(st.lists(st.tuples(PAUSES, DOORS, WISHES), max_size=40))
def test_no_trace_of_wishes_keeps_a_relay_active_beyond_its_limit(trace: list[tuple[float, str, float]]) -> None:
    pulses, now, begun = Pulses(LIMITS), 1000.0, dict[str, float]()
    for number, (pause, door, wish) in enumerate(trace):
        now = min(now + pause, pulses.deadline)  # the guard wakes at the latest when a pulse ends
        for ended, _pulse in pulses.due(now):
            assert now - begun.pop(ended) <= LIMITS[ended]
        assert all(active.until > now for active in pulses.active.values())
        refused = pulses.request(RelayPulse(door, str(number), now + wish), now)
        sensible = door in LIMITS and 0.0 < (now + wish) - now <= LIMITS[door]
        assert (refused == "") == (sensible and door not in begun)
        if not refused:
            begun[door] = now
        assert set(pulses.active) == set(begun)


@given(st.floats(0.01, 5.0), st.lists(st.floats(0.0, 4.0), max_size=10))
def test_a_second_pulse_never_lengthens_the_first(seconds: float, wishes: list[float]) -> None:
    pulses = Pulses(LIMITS)
    assert pulses.request(RelayPulse("main", "first", seconds), 0.0) == ""
    for wish in wishes:
        assert pulses.request(RelayPulse("main", "more", seconds + wish), 0.0) != ""
    assert pulses.deadline == seconds
    assert pulses.due(math.nextafter(seconds, 0.0)) == []
    assert pulses.due(seconds) == [("main", "first")]


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(-1.0, 7.0), st.booleans()), max_size=20))
def test_a_renewal_names_the_pulse_it_continues_and_promises_no_more_than_the_limit(
    trace: list[tuple[float, float, bool]],
) -> None:
    pulses, now, last = Pulses(LIMITS), 0.0, ""
    for number, (pause, wish, right) in enumerate(trace):
        now += pause
        pulses.due(now)
        active = pulses.active.get("main")
        refused = pulses.request(RelayPulse("main", str(number), now + wish, last if right else "other"), now)
        sensible = 0.0 < (now + wish) - now <= LIMITS["main"]
        assert (refused == "") == (sensible and (active is None or right))
        if not refused:
            last = str(number)
        assert pulses.deadline - now <= LIMITS["main"] or not pulses.active


@pytest.mark.parametrize(
    ("door", "deadline", "why"),
    [
        ("nowhere", 1.0, "no such door"),
        ("main", 0.0, "passed"),
        ("main", -1.0, "passed"),
        ("main", math.nan, "passed"),
        ("main", -math.inf, "passed"),
        ("main", math.inf, "longer than 5 s"),
        ("main", 5.001, "longer than 5 s"),
    ],
)
def test_a_refusal_says_why(door: str, deadline: float, why: str) -> None:
    pulses = Pulses(LIMITS)
    assert why in pulses.request(RelayPulse(door, "p", deadline), 0.0)
    assert pulses.active == {}
