"""How events travel: CloudEvents 1.0 over MQTT, with channels, acknowledgements and presence."""

from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field

from edge.terms import CommandKind


class Event(Struct, frozen=True, tag=True):
    """Something that the monitoring room is told. Its place (door, camera) is the CloudEvents subject."""


class Channel(StrEnum):
    EVENT = "event"
    ALARM = "alarm"
    STATE = "state"
    HEALTH = "health"
    ACK = "ack"
    COMMAND = "command"
    DISPLAY = "display"


class Delivery(NamedTuple):
    qos: int
    retain: bool


DELIVERY = {
    Channel.EVENT: Delivery(1, False),
    Channel.ALARM: Delivery(1, False),
    Channel.STATE: Delivery(1, True),
    Channel.HEALTH: Delivery(0, False),
    Channel.ACK: Delivery(1, True),
    Channel.COMMAND: Delivery(1, False),
    Channel.DISPLAY: Delivery(0, False),
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


COMMAND_TYPE = "edge-gate-command+jwt"
"""The JWS `typ` of a command, on the `command` channel."""


class Command(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an operator asks of a gate: the claims of a signed command.

    `aud` is `SITE/GATE`, `challenge` what the gate published in its state, and `counter` larger than any that this
    operator has used with that challenge. `jti` names the command in its answer; `door` "" is every door of the gate.
    """

    jti: Annotated[str, Meta(min_length=1, max_length=40)]
    aud: str
    challenge: str
    counter: int
    kind: CommandKind
    door: str = ""
    seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None
    """How long an `unlock` or `block` lasts."""
    person: Annotated[str, Meta(max_length=40)] = ""
    by: Annotated[str, Meta(max_length=64)] = ""
    """Who asked, where the operator is a room in which several people log in."""


class Listening(Struct, frozen=True):
    """What it takes to command a gate now, or to be heard as a reader at one of its doors; published in its state."""

    challenge: str
    counters: dict[str, int] = {}
    """Operator -> the largest counter that was used with this challenge."""
    readers: dict[str, int] = {}
    """Reader -> the same."""


class Backlog(Struct, frozen=True):
    """What a gate still keeps of its epoch: sequences `first` to `last`; nothing when `first` is beyond `last`."""

    epoch: str
    first: int
    last: int


class Presence(Struct, frozen=True):
    """The retained message on the `state` channel; the last will is one that is `offline` and says no more."""

    status: Literal["online", "offline"]
    backlog: Backlog | None = None
    commands: Listening | None = None
    gate: dict[str, object] = field(default_factory=dict)


class Display(Struct, frozen=True):
    """What a display at a door shows the person before it: a code, and its text by language (`en`, `zh`).

    The code is a lamp's (`idle`, `look`, `granted`, `refused`, `turn_left`, `turn_right`), or what keeps the face from
    being compared (`too_dark`, `mouth_covered`, ...). It never says who it is.
    """

    door: str
    code: str
    text: dict[str, str]


def topic(site: str, gate: str, channel: Channel) -> str:
    """The MQTT topic of a channel; site `+` and gate `+` make the filter of a whole building."""
    return f"edge/v1/{site}/{gate}/{channel}"


def type_name(event: type[Event]) -> str:
    """The CloudEvents `type` of an event class."""
    return f"edge-gate.{event.__name__}"
