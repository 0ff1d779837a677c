"""Who is in which area, and who comes in again without having left: anti-passback. Pure; times are UTC seconds."""

import math
from typing import Literal

from msgspec import Struct

from edge.terms import OUTSIDE, Place

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

    def moved(self, person: str, into: str, utc: float) -> None:
        """The door into an area has opened for somebody."""
        if into == OUTSIDE:
            self.places.pop(person, None)
        elif into:
            self.places[person] = Place(into, utc)
        self.changed = self.changed or bool(into)

    def violates(self, person: str, into: str, utc: float) -> Passback:
        """How far it offends that this person goes into this area; a clock that went back forgives nobody."""
        place = self.places.get(person)
        rules = self.rules.get(into)
        if place is None or rules is None or place.area != into:
            return "off"
        return "off" if utc - place.since >= rules.forget_after_s else rules.passback

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
