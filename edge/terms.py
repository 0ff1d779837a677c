"""The terms that facts, effects and events share.

Door modes and reasons carry ONVIF's names (Door Control and Access Control services) where ONVIF has one;
face quality those of ISO/IEC 29794-5. Times are seconds; `captured`, `good_since` and `until` are on the
monotonic clock of this machine, which all its processes share.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from edge.presence import Liveness

LATEST_S = 253_402_300_799 - 86_400
"""A day before the calendar of any time zone ends; no kernel's clock goes so far, nor before 1970."""


class Now(Struct, frozen=True):
    """The time of one step. `trusted` is False until the system clock is synchronised."""

    mono: float
    utc: Annotated[float, Meta(ge=0, le=LATEST_S)]
    trusted: bool = True


class DoorMode(StrEnum):
    """ONVIF DoorMode."""

    LOCKED = "Locked"
    UNLOCKED = "Unlocked"
    ACCESSED = "Accessed"
    BLOCKED = "Blocked"
    LOCKED_DOWN = "LockedDown"
    LOCKED_OPEN = "LockedOpen"


OUTSIDE = "outside"
"""The area of those who have left; nobody is listed there."""


class Place(Struct, frozen=True):
    """Where somebody was let in last, and since when (UTC seconds) by a clock that was `trusted` then."""

    area: str
    since: float
    trusted: bool = True


class Standing(Struct, frozen=True, omit_defaults=True):
    """What the room has ordered against a door and not taken back. Only what keeps it shut: what opens ends with us."""

    locked_down: bool = False
    blocked: bool = False
    blocked_until: float | None = None
    """Monotonic seconds; None until it is unblocked."""
    ends: float | None = None
    """The same in UTC, of a block that a gate knows from before it was started, by a clock that was trusted then."""
    relocked: bool = False
    """Whether it was locked while its schedule has it unlocked."""
    unread: str = ""  # why it is not known what stood against it, until the room says what is to


class Contact(StrEnum):
    """ONVIF DoorPhysicalState; unknown when there is no contact or it cannot be read."""

    OPEN = "Open"
    CLOSED = "Closed"
    UNKNOWN = "Unknown"


class Input(StrEnum):
    CONTACT = "contact"  # active: the door leaf is open
    EXIT_BUTTON = "exit_button"
    TAMPER = "tamper"
    FIRE = "fire"
    SUPPLY = "supply"  # active: the lock's supply has failed
    FEEDBACK = "feedback"  # active: the relay's second contact, or the lock's own, says released


class Lamp(StrEnum):
    """What the gate shows to the person in front of it."""

    IDLE = "idle"
    LOOK = "look"
    GRANTED = "granted"
    REFUSED = "refused"
    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"


class Status(StrEnum):
    """How a link to a camera or the broker is; everything but STREAMING and CONNECTED is a reason for silence."""

    CONNECTING = "connecting"
    STREAMING = "streaming"
    CONNECTED = "connected"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    STALLED = "stalled"
    ENDED = "ended"
    CHANGED = "changed"  # the stream's resolution changed: detection restarts at the new size
    BROKEN = "broken"  # what arrives cannot be decoded
    SILENT = "silent"  # the process that reads it no longer reports
    OTHER_PACK = "other_pack"  # the eye runs another model pack than the gate: nothing it sees can be matched
    TOO_DARK = "too_dark"  # from here on: the stream flows, but shows nothing of use; three are ONVIF's image faults
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    COVERED = "covered"  # nearly without structure: a hand, tape, fog on the glass
    FROZEN = "frozen"  # the same picture again and again, which no sensor gives
    MOVED = "moved"  # not the view that the installer confirmed
    WRONG_SIZE = "wrong_size"


class Moment(StrEnum):
    """Which picture of a camera's fault it is."""

    BEFORE = "before"
    AFTER = "after"  # while the fault lasts; none where no picture comes any more
    MENDED = "mended"


ALIVE = frozenset({Status.STREAMING, Status.CONNECTED, Status.CHANGED})


class Storage(StrEnum):
    OK = "ok"
    SLOW = "slow"
    FULL = "full"
    FAILED = "failed"


class Reason(StrEnum):
    """Why somebody may not pass."""

    CREDENTIAL_NOT_FOUND = "CredentialNotFound"  # ONVIF: a face that matches nobody well enough
    PRESENTATION_ATTACK = "PresentationAttack"
    LIVENESS_UNSURE = "LivenessUnsure"
    LIVENESS_UNAVAILABLE = "LivenessUnavailable"
    WHITELIST_UNAVAILABLE = "WhitelistUnavailable"
    STALE = "Stale"  # too old, or the list another, by the time the door would have opened
    NOT_RECORDED = "NotRecorded"  # storage is slow or full and the configuration says refuse
    NOT_ALONE = "NotAlone"  # somebody else stands in the capture zone and the configuration says refuse
    DOOR_UNAVAILABLE = "DoorUnavailable"  # blocked, locked down, or the relay does not answer
    CREDENTIAL_NOT_ACTIVE = "CredentialNotActive"  # ONVIF: not valid yet
    CREDENTIAL_EXPIRED = "CredentialExpired"  # ONVIF
    CREDENTIAL_NOT_ENABLED = "CredentialNotEnabled"  # ONVIF: blocked after too many refused attempts, or revoked
    INVALID_PIN = "InvalidPIN"  # ONVIF
    NOT_PERMITTED_AT_THIS_TIME = "NotPermittedAtThisTime"  # ONVIF
    UNAUTHORIZED = "Unauthorized"  # ONVIF: no level of this person opens this door
    ANTI_PASSBACK = "AntiPassbackViolation"
    INTERLOCKED = "Interlocked"  # another door of the sluice is open or released
    SECOND_FACTOR_MISSING = "SecondFactorMissing"
    SECOND_PERSON_MISSING = "SecondPersonMissing"
    CLOCK_UNTRUSTED = "ClockUntrusted"
    PASS_INVALID = "PassInvalid"  # damaged, forged, of another site, gate or purpose
    PASS_USED = "PassUsed"  # as often as it may be


