"""Whether a pass admits at a moment: its window against a clock that may not be trusted, and its uses. Pure.

What an adapter has checked before (signature, issuer, site, gate, revocation) is no question here.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import structs

from edge.errors import Phrase
from edge.terms import Now, Pass, Reason

Refusal = tuple[Reason, Phrase]

AGAIN_S = 1.5
"""A pass that was read so short a time ago is still held up, and not refused again."""


def refusal(shown: Pass, now: Now, without_clock: bool = False) -> Refusal | None:
    """Why the pass does not admit at `now`, or None. `without_clock`: while the time is unknown its window is ignored.

    A pass is valid from the first second of its window to before the last; a use counts when a door was opened for it.
    """
    if not now.trusted and not without_clock:
        return Reason.CLOCK_UNTRUSTED, Phrase("the clock is not synchronised, so its time cannot be judged")
    if now.trusted and now.utc < shown.valid_from:
        return Reason.CREDENTIAL_NOT_ACTIVE, Phrase(
            "it is not yet valid, only from {time}", time=_text(shown.valid_from)
        )
    if now.trusted and now.utc >= shown.valid_until:
        return Reason.CREDENTIAL_EXPIRED, Phrase("it expired at {time}", time=_text(shown.valid_until))
    if shown.uses is not None and shown.used >= shown.uses:
        return Reason.PASS_USED, Phrase("it has been used {used} times of {uses}", used=shown.used, uses=shown.uses)
    return None


class Used(NamedTuple):
    times: int
    until: float
    """When the pass ends, UTC seconds."""


class Visits:
    """How often passes were used here, which whoever reads them may not know yet."""

    def __init__(self, trust_clock: bool) -> None:
        self._trust_clock = trust_clock
        self.used: dict[str, Used] = {}
        self._told: dict[tuple[str, str, Reason], float] = {}

    def against(self, shown: Pass, now: Now) -> Reason | None:
        """Why this pass does not admit now, whatever else is shown."""
        refused = refusal(structs.replace(shown, used=self._count(shown)), now, self._trust_clock)
        return refused[0] if refused else None

    def granted(self, shown: Pass | None, now: Now) -> None:
        """A use counts from the grant on: nobody else is to be granted with it while that is recorded."""
        if now.trusted:  # who comes with a pass past its end is told that it has expired
            self.used = {name: each for name, each in self.used.items() if now.utc < each.until}
        if shown and shown.uses is not None:
            self.used[shown.id] = Used(self._count(shown) + 1, shown.valid_until)

    def given_back(self, pass_id: str) -> None:
        """A grant opened nothing. While its use is still written down, the pass says so when it is shown."""
        if known := self.used.get(pass_id):
            self.used[pass_id] = Used(known.times - 1, known.until)

    def repeated(self, door: str, pass_id: str, reason: Reason, now: float) -> bool:
        """Whether this was told of a pass a moment ago, which is still held up then."""
        key = (door, pass_id, reason)
        self._told = {each: until for each, until in self._told.items() if now < until}
        told, self._told[key] = key in self._told, now + AGAIN_S
        return told

    def _count(self, shown: Pass) -> int:
        known = self.used.get(shown.id)
        return max(shown.used, known.times) if known else shown.used


def _text(utc: float) -> str:
    return datetime.fromtimestamp(utc, UTC).isoformat().replace("+00:00", "Z")
