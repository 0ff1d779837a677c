"""What the monitoring room may order of a door, and when it may not: ONVIF's operations. Pure."""

import math

from edge.door import NEVER, Door
from edge.effects import Effect
from edge.errors import in_english
from edge.terms import CommandKind

Effects = list[Effect]


def order(door: Door, kind: CommandKind, seconds: float | None, now: float) -> tuple[str, Effects]:
    """Carry an order out; why it is refused, or "", and what follows. `seconds` is for `unlock` and `block`."""
    if why := _against(door, kind):
        return why, []
    until = math.inf if seconds is None else now + seconds
    match kind:
        case CommandKind.OPEN:
            return "", door.open("command", now)
        case CommandKind.UNLOCK:
            door.unlocked_until = until
        case CommandKind.LOCK:
            door.unlocked_until, door.scheduled = NEVER, False
        case CommandKind.BLOCK:
            door.blocked_until = max(door.blocked_until, until)  # who may block may not unblock
            door.unlocked_until, door.scheduled = NEVER, False
        case CommandKind.UNBLOCK:
            door.blocked_until = NEVER
        case CommandKind.LOCK_DOWN:
            door.locked_down, door.locked_open = True, False
            door.unlocked_until, door.scheduled = NEVER, False
        case CommandKind.LOCK_OPEN:
            door.locked_open = True
        case CommandKind.RELEASE:
            door.locked_down = door.locked_open = False
        case CommandKind.ACKNOWLEDGE:
            door.leaf.acknowledge()
    return "", door.obey(now, "command")


ALWAYS = frozenset({CommandKind.LOCK_DOWN, CommandKind.ACKNOWLEDGE, CommandKind.FORGIVE})
WHEN_LOCKED_OPEN = frozenset({CommandKind.OPEN, CommandKind.LOCK_OPEN})
NOT_WHEN_BLOCKED = frozenset({CommandKind.OPEN, CommandKind.UNLOCK, CommandKind.LOCK_OPEN})
NOTHING_TO_RELEASE = in_english("the door is neither locked down nor locked open")
LOCKED_DOWN = in_english("the door is locked down; release it first")
LOCKED_OPEN = in_english("the door is locked open; release it first")
BLOCKED = in_english("the door is blocked; unblock it first")
AWAY = in_english("the relay does not answer")


def _against(door: Door, kind: CommandKind) -> str:
    """Why a door in this mode does not take this order. A lockdown is always taken, and ends only by `release`."""
    if kind is CommandKind.RELEASE:
        return "" if door.locked_down or door.locked_open else NOTHING_TO_RELEASE
    if kind in ALWAYS:
        return ""
    if door.locked_down:
        return LOCKED_DOWN
    if door.locked_open:
        return "" if kind in WHEN_LOCKED_OPEN else LOCKED_OPEN
    if door.blocked and kind in NOT_WHEN_BLOCKED:
        return BLOCKED
    return AWAY if kind is CommandKind.OPEN and door.drive.away else ""
