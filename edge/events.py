"""Every outgoing event, and the one table that says where it goes, how severe it is and what in it is personal.

Events are CloudEvents 1.0 over MQTT; severities are OPC UA's (1 to 1000). An alarm carries `active`: it is
reported once when it begins and once when it is over.
"""

from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct, field

from edge.terms import Contact, DoorMode, Evidence, Reason, Status, Storage


class Event(Struct, frozen=True, tag=True):
    """Something that the monitoring room is told. Its place (door, camera) is the CloudEvents subject."""


class GateStarted(Event, frozen=True):
    """The gate process started."""

    boot: str
    pack: str
    liveness: str


class AccessGranted(Event, frozen=True):
    """A person may pass; the relay follows when this is on the disk."""

    person: str
    evidence: Evidence


class AccessDenied(Event, frozen=True):
    """A face was refused; once per track."""

    reason: Reason
    evidence: Evidence
    decision_ms: float


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


class CameraFault(Event, frozen=True):
    """A camera gives no usable picture, and why."""

    active: bool
    status: Status
    detail: str


class BrokerFault(Event, frozen=True):
    """The broker was out of reach. Recorded during the outage, seen by the room afterwards."""

    active: bool
    status: Status
    detail: str


class WhitelistChanged(Event, frozen=True):
    """The gate runs another whitelist revision, with the threshold that follows from it."""

    revision: int
    people: int
    threshold: float
    effective_fpir: float


class WhitelistFault(Event, frozen=True):
    """The whitelist cannot be used: nobody is admitted by face."""

    active: bool
    detail: str


class StorageFault(Event, frozen=True):
    """The event log is slow, full or broken, or nears its capacity."""

    active: bool
    state: Storage
    undelivered: int
    detail: str


class EpochStarted(Event, frozen=True):
    """The event log begins anew, and why (first start, corruption); sequences count from 1 again."""

    reason: str


class EventsLost(Event, frozen=True):
    """Stands in the chain for the events `first` to its own sequence, dropped because the event log was full.

    `hash` is the chain hash of the last one of them, which the next event names as its `previoushash`.
    """

    first: int
    hash: str


class Channel(StrEnum):
    EVENT = "event"
    ALARM = "alarm"
    STATE = "state"
    HEALTH = "health"
    ACK = "ack"


class Delivery(NamedTuple):
    qos: int
    retain: bool


DELIVERY = {
    Channel.EVENT: Delivery(1, False),
    Channel.ALARM: Delivery(1, False),
    Channel.STATE: Delivery(1, True),
    Channel.HEALTH: Delivery(0, False),
    Channel.ACK: Delivery(1, True),
}


class Row(NamedTuple):
    """One line of the table: `personal` fields are sent beside the hash chain, only their commitments in it."""

    channel: Channel
    severity: int
    personal: tuple[str, ...] = ()


TABLE: dict[type[Event], Row] = {
    GateStarted: Row(Channel.EVENT, 100),
    EpochStarted: Row(Channel.ALARM, 700),
    EventsLost: Row(Channel.ALARM, 900),
    AccessGranted: Row(Channel.EVENT, 100, ("person",)),
    AccessDenied: Row(Channel.EVENT, 300),
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
    CameraFault: Row(Channel.ALARM, 500),
    BrokerFault: Row(Channel.ALARM, 500),
    WhitelistChanged: Row(Channel.EVENT, 100),
    WhitelistFault: Row(Channel.ALARM, 700),
    StorageFault: Row(Channel.ALARM, 700),
}


class Envelope(Struct, frozen=True):
    """One outgoing event: CloudEvents 1.0 in structured JSON, with the attributes of a gap-free hash chain.

    `sequence` is the CloudEvents Sequence extension: decimal digits padded to sort as text. `data` holds the
    event's fields; personal ones stand in `data["personal"]` as `[salt, value]` and in `data["commitments"]`
    as SHA-256, so that erasing them leaves the chain whole.
    """

    id: str
    source: str
    type: str
    subject: str
    time: str
    severity: int
    timetrusted: bool
    epoch: str
    sequence: str
    previoushash: str
    data: dict[str, object]
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


ACK_TYPE = "edge-gate-ack+jwt"
"""The JWS `typ` of an acknowledgement, on the `ack` channel."""


class Ack(Struct, frozen=True):
    """The recorder has committed everything of this epoch up to `sequence`, whose chain hash is `hash`.

    Before the first event `sequence` is 0 and `hash` the genesis. With `resend` it asks for all that follow.
    """

    site: str
    gate: str
    epoch: str
    sequence: int
    hash: str
    resend: bool = False


class Backlog(Struct, frozen=True):
    """What a gate still keeps of its epoch: sequences `first` to `last`; nothing when `first` is beyond `last`."""

    epoch: str
    first: int
    last: int


class Presence(Struct, frozen=True):
    """The retained message on the `state` channel; the last will is one that is `offline` and says no more."""

    status: Literal["online", "offline"]
    backlog: Backlog | None = None
    gate: dict[str, object] = field(default_factory=dict)


def topic(site: str, gate: str, channel: Channel) -> str:
    """The MQTT topic of a channel; site `+` and gate `+` make the filter of a whole building."""
    return f"edge/v1/{site}/{gate}/{channel}"


def type_name(event: type[Event]) -> str:
    """The CloudEvents `type` of an event class."""
    return f"edge-gate.{event.__name__}"
