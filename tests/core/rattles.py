"""Which inputs chatter, by a count of its own, for the invariants."""

from edge.chatter import SETTLED_S
from edge.facts import Fact, InputChanged, InputLost
from edge.terms import Input
from tests.core.chance import CHATTER_CHANGES, CHATTER_WITHIN_S


class Rattles:
    """Which inputs chatter, counted here once more from the facts alone."""

    def __init__(self) -> None:
        self.ends: dict[tuple[str, Input], float] = {}
        """The inputs that chatter, and when they will have settled."""
        self._levels: dict[tuple[str, Input], bool] = {}
        self._changes: dict[tuple[str, Input], list[float]] = {}

    def see(self, fact: Fact, now: float) -> None:
        if isinstance(fact, InputLost):
            for known in (self.ends, self._levels, self._changes):
                for key in [key for key in known if key[0] == fact.door]:
                    del known[key]  # type: ignore[attr-defined]
        if isinstance(fact, InputChanged):
            self._change((fact.door, fact.input), fact.active, now)
        for key in [key for key, end in self.ends.items() if now >= end]:
            del self.ends[key]

    def _change(self, key: tuple[str, Input], active: bool, now: float) -> None:
        before, self._levels[key] = self._levels.get(key), active
        if before in (None, active):
            return
        changes = [at for at in self._changes.get(key, []) if now - at <= CHATTER_WITHIN_S]
        self._changes[key] = [*changes, now]
        if key in self.ends or len(changes) >= CHATTER_CHANGES:
            self._changes[key], self.ends[key] = [], now + SETTLED_S
