"""What happens to a gate as a whole, and the one table of all outgoing events: where each goes and how severe it is.

Severities are OPC UA's (1 to 1000). An alarm carries `active`: it is reported once when it begins and once when it
is over. Events of another subject stand in a room of their own, with their part of the table.
"""

from edge import doorevents
from edge.terms import Moment, Status, Storage
from edge.transport import Channel, Event, Row


class GateStarted(Event, frozen=True):
    """The gate process started; `models` is the sha256 of each network by its file, `digest` that of all together."""

    boot: str
    pack: str
    liveness: str
    models: dict[str, str]
    digest: str


class CameraFault(Event, frozen=True):
    """A camera gives no usable picture, and why."""

    active: bool
    status: Status
    detail: str


class CameraPictured(Event, frozen=True):
    """What the camera of the last fault saw: a JPEG, base64, of at most 8 KiB, in which there is no face.

    It follows the fault's own event. It stands beside the hash chain as personal fields do, so that it can be erased.
    """

    moment: Moment
    jpeg: str


class CameraClockFault(Event, frozen=True):
    """A camera's clock, which its recordings bear, is further from the gate's than it may be: `off_s` ahead of it."""

    active: bool
    off_s: float


class BrokerFault(Event, frozen=True):
    """The broker was out of reach. Recorded during the outage, seen by the room afterwards."""

    active: bool
    status: Status
    detail: str


class WhitelistChanged(Event, frozen=True):
    """The gate runs another whitelist revision, with the threshold that follows from it.

    `moved` is how far the likeness of the enrolled people has moved it from that of the pack's table.
    """

    revision: int
    people: int
    threshold: float
    effective_fpir: float
    moved: float = 0.0


class ThresholdChanged(Event, frozen=True):
    """Another calibration table was put into use: the pack's, or one that was measured on this site's own people."""

    calibration: str
    previous: str
    threshold: float
    effective_fpir: float


class WhitelistFault(Event, frozen=True):
    """The whitelist cannot be used: nobody is admitted by face."""

    active: bool
    detail: str


class ClockFault(Event, frozen=True):
    """The clock has not been synchronised for a minute; what depends on the time follows its degraded mode."""

    active: bool


class ClockStepped(Event, frozen=True):
    """The clock was set by so many seconds, forwards when positive."""

    by_s: float


class StorageFault(Event, frozen=True):
    """The event log is slow, full or broken, or nears its capacity."""

    active: bool
    state: Storage
    undelivered: int
    detail: str


class CommandsRefused(Event, frozen=True):
    """Messages on the command topic that were no commands to this gate: retained, replayed, foreign, or a flood.

    `count` since this was told last; that is every ten seconds at most, and as often for what an operator had signed.
    `why` is of the last one of those, with its `id`, or of the last one when none was signed.
    """

    count: int
    why: str
    id: str = ""


class ReaderIgnored(Event, frozen=True):
    """Messages in the name of a keypad or card reader that were not its own: forged, replayed, retained, or a flood.

    `count` since this was told last, for each reader every ten seconds at most; `why` is of the last one.
    """

    count: int
    why: str


class ReaderFault(Event, frozen=True):
    """A keypad or card reader has said nothing for longer than its `silent_after_s`: dead, cut off, or unplugged."""

    active: bool
    detail: str


class TemplateDestroyed(Event, frozen=True):
    """The receipt that a template was destroyed: a visitor's pass has ended, or somebody's retention date is over."""

    person: str


class TemplateRefreshed(Event, frozen=True):
    """A view that was granted with `score` became one more template of this person (`whitelist.refresh_every_days`)."""

    person: str
    score: float


class DrillReport(Event, frozen=True):
    """What a drill found: a recorded approach on the gate's real way, with a simulated relay.

    `decision_ms` is from the first good frame to the relay, None when it did not open; `alarms` says for each whether
    it was raised and ended. `detail` says what failed.
    """

    camera: str
    door: str
    passed: bool
    recognised: bool
    decision_ms: float | None
    alarms: dict[str, bool]
    person: str = ""
    detail: str = ""


class DrillFault(Event, frozen=True):
    """A drill is overdue or was failed; over when one is passed."""

    active: bool
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


TABLE: dict[type[Event], Row] = {
    GateStarted: Row(Channel.EVENT, 100),
    CameraFault: Row(Channel.ALARM, 500),
    CameraClockFault: Row(Channel.ALARM, 300),
    CameraPictured: Row(Channel.EVENT, 100, ("jpeg",)),
    BrokerFault: Row(Channel.ALARM, 500),
    WhitelistChanged: Row(Channel.EVENT, 100),
    ThresholdChanged: Row(Channel.EVENT, 500),
    WhitelistFault: Row(Channel.ALARM, 700),
    StorageFault: Row(Channel.ALARM, 700),
    ClockFault: Row(Channel.ALARM, 500),
    ClockStepped: Row(Channel.EVENT, 500),
    CommandsRefused: Row(Channel.EVENT, 500),
    ReaderIgnored: Row(Channel.EVENT, 500),
    ReaderFault: Row(Channel.ALARM, 500),
    TemplateDestroyed: Row(Channel.EVENT, 300, ("person",)),
    TemplateRefreshed: Row(Channel.EVENT, 300, ("person",)),
    DrillReport: Row(Channel.EVENT, 300, ("person",)),
    DrillFault: Row(Channel.ALARM, 500),
    EpochStarted: Row(Channel.ALARM, 700),
    EventsLost: Row(Channel.ALARM, 900),
    **doorevents.TABLE,
}
