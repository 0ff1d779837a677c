"""What somebody shows to pass a door, and what it still lacks. Pure."""

import math

from msgspec import Struct

from edge.terms import Evidence, Factor, Pass, Permit, Reason
from edge.turn import Turn

LATE_S = 5.0
"""What was ordered, typed or held up so long ago opens nothing: whoever did is gone, and another may be there."""


class EntryRules(Struct, frozen=True):
    """What a door asks of people."""

    opens_with: frozenset[Factor] = frozenset((Factor.FACE, Factor.PASS))
    """What says who somebody is."""
    second_factors: frozenset[Factor] = frozenset()
    """What may be shown with it."""
    always: bool = False
    """Whether a second factor is always asked for, not only when liveness is in doubt."""
    second_factor_s: float = 15.0
    people: int = 1
    """2 is the two-person rule."""
    second_person_s: float = 15.0


class Attempt(Struct):
    """Somebody who wants to pass, and what they have shown so far."""

    door: str
    source: str
    """The camera or reader."""
    person: str
    since: float
    """When it began."""
    fresh: float
    """When the newest of it was captured, shown or typed."""
    until: float
    """When it is over if nothing more comes."""
    factors: list[Factor]
    permit: Permit | None = None
    shown: Pass | None = None
    evidence: Evidence | None = None
    track: int | None = None
    doubt: Reason | None = None
    """Why a face alone is not enough."""
    turn: Turn | None = None
    """The head turn that was asked for."""
    told: bool = False
    """Whether a refusal was told already."""
    ends: float = math.inf
    """When what has a PIN of its own, a visitor's pass, is over."""
    ticket: int = 0
    """That of its grant."""
    into: str = ""
    """The area that this side of the door leads into, as far as what was shown has said it."""

    def follow(self, camera: str, track: int) -> None:
        """Its face is seen in this track now; what another one was asked to do, or did, says nothing of this one."""
        if self.track is not None and (camera, track) != (self.source, self.track):
            self.turn = None
            self.factors = [factor for factor in self.factors if factor is not Factor.HEAD_TURN]
        self.source, self.track = camera, track

    @property
    def credential(self) -> str:
        return self.shown.id if self.shown else ""


def late(heard: float | None, now: float) -> bool:
    """Whether what was heard then comes too late, as when the gate stood still meanwhile."""
    return heard is not None and now - heard > LATE_S


def alongside(one: str, other: str) -> bool:
    """Whether those who go into these areas may stand together: on one side of a door. "" is of either side."""
    return one == other or not (one and other)


def lacking(attempt: Attempt, rules: EntryRules) -> Reason | None:
    """What to say when nothing more comes, or None when everything was shown."""
    factors, shown = attempt.factors, attempt.shown
    missing = Reason.SECOND_FACTOR_MISSING
    if shown and ((shown.face and Factor.FACE not in factors) or (typed(shown) and Factor.PIN not in factors)):
        return missing
    if attempt.permit and attempt.permit.with_pass and Factor.PASS not in factors:
        return missing
    firsts = rules.opens_with.intersection(factors)  # in whatever order they were shown
    if not firsts:
        return missing
    if not rules.always and not (attempt.doubt and firsts == {Factor.FACE}):
        return None
    seconds = useful(attempt, rules).intersection(factors)
    return None if any(seconds - {first} for first in firsts) else attempt.doubt or missing


def useful(attempt: Attempt, rules: EntryRules) -> frozenset[Factor]:
    """The second factors that help this attempt: a head turn says nothing but that a face is alive."""
    alive = attempt.doubt is Reason.LIVENESS_UNSURE and not rules.always
    return rules.second_factors if alive else rules.second_factors - {Factor.HEAD_TURN}


def obtainable(attempt: Attempt, rules: EntryRules) -> bool:
    """Whether this person can show what the attempt lacks, as far as is known."""
    if attempt.shown and (attempt.shown.face or typed(attempt.shown)):
        return True
    if attempt.permit and attempt.permit.with_pass:
        return True
    if not rules.opens_with.intersection(attempt.factors):
        return bool(rules.opens_with)
    if rules.always and rules.opens_with.difference(attempt.factors) and rules.second_factors & {*attempt.factors}:
        return True  # what was shown may be the second factor of what comes yet
    wanted = useful(attempt, rules).difference(attempt.factors)
    if attempt.turn is None or attempt.turn.failed:
        wanted -= {Factor.HEAD_TURN}
    return bool(wanted if has_pin(attempt) else wanted - {Factor.PIN})


def typed(shown: Pass) -> bool:
    """Whether a pass only counts with a PIN: its own, or that of its person."""
    return bool(shown.pin) or shown.with_pin


def has_pin(attempt: Attempt) -> bool:
    """Whether they have a PIN, or what they showed asks for one: of anybody else no PIN is a guess."""
    permit, shown = attempt.permit, attempt.shown
    return bool(permit and (permit.pin or permit.duress)) or bool(shown and typed(shown))


def is_pin(attempt: Attempt, code: str) -> bool:
    """Whether a typed PIN is that of the attempt's person or pass."""
    permit, shown = attempt.permit, attempt.shown
    return bool(code) and code in (permit and permit.pin, shown and shown.pin)


def is_duress(attempt: Attempt, code: str) -> bool:
    """Whether it is the one that says: under threat."""
    return attempt.permit is not None and bool(code) and code == attempt.permit.duress