class Quality(Struct, frozen=True):
    """How good a face is, in the terms of ISO/IEC 29794-5; lengths in pixels of the full frame."""

    eye_distance_px: float
    sharpness: float
    yaw: float
    pitch: float
    brightness: float
    eyes: float = 1.0
    """How much of the contrast of the face there is about the eye that has less: dark glasses, hair, a hand."""
    mouth: float = 1.0
    """The same about the mouth: a mask, a scarf, a hand."""


class View(Struct, frozen=True):
    """What a picture says of its camera, in numbers of a small grey copy, and in none that would tell who is in it.

    `brightness` is mean luma and `contrast` its standard deviation, 0 to 1; `glare` the share of pixels at the
    upper end; `sharpness` is as in `Quality`, over the whole picture; `change` the mean difference to the view before,
    None for the first one; `likeness` the correlation with the confirmed view, -1 to 1, None where none is known.
    """

    width: int
    height: int
    brightness: float
    contrast: float
    glare: float
    sharpness: float
    change: float | None = None
    likeness: float | None = None


class Candidate(Struct, frozen=True):
    """The best match of one face against the whitelist: never an embedding, and what it takes to explain it."""

    person: str
    score: float
    margin: float
    threshold: float
    revision: int


class RelayOutcome(StrEnum):
    STARTED = "started"
    ENDED = "ended"
    BUSY = "busy"  # another pulse is active, which this one does not renew
    REFUSED = "refused"  # it was not taken, so the relay has not moved for it
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    AVAILABLE = "available"


class Factor(StrEnum):
    """What somebody shows of themselves."""

    FACE = "face"
    PASS = "pass"
    CARD = "card"
    PIN = "pin"
    HEAD_TURN = "head_turn"  # proves no more than that a face is alive


class Permit(Struct, frozen=True):
    """What a person's record says of where and when they may pass, and what else they may have to show.

    Times are UTC seconds, None without a limit. `pin` and `duress` are hashes of what is typed, never digits: on the
    list as `edge.pins.stretched` makes them, and to the rules under a key that each start of the gate makes anew.
    """

    person: str
    levels: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    pin: str = ""
    duress: str = ""
    extended: bool = False
    """Whether this person needs the door to stay open longer."""
    with_pass: bool = False
    """Whether the face only counts together with the pass of the same id, as a visitor's does."""
    card: str = ""
    """The number of the person's card; no rule knows it."""


class Pass(Struct, frozen=True):
    """The claims of a pass whose signature, gate and revocation list were checked; the core judges its times and uses.

    `uses` is how often it may be used in all (None: no limit), `used` how often it was anywhere, as this gate knows.
    """

    id: str
    person: str
    issuer: str
    valid_from: float
    valid_until: float
    uses: int | None = None
    used: int = 0
    face: bool = False
    """Whether it only counts together with the face of `person`."""
    pin: str = ""
    """The keyed hash of a PIN of its own, if it needs one."""
    with_pin: bool = False
    """Whether it only counts with the PIN of its person's record, as a staff pass that does not rotate."""
    shared: bool = False
    """Whether other gates take it too, and count its uses."""


class CommandKind(StrEnum):
    """What the monitoring room may ask of a door; ONVIF's operations."""

    OPEN = "open"  # AccessDoor: once
    UNLOCK = "unlock"  # for `seconds`, or until it is locked
    LOCK = "lock"  # ends `unlock`
    BLOCK = "block"
    UNBLOCK = "unblock"
    LOCK_DOWN = "lock_down"
    RELEASE = "release"  # LockDownRelease and LockOpenRelease
    LOCK_OPEN = "lock_open"
    ACKNOWLEDGE = "acknowledge"  # the alarms that wait for somebody to have seen them
    FORGIVE = "forgive"  # resets anti-passback and refused attempts of `person`, or of everybody


class Evidence(Struct, frozen=True):
    """What a decision rests on: enough to explain it and to take it again."""

    camera: str
    track: int
    rule: str
    pack: str
    votes: int
    frame_age_ms: float
    quality: Quality
    liveness: Liveness
    score: float | None
    margin: float | None
    threshold: float
    revision: int
    models: str = ""
    """The digest of the pack's networks at that time; the event `GateStarted` lists them."""
