"""What the gate does: `gate.step(fact, now)` answers a fact with these. They are logged beside it."""

from msgspec import Struct

from edge.terms import Lamp, Standing
from edge.transport import Event


class Effect(Struct, frozen=True, tag=True):
    """What `step` wants done."""


class Emit(Effect, frozen=True):
    """Record and send an event. With a ticket, the service answers with `Recorded(ticket)`."""

    subject: str
    event: Event
    ticket: int = 0


class Pulse(Effect, frozen=True):
    """Energise a relay until `until`; while it is, the guard refuses another pulse, unless that one `renews` it."""

    door: str
    pulse: str
    until: float
    renews: str = ""


class Relock(Effect, frozen=True):
    """Let go now, whatever pulse is under way."""

    door: str


class Show(Effect, frozen=True):
    door: str
    lamp: Lamp


class Settle(Effect, frozen=True):
    """This track is decided: the eye need not embed it again."""

    camera: str
    track: int


class UseSettled(Effect, frozen=True):
    """The use of a pass that was counted for this grant `stands`, or is given back: no door was released for it."""

    credential: str
    ticket: int
    stands: bool


class KeepPlaces(Effect, frozen=True):
    """Somebody is in another area now: what is known of everybody's is to survive a restart."""


class KeepOrders(Effect, frozen=True):
    """What stands against doors is other than before, and is to survive a restart; `at` is now, monotonic, `utc` by a
    clock that is trusted.
    """

    doors: dict[str, Standing]
    at: float
    utc: float | None = None


class PublishState(Effect, frozen=True):
    """The gate's state changed; the newest one replaces those not yet sent."""
