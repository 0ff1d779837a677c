"""What the journal says of answers to gates that ask which list is the newest."""

from collections.abc import Callable

TOLD_EVERY_S = 3600.0


class Answers:
    """Has answers written down, each with how many there were since the line before.

    A gate that was taken over can ask without end. So the first answer of every revision is a line, and of those that
    follow one an hour: nobody is answered whom the journal does not name, and no gate can fill it.
    """

    def __init__(self, write: Callable[[str, int, int], None]) -> None:
        """`write` is given the gate, the revision that it was told, and how often it was answered."""
        self._write = write
        self._lines: dict[str, tuple[int, float]] = {}
        self._untold: dict[str, int] = {}

    def note(self, gate: str, revision: int, now: float) -> None:
        """A gate is about to be answered; `now` is monotonic. What cannot be written down is not to be answered."""
        times = self._untold.get(gate, 0) + 1
        before, at = self._lines.get(gate, (None, now))
        if before == revision and now - at < TOLD_EVERY_S:
            self._untold[gate] = times
        else:
            self._tell(gate, revision, times, now)

    def tell(self, now: float, everything: bool = False) -> None:
        """Write down what has waited for an hour, or `everything`."""
        for gate, times in list(self._untold.items()):
            revision, at = self._lines[gate]
            if everything or now - at >= TOLD_EVERY_S:
                self._tell(gate, revision, times, now)

    def _tell(self, gate: str, revision: int, times: int, now: float) -> None:
        self._write(gate, revision, times)
        self._lines[gate] = revision, now
        self._untold.pop(gate, None)
