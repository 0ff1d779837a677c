"""What is given back of an opening that the relay guard refused."""

import pytest

from edge.effects import UseSettled
from edge.opening import Opening, Passing

PEOPLE = [Passing("visitor", credential="p1", ticket=3), Passing("ann")]


@pytest.mark.parametrize(("started", "back"), [(False, [UseSettled("p1", 3, False)]), (True, [])])
def test_a_pass_was_used_once_the_relay_has_moved_for_it(started: bool, back: list[UseSettled]) -> None:
    assert Opening("pass", PEOPLE, 3.0, started=started).unused() == back
