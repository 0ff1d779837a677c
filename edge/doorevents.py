"""What happens at a door and to the people in front of it. Alarms carry `active`, as in `edge.events`."""

from edge.terms import Contact, DoorMode, Evidence, Reason
from edge.transport import Channel, Event, Row


class AccessGranted(Event, frozen=True):
    """A person may pass; the relay follows when this is on the disk."""

    person: str
    evidence: Evidence


class AccessDenied(Event, frozen=True):
    """A face was refused; once per track."""

    reason: Reason
    evidence: Evidence
    decision_ms: float


class PresentationAttack(Event, frozen=True):
    """A picture, a screen or a mask is held before the camera (ISO/IEC 30107); over when it is gone."""

    active: bool
    camera: str


class AccessTaken(Event, frozen=True):
    """The door was opened after a grant."""

    person: str


class AccessNotTaken(Event, frozen=True):
    """Granted, but the door was not opened in time."""

    person: str


class DoorModeChanged(Event, frozen=True):
    """ONVIF DoorMode changed; `decision_ms` is first good frame to relay, when a face opened it."""

    mode: DoorMode
    previous: DoorMode
    cause: str
    decision_ms: float | None = None


class DoorPhysicalStateChanged(Event, frozen=True):
    """The door leaf opened or closed, or its contact became unknown."""

    state: Contact


class RequestToExit(Event, frozen=True):
    """The exit button was pressed."""


class DoorForcedOpen(Event, frozen=True):
    """The door opened without a grant or exit request; reported again when it is over."""

    active: bool


class DoorOpenTooLong(Event, frozen=True):
    """The door stayed open longer than it may; reported again when it is over."""

    active: bool
    open_s: float


class DoorTamper(Event, frozen=True):
    """The housing was opened; reported again when it is closed."""

    active: bool


class FireReleased(Event, frozen=True):
    """The fire input is active. The release itself is hardware; this only reports it."""

    active: bool


class DoorFault(Event, frozen=True):
    """The relay or the inputs of a door (`source`) do not answer as they should."""

    active: bool
    source: str
    detail: str


TABLE: dict[type[Event], Row] = {
    AccessGranted: Row(Channel.EVENT, 100, ("person",)),
    AccessDenied: Row(Channel.EVENT, 300),
    PresentationAttack: Row(Channel.ALARM, 900),
    AccessTaken: Row(Channel.EVENT, 100, ("person",)),
    AccessNotTaken: Row(Channel.EVENT, 300, ("person",)),
    DoorModeChanged: Row(Channel.EVENT, 100),
    DoorPhysicalStateChanged: Row(Channel.EVENT, 100),
    RequestToExit: Row(Channel.EVENT, 100),
    DoorForcedOpen: Row(Channel.ALARM, 900),
    DoorOpenTooLong: Row(Channel.ALARM, 700),
    DoorTamper: Row(Channel.ALARM, 900),
    FireReleased: Row(Channel.ALARM, 1000),
    DoorFault: Row(Channel.ALARM, 700),
}
