"""What the configuration says of one door, as the rules have it."""

from typing import Annotated

from msgspec import Meta, Struct


class DoorRules(Struct, frozen=True):
    pulse_s: float
    held_open_s: float
    hard_limit_s: float = 5.0
    extended_pulse_s: float = 0.0
    """For people whose record asks for more time; 0 gives them no more than others."""
    extended_held_open_s: float = 0.0
    held_again_s: float = 0.0
    """How often a door that is still held open is reported again; 0 is never."""
    interlock: tuple[str, ...] = ()
    """The doors of which none may be open or released when this one is."""
    chatter_changes: Annotated[int, Meta(ge=0, le=1000)] = 30
    """An input that changes more often than this in `chatter_within_s` is a fault until it has settled."""
    chatter_within_s: float = 10.0
