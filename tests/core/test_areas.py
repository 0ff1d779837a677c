"""Anti-passback by clocks that are wrong, set, or not known to be right: whoever is inside is so for as long."""

import pytest

from edge.areas import AreaRules, Areas
from edge.terms import Now, Place

FORGET_S = 8 * 3600.0
RIGHT = 1.8e9
RULES = {"hall": AreaRules("hard", FORGET_S)}


def restarted(before: Areas) -> Areas:
    """Another run, which knows of the one before what was kept."""
    areas = Areas(RULES)
    areas.places = dict(before.places)
    return areas


@pytest.mark.parametrize("wrong", [60.0, RIGHT - 30 * 86_400.0, 2.2e9])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_clock_that_is_set_forgives_nobody_early_and_keeps_nobody_out(wrong: float, trusted: bool) -> None:
    areas = Areas(RULES)
    areas.moved("ann", "hall", Now(60.0, wrong, trusted))
    assert areas.violates("ann", "hall", Now(120.0, RIGHT)) == "hard"
    assert areas.violates("ann", "hall", Now(60.0 + FORGET_S - 1.0, RIGHT + FORGET_S)) == "hard"
    assert areas.violates("ann", "hall", Now(60.0 + FORGET_S, RIGHT)) == "off"


@pytest.mark.parametrize("shown", [60.0, RIGHT + 60.0, 2.2e9])
def test_after_a_restart_only_clocks_that_were_right_say_how_long_somebody_is_inside(shown: float) -> None:
    before = Areas(RULES)
    before.moved("ann", "hall", Now(60.0, RIGHT))
    before.moved("bob", "hall", Now(60.0, 60.0, False))
    areas = restarted(before)
    for person in ("ann", "bob"):
        assert areas.violates(person, "hall", Now(5.0, shown, False)) == "hard"
    assert areas.violates("ann", "hall", Now(6.0, RIGHT + FORGET_S)) == "off"
    assert areas.violates("bob", "hall", Now(6.0, RIGHT + FORGET_S)) == "hard", "nobody knows when he came in"
    for person in ("ann", "bob"):
        assert areas.violates(person, "hall", Now(5.0 + FORGET_S, shown, False)) == "off", "not for ever"


def test_a_clock_that_is_set_says_for_the_next_run_and_the_list_when_somebody_came_in() -> None:
    areas = Areas(RULES)
    areas.moved("ann", "hall", Now(60.0, 120.0, False))
    assert areas.places == {"ann": Place("hall", 120.0, False)}
    areas.changed = False
    areas.violates("bob", "hall", Now(90.0, RIGHT))
    assert areas.places == {"ann": Place("hall", RIGHT - 30.0)} and areas.changed
    assert restarted(areas).violates("ann", "hall", Now(1.0, RIGHT - 30.0 + FORGET_S)) == "off"


def test_whoever_kept_a_time_that_is_yet_to_come_is_not_kept_out_until_then() -> None:
    areas = Areas(RULES)
    areas.places = {"ann": Place("hall", 2.2e9)}
    assert areas.violates("ann", "hall", Now(5.0, RIGHT)) == "hard"
    assert areas.violates("ann", "hall", Now(5.0 + FORGET_S, RIGHT + FORGET_S)) == "off"
