"""Who is served next."""

import pytest

from edge.queueing import FairQueue


def test_workstations_take_turns_and_one_that_asks_without_end_has_its_places_only() -> None:
    queue = FairQueue[int](3)
    assert [queue.put("flood", number) for number in range(5)] == [True] * 3 + [False] * 2
    assert queue.put("front", 10) and queue.put("back", 20) and queue.put("front", 11)
    assert [queue.take() for _ in range(3)] == [0, 10, 20]
    assert queue.put("flood", 3) and queue.put("back", 21), "a place that is free again is the same one's"
    assert [queue.take() for _ in range(5)] == [1, 11, 21, 2, 3]
    with pytest.raises(LookupError):
        queue.take()
