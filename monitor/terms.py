"""The words of the alarm lifecycle: OPC UA Part 9 and ISA-18.2 where they have one."""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from edge.i18n import N_
from edge.terms import Moment

LEVELS = 4
"""How many levels above the guard post an overdue alarm is told to, one after the other."""
OF_LEAF = ("DoorForcedOpen", "DoorOpenTooLong")
"""Kinds of alarms that last until the door is seen shut, whoever has been away meanwhile."""
ROOM = "room."
"""Begins the kind of an alarm that the room itself raises."""
FLOOD, OFFLINE, UNDELIVERED = f"{ROOM}AlarmFlood", f"{ROOM}GateOffline", f"{ROOM}DeliveryFailed"
REPORTED, INSPECTED = f"{ROOM}Reported", f"{ROOM}Inspected"
OF_PEOPLE = (REPORTED, INSPECTED)
OVERDUE, MISSED = f"{ROOM}Overdue", f"{ROOM}CheckpointMissed"
AWAITED, UNREADABLE, UNCHAINED = f"{ROOM}EventsAwaited", f"{ROOM}Unreadable", f"{ROOM}StepsBroken"
DAY_S = 86_400.0


class Key(NamedTuple):
    """What an alarm is about; there is at most one open alarm of a key. `kind` is an event's name.

    `source` says what of the subject, where several things of one may be amiss at a time and each is over for itself.
    """

    site: str
    gate: str
    subject: str
    kind: str
    source: str = ""


def is_at(key: Key, gate: str) -> bool:
    """Whether it is about a gate, named as `SITE/GATE` or by a name that is meant at every site."""
    return gate in (key.gate, f"{key.site}/{key.gate}")


class Priority(StrEnum):
    """ISA-18.2 has four at most."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


def priority_of(severity: int) -> Priority:
    """From an OPC UA severity, 1 to 1000."""
    if severity > 800:
        return Priority.URGENT
    if severity > 600:
        return Priority.HIGH
    return Priority.MEDIUM if severity > 400 else Priority.LOW


class State(StrEnum):
    """Where an alarm is in its life. Shelved and suppressed stand beside these, as in OPC UA."""

    ACTIVE = "active"  # and nobody has acknowledged it
    ACKNOWLEDGED = "acknowledged"  # and still active
    CLEARED = "cleared"  # returned to normal, unacknowledged
    AWAITING_CHECK = "awaiting_check"  # returned to normal and acknowledged
    CHECKED = "checked"  # may be closed
    CLOSED = "closed"


class Action(StrEnum):
    """What a person does with an alarm."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    MEND = "mend"
    LOOK = "look"
    CLOSE = "close"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    NOTE = "note"


class Stage(StrEnum):
    """What has happened to an alarm."""

    RAISED = "raised"
    REALARMED = "re-alarmed"
    REOPENED = "reopened"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    MENDED = "mended"
    CHECKED = "checked"
    CLOSED = "closed"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    ESCALATED = "escalated"
    NOTED = "noted"
    PICTURED = "pictured"


class Check(StrEnum):
    """What must have been seen, after the fault is over, before an alarm may be closed."""

    LOOK = "second_look"
    FRAMES = "frames_flowing"
    CAMERA_CLOCK = "camera_clock_right"
    CONTACT = "contact_cycled"
    RELAY = "relay_feedback"
    ROUND_TRIP = "broker_round_trip"
    WHITELIST = "whitelist_in_use"
    STORAGE = "storage_in_order"
    ONLINE = "gate_online"
    CALM = "calm"
    DRILL = "drill_passed"
    DONE = "inspection_done"
    DELIVERY = "delivery"

    @property
    def awaited(self) -> str:
        """What is still to come, in words (a message id)."""
        return TO_COME[self]


TO_COME = {
    Check.LOOK: N_("another person than the one who mended it has a second look"),
    Check.FRAMES: N_("the camera must deliver frames for a while without a break"),
    Check.CAMERA_CLOCK: N_("the camera's clock must be right for a while"),
    Check.CONTACT: N_("the door must be opened and closed once, seen by its contact"),
    Check.RELAY: N_("the relay must carry out one pulse"),
    Check.ROUND_TRIP: N_("an event must reach the room and its acknowledgement the gate"),
    Check.WHITELIST: N_("the gate must run a whitelist for a while"),
    Check.STORAGE: N_("the gate must record events in time for a while"),
    Check.ONLINE: N_("the gate must stay online for a while"),
    Check.CALM: N_("the gate must report fewer alarms"),
    Check.DRILL: N_("the gate must pass a drill"),
    Check.DONE: N_("somebody must say that the inspection is done"),
    Check.DELIVERY: N_("a notice must have arrived by this way, if only a test"),
}


