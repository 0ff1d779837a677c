"""PINs that nobody at a door waits for: whose are they? Pure.

One that is typed first counts for whoever is recognised next. One of somebody who was seen or judged at that door just
before asks for nothing, but under duress the room is told; and of whoever was let in it is nobody's guess.
"""

import math

from msgspec import Struct

from edge.doorevents import Duress
from edge.effects import Effect, Emit
from edge.factors import Attempt, EntryRules, alongside, is_duress, is_pin
from edge.facts import FaceSeen, PinEntered
from edge.terms import Factor, Permit


class Typed(Struct):
    """A PIN that waits for whoever comes."""

    fact: PinEntered
    until: float
    owned: bool = False
    """Whether it is that of somebody who was let in just before, so that it is held against nobody."""
    told: bool = False
    """Whether the room has been told that it was typed under duress."""


class Judged(Struct):
    """Somebody who was seen or refused, or `passed` but for a second person, and until when a PIN is theirs."""

    attempt: Attempt
    passed: bool
    until: float


class Keypads:
    """What was typed at each door, and who was judged there. `deadline` says when the next PIN is over."""

    def __init__(self, rules: dict[str, EntryRules], into: dict[str, str]) -> None:
        self._rules, self._into = rules, into
        self._typed: dict[tuple[str, str], Typed] = {}
        """By door and side."""
        self._judged: dict[tuple[str, str], Judged] = {}

    @property
    def deadline(self) -> float:
        return min((typed.until for typed in self._typed.values()), default=math.inf)

    def passed(self, attempt: Attempt, now: float) -> None:
        """Nothing is asked of this person any more, who may yet be made to type a code."""
        self._judge(attempt, True, now)

    def seen(self, fact: FaceSeen, permit: Permit, door: str, now: float) -> list[Effect]:
        """One view of somebody is enough to hear them under duress, whatever the door makes of it, and for no more."""
        into = self._into.get(fact.camera, "")
        who = Attempt(door, fact.camera, permit.person, now, fact.captured, now, [Factor.FACE], permit, into=into)
        return self.known(who, now)

    def known(self, attempt: Attempt, now: float) -> list[Effect]:
        """Whatever was typed, or will be, helps nobody who is refused; but the room is told when it is under duress."""
        known = self._judged.get((attempt.door, attempt.person))
        if known is None or not known.passed or now >= known.until:
            self._judge(attempt, False, now)
        typed = self.waiting(attempt, now)
        if typed is None or typed.told:
            return []
        told = duress(attempt, typed.fact)
        typed.told = bool(told)
        return told

    def _judge(self, attempt: Attempt, passed: bool, now: float) -> None:
        self._judged = {key: each for key, each in self._judged.items() if now < each.until}
        until = now + self._rules[attempt.door].second_factor_s
        self._judged[attempt.door, attempt.person] = Judged(attempt, passed, until)

    def owner(self, fact: PinEntered, now: float) -> Judged | None:
        """Whoever was judged at this door and has this PIN."""
        here = [each for (door, _), each in self._judged.items() if door == fact.door and now < each.until]
        return next((each for each in here if fits(each.attempt, fact)), None)

    def late(self, fact: PinEntered, waiting: list[Attempt], now: float) -> list[Effect]:
        """It opens nothing and is held against nobody; but the room is told when it was typed under duress."""
        owner = self.owner(fact, now)
        typists = [*waiting, *([owner.attempt] if owner else [])]
        return next((told for each in typists if (told := duress(each, fact))), [])

    def keep(self, fact: PinEntered, owner: Judged | None, now: float) -> None:
        """It waits for whoever comes next; what was typed before it does no longer."""
        until = now + self._rules[fact.door].second_factor_s
        owned = owner is not None and owner.passed
        told = owner is not None and is_duress(owner.attempt, fact.code)
        self._typed[self._side(fact)] = Typed(fact, until, owned, told)

    def waiting(self, attempt: Attempt, now: float) -> Typed | None:
        """What was typed where this person stands."""
        sides = [side for door, side in self._typed if door == attempt.door and alongside(side, attempt.into)]
        typed = [self._typed[attempt.door, side] for side in sides]
        return next((each for each in typed if now < each.until), None)

    def drop(self, typed: Typed) -> None:
        """It was somebody's."""
        del self._typed[self._side(typed.fact)]

    def _side(self, fact: PinEntered) -> tuple[str, str]:
        return fact.door, self._into.get(fact.source, "")

    def over(self, now: float) -> list[PinEntered]:
        """The PINs that nobody came for, and that are not known to be anybody's."""
        over = [typed for typed in self._typed.values() if now >= typed.until]
        for typed in over:
            self.drop(typed)
        return [typed.fact for typed in over if not typed.owned]


def fits(attempt: Attempt, fact: PinEntered) -> bool:
    """Whether it is one of the PINs of the attempt's person."""
    return is_pin(attempt, fact.code) or is_duress(attempt, fact.code)


def enter(attempt: Attempt, fact: PinEntered, now: float) -> bool:
    """Add a PIN to the attempt if it is one of its person's."""
    if not fits(attempt, fact):
        return False
    attempt.factors.append(Factor.PIN)
    attempt.fresh = now
    return True


def duress(attempt: Attempt, fact: PinEntered) -> list[Effect]:
    """The alarm that nothing at the door shows: all else goes on as ever."""
    return [Emit(f"door/{attempt.door}", Duress(attempt.person))] if is_duress(attempt, fact.code) else []
