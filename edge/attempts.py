"""Refused attempts: after so many in a row nothing more is heard from a person, or of strangers at a door. Pure."""

import math

from msgspec import Struct

from edge.doorevents import RepeatedRefusals
from edge.effects import Effect, Emit
from edge.terms import Reason

GUESSES = frozenset(
    (
        Reason.CREDENTIAL_NOT_FOUND,
        Reason.PRESENTATION_ATTACK,
        Reason.INVALID_PIN,
        Reason.PASS_INVALID,
        Reason.SECOND_FACTOR_MISSING,
        Reason.UNAUTHORIZED,
    )
)
"""The refusals that count: those that somebody may get who tries things out."""


class AttemptRules(Struct, frozen=True):
    most: int = 0
    """So many refused attempts in a row, and no more are heard; 0 is no limit."""
    within_s: float = 300.0
    """An attempt that lies so far back no longer counts."""
    block_s: float = 300.0
    pins: int = 5
    """So many wrong PINs without a right one between, however slowly, and no more are heard."""


class Tally(Struct):
    """The refused attempts of one person, or of nobody known at one door."""

    times: list[float] = []
    pins: int = 0
    """Wrong PINs; they are among `times`, too, but do not age."""
    ends: float = -math.inf
    """When the last of what they were guessed for is over, as a visitor's pass is."""
    blocked_until: float = -math.inf
    door: str = ""
    """Where it was told that they are blocked, and the end is told."""


class Attempts:
    """`deadline` says when `tick` must be called next. A person is blocked at all doors, strangers at theirs."""

    def __init__(self, rules: AttemptRules) -> None:
        self.rules = rules
        self._tallies: dict[tuple[str, str], Tally] = {}
        self.deadline = math.inf

    def blocked(self, door: str, person: str) -> bool:
        """Whether this person, or "" for whoever is not known, is not heard at this door."""
        if not self._tallies:
            return False
        known = self._tallies.get(_key(door, person))
        return known is not None and known.blocked_until > -math.inf

    def refused(
        self, door: str, person: str, reason: Reason, now: float, turned: bool = False, ends: float = math.inf
    ) -> list[Effect]:
        """Count a refusal; an alarm when it was the last one. `turned`: a head turn was asked for, which is guessed.

        `ends` is when what was shown is over, and with it what was guessed.
        """
        typed = reason is Reason.INVALID_PIN
        if not (turned or reason in GUESSES) or not (self.rules.most or typed):
            return []
        self._forget(now)
        tally = self._tallies.setdefault(_key(door, person), Tally())
        tally.times = [at for at in tally.times if now - at < self.rules.within_s] + [now]
        if typed:
            tally.pins, tally.ends = tally.pins + 1, max(tally.ends, ends)
        if tally.blocked_until > -math.inf or not self._enough(tally, typed):
            return []
        others = self._blocked_at(door)
        tally.blocked_until, tally.door = now + self.rules.block_s, door
        self.deadline = min(self.deadline, tally.blocked_until)
        return [Emit(f"door/{door}", RepeatedRefusals(True, max(len(tally.times), tally.pins), person, others))]

    def _blocked_at(self, door: str) -> int:
        """Of how many it was told at this door that they are not heard."""
        return sum(tally.door == door and tally.blocked_until > -math.inf for tally in self._tallies.values())

    def _forget(self, now: float) -> None:
        """Drop whose attempts lie too far back to count.

        A wrong PIN counts until a right one, or while there is something that it would open; a block to its end.
        """
        self._tallies = {key: tally for key, tally in self._tallies.items() if self._counts(tally, now)}

    def _counts(self, tally: Tally, now: float) -> bool:
        if tally.times and now - tally.times[-1] < self.rules.within_s:
            return True
        return (tally.pins > 0 and now < tally.ends) or tally.blocked_until > -math.inf

    def _enough(self, tally: Tally, typed: bool) -> bool:
        return (typed and tally.pins >= self.rules.pins) or 0 < self.rules.most <= len(tally.times)

    def granted(self, door: str, person: str, typed: bool) -> None:
        """Whoever may pass starts anew, but for wrong PINs unless the right one was `typed`: another may have tried.

        A block ends by time or by command alone, and is told then.
        """
        if not self.blocked(door, person) and (tally := self._tallies.pop(_key(door, person), None)) and not typed:
            self._keep_pins(_key(door, person), tally)

    def _keep_pins(self, key: tuple[str, str], tally: Tally) -> None:
        if tally.pins:
            self._tallies[key] = Tally(pins=tally.pins, ends=tally.ends)

    def forgive(self, person: str) -> list[Effect]:
        """Hear this person again, or with "" everybody."""
        return self._end([key for key in self._tallies if not person or key == ("", person)], anew=True)

    def tick(self, now: float) -> list[Effect]:
        if now < self.deadline:
            return []
        over = [key for key, tally in self._tallies.items() if -math.inf < tally.blocked_until <= now]
        return self._end(over, anew=False)

    def _end(self, keys: list[tuple[str, str]], anew: bool) -> list[Effect]:
        """End blocks. Unless it is all to begin `anew` the next wrong PIN without a right one is one too many again."""
        effects: list[Effect] = []
        for key in sorted(keys):
            tally = self._tallies.pop(key)
            if tally.blocked_until > -math.inf:
                event = RepeatedRefusals(False, len(tally.times), key[1], self._blocked_at(tally.door))
                effects.append(Emit(f"door/{tally.door}", event))
            if not anew:
                self._keep_pins(key, tally)
        waiting = [tally.blocked_until for tally in self._tallies.values() if tally.blocked_until > -math.inf]
        self.deadline = min(waiting, default=math.inf)
        return effects


def _key(door: str, person: str) -> tuple[str, str]:
    return ("", person) if person else (door, "")
