"""One opening of a door and the people who pass with it."""

import math

from msgspec import Struct

from edge.effects import Effect, UseSettled


class Passing(Struct):
    """Somebody who was granted, and whether the leaf has opened for them; `into` is the area behind it."""

    person: str
    into: str = ""
    taken: bool = False
    credential: str = ""
    """The pass whose use is to be given back if the relay does not move."""
    ticket: int = 0


class Opening(Struct):
    """One opening, from the wish to open until the door is shut again or was never opened."""

    cause: str
    people: list[Passing]
    until: float
    """When the relay lets go; while the door is released anyway, how long it may take."""
    since: float | None = None
    """Capture time of the first good view, when a face caused it."""
    extended: bool = False
    started: bool = False
    taken: bool = False
    """Whether the leaf has opened."""
    deadline: float = math.inf
    """When the leaf must have moved, once that can be told."""

    def join(self, passing: Passing | None, extended: bool) -> None:
        """Have somebody pass with whoever was let in before: once, however often they are until they have gone.

        But for a pass of which a use may have to be given back.
        """
        waits = [each.person for each in self.people if not each.taken]
        if passing and (passing.credential or passing.person not in waits):
            self.people.append(passing)
        self.extended = self.extended or extended

    def unused(self) -> list[Effect]:
        """The guard says that the relay has not moved: unless it did before, for this opening, no pass was used."""
        people = [] if self.started else [each for each in self.people if each.credential]
        return [UseSettled(each.credential, each.ticket, False) for each in people]
