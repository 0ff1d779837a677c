"""How events travel: CloudEvents 1.0 over MQTT, with channels, acknowledgements and presence."""

from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct, field


class Event(Struct, frozen=True, tag=True):
    """Something that the monitoring room is told. Its place (door, camera) is the CloudEvents subject."""


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
