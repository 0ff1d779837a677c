"""The invariants over random traces; `make invariants` takes a million steps of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.invariants import Watched


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 40), st.integers(1, 150))
def test_whatever_happens_they_hold(seed: int, steps: int) -> None:
    watched = Watched(seed)
    for _ in range(steps):
        watched.random_step()
