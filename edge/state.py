"""The retained state of a gate, as the room sees it between events."""

from msgspec import Struct

from edge.door import Door
from edge.facts import WhitelistLoaded
from edge.terms import Contact, DoorMode, Status, Storage


class DoorState(Struct, frozen=True):
    """ONVIF DoorState: mode, physical state, and the alarms that are active."""

    mode: DoorMode
    physical: Contact
    alarms: list[str]
    faults: dict[str, str]

    @classmethod
    def of(cls, door: Door) -> "DoorState":
        alarms = {
            "DoorForcedOpen": door.leaf.forced,
            "DoorOpenTooLong": door.leaf.held,
            "Tamper": door.tamper,
            "Fire": door.leaf.fire,
        }
        return cls(door.mode, door.contact, [name for name, active in alarms.items() if active], dict(door.faults))


class CameraState(Struct, frozen=True):
    status: Status
    detail: str
    clock_wrong: bool | None = None
    """None while it is not known: the camera does not tell its time, or the gate's own clock is not trusted."""


class CameraHealth(Struct, frozen=True):
    frames_per_s: float
    frame_age_ms: float
    clock_off_s: float | None = None
    """How far the camera's clock is ahead of the gate's; None while it is not known."""


class GateState(Struct, frozen=True):
    """Everything that is true of a gate until it changes; published retained."""

    boot: str
    pack: str
    liveness: str
    doors: dict[str, DoorState]
    cameras: dict[str, CameraState]
    whitelist: WhitelistLoaded
    storage: Storage
    broker: Status
    degraded: dict[str, str] = {}
    """Each degraded mode that is in force, and what the door does in it."""
