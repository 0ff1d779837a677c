"""Orders against a door that outlast the gate's process: who locks down means until release. Pure.

What keeps a door shut is kept; what opens it is not: a gate that starts has every door shut until it is told again.
"""

import math

from edge.door import NEVER, Door
from edge.terms import Standing


def standing(door: Door, ends: float | None, relocked: bool) -> Standing:
    """What stands against a door."""
    until = door.blocked_until if door.blocked and door.blocked_until < math.inf else None
    return Standing(door.locked_down, door.blocked, until, None if until is None else ends, relocked)


def restore(door: Door, known: Standing) -> None:
    """Have it stand against a door again; who calls it has the door obey."""
    until = math.inf if known.blocked_until is None else known.blocked_until
    door.locked_down, door.blocked_until = known.locked_down, until if known.blocked else NEVER
