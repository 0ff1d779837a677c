"""The table of the configuration about drills."""

from typing import Annotated

from msgspec import Meta, Struct


class DrillSection(Struct, forbid_unknown_fields=True):
    """Drills: a recorded approach on the gate's real way, with a simulated relay (`edge-gate drill`)."""

    clip: str = ""
    """A film of somebody enrolled who approaches this gate, recorded with their consent."""
    person: str = ""
    """Who that is, by the id that `edge-gate people list` shows; anybody enrolled without one."""
    every_days: Annotated[float, Meta(ge=0, le=3660)] = 0.0
    """How often a drill must be passed before that is an alarm; 0 never."""
    rehearsal: bool = False
    """Set by `edge-gate drill` for its own instance: faces pass without liveness. Only with simulated relays."""
