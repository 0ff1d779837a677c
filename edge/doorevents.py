"""What happens at a door and to the people in front of it. Alarms carry `active`, as in `edge.events`."""

from msgspec import field

from edge.terms import CommandKind, Contact, DoorMode, Evidence, Factor, Reason
from edge.transport import Channel, Event, Row


class AccessGranted(Event, frozen=True):
    """A person may pass; the relay follows when this is on the disk. `factors` say what was shown."""

    person: str
    evidence: Evidence | None
    factors: tuple[Factor, ...] = (Factor.FACE,)
    credential: str = ""
    """The pass, when one was shown."""


class AccessDenied(Event, frozen=True):
    """A face, pass, card or PIN was refused; once per track for a face. `person` when it is known whose it was."""

    reason: Reason
    evidence: Evidence | None
    decision_ms: float
    person: str = ""
    factors: tuple[Factor, ...] = (Factor.FACE,)
    credential: str = ""
    detail: str = ""


class PresentationAttack(Event, frozen=True):
    """A picture, a screen or a mask is held before the camera (ISO/IEC 30107); over when it is gone."""

    active: bool
    camera: str


class AccessTaken(Event, frozen=True):
    """The door was opened after a grant; `into` is the area behind it."""

    person: str
    into: str = ""


class AccessNotTaken(Event, frozen=True):
    """Granted, but the door was not opened in time."""

    person: str


class Duress(Event, frozen=True):
    """Somebody passed under threat. Nothing at the door shows it."""

    person: str


class RepeatedRefusals(Event, frozen=True):
    """So many attempts were refused that no more are heard for a while; reported again when that is over.

    `person` is whose credential it is, "" when the attempts at this door were nobody's. `others` is of how many more
    the same is told of this door and not over; the alarm is when it is so of nobody.
    """

    active: bool
    attempts: int
    person: str = ""
    others: int = 0


class AntiPassbackViolation(Event, frozen=True):
    """Somebody who is in an area already came in again; with `hard` anti-passback they were refused."""

    person: str
    area: str
    hard: bool


class TailgatingSuspected(Event, frozen=True):
    """More faces went through an open door than were granted."""

    granted: int
    passed: int


class CommandAnswered(Event, frozen=True):
    """What became of a command of the monitoring room; `why` it was refused, and `by` whom the operator was asked.

    One for every door is accepted when one of them takes it; `refused` says of each that did not, why.
    """

    id: str
    kind: CommandKind
    operator: str
    accepted: bool
    why: str = ""
    by: str = ""
    refused: dict[str, str] = field(default_factory=dict)


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
    """The door stayed open longer than it may; reported again while it lasts, if configured, and when it is over.

    While the fire alarm releases the door it is not reported; the time begins anew when that is over.
    """

    active: bool
    open_s: float


class DoorTamper(Event, frozen=True):
    """The housing was opened; reported again when it is closed."""

    active: bool


class FireReleased(Event, frozen=True):
    """The fire input is active. The release itself is hardware; this only reports it."""

    active: bool


class DoorFault(Event, frozen=True):
    """Something of a door is not as it should be; `source` says what.

    `relay` does not answer, `inputs` cannot be read, `supply` of the lock has failed, `feedback` says otherwise than
    the relay, or an input changes without settling: `contact_chatter`, `exit_button_chatter`, and so on. After one that
    is over, those that last are told again.
    """

    active: bool
    source: str
    detail: str


TABLE: dict[type[Event], Row] = {
    AccessGranted: Row(Channel.EVENT, 100, ("person",)),
    AccessDenied: Row(Channel.EVENT, 300, ("person",)),
    PresentationAttack: Row(Channel.ALARM, 900),
    AccessTaken: Row(Channel.EVENT, 100, ("person",)),
    AccessNotTaken: Row(Channel.EVENT, 300, ("person",)),
    Duress: Row(Channel.ALARM, 1000, ("person",)),
    RepeatedRefusals: Row(Channel.ALARM, 700, ("person",)),
    AntiPassbackViolation: Row(Channel.ALARM, 500, ("person",)),
    TailgatingSuspected: Row(Channel.ALARM, 500),
    CommandAnswered: Row(Channel.EVENT, 300, ("operator", "by")),
    DoorModeChanged: Row(Channel.EVENT, 100),
    DoorPhysicalStateChanged: Row(Channel.EVENT, 100),
    RequestToExit: Row(Channel.EVENT, 100),
    DoorForcedOpen: Row(Channel.ALARM, 900),
    DoorOpenTooLong: Row(Channel.ALARM, 700),
    DoorTamper: Row(Channel.ALARM, 900),
    FireReleased: Row(Channel.ALARM, 1000),
    DoorFault: Row(Channel.ALARM, 700),
}
