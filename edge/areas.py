"""Who is in which area, and who comes in again without having left: anti-passback. Pure; the time is an argument."""

import math
from typing import Literal

from msgspec import Struct

from edge.terms import OUTSIDE, Now, Place

Passback = Literal["off", "soft", "hard"]


class AreaRules(Struct, frozen=True):
    passback: Passback = "off"
    """What becomes of somebody who is inside already and comes in: nothing, an alarm, or an alarm and a refusal."""
    forget_after_s: float = math.inf
    """When somebody who was not seen leaving may come in again; who is inside goes on to name them."""


class Areas:
    """Where everybody was let in last. Those never seen may be anywhere and offend against nothing."""

    def __init__(self, rules: dict[str, AreaRules]) -> None:
        self.rules = rules
        self.places: dict[str, Place] = {}
        self.changed = False
        """Whether anybody has moved since this was set to False."""
        self._came: dict[str, float] = {}
        """When somebody came in during this run, by the monotonic clock: one that is set changes nothing about it."""
        self._undated: set[str] = set()
        """Those of them who did so by a clock that was not synchronised and has not been since."""
        self._begun = math.inf
        """From when on this run has known where everybody is, at the latest; monotonic."""

    def moved(self, person: str, into: str, now: Now) -> None:
        """The door into an area has opened for somebody."""
        if into == OUTSIDE:
            self.places.pop(person, None)
        elif into:
            self.places[person], self._came[person] = Place(into, now.utc, now.trusted), now.mono
            self._undated.add(person)
        self.changed = self.changed or bool(into)
        self._set_right(now)

    def violates(self, person: str, into: str, now: Now) -> Passback:
        """How far it offends that this person goes into this area."""
        self._set_right(now)
        place = self.places.get(person)
        rules = self.rules.get(into)
        if place is None or rules is None or place.area != into:
            return "off"
        return "off" if self._inside_s(person, place, now) >= rules.forget_after_s else rules.passback

    def passback(self, into: str) -> Passback:
        """How far it offends to be let into this area twice at a time."""
        return self.rules[into].passback if into in self.rules else "off"

    def _inside_s(self, person: str, place: Place, now: Now) -> float:
        """How long somebody has been there at least: a clock that is set forgives nobody, and keeps nobody out."""
        if person in self._came:
            return now.mono - self._came[person]
        known = now.utc - place.since if now.trusted and place.trusted else 0.0
        return max(known, now.mono - self._begun)

    def _set_right(self, now: Now) -> None:
        """A clock that was set since tells when they came in whose time was not known."""
        self._begun = min(self._begun, now.mono)
        while now.trusted and self._undated:
            person = self._undated.pop()
            if place := self.places.get(person):
                self.places[person] = Place(place.area, now.utc - (now.mono - self._came[person]))
                self.changed = True

    def forgive(self, person: str) -> None:
        """Forget where somebody is, or with "" where anybody is: the next door is theirs again."""
        if person:
            self.places.pop(person, None)
        else:
            self.places.clear()
        self.changed = True

    def inside(self) -> dict[str, list[str]]:
        """The people of each area, sorted."""
        found: dict[str, list[str]] = {}
        for person, place in sorted(self.places.items()):
            found.setdefault(place.area, []).append(person)
        return found
