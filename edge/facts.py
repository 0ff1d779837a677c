"""What the gate hears: facts come in with a `Now`, and `gate.step(fact, now)` answers with effects (effects.py).

Facts are logged as they are, so the log of one gate is its replay format. A fact never carries an embedding.
"""

from msgspec import Struct

from edge.events import DrillReport
from edge.presence import Company, Cues
from edge.terms import (
    Candidate,
    CommandKind,
    Input,
    Pass,
    Permit,
    Place,
    Quality,
    Reason,
    RelayOutcome,
    Standing,
    Status,
    Storage,
    View,
)


class Fact(Struct, frozen=True, tag=True):
    """Something that happened. Facts are logged as they are; the log is the replay format."""


class Started(Fact, frozen=True):
    """`models` is the sha256 of each network by its file, `digest` that of all together; `calibration` is the table
    that the room was told of last, `orders` what stood against each door when the gate ended, `unread` why that cannot
    be read.
    """

    boot: str
    pack: str
    liveness: bool
    models: dict[str, str] = {}
    digest: str = ""
    calibration: str = "pack"
    orders: dict[str, Standing] = {}
    unread: str = ""


class Heartbeat(Fact, frozen=True):
    """The service's own pulse: systemd's watchdog is petted only when this has come through `step`."""


class Wake(Fact, frozen=True):
    """The wake-up that `step` asked for."""


class FaceSeen(Fact, frozen=True):
    camera: str
    track: int
    captured: float
    good_since: float
    quality: Quality
    cues: Cues
    candidate: Candidate | None
    permit: Permit | None = None
    company: Company = Company()


class TrackEnded(Fact, frozen=True):
    camera: str
    track: int


class CameraReported(Fact, frozen=True):
    camera: str
    status: Status
    detail: str = ""
    frames_per_s: float = 0.0
    frame_age_ms: float = 0.0
    view: View | None = None
    wall: float | None = None
    """The camera's UTC less the monotonic clock; None while it is not known."""


class BrokerReported(Fact, frozen=True):
    status: Status
    detail: str = ""


class InputChanged(Fact, frozen=True):
    door: str
    input: Input
    active: bool


class InputLost(Fact, frozen=True):
    """The inputs of a door cannot be read any more; what they say is unknown."""

    door: str
    detail: str


class WhitelistLoaded(Fact, frozen=True):
    """`problem` says why the whitelist cannot be used; then `people` is 0. `notice` is an alarm about one that is used.
    `moved` is how far the likeness of the enrolled people has moved the threshold from that of the table, which is the
    pack's or one that the site has put into use (`calibration`).
    """

    revision: int
    people: int
    threshold: float
    effective_fpir: float
    problem: str = ""
    moved: float = 0.0
    calibration: str = "pack"
    notice: str = ""
    stale: bool = False
    """Whether the desk has not renewed the list in time, which is then its problem or its notice."""
    edition: int = 0
    """Another number when anybody on it, also without a face, is another or may do something else."""


class Recorded(Fact, frozen=True):
    """The event with this ticket is on the disk (`ok`), or will not be."""

    ticket: int
    ok: bool


class StorageReported(Fact, frozen=True):
    state: Storage
    undelivered: int
    capacity: int
    detail: str = ""


class RelayReported(Fact, frozen=True):
    door: str
    outcome: RelayOutcome
    pulse: str = ""
    detail: str = ""


class PassShown(Fact, frozen=True):
    """A pass was held to a camera or a reader: its claims, or why it is none (`problem`, and `detail` for people).
    `read` is when it was seen (monotonic seconds); it ages as a face does.
    """

    door: str
    source: str
    read: float
    shown: Pass | None = None
    permit: Permit | None = None
    """That of the pass's person, where there is a record."""
    problem: Reason | None = None
    detail: str = ""


class PassesRevoked(Fact, frozen=True):
    """These passes count no longer; one that is shown from now on comes with its `problem`."""

    passes: tuple[str, ...]


class PinEntered(Fact, frozen=True):
    """Somebody typed a PIN; `code` is its keyed hash, as in `Permit.pin`, `heard` as of a command."""

    door: str
    source: str
    code: str
    heard: float | None = None


class CardRead(Fact, frozen=True):
    """A card was held to a reader; `permit` is its owner's, None when nobody owns it, `heard` as of a command."""

    door: str
    source: str
    permit: Permit | None = None
    heard: float | None = None


class PlacesKnown(Fact, frozen=True):
    """Where everybody was, as the gate kept it before it was started again."""

    places: dict[str, Place]


class CommandReceived(Fact, frozen=True):
    """A command of the monitoring room that was verified, or one that was refused (`problem`).
    `id` names it in its answer; `door` is "" for every door; `seconds` counts for `unlock` and `block`; `by` is who
    asked, where the operator signs for several people. `heard` is when it can have arrived at the earliest (monotonic
    seconds), None for just now.
    """

    id: str
    operator: str
    kind: CommandKind
    door: str = ""
    seconds: float | None = None
    person: str = ""
    problem: str = ""
    by: str = ""
    heard: float | None = None


class CommandsRefused(Fact, frozen=True):
    """So many messages on the command topic were none that this gate obeys; `why` is of the last one
    whose signature was an operator's, with its `id`, or of the last one when there was none.
    """

    count: int
    why: str
    id: str = ""


class ReaderIgnored(Fact, frozen=True):
    """So many messages were published for a reader that were none of its own; `why` is of the last one."""

    reader: str
    count: int
    why: str


class ReaderAlive(Fact, frozen=True):
    """A reader says that it is there, and that nobody shows it anything."""

    reader: str


class DrillDone(Fact, frozen=True):
    """A drill was held `at` (UTC seconds); `told` when its report is in the event log since an earlier start."""

    at: float
    report: DrillReport
    told: bool = False


class TemplateDestroyed(Fact, frozen=True):
    """A visitor's pass or a person's retention is over, and the templates are destroyed. `ticket` is for `Recorded`."""

    person: str
    ticket: int = 0


class TemplateRefreshed(Fact, frozen=True):
    """A view that was granted with `score` became one more template of this person."""

    person: str
    score: float
