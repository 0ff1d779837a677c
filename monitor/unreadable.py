"""Messages that went into quarantine, as alarms: one for each place that they come from, over after a quiet while."""

from collections.abc import Callable, Iterable

from monitor.stream import Unacceptable, gate_of
from monitor.terms import UNREADABLE, Check, Cleared, Key, Raised

QUIET_S = 60.0
SEVERITY = 500


class Unreadable:
    """Pure; times are monotonic. `keys` are the alarms of this kind that are active from before."""

    def __init__(self, keys: Iterable[Key], now: float) -> None:
        self._last = dict.fromkeys(keys, now)

    def refused(self, where: str, reason: str, now: float) -> Raised:
        """One came on this topic, whatever that is, and why it is no message of a gate."""
        try:
            site, gate = gate_of(where)
        except Unacceptable:
            site, gate = "", ""
        key = Key(site, gate, "", UNREADABLE)
        self._last[key] = now
        return Raised(key, SEVERITY, Check.LOOK, f"{where}: {reason}"[:300])

    def tick(self, now: float, hear: Callable[[list[Cleared]], None]) -> None:
        """Tell which places have been quiet for long enough; again, when it was not heard."""
        quiet = [key for key, last in self._last.items() if now - last >= QUIET_S]
        hear([Cleared(key) for key in quiet])
        for key in quiet:
            del self._last[key]