class Way(NamedTuple):
    """How a machine's check passes: at once when it is good, after it `hold`s for a while, or after a whole `cycle`."""

    hold: bool = False
    cycle: bool = False


MACHINE = {
    Check.FRAMES: Way(hold=True),
    Check.CAMERA_CLOCK: Way(hold=True),
    Check.CONTACT: Way(cycle=True),
    Check.RELAY: Way(),
    Check.ROUND_TRIP: Way(),
    Check.WHITELIST: Way(hold=True),
    Check.STORAGE: Way(hold=True),
    Check.ONLINE: Way(hold=True),
    Check.DRILL: Way(hold=True),
    Check.DONE: Way(),
    Check.DELIVERY: Way(),
}


class Step(NamedTuple):
    """Something that happened to an alarm. `who` is empty when it was the machine."""

    number: int
    stage: Stage
    at: float
    who: str = ""
    text: str = ""


class Raised(NamedTuple):
    """A gate, the room itself, or a person (`by`) reports that something is wrong.

    One that is `latched` is a single report: it counts as active until somebody says that it is mended.
    """

    key: Key
    severity: int
    check: Check
    detail: str = ""
    latched: bool = False
    by: str = ""


class Cleared(NamedTuple):
    """The report is over: what was wrong is so no longer."""

    key: Key


class Restarted(NamedTuple):
    """A gate begins anew. It says once more what is still wrong, and never that what it said before is over.

    Of a leaf that stands open it says only that.
    """

    site: str
    gate: str


class Pictured(NamedTuple):
    """An event has a picture of what this alarm is about."""

    key: Key
    moment: str
    event: str


class Probed(NamedTuple):
    """What a machine's check saw: `good` or not, about the alarms of this place that wait for this check."""

    site: str
    gate: str
    subject: str
    check: Check
    good: bool


Fact = Raised | Cleared | Restarted | Pictured | Probed


class Alarm(Struct):
    """One alarm with its state. Times are UTC seconds, and None for what has not happened; names are of operators."""

    number: int
    key: Key
    severity: int
    check: Check
    detail: str
    latched: bool
    opened: float
    raised: float
    active: bool = True
    cleared: float | None = None
    occurrences: int = 1
    reopened: int = 0
    acknowledged: float | None = None
    acknowledged_by: str = ""
    assigned_to: str = ""
    mended: float | None = None
    mended_by: str = ""
    mended_before: list[str] = []
    """Who else said so since it was raised: none of them is the one to have the second look."""
    checked: float | None = None
    checked_by: str = ""
    shelved_until: float | None = None
    shelved_by: str = ""
    shelved_because: str = ""
    suppressed: bool = False
    escalation: int = 0
    closed: float | None = None
    closed_by: str = ""
    pictures: dict[str, str] = {}
    """Of a camera's fault: `edge.terms.Moment` -> the event that carries the picture."""
    good_since: float | None = None
    cycled: bool = False

    @property
    def priority(self) -> Priority:
        return priority_of(self.severity)

    @property
    def state(self) -> State:
        if self.closed is not None:
            return State.CLOSED
        if self.active:
            return State.ACKNOWLEDGED if self.acknowledged else State.ACTIVE
        if not self.acknowledged:
            return State.CLEARED
        return State.CHECKED if self.checked else State.AWAITING_CHECK

    def begin(self, now: float) -> None:
        """The fault is there, again: whatever was done about it before counts no longer."""
        self.active, self.raised, self.escalation, self.cycled = True, now, 0, False
        self.pictures.pop(Moment.MENDED, None)
        self.cleared = self.acknowledged = self.mended = self.checked = self.closed = self.good_since = None
        self.acknowledged_by = self.mended_by = self.checked_by = self.closed_by = ""
        self.mended_before = []


def nobodys(alarm: Alarm) -> Alarm:
    """The alarm without anybody's name, and without what they wrote."""
    nameless = {name: "" for name in Alarm.__struct_fields__ if name.endswith("_by")}
    return replace(alarm, assigned_to="", shelved_because="", mended_before=[], **nameless)


def erased(alarm: Alarm) -> Alarm:
    """What is kept of it when the time of names is over: not what somebody has reported either, in their words."""
    return replace(nobodys(alarm), detail="" if alarm.key.kind in OF_PEOPLE else alarm.detail)
