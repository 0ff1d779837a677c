"""Orders against a door that outlast the gate's process: who locks down means until release. Pure.

What keeps a door shut is kept; what opens it is not: a gate that starts has every door shut until it is told again.
"""

import math

from edge.door import NEVER, Door
from edge.effects import Effect
from edge.terms import Standing


def standing(door: Door, ends: float | None, relocked: bool) -> Standing:
    """What stands against a door."""
    until = door.blocked_until if door.blocked and door.blocked_until < math.inf else None
    ends = None if until is None else ends
    return Standing(door.locked_down, door.blocked, until, ends, relocked, door.faults.get("orders", ""))


def restore(door: Door, known: Standing) -> list[Effect]:
    """Have it stand against a door again; who calls it has the door obey. What is not known of it is told again."""
    until = math.inf if known.blocked_until is None else known.blocked_until
    door.locked_down, door.blocked_until = known.locked_down, until if known.blocked else NEVER
    return door.faults.fail("orders", known.unread) if known.unread else []
