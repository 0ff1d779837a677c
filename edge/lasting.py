"""Of what is wrong, what has been so for a while: the order in which messages came is no problem. Pure."""

LASTING_S = 2.0
"""A problem that is over sooner is not reported."""
MOST_REPORTED = 50


class Lasting:
    """`problems` are those that were reported last, by what they concern."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self.problems: dict[str, str] = {}

    def told(self, found: dict[str, str], now: float) -> dict[str, str]:
        """What to report of all that is wrong at `now` (monotonic)."""
        self._since = {name: self._since.get(name, now) for name in found}
        lasting = [name for name in found if now - self._since[name] >= LASTING_S]
        self.problems = {name: found[name] for name in lasting[:MOST_REPORTED]}
        return self.problems
