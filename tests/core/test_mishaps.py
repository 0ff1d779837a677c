"""What goes wrong at a simulated gate is over some time later, whatever it is."""

import random
from collections.abc import Callable

from edge.facts import Fact, InputChanged, WhitelistLoaded
from edge.mishaps import befall
from edge.terms import Status

LIST = WhitelistLoaded(12, 180, 0.44, 0.01)


class Place:
    """Around a gate: what is to happen, and when."""

    def __init__(self) -> None:
        self.camera, self.clock_off_s = Status.STREAMING, 0.0
        self.due: list[tuple[float, Fact | Callable[[], None]]] = []

    def at(self, seconds: float, what: Fact | Callable[[], None]) -> None:
        self.due.append((seconds, what))

    def wrong(self, what: Fact | Callable[[], None]) -> str:
        """What is wrong after this has happened."""
        if isinstance(what, InputChanged):
            return what.input if what.active else ""
        if isinstance(what, WhitelistLoaded):
            return what.problem
        assert callable(what)
        what()
        return "" if self.camera is Status.STREAMING and self.clock_off_s == 0.0 else "camera or clock"


def test_each_begins_at_once_and_is_over_later() -> None:
    seen: set[str] = set()
    for seed in range(100):
        place = Place()
        befall(place, "main", LIST, random.Random(seed))
        (begins, first), (ends, last) = place.due
        wrong = place.wrong(first)
        assert begins == 0.0 < ends and wrong and not place.wrong(last)
        seen.add(wrong)
    assert seen == {"camera or clock", "contact", "tamper", "the manifest has expired"}
