"""What the numbers of a view say of its camera, and that nothing is said of a moment."""

from typing import Any

import pytest
from msgspec import structs

from edge.sight import HOLD_S, OTHERWISE_S, Sight, SightRules
from edge.terms import Status, View

GOOD = View(1920, 1080, brightness=0.45, contrast=0.2, glare=0.01, sharpness=0.5, change=0.01, likeness=0.8)
FAULTS = [
    ({"width": 1280, "height": 720}, Status.WRONG_SIZE),
    ({"brightness": 0.02, "contrast": 0.01}, Status.TOO_DARK),
    ({"glare": 0.8, "brightness": 0.95}, Status.TOO_BRIGHT),
    ({"contrast": 0.01}, Status.COVERED),
    ({"sharpness": 0.05}, Status.BLURRED),
    ({"change": 0.0}, Status.FROZEN),
    ({"likeness": 0.2}, Status.MOVED),
]
RULES = SightRules(1920, 1080)


def watched(sight: Sight, begin: float, seconds: float, **changes: Any) -> Status:
    """A view a second, the first at `begin`; the last verdict."""
    view = structs.replace(GOOD, **changes)
    return [sight.look(view, begin + second) for second in range(round(seconds) + 1)][-1]


@pytest.mark.parametrize(("changes", "fault"), FAULTS)
def test_a_fault_counts_when_it_has_lasted_and_is_over_when_the_view_has_been_good(changes: Any, fault: Status) -> None:
    sight, hold = Sight(RULES), HOLD_S.get(fault, OTHERWISE_S)
    assert watched(sight, 0, 5) is Status.STREAMING
    assert watched(sight, 10, hold - 1, **changes) is Status.STREAMING
    assert watched(sight, 10 + hold, 1, **changes) is fault and sight.detail
    assert watched(sight, 12 + hold, 5) is fault
    assert watched(sight, 18 + hold, hold) is Status.STREAMING and not sight.detail


@pytest.mark.parametrize(("changes", "fault"), FAULTS)
def test_what_comes_and_goes_is_no_fault(changes: Any, fault: Status) -> None:
    sight = Sight(RULES)
    for minute in range(10):
        assert watched(sight, 60 * minute, OTHERWISE_S - 1, **changes) is Status.STREAMING
        assert watched(sight, 60 * minute + OTHERWISE_S, 5) is Status.STREAMING


@pytest.mark.parametrize(
    "changes", [{}, {"brightness": 0.03, "contrast": 0.1}, {"change": None, "likeness": None}, {"likeness": 0.5}]
)
def test_night_with_a_lamp_the_first_view_and_a_crowd_are_no_faults(changes: Any) -> None:
    assert watched(Sight(RULES), 0, 200, **changes) is Status.STREAMING


def alternating(sight: Sight, seconds: int, *views: dict[str, Any]) -> list[Status]:
    """What is said while one view a second is the next of these in turn."""
    return [sight.look(structs.replace(GOOD, **views[second % len(views)]), second) for second in range(seconds)]


def test_a_view_that_is_now_bad_in_one_way_and_now_in_another_is_bad() -> None:
    sight = Sight(RULES)
    said = alternating(sight, 60, {"brightness": 0.02, "contrast": 0.01}, {"brightness": 0.1, "contrast": 0.01})
    first = round(OTHERWISE_S)
    assert set(said[:first]) == {Status.STREAMING} and set(said[first:]) == {Status.TOO_DARK}, "and it keeps one name"


def test_a_still_hall_and_a_coat_before_the_lens_are_no_fault_before_a_still_picture_is() -> None:
    hold = round(HOLD_S[Status.FROZEN])
    said = alternating(Sight(RULES), hold + 1, *[{"change": 0.0}] * 15, {"contrast": 0.01})
    assert set(said[:hold]) == {Status.STREAMING} and said[hold] is not Status.STREAMING


def test_a_bad_view_and_a_good_one_in_turn_are_no_fault() -> None:
    assert set(alternating(Sight(RULES), 300, {"contrast": 0.01}, {})) == {Status.STREAMING}


def test_any_size_will_do_where_none_is_asked_for() -> None:
    assert watched(Sight(SightRules()), 0, 60, width=640) is Status.STREAMING
